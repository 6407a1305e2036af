# SPDX-License-Identifier: Apache-2.0
"""Camera models: from a ray to the pixel of a source image that saw it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
import math
from typing import Protocol

import numpy as np

from hvs_ros.core.mounts import rotation

TINY = np.float32(1e-30)
"""Makes 0 / 0 a zero at the poles, where any longitude will do."""
OPTICAL_AXES = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
"""From REP-103's axes (x forward, y left, z up) to optical ones (x right, y down, z forward)."""

# Least squares at Chebyshev nodes, off by less than 6e-7 rad on [-1, 1]: 0.002 px at width 7680,
# doubling included. numpy's float32 arctan2 is eight times slower where AVX-512 is missing.
ARCTAN = tuple(np.float32(c) for c in (
    0.00782548295, -0.0368986292, 0.0837415565, -0.134804056, 0.198798722, -0.333263745,
    0.999999328))
"""Coefficients of arctan(x) / x in x * x, the highest power first."""


def arctan_unit(tangents: np.ndarray, squares: np.ndarray, out: np.ndarray) -> None:
    """
    Write the arctangents of ``tangents``, all within [-1, 1], into ``out``.

    Float32 arrays of one shape; ``squares`` is scratch. Callers halve their angle first, as
    tan(a / 2) = y / (x + hypot(x, y)) needs neither branch nor quadrant for x >= 0.
    """
    np.multiply(tangents, tangents, out=squares)
    np.multiply(squares, ARCTAN[0], out=out)
    for coefficient in ARCTAN[1:-1]:
        out += coefficient
        out *= squares
    out += ARCTAN[-1]
    out *= tangents


def optical_rotation(yaw: float, pitch: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """
    Return the 3x3 rotation from a turned camera's optical axes to the unturned one's.

    It is Rz(yaw) Ry(pitch) Rx(roll) of REP-103 in radians, so that a positive roll turns the
    camera clockwise.
    """
    return OPTICAL_AXES @ rotation(yaw, pitch, roll) @ OPTICAL_AXES.T


class Lens(Protocol):
    """
    Map rays to pixels of one part of a source image.

    Rays have any length and the lens's own optical axes: x right, y down, z forward through its
    centre. Pixel (0, 0) is the centre of the image's first pixel.
    """

    @property
    def rotation(self) -> np.ndarray:
        """Return the 3x3 rotation from the camera's optical axes to the lens's."""

    @property
    def bend(self) -> float:
        """Return a bound on the second derivative of pixels over tangents of ray angles."""

    def sees(self, corners: np.ndarray) -> bool | None:
        """
        Return whether all of a flat quadrilateral is seen, for certain; None when partly.

        ``corners`` are its (n, 3) rays. False means that the lens adds nothing to it.
        """

    def project(
            self, x: np.ndarray, y: np.ndarray, z: np.ndarray,
            columns: np.ndarray, rows: np.ndarray) -> np.ndarray | None:
        """
        Write the pixel of each ray into ``columns`` and ``rows``, all float32, one shape.

        Return how much each counts, from 0, not seen, to 1, or None when all count fully.
        """


class CameraModel(Protocol):
    """
    Describe a source image of ``width`` x ``height`` pixels as the lenses that made it.

    Where several lenses see a ray, their pixels are mixed as their weights say. ``border`` is
    OpenCV's name for what lies beyond the image's edges.
    """

    @property
    def width(self) -> int:
        """Return the width of the source image."""

    @property
    def height(self) -> int:
        """Return the height of the source image."""

    @property
    def lenses(self) -> Sequence[Lens]:
        """Return the lenses, at least one."""

    @property
    def pixels_per_radian(self) -> float:
        """Return how finely the image resolves the horizon."""

    @property
    def wraps(self) -> bool:
        """Return whether the last column is the first one's neighbour."""

    def resized(self, width: int, height: int) -> CameraModel:
        """Return the model of the same image, scaled to ``width`` x ``height``."""


def project(model: CameraModel, rays: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """
    Return ((n, 2) pixels as column and row, (n,) whether seen) of (n, 3) rays.

    Rays have the camera's optical axes. Of several lenses the one that counts most answers.
    """
    best = np.zeros(len(rays), np.float32)
    pixels = np.zeros((len(rays), 2), np.float32)
    for lens in model.lenses:
        x, y, z = (np.asarray(rays) @ lens.rotation.T).astype(np.float32).T
        columns, rows = np.empty_like(x), np.empty_like(x)
        weights = lens.project(x, y, z, columns, rows)
        better = np.ones(len(rays), bool) if weights is None else weights > best
        pixels[better] = np.stack([columns, rows], -1)[better]
        best[better] = 1.0 if weights is None else weights[better]
    return pixels, best > 0


@dataclass(frozen=True)
class Equirectangular:
    """
    Map rays to a panorama of ``width`` x ``height`` pixels, whatever their ratio.

    Longitude 0 is the column width / 2 and latitude 0 the row height / 2, without a half-pixel
    shift, as the benchmark has it. Columns lie in [0, width], where width is column 0 again;
    rows are clamped to [0, height - 1]. ``vertical_fov`` and ``centre_pitch`` (positive down),
    in radians, say which latitudes a cropped panorama keeps; the others are not seen. ``phase``
    is where a resized panorama has the pixel that was (0, 0).
    """

    width: int
    height: int
    vertical_fov: float = math.pi
    centre_pitch: float = 0.0
    phase: tuple[float, float] = (0.0, 0.0)

    bend = math.inf
    wraps = True
    rotation = np.eye(3)

    @property
    def lenses(self) -> tuple[Equirectangular, ...]:
        """Return itself, its one lens."""
        return (self,)

    @property
    def pixels_per_radian(self) -> float:
        """Return how many columns a radian takes."""
        return self.width / (2.0 * math.pi)

    @property
    def is_whole(self) -> bool:
        """Return whether it reaches from pole to pole."""
        return self.vertical_fov >= math.pi

    def resized(self, width: int, height: int) -> Equirectangular:
        """Return the model of the same panorama at another size."""
        phase = (resized_position(self.phase[0], self.width, width),
                 resized_position(self.phase[1], self.height, height))
        return replace(self, width=width, height=height, phase=phase)

    def sees(self, corners: np.ndarray) -> bool | None:
        """Return True unless the panorama is cropped."""
        return True if self.is_whole else None

    def project(
            self, x: np.ndarray, y: np.ndarray, z: np.ndarray,
            columns: np.ndarray, rows: np.ndarray) -> np.ndarray | None:
        """Write longitude and latitude as pixels; a whole panorama sees every ray."""
        level = np.sqrt(x * x + z * z)
        scratch = np.empty_like(level)
        tangents = np.abs(x) / (level + np.abs(z) + TINY)
        arctan_unit(tangents, scratch, columns)
        columns *= np.float32(self.width / math.pi)
        np.subtract(np.float32(self.width / 2), columns, out=columns, where=z < 0)
        np.copysign(columns, x, out=columns)
        columns += np.float32(self.width / 2 + self.phase[0])
        wrap_columns(columns, self.width)
        np.divide(y, level + np.sqrt(level * level + y * y) + TINY, out=tangents)
        arctan_unit(tangents, scratch, rows)
        self.to_rows(rows)
        return self.clamp_rows(rows)

    def to_rows(self, half_latitudes: np.ndarray) -> None:
        """Turn half latitudes in radians, positive down, into rows, in place and not clamped."""
        per_radian = self.height / self.vertical_fov
        half_latitudes *= np.float32(2.0 * per_radian)
        half_latitudes += np.float32(
            self.height / 2 - self.centre_pitch * per_radian + self.phase[1])

    def clamp_rows(self, rows: np.ndarray) -> np.ndarray | None:
        """Bring rows into the image, in place; return which were, 1 or 0, or None for all."""
        seen = None
        if not self.is_whole and (rows.min() < -0.5 or rows.max() > self.height - 0.5):
            seen = ((rows >= -0.5) & (rows <= self.height - 0.5)).astype(np.float32)
        np.clip(rows, np.float32(0), np.float32(self.height - 1), out=rows)
        return seen


def wrap_columns(columns: np.ndarray, width: int) -> None:
    """Bring columns that are less than one width off into [0, width], in place."""
    np.subtract(columns, np.float32(width), out=columns, where=columns > width)
    np.add(columns, np.float32(width), out=columns, where=columns < 0)


def resized_position(position: float, length: int, new_length: int) -> float:
    """Return where a pixel position lies in an image scaled from ``length`` pixels."""
    return (position + 0.5) * new_length / length - 0.5
