# SPDX-License-Identifier: Apache-2.0
"""What the controller hears, and whether it may be trusted: joints, odometry, clock, guards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
import math

from hvs_ros.core.gaze import wrap_radians
from hvs_ros.core.goal_gate import SECOND_NS
from hvs_ros.core.motion_limits import LEAD_S, MotionLimits

JUMP_HOLD_NS = SECOND_NS // 2  # how long a jump keeps the body still
PLACING_NS = SECOND_NS  # how long an initialpose waits for the jump it announces
GUARD_TIMEOUT_NS = 3 * SECOND_NS // 10
CLOCK_TIMEOUT_S = 0.5
OBSTACLE_HALF_ANGLE = 1.0  # rad to either side of straight ahead
_JOINT_SLACK = 0.2  # rad, on top of what the velocity limit explains
_POSITION_SLACK = 0.3  # m
_HEADING_SLACK = 0.5  # rad


class JointWatch:
    """
    Follow one neck joint: its last good position and why it cannot be trusted.

    A message that repeats or precedes the last stamp says nothing new: a frozen driver goes
    stale although it keeps talking.
    """

    def __init__(self, name: str, max_velocity: float, timeout_s: float) -> None:
        self.name = name
        self.position: float | None = None
        self._max_velocity = max_velocity
        self._timeout_ns = round(timeout_s * SECOND_NS)
        self._heard_ns: int | None = None
        self._stamp_ns = 0
        self._jumped_ns: int | None = None
        self._broken = False

    def hear(self, now_ns: int, stamp_ns: int, position: float) -> None:
        """Take a measured position in radians."""
        if 0 <= self._stamp_ns - stamp_ns < SECOND_NS and stamp_ns:
            return
        self._stamp_ns = stamp_ns
        self._broken = not math.isfinite(position)
        if self._broken:
            return
        if self.position is not None and self._heard_ns is not None:
            span = max(0, now_ns - self._heard_ns) / SECOND_NS + LEAD_S
            if abs(position - self.position) > 1.5 * self._max_velocity * span + _JOINT_SLACK:
                self._jumped_ns = now_ns
        self.position, self._heard_ns = position, now_ns

    def problem(self, now_ns: int) -> str:
        """Say why the joint cannot be trusted now, or nothing."""
        if self._broken:
            return f'{self.name} is not a number'
        if self._heard_ns is None:
            return f'{self.name} is not heard yet'
        if not 0 <= now_ns - self._heard_ns <= self._timeout_ns:
            return f'{self.name} is stale'
        if self._jumped_ns is not None and 0 <= now_ns - self._jumped_ns < JUMP_HOLD_NS:
            return f'{self.name} jumped'
        return ''

    def forget(self) -> None:
        """Start over: time ran backwards."""
        self.position = self._heard_ns = self._jumped_ns = None
        self._stamp_ns, self._broken = 0, False


@dataclass(frozen=True)
class BodyPose:
    """Hold where the body stands in odom: metres and radians."""

    x: float
    y: float
    yaw: float


class OdometryWatch:
    """
    Follow the body's pose and why it cannot be trusted.

    A jump means that goals in odom lost their meaning, unless ``place`` (an initialpose)
    announced it, or explains it within half a second. ``lost_ns`` tells when it happened.
    """

    def __init__(self, limits: MotionLimits) -> None:
        self.pose: BodyPose | None = None
        self._max_linear, self._max_angular = limits.max_linear, limits.max_angular
        self._timeout_ns = round(limits.input_timeout * SECOND_NS)
        self._heard_ns: int | None = None
        self._stamp_ns = 0
        self._jumped_ns: int | None = None
        self._placed_ns: int | None = None
        self._broken = False

    def hear(self, now_ns: int, stamp_ns: int, pose: BodyPose) -> None:
        """Take a measured pose."""
        if 0 <= self._stamp_ns - stamp_ns < SECOND_NS and stamp_ns:
            return
        self._stamp_ns = stamp_ns
        self._broken = not all(map(math.isfinite, (pose.x, pose.y, pose.yaw)))
        if self._broken:
            return
        if self.pose is not None and self._jumps(now_ns, self.pose, pose):
            if self._placed_ns is not None and 0 <= now_ns - self._placed_ns < PLACING_NS:
                self._placed_ns = None
            else:
                self._jumped_ns = now_ns
        self.pose, self._heard_ns = pose, now_ns

    def place(self, now_ns: int) -> None:
        """Allow one jump, the one just seen or the next."""
        if self._jumped_ns is not None and 0 <= now_ns - self._jumped_ns < JUMP_HOLD_NS:
            self._jumped_ns = None
        else:
            self._placed_ns = now_ns

    def lost_ns(self, now_ns: int) -> int | None:
        """Return when the body jumped once it is sure that nobody announced it."""
        if self._jumped_ns is None or 0 <= now_ns - self._jumped_ns < JUMP_HOLD_NS:
            return None
        jumped_ns, self._jumped_ns = self._jumped_ns, None
        return jumped_ns

    def problem(self, now_ns: int) -> str:
        """Say why the pose cannot be trusted now, or nothing."""
        if self._broken:
            return 'odom is not a number'
        if self._heard_ns is None:
            return 'odom is not heard yet'
        if not 0 <= now_ns - self._heard_ns <= self._timeout_ns:
            return 'odom is stale'
        return 'odom jumped' if self._jumped_ns is not None else ''

    def forget(self) -> None:
        """Start over: time ran backwards."""
        self.pose = self._heard_ns = self._jumped_ns = self._placed_ns = None
        self._stamp_ns, self._broken = 0, False

    def _jumps(self, now_ns: int, before: BodyPose, after: BodyPose) -> bool:
        span = max(0, now_ns - (self._heard_ns or now_ns)) / SECOND_NS + LEAD_S
        moved = math.hypot(after.x - before.x, after.y - before.y)
        turned = abs(wrap_radians(after.yaw - before.yaw))
        return (moved > 2.0 * self._max_linear * span + _POSITION_SLACK
                or turned > 2.0 * self._max_angular * span + _HEADING_SLACK)


class ClockWatch:
    """Compare ROS time with a steady clock: it must neither stand still nor run backwards."""

    STILL = 'ROS time stands still'
    BACKWARDS = 'ROS time ran backwards'

    def __init__(self) -> None:
        self.ran_backwards = False  # at the last feed
        self._ros_ns: int | None = None
        self._moved_s = 0.0
        self._backwards_s: float | None = None

    def feed(self, steady_s: float, ros_ns: int) -> str:
        """Take both clocks; return what is wrong with ROS time, or nothing."""
        self.ran_backwards = self._ros_ns is not None and ros_ns < self._ros_ns
        if self.ran_backwards:
            self._backwards_s = steady_s
        if self._ros_ns is None or ros_ns != self._ros_ns:
            self._ros_ns, self._moved_s = ros_ns, steady_s
        if self._backwards_s is not None and steady_s - self._backwards_s < CLOCK_TIMEOUT_S:
            return self.BACKWARDS
        self._backwards_s = None
        if steady_s - self._moved_s >= CLOCK_TIMEOUT_S:
            return self.STILL
        return ''


class Guards:
    """
    Follow what a person or a sensor says against moving.

    A dead-man must be held and heard within 0.3 s; an obstacle holds a walk only. Each counts only
    when its topic is configured.
    """

    def __init__(self, limits: MotionLimits) -> None:
        self._limits = limits
        self._deadman = False
        self._deadman_ns: int | None = None
        self._nearest = 0.0
        self._scan_ns: int | None = None

    def hear_deadman(self, now_ns: int, held: bool) -> None:
        """Take the dead-man switch."""
        self._deadman, self._deadman_ns = held, now_ns

    def hear_obstacle(self, now_ns: int, nearest: float) -> None:
        """Take the distance to the nearest thing ahead in metres."""
        self._nearest, self._scan_ns = nearest, now_ns

    def against_moving(self, now_ns: int) -> str:
        """Say why nothing may move, or nothing."""
        if not self._limits.deadman:
            return ''
        if not _recent(now_ns, self._deadman_ns):
            return 'deadman is not heard'
        return '' if self._deadman else 'deadman is released'

    def against_walking(self, now_ns: int) -> str:
        """Say why nothing may walk, or nothing."""
        if not self._limits.obstacle:
            return ''
        if not _recent(now_ns, self._scan_ns):
            return 'obstacle is not heard'
        if not self._nearest >= self._limits.obstacle_distance:
            return f'obstacle nearer than {self._limits.obstacle_distance:g} m'
        return ''


def nearest_ahead(
        ranges: Iterable[float], angle_min: float, angle_increment: float, range_min: float
) -> float:
    """
    Return the smallest valid range within a radian of straight ahead, in metres.

    Infinite means nothing there; NaN and readings below ``range_min`` are no reading. A scan
    without any reading ahead is blind, and blind is as good as 0 m.
    """
    ahead = [
        reading for index, reading in enumerate(ranges)
        if abs(wrap_radians(angle_min + index * angle_increment)) <= OBSTACLE_HALF_ANGLE
        and not math.isnan(reading) and reading >= range_min]
    return min(ahead, default=0.0)


def shared_topics(publishers: Mapping[str, Sequence[str]]) -> str:
    """Say which goal topic has two publishers and their names, or nothing."""
    for topic, names in publishers.items():
        if len(names) > 1:
            return f'{topic} has {len(names)} publishers: {", ".join(sorted(names))}'
    return ''


def _recent(now_ns: int, heard_ns: int | None) -> bool:
    return heard_ns is not None and 0 <= now_ns - heard_ns <= GUARD_TIMEOUT_NS
