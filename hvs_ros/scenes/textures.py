# SPDX-License-Identifier: Apache-2.0
"""Tiled pictures of materials, made from noise and lines; all BGR uint8, all wrap at the edges."""
from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from hvs_ros.scenes.materials import Colour, Image

Field = NDArray[np.float32]
Random = np.random.Generator


def noise(rng: Random, height: int, width: int, cells: tuple[int, int], octaves: int = 3) -> Field:
    """
    Return wrapping smooth noise in about -1..1; `cells` = (rows, columns) of the coarsest.

    Fields come from a small stock and are shifted at random: making each anew would take longer
    than drawing the scene.
    """
    field = _stock(height, width, cells, octaves, int(rng.integers(3)))
    shift = int(rng.integers(height)), int(rng.integers(width))
    return np.roll(field, shift, axis=(0, 1))


@lru_cache(maxsize=96)
def _stock(height: int, width: int, cells: tuple[int, int], octaves: int, number: int) -> Field:
    rng = np.random.default_rng([height, width, *cells, octaves, number])
    total = np.zeros((height, width), np.float32)
    weight, scale = 1.0, 0.0
    for octave in range(octaves):
        rows = min(cells[0] << octave, height)
        columns = min(cells[1] << octave, width)
        grid = rng.standard_normal((rows, columns)).astype(np.float32)
        padded = cv2.copyMakeBorder(grid, 2, 2, 2, 2, cv2.BORDER_WRAP)
        zoom = (height / rows, width / columns)
        # Cells of a few pixels show no difference between cubic and linear, which is faster.
        method = cv2.INTER_CUBIC if max(zoom) > 6 else cv2.INTER_LINEAR
        big = cv2.resize(padded, None, fx=zoom[1], fy=zoom[0], interpolation=method)
        top, left = int(2 * zoom[0]), int(2 * zoom[1])
        total += np.float32(weight) * big[top:top + height, left:left + width]
        scale += weight
        weight *= 0.55
    return total / np.float32(scale)


def _coloured(colour: Colour, factor: Field) -> Image:
    picture = np.array(colour, np.float32) * factor[..., None]
    return np.clip(picture, 0, 255).astype(np.uint8)


def plaster(rng: Random, colour: Colour) -> Image:
    """Return a painted wall: almost even, with the faint waves of a roller."""
    wide = noise(rng, 256, 256, (3, 3), 2)
    fine = noise(rng, 256, 256, (64, 64), 2)
    return _coloured(colour, 1 + 0.018 * wide + 0.014 * fine)


def planks(rng: Random, colour: Colour, rows: int = 8) -> Image:
    """Return wooden floor boards running along u."""
    height, width = 512, 1024
    factor = 1 + noise(rng, height, width, (64, 3), 3) * 0.075
    factor += noise(rng, height, width, (128, 8), 2) * 0.045
    step = height // rows
    for row in range(rows):
        band = slice(row * step, (row + 1) * step)
        cut = int(rng.integers(0, width))
        tones = 1 + rng.uniform(-0.13, 0.13, 2).astype(np.float32)
        columns = (np.arange(width) - cut) % width
        factor[band] *= np.where(columns < width // 2, tones[0], tones[1])
        factor[band][:, [cut, (cut + width // 2) % width]] *= 0.5
        factor[row * step:row * step + 2] *= 0.55
    return _coloured(colour, factor)


def tiles(rng: Random, colour: Colour, grout: float = 0.72, count: int = 4,
          marble: float = 0.0) -> Image:
    """Return square tiles with joints; `marble` draws veins through them."""
    size = 512
    factor = 1 + 0.02 * noise(rng, size, size, (24, 24), 3)
    if marble:
        bend = noise(rng, size, size, (4, 4), 5)
        vein = np.exp(-np.abs(noise(rng, size, size, (5, 2), 5) + 0.3 * bend) * 22)
        factor -= marble * (0.13 * vein + 0.06 * bend)
    step = size // count
    tones = 1 + rng.uniform(-0.045, 0.045, (count, count)).astype(np.float32)
    factor *= np.repeat(np.repeat(tones, step, axis=0), step, axis=1)
    for k in range(count):
        factor[k * step:k * step + 3] *= grout
        factor[:, k * step:k * step + 3] *= grout
    return _coloured(colour, factor)


def carpet(rng: Random, colour: Colour) -> Image:
    """Return short pile."""
    fine = noise(rng, 256, 256, (128, 128), 2)
    wide = noise(rng, 256, 256, (6, 6), 3)
    return _coloured(colour, 1 + 0.10 * fine + 0.05 * wide)


def asphalt(rng: Random) -> Image:
    """Return a road surface with grit and stains."""
    fine = noise(rng, 512, 512, (256, 256), 2)
    wide = noise(rng, 512, 512, (4, 4), 4)
    return _coloured((88, 86, 84), 1 + 0.11 * fine + 0.10 * wide)


def paving(rng: Random, colour: Colour = (164, 170, 174)) -> Image:
    """Return pavement slabs in rows that are shifted by half a slab."""
    size = 512
    factor = 1 + 0.05 * noise(rng, size, size, (96, 96), 3) + 0.04 * noise(rng, size, size, (4, 4))
    step = size // 4
    for row in range(4):
        band = factor[row * step:(row + 1) * step]
        for k in range(4):
            left = (k * step + (row % 2) * step // 2) % size
            columns = (np.arange(left, left + step)) % size
            band[:, columns] *= 1 + rng.uniform(-0.06, 0.06)
            band[:, left:left + 3] *= 0.68
        band[:3] *= 0.68
    return _coloured(colour, factor)


def bricks(rng: Random, colour: Colour = (86, 104, 150)) -> Image:
    """Return a brick wall of 8 rows by 4 bricks."""
    size = 512
    grain = 1 + 0.08 * noise(rng, size, size, (64, 64), 3)
    image = np.full((size, size, 3), (172, 180, 186), np.float32)
    height, width = size // 8, size // 4
    for row in range(8):
        for k in range(4):
            tone = np.array(colour, np.float32) * rng.uniform(0.82, 1.14)
            left = (k * width + (row % 2) * width // 2) % size
            columns = np.arange(left + 4, left + width - 3) % size
            image[row * height + 4:(row + 1) * height - 3, columns] = tone
    return np.clip(image * grain[..., None], 0, 255).astype(np.uint8)


def grass(rng: Random) -> Image:
    """Return a lawn, dull enough not to be taken for a green thing."""
    fine = noise(rng, 512, 512, (200, 200), 2)
    wide = noise(rng, 512, 512, (5, 5), 4)
    return _coloured((88, 128, 116), 1 + 0.20 * fine + 0.13 * wide)


def leaves(rng: Random, colour: Colour) -> Image:
    """Return foliage: dabs of light and dark."""
    coarse = noise(rng, 256, 256, (14, 14), 3)
    fine = noise(rng, 256, 256, (48, 48), 2)
    return _coloured(colour, 1 + 0.38 * np.tanh(2 * coarse) + 0.22 * fine)


def wood(rng: Random, colour: Colour) -> Image:
    """Return the grain of furniture, along u."""
    grain = noise(rng, 256, 256, (40, 2), 3) * 0.085 + noise(rng, 256, 256, (90, 5), 2) * 0.05
    return _coloured(colour, 1 + grain)


def fabric(rng: Random, colour: Colour) -> Image:
    """Return woven cloth."""
    weave = np.indices((128, 128)).sum(axis=0) % 2
    fine = noise(rng, 128, 128, (48, 48), 2)
    return _coloured(colour, 0.97 + 0.05 * weave.astype(np.float32) + 0.05 * fine)


def ceiling_grid(rng: Random) -> Image:
    """Return an office ceiling of square boards in a metal grid."""
    factor = 1 + 0.03 * noise(rng, 256, 256, (128, 128), 2)
    factor[:3] *= 0.84
    factor[:, :3] *= 0.84
    return _coloured((226, 229, 230), factor)


def facade(rng: Random, wall: Colour, columns: int = 4, rows: int = 4) -> Image:
    """Return house windows with frames, sills and a reflected sky, `columns` by `rows`."""
    cell = 96
    height, width = rows * cell, columns * cell
    image = _coloured(wall, 1 + 0.035 * noise(rng, height, width, (48, 48), 3)).astype(np.float32)
    glass = np.linspace(0.0, 1.0, 58, dtype=np.float32)[:, None, None]
    for row in range(rows):
        for k in range(columns):
            top, left = row * cell + 16, k * cell + 26
            cv2.rectangle(image, (left - 4, top - 4), (left + 47, top + 61), (216, 220, 222), -1)
            pane = np.array((196, 172, 150)) * (1 - glass) + np.array((92, 80, 70)) * glass
            image[top:top + 58, left:left + 44] = pane * rng.uniform(0.65, 1.1)
            if rng.random() < 0.4:
                image[top:top + int(rng.integers(14, 40)), left:left + 44] = (196, 206, 212)
            image[top:top + 58, left + 20:left + 24] = (216, 220, 222)
            image[top + 22:top + 25, left:left + 44] = (216, 220, 222)
            cv2.rectangle(image, (left - 7, top + 60), (left + 50, top + 66), (150, 154, 156), -1)
    return np.clip(image, 0, 255).astype(np.uint8)


def books(rng: Random) -> Image:
    """Return the front of a bookshelf; the books keep to muted colours."""
    image = np.full((480, 320, 3), (58, 74, 92), np.uint8)
    muted: Sequence[Colour] = ((70, 72, 96), (96, 92, 84), (120, 132, 138), (84, 104, 98),
                               (150, 166, 172), (66, 62, 60), (92, 108, 128), (176, 186, 190))
    for shelf in range(5):
        bottom = shelf * 96 + 88
        x = 8
        while x < 306:
            width, tall = int(rng.integers(7, 19)), int(rng.integers(52, 78))
            if rng.random() < 0.13:
                x += width
                continue
            tone = np.array(muted[int(rng.integers(len(muted)))]) * rng.uniform(0.8, 1.1)
            right, top = min(x + width, 310), bottom - tall
            cv2.rectangle(image, (x, top), (right, bottom), tone.tolist(), -1)
            cv2.line(image, (x, top), (x, bottom), (tone * 0.6).tolist(), 1)
            cv2.line(image, (x + 3, top + 12), (right - 3, top + 12), (tone * 1.35).tolist(), 2)
            x += width + 1
        cv2.rectangle(image, (0, bottom + 1), (320, bottom + 8), (78, 98, 118), -1)
    return image


def painting(rng: Random) -> Image:
    """Return an abstract landscape in muted tones inside a pale mount."""
    image = np.full((240, 320, 3), (226, 230, 232), np.uint8)
    top, bottom = np.array((190, 180, 164.0)), np.array((150, 168, 184.0))
    ramp = np.linspace(0, 1, 180)[:, None, None]
    image[30:210, 30:290] = (top * (1 - ramp) + bottom * ramp).astype(np.uint8)
    for layer in range(4):
        wave = noise(rng, 8, 256, (1, 3 + layer), 3)[0]
        line = 95 + layer * 26 + wave[:256] * 16
        tone = np.array((118, 120, 112.0)) * (1.12 - 0.22 * layer) * rng.uniform(0.9, 1.1, 3)
        points = np.stack([np.arange(30, 286), np.clip(line, 40, 205)], axis=1).astype(np.int32)
        outline = np.concatenate([points, [[290, 210], [30, 210]]]).astype(np.int32)
        cv2.fillPoly(image, [outline], np.clip(tone, 0, 255).tolist(), lineType=cv2.LINE_AA)
    centre = (int(rng.integers(80, 240)), int(rng.integers(55, 85)))
    cv2.circle(image, centre, 15, (178, 206, 222), -1, cv2.LINE_AA)
    return image


def outlook(rng: Random) -> Image:
    """Return what a window shows: sky, far hills, a few roofs."""
    height, width = 256, 384
    ramp = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    image = np.array((238, 208, 176), np.float32) * (1 - ramp) + np.array((246, 240, 232)) * ramp
    clouds = np.clip(noise(rng, height, width, (3, 4), 4) * 1.4, 0, 1)[..., None]
    image = image * (1 - 0.6 * clouds) + 252 * 0.6 * clouds
    for base, tone in ((150, (188, 186, 170)), (176, (150, 156, 142)), (206, (112, 128, 116))):
        wave = noise(rng, 8, width, (1, 5), 4)[0]
        line = (base + wave * 18).astype(int)
        image[np.arange(height)[:, None] > line[None]] = tone
    for _ in range(9):
        left, wide = int(rng.integers(0, width - 40)), int(rng.integers(16, 40))
        top = int(rng.integers(150, 215))
        roof = np.array((150, 160, 172)) * rng.uniform(0.7, 1.1)
        cv2.rectangle(image, (left, top), (left + wide, height), roof.tolist(), -1)
    return np.clip(image, 0, 255).astype(np.uint8)


def sky(rng: Random) -> Image:
    """Return an equirectangular day sky, brighter and hazier towards the horizon."""
    height, width = 512, 1024
    pitch = np.linspace(90, -90, height, dtype=np.float32)[:, None]
    haze = np.exp(-np.clip(pitch, 0, 90) / 24)[..., None]
    image = np.array((214, 168, 118), np.float32) * (1 - haze) + np.array((240, 230, 218)) * haze
    image = np.repeat(image, width, axis=1)
    high = np.clip(pitch / 90, 0.03, 1)
    cover = noise(rng, height, width, (7, 10), 5) + 0.35 * noise(rng, height, width, (3, 5), 3)
    clouds = np.clip((cover - 0.12) * 1.7, 0, 1) * np.clip(high * 9, 0, 1)
    clouds = clouds * np.clip((86 - pitch) / 25, 0, 1)
    shade = 250 - 22 * np.clip(cover - 0.5, 0, 1)
    image = image * (1 - 0.85 * clouds[..., None]) + shade[..., None] * 0.85 * clouds[..., None]
    return np.clip(image, 0, 255).astype(np.uint8)
