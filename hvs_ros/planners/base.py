# SPDX-License-Identifier: Apache-2.0
"""The protocols a planner and a chat model keep, and the registry of planner specs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from hvs_ros.core.errors import HvsError
from hvs_ros.core.search import Decision, Observation, Task

__all__ = [
    'ChatMessage', 'ChatModel', 'Decision', 'Observation', 'Planner', 'PlannerUnavailable',
    'Reply', 'Search', 'Task']


class PlannerUnavailable(HvsError):
    """Say that a model never answered; never to be counted as the model's answer."""


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


class ChatModel(Protocol):
    """Complete a dialogue."""

    name: str

    def complete(self, messages: Sequence[ChatMessage]) -> Reply:
        """Return the model's reply; raise ``PlannerUnavailable`` when it never answered."""

    def close(self) -> None:
        """Abort every call in flight, from any thread."""
