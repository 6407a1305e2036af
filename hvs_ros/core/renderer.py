# SPDX-License-Identifier: Apache-2.0
"""Panorama, gaze and field of view to the perspective image that a planner sees."""

from __future__ import annotations

from dataclasses import dataclass
import math
from typing import Union

import cv2
import numpy as np
import simplejpeg

from hvs_ros.core.camera_models import TINY, Equirectangular, arctan_unit, wrap_columns
from hvs_ros.core.gaze import Gaze
from hvs_ros.core.panorama import Panorama
from hvs_ros.core.view import View

BAND_ROWS = 40
"""Maps of so many rows stay in a core's cache between computing and sampling."""
RETICLE_BGR = (0, 255, 0)
RETICLE_ARM = 10
INTERPOLATION = cv2.INTER_LINEAR
Image = Union[Panorama, np.ndarray]


@dataclass(frozen=True)
class ViewSpec:
    """Hold what every view of a run shares; ``horizontal_fov`` is in radians."""

    width: int = 1920
    height: int = 1080
    horizontal_fov: float = math.radians(100)
    reticle: bool = True
    jpeg_quality: int = 85

    def __post_init__(self) -> None:
        if not 0 < self.horizontal_fov < math.pi:
            raise ValueError(f'horizontal_fov {self.horizontal_fov} is not within (0, pi)')
        if min(self.width, self.height) < 1:
            raise ValueError(f'a view of {self.width} x {self.height} pixels is empty')

    @property
    def focal_length(self) -> float:
        """Return the focal length in pixels."""
        return self.width / (2.0 * math.tan(self.horizontal_fov / 2.0))


def encode_jpeg(image: np.ndarray, quality: int = 85) -> bytes:
    """Return the (h, w, 3) uint8 BGR image as JPEG with 4:2:0 chroma."""
    return simplejpeg.encode_jpeg(
        np.ascontiguousarray(image), quality, colorspace='BGR', colorsubsampling='420')


def draw_reticle(image: np.ndarray) -> None:
    """Draw the benchmark's green cross, one pixel wide, around (w // 2, h // 2), in place."""
    row, column = image.shape[0] // 2, image.shape[1] // 2
    arm = slice(max(0, column - RETICLE_ARM), column + RETICLE_ARM + 1)
    image[row, arm] = RETICLE_BGR
    arm = slice(max(0, row - RETICLE_ARM), row + RETICLE_ARM + 1)
    image[arm, column] = RETICLE_BGR


def view_rotation(gaze: Gaze, roll: float = 0.0) -> np.ndarray:
    """
    Return the 3x3 rotation from the view's optical axes to the panorama's.

    Optical axes are x right, y down, z forward. It is Rz(yaw) Ry(pitch) Rx(roll) of REP-103, so
    that a positive roll turns the camera clockwise.
    """
    cy, sy = math.cos(gaze.yaw), math.sin(gaze.yaw)
    cp, sp = math.cos(gaze.pitch), math.sin(gaze.pitch)
    cr, sr = math.cos(roll), math.sin(roll)
    body = (np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
            @ np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])
            @ np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]]))
    axes = np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0]])
    return axes @ body @ axes.T


class Renderer:
    """
    Render views of one ``ViewSpec``, as the published harness projects them.

    Pixel (i, j) looks along ((i - w/2) / f, (j - h/2) / f, 1), sampled bilinearly; columns wrap
    at the seam, rows clamp at the poles. Holds its workspace, so it belongs to one thread.
    """

    def __init__(self, spec: ViewSpec | None = None) -> None:
        self.spec = spec if spec is not None else ViewSpec()
        width, height = self.spec.width, self.spec.height
        focal = self.spec.focal_length
        self._across = ((np.arange(width) - width / 2) / focal).astype(np.float32)
        self._down = (np.arange(height) - height / 2) / focal
        # The view is symmetric about its centre column: offsets to the right of it, from the
        # centre out, serve the left as well, which for an even width has one column more.
        self._left = (width + 1) // 2
        count = self._left + 1 - width % 2
        offsets = (np.arange(count) + width % 2 / 2) / focal
        self._offsets = offsets.astype(np.float32)
        self._offsets_squared = (offsets * offsets).astype(np.float32)
        rows = min(BAND_ROWS, height)
        self._half = [np.empty((rows, count), np.float32) for _ in range(4)]
        self._columns = np.empty((rows, width), np.float32)
        self._rows = np.empty((rows, width), np.float32)
        self._view = np.empty((height, width, 3), np.uint8)

    def render(
            self, panorama: Image, gaze: Gaze, roll: float = 0.0,
            out: np.ndarray | None = None) -> np.ndarray:
        """
        Return the view as (h, w, 3) uint8 BGR, reticle included; into ``out`` when given.

        ``panorama`` is (H, W, 3) uint8 BGR; ``roll`` in radians, positive clockwise.
        """
        image = panorama.image if isinstance(panorama, Panorama) else panorama
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise ValueError(f'a panorama is (H, W, 3) uint8, not {image.shape} {image.dtype}')
        view = out if out is not None else np.empty_like(self._view)
        if view.shape != self._view.shape or view.dtype != np.uint8:
            raise ValueError(f'a view is {self._view.shape} uint8, not {view.shape} {view.dtype}')
        model = Equirectangular(image.shape[1], image.shape[0])
        rotation = view_rotation(gaze, roll) if roll else None
        for top in range(0, self.spec.height, BAND_ROWS):
            band = slice(top, min(top + BAND_ROWS, self.spec.height))
            size = band.stop - band.start
            columns, rows = self._columns[:size], self._rows[:size]
            if rotation is None:
                self._map_level(model, gaze, band, columns, rows)
            else:
                self._map_rays(model, rotation, band, columns, rows)
            cv2.remap(image, columns, rows, INTERPOLATION, dst=view[band],
                      borderMode=cv2.BORDER_WRAP)
        if self.spec.reticle:
            draw_reticle(view)
        return view

    def view(self, panorama: Image, gaze: Gaze, stamp_ns: int = 0, roll: float = 0.0) -> View:
        """Return the rendered view as JPEG with its gaze and the panorama's stamp."""
        image = self.render(panorama, gaze, roll, out=self._view)
        return View(
            encode_jpeg(image, self.spec.jpeg_quality), gaze, self.spec.width, self.spec.height,
            self.spec.horizontal_fov, stamp_ns)

    def _map_rays(
            self, model: Equirectangular, rotation: np.ndarray, band: slice,
            columns: np.ndarray, rows: np.ndarray) -> None:
        """Write the source pixels of a band of any orientation."""
        turned = rotation.astype(np.float32)
        down = self._down[band, None].astype(np.float32)
        x, y, z = (
            axis[0] * self._across + (axis[1] * down + axis[2]) for axis in turned)
        model.project(x, y, z, columns, rows)

    def _map_level(
            self, model: Equirectangular, gaze: Gaze, band: slice,
            columns: np.ndarray, rows: np.ndarray) -> None:
        """
        Write the source pixels of a band of an upright view.

        Without roll, y and z are the same all along a row, so that the sign of z, hence the
        quadrant, is settled once a row, and yaw only shifts the columns.
        """
        down = self._down[band, None]
        forward = down * -math.sin(gaze.pitch) + math.cos(gaze.pitch)
        drop = down * math.cos(gaze.pitch) + math.sin(gaze.pitch)
        level, tangents, squares, angles = (part[:len(down)] for part in self._half)

        np.add(self._offsets_squared, (forward * forward).astype(np.float32), out=level)
        np.sqrt(level, out=level)
        np.add(level, np.abs(forward).astype(np.float32) + TINY, out=tangents)
        np.divide(self._offsets, tangents, out=tangents)
        arctan_unit(tangents, squares, angles)
        per_half = np.where(forward < 0, -model.width / math.pi, model.width / math.pi)
        angles *= per_half.astype(np.float32)
        angles += np.where(forward < 0, model.width / 2, 0).astype(np.float32)
        centre = np.float32((0.5 - gaze.yaw / (2.0 * math.pi)) * model.width % model.width)
        left, right = columns[:, :self._left], columns[:, self._left:]
        np.subtract(centre, self._leftwards(angles), out=left)
        np.add(centre, angles[:, :right.shape[1]], out=right)
        # Longitudes grow outwards in front and shrink outwards behind.
        widest = max(angles[:, 0].max(), angles[:, -1].max())
        if centre - widest < 0:
            wrap_columns(left, model.width)
        if centre + widest > model.width:
            wrap_columns(right, model.width)

        np.add(self._offsets_squared, (down * down + 1.0).astype(np.float32), out=tangents)
        np.sqrt(tangents, out=tangents)
        tangents += level
        np.divide(drop.astype(np.float32), tangents, out=tangents)
        arctan_unit(tangents, squares, angles)
        model.to_rows(angles)
        rows[:, :self._left] = self._leftwards(angles)
        rows[:, self._left:] = angles[:, :right.shape[1]]

    def _leftwards(self, half: np.ndarray) -> np.ndarray:
        """Return the mirrored half that lies left of the centre column."""
        return half[:, half.shape[1] - self._left:][:, ::-1]
