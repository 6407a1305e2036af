# SPDX-License-Identifier: Apache-2.0
"""The protocols that a planner and a chat model keep, and the words of an answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
import hashlib
import json
from typing import Any, Protocol, runtime_checkable

from hvs_ros.core.errors import HvsError
from hvs_ros.core.search import Decision, Observation, Task

__all__ = [
    'ChatMessage', 'ChatModel', 'ChatOptions', 'ContextOverflow', 'Decision', 'Observation',
    'Planner', 'PlannerUnavailable', 'Reply', 'Search', 'Task', 'answer', 'request_sha256']


class PlannerUnavailable(HvsError):  # noqa: N818 - the name every driver catches
    """
    Say that a model never answered; never to be counted as the model's answer.

    ``reason`` is one word for records: why there was no answer.
    """

    reason = 'unavailable'


class ContextOverflow(PlannerUnavailable):
    """Say that the request was longer than the model's context: our fault, not its answer."""

    reason = 'context_overflow'


def answer(thought: str, action: str) -> str:
    """Return a reply in the think + answer format, which every profile's parser accepts."""
    return f'<think>{thought}</think><answer>{action}</answer>'


@runtime_checkable
class Search(Protocol):
    """Answer the observations of one search."""

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

    ``parts`` are strings and JPEG bytes in the order the model reads them.
    """

    role: str
    parts: Sequence[str | bytes]


@dataclass(frozen=True)
class Reply:
    """Hold what a chat model answered, verbatim, and what the server said about it."""

    text: str
    finish_reason: str = 'stop'
    model: str = ''
    prompt_tokens: int = 0
    completion_tokens: int = 0
    request_sha256: str = ''
    extra: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ChatOptions:
    """Hold the sampling parameters of a request; the defaults are the published ones."""

    max_tokens: int = 1024
    temperature: float = 0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    seed: int | None = None

    def parameters(self) -> dict[str, Any]:
        """Return the fields as they stand in the request."""
        return asdict(self)


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
