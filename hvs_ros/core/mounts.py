# SPDX-License-Identifier: Apache-2.0
"""Where the 360 degree camera sits: gaze in odom to a direction in the panorama."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math

import numpy as np

from hvs_ros.core.gaze import Gaze


def rotation(yaw: float, pitch: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """Return Rz(yaw) Ry(pitch) Rx(roll), shape (3, 3), radians (REP-103)."""
    cy, sy = math.cos(yaw), math.sin(yaw)
    cp, sp = math.cos(pitch), math.sin(pitch)
    cr, sr = math.cos(roll), math.sin(roll)
    return np.array([
        [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
        [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
        [-sp, cp * sr, cp * cr]])


def gaze_and_roll(matrix: np.ndarray) -> tuple[Gaze, float]:
    """Return (gaze, roll) of a rotation matrix; at the poles the roll is taken as zero."""
    pitch = math.asin(max(-1.0, min(1.0, -float(matrix[2, 0]))))
    if math.hypot(matrix[0, 0], matrix[1, 0]) < 1e-9:
        return Gaze(math.atan2(-matrix[0, 1], matrix[1, 1]), pitch), 0.0
    return (Gaze(math.atan2(matrix[1, 0], matrix[0, 0]), pitch),
            math.atan2(matrix[2, 1], matrix[2, 2]))


@dataclass(frozen=True)
class PanoramaMount:
    """
    Say what the camera is fixed to and how.

    ``kind`` is ``world`` (the panorama does not turn with the body), ``torso`` or ``head``;
    ``rpy`` the camera's (roll, pitch, yaw) on that part in radians. A ``gravity_aligned`` camera
    levels itself, so that only yaws count.
    """

    kind: str = 'world'
    rpy: Sequence[float] = (0.0, 0.0, 0.0)
    gravity_aligned: bool = False

    def in_panorama(
            self, gaze: Gaze, body_yaw: float, neck: tuple[float, float]) -> tuple[Gaze, float]:
        """
        Return (direction in the panorama, roll in it) of a gaze in odom.

        ``body_yaw`` and ``neck`` (yaw, pitch) are those at the panorama's capture.
        """
        if self.kind == 'world':
            return gaze, 0.0
        camera = rotation(body_yaw)
        if self.kind == 'head':
            camera = camera @ rotation(neck[0], 0.0 if self.gravity_aligned else neck[1])
        roll, pitch, yaw = self.rpy
        camera = camera @ (
            rotation(yaw) if self.gravity_aligned else rotation(yaw, pitch, roll))
        return gaze_and_roll(camera.T @ rotation(gaze.yaw, gaze.pitch))
