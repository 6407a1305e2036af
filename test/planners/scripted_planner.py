# SPDX-License-Identifier: Apache-2.0
"""A planner that says what a test tells it to, when the test lets it."""

from __future__ import annotations

from collections.abc import Sequence
import threading

from hvs_ros.core.search import Decision, Observation, Task


def reply(action: str) -> Decision:
    return Decision(f'<think>so</think><answer>{action}</answer>')


class ScriptedPlanner:
    """Give each search the same script: actions, decisions, or exceptions to raise."""

    name = 'scripted'
    answer_format = 'free_think'

    def __init__(self, *script: object, patient: bool = False) -> None:
        self.script: Sequence[object] = script
        self.tasks: list[Task] = []
        self.seen: list[Observation] = []
        self.closed = 0
        self.release = threading.Event()
        if not patient:
            self.release.set()

    def begin(self, task: Task) -> ScriptedSearch:
        self.tasks.append(task)
        return ScriptedSearch(self)


class ScriptedSearch:
    """Play the script; a call in flight outlives ``close``, as a hanging model's does."""

    def __init__(self, planner: ScriptedPlanner) -> None:
        self._planner = planner

    def act(self, observation: Observation) -> object:
        self._planner.seen.append(observation)
        self._planner.release.wait(20)
        line = self._planner.script[min(observation.index, len(self._planner.script) - 1)]
        if isinstance(line, BaseException):
            raise line
        return reply(line) if isinstance(line, str) else line

    def close(self) -> None:
        self._planner.closed += 1
