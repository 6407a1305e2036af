# SPDX-License-Identifier: Apache-2.0
"""Fire extinguishers, lamps, lanterns and clocks."""

from __future__ import annotations

import numpy as np

from hvs_ros.scenes.materials import Colour, Material, plain
from hvs_ros.scenes.shapes import Cone, Shape, tilt_x
from hvs_ros.scenes.things.modelling import (
    CREAM,
    DARK,
    DARK_WOOD,
    STEEL,
    WHITE,
    Maker,
    arc,
    block,
    darker,
    egg,
    legs,
    ring,
    stack,
    tube,
    turned,
)

_LIT = plain((225, 245, 255), glow=0.9)


def _domed_extinguisher(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.55)
    hose = [(0.03, 0.55, 0.0), (0.11, 0.52, 0.0), (0.125, 0.40, 0.0), (0.115, 0.18, 0.0)]
    return [
        turned(0.02, 0.40, 0.088, body), egg((0, 0.40, 0), (0.088, 0.075, 0.088), body),
        turned(0.45, 0.53, 0.024, STEEL), block((0, 0.55, 0), (0.05, 0.05, 0.05), DARK),
        block((0, 0.60, 0.05), (0.028, 0.016, 0.17), DARK, tilt_x(-0.3)),
        turned(0.0, 0.02, 0.093, DARK), turned(0.14, 0.29, 0.0895, WHITE),
        turned(0.19, 0.235, 0.0905, body), *tube(hose, 0.014, DARK),
        Cone((0.115, 0.20, 0), (0.11, 0.08, 0), 0.016, 0.026, DARK)]


def _horned_extinguisher(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.4)
    return [*stack(body, (0, 0.075), (0.5, 0.075), (0.58, 0.03)), turned(0.58, 0.64, 0.022, STEEL),
            *tube(arc((0, 0.66, 0), 0.05, -30, 200, 6), 0.01, DARK),
            Cone((0.06, 0.58, 0), (0.14, 0.18, 0), 0.016, 0.045, DARK),
            block((0, 0.32, -0.077), (0.08, 0.12, 0.006), CREAM)]


def _wheeled_extinguisher(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.5)
    return [turned(0.14, 0.78, 0.15, body), egg((0, 0.78, 0), (0.15, 0.1, 0.15), body),
            *[Cone((x - 0.02, 0.12, 0.08), (x + 0.02, 0.12, 0.08), 0.12, 0.12, DARK)
              for x in (-0.2, 0.2)], *[turned(0.2, 1.0, 0.014, STEEL, x=x, z=0.17)
                                       for x in (-0.1, 0.1)], Cone(
                (-0.1, 1.0, 0.17), (0.1, 1.0, 0.17), 0.016, 0.016, DARK),
            turned(0.4, 0.58, 0.1515, WHITE)]


def _boxed_extinguisher(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.35)
    return [block((0, 0.42, 0.05), (0.3, 0.8, 0.1), plain(darker(colour, 0.55), gloss=0.2)),
            turned(0.12, 0.5, 0.085, body, z=-0.06), egg((0, 0.5, -0.06), (
                0.085, 0.06, 0.085), body), turned(0.54, 0.62, 0.022, DARK, z=-0.06),
            block((0, 0.64, -0.08), (0.03, 0.03, 0.16), DARK), block((0, 0.3, -0.148), (
                0.09, 0.1, 0.006), WHITE)]


def _standing_lamp(colour: Colour) -> list[Shape]:
    return [turned(0, 0.03, 0.15, DARK, 0.14), turned(0.03, 1.22, 0.014, STEEL),
            turned(1.15, 1.50, 0.24, Material(colour=colour, glow=0.35), 0.15),
            turned(1.499, 1.503, 0.13, _LIT)]


def _arc_lamp(colour: Colour) -> list[Shape]:
    shade = Material(colour=colour, glow=0.25)
    bow = [(0.0, 0.06, 0.0), (-0.02, 0.9, 0.0), (-0.1, 1.35, 0.0), (-0.28, 1.55, 0.0), (
        -0.45, 1.45, 0.0)]
    return [turned(0, 0.06, 0.17, WHITE), *tube(bow, 0.014, STEEL), egg(
        (-0.45, 1.33, 0), (0.19, 0.14, 0.19), shade), turned(1.2, 1.21, 0.12, _LIT, x=-0.45)]


def _tripod_lamp(colour: Colour) -> list[Shape]:
    shade = Material(colour=colour, glow=0.35)
    return [turned(1.0, 1.38, 0.22, shade), turned(1.378, 1.382, 0.2, _LIT),
            *[item for x, z in ring(3, 1.0) for item in tube(
                [(0.34 * x, 0, 0.34 * z), (0.03 * x, 1.02, 0.03 * z)], 0.018, DARK_WOOD)]]


def _globe_lamp(colour: Colour) -> list[Shape]:
    glow = Material(colour=colour, glow=0.55)
    return [turned(0, 0.04, 0.14, DARK), turned(0.04, 1.25, 0.016, DARK), *[egg(
        (x, y, 0), 0.12, glow) for x, y in ((0, 1.42), (-0.17, 1.12), (0.17, 0.92))],
            *[Cone((0, y, 0), (x, y, 0), 0.01, 0.01, DARK) for x, y in ((-0.17, 1.12), (
                0.17, 0.92))]]


def _storm_lantern(colour: Colour) -> list[Shape]:
    frame = plain(colour, gloss=0.4)
    return [turned(0, 0.09, 0.11, frame), turned(0.09, 0.24, 0.075, plain(
        (178, 226, 240), glow=0.5)), turned(0.24, 0.28, 0.085, frame), turned(
            0.28, 0.35, 0.06, frame, 0.04), *[turned(0.05, 0.3, 0.01, frame, x=x)
                                               for x in (-0.11, 0.11)],
            *tube(arc((0, 0.31, 0), 0.11, 0, 180, 7), 0.007, frame)]


def _paper_lantern(colour: Colour) -> list[Shape]:
    paper = Material(colour=colour, glow=0.4)
    return [egg((0, 0.27, 0), (0.19, 0.2, 0.19), paper), turned(0.06, 0.09, 0.085, DARK),
            turned(0.45, 0.48, 0.085, DARK), *[turned(y, y + 0.008, radius, DARK)
                                               for y, radius in ((0.18, 0.173), (0.27, 0.1915), (
                                                   0.36, 0.173))], turned(0, 0.06, 0.012, DARK)]


def _house_lantern(colour: Colour) -> list[Shape]:
    frame = plain(colour, gloss=0.3)
    posts = legs(0.34, 0.1, 0.1, 0.014, frame)
    return [block((0, 0.02, 0), (0.25, 0.04, 0.25), frame), *posts, block((0, 0.19, 0), (
        0.16, 0.28, 0.16), plain((150, 214, 240), glow=0.45)), turned(0.34, 0.5, 0.2, frame, 0.03),
            egg((0, 0.52, 0), 0.03, frame)]


def _square_lantern(colour: Colour) -> list[Shape]:
    frame = plain(colour)
    bars = [block((x, 0.24, z), size, frame) for x, z, size in (
        (0, -0.132, (0.02, 0.4, 0.012)), (0, 0.132, (0.02, 0.4, 0.012)),
        (-0.132, 0, (0.012, 0.4, 0.02)), (0.132, 0, (0.012, 0.4, 0.02)))]
    return [block((0, 0.24, 0), (0.26, 0.36, 0.26), plain((190, 232, 244), glow=0.55)), *bars,
            *[block((0, y, 0), (0.29, 0.045, 0.29), frame) for y in (0.045, 0.24, 0.435)]]


def _marks(radius: float, material: Material, size: float = 0.018) -> list[Shape]:
    return [block((radius * float(np.sin(angle)), radius * float(np.cos(angle)), -0.047), (
        size, size, 0.006), material) for angle in np.arange(0, 12, 3) * np.pi / 6]


def _ring_clock(colour: Colour) -> list[Shape]:
    return [Cone((0, 0, 0), (0, 0, -0.045), 0.27, 0.25, plain(colour, gloss=0.4)),
            Cone((0, 0, -0.030), (0, 0, -0.0465), 0.192, 0.192, WHITE),
            Cone((0, 0, -0.048), (0.07, 0.075, -0.048), 0.009, 0.007, DARK),
            Cone((0, 0, -0.050), (-0.115, 0.085, -0.050), 0.007, 0.005, DARK),
            *_marks(0.165, DARK)]


def _face_clock(colour: Colour) -> list[Shape]:
    return [Cone((0, 0, 0), (0, 0, -0.03), 0.26, 0.26, DARK), Cone(
        (0, 0, -0.03), (0, 0, -0.04), 0.24, 0.24, plain(colour, gloss=0.2)),
            Cone((0, 0, -0.046), (0.02, 0.12, -0.046), 0.011, 0.008, WHITE),
            Cone((0, 0, -0.048), (0.16, -0.05, -0.048), 0.009, 0.006, WHITE),
            *_marks(0.2, WHITE, 0.026)]


def _square_clock(colour: Colour) -> list[Shape]:
    return [block((0, 0, -0.02), (0.46, 0.46, 0.04), plain(colour, gloss=0.35)), block(
        (0, 0, -0.038), (0.34, 0.34, 0.012), CREAM),
            Cone((0, 0, -0.048), (-0.08, 0.04, -0.048), 0.009, 0.007, DARK),
            Cone((0, 0, -0.050), (0.02, 0.13, -0.050), 0.007, 0.005, DARK), *_marks(0.14, DARK)]


def _sun_clock(colour: Colour) -> list[Shape]:
    rays = [Cone((0.17 * x, 0.17 * z, -0.02), (0.32 * x, 0.32 * z, -0.02), 0.022, 0.006, plain(
        colour, gloss=0.4)) for x, z in ring(10, 1.0)]
    return [Cone((0, 0, 0), (0, 0, -0.04), 0.19, 0.18, plain(colour, gloss=0.4)), *rays,
            Cone((0, 0, -0.03), (0, 0, -0.045), 0.13, 0.13, WHITE),
            Cone((0, 0, -0.048), (0.06, 0.05, -0.048), 0.009, 0.007, DARK),
            Cone((0, 0, -0.050), (-0.02, 0.1, -0.050), 0.007, 0.005, DARK)]


EXTINGUISHERS: dict[str, Maker] = {
    'domed': _domed_extinguisher, 'horned': _horned_extinguisher,
    'wheeled': _wheeled_extinguisher, 'boxed': _boxed_extinguisher}
LAMPS: dict[str, Maker] = {
    'standing': _standing_lamp, 'arc': _arc_lamp, 'tripod': _tripod_lamp, 'globes': _globe_lamp}
LANTERNS: dict[str, Maker] = {
    'storm': _storm_lantern, 'paper': _paper_lantern, 'house': _house_lantern,
    'square': _square_lantern}
CLOCKS: dict[str, Maker] = {
    'ring': _ring_clock, 'face': _face_clock, 'square': _square_clock, 'sun': _sun_clock}
