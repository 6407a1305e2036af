# SPDX-License-Identifier: Apache-2.0
"""From the pixels of a view to those of its source, a band of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import math
from typing import NamedTuple

import numpy as np

from hvs_ros.core.camera_models import (
    TINY,
    Equirectangular,
    Lens,
    arctan_unit,
    wrap_columns,
)
from hvs_ros.core.gaze import Gaze

BAND_ROWS = 40
"""Maps of so many rows stay in a core's cache between computing and sampling."""
STEPS = (8, 4, 2)
"""Rows between those computed exactly; divisors of ``BAND_ROWS``."""
MAX_SAG = 0.008
"""Source pixels by which a row in between may be off: far less than remap's own 1/32."""


@dataclass(frozen=True)
class PixelGrid:
    """
    Hold a pinhole camera: pixel (i, j) looks along ((i, j) - ``centre``) / ``focal_length``, 1.

    Axes are optical: x right, y down, z forward.
    """

    width: int
    height: int
    focal_length: float
    centre: tuple[float, float]

    def refined(self, fold: int) -> PixelGrid:
        """Return the grid of ``fold`` x ``fold`` samples, evenly spread, for each pixel."""
        across, down = (fold * (part + 0.5) - 0.5 for part in self.centre)
        return PixelGrid(
            self.width * fold, self.height * fold, self.focal_length * fold, (across, down))


class Band(NamedTuple):
    """Hold source pixels, (n, width) float32, and what each counts (0..1; None: all 1)."""

    columns: np.ndarray
    rows: np.ndarray
    weights: np.ndarray | None


def _spread(nodes: np.ndarray, step: int, out: np.ndarray) -> None:
    """Write (n, w) rows that lie ``step`` apart, and those between them, to ((n - 1) step, w)."""
    slopes = nodes[1:] - nodes[:-1]
    slopes *= np.float32(1.0 / step)
    rows = out.reshape(len(slopes), step, out.shape[1])
    rows[:, 0] = nodes[:-1]
    for between in range(1, step):
        np.add(rows[:, between - 1], slopes, out=rows[:, between])


def _sag(bend: float, grid: PixelGrid) -> float:
    """Return how far a curve is off its chord over one row, in source pixels."""
    return bend / (8.0 * grid.focal_length ** 2)


def _span(step: int) -> int:
    """Return for how many rows nodes are computed at once: enough to pay for numpy's calls."""
    return BAND_ROWS * max(1, step // 2)


class BandMaps:
    """
    Compute the source pixels of the bands of one grid, in float32.

    Maps are smooth: where their curvature allows, only every second to eighth row is computed
    and the rows between are interpolated, within ``MAX_SAG``. What a method returns is valid
    until the next call. Holds its workspace, so it belongs to one thread.
    """

    def __init__(self, grid: PixelGrid) -> None:
        self.grid = grid
        focal, (centre, _) = grid.focal_length, grid.centre
        self._across = ((np.arange(grid.width) - centre) / focal).astype(np.float32)
        # The view is symmetric about its centre column: offsets to the right of it, from the
        # centre out, serve the left as well, which has one column more where the centre is one.
        self._left = math.ceil(centre)
        count = self._left + (centre == self._left)
        offsets = (np.arange(count) + (self._left - centre)) / focal
        self._offsets = offsets.astype(np.float32)
        self._offsets_squared = (offsets * offsets).astype(np.float32)
        self._half = [np.empty((BAND_ROWS, count), np.float32) for _ in range(4)]
        self._nodes = [np.empty((BAND_ROWS // 2 + 1, grid.width), np.float32) for _ in range(2)]
        self._full = [np.empty((BAND_ROWS, grid.width), np.float32) for _ in range(3)]

    def down(self, top: int, rows: int, step: int = 1) -> np.ndarray:
        """Return the (n, 1) y of the rows from ``top``, up to the first at or beyond the end."""
        count = rows if step == 1 else -(-rows // step) + 1
        down = top + step * np.arange(count) - self.grid.centre[1]
        return down[:, None] / self.grid.focal_length

    def corners(self, top: int, rows: int) -> np.ndarray:
        """Return the (4, 3) rays through the corners of a band."""
        down = self.down(top, rows)
        return np.array([
            (x, y, 1.0) for x in self._across[[0, -1]] for y in down[[0, -1], 0]], float)

    def of_lens(self, lens: Lens, rotation: np.ndarray, top: int, rows: int) -> Band:
        """Return a band for any lens; ``rotation`` is from the grid's axes to the lens's."""
        sag = _sag(lens.bend, self.grid)
        step = next((step for step in STEPS if step * step * sag <= MAX_SAG), 1)
        down = self.down(top, rows, step).astype(np.float32)
        turned: np.ndarray = rotation.astype(np.float32)
        x, y, z = (axis[0] * self._across + (axis[1] * down + axis[2]) for axis in turned)
        nodes = [part[:len(down)] for part in (self._full if step == 1 else self._nodes)[:2]]
        weights = lens.project(x, y, z, *nodes)
        return self._band(nodes, weights, step, rows)

    def of_upright(self, model: Equirectangular, gaze: Gaze) -> Iterator[Band]:
        """
        Yield the bands of a panorama seen without roll, from the top.

        Then y and z are the same all along a row, so that the sign of z, hence the quadrant, is
        settled once a row, and yaw only shifts the columns.
        """
        for top, span, step in self.upright_spans(model, gaze):
            down = self.down(top, span, step)
            nodes = [part[:len(down)] for part in (self._full if step == 1 else self._nodes)[:2]]
            reach = self._write_upright(model, gaze, down, *nodes)
            if model.is_whole:
                model.clamp_rows(nodes[1])
            for first in range(0, span, BAND_ROWS):
                rows = min(BAND_ROWS, span - first)
                start, stop = first // step, (first + rows - 1) // step + 2
                band = self._band([part[start:stop] for part in nodes], None, step, rows)
                self._wrap(band.columns, model, *reach)
                yield band if model.is_whole else band._replace(
                    weights=model.clamp_rows(band.rows))

    def upright_spans(
            self, model: Equirectangular, gaze: Gaze) -> Iterator[tuple[int, int, int]]:
        """Yield (first row, rows, how far apart the computed ones lie), from the top."""
        top = 0
        while top < self.grid.height:
            step = self._upright_step(model, gaze, top)
            span = min(_span(step), self.grid.height - top)
            yield top, span, step
            top += span

    def _wrap(
            self, columns: np.ndarray, model: Equirectangular, centre: float,
            widest: float) -> None:
        """Bring columns that lie at most ``widest`` off ``centre`` into the panorama."""
        if centre - widest < 0:
            wrap_columns(columns[:, :self._left], model.width)
        if centre + widest > model.width:
            wrap_columns(columns[:, self._left:], model.width)

    def _band(
            self, nodes: list[np.ndarray], weights: np.ndarray | None, step: int,
            rows: int) -> Band:
        """Return the band, rows between the nodes filled in."""
        if step == 1:
            return Band(nodes[0], nodes[1], weights)
        known = [*nodes] if weights is None else [*nodes, weights]
        between = (len(nodes[0]) - 1) * step
        full = [part[:between] for part in self._full[:len(known)]]
        for part, out in zip(known, full, strict=True):
            _spread(part, step, out)
        return Band(full[0][:rows], full[1][:rows], None if weights is None else full[2][:rows])

    def _upright_step(self, model: Equirectangular, gaze: Gaze, top: int) -> int:
        """
        Return how far apart the computed rows below ``top`` may lie.

        With F the forward part of a row's rays, longitude atan(x / F) bends by at most
        0.65 (sin pitch / F)^2. A column of the view is a great circle, along which latitude
        bends by at most tan(latitude), and the angle by 0.65. All per focal length squared.
        """
        for step in STEPS:
            span = min(_span(step), self.grid.height - top)
            down = self.down(top, span, step)[[0, -1], 0]
            forward = math.cos(gaze.pitch) - down * math.sin(gaze.pitch)
            drop = math.sin(gaze.pitch) + down * math.cos(gaze.pitch)
            nearest = float(np.abs(forward).min())
            if forward[0] * forward[1] <= 0 or nearest < 1e-3:
                continue
            longitude = 0.65 * (math.sin(gaze.pitch) / nearest) ** 2 * model.pixels_per_radian
            steepest = float(np.abs(drop).max()) / nearest
            latitude = (0.65 + steepest) * model.height / model.vertical_fov
            if _sag(max(longitude, latitude), self.grid) * step * step <= MAX_SAG:
                return step
        return 1

    def _write_upright(
            self, model: Equirectangular, gaze: Gaze, down: np.ndarray,
            columns: np.ndarray, rows: np.ndarray) -> tuple[float, float]:
        """Write columns, not wrapped, and rows, not clamped; return (centre, farthest off it)."""
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
        turn = (0.5 - gaze.yaw / (2.0 * math.pi)) * model.width + model.phase[0]
        centre = np.float32(turn % model.width)
        right = columns[:, self._left:]
        np.subtract(centre, self._leftwards(angles), out=columns[:, :self._left])
        np.add(centre, angles[:, :right.shape[1]], out=right)
        # Longitudes grow outwards in front and shrink outwards behind.
        widest = max(angles[:, 0].max(), angles[:, -1].max())

        np.add(self._offsets_squared, (down * down + 1.0).astype(np.float32), out=tangents)
        np.sqrt(tangents, out=tangents)
        tangents += level
        np.divide(drop.astype(np.float32), tangents, out=tangents)
        arctan_unit(tangents, squares, angles)
        model.to_rows(angles)
        rows[:, :self._left] = self._leftwards(angles)
        rows[:, self._left:] = angles[:, :right.shape[1]]
        return float(centre), float(widest)

    def _leftwards(self, half: np.ndarray) -> np.ndarray:
        """Return the mirrored half that lies left of the centre column."""
        return half[:, half.shape[1] - self._left:][:, ::-1]
