# SPDX-License-Identifier: Apache-2.0
"""
The kinds of things one can be asked to find, each modelled from convex shapes.

A kind is a function from its colour to shapes around the origin, standing on y = 0 with its front
towards -z. Sizes are metres.
"""
from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from hvs_ros.scenes.materials import Colour, Material, plain
from hvs_ros.scenes.shapes import Box, Cone, Ellipsoid, Shape, Vector, tilt_x

# BGR, saturated enough to be named by anyone.
COLOURS: dict[str, Colour] = {
    'red': (34, 28, 205),
    'orange': (14, 120, 245),
    'yellow': (20, 205, 248),
    'green': (52, 150, 30),
    'turquoise': (188, 190, 16),
    'blue': (200, 74, 20),
    'purple': (168, 36, 118),
    'pink': (158, 84, 244),
}

DARK = plain((38, 36, 34), gloss=0.3)
STEEL = plain((150, 150, 148), gloss=0.6)
WHITE = plain((228, 230, 232), gloss=0.2)
SOIL = plain((36, 48, 62))

Maker = Callable[[Colour], list[Shape]]


def _darker(colour: Colour, share: float = 0.72) -> Colour:
    return (colour[0] * share, colour[1] * share, colour[2] * share)


def _tube(points: list[Vector], radius: float, material: Material) -> list[Shape]:
    return [Cone(a, b, radius, radius, material) for a, b in pairwise(points)]


def _arc(centre: Vector, radius: float, begin: float, end: float, steps: int,
         flat: bool = False) -> list[Vector]:
    """Return points on an arc in the x-y plane, or with `flat` in the z-y plane; degrees."""
    points: list[Vector] = []
    for angle in np.radians(np.linspace(begin, end, steps)):
        side, rise = radius * float(np.cos(angle)), radius * float(np.sin(angle))
        points.append((centre[0], centre[1] + rise, centre[2] + side) if flat
                      else (centre[0] + side, centre[1] + rise, centre[2]))
    return points


def fire_extinguisher(colour: Colour) -> list[Shape]:
    """Model a cylinder with a domed top, valve, lever, gauge, hose and label."""
    body = plain(colour, gloss=0.55)
    hose = [(0.03, 0.55, 0.0), (0.11, 0.52, 0.0), (0.125, 0.40, 0.0), (0.115, 0.18, 0.0)]
    return [
        Cone((0, 0, 0), (0, 0.40, 0), 0.088, 0.088, body),
        Ellipsoid((0, 0.40, 0), (0.088, 0.075, 0.088), body),
        Cone((0, 0.45, 0), (0, 0.53, 0), 0.024, 0.024, STEEL),
        Box((0, 0.55, 0), (0.05, 0.05, 0.05), DARK),
        Box((0, 0.60, 0.05), (0.028, 0.016, 0.17), DARK, tilt_x(-0.3)),
        Box((0, 0.565, 0.06), (0.026, 0.014, 0.13), DARK),
        Cone((0, 0.02, 0), (0, 0.0, 0), 0.093, 0.093, DARK),
        Cone((0, 0.14, 0), (0, 0.29, 0), 0.0895, 0.0895, WHITE),
        Cone((0, 0.19, 0), (0, 0.235, 0), 0.0905, 0.0905, body),
        *_tube(hose, 0.014, DARK),
        Cone((0.115, 0.20, 0), (0.11, 0.08, 0), 0.016, 0.026, DARK),
    ]


def chair(colour: Colour) -> list[Shape]:
    """Model a padded chair on four legs."""
    seat = plain(colour, gloss=0.15)
    legs = [Cone((x, 0, z), (x * 0.86, 0.45, z * 0.86), 0.017, 0.022, DARK)
            for x in (-0.21, 0.21) for z in (-0.21, 0.21)]
    return [
        Box((0, 0.47, 0), (0.47, 0.075, 0.46), seat),
        Box((0, 0.77, 0.235), (0.45, 0.40, 0.055), seat, tilt_x(0.10)),
        Box((-0.17, 0.55, 0.215), (0.03, 0.2, 0.025), DARK),
        Box((0.17, 0.55, 0.215), (0.03, 0.2, 0.025), DARK),
        *legs,
    ]


def cup(colour: Colour) -> list[Shape]:
    """Model a big coffee mug with a handle."""
    body = plain(colour, gloss=0.5)
    handle = _arc((0.074, 0.088, 0), 0.046, -82, 82, 7)
    return [
        Cone((0, 0, 0), (0, 0.165, 0), 0.068, 0.080, body),
        Cone((0, 0.158, 0), (0, 0.1665, 0), 0.070, 0.071, plain((24, 36, 58), gloss=0.4)),
        *_tube(handle, 0.012, body),
    ]


def suitcase(colour: Colour) -> list[Shape]:
    """Model an upright trolley case with ribs, wheels and a drawn-out handle."""
    shell, rib = plain(colour, gloss=0.35), plain(_darker(colour, 0.8), gloss=0.3)
    ribs: list[Shape] = [Box((x, 0.38, -0.125), (0.022, 0.52, 0.012), rib)
                         for x in (-0.15, -0.075, 0.0, 0.075, 0.15)]
    wheels: list[Shape] = [Cone((x - 0.012, 0.03, z), (x + 0.012, 0.03, z), 0.03, 0.03, DARK)
                           for x in (-0.18, 0.18) for z in (-0.08, 0.08)]
    return [
        Box((0, 0.38, 0), (0.46, 0.62, 0.24), shell),
        Box((0, 0.38, 0), (0.468, 0.64, 0.05), rib),
        *ribs, *wheels,
        Cone((-0.10, 0.68, 0.06), (-0.10, 0.98, 0.06), 0.010, 0.010, STEEL),
        Cone((0.10, 0.68, 0.06), (0.10, 0.98, 0.06), 0.010, 0.010, STEEL),
        Box((0, 0.985, 0.06), (0.25, 0.032, 0.034), DARK),
    ]


def ball(colour: Colour) -> list[Shape]:
    """Model a playing ball."""
    return [Ellipsoid((0, 0.19, 0), (0.19, 0.19, 0.19), plain(colour, gloss=0.45))]


def lamp(colour: Colour) -> list[Shape]:
    """Model a standing lamp whose shade glows a little."""
    shade = Material(colour=colour, glow=0.35)
    return [
        Cone((0, 0, 0), (0, 0.03, 0), 0.15, 0.14, DARK),
        Cone((0, 0.03, 0), (0, 1.22, 0), 0.014, 0.014, STEEL),
        Cone((0, 1.15, 0), (0, 1.50, 0), 0.24, 0.15, shade),
        Cone((0, 1.499, 0), (0, 1.503, 0), 0.13, 0.13, plain((225, 245, 255), glow=0.9)),
    ]


def plant_pot(colour: Colour) -> list[Shape]:
    """Model a leafy plant in a big coloured pot."""
    pot, leaf = plain(colour, gloss=0.35), plain((70, 104, 84))
    stems: list[Shape] = []
    for k in range(10):
        turn, lean = k * 2.4, 0.35 + 0.6 * ((k * 3) % 10) / 10
        rise = 0.38 + 0.036 * ((k * 7) % 10)
        side, ahead = float(np.cos(turn)) * lean, float(np.sin(turn)) * lean
        tip = (0.34 * side, 0.38 + rise, 0.34 * ahead)
        middle = (0.20 * side, 0.38 + rise * 0.62, 0.20 * ahead)
        stems.append(Cone((0.02 * side, 0.36, 0.02 * ahead), middle, 0.008, 0.03, leaf))
        stems.append(Cone(middle, tip, 0.03, 0.002, plain((60 + 3 * k, 96 + 4 * k, 74 + 4 * k))))
    return [
        Cone((0, 0, 0), (0, 0.34, 0), 0.15, 0.21, pot),
        Cone((0, 0.33, 0), (0, 0.39, 0), 0.225, 0.23, pot),
        Cone((0, 0.385, 0), (0, 0.392, 0), 0.20, 0.20, SOIL),
        *stems,
    ]


def bin_(colour: Colour) -> list[Shape]:
    """Model a waste bin with a domed lid and a dark gap under it."""
    body = plain(colour, gloss=0.3)
    return [
        Cone((0, 0, 0), (0, 0.56, 0), 0.17, 0.22, body),
        Cone((0, 0.56, 0), (0, 0.585, 0), 0.20, 0.20, DARK),
        Cone((0, 0.585, 0), (0, 0.63, 0), 0.235, 0.23, plain(_darker(colour), gloss=0.3)),
        Ellipsoid((0, 0.63, 0), (0.225, 0.14, 0.225), body),
        Ellipsoid((0, 0.775, 0), (0.035, 0.025, 0.035), DARK),
    ]


def umbrella(colour: Colour) -> list[Shape]:
    """Model an open sunshade on a pole with a foot."""
    cloth, edge = plain(colour), plain(_darker(colour, 0.85))
    return [
        Cone((0, 0, 0), (0, 0.07, 0), 0.24, 0.22, STEEL),
        Cone((0, 0.07, 0), (0, 2.02, 0), 0.022, 0.022, WHITE),
        Cone((0, 1.62, 0), (0, 1.98, 0), 0.98, 0.03, cloth),
        Cone((0, 1.55, 0), (0, 1.62, 0), 0.965, 0.98, edge),
        Ellipsoid((0, 2.02, 0), (0.035, 0.05, 0.035), STEEL),
    ]


def box(colour: Colour) -> list[Shape]:
    """Model a storage box with a lid and a label."""
    body, lid = plain(colour, gloss=0.2), plain(_darker(colour, 0.84), gloss=0.2)
    return [
        Box((0, 0.17, 0), (0.46, 0.34, 0.36), body),
        Box((0, 0.355, 0), (0.49, 0.06, 0.39), lid),
        Box((0, 0.20, -0.181), (0.16, 0.09, 0.004), WHITE),
        Box((0, 0.20, 0.181), (0.16, 0.09, 0.004), WHITE),
    ]


def clock(colour: Colour) -> list[Shape]:
    """Model a wall clock: a coloured ring around a white face with hands; y = 0 is its centre."""
    ring = plain(colour, gloss=0.4)
    marks: list[Shape] = []
    for angle in np.arange(12) * np.pi / 6:
        x, y = 0.165 * float(np.sin(angle)), 0.165 * float(np.cos(angle))
        marks.append(Box((x, y, -0.047), (0.018, 0.018, 0.006), DARK))
    return [
        Cone((0, 0, 0), (0, 0, -0.045), 0.27, 0.25, ring),
        Cone((0, 0, -0.030), (0, 0, -0.0465), 0.192, 0.192, WHITE),
        Cone((0, 0, -0.048), (0.07, 0.075, -0.048), 0.009, 0.007, DARK),
        Cone((0, 0, -0.050), (-0.115, 0.085, -0.050), 0.007, 0.005, DARK),
        *marks,
    ]


def backpack(colour: Colour) -> list[Shape]:
    """Model a packed rucksack with a pocket, straps and a loop."""
    cloth, pocket = plain(colour, gloss=0.1), plain(_darker(colour, 0.78), gloss=0.1)
    return [
        Box((0, 0.21, 0), (0.34, 0.38, 0.19), cloth),
        Ellipsoid((0, 0.40, 0), (0.17, 0.13, 0.098), cloth),
        Ellipsoid((0, 0.20, -0.02), (0.192, 0.21, 0.135), cloth),
        Box((0, 0.15, -0.14), (0.25, 0.19, 0.08), pocket),
        Box((0, 0.225, -0.1835), (0.20, 0.014, 0.008), STEEL),
        *_tube(_arc((0, 0.51, 0), 0.045, 0, 180, 6), 0.010, DARK),
        *_tube([(-0.11, 0.46, 0.09), (-0.14, 0.28, 0.15), (-0.12, 0.07, 0.10)], 0.02, pocket),
        *_tube([(0.11, 0.46, 0.09), (0.14, 0.28, 0.15), (0.12, 0.07, 0.10)], 0.02, pocket),
    ]


def traffic_cone(colour: Colour) -> list[Shape]:
    """Model a road cone with two white bands."""
    body = plain(colour, gloss=0.2)

    def radius(y: float) -> float:
        return 0.165 - 0.135 * (y - 0.04) / 0.66

    bands = [Cone((0, a, 0), (0, b, 0), radius(a) + 0.003, radius(b) + 0.003, WHITE)
             for a, b in ((0.26, 0.36), (0.46, 0.54))]
    return [
        Box((0, 0.02, 0), (0.44, 0.04, 0.44), plain(_darker(colour, 0.8))),
        Cone((0, 0.04, 0), (0, 0.70, 0), radius(0.04), radius(0.70), body),
        *bands,
    ]


def mailbox(colour: Colour) -> list[Shape]:
    """Model a letter box with a rounded top on a post."""
    body = plain(colour, gloss=0.35)
    return [
        Cone((0, 0, 0), (0, 0.85, 0), 0.035, 0.035, STEEL),
        Box((0, 1.03, 0), (0.34, 0.36, 0.42), body),
        Cone((0, 1.21, -0.21), (0, 1.21, 0.21), 0.17, 0.17, body),
        Box((0, 1.17, -0.213), (0.24, 0.03, 0.01), DARK),
        Box((0, 1.00, -0.213), (0.15, 0.10, 0.008), WHITE),
        Box((0.182, 1.16, 0.06), (0.02, 0.16, 0.03), WHITE),
    ]


def vase(colour: Colour) -> list[Shape]:
    """Model a bulging vase with dry twigs."""
    body, twig = plain(colour, gloss=0.6), plain((86, 112, 132))
    twigs: list[Shape] = [Cone((0, 0.36, 0), (x, 0.72 + y, z), 0.006, 0.003, twig)
                          for x, y, z in ((-0.12, 0, 0.02), (0.10, 0.05, -0.04), (0.02, 0.1, 0.09),
                                          (-0.04, 0.04, -0.08), (0.16, -0.06, 0.05))]
    return [
        Ellipsoid((0, 0.16, 0), (0.125, 0.16, 0.125), body),
        Cone((0, 0.27, 0), (0, 0.40, 0), 0.075, 0.058, body),
        Cone((0, 0.39, 0), (0, 0.42, 0), 0.058, 0.08, body),
        *twigs,
    ]


@dataclass(frozen=True)
class Kind:
    """
    Say how a kind of thing is made and where it may be put.

    name: as people say it. places: of floor, surface, wall, street. reach: radius of the free
    ground it needs, metres. height: for hanging things, of its origin above the floor.
    """

    name: str
    make: Maker
    places: frozenset[str]
    reach: float
    height: float = 0.0


def _kind(name: str, make: Maker, places: str, reach: float, height: float = 0.0) -> Kind:
    return Kind(name, make, frozenset(places.split()), reach, height)


KINDS: dict[str, Kind] = {kind.name: kind for kind in (
    _kind('fire extinguisher', fire_extinguisher, 'floor', 0.20),
    _kind('chair', chair, 'floor', 0.42),
    _kind('cup', cup, 'surface', 0.14),
    _kind('suitcase', suitcase, 'floor street', 0.34),
    _kind('ball', ball, 'floor street', 0.24),
    _kind('lamp', lamp, 'floor', 0.30),
    _kind('plant pot', plant_pot, 'floor street', 0.34),
    _kind('bin', bin_, 'floor street', 0.28),
    _kind('umbrella', umbrella, 'street', 1.05),
    _kind('box', box, 'floor surface street', 0.34),
    _kind('clock', clock, 'wall', 0.30, 2.0),
    _kind('backpack', backpack, 'floor surface street', 0.26),
    _kind('traffic cone', traffic_cone, 'floor street', 0.32),
    _kind('mailbox', mailbox, 'street', 0.34),
    _kind('vase', vase, 'surface floor', 0.20),
)}
