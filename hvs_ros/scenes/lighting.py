# SPDX-License-Identifier: Apache-2.0
"""Light: one far light with soft shadows, sky light with occlusion, lamps, and the tone curve."""
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hvs_ros.scenes.rays import ParallelRays, cast
from hvs_ros.scenes.shapes import Array, Shape, Vector, dot, extent

_RANGE = 8.0
_TABLE_SIZE = 4096


def _tone_table() -> NDArray[np.uint8]:
    light = np.arange(_TABLE_SIZE) / _TABLE_SIZE * _RANGE
    white = 3.5
    curve = np.clip(light * (1 + light / white ** 2) / (1 + 0.42 * light), 0, 1)
    return np.rint(255 * curve ** (1 / 2.2)).astype(np.uint8)


_TONE = _tone_table()


def tone(light: Array) -> NDArray[np.uint8]:
    """Return 8-bit display values for linear light; bright parts roll off instead of clipping."""
    scaled = np.minimum(light * np.float32(_TABLE_SIZE / _RANGE), _TABLE_SIZE - 1)
    return _TONE.take(scaled.astype(np.int32))


@dataclass(frozen=True)
class Lamp:
    """Light its surroundings without casting shadows; colour is BGR, linear."""

    position: Vector
    colour: Vector
    reach: float


@dataclass(frozen=True)
class Opening:
    """
    Let the far light in through an upright rectangle, such as a window.

    corner: its lowest corner, metres. across: its horizontal edge. height: of the rectangle.
    """

    corner: Vector
    across: Vector
    height: float
    spill: float = 0.12

    def admits(self, points: Array, towards: Array) -> Array:
        """Return the share of light, `spill` to 1, that points (3, N) get from `towards`."""
        across = np.array(self.across, np.float32)
        wide = np.float32(np.linalg.norm(across))
        across = across / wide
        normal = np.array([across[2], 0, -across[0]], np.float32)
        corner = np.array(self.corner, np.float32)
        gap = normal @ corner - normal @ points
        slope = float(normal @ towards)
        far = gap / np.float32(slope if abs(slope) > 1e-6 else 1e-6)
        along = across @ points - across @ corner + far * (across @ towards)
        up = points[1] - corner[1] + far * towards[1]
        # The sun is no point: the further from the window, the softer the edge of its patch.
        soft = 1 / (0.03 + 0.02 * np.maximum(far, 0))
        inside = np.minimum(np.minimum(along, wide - along), np.minimum(up, self.height - up))
        share = np.clip(inside * soft + 0.5, 0, 1) * (far > 0)
        return np.asarray(np.float32(self.spill) + np.float32(1 - self.spill) * share)


@dataclass(frozen=True)
class Lighting:
    """
    Describe the light of a scene; colours are BGR, linear.

    direction: of travel of the far light. centre, span: the square it covers, metres.
    softness: blur of its shadows, metres. walls: (point, normal) of planes whose corners darken.
    openings: where the far light comes in; none means the sky is open.
    """

    direction: Vector
    key: Vector
    sky: Vector
    ground: Vector
    centre: Vector
    span: float
    softness: float = 0.06
    walls: tuple[tuple[Vector, Vector], ...] = ()
    lamps: tuple[Lamp, ...] = ()
    openings: tuple[Opening, ...] = ()


class ShadowMap:
    """
    Tell how much of a far light reaches a point, from blurred first and second depth moments.

    The bound is Chebyshev's: the chance that a depth with these moments exceeds the point's.
    """

    def __init__(self, shapes: Sequence[Shape], direction: Vector, centre: Vector, span: float,
                 size: int, blur: float, bias: float) -> None:
        self._bundle = ParallelRays(direction, centre, span, size)
        self._bias = np.float32(bias)
        hits = cast(shapes, self._bundle)
        depth = hits.distance + np.float32(self._bundle.offset)
        depth = np.where(np.isfinite(depth), depth, np.float32(span)).astype(np.float32)
        kernel = max(3, int(blur / span * size) | 1)
        moments = np.stack([depth, depth * depth], axis=2)
        for _ in range(2):
            moments = cv2.blur(moments, (kernel, kernel), borderType=cv2.BORDER_REPLICATE)
        self._moments = moments

    def lit(self, points: Array) -> Array:
        """Return the share of light, 0 to 1, at points (3, N)."""
        column, row, depth = self._bundle.place(points)
        found = cv2.remap(self._moments, column[None], row[None], cv2.INTER_LINEAR,
                          borderMode=cv2.BORDER_REPLICATE)[0]
        mean = found[:, 0]
        spread = np.maximum(found[:, 1] - mean * mean, self._bias * self._bias)
        behind = depth - mean - self._bias
        chance = spread / (spread + behind * behind)
        # Thin leaks where two shadows overlap are cut off; the rest is stretched back to 0..1.
        chance = np.clip((chance - 0.18) / 0.82, 0, 1)
        return np.where(behind <= 0, np.float32(1), chance).astype(np.float32)


class Illumination:
    """Apply a scene's light to surface points; built once per scene, then only read."""

    def __init__(self, shapes: Sequence[Shape], lighting: Lighting, detail: int) -> None:
        self._lighting = lighting
        # What is smaller than the blur leaves no shadow that anyone could see.
        casters = [shape for shape in shapes
                   if shape.casts and extent(shape) > lighting.softness]
        self._key = ShadowMap(casters, lighting.direction, lighting.centre, lighting.span,
                              detail, lighting.softness, 0.03)
        near = min(lighting.span, 16.0)
        wide = [shape for shape in casters if extent(shape) > 0.16]
        self._above = ShadowMap(wide, (0.0, -1.0, 1e-4), lighting.centre, near,
                                max(64, detail // 2), 0.22, 0.05)
        ahead = np.array(lighting.direction, float)
        self._towards = (-ahead / np.linalg.norm(ahead)).astype(np.float32)

    def _open(self, points: Array, normals: Array) -> Array:
        """Return how open the surroundings are, 0 to 1: corners and places under things darken."""
        share = np.ones(points.shape[1], np.float32)
        for point, normal in self._lighting.walls:
            axis = np.array(normal, np.float32)
            facing = 1 - np.abs(axis @ normals)
            away = np.abs(axis @ points - np.float32(np.dot(point, normal)))
            # Flat shapes skip the plane they lie in, and every plane too far away to matter.
            if facing.max() > 0.01 and away.min() < 1.8:
                share *= 1 - 0.42 * facing * np.exp(away * np.float32(-2.4))
        return share

    def _direct(self, points: Array, normals: Array) -> tuple[Array, Array]:
        """Return the shadow and the strength of the far light."""
        facing = np.maximum(self._towards @ normals, 0)
        if facing.max() <= 0:
            return np.zeros(1, np.float32), np.zeros(1, np.float32)
        shadow = self._key.lit(points)
        for opening in self._lighting.openings[:1]:
            share = opening.admits(points, self._towards)
            for other in self._lighting.openings[1:]:
                share = np.maximum(share, other.admits(points, self._towards))
            shadow = shadow * share
        return shadow, facing * shadow

    def light(self, points: Array, normals: Array, view: Array, albedo: Array,
              gloss: Array) -> Array:
        """
        Return linear light (3, N) leaving points towards the eye; `view` are unit rays.

        `normals` and `albedo` are (3, N) or (3, 1), `gloss` (N,) or (1,).
        """
        spec = self._lighting
        share = self._open(points, normals)
        up = 0.5 + 0.5 * normals[1]
        above = self._above.lit(points) if up.max() > 0.02 else np.float32(1)
        sky = share * up * (0.3 + 0.7 * above)
        below = share * (1 - up) * (0.6 + 0.4 * above)
        shadow, direct = self._direct(points, normals)
        total = np.empty_like(points)
        for c in range(3):
            total[c] = (np.float32(spec.sky[c]) * sky + np.float32(spec.ground[c]) * below
                        + np.float32(spec.key[c]) * direct)
        for lamp in spec.lamps:
            strength = self._lamp(lamp, points, normals) * share
            for c in range(3):
                total[c] += np.float32(lamp.colour[c]) * strength
        total *= albedo
        if gloss.any():
            extra = self._shine(normals, view, shadow, share) * gloss
            for c in range(3):
                total[c] += extra * np.float32(spec.sky[c])
        return total

    def _shine(self, normals: Array, view: Array, shadow: Array, share: Array) -> Array:
        """Return the highlight of the far light and the sheen at a slant."""
        half = self._towards[:, None] - view
        cosine = np.maximum(dot(half, normals), 0) / (np.sqrt(dot(half, half)) + 1e-6)
        power = cosine.astype(np.float32)
        for _ in range(5):
            power = power * power
        facing = dot(view, normals)
        rim = 1 + np.minimum(facing, 0)
        mirrored = 0.5 + 0.5 * (view[1] - 2 * facing * normals[1])
        sheen = (0.05 + 0.3 * (rim * rim) ** 2) * mirrored * share
        return np.asarray(power * shadow * 0.9 + sheen)

    @staticmethod
    def _lamp(lamp: Lamp, points: Array, normals: Array) -> Array:
        """Return the strength of a lamp; the light wraps around edges a little."""
        towards = np.array(lamp.position, np.float32)[:, None] - points
        square = dot(towards, towards)
        facing = np.maximum(dot(towards, normals), 0) / np.sqrt(square + np.float32(1e-4))
        return np.asarray((0.25 + 0.75 * facing) / (1 + square * np.float32(lamp.reach ** -2)))
