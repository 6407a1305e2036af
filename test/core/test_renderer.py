# SPDX-License-Identifier: Apache-2.0
"""Views equal the published geometry everywhere: any gaze, seam, poles, sizes."""

from __future__ import annotations

import math

import cv2
from hypothesis import example, given, settings
from hypothesis import strategies as st
from imaging_fixtures import oracle_view, published_rotation, smooth_panorama
import numpy as np
import pytest

from hvs_ros.core.camera_models import Equirectangular
from hvs_ros.core.gaze import BenchmarkAngles, Gaze
from hvs_ros.core.panorama import Panorama
from hvs_ros.core.renderer import Renderer, ViewSpec, encode_jpeg, view_rotation

PANORAMAS = {size: smooth_panorama(*size) for size in ((512, 256), (480, 270), (301, 150))}
# OpenCV rounds source positions to 1/32 px, which the noise turns into about two levels.
LEVELS = 4


def gaze_of(yaw: float, pitch: float) -> Gaze:
    return BenchmarkAngles(yaw, pitch).to_gaze()


@settings(derandomize=True, max_examples=80, deadline=None)
@given(
    size=st.sampled_from(sorted(PANORAMAS)),
    view=st.sampled_from([(96, 54), (97, 55), (64, 64), (41, 90), (3, 1)]),
    yaw=st.floats(0, 360), pitch=st.floats(-90, 90), fov=st.floats(0.2, 2.8))
@example((512, 256), (96, 54), 180.0, 0.0, 1.7)
@example((512, 256), (96, 54), 0.0, 90.0, 1.7)
@example((512, 256), (97, 55), 0.0, -90.0, 1.7)
@example((480, 270), (96, 54), 179.9, 80.0, 2.8)
@example((301, 150), (97, 55), 181.0, -85.0, 2.8)
def test_an_upright_view_equals_the_oracle(size, view, yaw, pitch, fov):
    panorama = PANORAMAS[size]
    spec = ViewSpec(*view, fov, reticle=False, antialias=False)
    shown = Renderer(spec).render(panorama, gaze_of(yaw, pitch))
    expected = oracle_view(panorama, published_rotation(yaw, pitch), *view, fov)
    assert np.abs(shown - expected).max() <= LEVELS


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    yaw=st.floats(0, 360), pitch=st.floats(-90, 90), roll=st.floats(-math.pi, math.pi),
    fov=st.floats(0.2, 2.8))
@example(180.0, 0.0, math.pi, 1.7)
@example(0.0, 90.0, 1.0, 2.0)
def test_a_rolled_view_equals_the_oracle(yaw, pitch, roll, fov):
    panorama = PANORAMAS[512, 256]
    shown = Renderer(ViewSpec(96, 54, fov, reticle=False, antialias=False)).render(
        panorama, gaze_of(yaw, pitch), roll)
    clockwise = np.array([
        [math.cos(roll), -math.sin(roll), 0], [math.sin(roll), math.cos(roll), 0], [0, 0, 1]])
    rotation = published_rotation(yaw, pitch) @ clockwise
    assert np.abs(shown - oracle_view(panorama, rotation, 96, 54, fov)).max() <= LEVELS


@settings(derandomize=True, max_examples=50, deadline=None)
@given(yaw=st.floats(0, 360), pitch=st.floats(-90, 90))
def test_the_view_rotation_is_the_published_one(yaw, pitch):
    np.testing.assert_allclose(
        view_rotation(gaze_of(yaw, pitch)), published_rotation(yaw, pitch), atol=1e-12)


@pytest.mark.parametrize('width', [1024, 3840, 7680])
def test_maps_are_exact_to_a_fiftieth_of_a_pixel(width):
    model = Equirectangular(width, width // 2)
    lon, lat = np.meshgrid(np.linspace(-math.pi, math.pi, 721)[:-1], np.linspace(-1.5, 1.5, 301))
    rays = [np.cos(lat) * np.sin(lon), np.sin(lat), np.cos(lat) * np.cos(lon)]
    x, y, z = (part.astype(np.float32) for part in rays)
    columns, rows = np.empty_like(x), np.empty_like(x)
    model.project(x, y, z, columns, rows)
    off = np.abs(columns - (lon / math.pi + 1) / 2 * width)
    assert np.minimum(off, width - off)[np.abs(lat) < 1.45].max() <= 0.02
    assert np.abs(rows - (lat / math.pi + 0.5) * width / 2).max() <= 0.02
    assert columns.min() >= 0 and columns.max() <= width


def test_rays_straight_up_and_down_have_a_pixel():
    x, y, z = np.zeros(2, np.float32), np.array([-1, 1], np.float32), np.zeros(2, np.float32)
    columns, rows = np.empty(2, np.float32), np.empty(2, np.float32)
    Equirectangular(1024, 512).project(x, y, z, columns, rows)
    assert np.isfinite(columns).all() and rows == pytest.approx([0, 511], abs=0.01)


@pytest.mark.parametrize(('width', 'height'), [
    (1024, 512), (960, 540), (1920, 1080), (4096, 2048), (7680, 3840)])
@pytest.mark.parametrize(('yaw', 'pitch'), [(0, 0), (90, 30), (181, -60)])
def test_the_centre_looks_where_the_gaze_points(width, height, yaw, pitch):
    row, column = round((0.5 - pitch / 180) * height), round((yaw / 360 + 0.5) * width) % width
    panorama = np.zeros((height, width, 3), np.uint8)
    reach = np.arange(-2, 3)
    panorama[np.ix_(row + reach, (column + reach) % width)] = 255
    spec = ViewSpec(192, 108, reticle=False, antialias=False)
    view = Renderer(spec).render(panorama, gaze_of(yaw, pitch))
    assert view[54, 96].min() >= 250
    assert view[:40].max() == 0 and view[:, :80].max() == 0


@pytest.mark.parametrize('pitch', [0, 35, -35])
def test_one_world_point_looks_the_same_from_every_gaze(pitch):
    """Across the seam too: the panorama's columns 0 and W - 1 are neighbours."""
    panorama = smooth_panorama(256, 128, seed=5)
    renderer = Renderer(ViewSpec(640, 360, math.radians(70), reticle=False))
    spec, centre = renderer.spec, (180, 320)
    for yaw in (170.0, 179.5, 180.0, 185.0, 350.0, 0.0):
        seen = renderer.render(panorama, gaze_of(yaw, pitch))[centre].astype(float)
        world = published_rotation(yaw, pitch)[:, 2]
        for dyaw, dpitch in ((-20, 0), (20, 0), (-9, 12), (13, -10)):
            other = (yaw + dyaw, pitch + dpitch)
            x, y, z = published_rotation(*other).T @ world
            position = np.float32([[[x, y]]]) / z * spec.focal_length + [[[320, 180]]]
            again = cv2.remap(
                renderer.render(panorama, gaze_of(*other)), position.astype(np.float32), None,
                cv2.INTER_LINEAR)[0, 0]
            assert np.abs(again - seen).max() <= LEVELS, (yaw, dyaw, dpitch)


def test_rows_clamp_at_the_poles_and_do_not_wrap():
    panorama = smooth_panorama(64, 32)  # 64 x 32: a pixel at the pole spans many of the view
    renderer = Renderer(ViewSpec(60, 60, math.radians(2), reticle=False))
    assert (renderer.render(panorama, gaze_of(0, -90)) == (10, 10, 250)).all()
    up = renderer.render(panorama, gaze_of(0, 90)).astype(int)
    assert np.abs(up - (250, 10, 10)).max() <= 80  # shades into row 1, never into the last row
    assert (up[30, 30] == (250, 10, 10)).all()


@pytest.mark.parametrize(('width', 'height'), [(1920, 1080), (97, 55), (16, 16)])
def test_the_reticle_is_a_green_cross_of_21_pixels_on_an_untouched_view(width, height):
    panorama, gaze = PANORAMAS[512, 256], Gaze(0.4, 0.1)
    with_cross = Renderer(ViewSpec(width, height)).render(panorama, gaze)
    plain = Renderer(ViewSpec(width, height, reticle=False)).render(panorama, gaze)
    rows, columns = np.indices((height, width))
    across = (rows == height // 2) & (np.abs(columns - width // 2) <= 10)
    down = (columns == width // 2) & (np.abs(rows - height // 2) <= 10)
    assert (with_cross[across | down] == (0, 255, 0)).all()
    assert (with_cross[~(across | down)] == plain[~(across | down)]).all()


def test_a_renderer_repeats_itself_and_leaves_its_input_alone():
    panorama = PANORAMAS[512, 256].copy()
    renderer, gaze = Renderer(ViewSpec(320, 180)), gaze_of(200, -30)
    first = renderer.render(panorama, gaze)
    renderer.render(panorama, gaze_of(10, 70))
    kept = first.copy()
    assert (renderer.render(Panorama(panorama, 'p', ''), gaze) == kept).all()
    assert (first == kept).all()
    assert (panorama == PANORAMAS[512, 256]).all()


def test_a_view_is_the_rendered_image_as_420_jpeg():
    renderer, gaze = Renderer(ViewSpec(320, 180, 1.2)), gaze_of(30, 10)
    view = renderer.view(PANORAMAS[512, 256], gaze, stamp_ns=7)
    image = renderer.render(PANORAMAS[512, 256], gaze)
    assert view.jpeg == encode_jpeg(image, 85)
    assert (view.gaze, view.width, view.height, view.horizontal_fov, view.stamp_ns) == (
        gaze, 320, 180, 1.2, 7)
    frame = view.jpeg.index(b'\xff\xc0')
    assert view.jpeg[frame + 11] == 0x22  # two by two luma blocks for one of chroma
    assert encode_jpeg(image, 60) != view.jpeg
    shown = cv2.imdecode(np.frombuffer(view.jpeg, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(shown.astype(int) - image).mean() < 8


@pytest.mark.parametrize('panorama', [
    np.zeros((8, 16), np.uint8), np.zeros((8, 16, 4), np.uint8), np.zeros((8, 16, 3), float)])
def test_pixels_of_another_kind_are_refused(panorama):
    with pytest.raises(ValueError, match=r'\(H, W, 3\) uint8'):
        Renderer(ViewSpec(32, 32)).render(panorama, Gaze(0, 0))


def test_an_output_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r'a view is \(32'):
        Renderer(ViewSpec(32, 32)).render(
            PANORAMAS[512, 256], Gaze(0, 0), out=np.zeros((32, 31, 3), np.uint8))


@pytest.mark.parametrize('spec', [
    {'horizontal_fov': 0.0}, {'horizontal_fov': math.pi}, {'width': 0}, {'height': 0},
    {'horizontal_fov': math.nan}])
def test_a_view_that_cannot_exist_is_refused(spec):
    with pytest.raises(ValueError, match=r'not within|empty'):
        ViewSpec(**spec)
