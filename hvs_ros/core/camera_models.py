# SPDX-License-Identifier: Apache-2.0
"""Camera models: from a ray to the pixel of a source image that saw it."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Protocol

import numpy as np

TINY = np.float32(1e-30)
"""Makes 0 / 0 a zero at the poles, where any longitude will do."""

# Least squares at Chebyshev nodes, off by less than 6e-7 rad on [-1, 1]: 0.002 px at width 7680,
# doubling included. numpy's float32 arctan2 is eight times slower where AVX-512 is missing.
_ATAN = tuple(np.float32(c) for c in (
    0.00782548295, -0.0368986292, 0.0837415565, -0.134804056, 0.198798722, -0.333263745,
    0.999999328))


def arctan_unit(tangents: np.ndarray, squares: np.ndarray, out: np.ndarray) -> None:
    """
    Write the arctangents of ``tangents``, all within [-1, 1], into ``out``.

    Float32 arrays of one shape; ``squares`` is scratch. Callers halve their angle first, as
    tan(a / 2) = y / (x + hypot(x, y)) needs neither branch nor quadrant for x >= 0.
    """
    np.multiply(tangents, tangents, out=squares)
    np.multiply(squares, _ATAN[0], out=out)
    for coefficient in _ATAN[1:-1]:
        out += coefficient
        out *= squares
    out += _ATAN[-1]
    out *= tangents


class CameraModel(Protocol):
    """
    Map rays to pixels of one source image.

    Rays are given in the camera's optical axes: x right, y down, z forward through the centre.
    """

    def project(
            self, x: np.ndarray, y: np.ndarray, z: np.ndarray,
            columns: np.ndarray, rows: np.ndarray) -> np.ndarray | None:
        """
        Write the pixel of each unit ray into ``columns`` and ``rows``, all float32, one shape.

        Return a mask that is true where the camera sees the ray, or None when it sees all.
        """


@dataclass(frozen=True)
class Equirectangular:
    """
    Map rays to a full panorama of ``width`` x ``height`` pixels, whatever their ratio.

    Longitude 0 is the column width / 2 and latitude 0 the row height / 2, without a half-pixel
    shift, as the benchmark has it. Columns lie in [0, width], where width is column 0 again;
    rows are clamped to [0, height - 1].
    """

    width: int
    height: int

    def project(
            self, x: np.ndarray, y: np.ndarray, z: np.ndarray,
            columns: np.ndarray, rows: np.ndarray) -> None:
        """Write longitude and latitude as pixels; every ray is seen."""
        level = np.sqrt(x * x + z * z)
        scratch = np.empty_like(level)
        tangents = np.abs(x) / (level + np.abs(z) + TINY)
        arctan_unit(tangents, scratch, columns)
        columns *= np.float32(self.width / math.pi)
        np.subtract(np.float32(self.width / 2), columns, out=columns, where=z < 0)
        np.copysign(columns, x, out=columns)
        columns += np.float32(self.width / 2)
        wrap_columns(columns, self.width)
        np.divide(y, level + np.sqrt(level * level + y * y) + TINY, out=tangents)
        arctan_unit(tangents, scratch, rows)
        self.to_rows(rows)

    def to_rows(self, half_latitudes: np.ndarray) -> None:
        """Turn half latitudes in radians, positive down, into rows, in place."""
        half_latitudes *= np.float32(2.0 * self.height / math.pi)
        half_latitudes += np.float32(self.height / 2)
        np.minimum(half_latitudes, np.float32(self.height - 1), out=half_latitudes)


def wrap_columns(columns: np.ndarray, width: int) -> None:
    """Bring columns that are less than one width off into [0, width], in place."""
    np.subtract(columns, np.float32(width), out=columns, where=columns > width)
    np.add(columns, np.float32(width), out=columns, where=columns < 0)
