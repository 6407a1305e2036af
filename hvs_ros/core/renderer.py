# SPDX-License-Identifier: Apache-2.0
"""Panorama, gaze and field of view to the perspective image that a planner sees."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
import math
from typing import Union

import cv2
import numpy as np

from hvs_ros.core.band_maps import BAND_ROWS, Band, BandMaps, PixelGrid
from hvs_ros.core.camera_models import CameraModel, Equirectangular, optical_rotation
from hvs_ros.core.errors import InputError
from hvs_ros.core.gaze import Gaze
from hvs_ros.core.panorama import Panorama
from hvs_ros.core.sampling import halved, sample, samples_for
from hvs_ros.core.view import View

RETICLE_BGR = (0, 255, 0)
RETICLE_ARM = 10
INTERPOLATION = cv2.INTER_LINEAR
Image = Union[Panorama, np.ndarray]


@dataclass(frozen=True)
class ViewSpec:
    """
    Hold what every view of a run shares; ``horizontal_fov`` is in radians.

    With ``antialias``, a view that would skip pixels of its source takes more samples, from 1.8
    source pixels per view pixel on: averaged across the view, so that 1280 and 1920 columns of
    100 degrees are sampled as published from panoramas up to 8294 and 12441 pixels wide.
    """

    width: int = 1920
    height: int = 1080
    horizontal_fov: float = math.radians(100)
    reticle: bool = True
    jpeg_quality: int = 85
    antialias: bool = True

    def __post_init__(self) -> None:
        if not 0 < self.horizontal_fov < math.pi:
            raise ValueError(f'horizontal_fov {self.horizontal_fov} is not within (0, pi)')
        if min(self.width, self.height) < 1:
            raise ValueError(f'a view of {self.width} x {self.height} pixels is empty')

    @property
    def focal_length(self) -> float:
        """Return the focal length in pixels."""
        return self.width / (2.0 * math.tan(self.horizontal_fov / 2.0))

    @property
    def grid(self) -> PixelGrid:
        """Return the view's pixels as rays."""
        return PixelGrid(
            self.width, self.height, self.focal_length, (self.width / 2, self.height / 2))

    def samples(self, model: CameraModel) -> tuple[int, int]:
        """Return (samples across and down per pixel, halvings of the source) for a source."""
        if not self.antialias:
            return 1, 0
        return samples_for(model.pixels_per_radian * self.horizontal_fov / self.width)


def encode_jpeg(image: np.ndarray, quality: int = 85) -> bytes:
    """
    Return the (h, w, 3) uint8 BGR image as JPEG with 4:2:0 chroma.

    Its pixels, once decoded, are those that Pillow would have written at the same quality, as the
    published client does. (TurboJPEG's own interface, which simplejpeg uses, takes the fast
    transform below quality 96 and is off by up to 14 levels.)
    """
    return bytes(cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


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
    return optical_rotation(gaze.yaw, gaze.pitch, roll)


class Renderer:
    """
    Render views of one ``ViewSpec``, as the published harness projects them.

    Pixel (i, j) looks along ((i - w/2) / f, (j - h/2) / f, 1), sampled bilinearly; in a panorama
    columns wrap at the seam and rows clamp at the poles. Any camera model is read directly,
    without a panorama in between. Holds its workspace, so it belongs to one thread.
    """

    def __init__(self, spec: ViewSpec | None = None) -> None:
        self.spec = spec if spec is not None else ViewSpec()
        self._maps: dict[int, BandMaps] = {}
        self._view = np.empty((self.spec.height, self.spec.width, 3), np.uint8)
        self._samples = np.empty((0, 0, 3), np.uint8)

    def render(
            self, source: Image, gaze: Gaze, roll: float = 0.0,
            out: np.ndarray | None = None, model: CameraModel | None = None) -> np.ndarray:
        """
        Return the view as (h, w, 3) uint8 BGR, reticle included; into ``out`` when given.

        ``source`` is (H, W, 3) uint8 BGR, taken by the camera of ``model`` at that size or
        another of the same shape; without one it is a whole panorama. ``roll`` is in radians,
        positive clockwise. What the camera did not see is black.
        """
        view = self._canvas(out)
        model = fitted_model(source, model)
        fold, halvings = self.spec.samples(model)
        image = image_of(source, halvings)
        if halvings:
            model = model.resized(image.shape[1], image.shape[0])
        maps = self._maps_of(fold)
        for top, bands in _bands(maps, model, gaze, roll):
            rows = min(BAND_ROWS, maps.grid.height - top)
            shown = view[top // fold:(top + rows) // fold]
            target = shown if fold == 1 else self._samples[:rows]
            sample(image, model, bands, target, INTERPOLATION)
            if fold > 1:
                cv2.resize(target, shown.shape[1::-1], dst=shown, interpolation=cv2.INTER_AREA)
        if self.spec.reticle:
            draw_reticle(view)
        return view

    def view(
            self, source: Image, gaze: Gaze, stamp_ns: int = 0, roll: float = 0.0,
            model: CameraModel | None = None) -> View:
        """Return the rendered view as JPEG with its gaze and the source's stamp."""
        image = self.render(source, gaze, roll, out=self._view, model=model)
        return View(
            encode_jpeg(image, self.spec.jpeg_quality), gaze, self.spec.width, self.spec.height,
            self.spec.horizontal_fov, stamp_ns)

    def _canvas(self, out: np.ndarray | None) -> np.ndarray:
        """Return the array that a view goes into, a new one when none is given."""
        view = out if out is not None else np.empty_like(self._view)
        if view.shape != self._view.shape or view.dtype != np.uint8:
            raise ValueError(f'a view is {self._view.shape} uint8, not {view.shape} {view.dtype}')
        return view

    def _maps_of(self, fold: int) -> BandMaps:
        """Return the workspace for so many samples a pixel, made once."""
        if fold not in self._maps:
            grid = self.spec.grid.refined(fold)
            self._maps[fold] = BandMaps(grid)
            if fold > 1:
                self._samples = np.empty((BAND_ROWS, grid.width, 3), np.uint8)
        return self._maps[fold]


def _bands(
        maps: BandMaps, model: CameraModel, gaze: Gaze,
        roll: float) -> Iterator[tuple[int, Iterable[Band]]]:
    """Yield each band's first row and its source pixels, for each lens that sees some of it."""
    tops = range(0, maps.grid.height, BAND_ROWS)
    if isinstance(model, Equirectangular) and not roll:
        for top, band in zip(tops, maps.of_upright(model, gaze), strict=True):
            yield top, (band,)
        return
    rotation = view_rotation(gaze, roll)
    for top in tops:
        yield top, _lens_bands(maps, model, rotation, top)


def _lens_bands(
        maps: BandMaps, model: CameraModel, rotation: np.ndarray, top: int) -> Iterator[Band]:
    """Yield the source pixels of one band, lens by lens."""
    rows = min(BAND_ROWS, maps.grid.height - top)
    corners = maps.corners(top, rows)
    for lens in model.lenses:
        turned = lens.rotation @ rotation
        seen = lens.sees(corners @ turned.T)
        if seen is not False:
            band = maps.of_lens(lens, turned, top, rows)
            yield band._replace(weights=None) if seen else band


def fitted_model(source: Image, model: CameraModel | None) -> CameraModel:
    """
    Return the model for a source of its shape: that given, at its size, or a whole panorama.

    Raise ``ValueError`` for pixels of another kind and ``InputError`` for another shape.
    """
    image = source.image if isinstance(source, Panorama) else source
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f'a panorama is (H, W, 3) uint8, not {image.shape} {image.dtype}')
    height, width = image.shape[:2]
    if model is None:
        return Equirectangular(width, height)
    if (model.width, model.height) == (width, height):
        return model
    if abs(model.width * height - model.height * width) > max(model.width, model.height):
        raise InputError(
            f'a source of {width} x {height} pixels does not have the shape of the camera, which '
            f'was calibrated at {model.width} x {model.height}')
    return model.resized(width, height)


def image_of(source: Image, halvings: int = 0) -> np.ndarray:
    """Return the pixels of a source, made smaller by that many halvings."""
    if isinstance(source, Panorama):
        return source.level(halvings)
    return halved(source, halvings)
