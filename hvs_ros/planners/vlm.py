# SPDX-License-Identifier: Apache-2.0
"""The planner made of a vision-language model: prompt pack + chat model + answer format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import time
from typing import Any

from hvs_ros.core.actions import Invalid, parse
from hvs_ros.core.prompts import PromptPack
from hvs_ros.core.search import Decision, Feedback, Observation, Task, Turn
from hvs_ros.core.view import View
from hvs_ros.planners.asking import Asking
from hvs_ros.planners.base import ChatMessage, ChatModel, Reply
from hvs_ros.planners.pictures import Picture, picture_of


class VlmSearch:
    """
    Ask a chat model once per view, with earlier observations as context.

    It keeps no history of its own: the dialogue is told again from the observation each time,
    each picture made once and kept, so that what was said before is repeated byte for byte.
    """

    def __init__(self, task: Task, prompts: PromptPack, chat: ChatModel, asking: Asking) -> None:
        self._task = task
        self._prompts = prompts
        self._chat = chat
        self._asking = asking
        self._pictures: dict[int, Picture] = {}

    @property
    def trouble(self) -> str:
        """Return which server does not answer at present and why, empty while all is well."""
        return str(getattr(self._chat, 'trouble', ''))

    def messages(self, observation: Observation) -> list[ChatMessage]:
        """Return the dialogue: system prompt, earlier turns with raw answers, this view."""
        dialogue = [ChatMessage('system', [self._prompts.system_text(self._task)])]
        first = self._asking.first_shown(observation.index + 1)
        for index in [index for index in self._pictures if index < first]:
            del self._pictures[index]
        for turn in observation.history[first:]:
            left = observation.turns_left + observation.index - turn.index
            dialogue.append(ChatMessage('user', self._prompts.turn_parts(
                self._task, turn.told, turn.feedback, self._picture(turn).content, left)))
            dialogue.append(ChatMessage('assistant', [turn.decision.reply]))
        dialogue.append(ChatMessage('user', self._prompts.turn_parts(
            self._task, observation.told, observation.feedback,
            self._picture(observation).content, observation.turns_left)))
        return dialogue

    def act(self, observation: Observation) -> Decision:
        """Return the model's answer verbatim; raise ``PlannerUnavailable`` when there is none."""
        asked = time.monotonic()
        dialogue = self.messages(observation)
        reply = self._chat.complete(dialogue)
        again = self._told_again(observation, reply) if self._asking.reask else None
        if again is not None:
            reply = self._chat.complete([*dialogue, *again])
        used = [word for word in (reply.shortcut, 'reask' if again else '') if word]
        picture = self._picture(observation)
        return Decision(
            reply.text, finish_reason=reply.finish_reason, model=reply.model,
            prompt_tokens=reply.prompt_tokens, completion_tokens=reply.completion_tokens,
            latency_s=time.monotonic() - asked, request_sha256=reply.request_sha256,
            first_token_s=reply.first_token_s, cached_tokens=reply.cached_tokens,
            server=reply.server, attempts=reply.attempts, shortcut=', '.join(used),
            image_sent=picture.words, image_bytes=len(picture.content))

    def close(self) -> None:
        """Abort a call in flight and drop the connection."""
        self._chat.close()

    def _picture(self, seen: Observation | Turn) -> Picture:
        if seen.index not in self._pictures:
            view: View = seen.view
            self._pictures[seen.index] = picture_of(view, self._asking)
        return self._pictures[seen.index]

    def _told_again(self, observation: Observation, reply: Reply) -> list[ChatMessage] | None:
        """Return what is said after a reply that is no action, None after one that is."""
        answer_format = self._prompts.answer_format
        action = parse(reply.text, 'strict', answer_format).action
        if not isinstance(action, Invalid):
            return None
        feedback = Feedback(False, observation.told, action.reason)
        words = [part for part in self._prompts.turn_parts(
            self._task, observation.told, feedback, b'', observation.turns_left)
            if isinstance(part, str)]
        return [ChatMessage('assistant', [reply.text]), ChatMessage('user', words)]


class VlmPlanner:
    """
    Let a vision-language model search.

    ``connect`` makes one search's chat model, so that closing a search aborts its own call only.
    ``asking`` says what the model is shown and what may be done to its reply; ``sampling`` names
    the parameters of its requests and ``engine`` how a model in this process is loaded, both for
    records. ``notice`` is a sentence that whoever starts it
    must read, empty when there is none.
    """

    def __init__(
            self, connect: Callable[[], ChatModel], prompts: PromptPack, *, name: str,
            asking: Asking | None = None, sampling: Mapping[str, Any] | None = None) -> None:
        self.asking = asking or Asking()
        self.sampling = dict(sampling or {})
        used = ', '.join(self.asking.shortcuts)
        self.name = f'{name} with {used}' if used else name
        self.answer_format = prompts.answer_format
        self.prompts = prompts
        self._connect = connect
        self.notice = str(getattr(connect, 'notice', ''))
        self.engine: dict[str, Any] = dict(getattr(connect, 'engine', {}))

    def describe(self) -> dict[str, str]:
        """Return what diagnostics say of the model's servers."""
        tell = getattr(self._connect, 'describe', None)
        return tell() if tell is not None else {}

    def check_up(self) -> list[tuple[str, str, str]]:
        """Return (level, name, text) of what a look at the model's servers finds."""
        look = getattr(self._connect, 'check_up', None)
        return look() if look is not None else []

    def begin(self, task: Task) -> VlmSearch:
        """Connect a fresh search for the task."""
        return VlmSearch(task, self.prompts, self._connect(), self.asking)
