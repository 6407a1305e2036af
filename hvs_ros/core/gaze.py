# SPDX-License-Identifier: Apache-2.0
"""Gaze on the ROS side, angles on the benchmark side, and the one place where signs flip."""

from __future__ import annotations

from dataclasses import dataclass
import math

import numpy as np

Quaternion = tuple[float, float, float, float]
_POLE = 1e-6  # cosine of a pitch at which yaw and roll cannot be told apart any more
_UPRIGHT = 1e-3  # a roll below which the left axis tells yaw, exactly and also at the poles


def wrap_radians(angle: float) -> float:
    """Return the angle wrapped into [-pi, pi)."""
    return (angle + math.pi) % (2.0 * math.pi) - math.pi


def wrap_degrees(angle: float) -> float:
    """Return the angle wrapped into [-180, 180)."""
    return (angle + 180.0) % 360.0 - 180.0


@dataclass(frozen=True)
class Gaze:
    """
    Name a direction as REP-103 does.

    ``yaw`` is in radians, positive to the left; ``pitch`` in radians, positive down. Both are
    measured in the frame the gaze is used in (``odom`` on topics).
    """

    yaw: float
    pitch: float

    def direction(self) -> np.ndarray:
        """Return the unit vector (x forward, y left, z up), shape (3,)."""
        level = math.cos(self.pitch)
        return np.array([
            level * math.cos(self.yaw), level * math.sin(self.yaw), -math.sin(self.pitch)])

    def quaternion(self) -> Quaternion:
        """Return the roll-free orientation Rz(yaw) Ry(pitch) as (x, y, z, w)."""
        cy, sy = math.cos(self.yaw / 2.0), math.sin(self.yaw / 2.0)
        cp, sp = math.cos(self.pitch / 2.0), math.sin(self.pitch / 2.0)
        return (-sy * sp, cy * sp, sy * cp, cy * cp)

    def angle_to(self, other: Gaze) -> float:
        """Return the angle between the two directions in radians, in [0, pi]."""
        a, b = self.direction(), other.direction()
        return math.atan2(float(np.linalg.norm(np.cross(a, b))), float(np.dot(a, b)))

    def off_by(self, other: Gaze) -> float:
        """
        Return the largest of the yaw and pitch differences in radians.

        Unlike ``angle_to`` it still sees yaw at the poles, where a turn changes what is up in
        the view though not what is in its centre.
        """
        return max(abs(wrap_radians(self.yaw - other.yaw)), abs(self.pitch - other.pitch))


def gaze_from_quaternion(quaternion: Quaternion) -> tuple[Gaze, float]:
    """
    Return (gaze, roll in radians) of a unit quaternion (x, y, z, w).

    Without roll, yaw is read from the left axis, which Ry(pitch) does not move, so that a gaze
    straight up or down keeps its yaw. Raise ``ValueError`` when the norm is zero or not finite.
    """
    norm = math.sqrt(sum(part * part for part in quaternion))
    if not math.isfinite(norm) or norm < 1e-9:
        raise ValueError(f'quaternion {quaternion} has no direction')
    x, y, z, w = (part / norm for part in quaternion)
    forward = (1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + w * z), 2.0 * (x * z - w * y))
    left = (2.0 * (x * y - w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z + w * x))
    up_z = 1.0 - 2.0 * (x * x + y * y)
    level = math.hypot(left[2], up_z)
    roll = math.atan2(left[2], up_z) if level > _POLE else 0.0
    if abs(roll) < _UPRIGHT:
        yaw = math.atan2(-left[0], left[1])
    else:
        yaw = math.atan2(forward[1], forward[0])
    return Gaze(yaw, math.atan2(-forward[2], level)), roll


@dataclass(frozen=True)
class BenchmarkAngles:
    """
    Name a direction as the H* benchmark does.

    ``yaw`` is in degrees in [0, 360), positive to the right of the panorama's centre column;
    ``pitch`` in degrees, positive up.
    """

    yaw: float
    pitch: float

    def turned(self, dyaw: float, dpitch: float) -> BenchmarkAngles:
        """Return the direction after a rotation: yaw modulo 360, pitch clamped to +-90."""
        # The published order of operations: with a decimal start yaw it sets the last bit.
        return BenchmarkAngles(
            (self.yaw + dyaw + 360) % 360, max(-90, min(90, self.pitch + dpitch)))

    def to_gaze(self) -> Gaze:
        """Return the same direction on the ROS side."""
        return Gaze(wrap_radians(-math.radians(self.yaw)), -math.radians(self.pitch))

    def whole(self) -> BenchmarkAngles:
        """Return the nearest whole degrees."""
        return BenchmarkAngles(round(self.yaw) % 360, round(self.pitch))


def to_benchmark(gaze: Gaze) -> BenchmarkAngles:
    """Return the gaze in benchmark degrees: both signs flip."""
    return BenchmarkAngles(-math.degrees(gaze.yaw) % 360.0, -math.degrees(gaze.pitch))


def told_angles(goal: BenchmarkAngles, measured: Gaze, tolerance: float) -> BenchmarkAngles:
    """
    Return the direction a planner is told: the goal's own degrees when the body is there.

    ``tolerance`` is in radians. A body that never got there is told the nearest whole degree of
    what was measured, so that integers survive the trip over joint angles.
    """
    if goal.to_gaze().off_by(measured) <= tolerance:
        return goal
    return to_benchmark(measured).whole()
