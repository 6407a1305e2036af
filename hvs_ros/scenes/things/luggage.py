# SPDX-License-Identifier: Apache-2.0
"""What people carry: suitcases, backpacks and umbrellas."""

from __future__ import annotations

from hvs_ros.scenes.materials import Colour, plain
from hvs_ros.scenes.shapes import Cone, Shape
from hvs_ros.scenes.things.modelling import (
    DARK,
    DARK_WOOD,
    STEEL,
    STRAW,
    WHITE,
    Maker,
    arc,
    block,
    darker,
    egg,
    paler,
    stack,
    tube,
    turned,
)


def _trolley_suitcase(colour: Colour) -> list[Shape]:
    shell, rib = plain(colour, gloss=0.35), plain(darker(colour, 0.8), gloss=0.3)
    return [
        block((0, 0.38, 0), (0.46, 0.62, 0.24), shell), block((0, 0.38, 0), (
            0.468, 0.64, 0.05), rib),
        *[block((x, 0.38, -0.125), (0.022, 0.52, 0.012), rib) for x in (-0.12, 0.0, 0.12)],
        *[Cone((x - 0.012, 0.03, z), (x + 0.012, 0.03, z), 0.03, 0.03, DARK)
          for x in (-0.18, 0.18) for z in (-0.08, 0.08)],
        *[turned(0.68, 0.98, 0.01, STEEL, x=x, z=0.06) for x in (-0.1, 0.1)],
        block((0, 0.985, 0.06), (0.25, 0.032, 0.034), DARK)]


def _leather_suitcase(colour: Colour) -> list[Shape]:
    leather, strap = plain(colour, gloss=0.2), DARK_WOOD
    return [block((0, 0.24, 0), (0.66, 0.46, 0.2), leather),
            *[block((x, 0.24, 0), (0.045, 0.47, 0.212), strap) for x in (-0.2, 0.2)],
            *[block((x, y, 0), (0.07, 0.07, 0.21), plain(darker(colour), gloss=0.2))
              for x in (-0.31, 0.31) for y in (0.03, 0.45)],
            *tube([(-0.08, 0.47, 0), (-0.07, 0.53, 0), (0.07, 0.53, 0), (0.08, 0.47, 0)], 0.014, (
                strap))]


def _duffel_suitcase(colour: Colour) -> list[Shape]:
    cloth, dark = plain(colour), plain(darker(colour, 0.55))
    return [Cone((-0.32, 0.2, 0), (0.32, 0.2, 0), 0.19, 0.19, cloth),
            *[Cone((x, 0.2, 0), (x + 0.03, 0.2, 0), 0.195, 0.195, dark) for x in (-0.17, 0.14)],
            *tube(arc((0, 0.36, -0.04), 0.13, 5, 175, 7), 0.014, dark),
            block((0, 0.02, 0), (0.5, 0.04, 0.2), dark)]


def _hard_suitcase(colour: Colour) -> list[Shape]:
    shell = plain(colour, gloss=0.7)
    grooves = [block((0, y, 0), (0.425, 0.014, 0.266), plain(darker(colour, 0.5)))
               for y in (0.2, 0.32, 0.44, 0.56)]
    return [block((0, 0.38, 0), (0.42, 0.66, 0.26), shell), *grooves,
            *[egg((x, 0.03, z), 0.034, DARK) for x in (-0.16, 0.16) for z in (-0.09, 0.09)],
            block((0, 0.73, 0), (0.16, 0.03, 0.035), DARK), block((0, 0.6, -0.133), (
                0.1, 0.06, 0.006), STEEL)]


def _hiking_backpack(colour: Colour) -> list[Shape]:
    cloth, pocket = plain(colour, gloss=0.1), plain(darker(colour, 0.78), gloss=0.1)
    return [
        block((0, 0.21, 0), (0.34, 0.38, 0.19), cloth),
        egg((0, 0.40, 0), (0.17, 0.13, 0.098), cloth), egg((0, 0.20, -0.02), (
            0.192, 0.21, 0.135), cloth),
        block((0, 0.15, -0.14), (0.25, 0.19, 0.08), pocket),
        block((0, 0.225, -0.1835), (0.20, 0.014, 0.008), STEEL),
        *tube(arc((0, 0.51, 0), 0.045, 0, 180, 5), 0.010, DARK),
        *[item for x in (-0.11, 0.11) for item in tube(
            [(x, 0.46, 0.09), (x * 1.25, 0.28, 0.15), (x * 1.1, 0.07, 0.10)], 0.02, pocket)]]


def _school_backpack(colour: Colour) -> list[Shape]:
    cloth, trim = plain(colour, gloss=0.2), plain(paler(colour, 0.6))
    return [block((0, 0.2, 0), (0.36, 0.4, 0.2), cloth), block((0, 0.3, -0.015), (
        0.375, 0.22, 0.2), plain(darker(colour, 0.85), gloss=0.2)),
            *[block((x, 0.16, -0.106), (0.03, 0.2, 0.012), trim) for x in (-0.1, 0.1)],
            *[block((x, 0.08, -0.112), (0.06, 0.04, 0.012), STEEL) for x in (-0.1, 0.1)],
            *tube(arc((0, 0.4, 0.05), 0.05, 0, 180, 5), 0.012, DARK)]


def _roll_backpack(colour: Colour) -> list[Shape]:
    cloth, roll = plain(colour), plain(darker(colour, 0.65))
    return [turned(0.02, 0.46, 0.155, cloth, 0.16), turned(0, 0.03, 0.15, DARK),
            Cone((-0.2, 0.53, 0), (0.2, 0.53, 0), 0.065, 0.065, roll),
            Cone((-0.21, 0.53, 0), (-0.2, 0.53, 0), 0.03, 0.03, WHITE),
            block((0, 0.25, -0.16), (0.2, 0.16, 0.05), roll),
            *[Cone((x, 0.05, 0.13), (x, 0.45, 0.16), 0.018, 0.018, DARK) for x in (-0.09, 0.09)]]


def _frame_backpack(colour: Colour) -> list[Shape]:
    cloth = plain(colour, gloss=0.05)
    return [block((0, 0.36, 0), (0.36, 0.44, 0.22), cloth), block((0, 0.65, 0), (
        0.32, 0.12, 0.2), plain(darker(colour, 0.8))), Cone((-0.24, 0.07, 0), (
            0.24, 0.07, 0), 0.075, 0.075, plain((86, 112, 96))),
            *[block((x, 0.32, 0.02), (0.08, 0.24, 0.16), plain(darker(colour, 0.7)))
              for x in (-0.22, 0.22)],
            *[turned(0, 0.82, 0.012, STEEL, x=x, z=0.13) for x in (-0.15, 0.15)],
            Cone((-0.15, 0.82, 0.13), (0.15, 0.82, 0.13), 0.012, 0.012, STEEL)]


def _sunshade(colour: Colour) -> list[Shape]:
    cloth, edge = plain(colour), plain(darker(colour, 0.85))
    return [turned(0, 0.07, 0.24, STEEL, 0.22), turned(0.07, 2.02, 0.022, WHITE),
            turned(1.62, 1.98, 0.98, cloth, 0.03), turned(1.55, 1.62, 0.965, edge, 0.98),
            egg((0, 2.02, 0), (0.035, 0.05, 0.035), STEEL)]


def _square_sunshade(colour: Colour) -> list[Shape]:
    cloth, flap = plain(colour), plain(darker(colour, 0.8))
    return [block((0, 0.04, 0), (0.5, 0.08, 0.5), DARK), turned(0.08, 2.05, 0.028, DARK_WOOD),
            *stack(cloth, (1.7, 0.9), (1.86, 0.4), (2.0, 0.06)),
            *[block((x, 1.66, z), size, flap) for x, z, size in (
                (0, -0.84, (1.2, 0.12, 0.02)), (0, 0.84, (1.2, 0.12, 0.02)),
                (-0.84, 0, (0.02, 0.12, 1.2)), (0.84, 0, (0.02, 0.12, 1.2)))]]


def _hand_umbrella(colour: Colour) -> list[Shape]:
    cloth, rib = plain(colour, gloss=0.15), plain(darker(colour, 0.8))
    return [*stack(cloth, (0.62, 0.5), (0.78, 0.42), (0.9, 0.26), (0.97, 0.03)),
            turned(0.97, 1.03, 0.012, STEEL), turned(0.12, 0.9, 0.012, STEEL),
            turned(0.6, 0.625, 0.505, rib),
            *tube([(0, 0.14, 0), (0, 0.04, 0), (0.05, 0.012, 0), (0.1, 0.05, 0)], 0.018, (
                DARK_WOOD))]


def _straw_umbrella(colour: Colour) -> list[Shape]:
    cloth = plain(colour)
    return [turned(0, 2.1, 0.04, DARK_WOOD), turned(1.5, 1.75, 0.95, cloth, 0.62),
            turned(1.72, 1.95, 0.72, plain(darker(colour, 0.88)), 0.3),
            turned(1.92, 2.14, 0.4, cloth, 0.05), turned(0, 0.1, 0.2, STRAW)]


SUITCASES: dict[str, Maker] = {
    'trolley': _trolley_suitcase, 'leather': _leather_suitcase, 'duffel': _duffel_suitcase,
    'hard': _hard_suitcase}
BACKPACKS: dict[str, Maker] = {
    'hiking': _hiking_backpack, 'school': _school_backpack, 'roll': _roll_backpack,
    'frame': _frame_backpack}
UMBRELLAS: dict[str, Maker] = {
    'sunshade': _sunshade, 'square': _square_sunshade, 'hand': _hand_umbrella,
    'straw': _straw_umbrella}
