# SPDX-License-Identifier: Apache-2.0
"""The servers a model may be asked at: their names, how each of them is, and which is next."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
import re
import threading
import time
from urllib.parse import urlsplit

from hvs_ros.core.errors import InputError

COOL_DOWN_S = (1.0, 30.0)
"""How long a server that failed is passed over for others: at first, and at most."""


@dataclass(frozen=True)
class Server:
    """Name a model and the base URL it is served at."""

    model: str
    url: str

    def __str__(self) -> str:
        return f'{self.model} at {self.url}'

    @property
    def host(self) -> str:
        """Return the host's name or address."""
        return urlsplit(self.url).hostname or ''

    @property
    def root(self) -> str:
        """Return the URL that /health and /version are below."""
        return self.url.removesuffix('/v1')

    @classmethod
    def of_spec(cls, text: str) -> Server:
        """Return the server that ``MODEL@URL`` names."""
        match = re.fullmatch(r'(.+?)@(https?://.+)', text.strip())
        if match is None:
            raise InputError(f"planner 'openai' needs MODEL@URL with http or https, not {text!r}")
        model, url = match.groups()
        if '@' in url or '?' in url:
            raise InputError(
                f'planner openai:{model}: keep credentials and questions out of the URL; put the '
                'key into OPENAI_API_KEY')
        try:
            parts = urlsplit(url)
            usable = bool(parts.hostname) and parts.port != 0 and not re.search(r'[\s,]', url)
        except ValueError:
            usable = False
        if not usable:
            raise InputError(f'planner openai:{model}: {url!r} is not a usable URL')
        return cls(model, url.rstrip('/'))


@dataclass
class ServerState:
    """
    Hold what is known of one server.

    ``structured`` is the field that makes it keep to a form, '' where none does, None while that
    is not known; ``refused_fields`` are optional fields that it does not take. ``version`` is
    what it says of itself. Times are those of ``time.monotonic``.
    """

    server: Server
    failures: int = 0
    why: str = ''
    failed_at: float = 0.0
    not_before: float = 0.0
    in_flight: int = 0
    answered: int = 0
    local: bool | None = None
    structured: str | None = None
    version: str | None = None
    refused_fields: set[str] = field(default_factory=set)
    looked_at: bool = False

    @property
    def well(self) -> bool:
        """Return whether nothing speaks against asking it."""
        return not self.failures and time.monotonic() >= self.not_before

    @property
    def cooled(self) -> bool:
        """Return whether it failed so long ago that it may be looked at again."""
        if not self.failures:
            return False
        least, most = COOL_DOWN_S
        pause = min(most, least * 2.0 ** min(10, max(0, self.failures - 1)))
        now = time.monotonic()
        return now >= self.failed_at + pause and now >= self.not_before


class ServerPool:
    """
    Keep the servers of one planner, for all of its searches and threads.

    A search stays with the server it has, whose cache knows the dialogue, while that one is well.
    Else the well server with the fewest requests in flight is next, the first one named at a tie;
    with none well, the one that failed longest ago.
    """

    def __init__(self, servers: Sequence[Server]) -> None:
        self.states = [ServerState(server) for server in servers]
        self._guard = threading.Lock()

    @classmethod
    def of_spec(cls, text: str) -> ServerPool:
        """Return the pool that ``MODEL@URL,URL,...`` names; raise ``InputError``."""
        first, *more = text.strip().split(',')
        server = Server.of_spec(first)
        servers = [server, *(Server.of_spec(f'{server.model}@{url}') for url in more)]
        if len(set(servers)) < len(servers):
            raise InputError(f'planner openai:{server.model}: a URL is listed twice')
        return cls(servers)

    @property
    def model(self) -> str:
        """Return the model's name."""
        return self.states[0].server.model

    def pick(
            self, current: ServerState | None = None,
            passed_over: Sequence[ServerState] = ()) -> ServerState:
        """Return the server to ask; those passed over only when there is no other."""
        with self._guard:
            left = [state for state in self.states if state not in passed_over] or self.states
            well = [state for state in left if state.well]
            if current in well:
                assert current is not None
                return current
            if well:
                return min(well, key=lambda state: state.in_flight)
            return min(left, key=lambda state: (state.not_before, state.failed_at))

    def other_well(self, state: ServerState) -> bool:
        """Return whether another server than this one may be asked at once."""
        return any(other.well for other in self.states if other is not state)

    @contextmanager
    def looking_beside(self, asked: ServerState) -> Iterator[list[ServerState]]:
        """Give the others that failed and may be well again, each to one caller at a time."""
        with self._guard:
            found = [state for state in self.states
                     if state is not asked and state.cooled and not state.looked_at]
            for state in found:
                state.looked_at = True
        try:
            yield found
        finally:
            for state in found:
                state.looked_at = False

    @contextmanager
    def asking(self, state: ServerState) -> Iterator[None]:
        """Count a request in flight."""
        with self._guard:
            state.in_flight += 1
        try:
            yield
        finally:
            with self._guard:
                state.in_flight -= 1

    def note_well(self, state: ServerState) -> None:
        """Remember that it answered."""
        with self._guard:
            state.failures, state.why, state.not_before = 0, '', 0.0
            state.answered += 1

    def note_up(self, state: ServerState) -> None:
        """Remember that it may be asked again."""
        with self._guard:
            state.failures, state.why = 0, ''

    def note_failure(self, state: ServerState, why: str, retry_after: float = 0.0) -> None:
        """Remember why it did not, and for how many seconds it wants to be left alone."""
        with self._guard:
            now = time.monotonic()
            state.failures, state.why, state.failed_at = state.failures + 1, why, now
            state.not_before = now + retry_after
            # what comes back may be another version
            state.structured, state.version = state.structured or None, state.version or None

    def describe(self) -> dict[str, str]:
        """Return how each server is, for diagnostics."""
        return {
            f'model server {state.server.url}': (
                f'{state.why} ({state.failures} times in a row)' if state.failures
                else f'well, {state.answered} answers' if state.answered else 'not asked yet')
            for state in self.states}
