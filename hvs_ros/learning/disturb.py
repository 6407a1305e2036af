# SPDX-License-Identifier: Apache-2.0
"""What cameras do to a view: brightness, contrast, noise, blur and JPEG."""

from __future__ import annotations

import cv2
import numpy as np
import simplejpeg


def disturb(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Return the (h, w, 3) uint8 BGR view as another camera, or a worse one, might show it."""
    if rng.random() < 0.7:
        gain = float(rng.uniform(0.62, 1.4))
        lift = float(rng.uniform(-14, 14))
        image = cv2.convertScaleAbs(image, alpha=gain, beta=lift)
    if rng.random() < 0.3:
        size = float(rng.uniform(0.4, 1.1))
        image = cv2.GaussianBlur(image, (0, 0), size)
    if rng.random() < 0.35:
        image = noisy(rng, image, float(rng.uniform(2, 12)))
    if rng.random() < 0.5:
        image = simplejpeg.decode_jpeg(simplejpeg.encode_jpeg(
            np.ascontiguousarray(image), int(rng.integers(30, 92)), colorspace='BGR',
            colorsubsampling='420'), 'BGR')
    return image


def noisy(rng: np.random.Generator, image: np.ndarray, deviation: float) -> np.ndarray:
    """Return the view with Gaussian noise of that standard deviation in grey levels."""
    noise = rng.standard_normal(image.shape, np.float32) * np.float32(deviation)
    return np.clip(image + noise, 0, 255).astype(np.uint8)
