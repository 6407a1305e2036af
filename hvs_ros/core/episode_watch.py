# SPDX-License-Identifier: Apache-2.0
"""One episode watched from outside: its turns and its result put together, whatever order."""

from __future__ import annotations

from dataclasses import dataclass, field

from hvs_ros.core.messages import ResultLine, TurnLine
from hvs_ros.core.search import SHUT_DOWN, Task


@dataclass
class EpisodeWatch:
    """
    Collect the turns and the result of one search from what topics bring.

    Messages of other searches are ignored, those of another order for the same id too (a result
    of an earlier run may still be latched somewhere); doubled ones are harmless. A turn that
    comes again with other words means that a new planner began anew. A result counts when every
    turn it speaks of is there, and never when it only says that the planner left: a planner that
    comes back takes the instruction up again.
    """

    id: str
    started_s: float
    order: str = ''
    turns: dict[int, TurnLine] = field(default_factory=dict)
    result: ResultLine | None = None
    heard_s: float = 0.0

    def __post_init__(self) -> None:
        self.heard_s = self.started_s

    def add(self, line: TurnLine | ResultLine, now_s: float) -> None:
        """Take a turn or a result."""
        # a planner that does not know orders leaves them empty
        if line.id != self.id or line.order not in ('', self.order):
            return
        if isinstance(line, TurnLine):
            self._add_turn(line, now_s)
        elif line.reason != SHUT_DOWN:
            self.result, self.heard_s = line, now_s

    def _add_turn(self, line: TurnLine, now_s: float) -> None:
        known = self.turns.get(line.index)
        if known == line:
            return
        if known is not None:
            self.turns = {index: turn for index, turn in self.turns.items() if index < line.index}
        self.turns[line.index] = line
        self.heard_s = now_s

    @property
    def complete(self) -> bool:
        """Return whether the result and every turn before it are there."""
        return self.result is not None and (
            sorted(self.turns) == list(range(self.result.turns)))

    @property
    def in_order(self) -> list[TurnLine]:
        """Return the turns in their order."""
        return [self.turns[index] for index in sorted(self.turns)]

    def silent_s(self, now_s: float) -> float:
        """Return for how long nothing was heard."""
        return now_s - self.heard_s

    def given_up(self, reason: str, profile: str, task: Task) -> ResultLine:
        """Return the result of a task that never brought one of its own."""
        start = [task.start.yaw, task.start.pitch]
        gaze = self.in_order[-1].gaze_after if self.turns else start
        return ResultLine(
            self.id, task.kind, task.instruction, profile, 'error', reason, None, list(gaze),
            len(self.turns))
