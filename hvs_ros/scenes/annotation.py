# SPDX-License-Identifier: Apache-2.0
"""Benchmark items from the picture itself: tight windows and levels, in H* degrees."""
from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]

STARTS = (0, 90, 180, 270)
# The benchmark's first view: 100 degrees wide, 16:9, pitch 0.
_HALF_WIDE = float(np.tan(np.radians(50)))
_HALF_HIGH = _HALF_WIDE * 9 / 16


def yaw_window(mask: Mask) -> tuple[float, float]:
    """
    Return the yaw range [lo, hi] of a mask; lo > hi where it crosses yaw 0.

    The range is the complement of the widest run of empty columns, to the outer pixel edges.
    """
    width = mask.shape[1]
    columns = np.flatnonzero(mask.any(axis=0))
    if columns.size == 0:
        raise ValueError('an empty mask has no window')
    if columns.size == width:
        return 0.0, 360.0
    gaps = np.diff(np.append(columns, columns[0] + width))
    widest = int(np.argmax(gaps))
    first, last = columns[(widest + 1) % columns.size], columns[widest]
    low, high = ((edge / width * 360 + 180) % 360 for edge in (first - 0.5, last + 0.5))
    return round(float(low), 2), round(float(high), 2)


def pitch_window(mask: Mask) -> tuple[float, float]:
    """Return the pitch range [lo, hi] of a mask, up positive, to the outer pixel edges."""
    height = mask.shape[0]
    rows = np.flatnonzero(mask.any(axis=1))
    low = 90 - (rows[-1] + 0.5) / height * 180
    high = 90 - (rows[0] - 0.5) / height * 180
    return round(float(max(low, -90)), 2), round(float(min(high, 90)), 2)


def visible_share(mask: Mask, start: float) -> float:
    """Return the share of a mask's solid angle inside the first view from a start yaw (deg)."""
    height, width = mask.shape
    rows, columns = np.nonzero(mask)
    lat = (0.5 - rows / height) * np.pi
    lon = (2 * columns / width - 1) * np.pi - np.radians(start)
    ahead = np.cos(lat) * np.cos(lon)
    side, up = np.cos(lat) * np.sin(lon), np.sin(lat)
    inside = ((ahead > 0) & (np.abs(side) <= ahead * _HALF_WIDE)
              & (np.abs(up) <= ahead * _HALF_HIGH))
    weight = np.cos(lat)
    return float(weight[inside].sum() / max(weight.sum(), 1e-12))


def object_level(share: float) -> int:
    """Return the level for a visible share: 0 easy (at least half), 1 medium, 2 hard (none)."""
    if share >= 0.5:
        return 0
    return 1 if share > 0 else 2


def object_item(instruction: str, mask: Mask) -> dict[str, Any]:
    """Return the annotation of an object search."""
    return {'task': instruction, 'yaw': list(yaw_window(mask)), 'pitch': list(pitch_window(mask)),
            'initial yaw': list(STARTS),
            'level': [object_level(visible_share(mask, start)) for start in STARTS]}


def path_item(instruction: str, mask: Mask, level: int) -> dict[str, Any]:
    """Return the annotation of a path search; the level is the same from every start."""
    return {'task': instruction, 'yaw': list(yaw_window(mask)), 'initial yaw': list(STARTS),
            'level': [level] * len(STARTS)}
