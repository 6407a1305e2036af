# SPDX-License-Identifier: Apache-2.0
"""What a goal asks of the body: the split of a gaze, a turn in place, a straight walk."""

from __future__ import annotations

from dataclasses import dataclass
import math

from hvs_ros.core.gaze import wrap_radians
from hvs_ros.core.goal_gate import SECOND_NS, Goal
from hvs_ros.core.motion_inputs import BodyPose
from hvs_ros.core.motion_limits import (
    HEADING_GAIN,
    MotionLimits,
    clip,
    turn_rate,
    walk_rate,
    walk_time,
)

_YAW_RESERVE = 0.15  # rad: how far inside its limits the neck is when the body stops turning
_SIDE_BAND = 0.5  # rad around straight back where a gaze stays on the side it was on
HERE = 0.1  # m: a heading goal nearer than this asks for no walk; odometry drifts in a turn
_AHEAD = 0.35  # rad: a walk must lie within this of the direction to face
_ARRIVED = 0.02  # m
_OFF_COURSE = 0.35  # rad: a walk pauses while the body faces elsewhere
_GRACE_S = 2.0  # a turn's allowance on top of twice its nominal time
Interval = tuple[float, float]


class TurnInPlace:
    """
    Turn until an angle is back inside an interval, with hysteresis.

    A turn starts outside ``enter``, aims at the near edge of ``aim`` and ends inside ``leave``:
    aiming beyond the end keeps the last radians quick.
    """

    def __init__(self, enter: Interval, leave: Interval, aim: Interval) -> None:
        self.turning = False
        self._enter, self._leave, self._aim = enter, leave, aim

    def left(self, relative: float) -> float:
        """Return the angle still to turn, 0 when the body may stand."""
        low, high = self._leave if self.turning else self._enter
        self.turning = not low <= relative <= high
        return relative - clip(relative, *self._aim) if self.turning else 0.0


def onto(tolerance: float) -> TurnInPlace:
    """Return the turn that brings an angle to zero within the tolerance."""
    return TurnInPlace((-tolerance, tolerance), (-tolerance / 2.0, tolerance / 2.0), (0.0, 0.0))


@dataclass(frozen=True)
class Split:
    """Hold a gaze as neck yaw relative to the torso and what the body has to turn for it."""

    neck_yaw: float
    turn_left: float
    limited: bool


class GazeSplit:
    """
    Give the neck what it can reach in yaw and the body the rest.

    Without a neck the body takes all. A gaze straight behind keeps the side it was on, so that
    noise at half a turn cannot make the body dither.
    """

    def __init__(self, limits: MotionLimits, side: float = 0.0) -> None:
        low, high = limits.yaw_limits
        reserve = min(_YAW_RESERVE, (high - low) / 8.0)
        self._neck = limits.has_neck
        self._limits = (low, high) if self._neck else (0.0, 0.0)
        self._follow = limits.follow_gaze or not self._neck
        self._side = side
        self._turn = TurnInPlace(
            (low, high), (low + reserve, high - reserve),
            (low + 2.0 * reserve, high - 2.0 * reserve)
        ) if self._neck else onto(limits.settle_tolerance)

    def step(self, goal_yaw: float, body_yaw: float) -> Split:
        """Return the split of a gaze in odom for a body that faces ``body_yaw``."""
        relative = wrap_radians(goal_yaw - body_yaw)
        if relative * self._side < 0.0 and abs(relative) > math.pi - _SIDE_BAND:
            relative += math.copysign(2.0 * math.pi, self._side)
        self._side = math.copysign(1.0, relative)
        neck_yaw = clip(relative, *self._limits)
        if not self._follow:
            return Split(neck_yaw, 0.0, limited=neck_yaw != relative)
        return Split(neck_yaw, self._turn.left(relative), limited=False)


@dataclass(frozen=True)
class Step:
    """Hold what a heading goal asks for now; ``over`` says why it ended ('' = not yet)."""

    linear: float = 0.0
    angular: float = 0.0
    walking: bool = False
    over: str = ''


class HeadingTask:
    """
    Turn in place to face the goal, then walk straight to it, once.

    ``limit`` says why the walk does not end at the goal ('' = it does).

    The way is fixed when the turn is done and never longer than ``max_walk_distance``. Turn and
    walk each end after twice their nominal time, whatever was in the way.
    """

    FACING = 'facing'
    LATE = 'took too long'

    def __init__(self, limits: MotionLimits, goal: Goal, pose: BodyPose, now_ns: int) -> None:
        dx, dy = goal.position[0] - pose.x, goal.position[1] - pose.y
        self.walked_m = 0.0
        self._limits, self._yaw = limits, goal.gaze.yaw
        self._distance, self.limit = _way(
            limits, math.hypot(dx, dy), wrap_radians(math.atan2(dy, dx) - goal.gaze.yaw))
        self._turn = onto(limits.settle_tolerance)
        self._walk_from: BodyPose | None = None
        turn_s = abs(wrap_radians(goal.gaze.yaw - pose.yaw)) / max(limits.max_angular, 1e-6)
        ramp_s = limits.max_angular / limits.max_angular_acceleration
        self._deadline_ns = now_ns + _ns(2.0 * (turn_s + ramp_s + 1.0 / HEADING_GAIN) + _GRACE_S)

    def step(self, now_ns: int, pose: BodyPose) -> Step:
        """Return the velocities wanted now."""
        off = wrap_radians(self._yaw - pose.yaw)
        if self._walk_from is None:
            left = self._turn.left(off)
            if left and now_ns < self._deadline_ns:
                return Step(angular=turn_rate(self._limits, left))
            if left:
                return Step(over=f'the turn {self.LATE}')
            if not self._distance:
                return Step(over=self.FACING)
            self._start_walk(now_ns, pose)
        return self._walk(now_ns, pose, off)

    def _start_walk(self, now_ns: int, pose: BodyPose) -> None:
        self._walk_from = pose
        self._deadline_ns = now_ns + _ns(
            2.0 * walk_time(self._limits, self._distance, _ARRIVED))

    def _walk(self, now_ns: int, pose: BodyPose, off: float) -> Step:
        start = self._walk_from
        assert start is not None
        self.walked_m = math.hypot(pose.x - start.x, pose.y - start.y)
        left = self._distance - self.walked_m - _ARRIVED
        if left <= 0.0:
            return Step(over=self.FACING)
        if now_ns >= self._deadline_ns:
            return Step(over=f'the walk {self.LATE}')
        linear = walk_rate(self._limits, left) if abs(off) < _OFF_COURSE else 0.0
        return Step(linear, turn_rate(self._limits, off), walking=True)


def _way(limits: MotionLimits, distance: float, aside: float) -> tuple[float, str]:
    """Return how far to walk in metres, and why that is not to the goal itself."""
    if distance <= HERE:
        return 0.0, ''
    if not limits.may_walk:
        return 0.0, 'a walk needs a dead-man or an obstacle topic'
    if abs(aside) > _AHEAD:
        return 0.0, 'the goal is not straight ahead of its heading'
    if distance > limits.max_walk_distance:
        return limits.max_walk_distance, 'the goal is farther than max_walk_distance'
    return distance, ''


def _ns(seconds: float) -> int:
    return round(seconds * SECOND_NS)
