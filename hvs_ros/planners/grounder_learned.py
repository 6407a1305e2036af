# SPDX-License-Identifier: Apache-2.0
"""A network that `hvs train grounder` wrote, and a reader of signs beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
import re

import cv2
import numpy as np

from hvs_ros.planners.colours import ColourMap
from hvs_ros.planners.grounder_onnx import OnnxGrounder
from hvs_ros.planners.grounder_shape import LOOK_WIDTH, boards
from hvs_ros.planners.plugged import over
from hvs_ros.planners.sightings import Box, Hit

_NUMBERED = re.compile(
    r'\b(gate|room|platform|bus|exit|track|line|terminal)\s+([a-z]?\s?\d+[a-z]?)\b', re.IGNORECASE)
_NAMED = re.compile(
    r'\b(?:door of|entrance of|shop called|sign that says) (?:the )?([\w ]+)', re.IGNORECASE)
_READ = 0.45
"""A sign that bears the words less surely than this has not been read."""
_UNREAD_SHARE = 0.45
"""What is left of the network's belief in a gate whose number has not been read."""


class LearnedGrounder:
    """
    Find things and ways: a network trained on procedural scenes, and writing on signs.

    The network knows what a gate is and cannot read its number; where an instruction names a
    number or a shop, plain capitals are laid over the signs in view. Threads may share it.
    """

    reads_instructions = True

    def __init__(
            self, model: Path | str, wishes: Mapping[str, float] | None = None) -> None:
        """Raise ``InputError`` when the model cannot be read; ``wishes`` are thresholds."""
        self._network = OnnxGrounder(model)
        self.files = self._network.files
        self.thresholds = over(str(model), self._network.thresholds, wishes or {})

    def locate(self, image: np.ndarray, phrases: Sequence[str]) -> list[Hit]:
        """Return the hits in a (h, w, 3) uint8 BGR view, best first."""
        hits = self._network.locate(image, phrases)
        for phrase in phrases:
            text = written_words(phrase)
            if text:
                hits = [_doubted(hit) for hit in hits] + _read(image, phrase, text)
        return sorted(hits, key=lambda hit: -hit.score)


def written_words(instruction: str) -> str:
    """Return what a sign would say of what an instruction names by number or name, or ''."""
    numbered = _NUMBERED.search(instruction)
    if numbered:
        return f'{numbered[1]} {numbered[2].replace(" ", "")}'.lower()
    named = _NAMED.search(instruction)
    name = named[1].split()[0].lower() if named and named[1].split() else ''
    return '' if name == 'the' else name


def _doubted(hit: Hit) -> Hit:
    return Hit(hit.phrase, hit.score * _UNREAD_SHARE, hit.box)


def _read(image: np.ndarray, phrase: str, text: str) -> list[Hit]:
    """Return the signs that bear the text."""
    scale = image.shape[1] / min(LOOK_WIDTH, image.shape[1])
    size = (round(image.shape[1] / scale), max(1, round(image.shape[0] / scale)))
    small = image if scale == 1 else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    found = []
    for score, (x, y, wide, high) in boards(image, ColourMap(small), text, scale):
        if score >= _READ:
            found.append(Hit(phrase, score, Box(
                x * scale, y * scale, (x + wide) * scale, (y + high) * scale)))
    return found
