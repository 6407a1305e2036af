# SPDX-License-Identifier: Apache-2.0
"""Cubemaps: six square faces in one image, as a cross or a strip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import math
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from hvs_ros.core.camera_models import TINY

FACES = ('front', 'right', 'back', 'left', 'up', 'down')
# Rows: what lies to the right, down and ahead for one who looks at the face. Up and down are
# joined to the front face, so that tilting the head brings them into view upright.
_AXES = MappingProxyType({
    'front': ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    'right': ((0, 0, -1), (0, 1, 0), (1, 0, 0)),
    'back': ((-1, 0, 0), (0, 1, 0), (0, 0, -1)),
    'left': ((0, 0, 1), (0, 1, 0), (-1, 0, 0)),
    'up': ((1, 0, 0), (0, 0, 1), (0, -1, 0)),
    'down': ((1, 0, 0), (0, 0, -1), (0, 1, 0)),
})


class Layout(NamedTuple):
    """Say in how many columns and rows of faces which face lies at which (column, row)."""

    columns: int
    rows: int
    places: Mapping[str, tuple[int, int]]
    turned: str = ''


LAYOUTS: Mapping[str, Layout] = MappingProxyType({
    'cross': Layout(4, 3, {
        'up': (1, 0), 'left': (0, 1), 'front': (1, 1), 'right': (2, 1), 'back': (3, 1),
        'down': (1, 2)}),
    'vertical_cross': Layout(3, 4, {
        'up': (1, 0), 'left': (0, 1), 'front': (1, 1), 'right': (2, 1), 'down': (1, 2),
        'back': (1, 3)}, turned='back'),
    'strip': Layout(6, 1, {face: (place, 0) for place, face in enumerate(FACES)}),
})
"""In the vertical cross the back face hangs below the down face, turned by 180 degrees."""


def layout_of(width: int, height: int) -> str | None:
    """Return the layout whose shape an image has, or None."""
    for name, layout in LAYOUTS.items():
        if width * layout.rows == height * layout.columns:
            return name
    return None


def join_faces(faces: Sequence[np.ndarray]) -> np.ndarray:
    """Return six equal square faces, in the order of ``FACES``, as one strip."""
    return np.ascontiguousarray(np.concatenate(faces, axis=1))


@dataclass(frozen=True)
class Cubemap:
    """
    Map rays to the six faces of a cube, which ``layout`` places in the image.

    A face spans 90 degrees, edge to edge of its pixels; beyond its outermost pixel centres the
    nearest one stands in, so that no face bleeds into its neighbour in the image.
    """

    width: int
    height: int
    layout: str = 'cross'

    bend = math.inf
    wraps = False
    rotation = np.eye(3)

    @property
    def lenses(self) -> tuple[Cubemap, ...]:
        """Return itself, its one lens."""
        return (self,)

    @property
    def pixels_per_radian(self) -> float:
        """Return the resolution averaged over a face."""
        return self.width / LAYOUTS[self.layout].columns / (math.pi / 2.0)

    def resized(self, width: int, height: int) -> Cubemap:
        """Return the model of the same cubemap at another size."""
        return Cubemap(width, height, self.layout)

    def sees(self, corners: np.ndarray) -> bool:
        """Return True: six faces leave nothing out."""
        return True

    def project(
            self, x: np.ndarray, y: np.ndarray, z: np.ndarray,
            columns: np.ndarray, rows: np.ndarray) -> None:
        """Write the pixel on the face that each ray passes through; every ray is seen."""
        size = (np.abs(x), np.abs(y), np.abs(z))
        depth = np.maximum(np.maximum(size[0], size[1]), size[2])
        for face, axes in _AXES.items():
            axis = next(index for index in range(3) if axes[2][index])
            ahead = (x, y, z)[axis] * axes[2][axis]
            on_face = ahead >= depth
            if on_face.any():
                self._project_face(face, (x, y, z), depth, on_face, columns, rows)

    def _project_face(
            self, face: str, ray: tuple[np.ndarray, np.ndarray, np.ndarray], depth: np.ndarray,
            on_face: np.ndarray, columns: np.ndarray, rows: np.ndarray) -> None:
        """Write the pixels of the rays of one face."""
        layout = LAYOUTS[self.layout]
        sign = -1.0 if face == layout.turned else 1.0
        sizes = (self.width / layout.columns, self.height / layout.rows)
        for out, axes, size, place in zip(
                (columns, rows), _AXES[face], sizes, layout.places[face], strict=False):
            axis = next(index for index in range(3) if axes[index])
            tangents = ray[axis] * np.float32(sign * axes[axis]) / (depth + TINY)
            tangents += np.float32(1.0)
            tangents *= np.float32(size / 2.0)
            tangents += np.float32(place * size - 0.5)
            # A face of a resized image may begin within a pixel, which then is not its own.
            first, last = math.ceil(place * size - 1e-6), math.floor((place + 1) * size + 1e-6) - 1
            np.clip(tangents, np.float32(first), np.float32(max(first, last)), out=tangents)
            np.copyto(out, tangents, where=on_face)
