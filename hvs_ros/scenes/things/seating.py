# SPDX-License-Identifier: Apache-2.0
"""Chairs, armchairs and stools."""

from __future__ import annotations

from hvs_ros.scenes.materials import Colour, plain
from hvs_ros.scenes.shapes import Shape, tilt_x
from hvs_ros.scenes.things.modelling import (
    DARK,
    DARK_WOOD,
    STEEL,
    WOOD,
    Maker,
    block,
    darker,
    egg,
    legs,
    ring,
    tube,
    turned,
)


def _padded_chair(colour: Colour) -> list[Shape]:
    seat = plain(colour, gloss=0.15)
    return [
        block((0, 0.47, 0), (0.47, 0.075, 0.46), seat),
        block((0, 0.77, 0.235), (0.45, 0.40, 0.055), seat, tilt_x(0.10)),
        block((-0.17, 0.55, 0.215), (0.03, 0.2, 0.025), DARK),
        block((0.17, 0.55, 0.215), (0.03, 0.2, 0.025), DARK),
        *legs(0.45, 0.18, 0.18, 0.019, DARK, 1.16)]


def _ladderback_chair(colour: Colour) -> list[Shape]:
    paint = plain(colour, gloss=0.25)
    slats = [block((0, y, 0.21), (0.36, 0.055, 0.02), paint) for y in (0.60, 0.73, 0.86, 0.97)]
    posts = [turned(0, 1.02, 0.02, paint, x=x, z=0.21) for x in (-0.19, 0.19)]
    front = [turned(0, 0.46, 0.02, paint, x=x, z=-0.19) for x in (-0.19, 0.19)]
    return [block((0, 0.46, 0), (0.44, 0.035, 0.44), paint), *slats, *posts, *front,
            block((0, 0.2, -0.19), (0.36, 0.025, 0.025), paint)]


def _shell_chair(colour: Colour) -> list[Shape]:
    shell = plain(colour, gloss=0.4)
    return [
        egg((0, 0.47, 0), (0.25, 0.05, 0.24), shell),
        egg((0, 0.66, 0.2), (0.24, 0.24, 0.05), shell),
        turned(0.12, 0.45, 0.028, STEEL),
        *[item for x, z in ring(5, 0.26) for item in tube(
            [(0, 0.14, 0), (x, 0.05, z)], 0.018, STEEL)]]


def _folding_chair(colour: Colour) -> list[Shape]:
    cloth, frame = plain(colour), WOOD
    sides = [item for x in (-0.22, 0.22) for item in (
        *tube([(x, 0, -0.25), (x, 0.9, 0.24)], 0.016, frame),
        *tube([(x, 0, 0.25), (x, 0.48, -0.2)], 0.016, frame))]
    return [block((0, 0.46, 0), (0.44, 0.02, 0.4), cloth),
            block((0, 0.79, 0.19), (0.42, 0.24, 0.018), cloth, tilt_x(0.4)), *sides]


def _club_armchair(colour: Colour) -> list[Shape]:
    leather = plain(colour, gloss=0.3)
    return [
        block((0, 0.26, 0), (0.62, 0.3, 0.66), leather),
        block((0, 0.44, -0.04), (0.56, 0.12, 0.56), plain(darker(colour, 0.86), gloss=0.25)),
        block((0, 0.62, 0.32), (0.84, 0.5, 0.18), leather),
        *[block((x, 0.4, -0.02), (0.17, 0.4, 0.68), leather) for x in (-0.36, 0.36)],
        *[turned(0, 0.12, 0.03, DARK, x=x, z=z) for x in (-0.34, 0.34) for z in (-0.28, 0.3)]]


def _wing_armchair(colour: Colour) -> list[Shape]:
    cloth = plain(colour, gloss=0.05)
    return [
        block((0, 0.4, -0.02), (0.6, 0.16, 0.58), cloth),
        block((0, 0.8, 0.29), (0.64, 0.78, 0.13), cloth, tilt_x(0.12)),
        *[block((x, 0.92, 0.17), (0.08, 0.42, 0.26), cloth) for x in (-0.33, 0.33)],
        *[block((x, 0.52, -0.02), (0.1, 0.24, 0.56), cloth) for x in (-0.34, 0.34)],
        *legs(0.33, 0.26, 0.24, 0.025, DARK_WOOD, 1.1)]


def _bucket_armchair(colour: Colour) -> list[Shape]:
    cloth = plain(colour, gloss=0.08)
    back = [turned(0.24, 0.74, 0.085, cloth, x=x, z=z) for x, z in (
        (-0.34, -0.08), (-0.33, 0.12), (-0.2, 0.28), (0, 0.33), (0.2, 0.28), (0.33, 0.12),
        (0.34, -0.08))]
    return [turned(0.12, 0.46, 0.36, cloth), turned(0, 0.12, 0.3, DARK), *back]


def _lounge_armchair(colour: Colour) -> list[Shape]:
    cushion = plain(colour)
    return [
        block((0, 0.4, -0.02), (0.6, 0.14, 0.6), cushion, tilt_x(-0.12)),
        block((0, 0.72, 0.3), (0.6, 0.6, 0.13), cushion, tilt_x(0.3)),
        *[block((x, 0.56, 0), (0.06, 0.035, 0.66), WOOD) for x in (-0.34, 0.34)],
        *[item for x in (-0.34, 0.34) for item in tube(
            [(x, 0, -0.3), (x, 0.55, -0.26)], 0.022, WOOD)],
        *[item for x in (-0.34, 0.34) for item in tube(
            [(x, 0, 0.36), (x, 0.55, 0.24)], 0.022, WOOD)]]


def _bar_stool(colour: Colour) -> list[Shape]:
    return [turned(0.7, 0.78, 0.19, plain(colour, gloss=0.3)), turned(0.03, 0.7, 0.028, STEEL),
            turned(0, 0.03, 0.21, STEEL, 0.19), *tube([(0.13, 0.3, 0), (0, 0.3, 0)], 0.012, (
                STEEL))]


def _milking_stool(colour: Colour) -> list[Shape]:
    paint = plain(colour, gloss=0.15)
    return [turned(0.4, 0.46, 0.2, paint),
            *[item for x, z in ring(3, 1.0) for item in tube(
                [(0.21 * x, 0, 0.21 * z), (0.12 * x, 0.41, 0.12 * z)], 0.023, paint)]]


def _cube_stool(colour: Colour) -> list[Shape]:
    return [block((0, 0.23, 0), (0.42, 0.42, 0.42), plain(colour, gloss=0.1)),
            block((0, 0.445, 0), (0.44, 0.03, 0.44), plain(darker(colour), gloss=0.1)),
            block((0, 0.01, 0), (0.38, 0.02, 0.38), DARK)]


def _step_stool(colour: Colour) -> list[Shape]:
    paint = plain(colour, gloss=0.2)
    return [block((0, 0.49, 0.08), (0.42, 0.035, 0.26), paint),
            block((0, 0.25, -0.12), (0.42, 0.03, 0.2), paint),
            *[block((x, 0.24, 0.06), (0.03, 0.48, 0.24), paint) for x in (-0.19, 0.19)],
            *[block((x, 0.12, -0.13), (0.03, 0.24, 0.16), paint) for x in (-0.19, 0.19)]]


CHAIRS: dict[str, Maker] = {
    'padded': _padded_chair, 'ladderback': _ladderback_chair, 'shell': _shell_chair,
    'folding': _folding_chair}
ARMCHAIRS: dict[str, Maker] = {
    'club': _club_armchair, 'wing': _wing_armchair, 'bucket': _bucket_armchair,
    'lounge': _lounge_armchair}
STOOLS: dict[str, Maker] = {
    'bar': _bar_stool, 'milking': _milking_stool, 'cube': _cube_stool, 'step': _step_stool}
