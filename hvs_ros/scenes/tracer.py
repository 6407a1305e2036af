# SPDX-License-Identifier: Apache-2.0
"""The picture of a scene: cast, shade, mirror glossy floors, smooth the edges."""
from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from hvs_ros.scenes.lighting import Illumination, Lighting, tone
from hvs_ros.scenes.materials import TO_LINEAR, Image
from hvs_ros.scenes.rays import Hits, PanoramaRays, PixelRays, cast
from hvs_ros.scenes.shapes import Array, Shape, dot, extent

# remap takes at most 32767 columns; and a chunk of this size stays in the cache.
_CHUNK = 1 << 14
_ALONE = 1 << 11
# Three samples beside the pixel's own centre, none sharing a row or a column.
_SHIFTS = ((-0.33, -0.12), (0.12, -0.36), (0.3, 0.3))


Run = tuple[int, int, int]
"""The number of a shape and the range of its points."""


@dataclass(frozen=True)
class Picture:
    """Hold a panorama (BGR) and, per pixel, the number of the shape seen there (-1: sky)."""

    image: Image
    shape: NDArray[np.int16]


class Tracer:
    """
    Draw one scene as equirectangular panoramas.

    origin: the eye, metres. yaw: world direction of the centre column, rad. sky: a panorama for
    what lies beyond all shapes, its centre column towards +z.
    """

    def __init__(self, shapes: Sequence[Shape], lighting: Lighting,
                 origin: tuple[float, float, float], yaw: float, sky: Image | None = None) -> None:
        self._shapes = list(shapes)
        self._lighting = lighting
        self._origin = origin
        self._yaw = yaw
        self._sky = sky

    @property
    def yaw(self) -> float:
        """Return the world direction of the centre column, rad."""
        return self._yaw

    def draw(self, width: int, height: int) -> Picture:
        """Return the picture at a size in pixels."""
        light = Illumination(self._shapes, self._lighting, max(128, width // 2))
        panorama = PanoramaRays(width, height, self._origin, self._yaw)
        hits = cast(self._shapes, panorama)
        # A floor mirrors softly: a third of the detail is enough.
        mirror = self._mirror(light, width // 6 * 2, width // 6)
        flat = panorama.directions.reshape(3, -1)
        angle = 2 * np.pi / width
        shader = _Shader(self._shapes, light, mirror, self._yaw, self._sky, angle)
        colours, faces = shader.shade(panorama.origin, flat, hits)
        image = np.ascontiguousarray(colours).reshape(height, width, 3)
        rows, columns = _edges(hits.shape, faces.reshape(height, width))
        bundle = PixelRays(panorama, rows, columns, _SHIFTS)
        extra, _ = shader.shade(bundle.origin, bundle.directions, cast(self._shapes, bundle))
        total = extra.reshape(-1, len(_SHIFTS), 3).sum(axis=1, dtype=np.uint16)
        image[rows, columns] = (total + image[rows, columns] + 2) // (len(_SHIFTS) + 1)
        return Picture(image, hits.shape)

    def area(self, numbers: Sequence[int], size: tuple[int, int]) -> int:
        """Return how many pixels of (rows, columns) shapes would cover on their own."""
        panorama = PanoramaRays(size[1], size[0], self._origin, self._yaw)
        covered = np.zeros(size, bool)
        shapes = [self._shapes[k] for k in numbers]
        covers = panorama.parts(np.stack([shape.corners for shape in shapes]))
        for shape, parts in zip(shapes, covers, strict=True):
            for part in parts:
                met = np.isfinite(shape.hit(*panorama.rays(part)))
                covered[part] |= met.reshape(covered[part].shape)
        return int(covered.sum())

    def _mirror(self, light: Illumination, width: int, height: int) -> Image | None:
        """Return what a level mirror at y = 0 shows: the scene seen from below the floor."""
        if not any(shape.material.mirror for shape in self._shapes):
            return None
        above = [shape for shape in self._shapes
                 if not shape.material.mirror and extent(shape) > 0.06]
        x, y, z = self._origin
        panorama = PanoramaRays(width, height, (x, -y, z), self._yaw)
        hits = cast(above, panorama)
        shader = _Shader(above, light, None, self._yaw, self._sky, 2 * np.pi / width)
        upper = height // 2 + 1
        part = Hits(hits.shape[:upper], hits.distance[:upper])
        directions = panorama.directions[:, :upper].reshape(3, -1)
        colours, _ = shader.shade(panorama.origin, directions, part)
        sharp = np.ascontiguousarray(colours).reshape(upper, width, 3)
        return np.asarray(cv2.GaussianBlur(sharp, (0, 0), width / 700), np.uint8)


def _edges(number: NDArray[np.int16], face: NDArray[np.int8],
           ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return rows and columns of pixels beside another shape or another face."""
    code = number.astype(np.int32) * 32 + face
    across = code != np.roll(code, -1, axis=1)
    down = code[:-1] != code[1:]
    edge = across | np.roll(across, 1, axis=1)
    edge[:-1] |= down
    edge[1:] |= down
    rows, columns = np.nonzero(edge)
    return rows, columns


def _grouped(counts: NDArray[np.intp]) -> Iterator[list[Run]]:
    """
    Yield runs of points that are lit together, about a chunk at a time.

    ``counts`` is the number of points of each shape. A shape of many points stays alone: flat
    ones then have one normal for all.
    """
    small: list[Run] = []
    for k, count in enumerate(counts.tolist()):
        if count >= _ALONE:
            yield from ([(k, begin, min(begin + _CHUNK, count))]
                        for begin in range(0, count, _CHUNK))
        elif count:
            small.append((k, 0, count))
            if sum(end for _, _, end in small) >= _CHUNK // 2:
                yield small
                small = []
    if small:
        yield small


class _Surface(NamedTuple):
    """
    Hold what light falls on.

    normals: (3, N) or, for a flat shape, (3, 1). albedo: linear, (3, N) or (3, 1). gloss, glow
    and mirror as ``Material`` has them, (N,) or (1,).
    """

    normals: Array
    albedo: Array
    gloss: Array
    glow: Array
    mirror: Array


class _Shader:
    """Turn hits into display colours, one shape at a time."""

    def __init__(self, shapes: list[Shape], light: Illumination, mirror: Image | None, yaw: float,
                 sky: Image | None, angle: float) -> None:
        self._shapes = shapes
        self._light = light
        self._mirror = mirror
        self._yaw = yaw
        self._sky = sky
        self._angle = np.float32(angle)

    def shade(self, origin: Array, directions: Array, hits: Hits,
              ) -> tuple[NDArray[np.uint8], NDArray[np.int8]]:
        """Return colours (N, 3) and a code of the face seen, for rays (3, N)."""
        number = hits.shape.ravel()
        distance = hits.distance.ravel()
        # int16 sorts by radix: grouping two million pixels by shape takes milliseconds.
        order = np.argsort(number, kind='stable')
        starts = np.searchsorted(number.take(order), np.arange(-1, len(self._shapes) + 1))
        # One 32-bit word a pixel: scattering words is ten times faster than rows of three bytes.
        words = np.zeros(number.size, np.uint32)
        faces = np.zeros(number.size, np.int8)
        beyond = order[:starts[1]]
        if beyond.size:
            words[beyond] = _pack(self._far(directions.take(beyond, axis=1)).T)
        for runs in _grouped(np.diff(starts[1:])):
            chosen = np.concatenate([
                order[starts[k + 1] + begin:starts[k + 1] + end] for k, begin, end in runs])
            view = directions.take(chosen, axis=1)
            points = origin + view * distance.take(chosen)
            light, face = self._lit(runs, points, view, distance.take(chosen))
            words[chosen] = _pack(tone(light))
            faces[chosen] = face
        return words.astype('<u4', copy=False).view(np.uint8).reshape(-1, 4)[:, :3], faces

    def _lit(self, runs: list[Run], points: Array, view: Array, distance: Array,
             ) -> tuple[Array, NDArray[np.int8]]:
        """Return linear light (3, N) and the face's code at the points of some shapes' runs."""
        surfaces, begin = [], 0
        for k, first, last in runs:
            part = slice(begin, begin + last - first)
            surfaces.append(self._surface(
                self._shapes[k], points[:, part], view[:, part], distance[part]))
            begin = part.stop
        if len(surfaces) == 1:
            surface = surfaces[0]
        else:  # light costs numpy calls, not points: many small shapes are lit at once
            surface = _Surface(*(
                np.concatenate([np.broadcast_to(one[field], (*one[field].shape[:-1], last - first))
                                for one, (_, first, last) in zip(surfaces, runs, strict=True)],
                               axis=-1)
                for field in range(len(_Surface._fields))))
        light = self._light.light(points, surface.normals, view, surface.albedo, surface.gloss)
        if surface.glow.any():
            light = light * (1 - np.minimum(surface.glow, 1)) + surface.albedo * surface.glow
        if self._mirror is not None and surface.mirror.any():
            facing = np.abs(dot(surface.normals, view))
            rim = 0.25 + 0.75 * (1 - np.minimum(facing, 1)) ** 3
            share = surface.mirror * rim * (surface.normals[1] > 0.9)
            seen = cv2.LUT(self._reflected(view), TO_LINEAR).T
            light = light * (1 - share) + seen * share
        steps = np.rint(surface.normals * 1.2)
        return light, (steps[0] + 3 * steps[1] + 9 * steps[2]).astype(np.int8)

    def _surface(self, shape: Shape, points: Array, view: Array, distance: Array) -> _Surface:
        normals, u, v = shape.surface(points)
        facing = dot(normals, view)
        if normals.shape[1] == 1:
            normals = -normals if facing[0] > 0 else normals
        else:
            normals = np.where(facing > 0, -normals, normals)
        slant = np.sqrt(np.maximum(np.abs(facing), np.float32(0.04)))
        material = shape.material
        return _Surface(
            normals, material.albedo(u, v, distance * self._angle / slant),
            *(np.full(1, value, np.float32)
              for value in (material.gloss, material.glow, material.mirror)))

    def _reflected(self, view: Array) -> NDArray[np.uint8]:
        assert self._mirror is not None
        width = self._mirror.shape[1]
        lon = np.arctan2(view[0], view[2]) - np.float32(self._yaw)
        column = ((lon / np.float32(np.pi) + 1) / 2 * width) % width
        lat = np.arcsin(np.clip(view[1], -1, 1))
        row = (lat / np.float32(np.pi) + 0.5) * (width // 2)
        return _look_up(self._mirror, column, row)

    def _far(self, view: Array) -> NDArray[np.uint8]:
        if self._sky is None:
            return np.full((view.shape[1], 3), 235, np.uint8)
        height, width = self._sky.shape[:2]
        column = (np.arctan2(view[0], view[2]) / np.float32(np.pi) + 1) / 2 * width % width
        row = (0.5 - np.arcsin(np.clip(view[1], -1, 1)) / np.float32(np.pi)) * height
        return _look_up(self._sky, column, row)


def _pack(colours: NDArray[np.uint8]) -> NDArray[np.uint32]:
    """Return (3, N) bytes as N little-endian words."""
    wide = colours.astype('<u4')
    return np.asarray(wide[0] | (wide[1] << 8) | (wide[2] << 16))


def _look_up(image: Image, column: Array, row: Array) -> NDArray[np.uint8]:
    picked = np.empty((column.size, 3), np.uint8)
    # remap's rows must stay under 32768 columns.
    for begin in range(0, column.size, 16384):
        part = slice(begin, begin + 16384)
        picked[part] = cv2.remap(image, column[None, part], row[None, part], cv2.INTER_LINEAR,
                                 borderMode=cv2.BORDER_REPLICATE)[0]
    return picked
