# SPDX-License-Identifier: Apache-2.0
"""Replies on file: the same conversation again, without its server."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
import json
from pathlib import Path
import sqlite3
from typing import Any

from hvs_ros.core.errors import InputError
from hvs_ros.planners.base import (
    SAMPLING,
    ChatMessage,
    ChatModel,
    ChatOptions,
    PlannerUnavailable,
    Reply,
    request_sha256,
)

BUSY_TIMEOUT_S = 30.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS model (id INTEGER PRIMARY KEY CHECK (id = 0), identity TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS replies (request_sha256 TEXT PRIMARY KEY, reply TEXT NOT NULL);
"""


@dataclass(frozen=True)
class ModelIdentity:
    """Name the model and the parameters that a recording's replies came from."""

    name: str
    options: ChatOptions

    def to_json(self) -> str:
        """Return the identity as the file holds it."""
        held = {name: value for name, value in asdict(self.options).items()
                if name in SAMPLING or value}
        return json.dumps({'model': self.name, 'parameters': held})

    @classmethod
    def from_json(cls, text: str) -> ModelIdentity:
        """Return the identity that a file holds."""
        found = json.loads(text)
        held = found['parameters']
        return cls(found['model'], ChatOptions(**{**held, 'omit': tuple(held.get('omit', ()))}))


class Recording:
    """
    Keep one model's replies in an sqlite file, by the hash of the request.

    Connections are opened per access, so that threads and processes may share the file. The
    first reply recorded for a request stands.
    """

    def __init__(self, path: Path, *, must_exist: bool) -> None:
        self.path = path
        if must_exist and not path.is_file():
            raise InputError(f'{path}: no such recording')
        if must_exist and self.identity() is None:
            raise InputError(f'{path}: the recording holds no replies')

    def identity(self) -> ModelIdentity | None:
        """Return whose replies these are, or None while there are none."""
        if not self.path.is_file():
            return None
        with self._open() as database:
            row = database.execute('SELECT identity FROM model').fetchone()
        try:
            return ModelIdentity.from_json(row[0]) if row else None
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f'{self.path}: not a recording of this version') from error

    def claim(self, identity: ModelIdentity) -> None:
        """Make the file this model's; raise ``InputError`` when it holds another one's."""
        with self._open() as database:
            database.executescript(_SCHEMA)
            database.execute('INSERT OR IGNORE INTO model VALUES (0, ?)', (identity.to_json(),))
        found = self.identity()
        if found != identity:
            held = found.name if found else 'no model'
            raise InputError(
                f'{self.path}: holds replies of {held} with other parameters or another name than '
                f'{identity.name}; record into a new file')

    def find(self, sha: str) -> Reply | None:
        """Return the reply recorded for a request."""
        with self._open() as database:
            row = database.execute(
                'SELECT reply FROM replies WHERE request_sha256 = ?', (sha,)).fetchone()
        return _reply_from(json.loads(row[0])) if row else None

    def add(self, sha: str, reply: Reply) -> None:
        """Record a reply unless the request has one already."""
        with self._open() as database:
            database.execute(
                'INSERT OR IGNORE INTO replies VALUES (?, ?)', (sha, json.dumps(asdict(reply))))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        database = None
        try:
            database = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S)
            with database:
                yield database
        except sqlite3.Error as error:
            raise InputError(f'{self.path}: not a usable recording ({error})') from error
        finally:
            if database is not None:
                database.close()


class RecordedChat:
    """
    Play back recorded replies; with a live model, ask it what is missing and record that.

    Without one, a request that was never recorded raises ``PlannerUnavailable``.
    """

    def __init__(self, recording: Recording, live: ChatModel | None = None) -> None:
        self._recording = recording
        self._live = live
        identity = recording.identity() if live is None else ModelIdentity(live.name, live.options)
        if identity is None:
            raise InputError(f'{recording.path}: the recording holds no replies')
        if live is not None:
            recording.claim(identity)
        self.name, self.options = identity.name, identity.options
        self._closed = False

    def complete(self, messages: Sequence[ChatMessage]) -> Reply:
        """Return the recorded reply to exactly these messages."""
        if self._closed:
            raise PlannerUnavailable('the search was closed')
        sha = request_sha256(self.name, messages, self.options.parameters())
        reply = self._recording.find(sha)
        if reply is not None:
            return reply
        if self._live is None:
            raise PlannerUnavailable(
                f'{self._recording.path}: no reply recorded for request {sha[:12]}')
        reply = self._live.complete(messages)
        self._recording.add(sha, reply)
        return reply

    @property
    def trouble(self) -> str:
        """Return what the live model's server does not do at present, and why."""
        return str(getattr(self._live, 'trouble', ''))

    def close(self) -> None:
        """Abort the live model's call, if there is one."""
        self._closed = True
        if self._live is not None:
            self._live.close()


class RecordedConnector:
    """Connect searches to a recording and, for what it lacks, to a live model."""

    def __init__(self, recording: Recording, live: Callable[[], ChatModel] | None = None) -> None:
        self._recording, self._live = recording, live
        self.notice = str(getattr(live, 'notice', ''))

    def __call__(self) -> RecordedChat:
        """Return the chat model of one search."""
        return RecordedChat(self._recording, self._live() if self._live else None)

    def describe(self) -> dict[str, str]:
        """Return how the live model's servers are."""
        tell = getattr(self._live, 'describe', None)
        return tell() if tell is not None else {}


def _reply_from(found: dict[str, Any]) -> Reply:
    known = {entry.name for entry in fields(Reply)}
    return Reply(**{key: value for key, value in found.items() if key in known})
