# SPDX-License-Identifier: Apache-2.0
"""Recognise a panorama again: recompressed, resized, turned in yaw or mirrored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import hashlib

import cv2
import numpy as np

from hvs_ros.core.panorama import PanoramaFile, decode

COLUMNS, ROWS, TURNS = 128, 32, 256
SAME_PICTURE = 0.8
"""Correlation from which two panoramas count as one picture; docs/datasets.md has the figures."""
_BACKGROUND = 6.0
_FAINT = 1e-3
_MOST_PAIRS = 1 << 16
"""Pairs compared at once: 130 MB of correlations."""


@dataclass(frozen=True, eq=False)
class Fingerprint:
    """
    Hold what a panorama is recognised by.

    ``file_sha256`` is the hash of the file's bytes, ``pixels_sha256`` that of size and decoded
    pixels, ``spectrum`` (ROWS, COLUMNS // 2 + 1) the Fourier transform along yaw of its structure:
    a turn in yaw changes its phases only. All zeros for a picture without structure.
    """

    name: str
    file_sha256: str
    pixels_sha256: str
    spectrum: np.ndarray


@dataclass(frozen=True)
class Match:
    """
    Say how alike two panoramas are.

    ``score`` is the correlation in [-1, 1] at the best turn; ``turn`` is how many degrees the
    second's content lies further to the right, after mirroring it where ``mirrored`` is set.
    """

    score: float
    turn: float
    mirrored: bool


def fingerprint(panorama: PanoramaFile, name: str) -> Fingerprint:
    """Return the fingerprint of a file; raise ``PanoramaError`` when it cannot be decoded."""
    content = panorama.read()
    image = decode(content, panorama.name)
    pixels = hashlib.sha256(repr(image.shape).encode())
    pixels.update(np.ascontiguousarray(image).data)
    return Fingerprint(
        name, hashlib.sha256(content).hexdigest(), pixels.hexdigest(), spectrum_of(image))


def spectrum_of(image: np.ndarray) -> np.ndarray:
    """
    Return the transform along yaw of the picture's structure, of unit norm.

    What panoramas have in common is taken out: each row's mean (sky above, floor below) and the
    broad light; what is left is brought to equal contrast row by row, and rows count by the
    solid angle that they stand for.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    small = cv2.resize(grey, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA).astype(np.float64)
    around = np.concatenate([small] * 3, axis=1)
    broad = cv2.GaussianBlur(around, (0, 0), _BACKGROUND)[:, COLUMNS:2 * COLUMNS]
    detail = small - broad
    detail -= detail.mean(axis=1, keepdims=True)
    contrast = np.sqrt((detail ** 2).mean(axis=1, keepdims=True))
    detail /= contrast + max(float(contrast.mean()), 1.0)
    latitude = (np.arange(ROWS) + 0.5) / ROWS * np.pi
    detail *= np.sqrt(np.sin(latitude))[:, None]
    norm = float(np.linalg.norm(detail))
    if norm < _FAINT:
        return np.zeros((ROWS, COLUMNS // 2 + 1), complex)
    return np.fft.rfft(detail / norm, axis=1)


def best_matches(
        first: Sequence[Fingerprint], second: Sequence[Fingerprint],
        least: float = SAME_PICTURE) -> list[tuple[int, int, Match]]:
    """Return (place in first, place in second, match) of all pairs that score ``least``."""
    found = []
    for mirrored in (False, True):
        # Mirroring a row conjugates its transform, up to a turn.
        others = np.array([print_.spectrum for print_ in second])
        others = others.conj() if mirrored else others
        step = max(1, _MOST_PAIRS // len(second))
        for begin in range(0, len(first), step):
            part = np.array([print_.spectrum for print_ in first[begin:begin + step]])
            scores = _correlations(part, others)
            best, peak = scores.max(axis=2), scores.argmax(axis=2)
            for a, b in np.argwhere(best >= least):
                found.append((int(begin + a), int(b), Match(
                    round(float(best[a, b]), 4), float(peak[a, b]) * 360 / TURNS, mirrored)))
    strongest: dict[tuple[int, int], Match] = {}
    for a, b, match in found:
        kept = strongest.get((a, b))
        if kept is None or match.score > kept.score:
            strongest[a, b] = match
    return [(a, b, match) for (a, b), match in sorted(strongest.items())]


def _correlations(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Return (first, second, turns): the correlation of each pair at every turn in yaw."""
    across = np.matmul(first.conj().transpose(2, 0, 1), second.transpose(2, 1, 0))
    return np.fft.irfft(across.transpose(1, 2, 0), TURNS, axis=2) * (TURNS / COLUMNS)
