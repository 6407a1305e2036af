# SPDX-License-Identifier: Apache-2.0
"""The protocols that a planner and a chat model keep, and the words of an answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
import hashlib
import json
from typing import Any, Protocol, runtime_checkable

from hvs_ros.core.errors import HvsError
from hvs_ros.core.search import Decision, Observation, Task

__all__ = [
    'SAMPLING', 'ChatMessage', 'ChatModel', 'ChatOptions', 'ContextOverflow', 'Decision',
    'Observation', 'Planner', 'PlannerClosed', 'PlannerUnavailable', 'Reply', 'Search', 'Task',
    'answer', 'request_sha256']


class PlannerUnavailable(HvsError):  # noqa: N818 - the name every driver catches
    """
    Say that a model never answered; never to be counted as the model's answer.

    ``reason`` is one word for records: why there was no answer.
    """

    reason = 'unavailable'


class PlannerClosed(PlannerUnavailable):
    """Say that the search was closed while its model was being asked."""

    reason = 'closed'


class ContextOverflow(PlannerUnavailable):
    """Say that the request was longer than the model's context: our fault, not its answer."""

    reason = 'context_overflow'


def answer(thought: str, action: str) -> str:
    """Return a reply in the think + answer format, which every profile's parser accepts."""
    return f'<think>{thought}</think><answer>{action}</answer>'


@runtime_checkable
class Search(Protocol):
    """
    Answer the observations of one search.

    One that asks a server may also have an attribute ``trouble``, readable from any thread: which
    server does not answer at present and why, empty while all is well.
    """

    def act(self, observation: Observation) -> Decision:
        """Return the answer to one view; raise ``PlannerUnavailable`` when there is none."""

    def close(self) -> None:
        """Abort a call in flight, from any thread, and free what the search holds."""


@runtime_checkable
class Planner(Protocol):
    """Begin searches; one planner may serve many, several at once."""

    name: str
    answer_format: str

    def begin(self, task: Task) -> Search:
        """Return a fresh search for the task."""


@dataclass(frozen=True)
class ChatMessage:
    """
    Hold one message of a dialogue.

    ``parts`` are strings and the bytes of images (JPEG or PNG) in the order the model reads them.
    """

    role: str
    parts: Sequence[str | bytes]


@dataclass(frozen=True)
class Reply:
    """
    Hold what a chat model answered, verbatim, and what the server said about it.

    ``server`` is the URL that answered, ``first_token_s`` the seconds from asking to its first
    words (None where that cannot be seen), ``cached_tokens`` how many of the prompt's were in its
    cache, ``attempts`` how often the request was sent. ``shortcut`` names what changed the reply:
    '' for a reply read to its end, else the options in use, such as 'structured output'.
    """

    text: str
    finish_reason: str = 'stop'
    model: str = ''
    prompt_tokens: int = 0
    completion_tokens: int = 0
    request_sha256: str = ''
    extra: dict[str, Any] = field(default_factory=dict)
    server: str = ''
    first_token_s: float | None = None
    cached_tokens: int = 0
    attempts: int = 1
    shortcut: str = ''


@dataclass(frozen=True)
class ChatOptions:
    """
    Hold the sampling parameters of a request; the defaults are the published ones.

    ``omit`` names fields that a model refuses and that are left out; ``extra`` holds fields sent
    beside them as they stand.
    """

    max_tokens: int = 1024
    temperature: float = 0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    seed: int | None = None
    omit: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)

    def parameters(self) -> dict[str, Any]:
        """Return the fields as they stand in the request."""
        published = {name: getattr(self, name) for name in SAMPLING if name not in self.omit}
        return {**published, **self.extra}


SAMPLING = ('max_tokens', 'temperature', 'presence_penalty', 'frequency_penalty', 'seed')


def request_sha256(
        model: str, messages: Sequence[ChatMessage], parameters: dict[str, Any]) -> str:
    """
    Return the hash that names a request in records and recordings.

    It covers the model, the parameters and the messages in canonical JSON; an image stands in it
    as the hash of its bytes.
    """
    dialogue = [
        {'role': message.role, 'parts': [_part_identity(part) for part in message.parts]}
        for message in messages]
    canonical = json.dumps(
        {'model': model, 'parameters': parameters, 'messages': dialogue},
        sort_keys=True, separators=(',', ':'), ensure_ascii=True)
    return hashlib.sha256(canonical.encode('ascii')).hexdigest()


def _part_identity(part: str | bytes) -> dict[str, str]:
    if isinstance(part, str):
        return {'text': part}
    return {'image_sha256': hashlib.sha256(part).hexdigest()}


class ChatModel(Protocol):
    """Complete the dialogues of one search; made per search, used by one thread at a time."""

    name: str
    options: ChatOptions

    def complete(self, messages: Sequence[ChatMessage]) -> Reply:
        """Return the model's reply; raise ``PlannerUnavailable`` when it never answered."""

    def close(self) -> None:
        """Abort every call in flight, from any thread."""
