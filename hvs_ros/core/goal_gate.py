# SPDX-License-Identifier: Apache-2.0
"""Which goals may move the body: who was heard, when, and whether it still stands."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Literal

from hvs_ros.core.gaze import Gaze, Quaternion, gaze_from_quaternion

SECOND_NS = 1_000_000_000
NORM_TOLERANCE = 0.01
ROLL_TOLERANCE = 0.01  # rad
MAX_AHEAD_NS = SECOND_NS // 2
ODOM = 'odom'
GoalKind = Literal['gaze', 'heading']
# of two goals with one stamp the heading is the later one: it ends the search that looked
_RANK: dict[str, int] = {'gaze': 0, 'heading': 1}


@dataclass(frozen=True)
class GoalOffer:
    """
    Hold a goal as it came in, before anybody trusts it.

    ``stamp_ns`` is the goal's identity; ``position`` is (x, y) in metres.
    """

    kind: GoalKind
    stamp_ns: int
    frame: str
    quaternion: Quaternion
    position: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True)
class Goal:
    """Hold a goal that was accepted: where to look or face, and where to stand, in odom."""

    kind: GoalKind
    stamp_ns: int
    gaze: Gaze
    position: tuple[float, float]


class GoalGate:
    """
    Accept, refuse, refresh and end goals; the newest accepted one stands.

    A goal is fresh while its last receipt is younger than ``goal_timeout`` seconds. A first
    receipt older than ``max_goal_age`` seconds is refused. Gaze and heading goals share one order
    of stamps, so that neither kind can bring back what the other has replaced.
    """

    def __init__(self, goal_timeout: float, max_goal_age: float) -> None:
        self.standing: Goal | None = None
        self.finished = False
        self._timeout_ns = round(goal_timeout * SECOND_NS)
        self._max_age_ns = round(max_goal_age * SECOND_NS)
        self._received_ns = 0
        self._not_before_ns = 0

    def offer(self, now_ns: int, offer: GoalOffer) -> str:
        """Take a goal as received at ``now_ns``; return why it is refused, or nothing."""
        goal, reason = _understood(offer)
        if goal is None:
            return reason
        if goal.stamp_ns < self._not_before_ns:
            return 'it was stamped before the body was enabled or lost its place'
        if goal == self.standing:
            self._received_ns = now_ns
            return ''
        reason = self._untimely(now_ns, goal)
        if reason:
            return reason
        self.standing, self.finished, self._received_ns = goal, False, now_ns
        return ''

    def fresh(self, now_ns: int) -> Goal | None:
        """Return the standing goal while it is fresh and not finished."""
        if self.standing is None or self.finished:
            return None
        age = now_ns - self._received_ns
        return self.standing if 0 <= age < self._timeout_ns else None

    def finish(self) -> None:
        """End the standing goal: it is never executed again, however often it is repeated."""
        self.finished = True

    def refuse_before(self, stamp_ns: int) -> None:
        """Refuse every goal stamped before ``stamp_ns``, the standing one included."""
        self._not_before_ns = stamp_ns
        if self.standing is not None and self.standing.stamp_ns < stamp_ns:
            self.finished = True

    def forget(self, now_ns: int) -> None:
        """Start over at ``now_ns``: time ran backwards, so older stamps order nothing."""
        self.standing, self.finished = None, False
        self._not_before_ns = now_ns

    def _untimely(self, now_ns: int, goal: Goal) -> str:
        ahead_ns = goal.stamp_ns - now_ns
        if ahead_ns > MAX_AHEAD_NS:
            return 'its stamp lies in the future'
        if -ahead_ns > self._max_age_ns:
            return 'it is too old'
        if self.standing is not None:
            last = self.standing
            if (goal.stamp_ns, _RANK[goal.kind]) < (last.stamp_ns, _RANK[last.kind]):
                return 'its stamp is before that of the last goal'
            if (goal.stamp_ns, goal.kind) == (last.stamp_ns, last.kind):
                return 'its stamp belongs to a different goal'
        return ''


def _understood(offer: GoalOffer) -> tuple[Goal | None, str]:
    if offer.frame != ODOM:
        return None, f'its frame is "{offer.frame:.40}", not {ODOM}'
    norm = math.sqrt(sum(part * part for part in offer.quaternion))
    if not abs(norm - 1.0) <= NORM_TOLERANCE:
        return None, f'the norm of its quaternion is {norm:.3g}, not 1'
    gaze, roll = gaze_from_quaternion(offer.quaternion)
    # a pitch beyond straight down or up is the same as standing on the head
    if abs(roll) >= ROLL_TOLERANCE or abs(gaze.pitch) > math.pi / 2.0 + ROLL_TOLERANCE:
        return None, 'it is rolled'
    if not all(math.isfinite(part) for part in offer.position):
        return None, 'its position is not a number'
    return Goal(offer.kind, offer.stamp_ns, gaze, offer.position), ''
