# SPDX-License-Identifier: Apache-2.0
"""Panoramas, folders and an independent projection for the tests of pixels and intake."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any
import zipfile

import cv2
import numpy as np
import pytest

SHARED = Path(__file__).resolve().parents[3] / 'shared'
needs_shared = pytest.mark.skipif(
    not (SHARED / 'parity').is_dir(), reason='the reference data is not beside the checkout')


def smooth_panorama(width: int, height: int, seed: int = 0) -> np.ndarray:
    """Return periodic noise without a step at the seam; each pole has one colour of its own."""
    rng = np.random.default_rng(seed)
    lon = np.arange(width) / width * 2.0 * math.pi
    lat = np.arange(height) / height * math.pi
    image = np.full((height, width, 3), 127.0)
    for channel in range(3):
        for _ in range(12):
            across, down = rng.integers(1, max(2, width // 10)), rng.uniform(0, height / 10)
            image[..., channel] += 10.0 * np.cos(
                across * lon + rng.uniform(0, 7) + (down * lat + rng.uniform(0, 7))[:, None])
    image = np.clip(image, 0, 255).astype(np.uint8)
    image[0], image[-1] = (250, 10, 10), (10, 10, 250)
    return image


def oracle_view(
        image: np.ndarray, rotation: np.ndarray, width: int, height: int, fov: float,
        shift: float = 0.0) -> np.ndarray:
    """
    Return the view in float64, by the formulas of the published geometry and nothing else.

    ``rotation`` turns (x right, y down, z forward) of the view into the panorama's.
    """
    focal = width / (2.0 * math.tan(fov / 2.0))
    i, j = np.meshgrid(np.arange(width) + shift, np.arange(height) + shift)
    rays = np.stack([(i - width / 2) / focal, (j - height / 2) / focal, np.ones_like(i)], -1)
    rays = rays / np.linalg.norm(rays, axis=-1, keepdims=True) @ rotation.T
    lon = np.arctan2(rays[..., 0], rays[..., 2])
    lat = np.arcsin(np.clip(rays[..., 1], -1, 1))
    high, wide = image.shape[:2]
    column = (lon / math.pi + 1) / 2 * wide
    row = np.clip((lat / math.pi + 0.5) * high, 0, high - 1)
    left, top = np.floor(column).astype(int), np.minimum(np.floor(row).astype(int), high - 2)
    a, b = (column - left)[..., None], (row - top)[..., None]
    source = image.astype(float)
    upper = source[top, left % wide] * (1 - a) + source[top, (left + 1) % wide] * a
    lower = source[top + 1, left % wide] * (1 - a) + source[top + 1, (left + 1) % wide] * a
    return upper * (1 - b) + lower * b


def published_rotation(yaw: float, pitch: float) -> np.ndarray:
    """Return the rotation of a gaze in benchmark degrees: pitch about x, then yaw about y."""
    a, b = math.radians(pitch), math.radians(yaw)
    about_x = [[1, 0, 0], [0, math.cos(a), -math.sin(a)], [0, math.sin(a), math.cos(a)]]
    about_y = [[math.cos(b), 0, math.sin(b)], [0, 1, 0], [-math.sin(b), 0, math.cos(b)]]
    return np.array(about_y) @ np.array(about_x)


def encoded(suffix: str, width: int = 64, height: int = 32) -> bytes:
    """Return a small panorama as the bytes of a file."""
    return cv2.imencode(suffix, smooth_panorama(width, height))[1].tobytes()


def item(**fields: Any) -> dict[str, Any]:
    """Return a valid item; a field given as ``...`` is left out."""
    whole = {'task': 'Find the lamp', 'yaw': [40, 60], 'pitch': [-5, 5]} | {
        name.replace('initial_yaw', 'initial yaw'): value for name, value in fields.items()}
    return {name: value for name, value in whole.items() if value is not ...}


def write_scene(root: Path, scene: str, items: Any, *images: str) -> Path:
    """Write a scene folder; ``items`` may be a list, or the text of the annotation."""
    folder = root / scene
    folder.mkdir(parents=True, exist_ok=True)
    text = items if isinstance(items, str) else json.dumps(items)
    (folder / 'annotation.json').write_text(text)
    for name in images or ('pano.png',):
        (folder / name).write_bytes(encoded(Path(name).suffix))
    return folder


def zip_folder(folder: Path, target: Path, prefix: str = '') -> Path:
    """Pack the folder's content into a zip, below ``prefix``."""
    with zipfile.ZipFile(target, 'w', zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob('*')):
            archive.write(path, prefix + path.relative_to(folder).as_posix())
    return target
