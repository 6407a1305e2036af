# SPDX-License-Identifier: Apache-2.0
"""A view: the JPEG that every planner sees, and where it was taken."""

from __future__ import annotations

from dataclasses import dataclass
import hashlib

from hvs_ros.core.gaze import Gaze


@dataclass(frozen=True)
class View:
    """
    Hold one perspective image as JPEG bytes with the gaze it was rendered at.

    ``stamp_ns`` is the panorama's capture stamp; ``horizontal_fov`` is in radians.
    """

    jpeg: bytes
    gaze: Gaze
    width: int
    height: int
    horizontal_fov: float
    stamp_ns: int = 0

    def sha256(self) -> str:
        """Return the hash of the JPEG bytes, as records name it."""
        return hashlib.sha256(self.jpeg).hexdigest()
