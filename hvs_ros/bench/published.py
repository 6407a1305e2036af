# SPDX-License-Identifier: Apache-2.0
"""
The published harness's way to a view, made anew from its description: what others pay a turn.

It decodes the panorama every turn, computes float64 maps of the whole view, and encodes with
Pillow. Nothing here is slower than the description asks for.
"""

from __future__ import annotations

import base64
import io
import math
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.renderer import ViewSpec, draw_reticle


def published_map(
        spec: ViewSpec, width: int, height: int, gaze: BenchmarkAngles) -> np.ndarray:
    """Return (h, w, 2) float64: column and row in the panorama of each pixel of the view."""
    columns, rows = np.meshgrid(np.arange(spec.width), np.arange(spec.height))
    rays: np.ndarray = np.empty((spec.height, spec.width, 3))
    rays[..., 0] = (columns - spec.width / 2) / spec.focal_length
    rays[..., 1] = (rows - spec.height / 2) / spec.focal_length
    rays[..., 2] = 1.0
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    pitch, yaw = math.radians(gaze.pitch), math.radians(gaze.yaw)
    about_x, _ = cv2.Rodrigues(np.array([pitch, 0.0, 0.0]))
    about_y, _ = cv2.Rodrigues(np.array([0.0, yaw, 0.0]))
    rays = rays @ (about_y @ about_x).T
    longitude = np.arctan2(rays[..., 0], rays[..., 2])
    latitude = np.arcsin(np.clip(rays[..., 1], -1.0, 1.0))
    return np.stack(
        ((longitude / math.pi + 1) / 2 * width, (latitude / math.pi + 0.5) * height), axis=-1)


def published_render(image: np.ndarray, gaze: BenchmarkAngles, spec: ViewSpec) -> np.ndarray:
    """Return the view as (h, w, 3) uint8 BGR of a decoded panorama."""
    maps = published_map(spec, image.shape[1], image.shape[0], gaze).astype(np.float32)
    return cv2.remap(
        image, np.ascontiguousarray(maps[..., 0]), np.ascontiguousarray(maps[..., 1]),
        cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)


def published_turn(panorama: Path, gaze: BenchmarkAngles, spec: ViewSpec, kind: str) -> str:
    """Return what the model is sent of one turn: the view as base64 of a ``PNG`` or ``JPEG``."""
    image = cv2.imread(str(panorama))
    assert image is not None, panorama
    view = published_render(image, gaze, spec)
    draw_reticle(view)
    picture = Image.fromarray(cv2.cvtColor(view, cv2.COLOR_BGR2RGB))
    stream = io.BytesIO()
    if kind == 'PNG':
        picture.save(stream, format='PNG')
    else:
        picture.save(stream, format='JPEG', quality=spec.jpeg_quality, optimize=True)
    return base64.b64encode(stream.getvalue()).decode('ascii')
