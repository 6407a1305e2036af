# SPDX-License-Identifier: Apache-2.0
"""Bundles of rays and the cast: which shape each ray meets first, and how far away."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hvs_ros.scenes.shapes import Array, Shape

Index = tuple[Any, ...]
Corners = NDArray[np.float64]
Window = tuple[int, int, int, int]
_PAIRS = np.array([(a, b) for a in range(8) for b in range(a + 1, 8)
                   if bin(a ^ b).count('1') == 1])
_STEPS = np.linspace(0.0, 1.0, 9)[:, None]


class Bundle(Protocol):
    """
    A set of rays that knows which of them could meet a box in space.

    Boxes come many at once, (K, 8, 3): asking for each would cost more than the casting.
    """

    @property
    def shape(self) -> tuple[int, ...]:
        """Return the shape of arrays that hold one value a ray."""

    def parts(self, corners: Corners) -> list[list[Index]]:
        """Return, for each box, index expressions that cover all rays that could meet it."""

    def rays(self, part: Index) -> tuple[Array, Array]:
        """Return origins and directions of a part, (3, N) or (3, 1)."""


@lru_cache(maxsize=2)
def _directions(width: int, height: int, yaw: float) -> Array:
    # H*: column i is longitude (2 i / W - 1) pi, row j latitude (j / H - 0.5) pi downwards.
    lon = (2 * np.arange(width) / width - 1) * np.pi + yaw
    lat = (np.arange(height) / height - 0.5) * np.pi
    rays = np.empty((3, height, width), np.float32)
    rays[0] = np.outer(np.cos(lat), np.sin(lon))
    rays[1] = -np.sin(lat)[:, None]
    rays[2] = np.outer(np.cos(lat), np.cos(lon))
    return rays


def _edge_points(corners: Corners) -> Corners:
    """Return points along the edges of boxes (K, 8, 3), relative to the eye, as (K, P, 3)."""
    start, end = corners[:, _PAIRS[:, 0]], corners[:, _PAIRS[:, 1]]
    along = end - start
    points = (start[:, :, None] + along[:, :, None] * _STEPS).reshape(len(corners), -1, 3)
    # Along an edge the latitude is extreme where it passes the eye; long walls bulge there.
    flat = along[..., [0, 2]]
    reach = np.maximum((flat * flat).sum(axis=-1), 1e-12)
    nearest = np.clip(-(start[..., [0, 2]] * flat).sum(axis=-1) / reach, 0, 1)
    return np.concatenate([points, start + along * nearest[..., None]], axis=1)


class PanoramaRays:
    """
    Look from one point in every direction, in the benchmark's equirectangular layout.

    `yaw` (rad) is the world direction of the panorama's centre column, positive to the right.
    """

    def __init__(self, width: int, height: int, origin: tuple[float, float, float],
                 yaw: float) -> None:
        self.shape = (height, width)
        self.yaw = yaw
        self.origin = np.array(origin, np.float32)[:, None]
        self._directions = _directions(width, height, yaw)

    @property
    def directions(self) -> Array:
        """Return all directions, (3, height, width)."""
        return self._directions

    def windows(self, corners: Corners) -> list[Window]:
        """
        Return for each box (top, bottom, left, right), ends exclusive, with a small margin.

        `left` may be negative and `right` beyond the width: the window then crosses the seam.
        """
        height, width = self.shape
        eye = self.origin[:, 0].astype(float)
        points = _edge_points(corners - eye)
        lat = np.arctan2(-points[..., 1], np.hypot(points[..., 0], points[..., 2]))
        top = np.floor((lat.min(axis=1) / np.pi + 0.5) * height) - 2
        bottom = np.ceil((lat.max(axis=1) / np.pi + 0.5) * height) + 3
        # Between sampled edge points an arc can bulge; near boxes get more margin.
        slack = np.ceil((bottom - top) * 0.02)
        lon = np.arctan2(points[..., 0], points[..., 2])
        middle = np.arctan2(np.sin(lon).sum(axis=1), np.cos(lon).sum(axis=1))
        spread = np.angle(np.exp(1j * (lon - middle[:, None])))
        column = (np.angle(np.exp(1j * (middle - self.yaw))) / np.pi + 1) / 2 * width
        left = np.floor(column + spread.min(axis=1) / (2 * np.pi) * width) - 2
        right = np.ceil(column + spread.max(axis=1) / (2 * np.pi) * width) + 3
        low, high = corners.min(axis=1), corners.max(axis=1)
        around = ((low[:, [0, 2]] <= eye[[0, 2]]) & (high[:, [0, 2]] >= eye[[0, 2]])).all(axis=1)
        top = np.where(around & (high[:, 1] >= eye[1]), 0, np.maximum(top - slack, 0))
        bottom = np.where(around & (low[:, 1] <= eye[1]), height,
                          np.minimum(bottom + slack, height))
        whole = around | (right - left >= width * 0.95)
        left, right = np.where(whole, 0, left), np.where(whole, width, right)
        bounds = np.stack([top, bottom, left, right], axis=1).astype(int)
        return [(t, b, lo, hi) for t, b, lo, hi in bounds.tolist()]

    def parts(self, corners: Corners) -> list[list[Index]]:
        """Return one slice a box or, across the seam, two."""
        return [self._slices(window) for window in self.windows(corners)]

    def _slices(self, window: Window) -> list[Index]:
        top, bottom, left, right = window
        width = self.shape[1]
        rows = slice(top, bottom)
        if bottom <= top:
            return []
        if left >= 0 and right <= width:
            return [(rows, slice(left, right))]
        return [(rows, slice(left % width, width)), (rows, slice(0, right % width))]

    def rays(self, part: Index) -> tuple[Array, Array]:
        """Return the common origin and the directions of a part."""
        index: Index = (slice(None), *part)
        return self.origin, self._directions[index].reshape(3, -1)


class PixelRays:
    """
    Look from the panorama's point through chosen pixels, several times beside each centre.

    shifts: (column, row) parts of a pixel. The rays of one pixel follow one another.
    """

    def __init__(self, panorama: PanoramaRays, rows: NDArray[np.intp], columns: NDArray[np.intp],
                 shifts: Sequence[tuple[float, float]]) -> None:
        count = len(shifts)
        self.shape = (rows.size * count,)
        self.origin = panorama.origin
        self._panorama = panorama
        self._rows = np.repeat(rows, count)
        self._columns = np.repeat(columns.astype(np.int32), count)
        height, width = panorama.shape
        beside = np.tile(np.array(shifts), (rows.size, 1))
        lon = (2 * (self._columns + beside[:, 0]) / width - 1) * np.pi + panorama.yaw
        lat = ((self._rows + beside[:, 1]) / height - 0.5) * np.pi
        self.directions = np.stack([np.cos(lat) * np.sin(lon), -np.sin(lat),
                                    np.cos(lat) * np.cos(lon)]).astype(np.float32)

    def parts(self, corners: Corners) -> list[list[Index]]:
        """Return the pixels inside the panorama's windows."""
        return [self._inside(window) for window in self._panorama.windows(corners)]

    def _inside(self, window: Window) -> list[Index]:
        """Return the rays in a window; the rows ascend, so that a search finds their range."""
        top, bottom, left, right = window
        low, high = np.searchsorted(self._rows, [top, bottom])
        columns, width = self._columns[low:high], self._panorama.shape[1]
        if right - left >= width:
            return [(slice(low, high),)] if high > low else []
        inside = (columns >= left) & (columns < right)
        if left < 0:
            inside |= columns >= left + width
        if right > width:
            inside |= columns < right - width
        chosen = np.flatnonzero(inside) + low
        return [(chosen,)] if chosen.size else []

    def rays(self, part: Index) -> tuple[Array, Array]:
        """Return the common origin and the directions of a part."""
        return self.origin, self.directions[:, part[0]]


class ParallelRays:
    """Look along one direction from a square plate: the eye of a far light."""

    def __init__(self, direction: tuple[float, float, float], centre: tuple[float, float, float],
                 span: float, size: int) -> None:
        self.shape = (size, size)
        ahead = np.array(direction, float) / np.linalg.norm(direction)
        side = np.cross(ahead, [0.0, 0.0, 1.0] if abs(ahead[2]) < 0.9 else [1.0, 0.0, 0.0])
        side /= np.linalg.norm(side)
        self._frame = np.stack([side, np.cross(side, ahead), ahead])
        self._centre = np.array(centre, float)
        self._span = span

    def place(self, points: Array) -> tuple[Array, Array, Array]:
        """Return column, row and depth of world points (3, N)."""
        own = self._frame.astype(np.float32) @ (points - self._centre.astype(np.float32)[:, None])
        scale = np.float32(self.shape[0] / self._span)
        middle = np.float32(self.shape[0] / 2)
        return own[0] * scale + middle, own[1] * scale + middle, own[2]

    def parts(self, corners: Corners) -> list[list[Index]]:
        """Return the slice under each box."""
        size = self.shape[0]
        column, row, _ = self.place(corners.reshape(-1, 3).T.astype(np.float32))
        bounds = []
        for values in (row.reshape(-1, 8), column.reshape(-1, 8)):
            bounds.append(np.clip(values.min(axis=1).astype(int) - 1, 0, size).tolist())
            bounds.append(np.clip(values.max(axis=1).astype(int) + 2, 0, size).tolist())
        return [[(slice(top, bottom), slice(left, right))] if top < bottom and left < right else []
                for top, bottom, left, right in zip(*bounds, strict=True)]

    def rays(self, part: Index) -> tuple[Array, Array]:
        """Return the origins on the plate and the one direction."""
        step = self._span / self.shape[0]
        rows = np.arange(part[0].start, part[0].stop) * step - self._span / 2
        columns = np.arange(part[1].start, part[1].stop) * step - self._span / 2
        # The plate is pushed back so that every shape lies in front of it.
        base = self._centre - self._frame[2] * 2 * self._span
        grid = (base[:, None, None] + self._frame[0][:, None, None] * columns[None, None]
                + self._frame[1][:, None, None] * rows[None, :, None])
        return (grid.reshape(3, -1).astype(np.float32),
                self._frame[2].astype(np.float32)[:, None])

    @property
    def offset(self) -> float:
        """Return the depth of the plate itself, as `place` measures depth."""
        return -2 * self._span


@dataclass(frozen=True)
class Hits:
    """Hold, for each ray, the number of the shape it met (-1: none) and the distance in metres."""

    shape: NDArray[np.int16]
    distance: Array


def cast(shapes: Sequence[Shape], bundle: Bundle) -> Hits:
    """Return what each ray of the bundle meets first."""
    number = np.full(bundle.shape, -1, np.int16)
    distance = np.full(bundle.shape, np.inf, np.float32)
    covers = bundle.parts(np.stack([shape.corners for shape in shapes])) if shapes else []
    for k, (shape, parts) in enumerate(zip(shapes, covers, strict=True)):
        for part in parts:
            t = shape.hit(*bundle.rays(part))
            known = distance[part]
            t = t.reshape(known.shape)
            number[part] = np.where(t < known, np.int16(k), number[part])
            distance[part] = np.minimum(known, t)
    return Hits(number, distance)
