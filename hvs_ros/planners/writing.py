# SPDX-License-Identifier: Apache-2.0
"""Whether a sign bears a given word: the word is drawn and laid over the sign."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

BOARD_HEIGHT = 36
LETTER_SHARES = (0.44, 0.5, 0.56)
SQUEEZES = (1.1, 0.97, 0.83, 0.68)
# Correlation of the drawn word with what a sign bears: chance, and beyond doubt.
CHANCE, CERTAIN = 0.45, 0.85
_FONT = cv2.FONT_HERSHEY_DUPLEX
_FRAME_SHARE = 0.08


def sign_texts(phrase: str) -> list[str]:
    """Return what a sign for a phrase may say: its last words, and its number alone."""
    words = phrase.upper().split()
    numbered = [word for word in words if any(letter.isdigit() for letter in word)]
    return list(dict.fromkeys([' '.join(words[-2:]), *numbered[-1:]]))


def level(board: np.ndarray, slope: float) -> np.ndarray:
    """Return a (h, w) picture whose rows fall by ``slope`` pixels a column, sheared upright."""
    height, width = board.shape
    shear = np.array([[1, 0, 0], [-slope, 1, slope * width / 2]], np.float32)
    return cv2.warpAffine(board, shear, (width, height), borderMode=cv2.BORDER_REPLICATE)


def reads(board: np.ndarray, text: str) -> float:
    """
    Return how surely a (h, w) grey picture of a sign bears a text, in [0, 1].

    It compares with plain upright capitals only (OpenCV's own), which is how signs look in the
    simulated worlds; it does not read handwriting, other scripts or photographs.
    """
    height, width = board.shape
    if height < 8 or width < 8 or not text.isascii():
        return 0.0
    frame = max(1, round(_FRAME_SHARE * height))
    inner = board[frame:height - frame, frame:width - frame]
    wide = max(8, round(inner.shape[1] * BOARD_HEIGHT / inner.shape[0]))
    picture = cv2.resize(inner, (wide, BOARD_HEIGHT), interpolation=cv2.INTER_AREA)
    best = 0.0
    for share in LETTER_SHARES:
        for squeeze in SQUEEZES:
            word = _drawn(text, share, squeeze)
            if word.shape[0] <= BOARD_HEIGHT and word.shape[1] <= wide:
                found = cv2.matchTemplate(picture, word, cv2.TM_CCOEFF_NORMED)
                best = max(best, float(found.max()))
    return min(1.0, max(0.0, (best - CHANCE) / (CERTAIN - CHANCE)))


@lru_cache(maxsize=256)
def _drawn(text: str, share: float, squeeze: float) -> np.ndarray:
    """Return the text in white on black, capitals ``share`` of the board high."""
    scale = 4 * share * BOARD_HEIGHT / 21.0  # capitals of this font are 21 pixels high
    (wide, tall), base = cv2.getTextSize(text, _FONT, scale, max(1, round(2 * scale)))
    margin = round(2 * scale)
    canvas = np.zeros((tall + base + margin, wide + 2 * margin), np.uint8)
    cv2.putText(canvas, text, (margin, tall + margin // 2), _FONT, scale, 255,
                max(1, round(2 * scale)), cv2.LINE_AA)
    size = (max(4, round(canvas.shape[1] * squeeze / 4)), max(4, round(canvas.shape[0] / 4)))
    return cv2.resize(canvas, size, interpolation=cv2.INTER_AREA)
