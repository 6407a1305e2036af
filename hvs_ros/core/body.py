# SPDX-License-Identifier: Apache-2.0
"""What every body has in common, be it kinematic, simulated physics or a robot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class BodyState:
    """
    Hold what a body measures of itself.

    (``x``, ``y``) in metres and ``yaw`` in radians in odom; ``linear`` m/s forward and
    ``angular`` rad/s to the left; neck angles in radians relative to the torso, yaw positive to
    the left, pitch positive down.
    """

    x: float = 0.0
    y: float = 0.0
    yaw: float = 0.0
    linear: float = 0.0
    angular: float = 0.0
    neck_yaw: float = 0.0
    neck_pitch: float = 0.0


@runtime_checkable
class Body(Protocol):
    """
    Move when told to, and say where it is.

    Time passes in ``step`` alone. A velocity command holds until the body's own command timeout;
    neck angles hold until they are replaced, each None leaving its joint alone.
    """

    @property
    def state(self) -> BodyState:
        """Return what is measured now."""

    def command_velocity(self, linear: float, angular: float) -> None:
        """Walk at ``linear`` m/s while turning at ``angular`` rad/s."""

    def command_neck(self, yaw: float | None, pitch: float | None) -> None:
        """Turn the neck to these angles in radians."""

    def place(self, x: float, y: float, yaw: float) -> None:
        """Stand still somewhere else at once, the neck as it is (metres, radians, odom)."""

    def reset(self) -> None:
        """Stand at the origin, facing and looking straight ahead."""

    def step(self, dt: float) -> None:
        """Let ``dt`` seconds pass."""
