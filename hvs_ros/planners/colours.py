# SPDX-License-Identifier: Apache-2.0
"""Colour words and the pixels they name."""

from __future__ import annotations

import cv2
import numpy as np

# Centre of each colour word's hue on OpenCV's half-degree circle of 180.
HUES = {
    'red': 0, 'orange': 13, 'yellow': 25, 'green': 58, 'turquoise': 90, 'blue': 112,
    'purple': 140, 'pink': 165}
SYNONYMS = {
    'crimson': 'red', 'scarlet': 'red', 'reddish': 'red', 'golden': 'yellow', 'cyan': 'turquoise',
    'teal': 'turquoise', 'navy': 'blue', 'bluish': 'blue', 'violet': 'purple', 'magenta': 'pink',
    'lime': 'green', 'greenish': 'green', 'gray': 'grey', 'silver': 'grey', 'wooden': 'brown'}
# Words for colours that hue does not name: (least, most) saturation and value.
PLAIN = {
    'white': ((0, 45), (185, 255)), 'grey': ((0, 45), (70, 184)), 'black': ((0, 255), (0, 55)),
    'dark': ((0, 90), (0, 105))}
BROWN_VALUE = 150
LEAST_SATURATION = 95
LEAST_VALUE = 45
_NAMES = tuple(HUES)


def colour_words(phrase: str) -> list[str]:
    """Return the colours that a phrase names, by their common names."""
    found = []
    for word in phrase.lower().split():
        colour = SYNONYMS.get(word, word)
        if colour in HUES or (colour in PLAIN and colour != 'dark') or colour == 'brown':
            found.append(colour)
    return found


def _nearest_name() -> np.ndarray:
    """Return, for each hue, the index of the colour word whose centre is nearest."""
    hues = np.arange(180)[:, None]
    apart = np.abs(hues - np.array(list(HUES.values()))[None, :])
    return np.argmin(np.minimum(apart, 180 - apart), axis=1).astype(np.uint8)


_NAME_OF_HUE = _nearest_name()


class ColourMap:
    """Tell which pixels of one (h, w, 3) BGR view bear which colour word."""

    def __init__(self, image: np.ndarray) -> None:
        hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
        self._hue, self._saturation, self._value = cv2.split(hsv)
        self._saturated = ((self._saturation >= LEAST_SATURATION)
                           & (self._value >= LEAST_VALUE))
        self._names = _NAME_OF_HUE[self._hue]

    def mask(self, colour: str) -> np.ndarray:
        """Return the pixels of a colour as (h, w) uint8, 0 or 255; ``any`` is any vivid one."""
        if colour == 'any':
            chosen = self._saturated
        elif colour in HUES:
            chosen = self._saturated & (self._names == _NAMES.index(colour))
        elif colour == 'brown':
            warm = (self._hue >= 5) & (self._hue <= 20) & (self._saturation >= 60)
            chosen = warm & (self._value >= 30) & (self._value <= BROWN_VALUE)
        else:
            (low_s, high_s), (low_v, high_v) = PLAIN[colour]
            chosen = ((self._saturation >= low_s) & (self._saturation <= high_s)
                      & (self._value >= low_v) & (self._value <= high_v))
        return chosen.astype(np.uint8) * 255

    def pale_share(self, box: tuple[int, int, int, int]) -> float:
        """Return the share of pale pixels (a sign's writing) in a box (x, y, w, h)."""
        x, y, w, h = box
        pale = ((self._saturation[y:y + h, x:x + w] < 60)
                & (self._value[y:y + h, x:x + w] > 140))
        return float(pale.mean()) if pale.size else 0.0
