# SPDX-License-Identifier: Apache-2.0
"""
Convex shapes that rays can hit: boxes, cones and cylinders, ellipsoids, flat rectangles.

World coordinates are metres: x right, y up, z ahead; the floor is y = 0. Arrays of points and
directions have shape (3, N), float32. A ray is origin + t * direction with t in metres when the
direction has unit length.
"""
from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hvs_ros.scenes.materials import Material

Array = NDArray[np.float32]
Vector = tuple[float, float, float]
Coordinates = tuple[Array, Array, Array]

_UPRIGHT = np.eye(3)
# A direction component is never exactly zero in a division; the sign does not matter there.
_TINY = np.float32(1e-9)


def turn_y(yaw: float) -> NDArray[np.float64]:
    """Return the rotation about the vertical that carries ahead (+z) to the right by yaw rad."""
    c, s = float(np.cos(yaw)), float(np.sin(yaw))
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def tilt_x(angle: float) -> NDArray[np.float64]:
    """Return the rotation about x that carries up (+y) towards ahead (+z) by angle rad."""
    c, s = float(np.cos(angle)), float(np.sin(angle))
    return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])


class Shape(Protocol):
    """Anything a ray can hit."""

    @property
    def material(self) -> Material:
        """Return what it looks like."""

    @property
    def casts(self) -> bool:
        """Return whether it throws shadows."""

    @property
    def corners(self) -> NDArray[np.float64]:
        """Return (8, 3) corners of a box that encloses the shape."""

    def hit(self, origin: Array, direction: Array) -> Array:
        """Return t (N,) of the first hit of each ray, infinity for a miss."""

    def surface(self, points: Array) -> Coordinates:
        """Return normals (3, N), flat shapes (3, 1), and coordinates u, v (N,) in metres."""

    def moved(self, yaw: float, offset: Vector, scale: float = 1.0) -> Shape:
        """Return the shape scaled, then turned about the vertical, then shifted."""


def dot(a: Array, b: Array) -> Array:
    """Return the inner products of two bundles of vectors, (3, N) or (3, 1)."""
    return np.asarray(a[0] * b[0] + a[1] * b[1] + a[2] * b[2])


def _cross(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    # numpy's cross costs a tenth of a millisecond in overhead, several times a shape.
    return np.array([a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2],
                     a[0] * b[1] - a[1] * b[0]])


def extent(shape: Shape) -> float:
    """Return the longest diagonal of a shape's box, metres."""
    return float(np.linalg.norm(shape.corners[-1] - shape.corners[0]))


def _vector(values: NDArray[np.float64]) -> Vector:
    return float(values[0]), float(values[1]), float(values[2])


def _box_corners(rotation: NDArray[np.float64], centre: NDArray[np.float64],
                 half: NDArray[np.float64]) -> NDArray[np.float64]:
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
    return centre + (signs * half) @ rotation.T


def _local(rotation: NDArray[np.float64], centre: NDArray[np.float64], points: Array) -> Array:
    inverse = rotation.T.astype(np.float32)
    return inverse @ (points - centre.astype(np.float32)[:, None])


@dataclass(frozen=True, eq=False)
class Box:
    """Stand for a solid box; `rotation` carries its own axes into the world."""

    centre: Vector
    size: Vector
    material: Material
    rotation: NDArray[np.float64] = field(default_factory=lambda: _UPRIGHT)
    casts: bool = True

    @cached_property
    def corners(self) -> NDArray[np.float64]:
        """Return its eight corners."""
        half = np.array(self.size, float) / 2
        return _box_corners(self.rotation, np.array(self.centre, float), half)

    def hit(self, origin: Array, direction: Array) -> Array:
        """Intersect by slabs."""
        start = _local(self.rotation, np.array(self.centre, float), origin)
        slope = self.rotation.T.astype(np.float32) @ direction
        slope = np.where(np.abs(slope) < _TINY, _TINY, slope)
        near: Array | None = None
        far: Array | None = None
        for axis in range(3):
            half = np.float32(self.size[axis] / 2)
            inverse = 1 / slope[axis]
            middle = -start[axis] * inverse
            reach = half * np.abs(inverse)
            low, high = middle - reach, middle + reach
            near = low if near is None else np.maximum(near, low)
            far = high if far is None else np.minimum(far, high)
        assert near is not None and far is not None
        return np.where((near <= far) & (near > 1e-3), near, np.float32(np.inf))

    def surface(self, points: Array) -> Coordinates:
        """Give each point the face it is nearest to; u runs sideways, v upwards."""
        own = _local(self.rotation, np.array(self.centre, float), points)
        half = np.array(self.size, np.float32)[:, None] / 2
        # Subtracting half before comparing keeps thin boxes right: depth below each face.
        face = np.argmax(np.abs(own) - half, axis=0)
        columns = np.arange(own.shape[1])
        normal = np.zeros_like(own)
        normal[face, columns] = np.sign(own[face, columns])
        u = np.where(face == 0, own[2], own[0]) + half[0] * (face != 0) + half[2] * (face == 0)
        v = np.where(face == 1, own[2] + half[2], own[1] + half[1])
        return self.rotation.astype(np.float32) @ normal, u, v

    def moved(self, yaw: float, offset: Vector, scale: float = 1.0) -> Box:
        """Return the box scaled, turned, shifted."""
        turn = turn_y(yaw)
        centre = turn @ (np.array(self.centre, float) * scale) + np.array(offset, float)
        size = _vector(np.array(self.size, float) * scale)
        return replace(self, centre=_vector(centre), size=size, rotation=turn @ self.rotation)


@dataclass(frozen=True, eq=False)
class Ellipsoid:
    """Stand for a ball or a stretched ball."""

    centre: Vector
    radii: Vector
    material: Material
    rotation: NDArray[np.float64] = field(default_factory=lambda: _UPRIGHT)
    casts: bool = True

    @cached_property
    def corners(self) -> NDArray[np.float64]:
        """Return the corners of the enclosing box along its own axes."""
        radii = np.array(self.radii, float)
        return _box_corners(self.rotation, np.array(self.centre, float), radii)

    @cached_property
    def _stretch(self) -> Array:
        return np.asarray(1 / np.array(self.radii, float), np.float32)[:, None]

    def hit(self, origin: Array, direction: Array) -> Array:
        """Intersect with the unit sphere in its own stretched frame."""
        inverse = self._stretch
        start = _local(self.rotation, np.array(self.centre, float), origin) * inverse
        slope = (self.rotation.T.astype(np.float32) @ direction) * inverse
        a, b, c = dot(slope, slope), dot(slope, start), dot(start, start) - 1
        root = b * b - a * c
        t = (-b - np.sqrt(np.maximum(root, 0))) / a
        return np.where((root > 0) & (t > 1e-3), t, np.float32(np.inf))

    def surface(self, points: Array) -> Coordinates:
        """Return normals; u and v lie in the plane that the surface faces most."""
        inverse = self._stretch
        own = _local(self.rotation, np.array(self.centre, float), points) * inverse
        normal = own * inverse
        normal /= np.sqrt(dot(normal, normal)) + _TINY
        size = np.float32(self.radii[0])
        most = np.argmax(np.abs(own), axis=0)
        u = np.where(most == 0, own[2], own[0]) * size
        v = np.where(most == 1, own[2], own[1]) * size
        return self.rotation.astype(np.float32) @ normal, u, v

    def moved(self, yaw: float, offset: Vector, scale: float = 1.0) -> Ellipsoid:
        """Return the ellipsoid scaled, turned, shifted."""
        turn = turn_y(yaw)
        centre = turn @ (np.array(self.centre, float) * scale) + np.array(offset, float)
        radii = _vector(np.array(self.radii, float) * scale)
        return replace(self, centre=_vector(centre), radii=radii, rotation=turn @ self.rotation)


@dataclass(frozen=True, eq=False)
class Cone:
    """Stand for a cut cone between two centres with two radii; equal radii make a cylinder."""

    start: Vector
    end: Vector
    start_radius: float
    end_radius: float
    material: Material
    casts: bool = True

    @cached_property
    def _frame(self) -> tuple[NDArray[np.float64], float]:
        axis = np.array(self.end, float) - np.array(self.start, float)
        length = float(np.linalg.norm(axis))
        up = axis / length
        side = _cross(up, np.array([0.0, 0.0, 1.0] if abs(up[2]) < 0.9 else [1.0, 0.0, 0.0]))
        side /= np.linalg.norm(side)
        return np.stack([side, up, _cross(side, up)], axis=1), length

    @cached_property
    def corners(self) -> NDArray[np.float64]:
        """Return the corners of the enclosing box along its axis."""
        rotation, length = self._frame
        radius = max(self.start_radius, self.end_radius)
        centre = (np.array(self.start, float) + np.array(self.end, float)) / 2
        return _box_corners(rotation, centre, np.array([radius, length / 2, radius]))

    def hit(self, origin: Array, direction: Array) -> Array:
        """Intersect the mantle, then the two caps."""
        rotation, length = self._frame
        start = _local(rotation, np.array(self.start, float), origin)
        slope = rotation.T.astype(np.float32) @ direction
        grow = np.float32((self.end_radius - self.start_radius) / length)
        radius = np.float32(self.start_radius) + grow * start[1]
        flare = grow * slope[1]
        a = slope[0] ** 2 + slope[2] ** 2 - flare ** 2
        a = np.where(np.abs(a) < _TINY, _TINY, a)
        b = slope[0] * start[0] + slope[2] * start[2] - radius * flare
        c = start[0] ** 2 + start[2] ** 2 - radius ** 2
        root = b * b - a * c
        spread = np.sqrt(np.maximum(root, 0))
        best = np.full(root.shape, np.inf, np.float32)
        for t in ((-b - spread) / a, (-b + spread) / a):
            height = start[1] + t * slope[1]
            good = (root > 0) & (t > 1e-3) & (height >= 0) & (height <= length)
            best = np.where(good & (t < best), t, best)
        vertical = np.where(np.abs(slope[1]) < _TINY, _TINY, slope[1])
        for level, limit in ((0.0, self.start_radius), (length, self.end_radius)):
            t = (np.float32(level) - start[1]) / vertical
            x, z = start[0] + t * slope[0], start[2] + t * slope[2]
            good = (x * x + z * z <= np.float32(limit) ** 2) & (t > 1e-3)
            best = np.where(good & (t < best), t, best)
        return best

    def surface(self, points: Array) -> Coordinates:
        """Return normals of mantle or cap; u runs around, v along the axis."""
        rotation, length = self._frame
        own = _local(rotation, np.array(self.start, float), points)
        around = np.hypot(own[0], own[2]) + _TINY
        grow = np.float32((self.end_radius - self.start_radius) / length)
        normal = np.stack([own[0] / around, np.full_like(around, -grow), own[2] / around])
        normal /= np.sqrt(1 + grow * grow)
        depth = np.float32(self.start_radius) + grow * own[1] - around
        low = (own[1] < 1e-3) & (depth > 1e-4)
        high = (own[1] > length - 1e-3) & (depth > 1e-4)
        for cap, sign in ((low, -1.0), (high, 1.0)):
            normal[:, cap] = np.array([[0.0], [sign], [0.0]], np.float32)
        u = np.arctan2(own[0], own[2]) * np.float32(max(self.start_radius, self.end_radius))
        u, v = np.where(low | high, own[0], u), np.where(low | high, own[2], own[1])
        return rotation.astype(np.float32) @ normal, u, v

    def moved(self, yaw: float, offset: Vector, scale: float = 1.0) -> Cone:
        """Return the cone scaled, turned, shifted."""
        turn = turn_y(yaw)
        start = turn @ (np.array(self.start, float) * scale) + np.array(offset, float)
        end = turn @ (np.array(self.end, float) * scale) + np.array(offset, float)
        return replace(self, start=_vector(start), end=_vector(end),
                       start_radius=self.start_radius * scale, end_radius=self.end_radius * scale)


@dataclass(frozen=True, eq=False)
class Panel:
    """Stand for a flat rectangle: a corner and two perpendicular edges, seen from both sides."""

    corner: Vector
    across: Vector
    up: Vector
    material: Material
    casts: bool = True

    @cached_property
    def corners(self) -> NDArray[np.float64]:
        """Return its four corners, twice."""
        base = np.array(self.corner, float)
        across, up = np.array(self.across, float), np.array(self.up, float)
        four = np.stack([base, base + across, base + up, base + across + up])
        return np.concatenate([four, four])

    def hit(self, origin: Array, direction: Array) -> Array:
        """Intersect the plane and keep what lies between the edges."""
        across, up = np.array(self.across, float), np.array(self.up, float)
        normal = _cross(across, up)
        rows = np.stack([across / (across @ across), up / (up @ up), normal]).astype(np.float32)
        start = rows @ (origin - np.array(self.corner, np.float32)[:, None])
        slope = rows @ direction
        t = -start[2] / np.where(np.abs(slope[2]) < _TINY, _TINY, slope[2])
        s, h = start[0] + t * slope[0], start[1] + t * slope[1]
        good = (t > 1e-3) & (s >= 0) & (s <= 1) & (h >= 0) & (h <= 1)
        return np.where(good, t, np.float32(np.inf))

    def surface(self, points: Array) -> Coordinates:
        """Return one normal for all, u along `across`, v along `up`, both from the corner."""
        across, up = np.array(self.across, float), np.array(self.up, float)
        normal = _cross(across, up)
        normal /= np.linalg.norm(normal)
        own = points - np.array(self.corner, np.float32)[:, None]
        u = (across / np.linalg.norm(across)).astype(np.float32) @ own
        v = (up / np.linalg.norm(up)).astype(np.float32) @ own
        return normal.astype(np.float32)[:, None], u, v

    def moved(self, yaw: float, offset: Vector, scale: float = 1.0) -> Panel:
        """Return the panel scaled, turned, shifted."""
        turn = turn_y(yaw)
        corner = turn @ (np.array(self.corner, float) * scale) + np.array(offset, float)
        across = turn @ np.array(self.across, float) * scale
        up = turn @ np.array(self.up, float) * scale
        return replace(self, corner=_vector(corner), across=_vector(across), up=_vector(up))
