# SPDX-License-Identifier: Apache-2.0
"""The planner made of a vision-language model: prompt pack + chat model + answer format."""

from __future__ import annotations

from collections.abc import Callable
import time

from hvs_ros.core.prompts import PromptPack
from hvs_ros.core.search import Decision, Observation, Task
from hvs_ros.planners.base import ChatMessage, ChatModel


class VlmSearch:
    """
    Ask a chat model once per view, with the latest observations as context.

    It keeps no history of its own: the dialogue is told again from the observation each time.
    """

    def __init__(
            self, task: Task, prompts: PromptPack, chat: ChatModel, history_turns: int) -> None:
        self._task = task
        self._prompts = prompts
        self._chat = chat
        self._history_turns = history_turns

    def messages(self, observation: Observation) -> list[ChatMessage]:
        """Return the dialogue: system prompt, the latest turns with raw answers, this view."""
        dialogue = [ChatMessage('system', [self._prompts.system_text(self._task)])]
        kept = self._history_turns - 1
        for turn in observation.history[-kept:] if kept else ():
            left = observation.turns_left + observation.index - turn.index
            dialogue.append(ChatMessage('user', self._prompts.turn_parts(
                self._task, turn.told, turn.feedback, turn.view.jpeg, left)))
            dialogue.append(ChatMessage('assistant', [turn.decision.reply]))
        dialogue.append(ChatMessage('user', self._prompts.turn_parts(
            self._task, observation.told, observation.feedback, observation.view.jpeg,
            observation.turns_left)))
        return dialogue

    def act(self, observation: Observation) -> Decision:
        """Return the model's answer verbatim; raise ``PlannerUnavailable`` when there is none."""
        asked = time.monotonic()
        reply = self._chat.complete(self.messages(observation))
        return Decision(
            reply.text, finish_reason=reply.finish_reason, model=reply.model,
            prompt_tokens=reply.prompt_tokens, completion_tokens=reply.completion_tokens,
            latency_s=time.monotonic() - asked, request_sha256=reply.request_sha256)

    def close(self) -> None:
        """Abort a call in flight and drop the connection."""
        self._chat.close()


class VlmPlanner:
    """
    Let a vision-language model search.

    ``connect`` makes one search's chat model, so that closing a search aborts its own call only.
    ``history_turns`` counts the observations shown, the present one included: 5 means the last 9
    messages of the dialogue (5 observations, 4 raw answers).
    """

    def __init__(
            self, connect: Callable[[], ChatModel], prompts: PromptPack, *, name: str,
            history_turns: int = 5) -> None:
        self.name = name
        self.answer_format = prompts.answer_format
        self.prompts = prompts
        self._connect = connect
        self._history_turns = history_turns

    def begin(self, task: Task) -> VlmSearch:
        """Connect a fresh search for the task."""
        return VlmSearch(task, self.prompts, self._connect(), self._history_turns)
