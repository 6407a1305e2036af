# SPDX-License-Identifier: Apache-2.0
"""A small network trained on procedural scenes, run by onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import json
from pathlib import Path

import cv2
import numpy as np

from hvs_ros.core.errors import InputError
from hvs_ros.planners.detections import hot_places
from hvs_ros.planners.onnx_session import open_session
from hvs_ros.planners.sightings import Box, Hit, Thresholds
from hvs_ros.planners.words import encode

SIZE = (320, 180)
"""Width and height of what the network sees: the whole view, then the middle of it enlarged."""
ZOOM = 3
"""The middle that is looked at a second time is the view's width and height over this."""
CELL = 8
CELLS = (23, 40)
PEAKS = 3
_NEAR_SHARE = 0.25
_LEAST_MASS = 0.02
_DISMISSED = 1e-6
_MIDDLE = 0.42
"""A wide sighting within this share of the enlarged middle is judged by the enlarged look."""


@dataclass(frozen=True)
class Peak:
    """Hold one place of a look: a box in its pixels, and the share of belief that lies there."""

    box: Box
    mass: float


class OnnxGrounder:
    """
    Find what a sentence asks for in a view.

    It reads the whole instruction, word order and all, and looks twice: at the view, and at its
    middle enlarged. Its scores are shares of belief, calibrated on validation scenes. It knows
    what the scenes it was trained on hold, and nothing of photographs. Threads may share it.
    """

    reads_instructions = True

    def __init__(self, path: Path | str) -> None:
        """Raise ``InputError`` when the file is no model of this kind."""
        found = Path(path)
        self._session = open_session(found, threads=1)
        self.files = (found,)
        told = self._session.get_modelmeta().custom_metadata_map
        try:
            self._vocabulary: list[str] = json.loads(told['vocabulary'])
            settings = json.loads(told['thresholds'])
            self.thresholds = Thresholds(**settings)
            self._temperature = float(told['temperature'])
        except (KeyError, ValueError, TypeError) as error:
            raise InputError(f'{found}: not a grounder of this package ({error})') from error

    def locate(self, image: np.ndarray, phrases: Sequence[str]) -> list[Hit]:
        """Return the hits in a (h, w, 3) uint8 BGR view, best first."""
        whole, close = _fitted(image), _fitted(_middle(image))
        hits = []
        for phrase in phrases:
            words = encode(phrase, self._vocabulary)
            wide = [_moved(peak, image, 1) for peak in peaks(self.belief(whole, words))]
            belief = self.belief(close, words)
            near = [_moved(peak, image, ZOOM) for peak in peaks(belief)]
            hits += [Hit(phrase, peak.mass, peak.box) for peak in _joined(wide, near, image)]
        return sorted(hits, key=lambda hit: -hit.score)

    def belief(self, view: np.ndarray, words: np.ndarray) -> np.ndarray:
        """Return (23, 40) shares of belief of a (180, 320, 3) view; the rest is "not in view"."""
        logits = self._session.run(None, {
            'view': view.transpose(2, 0, 1)[None].astype(np.float32), 'words': words[None]})[0][0]
        logits = logits.astype(np.float64)
        logits[-1] -= np.log(np.exp(logits[:-1] - logits[:-1].max()).sum()) + logits[:-1].max()
        sure = 1.0 / (1.0 + np.exp(logits[-1] / self._temperature))
        heat = np.exp(logits[:-1] - logits[:-1].max())
        share: np.ndarray = (sure * heat / heat.sum()).reshape(CELLS)
        return share


def _middle(image: np.ndarray) -> np.ndarray:
    """Return the middle of a view, a share of 1 / ZOOM of its sides."""
    height, width = image.shape[:2]
    wide, high = round(width / ZOOM), round(height / ZOOM)
    left, top = (width - wide) // 2, (height - high) // 2
    return image[top:top + high, left:left + wide]


def _fitted(image: np.ndarray) -> np.ndarray:
    """Return the picture at the network's size; one of another shape is squeezed into it."""
    shrunk = image.shape[1] > SIZE[0]
    return np.asarray(cv2.resize(
        image, SIZE, interpolation=cv2.INTER_AREA if shrunk else cv2.INTER_LINEAR))


def peaks(belief: np.ndarray) -> list[Peak]:
    """Return the places where belief gathers, the strongest first, in pixels of the look."""
    found = []
    for region, left in hot_places(belief, PEAKS, _NEAR_SHARE):
        mass = float(left[region].sum())
        if mass < _LEAST_MASS:
            break
        found.append(Peak(_box(region, left), mass))
    return found


def _box(region: np.ndarray, belief: np.ndarray) -> Box:
    """Return a box around the middle of belief, as wide and high as its spread asks."""
    rows, columns = np.nonzero(region)
    weight = belief[rows, columns]
    x = float(np.average(columns + 0.5, weights=weight)) * CELL
    y = float(np.average(rows + 0.5, weights=weight)) * CELL
    half_x = (columns.max() - columns.min() + 1) * CELL / 2
    half_y = (rows.max() - rows.min() + 1) * CELL / 2
    return Box(x - half_x, y - half_y, x + half_x, y + half_y)


def _moved(peak: Peak, image: np.ndarray, zoom: int) -> Peak:
    """Return a peak of a look in pixels of the view."""
    height, width = image.shape[:2]
    across, down = width / zoom / SIZE[0], height / zoom / SIZE[1]
    left, top = (width - width / zoom) / 2, (height - height / zoom) / 2
    box = peak.box
    return Peak(Box(left + box.left * across, top + box.top * down, left + box.right * across,
                    top + box.bottom * down), peak.mass)


def _joined(wide: list[Peak], near: list[Peak], image: np.ndarray) -> list[Peak]:
    """
    Return the peaks of both looks; well inside the middle, the enlarged look decides.

    A wide sighting there keeps its place with what the enlarged look believes of it, so that
    what was a rival from afar is remembered as none.
    """
    height, width = image.shape[:2]
    kept = []
    for peak in wide:
        x, y = peak.box.centre
        inside = (abs(x - width / 2) < _MIDDLE * width / ZOOM
                  and abs(y - height / 2) < _MIDDLE * height / ZOOM)
        if not inside:
            kept.append(peak)
        elif not any(_overlap(peak.box, close.box) for close in near):
            kept.append(Peak(peak.box, _DISMISSED))
    return [*near, *kept]


def _overlap(a: Box, b: Box) -> bool:
    return a.left < b.right and b.left < a.right and a.top < b.bottom and b.top < a.bottom
