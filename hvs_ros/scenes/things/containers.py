# SPDX-License-Identifier: Apache-2.0
"""Bins, boxes, buckets, baskets and plant pots."""

from __future__ import annotations

import numpy as np

from hvs_ros.scenes.materials import Colour, plain
from hvs_ros.scenes.shapes import Cone, Shape
from hvs_ros.scenes.things.modelling import (
    DARK,
    SOIL,
    STEEL,
    STRAW,
    WHITE,
    WOOD,
    Maker,
    arc,
    block,
    darker,
    egg,
    paler,
    ring,
    stack,
    tube,
    turned,
)

_LEAF = plain((70, 104, 84))


def _domed_bin(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.3)
    return [
        turned(0, 0.56, 0.17, body, 0.22), turned(0.56, 0.585, 0.20, DARK),
        turned(0.585, 0.63, 0.235, plain(darker(colour), gloss=0.3), 0.23),
        egg((0, 0.63, 0), (0.225, 0.14, 0.225), body), egg((0, 0.775, 0), (0.035, 0.025, 0.035), (
            DARK))]


def _wheelie_bin(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.25)
    return [
        block((0, 0.44, 0), (0.44, 0.72, 0.46), body),
        block((0, 0.83, -0.02), (0.5, 0.06, 0.54), plain(darker(colour), gloss=0.25)),
        block((0, 0.8, 0.27), (0.4, 0.035, 0.04), DARK),
        *[Cone((x - 0.03, 0.09, 0.19), (x + 0.03, 0.09, 0.19), 0.09, 0.09, DARK)
          for x in (-0.2, 0.2)], block((0, 0.5, -0.232), (0.18, 0.18, 0.006), WHITE)]


def _pedal_bin(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.6)
    return [turned(0, 0.05, 0.18, DARK), turned(0.05, 0.56, 0.17, body),
            turned(0.56, 0.63, 0.175, STEEL, 0.1), block((0, 0.02, -0.2), (0.1, 0.015, 0.08), (
                STEEL)), turned(0.54, 0.565, 0.176, DARK)]


def _post_bin(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.2)
    return [turned(0, 0.95, 0.035, STEEL, z=0.18), block((0, 0.62, 0), (0.34, 0.5, 0.28), body),
            block((0, 0.9, 0), (0.36, 0.05, 0.32), plain(darker(colour, 0.6))),
            block((0, 0.8, -0.142), (0.26, 0.07, 0.006), DARK),
            turned(0, 0.03, 0.14, STEEL, z=0.18)]


def _storage_box(colour: Colour) -> list[Shape]:
    body, lid = plain(colour, gloss=0.2), plain(darker(colour, 0.84), gloss=0.2)
    return [block((0, 0.17, 0), (0.46, 0.34, 0.36), body),
            block((0, 0.355, 0), (0.49, 0.06, 0.39), lid),
            *[block((0, 0.20, z), (0.16, 0.09, 0.004), WHITE) for z in (-0.181, 0.181)]]


def _crate_box(colour: Colour) -> list[Shape]:
    wood = plain(colour, gloss=0.1)
    rails = [block((0, y, z), (0.5, 0.085, 0.02), wood) for y in (0.06, 0.17, 0.28)
             for z in (-0.17, 0.17)]
    ends = [block((x, 0.17, 0), (0.025, 0.32, 0.34), wood) for x in (-0.245, 0.245)]
    return [block((0, 0.015, 0), (0.5, 0.02, 0.34), wood), block((0, 0.15, 0), (
        0.44, 0.26, 0.3), DARK), *rails, *ends]


def _gift_box(colour: Colour) -> list[Shape]:
    paper, bow = plain(colour, gloss=0.4), plain(paler(colour, 0.8), gloss=0.5)
    return [block((0, 0.16, 0), (0.36, 0.32, 0.36), paper),
            block((0, 0.16, 0), (0.06, 0.325, 0.366), bow),
            block((0, 0.16, 0), (0.366, 0.325, 0.06), bow),
            *[egg((x, 0.36, 0), (0.08, 0.045, 0.035), bow) for x in (-0.075, 0.075)],
            egg((0, 0.35, 0), 0.03, bow)]


def _tool_box(colour: Colour) -> list[Shape]:
    metal = plain(colour, gloss=0.5)
    return [block((0, 0.11, 0), (0.5, 0.22, 0.24), metal),
            block((0, 0.235, 0), (0.46, 0.04, 0.18), plain(darker(colour), gloss=0.5)),
            *[block((x, 0.2, -0.122), (0.05, 0.06, 0.008), STEEL) for x in (-0.15, 0.15)],
            *tube([(-0.12, 0.25, 0), (-0.12, 0.32, 0), (0.12, 0.32, 0), (0.12, 0.25, 0)], 0.014, (
                DARK))]


def _pail_bucket(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.35)
    return [turned(0, 0.28, 0.11, body, 0.155), turned(0.265, 0.29, 0.162, body),
            turned(0.28, 0.292, 0.145, DARK), *tube(arc((0, 0.27, 0), 0.16, 0, 180, 9), 0.007, (
                STEEL))]


def _mop_bucket(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.3)
    return [block((0, 0.2, 0), (0.44, 0.26, 0.3), body), block((0, 0.34, 0), (0.48, 0.03, 0.34), (
        body)), block((0.1, 0.42, 0), (0.2, 0.14, 0.26), plain(darker(colour, 0.6))),
            *[egg((x, 0.035, z), 0.035, DARK) for x in (-0.18, 0.18) for z in (-0.12, 0.12)],
            Cone((0.2, 0.4, 0.05), (0.3, 1.1, 0.1), 0.014, 0.014, WOOD)]


def _wooden_bucket(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.1)
    return [turned(0, 0.3, 0.16, body, 0.15), *[turned(y, y + 0.025, 0.164, STEEL) for y in (
        0.04, 0.22)], turned(0.29, 0.303, 0.125, DARK),
            *[block((x, 0.33, 0), (0.03, 0.09, 0.05), body) for x in (-0.14, 0.14)],
            Cone((-0.14, 0.35, 0), (0.14, 0.35, 0), 0.014, 0.014, WOOD)]


def _ice_bucket(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.8)
    return [*stack(body, (0, 0.08), (0.03, 0.06), (0.06, 0.11), (0.24, 0.145)),
            turned(0.235, 0.25, 0.15, STEEL),
            *[egg((x, 0.19, 0), 0.028, STEEL) for x in (-0.15, 0.15)],
            *stack(plain((60, 92, 50), gloss=0.7), (0.15, 0.04), (0.32, 0.04), (0.42, 0.017))]


def _handled_basket(colour: Colour) -> list[Shape]:
    weave, edge = plain(colour), plain(darker(colour, 0.7))
    return [turned(0, 0.2, 0.17, weave, 0.23), *[turned(y, y + 0.02, 0.182 + 0.3 * y, edge)
                                                 for y in (0.04, 0.11, 0.18)],
            *tube(arc((0, 0.18, 0), 0.22, 8, 172, 9), 0.013, edge)]


def _laundry_basket(colour: Colour) -> list[Shape]:
    weave, edge = plain(colour), plain(darker(colour, 0.75))
    return [turned(0, 0.56, 0.19, weave, 0.22), turned(0.54, 0.59, 0.23, edge),
            *[turned(y, y + 0.018, 0.194 + 0.054 * y, edge) for y in (0.1, 0.24, 0.38)],
            egg((0.04, 0.6, 0.02), (0.16, 0.09, 0.15), WHITE)]


def _shopping_basket(colour: Colour) -> list[Shape]:
    wire = plain(colour, gloss=0.35)
    bars = [block((0, y, z), (0.42, 0.02, 0.014), wire) for y in (0.05, 0.12, 0.19, 0.26)
            for z in (-0.14, 0.14)]
    ends = [block((x, 0.15, 0), (0.016, 0.26, 0.28), wire) for x in (-0.21, 0.21)]
    return [block((0, 0.01, 0), (0.4, 0.02, 0.27), wire), *bars, *ends,
            *tube([(-0.2, 0.27, 0), (-0.1, 0.43, 0), (0.1, 0.43, 0), (0.2, 0.27, 0)], 0.013, wire)]


def _bread_basket(colour: Colour) -> list[Shape]:
    weave = plain(colour)
    loaves = [egg((x, 0.17, z), (0.16, 0.07, 0.05), STRAW) for x, z in (
        (-0.04, -0.08), (0.03, 0.0), (-0.02, 0.08))]
    return [block((0, 0.015, 0), (0.4, 0.03, 0.26), weave), *[block(
        (0, 0.09, z), (0.46, 0.14, 0.02), weave) for z in (-0.15, 0.15)], *[block(
            (x, 0.09, 0), (0.02, 0.14, 0.3), weave) for x in (-0.22, 0.22)], *[block(
                (0, 0.16, z), (0.5, 0.025, 0.03), plain(darker(colour, 0.75)))
                for z in (-0.155, 0.155)], *loaves]


def _leafy_pot(colour: Colour) -> list[Shape]:
    pot = plain(colour, gloss=0.35)
    stems: list[Shape] = []
    for k in range(7):
        turn, lean = k * 2.4, 0.35 + 0.6 * ((k * 3) % 10) / 10
        rise = 0.38 + 0.036 * ((k * 7) % 10)
        side, ahead = float(np.cos(turn)) * lean, float(np.sin(turn)) * lean
        stems.append(Cone((0.02 * side, 0.36, 0.02 * ahead), (
            0.34 * side, 0.38 + rise, 0.34 * ahead), 0.03, 0.004, _LEAF))
    return [turned(0, 0.34, 0.15, pot, 0.21), turned(0.33, 0.39, 0.225, pot, 0.23),
            turned(0.385, 0.392, 0.20, SOIL), *stems]


def _cactus_pot(colour: Colour) -> list[Shape]:
    green = plain((66, 118, 62), gloss=0.1)
    return [*stack(plain(colour, gloss=0.3), (0, 0.1), (0.2, 0.15), (0.22, 0.17), (0.25, 0.17)),
            turned(0.24, 0.256, 0.145, SOIL), egg((0, 0.48, 0), (0.085, 0.25, 0.085), green),
            *tube([(0.06, 0.42, 0), (0.17, 0.44, 0), (0.17, 0.58, 0)], 0.038, green)]


def _square_pot(colour: Colour) -> list[Shape]:
    pot, bush = plain(colour, gloss=0.2), plain((58, 100, 66))
    return [block((0, 0.17, 0), (0.38, 0.34, 0.38), pot), block((0, 0.345, 0), (
        0.34, 0.012, 0.34), SOIL), turned(0.34, 0.56, 0.02, WOOD), egg(
            (0, 0.74, 0), (0.24, 0.23, 0.24), bush), egg((0.07, 0.84, -0.05), 0.15, plain((
                74, 122, 84)))]


def _palm_pot(colour: Colour) -> list[Shape]:
    fronds = [item for x, z in ring(6, 0.34, 0.3) for item in tube(
        [(0, 0.8, 0), (x * 0.6, 0.98, z * 0.6), (x, 0.86, z)], 0.022, _LEAF)]
    return [egg((0, 0.17, 0), (0.2, 0.17, 0.2), plain(colour, gloss=0.5)),
            turned(0.29, 0.33, 0.13, plain(colour, gloss=0.5), 0.16), Cone(
                (0, 0.3, 0), (0, 0.82, 0), 0.03, 0.022, plain((70, 96, 116))), *fronds]


def _drum_bin(colour: Colour) -> list[Shape]:
    return [turned(0, 0.72, 0.25, plain(colour, gloss=0.3)), *[turned(
        y, y + 0.025, 0.256, plain(darker(colour), gloss=0.4)) for y in (0.0, 0.24, 0.47, 0.7)],
            block((0, 0.55, -0.25), (0.2, 0.16, 0.012), WHITE),
            turned(0.722, 0.728, 0.2, DARK)]


BINS: dict[str, Maker] = {
    'domed': _domed_bin, 'wheelie': _wheelie_bin, 'pedal': _pedal_bin, 'post': _post_bin,
    'barrel': _drum_bin}
BOXES: dict[str, Maker] = {
    'storage': _storage_box, 'crate': _crate_box, 'gift': _gift_box, 'tool': _tool_box}
BUCKETS: dict[str, Maker] = {
    'pail': _pail_bucket, 'mop': _mop_bucket, 'wooden': _wooden_bucket, 'ice': _ice_bucket}
BASKETS: dict[str, Maker] = {
    'handled': _handled_basket, 'laundry': _laundry_basket, 'shopping': _shopping_basket,
    'bread': _bread_basket}
PLANT_POTS: dict[str, Maker] = {
    'leafy': _leafy_pot, 'cactus': _cactus_pot, 'square': _square_pot, 'palm': _palm_pot}
