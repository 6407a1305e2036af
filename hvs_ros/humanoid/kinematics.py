# SPDX-License-Identifier: Apache-2.0
"""The kinematic body: a neck that turns and a base that moves exactly as told."""

from __future__ import annotations

from dataclasses import dataclass, replace
import math

from hvs_ros.core.body import BodyState
from hvs_ros.core.gaze import wrap_radians


@dataclass(frozen=True)
class KinematicLimits:
    """
    Hold what the kinematic body can do, in radians and seconds.

    ``head_velocity`` 0 is an instant neck. After ``command_timeout`` without a velocity command
    the base stands still.
    """

    yaw_limits: tuple[float, float] = (-1.396, 1.396)
    pitch_limits: tuple[float, float] = (-0.698, 0.873)
    head_velocity: float = 0.0
    command_timeout: float = 0.5


class KinematicBody:
    """
    Integrate a unicycle base and a two-joint neck.

    The neck lands on the commanded angle to the last bit, so that whole degrees survive. Commands
    that are not numbers are ignored: a body that follows NaN has no position any more.
    """

    def __init__(self, limits: KinematicLimits | None = None) -> None:
        self._limits = limits or KinematicLimits()
        self._state = BodyState()
        self._velocity = (0.0, 0.0)
        self._target = (0.0, 0.0)
        self._commanded_s = 0.0

    @property
    def state(self) -> BodyState:
        """Return what is measured now."""
        return self._state

    def command_velocity(self, linear: float, angular: float) -> None:
        """Walk at ``linear`` m/s while turning at ``angular`` rad/s."""
        if math.isfinite(linear) and math.isfinite(angular):
            self._velocity, self._commanded_s = (linear, angular), 0.0

    def command_neck(self, yaw: float | None, pitch: float | None) -> None:
        """Turn the neck to these angles in radians, as far as its limits reach."""
        self._target = (
            _wanted(yaw, self._target[0], self._limits.yaw_limits),
            _wanted(pitch, self._target[1], self._limits.pitch_limits))
        if not self._limits.head_velocity:
            self._turn_neck(0.0)

    def place(self, x: float, y: float, yaw: float) -> None:
        """Stand still somewhere else at once, the neck as it is (metres, radians, odom)."""
        if all(map(math.isfinite, (x, y, yaw))):
            self._velocity = (0.0, 0.0)
            self._state = replace(
                self._state, x=x, y=y, yaw=wrap_radians(yaw), linear=0.0, angular=0.0)

    def reset(self) -> None:
        """Stand at the origin, facing and looking straight ahead."""
        self._state = BodyState()
        self._velocity = self._target = (0.0, 0.0)
        self._commanded_s = 0.0

    def step(self, dt: float) -> None:
        """Let ``dt`` seconds pass."""
        self._commanded_s += dt
        if self._commanded_s > self._limits.command_timeout:
            self._velocity = (0.0, 0.0)
        linear, angular = self._velocity
        state = self._state
        # the heading of mid-step makes an arc's chord point where the arc ends
        heading = state.yaw + angular * dt / 2.0
        half = angular * dt / 2.0
        chord = linear * dt * (math.sin(half) / half if abs(half) > 1e-9 else 1.0)
        self._state = replace(
            state, x=state.x + chord * math.cos(heading), y=state.y + chord * math.sin(heading),
            yaw=wrap_radians(state.yaw + angular * dt) if angular else state.yaw,
            linear=linear, angular=angular)
        self._turn_neck(dt)

    def _turn_neck(self, dt: float) -> None:
        state, velocity = self._state, self._limits.head_velocity
        reach = velocity * dt if velocity else math.inf
        self._state = replace(
            state, neck_yaw=_nearer(state.neck_yaw, self._target[0], reach),
            neck_pitch=_nearer(state.neck_pitch, self._target[1], reach))


def _wanted(angle: float | None, before: float, limits: tuple[float, float]) -> float:
    if angle is None or not math.isfinite(angle):
        return before
    return max(limits[0], min(limits[1], angle))


def _nearer(angle: float, target: float, reach: float) -> float:
    if abs(target - angle) <= reach:
        return target
    return angle + math.copysign(reach, target - angle)
