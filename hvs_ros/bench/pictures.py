# SPDX-License-Identifier: Apache-2.0
"""Panoramas to measure with: textured like photographs, the same on every machine."""

from __future__ import annotations

import json
import os
from pathlib import Path

import cv2
import numpy as np

from hvs_ros.core.renderer import encode_jpeg

_START_OF_IMAGE = b'\xff\xd8'
_COMMENT = b'\xff\xfe'


def draw_panorama(width: int, height: int, seed: int = 7) -> np.ndarray:
    """
    Return (height, width, 3) uint8 BGR: noise of many sizes under sharp-edged boxes.

    Smooth pictures would decode and compress faster than a camera's, pure noise slower.
    """
    draw = np.random.default_rng(seed)
    picture: np.ndarray = np.full((height, width, 3), 118, np.float32)
    for octave, strength in ((16, 90.0), (64, 45.0), (256, 24.0), (1024, 14.0)):
        noise = draw.uniform(-1, 1, (max(2, octave // 2), octave, 3)).astype(np.float32)
        picture += strength * cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    picture = np.clip(picture, 0, 255).astype(np.uint8)
    for _ in range(60):
        x, y = int(draw.uniform(0, width)), int(draw.uniform(0.2, 0.8) * height)
        size = draw.uniform(0.01, 0.06) * width
        colour = tuple(int(part) for part in draw.integers(0, 256, 3))
        cv2.rectangle(picture, (x, y), (int(x + size), int(y + 0.7 * size)), colour, -1)
    return picture


def panorama_file(folder: Path, width: int, height: int) -> Path:
    """Return the JPEG of that size in ``folder``, drawn when it is not there yet."""
    path = folder / f'panorama_{width}x{height}.jpg'
    if not path.exists():
        scratch = path.with_suffix('.part')
        scratch.write_bytes(encode_jpeg(draw_panorama(width, height), 88))
        os.replace(scratch, path)
    return path


def with_comment(jpeg: bytes, comment: str) -> bytes:
    """Return the same picture as different bytes: with a comment segment of its own."""
    text = comment.encode()
    segment = _COMMENT + (len(text) + 2).to_bytes(2, 'big') + text
    return _START_OF_IMAGE + segment + jpeg[len(_START_OF_IMAGE):]


def write_scene(scene: Path, panorama: bytes, starts: list[int]) -> None:
    """Make a scene folder in the benchmark's format: one object, a search from each start."""
    scene.mkdir(parents=True)
    (scene / f'pano_{scene.name}.jpg').write_bytes(panorama)
    item = {
        'task': 'the box', 'yaw': [80.0, 100.0], 'pitch': [-10.0, 10.0], 'initial yaw': starts}
    (scene / 'annotation.json').write_text(json.dumps([item]), encoding='utf-8')
