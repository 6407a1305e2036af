# SPDX-License-Identifier: Apache-2.0
"""What the numbers of detectors say: boxes with scores, and heat over a picture, as hits."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from hvs_ros.planners.base import PlannerUnavailable
from hvs_ros.planners.sightings import Box, Hit

MOST_BOXES = 8
MOST_PLACES = 3
_SAME = 0.5
"""Boxes that overlap by more than this (intersection over union) are of the same thing."""
_NEAR_SHARE = 0.5
"""Heat of at least this share of a place's hottest spot belongs to it."""


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Return shares within [0, 1] of logits, of infinite ones too."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * logits.astype(np.float64))))


def hits_of_boxes(
        phrase: str, boxes: np.ndarray, scores: np.ndarray,
        size: tuple[int, int]) -> list[Hit]:
    """
    Return the best boxes, best first, of those that overlap the best alone.

    ``boxes`` is (n, 4): left, top, right, bottom in pixels of a view of ``size`` (width, height);
    ``scores`` (n,) within [0, 1]. Raises ``PlannerUnavailable`` when they are no such numbers.
    """
    _check(boxes, scores)
    width, height = size
    edges = np.clip(boxes, 0, [width, height, width, height]).astype(np.float64)
    wide, high = edges[:, 2] - edges[:, 0], edges[:, 3] - edges[:, 1]
    seen = np.flatnonzero((wide > 0) & (high > 0) & (scores > 0))
    if not len(seen):
        return []
    areas = np.stack([edges[:, 0], edges[:, 1], wide, high], axis=1)[seen]
    kept = cv2.dnn.NMSBoxes(areas.tolist(), scores[seen].tolist(), 0.0, _SAME)
    best = sorted(seen[np.ravel(kept)].tolist(), key=lambda k: (-scores[k], k))[:MOST_BOXES]
    return [Hit(phrase, float(scores[k]), Box(*edges[k].tolist())) for k in best]


def hits_of_heat(phrase: str, heat: np.ndarray, size: tuple[int, int]) -> list[Hit]:
    """
    Return the hottest places, hottest first, each with the heat of its hottest spot.

    ``heat`` is (h, w) within [0, 1] over all of a view of ``size`` (width, height) pixels. Raises
    ``PlannerUnavailable`` when it is no such heat.
    """
    _check(heat)
    rows, columns = heat.shape
    across, down = size[0] / columns, size[1] / rows
    found = []
    for region, left in hot_places(heat, MOST_PLACES, _NEAR_SHARE):
        high, wide = np.nonzero(region)
        found.append(Hit(phrase, float(left[region].max()), Box(
            float(wide.min() * across), float(high.min() * down),
            float((wide.max() + 1) * across), float((high.max() + 1) * down))))
    return found


def hot_places(
        heat: np.ndarray, most: int, share: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """
    Yield (the place as a mask, the heat outside the places before) of the hottest places.

    A place is what hangs together with its hottest spot and has at least a ``share`` of its heat.
    """
    left = heat.copy()
    for _ in range(most):
        top = float(left.max())
        if top <= 0:
            return
        row, column = np.unravel_index(int(left.argmax()), left.shape)
        hot = (left >= share * top).astype(np.uint8)
        _, regions = cv2.connectedComponents(hot, connectivity=8)
        region = regions == regions[row, column]
        yield region, left
        left[region] = 0.0


def _check(*numbers: np.ndarray) -> None:
    """Refuse what says nothing: an overflow in half precision must not pass for "not seen"."""
    if not all(np.isfinite(one).all() for one in numbers):
        raise PlannerUnavailable('the grounder answered with numbers that are not finite')
    if not (numbers[-1].size and numbers[-1].min() >= 0 and numbers[-1].max() <= 1):
        raise PlannerUnavailable('the grounder answered with scores that are not within 0 to 1')
