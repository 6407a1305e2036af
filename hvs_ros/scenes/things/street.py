# SPDX-License-Identifier: Apache-2.0
"""What stands in streets: traffic cones, mailboxes and hydrants."""

from __future__ import annotations

import numpy as np

from hvs_ros.scenes.materials import Colour, plain
from hvs_ros.scenes.shapes import Cone, Shape
from hvs_ros.scenes.things.modelling import (
    CREAM,
    DARK,
    STEEL,
    WHITE,
    WOOD,
    Maker,
    block,
    darker,
    egg,
    ring,
    stack,
    turned,
)


def _banded_cone(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.2)

    def radius(y: float) -> float:
        return 0.165 - 0.135 * (y - 0.04) / 0.66

    bands = [turned(a, b, radius(a) + 0.003, WHITE, radius(b) + 0.003)
             for a, b in ((0.26, 0.36), (0.46, 0.54))]
    return [block((0, 0.02, 0), (0.44, 0.04, 0.44), plain(darker(colour, 0.8))),
            turned(0.04, 0.70, radius(0.04), body, radius(0.70)), *bands]


def _plain_cone(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.35)
    return [turned(0, 0.03, 0.24, body), turned(0.03, 0.5, 0.17, body, 0.035),
            turned(0.49, 0.53, 0.03, DARK)]


def _tall_cone(colour: Colour) -> list[Shape]:
    body = plain(colour)
    return [turned(0, 0.07, 0.22, DARK, 0.2), turned(0.07, 1.0, 0.1, body, 0.045),
            *[turned(y, y + 0.1, 0.1 - 0.055 * (y - 0.07) / 0.93 + 0.003, WHITE)
              for y in (0.45, 0.68)], egg((0, 1.02, 0), 0.05, body)]


def _barrel_cone(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.15)
    return [block((0, 0.025, 0), (0.46, 0.05, 0.46), DARK), *stack(body, (0.05, 0.2), (
        0.3, 0.14), (0.31, 0.12), (0.62, 0.06)), turned(0.12, 0.2, 0.188, CREAM, 0.168),
            turned(0.4, 0.48, 0.106, CREAM, 0.09)]


def _post_mailbox(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.35)
    return [turned(0, 0.85, 0.035, STEEL), block((0, 1.03, 0), (0.34, 0.36, 0.42), body),
            Cone((0, 1.21, -0.21), (0, 1.21, 0.21), 0.17, 0.17, body),
            block((0, 1.17, -0.213), (0.24, 0.03, 0.01), DARK),
            block((0, 1.00, -0.213), (0.15, 0.10, 0.008), WHITE)]


def _pillar_mailbox(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.5)
    return [turned(0, 0.1, 0.24, DARK), turned(0.1, 1.25, 0.21, body), turned(
        1.25, 1.3, 0.25, body), egg((0, 1.3, 0), (0.23, 0.12, 0.23), body),
            block((0, 1.1, -0.205), (0.22, 0.04, 0.03), DARK), block((0, 0.8, -0.205), (
                0.16, 0.2, 0.02), CREAM)]


def _box_mailbox(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.3)
    return [*[turned(0, 0.2, 0.03, DARK, x=x, z=z) for x in (-0.2, 0.2) for z in (-0.16, 0.16)],
            block((0, 0.62, 0), (0.52, 0.86, 0.44), body), Cone(
                (-0.26, 1.05, 0), (0.26, 1.05, 0), 0.22, 0.22, body),
            block((0, 0.98, -0.225), (0.36, 0.1, 0.012), plain(darker(colour, 0.5))),
            block((0, 0.62, -0.223), (0.2, 0.24, 0.008), WHITE)]


def _house_mailbox(colour: Colour) -> list[Shape]:
    body, roof = plain(colour, gloss=0.1), plain(darker(colour, 0.55))
    return [turned(0, 0.95, 0.045, WOOD), block((0, 1.12, 0), (0.34, 0.34, 0.32), body),
            *[block((0.1 * s, 1.35, 0), (0.27, 0.035, 0.38), roof, _roof(s)) for s in (-1, 1)],
            block((0, 1.2, -0.163), (0.2, 0.03, 0.008), DARK)]


def _roof(side: int) -> np.ndarray:
    c, s = np.cos(0.6), np.sin(0.6) * side
    return np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])


def _city_hydrant(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.35)
    return [turned(0, 0.05, 0.17, body), turned(0.05, 0.5, 0.11, body), turned(
        0.5, 0.54, 0.15, body), egg((0, 0.54, 0), (0.13, 0.13, 0.13), body), turned(
            0.66, 0.72, 0.03, STEEL), Cone((-0.2, 0.38, 0), (0.2, 0.38, 0), 0.055, 0.055, body),
            Cone((0, 0.38, -0.18), (0, 0.38, 0), 0.07, 0.07, plain(darker(colour), gloss=0.3))]


def _pillar_hydrant(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.2)
    return [turned(0, 0.86, 0.085, body), egg((0, 0.86, 0), (0.1, 0.06, 0.1), body),
            *[Cone((0, 0.62, 0), (0.17 * s, 0.56, 0), 0.045, 0.05, STEEL) for s in (-1, 1)],
            turned(0.3, 0.36, 0.089, WHITE), turned(0, 0.04, 0.16, DARK)]


def _squat_hydrant(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.5)
    return [*stack(body, (0, 0.18), (0.08, 0.15), (0.1, 0.13), (0.34, 0.13), (0.36, 0.17), (
        0.4, 0.17), (0.52, 0.06)), *[Cone((0, 0.24, 0), (x, 0.24, z), 0.06, 0.06, CREAM)
                                     for x, z in ring(4, 0.19)], egg((0, 0.54, 0), 0.045, DARK)]


def _twin_hydrant(colour: Colour) -> list[Shape]:
    body = plain(colour, gloss=0.3)
    return [turned(0, 0.42, 0.07, body), Cone((-0.2, 0.5, 0), (0.2, 0.5, 0), 0.09, 0.09, body),
            *[Cone((x, 0.5, 0), (x, 0.5, -0.16), 0.06, 0.07, STEEL) for x in (-0.14, 0.14)],
            turned(0.58, 0.68, 0.05, body), block((0, 0.7, 0), (0.22, 0.03, 0.05), DARK),
            block((0, 0.03, 0), (0.3, 0.06, 0.3), plain(darker(colour)))]


TRAFFIC_CONES: dict[str, Maker] = {
    'banded': _banded_cone, 'plain': _plain_cone, 'tall': _tall_cone, 'stepped': _barrel_cone}
MAILBOXES: dict[str, Maker] = {
    'post': _post_mailbox, 'pillar': _pillar_mailbox, 'box': _box_mailbox,
    'house': _house_mailbox}
HYDRANTS: dict[str, Maker] = {
    'city': _city_hydrant, 'pillar': _pillar_hydrant, 'squat': _squat_hydrant,
    'twin': _twin_hydrant}
