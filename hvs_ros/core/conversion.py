# SPDX-License-Identifier: Apache-2.0
"""Any camera model's image to an equirectangular one, for those who want a panorama."""

from __future__ import annotations

from collections.abc import Iterator
import math

import cv2
import numpy as np

from hvs_ros.core.band_maps import BAND_ROWS, Band
from hvs_ros.core.camera_models import CameraModel
from hvs_ros.core.renderer import Image, fitted_model, image_of
from hvs_ros.core.sampling import FOLD, sample, samples_for


def natural_size(model: CameraModel) -> tuple[int, int]:
    """Return the (width, height) of a whole panorama that keeps what the camera resolves."""
    height = max(2, round(math.pi * model.pixels_per_radian))
    return 2 * height, height


def to_equirectangular(
        source: Image, model: CameraModel, width: int, height: int) -> np.ndarray:
    """
    Return the whole panorama as (height, width, 3) uint8 BGR; black where nothing was seen.

    Column width / 2 and row height / 2 look along the camera's forward axis.
    """
    model = fitted_model(source, model)
    fold, halvings = samples_for(model.pixels_per_radian * 2.0 * math.pi / width)
    image = image_of(source, halvings)
    model = model.resized(image.shape[1], image.shape[0]) if halvings else model
    panorama = np.empty((height, width, 3), np.uint8)
    longitudes = (_fine(width, fold) / width * 2.0 - 1.0) * math.pi
    latitudes = (_fine(height, fold) / height - 0.5) * math.pi
    step = BAND_ROWS // FOLD * fold
    for top in range(0, len(latitudes), step):
        band = latitudes[top:top + step]
        shown = panorama[top // fold:(top + len(band)) // fold]
        target = shown if fold == 1 else np.empty((len(band), width * fold, 3), np.uint8)
        sample(image, model, _bands(model, longitudes, band), target, cv2.INTER_LINEAR)
        if fold > 1:
            cv2.resize(target, shown.shape[1::-1], dst=shown, interpolation=cv2.INTER_AREA)
    return panorama


def _fine(count: int, fold: int) -> np.ndarray:
    """Return where ``fold`` samples for each of ``count`` pixels lie, in pixels."""
    return (np.arange(count * fold) + 0.5) / fold - 0.5


def _bands(
        model: CameraModel, longitudes: np.ndarray, latitudes: np.ndarray) -> Iterator[Band]:
    """Yield the source pixels of some rows of a panorama, lens by lens."""
    level = np.cos(latitudes)[:, None]
    rays = (level * np.sin(longitudes), np.sin(latitudes)[:, None], level * np.cos(longitudes))
    for lens in model.lenses:
        x, y, z = (
            (axis[0] * rays[0] + axis[1] * rays[1] + axis[2] * rays[2]).astype(np.float32)
            for axis in lens.rotation)
        columns, rows = np.empty_like(x), np.empty_like(x)
        yield Band(columns, rows, lens.project(x, y, z, columns, rows))
