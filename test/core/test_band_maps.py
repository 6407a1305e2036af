# SPDX-License-Identifier: Apache-2.0
"""Maps with interpolated rows stay within a fiftieth of a pixel of float64 ones."""

from __future__ import annotations

import math

from camera_fixtures import view_rays
from hypothesis import example, given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from hvs_ros.core.band_maps import BAND_ROWS, BandMaps, PixelGrid
from hvs_ros.core.camera_models import Equirectangular
from hvs_ros.core.fisheye import FisheyeLens, growth
from hvs_ros.core.gaze import Gaze
from hvs_ros.core.renderer import ViewSpec, view_rotation

SIZES = [(320, 1080), (321, 181), (64, 400), (200, 17)]


def whole_map(maps: BandMaps, model: Equirectangular, gaze: Gaze) -> tuple[np.ndarray, np.ndarray]:
    bands = [(band.columns.copy(), band.rows.copy()) for band in maps.of_upright(model, gaze)]
    assert len(bands) == -(-maps.grid.height // BAND_ROWS)
    return tuple(np.concatenate(part) for part in zip(*bands, strict=True))


@settings(derandomize=True, max_examples=150, deadline=None)
@given(
    size=st.sampled_from(SIZES), width=st.sampled_from([1024, 3840, 7680]),
    yaw=st.floats(-180, 180), pitch=st.floats(-90, 90), fov=st.floats(20, 160))
@example((320, 1080), 7680, 180.0, 0.0, 20.0)
@example((320, 1080), 7680, 0.0, 0.0, 100.0)
@example((321, 181), 7680, -179.9, 40.0, 100.0)
@example((64, 400), 7680, 90.0, -60.0, 30.0)
def test_upright_maps_are_exact_to_a_fiftieth_of_a_pixel(size, width, yaw, pitch, fov):
    model = Equirectangular(width, width // 2)
    maps = BandMaps(ViewSpec(*size, math.radians(fov)).grid)
    columns, rows = whole_map(maps, model, Gaze(math.radians(yaw), math.radians(pitch)))
    rays = view_rays(*size, fov, yaw, pitch, 0)
    level = np.hypot(rays[..., 0], rays[..., 2])
    latitude = np.arctan2(rays[..., 1], level)
    exact = (np.arctan2(rays[..., 0], rays[..., 2]) / math.pi + 1) / 2 * width
    off = np.abs(columns - exact)
    away = np.abs(latitude) < math.radians(80)
    assert np.minimum(off, np.abs(width - off))[away].max(initial=0) <= 0.02
    exact_rows = np.minimum((latitude / math.pi + 0.5) * width / 2, width // 2 - 1)
    assert np.abs(rows - exact_rows).max() <= 0.02
    assert columns.min() >= 0 and columns.max() <= width
    assert rows.min() >= 0 and rows.max() <= width // 2 - 1


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    size=st.sampled_from(SIZES), distortion=st.sampled_from([(), (-0.067,), (0.05, -0.01)]),
    yaw=st.floats(-95, 95), pitch=st.floats(-90, 90), roll=st.floats(-3, 3),
    fov=st.floats(20, 130))
def test_fisheye_maps_are_exact_to_a_fiftieth_of_a_pixel(
        size, distortion, yaw, pitch, roll, fov):
    lens = FisheyeLens((1900.0, 1890.0), 1850.0, math.radians(200), distortion)
    maps = BandMaps(ViewSpec(*size, math.radians(fov)).grid)
    gaze = Gaze(math.radians(yaw), math.radians(pitch))
    rays = view_rays(*size, fov, yaw, pitch, math.degrees(roll))
    angle = np.arctan2(np.hypot(rays[..., 0], rays[..., 1]), rays[..., 2])
    around = np.arctan2(rays[..., 1], rays[..., 0])
    distance = 1850.0 * growth(distortion, angle) / growth(distortion, math.radians(100))
    seen = angle < math.radians(100)
    for top in range(0, size[1], BAND_ROWS):
        rows = min(BAND_ROWS, size[1] - top)
        band = maps.of_lens(lens, view_rotation(gaze, roll), top, rows)
        part = slice(top, top + rows)
        exact = [1900.0 + (distance * np.cos(around))[part],
                 1890.0 + (distance * np.sin(around))[part]]
        for found, expected in zip(band[:2], exact, strict=True):
            assert np.abs(found - expected)[seen[part]].max(initial=0) <= 0.02


@pytest.mark.parametrize('fold', [1, 2, 3])
def test_a_finer_grid_samples_each_pixel_evenly(fold):
    grid = PixelGrid(6, 4, 10.0, (3.0, 2.0))
    fine = grid.refined(fold)
    across = (np.arange(fine.width) - fine.centre[0]) / fine.focal_length
    assert (fine.width, fine.height) == (6 * fold, 4 * fold)
    np.testing.assert_allclose(
        across.reshape(6, fold).mean(1), (np.arange(6) - 3.0) / 10.0, atol=1e-12)
