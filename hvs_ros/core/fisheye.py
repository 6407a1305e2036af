# SPDX-License-Identifier: Apache-2.0
"""Fisheye lenses, and the camera of two that look apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
import math

import numpy as np

from hvs_ros.core.camera_models import TINY, arctan_unit, optical_rotation, resized_position

_RIGHT_ANGLE = math.pi / 2.0


def growth(distortion: Sequence[float], angle: np.ndarray | float) -> np.ndarray | float:
    """Return p(angle) = angle (1 + k1 angle^2 + k2 angle^4 + ...), angle in radians."""
    square = angle * angle
    total: np.ndarray | float = 0.0
    for coefficient in reversed(distortion):
        total = (total + coefficient) * square
    return angle * (1.0 + total)


@dataclass(frozen=True)
class FisheyeLens:
    """
    Map rays to an image circle: the angle from the axis sets the distance from ``centre``.

    That distance is ``radius`` p(angle) / p(``field_of_view`` / 2) pixels, where
    p(a) = a (1 + k1 a^2 + k2 a^4 + ...) holds the ``distortion`` k1, k2, ...: those of OpenCV's
    fisheye model (Kannala-Brandt), whose focal length is radius / p(field_of_view / 2) here.
    ``mount`` is (roll, pitch, yaw) of the lens in the camera, REP-103; angles in radians.

    Only rays within ``field_of_view`` / 2 - ``trim`` of the axis count; over the last ``fade``
    of them the weight falls from 1 to 0.
    """

    centre: tuple[float, float]
    radius: float
    field_of_view: float
    distortion: tuple[float, ...] = ()
    mount: tuple[float, float, float] = (0.0, 0.0, 0.0)
    trim: float = 0.0
    fade: float = 0.0

    @cached_property
    def rotation(self) -> np.ndarray:
        """Return the rotation from the camera's optical axes to the lens's."""
        roll, pitch, yaw = self.mount
        return optical_rotation(yaw, pitch, roll).T

    @property
    def edge(self) -> float:
        """Return the angle from the axis at which the weight has reached 0."""
        return self.field_of_view / 2.0 - self.trim

    @cached_property
    def focal_length(self) -> float:
        """Return the pixels per radian at the centre."""
        return float(self.radius / growth(self.distortion, self.field_of_view / 2.0))

    @cached_property
    def bend(self) -> float:
        """Return the bound that holds for fields of view up to 230 degrees, with a margin."""
        angles = np.linspace(1e-3, self.field_of_view / 2.0, 64)
        slopes = np.gradient(growth(self.distortion, angles), angles)
        return 3.0 * self.focal_length * float(np.abs(slopes).max())

    def grows(self) -> bool:
        """Return whether a larger angle always lies farther out, as it must."""
        angles = np.linspace(0.0, self.field_of_view / 2.0, 512)
        return bool((np.diff(growth(self.distortion, angles)) > 0).all())

    def resized(self, across: float, down: float, centre: tuple[float, float]) -> FisheyeLens:
        """Return the lens of an image scaled by ``across`` and ``down``, its new centre given."""
        return replace(self, centre=centre, radius=self.radius * math.sqrt(across * down))

    def sees(self, corners: np.ndarray) -> bool | None:
        """Return whether the corners lie in the cone of full weight, or all out of the field."""
        cosines = corners[:, 2] / np.linalg.norm(corners, axis=1)
        # A cone is convex below 90 degrees from its axis, and what is outside it above that.
        full = math.cos(min(self.edge - self.fade, _RIGHT_ANGLE - 1e-3))
        if cosines.min() >= full:
            return True
        none = math.cos(max(self.edge, _RIGHT_ANGLE))
        return False if cosines.max() <= none else None

    def project(
            self, x: np.ndarray, y: np.ndarray, z: np.ndarray,
            columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Write pixels of the image circle; rays beyond the field have weight 0."""
        across = np.sqrt(x * x + y * y)
        angle, scratch = np.empty_like(across), np.empty_like(across)
        tangents = across / (np.abs(z) + np.sqrt(across * across + z * z) + TINY)
        arctan_unit(tangents, scratch, angle)
        angle *= np.float32(2.0)
        np.subtract(np.float32(math.pi), angle, out=angle, where=z < 0)
        stretch = growth(self.distortion, angle).astype(np.float32)  # type: ignore[union-attr]
        stretch *= np.float32(self.focal_length)
        stretch /= across + TINY
        np.multiply(x, stretch, out=columns)
        columns += np.float32(self.centre[0])
        np.multiply(y, stretch, out=rows)
        rows += np.float32(self.centre[1])
        if self.fade <= 0:
            return (angle <= np.float32(self.edge)).astype(np.float32)
        np.subtract(np.float32(self.edge), angle, out=angle)
        angle *= np.float32(1.0 / self.fade)
        return np.clip(angle, np.float32(0), np.float32(1), out=angle)


@dataclass(frozen=True)
class DualFisheye:
    """
    Describe an image that holds the circles of two fisheye lenses looking apart.

    Across the seam their pixels are mixed over ``blend`` radians, or over what both see when
    that is less. Make it with ``dual_fisheye``, which trims the lenses to that.
    """

    width: int
    height: int
    lenses: tuple[FisheyeLens, ...]
    blend: float

    wraps = False

    @property
    def pixels_per_radian(self) -> float:
        """Return the resolution of the finer lens, averaged over its circle."""
        return max(2.0 * lens.radius / lens.field_of_view for lens in self.lenses)

    def resized(self, width: int, height: int) -> DualFisheye:
        """Return the model of the same frame at another size."""
        lenses = tuple(
            lens.resized(width / self.width, height / self.height, (
                resized_position(lens.centre[0], self.width, width),
                resized_position(lens.centre[1], self.height, height)))
            for lens in self.lenses)
        return replace(self, width=width, height=height, lenses=lenses)


def dual_fisheye(
        width: int, height: int, lenses: Sequence[FisheyeLens], blend: float) -> DualFisheye:
    """
    Return the camera of two lenses, each trimmed so that they share ``blend`` radians.

    What they share is measured where it is least, so that lenses that do not look exactly apart
    leave no gap as long as their fields of view overlap everywhere.
    """
    first, second = lenses
    cosine = float(np.clip(first.rotation[2] @ second.rotation[2], -1.0, 1.0))
    reach = (first.field_of_view + second.field_of_view) / 2.0
    least = reach - (2.0 * math.pi - math.acos(cosine))
    shared = max(0.0, min(blend, least))
    trim = max(0.0, (least - shared) / 2.0)
    trimmed = tuple(replace(lens, trim=trim, fade=shared) for lens in lenses)
    return DualFisheye(width, height, trimmed, blend)
