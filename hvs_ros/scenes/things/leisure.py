# SPDX-License-Identifier: Apache-2.0
"""Balls, teddy bears, guitars and drums."""

from __future__ import annotations

from hvs_ros.scenes.materials import Colour, plain
from hvs_ros.scenes.shapes import Cone, Shape
from hvs_ros.scenes.things.modelling import (
    CREAM,
    DARK,
    DARK_WOOD,
    STEEL,
    WHITE,
    WOOD,
    Maker,
    block,
    darker,
    egg,
    paler,
    ring,
    tube,
    turned,
)


def _playing_ball(colour: Colour) -> list[Shape]:
    return [egg((0, 0.19, 0), 0.19, plain(colour, gloss=0.45))]


def _beach_ball(colour: Colour) -> list[Shape]:
    return [egg((0, 0.24, 0), 0.24, plain(colour, gloss=0.5)),
            egg((0, 0.24, 0), (0.06, 0.2435, 0.24), WHITE), egg((0, 0.24, 0), (
                0.24, 0.2435, 0.06), WHITE), egg((0, 0.475, 0), (0.05, 0.012, 0.05), DARK)]


def _basket_ball(colour: Colour) -> list[Shape]:
    seam = plain(darker(colour, 0.25))
    return [egg((0, 0.13, 0), 0.13, plain(colour)), egg((0, 0.13, 0), (0.008, 0.1315, 0.1315), (
        seam)), egg((0, 0.13, 0), (0.1315, 0.008, 0.1315), seam), egg(
            (0, 0.13, 0), (0.1315, 0.1315, 0.008), seam)]


def _exercise_ball(colour: Colour) -> list[Shape]:
    body, groove = plain(colour, gloss=0.3), plain(darker(colour, 0.82), gloss=0.3)
    return [egg((0, 0.32, 0), (0.33, 0.32, 0.33), body), *[turned(
        y - 0.012, y + 0.012, radius, groove) for y, radius in (
            (0.2, 0.309), (0.32, 0.333), (0.44, 0.309))]]


def _sitting_bear(colour: Colour) -> list[Shape]:
    fur, pale = plain(colour), plain(paler(colour, 0.55))
    return [egg((0, 0.2, 0), (0.15, 0.18, 0.13), fur), egg((0, 0.19, -0.06), (
        0.1, 0.12, 0.09), pale), egg((0, 0.44, -0.01), (0.125, 0.115, 0.115), fur),
            egg((0, 0.415, -0.1), (0.055, 0.045, 0.04), pale),
            egg((0, 0.435, -0.142), 0.016, DARK),
            *[egg((x, 0.55, 0), (0.048, 0.048, 0.025), fur) for x in (-0.095, 0.095)],
            *[egg((x, 0.06, -0.12), (0.065, 0.06, 0.12), fur) for x in (-0.11, 0.11)],
            *[egg((x, 0.26, -0.06), (0.05, 0.1, 0.055), fur) for x in (-0.16, 0.16)],
            *[egg((x, 0.475, -0.105), 0.014, DARK) for x in (-0.045, 0.045)]]


def _standing_bear(colour: Colour) -> list[Shape]:
    fur, vest = plain(colour), plain(darker(colour, 0.45))
    return [turned(0, 0.16, 0.06, fur, x=-0.075), turned(0, 0.16, 0.06, fur, x=0.075),
            egg((0, 0.28, 0), (0.14, 0.17, 0.12), fur), turned(0.2, 0.34, 0.143, vest, 0.13),
            egg((0, 0.53, 0), (0.125, 0.12, 0.115), fur), egg((0, 0.505, -0.1), (
                0.05, 0.04, 0.04), CREAM), *[egg((x, 0.64, 0), 0.05, fur) for x in (-0.09, 0.09)],
            *[Cone((0.12 * s, 0.38, 0), (0.25 * s, 0.3, -0.03), 0.045, 0.05, fur)
              for s in (-1, 1)], *[egg((x, 0.56, -0.11), 0.014, DARK) for x in (-0.045, 0.045)]]


def _panda_bear(colour: Colour) -> list[Shape]:
    fur, dark = plain(colour), plain(darker(colour, 0.3))
    return [egg((0, 0.19, 0), (0.17, 0.18, 0.15), CREAM), turned(0.24, 0.32, 0.165, fur, 0.13),
            egg((0, 0.44, -0.01), (0.14, 0.12, 0.12), fur), *[egg((x, 0.55, 0), 0.05, dark)
                                                               for x in (-0.11, 0.11)],
            *[egg((x, 0.46, -0.11), (0.035, 0.04, 0.02), dark) for x in (-0.055, 0.055)],
            *[egg((x, 0.07, -0.12), (0.07, 0.07, 0.1), fur) for x in (-0.12, 0.12)],
            *[egg((x, 0.25, -0.05), (0.055, 0.11, 0.06), fur) for x in (-0.17, 0.17)]]


def _patched_bear(colour: Colour) -> list[Shape]:
    fur, patch = plain(colour), CREAM
    return [block((0, 0.19, 0), (0.26, 0.3, 0.18), fur), block((0, 0.19, -0.092), (
        0.14, 0.14, 0.006), patch), block((0, 0.45, 0), (0.24, 0.2, 0.18), fur),
            *[Cone((x, 0.56, -0.03), (x, 0.56, 0.03), 0.055, 0.055, fur) for x in (-0.1, 0.1)],
            *[block((x, 0.05, -0.08), (0.1, 0.1, 0.2), fur) for x in (-0.09, 0.09)],
            *[block((x, 0.25, 0), (0.09, 0.2, 0.1), fur) for x in (-0.18, 0.18)],
            block((0, 0.42, -0.096), (0.07, 0.04, 0.02), DARK)]


def _folk_guitar(colour: Colour) -> list[Shape]:
    body, edge = plain(colour, gloss=0.45), plain(darker(colour, 0.5))
    return [Cone((0, 0.24, 0.05), (0, 0.24, -0.05), 0.2, 0.2, body),
            Cone((0, 0.5, 0.05), (0, 0.5, -0.05), 0.145, 0.145, body),
            Cone((0, 0.4, -0.05), (0, 0.4, -0.0515), 0.05, 0.05, DARK),
            block((0, 0.8, -0.045), (0.05, 0.46, 0.025), DARK_WOOD),
            block((0, 1.08, -0.04), (0.085, 0.14, 0.025), edge),
            block((0, 0.22, -0.055), (0.13, 0.03, 0.012), DARK_WOOD)]


def _rock_guitar(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.8)
    return [block((0, 0.3, 0), (0.3, 0.34, 0.05), body), *[Cone(
        (x, 0.42, 0), (x * 1.6, 0.6, 0), 0.05, 0.022, body) for x in (-0.1, 0.1)],
            egg((0, 0.16, 0), (0.18, 0.15, 0.03), body), block((0, 0.82, -0.02), (
                0.05, 0.62, 0.022), WOOD), block((0.02, 1.18, -0.02), (0.09, 0.17, 0.02), DARK),
            block((0, 0.3, -0.03), (0.18, 0.16, 0.008), WHITE)]


def _arrow_guitar(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.6)
    return [*[Cone((0.02 * s, 0.48, 0), (0.2 * s, 0.04, 0), 0.075, 0.06, body) for s in (-1, 1)],
            block((0, 0.44, 0), (0.16, 0.14, 0.07), body), block((0, 0.84, -0.03), (
                0.048, 0.66, 0.02), DARK_WOOD), Cone((0, 1.16, -0.03), (0, 1.32, -0.03), 0.055, (
                    0.015), body), block((0, 0.36, -0.07), (0.1, 0.05, 0.02), STEEL)]


def _round_guitar(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.4)
    return [Cone((0, 0.22, 0.04), (0, 0.22, -0.04), 0.21, 0.21, body),
            Cone((0, 0.22, -0.04), (0, 0.22, -0.044), 0.17, 0.17, CREAM),
            block((0, 0.72, -0.03), (0.042, 0.6, 0.02), DARK_WOOD), block(
                (0, 1.05, -0.03), (0.07, 0.12, 0.02), plain(darker(colour), gloss=0.4)),
            *[Cone((x, 1.05, -0.03), (x * 1.8, 1.05, -0.03), 0.01, 0.01, STEEL)
              for x in (-0.035, 0.035)]]


def _snare_drum(colour: Colour) -> list[Shape]:
    return [turned(0.42, 0.6, 0.2, plain(colour, gloss=0.6)), turned(0.595, 0.615, 0.207, STEEL),
            turned(0.41, 0.43, 0.207, STEEL), turned(0.61, 0.618, 0.19, CREAM),
            *[item for x, z in ring(3, 0.26) for item in tube(
                [(0, 0.4, 0), (x, 0, z)], 0.012, STEEL)]]


def _bass_drum(colour: Colour) -> list[Shape]:
    return [Cone((0, 0.34, 0.16), (0, 0.34, -0.16), 0.33, 0.33, plain(colour, gloss=0.5)),
            *[Cone((0, 0.34, z), (0, 0.34, z + 0.03), 0.345, 0.345, DARK_WOOD)
              for z in (-0.17, 0.14)], Cone((0, 0.34, -0.171), (0, 0.34, -0.176), 0.29, 0.29, (
                  WHITE)), Cone((0, 0.34, -0.176), (0, 0.34, -0.178), 0.12, 0.12, plain(colour))]


def _conga_drum(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.45)
    return [turned(0, 0.4, 0.13, body, 0.2), turned(0.4, 0.74, 0.2, body, 0.165),
            turned(0.72, 0.76, 0.175, STEEL), turned(0.76, 0.768, 0.16, CREAM),
            turned(0.3, 0.33, 0.196, plain(darker(colour, 0.5)))]


def _marching_drum(colour: Colour) -> list[Shape]:
    zigzag = [Cone((0.243 * a[0], low, 0.243 * a[1]), (0.243 * b[0], high, 0.243 * b[1]), 0.008, (
        0.008), WHITE) for k, (a, b) in enumerate(
            zip(ring(8, 1.0), [*ring(8, 1.0)[1:], ring(8, 1.0)[0]], strict=True))
        for low, high in [((0.06, 0.34), (0.34, 0.06))[k % 2]]]
    return [turned(0.03, 0.37, 0.235, plain(colour, gloss=0.3)), *[turned(
        y, y + 0.045, 0.25, DARK_WOOD) for y in (0.0, 0.355)], turned(0.4, 0.406, 0.225, CREAM),
            *zigzag[::2]]


def _toy_ball(colour: Colour) -> list[Shape]:
    return [egg((0, 0.15, 0), 0.15, plain(colour, gloss=0.3)), *[egg(
        (0.13 * x, 0.15 + 0.13 * y, 0.13 * z), 0.032, WHITE) for x, y, z in (
            (0, 1, 0), (0.9, 0.4, 0), (-0.9, 0.4, 0), (0, 0.4, -0.9), (0, 0.4, 0.9),
            (0.65, -0.3, -0.65), (-0.65, -0.3, -0.65))]]


BALLS: dict[str, Maker] = {
    'playing': _playing_ball, 'beach': _beach_ball, 'basket': _basket_ball,
    'exercise': _exercise_ball, 'dotted': _toy_ball}
TEDDY_BEARS: dict[str, Maker] = {
    'sitting': _sitting_bear, 'standing': _standing_bear, 'panda': _panda_bear,
    'patched': _patched_bear}
GUITARS: dict[str, Maker] = {
    'folk': _folk_guitar, 'rock': _rock_guitar, 'arrow': _arrow_guitar, 'round': _round_guitar}
DRUMS: dict[str, Maker] = {
    'snare': _snare_drum, 'bass': _bass_drum, 'conga': _conga_drum, 'marching': _marching_drum}
