# SPDX-License-Identifier: Apache-2.0
"""One episode watched from outside: its turns and its result put together, whatever order."""

from __future__ import annotations

from dataclasses import dataclass, field

from hvs_ros.core.messages import ResultLine, TurnLine


@dataclass
class EpisodeWatch:
    """
    Collect the turns and the result of one search from what topics bring.

    Messages of other searches are ignored, doubled ones harmless; a turn 0 that comes again means
    that the planner began anew. A result counts when every turn it speaks of is there, so that a
    result of an earlier search of the same id, still latched somewhere, counts for nothing.
    """

    id: str
    started_s: float
    turns: dict[int, TurnLine] = field(default_factory=dict)
    result: ResultLine | None = None
    heard_s: float = 0.0

    def __post_init__(self) -> None:
        self.heard_s = self.started_s

    def add(self, line: TurnLine | ResultLine, now_s: float) -> None:
        """Take a turn or a result."""
        if line.id != self.id:
            return
        if isinstance(line, ResultLine):
            self.result, self.heard_s = line, now_s
        elif self.turns.get(line.index) != line:
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

    def given_up(self, reason: str, profile: str, instruction: str, kind: str) -> ResultLine:
        """Return the result of an episode that never brought one of its own."""
        gaze = self.in_order[-1].gaze_after if self.turns else [0.0, 0.0]
        return ResultLine(
            self.id, kind, instruction, profile, 'error', reason, None, list(gaze),
            len(self.turns))
