# SPDX-License-Identifier: Apache-2.0
"""Readable signs: words, numbers, arrows and pictograms, drawn with OpenCV."""
from __future__ import annotations

import cv2
import numpy as np

from hvs_ros.scenes.materials import Colour, Image

GREEN: Colour = (84, 128, 20)
NAVY: Colour = (92, 60, 34)
SLATE: Colour = (70, 66, 62)
PALE: Colour = (232, 234, 236)
_FONT = cv2.FONT_HERSHEY_DUPLEX


def _arrow(image: Image, centre: tuple[int, int], size: int, angle: float, ink: Colour) -> None:
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    shape = np.array([[-1, -0.22], [0.1, -0.22], [0.1, -0.7], [1, 0], [0.1, 0.7], [0.1, 0.22],
                      [-1, 0.22]]) * size
    points = np.rint(shape @ turn.T + np.array(centre)).astype(np.int32)
    cv2.fillPoly(image, [points], ink, lineType=cv2.LINE_AA)


def _runner(image: Image, left: int, height: int, ink: Colour) -> None:
    unit = height / 100
    def at(x: float, y: float) -> tuple[int, int]:
        return left + int(x * unit), int(y * unit)

    width = max(2, int(9 * unit))
    cv2.rectangle(image, at(52, 14), at(84, 86), ink, max(2, int(5 * unit)), cv2.LINE_AA)
    cv2.circle(image, at(44, 22), max(2, int(8 * unit)), ink, -1, cv2.LINE_AA)
    for a, b in (((40, 34), (30, 56)), ((30, 56), (42, 68)), ((42, 68), (36, 86)),
                 ((30, 56), (18, 72)), ((18, 72), (6, 70)), ((40, 36), (54, 48)),
                 ((38, 36), (22, 42))):
        cv2.line(image, at(*a), at(*b), ink, width, cv2.LINE_AA)


def _lift(image: Image, left: int, height: int, ink: Colour) -> None:
    """Draw a cabin with a figure in it under two arrows."""
    unit = height / 100
    cv2.rectangle(image, (left + int(26 * unit), int(34 * unit)),
                  (left + int(78 * unit), int(88 * unit)), ink, max(2, int(6 * unit)), cv2.LINE_AA)
    _person(image, left + 52 * unit, 44 * unit, 0.42 * unit, ink)
    for x, angle in ((40, -np.pi / 2), (66, np.pi / 2)):
        _arrow(image, (left + int(x * unit), int(20 * unit)), max(3, int(11 * unit)), angle, ink)


def _stairs(image: Image, left: int, height: int, ink: Colour) -> None:
    """Draw four steps that rise to the right."""
    unit = height / 100
    for k in range(4):
        cv2.rectangle(image, (left + int((18 + 17 * k) * unit), int((72 - 15 * k) * unit)),
                      (left + int((35 + 17 * k) * unit), int(88 * unit)), ink, -1)


def _toilets(image: Image, left: int, height: int, ink: Colour) -> None:
    """Draw two figures with a line between them."""
    unit = height / 100
    for x in (28, 76):
        _person(image, left + x * unit, 18 * unit, 0.68 * unit, ink)
    cv2.line(image, (left + int(52 * unit), int(14 * unit)),
             (left + int(52 * unit), int(86 * unit)), ink, max(1, int(4 * unit)), cv2.LINE_AA)


def _bus(image: Image, left: int, height: int, ink: Colour) -> None:
    """Draw a bus from its front."""
    unit = height / 100
    cv2.rectangle(image, (left + int(20 * unit), int(20 * unit)),
                  (left + int(84 * unit), int(76 * unit)), ink, -1)
    cv2.rectangle(image, (left + int(28 * unit), int(28 * unit)),
                  (left + int(76 * unit), int(50 * unit)), tuple(0.4 * part for part in ink), -1)
    for x in (30, 64):
        cv2.rectangle(image, (left + int(x * unit), int(76 * unit)),
                      (left + int((x + 12) * unit), int(86 * unit)), ink, -1)


def _person(image: Image, x: float, y: float, unit: float, ink: Colour) -> None:
    """Draw a standing figure whose head is at (x, y), 100 units high."""
    def at(right: float, below: float) -> tuple[int, int]:
        return int(x + right * unit), int(y + below * unit)

    cv2.circle(image, at(0, 8), max(1, int(9 * unit)), ink, -1, cv2.LINE_AA)
    cv2.rectangle(image, at(-13, 22), at(13, 60), ink, -1)
    for side in (-8, 7):
        cv2.line(image, at(side, 58), at(side, 98), ink, max(1, int(10 * unit)), cv2.LINE_AA)


PICTOGRAMS = {
    'runner': _runner, 'lift': _lift, 'stairs': _stairs, 'toilets': _toilets, 'bus': _bus}


def sign(text: str, ground: Colour = NAVY, ink: Colour = PALE, arrow: str = '',
         pictogram: str = '', height: int = 96) -> Image:
    """
    Return a sign of that height in pixels and as wide as its contents need.

    arrow: '', 'left', 'right' or 'ahead'; it stands on the side it points to. pictogram: '' or
    one of ``PICTOGRAMS``, before the text, which may be empty.
    """
    scale, thick = height / 48, max(1, round(height / 26))
    (wide, tall), _ = cv2.getTextSize(text, _FONT, scale, thick)
    margin = height // 4
    side = height if arrow else 0
    figure = height if pictogram else 0
    image = np.full((height, wide + 2 * margin + side + figure, 3), ground, np.uint8)
    cv2.rectangle(image, (2, 2), (image.shape[1] - 3, height - 3), ink, max(1, height // 40))
    before = side if arrow in ('left', 'ahead') else 0
    if pictogram:
        PICTOGRAMS[pictogram](image, before + margin // 2, height, ink)
    left = margin + figure + before
    cv2.putText(image, text, (left, (height + tall) // 2), _FONT, scale, ink, thick, cv2.LINE_AA)
    if arrow:
        centre = image.shape[1] - side // 2 - margin // 2 if arrow == 'right' else (
            side // 2 + margin // 3)
        angle = {'left': np.pi, 'right': 0.0, 'ahead': -np.pi / 2}[arrow]
        _arrow(image, (centre, height // 2), height // 3, angle, ink)
    return image


def board(rows: list[tuple[str, str]], ground: Colour = (40, 34, 30)) -> Image:
    """Return a departure board with a row of two words each."""
    image = np.full((48 * len(rows) + 24, 480, 3), ground, np.uint8)
    for k, (left, right) in enumerate(rows):
        y = 52 + 48 * k
        cv2.putText(image, left, (20, y), _FONT, 1.0, (190, 222, 232), 2, cv2.LINE_AA)
        cv2.putText(image, right, (350, y), _FONT, 1.0, (190, 222, 232), 2, cv2.LINE_AA)
        cv2.line(image, (12, y + 14), (468, y + 14), (78, 72, 66), 1)
    return image
