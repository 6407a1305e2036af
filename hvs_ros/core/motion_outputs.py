# SPDX-License-Identifier: Apache-2.0
"""What leaves the controller: velocities and neck points, slewed, stopped, then silent."""

from __future__ import annotations

from dataclasses import dataclass

from hvs_ros.core.motion_limits import (
    PERIOD_S,
    STOP_TICKS,
    MotionLimits,
    approach,
    clip,
    slew,
)


@dataclass(frozen=True)
class NeckAngles:
    """Hold neck yaw (left +) and pitch (down +) relative to the torso in radians."""

    yaw: float
    pitch: float


class Drive:
    """
    Hold the commanded velocity of the body.

    ``toward`` slews, ``brake`` does not (unless ``stop_deceleration`` is limited). After motion
    come zeros for one second, then nothing, so that others may drive.
    """

    def __init__(self, limits: MotionLimits) -> None:
        self.linear = 0.0
        self.angular = 0.0
        self._limits = limits
        self._zeros_left = 0

    @property
    def moving(self) -> bool:
        """Return whether the last commanded velocity was not zero."""
        return self.linear != 0.0 or self.angular != 0.0

    def toward(self, linear: float, angular: float, dt: float) -> None:
        """Change the velocity towards the wanted one within the limits."""
        limits = self._limits
        linear = clip(linear, 0.0, limits.max_linear)
        angular = clip(angular, -limits.max_angular, limits.max_angular)
        self.linear = slew(self.linear, linear, limits.max_linear_acceleration * dt)
        self.angular = slew(self.angular, angular, limits.max_angular_acceleration * dt)

    def brake(self) -> None:
        """Stop as hard as the body allows."""
        change = self._limits.stop_deceleration * PERIOD_S
        self.linear = slew(self.linear, 0.0, change) if change else 0.0
        self.angular = slew(self.angular, 0.0, change) if change else 0.0

    def command(self, keep_talking: bool = False) -> tuple[float, float] | None:
        """Return (m/s, rad/s) to send now, None for silence."""
        if self.moving:
            self._zeros_left = STOP_TICKS
            return self.linear, self.angular
        if self._zeros_left > 0:
            self._zeros_left -= 1
            return 0.0, 0.0
        return (0.0, 0.0) if keep_talking else None


class NeckStream:
    """
    Stream neck points, and hold the neck where it was measured when it must stop.

    Points move within the velocity and acceleration limits, whatever the target does. ``hold``
    repeats one measured position for a second, then the stream is silent.
    """

    def __init__(self, limits: MotionLimits) -> None:
        self._limits = limits
        self._point: NeckAngles | None = None
        self._velocity = (0.0, 0.0)
        self._held: NeckAngles | None = None
        self._holds_left = 0

    def toward(self, target: NeckAngles, measured: NeckAngles, dt: float) -> NeckAngles:
        """Return the next point on the way to the target, starting where the neck is."""
        if self._point is None:
            self._point, self._velocity = self._inside(measured), (0.0, 0.0)
        limit = {'max_velocity': self._limits.max_head_velocity,
                 'max_acceleration': self._limits.max_head_acceleration, 'dt': dt}
        yaw, yaw_velocity = approach(
            self._point.yaw, self._velocity[0], target.yaw, **limit)
        pitch, pitch_velocity = approach(
            self._point.pitch, self._velocity[1], target.pitch, **limit)
        self._point = self._inside(NeckAngles(yaw, pitch))
        self._velocity = (yaw_velocity, pitch_velocity)
        self._held, self._holds_left = None, STOP_TICKS
        return self._point

    def hold(self, measured: NeckAngles | None, insist: bool = False) -> NeckAngles | None:
        """
        Return the point that stops the neck, None when there is nothing to stop.

        ``insist`` holds a neck that this stream never moved. The position held is the one
        measured at the first call: following a neck that sags would let it sag on.
        """
        self._point = None
        if insist and self._held is None:
            self._holds_left = STOP_TICKS
        if self._holds_left <= 0 or (self._held is None and measured is None):
            return None
        if self._held is None and measured is not None:
            self._held = self._inside(measured)
        self._holds_left -= 1
        return self._held

    def release(self) -> None:
        """Forget what was held: whatever comes next starts from a measurement."""
        self._point = self._held = None
        self._holds_left = 0

    def _inside(self, angles: NeckAngles) -> NeckAngles:
        limits = self._limits
        return NeckAngles(
            clip(angles.yaw, *limits.yaw_limits), clip(angles.pitch, *limits.pitch_limits))
