# SPDX-License-Identifier: Apache-2.0
"""Bilinear samples of a source image, mixed where several of its lenses see the same."""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np

from hvs_ros.core.band_maps import Band
from hvs_ros.core.camera_models import CameraModel

SAMPLES_FROM = 1.8
"""Source pixels per view pixel, averaged across the view, that one sample cannot stand for."""
FOLD = 2
"""Samples across and down for each pixel of a view that needs more than one."""


def samples_for(ratio: float) -> tuple[int, int]:
    """
    Return (samples across and down per view pixel, halvings of the source) for a ratio.

    ``ratio`` is source pixels per view pixel. One sample below ``SAMPLES_FROM``; two by two
    above it, which take the place of one halving and are sharper; halvings for the rest.
    """
    if ratio < SAMPLES_FROM:
        return 1, 0
    halvings, ratio = 0, ratio / FOLD
    while ratio >= SAMPLES_FROM:
        halvings, ratio = halvings + 1, ratio / 2.0
    return FOLD, halvings


def halved(image: np.ndarray, times: int = 1) -> np.ndarray:
    """Return the image at half the width and height, ``times`` times over, averaged by area."""
    for _ in range(times):
        size = tuple(max(1, (side + 1) // 2) for side in image.shape[1::-1])
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return image


def sample(
        image: np.ndarray, model: CameraModel, bands: Iterable[Band], out: np.ndarray,
        interpolation: int) -> None:
    """Write the pixels of the bands, one for each lens that adds to them; black where unseen."""
    border = cv2.BORDER_WRAP if model.wraps else cv2.BORDER_CONSTANT
    total: np.ndarray | None = None
    for band in bands:
        if band.weights is None:  # no other lens adds to what one sees fully
            cv2.remap(
                image, band.columns, band.rows, interpolation, dst=out, borderMode=border)
            return
        if total is None:
            total = np.zeros_like(band.weights)
            out[:] = 0
        # Positions far out of the image are sampled slowly, and most lie where nothing is seen.
        counting = np.flatnonzero(band.weights.any(axis=0))
        if len(counting):
            part = slice(counting[0], counting[-1] + 1)
            more = cv2.remap(
                image, band.columns[:, part], band.rows[:, part], interpolation,
                borderMode=border)
            weights, before = band.weights[:, part], total[:, part]
            if before.any():
                more = cv2.blendLinear(out[:, part], more, before, weights)
            out[:, part] = more
            before += weights
    if total is None:
        out[:] = 0
    else:
        out[total <= 0] = 0
