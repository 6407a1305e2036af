# SPDX-License-Identifier: Apache-2.0
"""
Furniture and fittings in quiet colours, so that the things to be found stand out.

Every piece stands on y = 0 with its front towards -z; what hangs on a wall has its back at z = 0.
"""
from __future__ import annotations

import numpy as np

from hvs_ros.scenes import textures
from hvs_ros.scenes.materials import Colour, Image, Material, picture, plain
from hvs_ros.scenes.shapes import Box, Cone, Ellipsoid, Panel, Shape, tilt_x
from hvs_ros.scenes.textures import Random
from hvs_ros.scenes.things.modelling import DARK, STEEL, WHITE

OAK: Colour = (112, 142, 168)
WALNUT: Colour = (62, 82, 104)
MUTED: tuple[Colour, ...] = ((128, 122, 116), (104, 112, 122), (134, 140, 130), (96, 88, 84),
                             (150, 158, 168), (120, 128, 142))
CAR_PAINT: tuple[Colour, ...] = ((196, 196, 194), (60, 58, 56), (228, 230, 230), (96, 84, 74),
                                 (132, 134, 136))


def door(width: float = 0.95, height: float = 2.1, colour: Colour = (176, 190, 200),
         frame: Colour = (214, 218, 220)) -> list[Shape]:
    """Return a closed door leaf with two panels, a frame and a handle."""
    leaf, edge = plain(colour, gloss=0.2), plain(frame, gloss=0.2)
    inset = plain((colour[0] * 0.9, colour[1] * 0.9, colour[2] * 0.9), gloss=0.2)
    side = width / 2 + 0.04
    return [
        Box((0, height / 2, -0.02), (width, height, 0.04), leaf),
        Box((0, height * 0.74, -0.041), (width * 0.66, height * 0.36, 0.012), inset),
        Box((0, height * 0.27, -0.041), (width * 0.66, height * 0.36, 0.012), inset),
        Box((-side, height / 2, -0.035), (0.09, height, 0.09), edge),
        Box((side, height / 2, -0.035), (0.09, height, 0.09), edge),
        Box((0, height + 0.045, -0.035), (width + 0.17, 0.09, 0.09), edge),
        Cone((width * 0.38, 1.02, -0.04), (width * 0.38, 1.02, -0.09), 0.016, 0.016, STEEL),
        Cone((width * 0.39, 1.02, -0.09), (width * 0.25, 1.02, -0.09), 0.013, 0.013, STEEL),
    ]


def glass_door(view: Image, width: float = 1.9, height: float = 2.3) -> list[Shape]:
    """Return a double glass door in a dark frame with daylight behind it."""
    shapes: list[Shape] = [
        Panel((-width / 2, 0.0, -0.02), (width, 0, 0), (0, height, 0),
              picture(view, width, height, glow=0.75, gloss=0.5)),
        Box((0, height + 0.05, -0.04), (width + 0.2, 0.1, 0.1), DARK),
        Box((0, 0.06, -0.035), (width, 0.12, 0.06), DARK),
    ]
    for x in (-width / 2 - 0.05, 0.0, width / 2 + 0.05):
        shapes.append(Box((x, height / 2, -0.04), (0.08, height, 0.08), DARK))
    for x in (-0.14, 0.14):
        shapes.append(Cone((x, 0.85, -0.10), (x, 1.35, -0.10), 0.018, 0.018, STEEL))
    return shapes


def lift(width: float = 1.3, height: float = 2.15) -> list[Shape]:
    """Return closed lift doors of brushed steel."""
    steel = plain((172, 174, 174), gloss=0.7)
    return [
        Box((0, height / 2, -0.015), (width, height, 0.03), steel),
        Box((0, height / 2, -0.031), (0.012, height, 0.004), DARK),
        Box((-width / 2 - 0.07, height / 2, -0.03), (0.14, height, 0.08), STEEL),
        Box((width / 2 + 0.07, height / 2, -0.03), (0.14, height, 0.08), STEEL),
        Box((0, height + 0.1, -0.03), (width + 0.28, 0.2, 0.08), STEEL),
        Box((width / 2 + 0.3, 1.1, -0.01), (0.12, 0.26, 0.02), DARK),
    ]


def window(view: Image, width: float, height: float, sill: float,
           curtain: Material | None = None) -> list[Shape]:
    """Return a window with a bright view, white bars, a sill and perhaps curtains."""
    middle = sill + height / 2
    shapes: list[Shape] = [
        Panel((-width / 2, sill, -0.01), (width, 0, 0), (0, height, 0),
              picture(view, width, height, glow=1.0), casts=False),
        Box((0, sill - 0.03, -0.10), (width + 0.24, 0.05, 0.22), WHITE),
        Box((0, sill + height + 0.03, -0.03), (width + 0.12, 0.07, 0.07), WHITE),
    ]
    for x in (-width / 2, 0.0, width / 2):
        shapes.append(Box((x, middle, -0.03), (0.06, height, 0.06), WHITE))
    if curtain is not None:
        for side in (-1, 1):
            for fold in range(5):
                x = side * (width / 2 + 0.02 + 0.085 * fold)
                shapes.append(Cone((x, 0.06, -0.12), (x, sill + height + 0.16, -0.12),
                                   0.055, 0.045, curtain))
        top = sill + height + 0.18
        shapes.append(Cone((-width / 2 - 0.6, top, -0.12), (width / 2 + 0.6, top, -0.12),
                           0.016, 0.016, STEEL))
    return shapes


def framed(image: Image, width: float, height: float, centre: float,
           frame: Colour = (60, 64, 70)) -> list[Shape]:
    """Return a picture in a frame, its middle `centre` above the floor."""
    return [
        Box((0, centre, -0.015), (width + 0.07, height + 0.07, 0.03), plain(frame, gloss=0.3)),
        Panel((-width / 2, centre - height / 2, -0.032), (width, 0, 0), (0, height, 0),
              picture(image, width, height)),
    ]


def plate(image: Image, height: float, bottom: float, depth: float = 0.06,
          glow: float = 0.55) -> list[Shape]:
    """Return a sign plate, as wide as its picture asks, its lower edge `bottom` above ground."""
    width = height * image.shape[1] / image.shape[0]
    return [
        Box((0, bottom + height / 2, -depth / 2), (width + 0.02, height + 0.02, depth), DARK),
        Panel((-width / 2, bottom, -depth - 0.003), (width, 0, 0), (0, height, 0),
              picture(image, width, height, glow=glow)),
    ]


def bookcase(rng: Random) -> list[Shape]:
    """Return a full bookcase."""
    wooden = Material(texture=textures.wood(rng, WALNUT), tile=(1.2, 0.6))
    return [
        Box((0, 1.0, -0.17), (1.3, 2.0, 0.32), wooden),
        Panel((-0.61, 0.06, -0.333), (1.22, 0, 0), (0, 1.88, 0),
              picture(textures.books(rng), 1.22, 1.88)),
    ]


def table(rng: Random, width: float, depth: float, height: float = 0.74) -> list[Shape]:
    """Return a wooden table on four legs."""
    top = Material(texture=textures.wood(rng, OAK), tile=(1.6, 0.8), gloss=0.2)
    legs: list[Shape] = [Box((x * (width / 2 - 0.07), height / 2 - 0.02, z * (depth / 2 - 0.07)),
                             (0.06, height - 0.04, 0.06), top)
                         for x in (-1, 1) for z in (-1, 1)]
    return [Box((0, height - 0.02, 0), (width, 0.04, depth), top),
            Box((0, height - 0.08, 0), (width - 0.16, 0.08, depth - 0.16), top), *legs]


def sideboard(rng: Random) -> list[Shape]:
    """Return a low cupboard of 1.5 m, 0.8 m high, with two doors."""
    wooden = Material(texture=textures.wood(rng, OAK), tile=(1.6, 0.8), gloss=0.15)
    front = Material(texture=textures.wood(rng, (132, 160, 184)), tile=(1.6, 0.8), gloss=0.15)
    return [
        Box((0, 0.45, -0.22), (1.5, 0.66, 0.42), wooden),
        Box((0, 0.79, -0.22), (1.56, 0.03, 0.46), wooden),
        Box((-0.37, 0.45, -0.435), (0.70, 0.58, 0.02), front),
        Box((0.37, 0.45, -0.435), (0.70, 0.58, 0.02), front),
        Box((0, 0.06, -0.22), (1.3, 0.12, 0.34), DARK),
        Box((-0.06, 0.5, -0.455), (0.02, 0.16, 0.02), STEEL),
        Box((0.06, 0.5, -0.455), (0.02, 0.16, 0.02), STEEL),
    ]


def sofa(rng: Random, width: float = 1.9) -> list[Shape]:
    """Return an upholstered sofa."""
    tone = MUTED[int(rng.integers(len(MUTED)))]
    cloth = Material(texture=textures.fabric(rng, tone), tile=(0.35, 0.35))
    light = (tone[0] * 1.12, tone[1] * 1.12, tone[2] * 1.12)
    pad = Material(texture=textures.fabric(rng, light), tile=(0.35, 0.35))
    shapes: list[Shape] = [
        Box((0, 0.22, -0.42), (width, 0.24, 0.80), cloth),
        Box((0, 0.52, -0.10), (width, 0.62, 0.20), cloth, tilt_x(0.08)),
    ]
    half = width / 2 - 0.02
    for side in (-1, 1):
        shapes.append(Box((side * half, 0.36, -0.42), (0.18, 0.40, 0.84), cloth))
        shapes.append(Cone((side * half, 0.56, -0.84), (side * half, 0.56, -0.02), 0.10, 0.10,
                           cloth))
        shapes.append(Box((side * width * 0.22, 0.40, -0.46), (width * 0.41, 0.15, 0.66), pad))
        shapes.append(Box((side * width * 0.22, 0.64, -0.24), (width * 0.40, 0.40, 0.15), pad,
                          tilt_x(0.2)))
    return shapes


def bench(width: float = 1.6) -> list[Shape]:
    """Return a slatted bench without a back."""
    wooden = plain((104, 134, 158), gloss=0.15)
    slats: list[Shape] = [Box((0, 0.44, z), (width, 0.035, 0.10), wooden)
                          for z in (-0.18, -0.06, 0.06, 0.18)]
    return [*slats,
            Box((-width * 0.38, 0.21, 0), (0.06, 0.42, 0.40), DARK),
            Box((width * 0.38, 0.21, 0), (0.06, 0.42, 0.40), DARK)]


def counter(rng: Random, width: float = 3.0) -> list[Shape]:
    """Return a reception desk with a bright top."""
    front = Material(texture=textures.wood(rng, WALNUT), tile=(1.8, 0.9), gloss=0.25)
    return [
        Box((0, 0.53, 0), (width, 1.06, 0.6), front),
        Box((0, 1.08, -0.02), (width + 0.1, 0.05, 0.74), plain((206, 212, 216), gloss=0.5)),
        Box((0, 0.05, 0), (width - 0.1, 0.10, 0.56), DARK),
        Box((0, 0.62, -0.305), (width * 0.92, 0.02, 0.012), plain((210, 226, 236), glow=0.6)),
    ]


def pillar(height: float, radius: float = 0.34) -> list[Shape]:
    """Return a round pillar with a base and a head."""
    stone = plain((196, 202, 206), gloss=0.25)
    return [
        Cone((0, 0, 0), (0, height, 0), radius, radius, stone),
        Cone((0, 0, 0), (0, 0.22, 0), radius + 0.08, radius + 0.05, plain((120, 124, 126))),
        Cone((0, height - 0.3, 0), (0, height, 0), radius + 0.02, radius + 0.16, stone),
    ]


def stairs(width: float = 2.4, steps: int = 12) -> list[Shape]:
    """Return a flight of stairs that climbs away from the eye, with rails."""
    stone, nose = plain((178, 184, 188), gloss=0.2), plain((96, 98, 100))
    shapes: list[Shape] = []
    for k in range(steps):
        rise, z = 0.165 * (k + 1), 0.29 * k
        shapes.append(Box((0, rise / 2, z + 0.145), (width, rise, 0.29), stone))
        shapes.append(Box((0, rise - 0.012, z + 0.012), (width, 0.028, 0.03), nose))
    top, far = 0.165 * steps, 0.29 * steps
    for side in (-1, 1):
        x = side * (width / 2 + 0.04)
        shapes.append(Cone((x, 0.95, 0), (x, 0.95 + top, far), 0.028, 0.028, STEEL))
        for k in range(0, steps + 1, 3):
            shapes.append(Cone((x, 0.165 * k, 0.29 * k), (x, 0.95 + 0.165 * k, 0.29 * k),
                               0.018, 0.018, STEEL))
    return shapes


def pendant(height: float, drop: float = 0.7) -> list[Shape]:
    """Return a ceiling lamp that hangs from `height`."""
    return [
        Cone((0, height - drop, 0), (0, height, 0), 0.008, 0.008, DARK),
        Cone((0, height - drop - 0.22, 0), (0, height - drop, 0), 0.26, 0.07,
             plain((198, 206, 210), gloss=0.3)),
        Ellipsoid((0, height - drop - 0.2, 0), (0.11, 0.08, 0.11),
                  plain((232, 248, 255), glow=1.3)),
    ]


def foliage(rng: Random) -> Material:
    """Return a leafy material, dull enough not to be taken for a green thing."""
    return Material(texture=textures.leaves(rng, (62, 104, 88)), tile=(1.1, 1.1))


def tree(rng: Random, leaf: Material, height: float = 5.5) -> list[Shape]:
    """Return a tree with a crown of several leafy balls."""
    bark = plain((64, 78, 92))
    shapes: list[Shape] = [Cone((0, 0, 0), (0, height * 0.6, 0), 0.15, 0.09, bark)]
    for k in range(7):
        turn = k * 2.4 + float(rng.uniform(0, 0.6))
        side = 0.0 if k == 0 else height * 0.15
        size = height * float(rng.uniform(0.14, 0.2))
        centre = (side * float(np.cos(turn)), height * (0.64 + 0.05 * (k % 4)),
                  side * float(np.sin(turn)))
        shapes.append(Ellipsoid(centre, (size, size * 0.85, size), leaf))
    return shapes


def street_lamp() -> list[Shape]:
    """Return a lamp post with an arm over the road (+z)."""
    return [
        Cone((0, 0, 0), (0, 0.6, 0), 0.09, 0.07, DARK),
        Cone((0, 0.6, 0), (0, 4.6, 0), 0.055, 0.04, DARK),
        Cone((0, 4.55, 0), (0, 4.75, 0.9), 0.035, 0.03, DARK),
        Box((0, 4.74, 1.1), (0.2, 0.07, 0.5), DARK),
        Box((0, 4.70, 1.1), (0.16, 0.02, 0.44), plain((236, 244, 250), glow=0.8)),
    ]


def car(paint: Colour) -> list[Shape]:
    """Return a parked car along x, 4.2 m long."""
    body, glass = plain(paint, gloss=0.7), plain((70, 62, 56), gloss=0.9)
    shapes: list[Shape] = [
        Box((0, 0.55, 0), (4.2, 0.5, 1.7), body),
        Box((0.1, 0.80, 0), (3.9, 0.12, 1.62), body),
        Box((-0.15, 1.12, 0), (2.1, 0.55, 1.46), glass),
        Box((-0.15, 1.41, 0), (1.95, 0.06, 1.44), body),
        Cone((0.9, 0.84, -0.73), (0.74, 1.40, -0.68), 0.05, 0.05, body),
        Cone((-1.2, 0.84, -0.73), (-1.04, 1.40, -0.68), 0.05, 0.05, body),
        Box((-0.1, 1.12, 0), (0.07, 0.56, 1.48), body),
        Cone((2.08, 0.62, -0.6), (2.12, 0.62, -0.6), 0.12, 0.11, WHITE),
        Cone((2.08, 0.62, 0.6), (2.12, 0.62, 0.6), 0.12, 0.11, WHITE),
        Box((0, 0.34, 0), (4.1, 0.14, 1.66), DARK),
    ]
    for x in (-1.3, 1.35):
        for z in (-1, 1):
            shapes.append(Cone((x, 0.32, z * 0.62), (x, 0.32, z * 0.87), 0.32, 0.32, DARK))
            shapes.append(Cone((x, 0.32, z * 0.62), (x, 0.32, z * 0.885), 0.18, 0.17, STEEL))
    return shapes
