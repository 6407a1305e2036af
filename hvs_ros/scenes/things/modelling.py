# SPDX-License-Identifier: Apache-2.0
"""
What things are modelled from: short names for convex shapes, and the materials they share.

Models stand on y = 0 around the origin with their front towards -z; sizes are metres.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np

from hvs_ros.scenes.materials import Colour, Material, plain
from hvs_ros.scenes.shapes import Box, Cone, Ellipsoid, Shape, Vector

Maker = Callable[[Colour], list[Shape]]
"""Models a thing in a colour (BGR)."""

DARK = plain((38, 36, 34), gloss=0.3)
STEEL = plain((150, 150, 148), gloss=0.6)
WHITE = plain((228, 230, 232), gloss=0.2)
SOIL = plain((36, 48, 62))
WOOD = plain((96, 132, 164), gloss=0.15)
DARK_WOOD = plain((48, 72, 98), gloss=0.2)
STRAW = plain((128, 172, 196))
CREAM = plain((196, 220, 232), gloss=0.1)


def darker(colour: Colour, share: float = 0.72) -> Colour:
    """Return the colour with that share of its light."""
    return (colour[0] * share, colour[1] * share, colour[2] * share)


def paler(colour: Colour, share: float = 0.4) -> Colour:
    """Return the colour mixed with white."""
    return (colour[0] + (255 - colour[0]) * share, colour[1] + (255 - colour[1]) * share,
            colour[2] + (255 - colour[2]) * share)


def turned(low: float, high: float, radius: float, material: Material,
           top_radius: float | None = None, x: float = 0.0, z: float = 0.0) -> Cone:
    """Return an upright cylinder, or a cut cone when it has another radius at its top."""
    return Cone((x, low, z), (x, high, z), radius, radius if top_radius is None else top_radius,
                material)


def stack(material: Material, *levels: tuple[float, float]) -> list[Shape]:
    """Return cut cones one upon the other: (height, radius) of each joint, from below."""
    return [turned(low, high, radius, material, top)
            for (low, radius), (high, top) in pairwise(levels)]


def block(centre: Vector, size: Vector, material: Material, rotation: np.ndarray | None = None,
          ) -> Box:
    """Return a box."""
    return Box(centre, size, material) if rotation is None else Box(
        centre, size, material, rotation)


def egg(centre: Vector, radii: Vector | float, material: Material) -> Ellipsoid:
    """Return a ball, or one stretched along the axes."""
    if isinstance(radii, (int, float)):
        radii = (radii, radii, radii)
    return Ellipsoid(centre, radii, material)


def tube(points: Sequence[Vector], radius: float, material: Material) -> list[Shape]:
    """Return a bent rod through the points."""
    return [Cone(a, b, radius, radius, material) for a, b in pairwise(points)]


def arc(centre: Vector, radius: float, begin: float, end: float, steps: int,
        flat: bool = False) -> list[Vector]:
    """Return points on an arc in the x-y plane, or with `flat` in the z-y plane; degrees."""
    points: list[Vector] = []
    for angle in np.radians(np.linspace(begin, end, steps)):
        side, rise = radius * float(np.cos(angle)), radius * float(np.sin(angle))
        points.append((centre[0], centre[1] + rise, centre[2] + side) if flat
                      else (centre[0] + side, centre[1] + rise, centre[2]))
    return points


def ring(count: int, radius: float, turn: float = 0.0) -> list[tuple[float, float]]:
    """Return (x, z) of places evenly around the origin."""
    return [(radius * float(np.sin(angle)), radius * float(np.cos(angle)))
            for angle in turn + np.arange(count) * 2 * np.pi / count]


def legs(high: float, half_x: float, half_z: float, radius: float, material: Material,
         spread: float = 1.0) -> list[Shape]:
    """Return four legs; they stand `spread` times as far out as they are fixed."""
    return [Cone((x * spread, 0, z * spread), (x, high, z), radius, radius, material)
            for x in (-half_x, half_x) for z in (-half_z, half_z)]
