# SPDX-License-Identifier: Apache-2.0
"""Materials: a colour or a tiled picture, sampled with mipmaps so that nothing flickers."""
from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Array = NDArray[np.float32]
Colour = tuple[float, float, float]

# sRGB transfer, approximated by a power; 8-bit input, so a table is exact.
TO_LINEAR: Array = ((np.arange(256) / 255.0) ** 2.2).astype(np.float32)

# remap wants images, not lists; its rows must stay well under 32768.
_ROW = 512


@dataclass(frozen=True, eq=False)
class Material:
    """
    Describe how a surface looks.

    colour: BGR, 0 to 255, sRGB; tints the texture when there is one. texture: BGR picture,
    repeated every `tile` metres (width, height), its top towards larger v. gloss: strength of
    highlights, 0 to 1. glow: share of light the surface gives by itself.
    """

    colour: Colour = (255.0, 255.0, 255.0)
    texture: Image | None = None
    tile: tuple[float, float] = (1.0, 1.0)
    gloss: float = 0.0
    glow: float = 0.0
    mirror: float = 0.0
    _pyramids: dict[int, Image] = field(default_factory=dict, repr=False)

    @cached_property
    def tint(self) -> Array:
        """Return the colour in linear light, (3, 1)."""
        colour = np.array(self.colour, np.float32)[:, None] / 255
        return np.asarray(colour ** np.float32(2.2), np.float32)

    def _level(self, level: int) -> Image:
        if level not in self._pyramids:
            assert self.texture is not None
            size = (max(1, self.texture.shape[1] >> level), max(1, self.texture.shape[0] >> level))
            shrunk = cv2.resize(self.texture, size, interpolation=cv2.INTER_AREA)
            # One pixel repeated on every side, so that bilinear sampling wraps around.
            self._pyramids[level] = np.asarray(
                cv2.copyMakeBorder(shrunk, 1, 1, 1, 1, cv2.BORDER_WRAP), np.uint8)
        return self._pyramids[level]

    def _sample(self, level: int, u: Array, v: Array) -> Image:
        image = self._level(level)
        height, width = image.shape[0] - 2, image.shape[1] - 2
        count = u.size
        rows = -(-count // _ROW)
        x, y = np.zeros((2, rows * _ROW), np.float32)
        x[:count] = (u - np.floor(u)) * np.float32(width) + np.float32(0.5)
        y[:count] = (np.ceil(v) - v) * np.float32(height) + np.float32(0.5)
        picked = cv2.remap(image, x.reshape(rows, _ROW), y.reshape(rows, _ROW),
                           cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(picked, np.uint8).reshape(-1, 3)[:count]

    def albedo(self, u: Array, v: Array, footprint: Array) -> Array:
        """
        Return linear colours (3, N), or (3, 1) without a texture, at coordinates in metres.

        footprint: metres on the surface that one panorama pixel covers, (N,).
        """
        if self.texture is None:
            return self.tint
        texel = max(self.tile[0] / self.texture.shape[1], self.tile[1] / self.texture.shape[0])
        top = int(np.log2(max(2, min(self.texture.shape[:2])))) - 1
        wanted = np.clip(np.log2(np.maximum(footprint * np.float32(1 / texel), 1e-3)), 0, top)
        s, t = u * np.float32(1 / self.tile[0]), v * np.float32(1 / self.tile[1])
        low, high = int(wanted.min()), int(np.ceil(wanted.max()))
        if low == high:
            return cv2.LUT(self._sample(low, s, t), TO_LINEAR).T * self.tint
        result = np.zeros((u.size, 3), np.float32)
        for level in range(low, high + 1):
            # A short blend between two levels: half of the pixels then need one sample only.
            weight = np.clip(1.5 - 2 * np.abs(wanted - np.float32(level)), 0, 1)
            near = np.flatnonzero(weight > 0)
            if near.size:
                colours = cv2.LUT(self._sample(level, s.take(near), t.take(near)), TO_LINEAR)
                result[near] += colours * weight.take(near)[:, None]
        return result.T * self.tint


def plain(colour: Colour, gloss: float = 0.0, glow: float = 0.0) -> Material:
    """Return a material of one colour (BGR, 0 to 255)."""
    return Material(colour=colour, gloss=gloss, glow=glow)


def picture(image: Image, width: float, height: float, glow: float = 0.0,
            gloss: float = 0.0) -> Material:
    """Return a material that shows one picture once on a panel of that size in metres."""
    return Material(texture=image, tile=(width, height), glow=glow, gloss=gloss)
