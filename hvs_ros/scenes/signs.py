# SPDX-License-Identifier: Apache-2.0
"""Readable signs: words, arrows and the running figure of an exit, drawn with OpenCV."""
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


def sign(text: str, ground: Colour = NAVY, ink: Colour = PALE, arrow: str = '',
         runner: bool = False, height: int = 96) -> Image:
    """
    Return a sign of that height in pixels and as wide as its contents need.

    arrow: '', 'left', 'right' or 'ahead'; it stands on the side it points to.
    """
    scale, thick = height / 48, max(1, round(height / 26))
    (wide, tall), _ = cv2.getTextSize(text, _FONT, scale, thick)
    margin = height // 4
    side = height if arrow else 0
    figure = height if runner else 0
    image = np.full((height, wide + 2 * margin + side + figure, 3), ground, np.uint8)
    cv2.rectangle(image, (2, 2), (image.shape[1] - 3, height - 3), ink, max(1, height // 40))
    left = margin + figure + (side if arrow in ('left', 'ahead') else 0)
    if runner:
        _runner(image, margin // 2, height, ink)
    cv2.putText(image, text, (left, (height + tall) // 2), _FONT, scale, ink, thick, cv2.LINE_AA)
    if arrow:
        centre = image.shape[1] - side // 2 - margin // 2 if arrow == 'right' else (
            figure + side // 2 + margin // 3)
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
