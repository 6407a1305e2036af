# SPDX-License-Identifier: Apache-2.0
"""A scene known for every ray, and images of it painted by formulas of their own."""

from __future__ import annotations

import math

import numpy as np

# In (right, down, ahead): where the face's centre lies, what is to its right and below it.
FACE_AXES = {
    'front': ((0, 0, 1), (1, 0, 0), (0, 1, 0)), 'right': ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
    'back': ((0, 0, -1), (-1, 0, 0), (0, 1, 0)), 'left': ((-1, 0, 0), (0, 0, 1), (0, 1, 0)),
    'up': ((0, -1, 0), (1, 0, 0), (0, 0, 1)), 'down': ((0, 1, 0), (1, 0, 0), (0, 0, -1))}
SECOND_CALIBRATION = """
model: dual_fisheye
width: 640
height: 320
blend: 9
lenses:
  front: {centre: [158.5, 161.25], radius: 151.5, field_of_view: 204, distortion: [-0.03, 0.004],
          mount: {roll: 90, pitch: 1.5, yaw: -0.5}}
  back: {centre: [481.0, 158.0], radius: 149.0, field_of_view: 198, distortion: [0.02],
         mount: {roll: -88, pitch: -1, yaw: 178}}
"""


def scene(rays: np.ndarray) -> np.ndarray:
    """Return the colour seen along (..., 3) rays, float64: smooth, and different everywhere."""
    unit = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
    waves = np.array([[3.0, 1.0, -2.0], [-1.0, 4.0, 1.5], [2.0, -2.5, 3.5]])
    return 127.0 + 100.0 * np.sin(unit @ waves.T + [0.3, 1.1, 2.0])


def rotation_of(roll: float, pitch: float, yaw: float) -> np.ndarray:
    """Return REP-103's rotation in degrees, as vectors (right, down, ahead) turn."""
    a, b, c = (math.radians(angle) for angle in (roll, pitch, yaw))
    about_ahead = [[math.cos(a), -math.sin(a), 0], [math.sin(a), math.cos(a), 0], [0, 0, 1]]
    about_right = [[1, 0, 0], [0, math.cos(b), math.sin(b)], [0, -math.sin(b), math.cos(b)]]
    about_down = [[math.cos(c), 0, -math.sin(c)], [0, 1, 0], [math.sin(c), 0, math.cos(c)]]
    return np.array(about_down) @ np.array(about_right) @ np.array(about_ahead)


def fisheye_rays(lens: dict, columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return the rays of pixels by a lens as the calibration file gives it; NaN outside it."""
    across, down = columns - lens['centre'][0], rows - lens['centre'][1]
    distance = np.hypot(across, down)
    half = math.radians(lens['field_of_view'] / 2)
    angles = np.linspace(0, half, 20001)
    powers = enumerate(lens.get('distortion', ()), start=1)
    grown = angles * (1 + sum(k * angles ** (2 * n) for n, k in powers))
    angle = np.interp(distance / lens['radius'], grown / grown[-1], angles, right=math.nan)
    around = np.arctan2(down, across)
    rays = np.stack([
        np.sin(angle) * np.cos(around), np.sin(angle) * np.sin(around), np.cos(angle)], -1)
    mount = {'roll': 0, 'pitch': 0, 'yaw': 0} | lens.get('mount', {})
    return rays @ rotation_of(**mount).T


def paint_fisheye(calibration: dict) -> np.ndarray:
    """Return the frame that a calibrated pair of lenses takes of the scene."""
    width, height = calibration['width'], calibration['height']
    columns, rows = np.meshgrid(np.arange(width), np.arange(height))
    image = np.zeros((height, width, 3))
    for lens in calibration['lenses'].values():
        rays = fisheye_rays(lens, columns, rows)
        seen = np.isfinite(rays[..., 0])
        image[seen] = scene(rays[seen])
    return np.round(image).astype(np.uint8)


def paint_face(face: str, side: int) -> np.ndarray:
    """Return one face of a cubemap of the scene."""
    ahead, right, below = (np.array(axis, float) for axis in FACE_AXES[face])
    tangents = (np.arange(side) + 0.5) / side * 2 - 1
    rays = ahead + tangents[None, :, None] * right + tangents[:, None, None] * below
    return np.round(scene(rays)).astype(np.uint8)


def paint_cubemap(layout: str, side: int) -> np.ndarray:
    """Return the cubemap in one image; what no face covers is magenta."""
    grids = {
        'strip': [['front', 'right', 'back', 'left', 'up', 'down']],
        'cross': [['', 'up', '', ''], ['left', 'front', 'right', 'back'], ['', 'down', '', '']],
        'vertical_cross': [
            ['', 'up', ''], ['left', 'front', 'right'], ['', 'down', ''], ['', 'back', '']]}
    empty = np.full((side, side, 3), (255, 0, 255), np.uint8)
    rows = []
    for row in grids[layout]:
        faces = [paint_face(face, side) if face else empty for face in row]
        if layout == 'vertical_cross' and row[1] == 'back':
            faces[1] = faces[1][::-1, ::-1]
        rows.append(np.concatenate(faces, axis=1))
    return np.concatenate(rows, axis=0)


def paint_panorama(width: int, height: int, field: float = 180, pitch: float = 0) -> np.ndarray:
    """Return an equirectangular image; ``pitch`` (down) of its middle row, in degrees."""
    lon = (np.arange(width) / width * 2 - 1) * math.pi
    lat = np.radians((np.arange(height) / height - 0.5) * field + pitch)[:, None]
    rays = np.stack(np.broadcast_arrays(
        np.cos(lat) * np.sin(lon), np.sin(lat), np.cos(lat) * np.cos(lon)), -1)
    return np.round(scene(rays)).astype(np.uint8)


def view_rays(
        width: int, height: int, fov: float, yaw: float, pitch: float, roll: float) -> np.ndarray:
    """Return the rays of a view's pixels; REP-103 degrees."""
    focal = width / (2 * math.tan(math.radians(fov) / 2))
    i, j = np.meshgrid(np.arange(width), np.arange(height))
    rays = np.stack([(i - width / 2) / focal, (j - height / 2) / focal, np.ones(i.shape)], -1)
    return rays @ rotation_of(roll, pitch, yaw).T
