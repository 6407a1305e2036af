# SPDX-License-Identifier: Apache-2.0
"""The gaze goal that stands: which view answers it, and when to ask for that view again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from hvs_ros.core.gaze import Gaze

SECOND_NS = 1_000_000_000


@dataclass(frozen=True)
class GoalPatience:
    """
    Hold how long and how exactly a goal waits for its view.

    ``settle_tolerance`` in radians, times in seconds; after ``asks`` unanswered askings the view
    counts as lost.
    """

    settle_tolerance: float = 0.02
    arrive_timeout: float = 3.0
    view_timeout: float = 5.0
    asks: int = 3


@dataclass
class StandingGoal:
    """
    Stand for one goal until its view has come.

    The stamp is the goal's identity; ``ask_again`` gives the same gaze a new one. ``stamp_ns``
    never repeats, because the renderer answers each identity once.
    """

    patience: GoalPatience
    gaze: Gaze = field(default_factory=lambda: Gaze(0.0, 0.0))
    stamp_ns: int = 0
    asked: int = 0

    def stand(self, gaze: Gaze, now_ns: int) -> None:
        """Take the place of the goal before it."""
        self.gaze, self.asked = gaze, 0
        self._stamp(now_ns)

    def accepts(self, view_stamp_ns: int, view_gaze: Gaze) -> bool:
        """Return whether a view may reach the planner (rule 4 of 'How one search flows')."""
        age = view_stamp_ns - self.stamp_ns
        if age < 0:
            return False
        near = self.gaze.off_by(view_gaze) <= self.patience.settle_tolerance
        return near or age >= self.patience.arrive_timeout * SECOND_NS

    def overdue(self, now_ns: int) -> Literal['no', 'ask again', 'lost']:
        """Say whether the view is late, and whether asking again still makes sense."""
        if now_ns - self.stamp_ns < self.patience.view_timeout * SECOND_NS:
            return 'no'
        return 'ask again' if self.asked < self.patience.asks else 'lost'

    def ask_again(self, now_ns: int) -> None:
        """Give the standing goal a new identity."""
        self.asked += 1
        self._stamp(now_ns)

    def _stamp(self, now_ns: int) -> None:
        self.stamp_ns = max(now_ns, self.stamp_ns + 1)
