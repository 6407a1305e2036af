# SPDX-License-Identifier: Apache-2.0
"""Cups, bottles, kettles and vases."""

from __future__ import annotations

from hvs_ros.scenes.materials import Colour, plain
from hvs_ros.scenes.shapes import Cone, Shape
from hvs_ros.scenes.things.modelling import (
    DARK,
    STEEL,
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

_COFFEE = plain((24, 36, 58), gloss=0.4)
_TWIG = plain((86, 112, 132))
_LEAF = plain((62, 116, 74))


def _mug(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.5)
    return [turned(0, 0.165, 0.068, body, 0.08), turned(0.158, 0.1665, 0.07, _COFFEE, 0.071),
            *tube(arc((0.074, 0.088, 0), 0.046, -82, 82, 6), 0.012, body)]


def _tea_cup(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.6)
    return [turned(0, 0.012, 0.07, body, 0.13), *stack(body, (0.012, 0.045), (0.06, 0.085), (
        0.12, 0.105)), turned(0.115, 0.121, 0.092, _COFFEE),
            *tube(arc((0.1, 0.07, 0), 0.035, -80, 80, 5), 0.009, body)]


def _paper_cup(colour: Colour) -> list[Shape]:
    return [turned(0, 0.2, 0.06, plain(colour, gloss=0.05), 0.088),
            turned(0.2, 0.215, 0.094, WHITE, 0.09), turned(0.215, 0.23, 0.082, WHITE),
            turned(0.07, 0.13, 0.0735, plain((92, 128, 160)), 0.08)]


def _tankard(colour: Colour) -> list[Shape]:
    body, band = plain(colour, gloss=0.35), plain(darker(colour, 0.6), gloss=0.5)
    return [turned(0, 0.21, 0.085, body, 0.08), turned(0.015, 0.035, 0.089, band),
            turned(0.17, 0.19, 0.085, band), turned(0.205, 0.235, 0.082, WHITE, 0.07),
            *tube([(0.08, 0.18, 0), (0.145, 0.17, 0), (0.145, 0.06, 0), (0.08, 0.045, 0)],
                  0.014, band)]


def _wine_bottle(colour: Colour) -> list[Shape]:
    glass = plain(colour, gloss=0.8)
    return [*stack(glass, (0, 0.055), (0.26, 0.055), (0.33, 0.022), (0.43, 0.019)),
            turned(0.42, 0.45, 0.022, DARK), turned(0.08, 0.2, 0.0562, plain((190, 214, 224)))]


def _flask_bottle(colour: Colour) -> list[Shape]:
    return [turned(0, 0.3, 0.06, plain(colour, gloss=0.4)),
            turned(0.3, 0.32, 0.06, plain(colour, gloss=0.4), 0.04),
            turned(0.32, 0.39, 0.045, DARK), turned(0, 0.02, 0.062, DARK),
            *tube(arc((0, 0.39, 0), 0.035, 0, 180, 5), 0.009, DARK)]


def _spray_bottle(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.35)
    return [*stack(body, (0, 0.06), (0.18, 0.06), (0.26, 0.022), (0.31, 0.022)),
            block((0, 0.34, -0.02), (0.035, 0.05, 0.12), WHITE),
            block((0, 0.29, -0.045), (0.02, 0.06, 0.015), WHITE),
            block((0, 0.1, -0.055), (0.07, 0.1, 0.012), WHITE)]


def _jug_bottle(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.3)
    return [egg((0, 0.14, 0), (0.13, 0.15, 0.13), body), turned(0.24, 0.36, 0.045, body, 0.035),
            turned(0.36, 0.39, 0.04, plain((88, 124, 160))),
            *tube(arc((0.06, 0.28, 0), 0.055, -70, 90, 5), 0.013, body)]


def _round_kettle(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.6)
    return [egg((0, 0.12, 0), (0.15, 0.13, 0.15), body), turned(0, 0.02, 0.12, DARK),
            egg((0, 0.255, 0), 0.022, DARK), Cone((-0.1, 0.1, 0), (-0.24, 0.23, 0), 0.04, 0.018, (
                body)), *tube(arc((0, 0.2, 0), 0.12, 15, 165, 7), 0.012, DARK)]


def _jug_kettle(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.45)
    return [turned(0, 0.02, 0.1, DARK), turned(0.02, 0.27, 0.095, body, 0.075),
            turned(0.27, 0.29, 0.076, DARK, 0.06), block((-0.09, 0.25, 0), (0.06, 0.04, 0.05), (
                body)), *tube([(0.08, 0.26, 0), (0.16, 0.25, 0), (0.155, 0.08, 0), (
                    0.095, 0.06, 0)], 0.016, DARK)]


def _samovar_kettle(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.55)
    return [*stack(body, (0, 0.1), (0.04, 0.05), (0.08, 0.06), (0.2, 0.13), (0.3, 0.12), (
        0.33, 0.07), (0.38, 0.06)), egg((0, 0.4, 0), 0.025, STEEL), Cone(
            (0, 0.12, -0.08), (0, 0.12, -0.16), 0.014, 0.014, STEEL),
            *[block((x, 0.24, 0), (0.05, 0.03, 0.03), STEEL) for x in (-0.15, 0.15)]]


def _camp_kettle(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.3)
    return [turned(0, 0.19, 0.13, body, 0.12), turned(0.19, 0.215, 0.122, plain(
        darker(colour), gloss=0.3), 0.1), egg((0, 0.235, 0), 0.02, STEEL),
            Cone((-0.12, 0.13, 0), (-0.2, 0.19, 0), 0.032, 0.02, body),
            *tube(arc((0, 0.18, 0), 0.15, 0, 180, 8), 0.007, STEEL)]


def _twig_vase(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.6)
    twigs: list[Shape] = [
        Cone((0, 0.36, 0), (x, 0.72 + y, z), 0.006, 0.003, _TWIG)
        for x, y, z in ((-0.12, 0, 0.02), (0.1, 0.05, -0.04), (0.02, 0.1, 0.09))]
    return [egg((0, 0.16, 0), (0.125, 0.16, 0.125), body),
            *stack(body, (0.27, 0.075), (0.4, 0.058), (0.42, 0.08)), *twigs]


def _amphora_vase(colour: Colour) -> list[Shape]:
    body, band = plain(colour, gloss=0.25), plain(darker(colour, 0.5))
    return [*stack(body, (0, 0.05), (0.14, 0.12), (0.28, 0.13), (0.38, 0.05), (0.46, 0.07)),
            turned(0.2, 0.23, 0.1275, band),
            *[item for side in (-1, 1) for item in tube(
                [(side * 0.05, 0.43, 0), (side * 0.14, 0.4, 0), (side * 0.125, 0.27, 0)],
                0.012, body)]]


def _column_vase(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.5)
    flowers: list[Shape] = [item for x, y, z in ((0, 0.72, 0.03), (-0.1, 0.66, 0), (
        0.09, 0.65, -0.04)) for item in (
            Cone((0, 0.4, 0), (x, y, z), 0.005, 0.005, _LEAF), egg((x, y, z), 0.045, plain(
                paler(colour, 0.75))))]
    return [turned(0, 0.44, 0.07, body), turned(0.44, 0.455, 0.078, body), *flowers]


def _bud_vase(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.7)
    return [egg((0, 0.1, 0), (0.13, 0.1, 0.13), body), *stack(body, (0.16, 0.05), (0.34, 0.022), (
        0.4, 0.05)), Cone((0, 0.38, 0), (0.03, 0.62, 0), 0.006, 0.006, _LEAF), egg(
            (0.03, 0.63, 0), (0.04, 0.05, 0.04), WHITE)]


CUPS: dict[str, Maker] = {
    'mug': _mug, 'tea cup': _tea_cup, 'paper': _paper_cup, 'tankard': _tankard}
BOTTLES: dict[str, Maker] = {
    'wine': _wine_bottle, 'flask': _flask_bottle, 'spray': _spray_bottle, 'jug': _jug_bottle}
KETTLES: dict[str, Maker] = {
    'round': _round_kettle, 'jug': _jug_kettle, 'samovar': _samovar_kettle, 'camp': _camp_kettle}
VASES: dict[str, Maker] = {
    'twigs': _twig_vase, 'amphora': _amphora_vase, 'column': _column_vase, 'bud': _bud_vase}
