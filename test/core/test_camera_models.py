# SPDX-License-Identifier: Apache-2.0
"""Every camera model shows the scene that was there: ray by ray and in whole views."""

from __future__ import annotations

import copy
from dataclasses import replace
import math

from camera_fixtures import (
    FACE_AXES,
    SECOND_CALIBRATION,
    fisheye_rays,
    paint_cubemap,
    paint_fisheye,
    paint_panorama,
    scene,
    view_rays,
)
import cv2
from hypothesis import example, given, settings
from hypothesis import strategies as st
from imaging_fixtures import SHARED
import numpy as np
import pytest
import yaml

from hvs_ros.core.calibration import load_camera_model
from hvs_ros.core.camera_models import Equirectangular, project
from hvs_ros.core.conversion import natural_size, to_equirectangular
from hvs_ros.core.cubemap import FACES, LAYOUTS, Cubemap
from hvs_ros.core.errors import InputError
from hvs_ros.core.fisheye import DualFisheye, FisheyeLens, dual_fisheye
from hvs_ros.core.gaze import Gaze
from hvs_ros.core.renderer import Renderer, ViewSpec
from hvs_ros.core.share import share_path

FRAME = SHARED / 'panoramas' / 'dual_fisheye' / 'dualfisheye.jpg'
OWN_CALIBRATION = 'config/cameras/dual_fisheye.yaml'
# Rounded twice, sampled between pixels and at positions rounded to 1/32.
LEVELS = 4


def calibrated(text: str, tmp_path_factory) -> tuple[dict, DualFisheye]:
    path = tmp_path_factory.mktemp('calibration') / 'camera.yaml'
    path.write_text(text)
    return yaml.safe_load(text), load_camera_model(path)


def scaled(calibration: dict, times: int) -> dict:
    """Return the calibration of the same camera's frames at a fraction of the size."""
    small = copy.deepcopy(calibration)
    small['width'] //= times
    small['height'] //= times
    for lens in small['lenses'].values():
        lens['radius'] /= times
        lens['centre'] = [(part + 0.5) / times - 0.5 for part in lens['centre']]
    return small


@pytest.fixture(scope='module')
def cameras(tmp_path_factory):
    """Return (image of the scene, its camera model) by name."""
    own, model = calibrated(share_path(OWN_CALIBRATION).read_text(), tmp_path_factory)
    second, other = calibrated(SECOND_CALIBRATION, tmp_path_factory)
    made: dict = {
        'small_frame': (paint_fisheye(scaled(own, 6)), model),
        'second_fisheye': (paint_fisheye(second), other)}
    for layout in LAYOUTS:
        image = paint_cubemap(layout, 120)
        made[layout] = (image, Cubemap(image.shape[1], image.shape[0], layout))
    made['panorama'] = (paint_panorama(640, 320), Equirectangular(640, 320))
    made['wide_panorama'] = (paint_panorama(640, 360), None)
    return made


NAMES = ('second_fisheye', 'small_frame', *LAYOUTS, 'panorama', 'wide_panorama')


@settings(derandomize=True, max_examples=60, deadline=None)
@given(
    name=st.sampled_from(NAMES), yaw=st.floats(-180, 180), pitch=st.floats(-90, 90),
    roll=st.sampled_from([0.0, 25.0, -170.0]), fov=st.floats(20, 140))
@example('small_frame', 90.0, 0.0, 0.0, 100.0)
@example('small_frame', 90.0, -90.0, 0.0, 100.0)
@example('second_fisheye', -90.0, 60.0, 0.0, 120.0)
@example('second_fisheye', 180.0, 90.0, 25.0, 100.0)
@example('cross', 45.0, 45.0, 0.0, 100.0)
@example('vertical_cross', 135.0, -45.0, 0.0, 100.0)
@example('strip', -135.0, 45.0, 25.0, 100.0)
@example('panorama', 180.0, 0.0, -170.0, 100.0)
def test_a_view_shows_the_scene_whatever_took_it(cameras, name, yaw, pitch, roll, fov):
    image, model = cameras[name]
    gaze = Gaze(math.radians(yaw), math.radians(pitch))
    spec = ViewSpec(97, 54, math.radians(fov), reticle=False)
    view = Renderer(spec).render(image, gaze, math.radians(roll), model=model)
    expected = scene(view_rays(97, 54, fov, yaw, pitch, roll))
    assert np.abs(view - expected).max() <= LEVELS


@pytest.mark.parametrize('which', [0, 1])
@pytest.mark.parametrize('text', [None, SECOND_CALIBRATION], ids=['own', 'second'])
def test_fisheye_rays_come_back_to_their_pixels(tmp_path_factory, text, which):
    content, model = calibrated(
        text or share_path(OWN_CALIBRATION).read_text(), tmp_path_factory)
    columns, rows = (np.random.default_rng(3).uniform(0, side, 4000)
                     for side in (content['width'], content['height']))
    rays = fisheye_rays([*content['lenses'].values()][which], columns, rows)
    known = np.isfinite(rays[:, 0])
    assert known.sum() > 1000
    rays = rays[known]
    pixels, seen = project(model, rays)
    lens = model.lenses[which]
    own = (rays @ lens.rotation.T)[:, 2] > math.cos(math.radians(80))
    assert seen.all()
    off = pixels[own] - np.stack([columns[known], rows[known]], -1)[own]
    assert np.abs(off).max() <= 0.02


@pytest.mark.parametrize('name', NAMES[:-1])
def test_the_pixels_of_a_smaller_image_lie_where_their_areas_do(cameras, name):
    _, model = cameras[name]
    rays = np.random.default_rng(8).standard_normal((2000, 3))
    whole, seen = project(model, rays)
    half, _ = project(model.resized(model.width // 2, model.height // 2), rays)
    off = np.abs(half - ((whole + 0.5) / 2 - 0.5))
    off[:, 0] = np.minimum(off[:, 0], abs(off[:, 0] - model.width / 2))  # across the seam
    # Clamped edges: half a pixel of the smaller image is more than half of the larger.
    assert np.quantile(off[seen], 0.97) <= 0.01
    assert off[seen].max() <= 0.5


@pytest.mark.parametrize('layout', LAYOUTS)
@pytest.mark.parametrize('face', FACES)
def test_cubemap_rays_come_back_to_their_pixels(layout, face):
    side = 50
    shape = LAYOUTS[layout]
    model = Cubemap(side * shape.columns, side * shape.rows, layout)
    ahead, right, below = (np.array(axis, float) for axis in FACE_AXES[face])
    i, j = (part.ravel() for part in np.meshgrid(np.arange(side), np.arange(side)))
    tangents = [((part + 0.5) / side * 2 - 1)[:, None] for part in (i, j)]
    pixels, seen = project(model, ahead + tangents[0] * right + tangents[1] * below)
    if (layout, face) == ('vertical_cross', 'back'):
        i, j = side - 1 - i, side - 1 - j
    place = np.array(shape.places[face]) * side
    assert seen.all()
    np.testing.assert_allclose(pixels, np.stack([i, j], -1) + place, atol=0.01)


@pytest.mark.parametrize(('field', 'centre'), [(101.25, 0.0), (120.0, 20.0), (90.0, -30.0)])
def test_a_cropped_panorama_shows_what_it_kept_and_black(field, centre):
    image = paint_panorama(720, 360, field, centre)
    model = Equirectangular(720, 360, math.radians(field), math.radians(centre))
    for yaw, pitch, roll in ((0, 0, 0), (170, 60, 0), (-60, -80, 0), (20, centre, 33)):
        spec = ViewSpec(96, 54, math.radians(100), reticle=False)
        view = Renderer(spec).render(
            image, Gaze(math.radians(yaw), math.radians(pitch)), math.radians(roll), model=model)
        rays = view_rays(96, 54, 100, yaw, pitch, roll)
        latitude = np.degrees(np.arcsin(rays[..., 1] / np.linalg.norm(rays, axis=-1)))
        inside = field / 2 - np.abs(latitude - centre)
        kept, left_out = inside > 1, inside < -1
        assert np.abs(view - scene(rays))[kept].max(initial=0) <= LEVELS
        assert view[left_out].max(initial=0) == 0
        assert kept.any() or left_out.all()


def two_lenses(blend: float, field: float = 196, yaw: float = 180) -> DualFisheye:
    lenses = [
        FisheyeLens((100.0, 100.0), 98.0, math.radians(field)),
        FisheyeLens((300.0, 100.0), 98.0, math.radians(field), mount=(0, 0, math.radians(yaw)))]
    return dual_fisheye(400, 200, lenses, math.radians(blend))


def across_the_seam(model: DualFisheye, side: int = 1) -> np.ndarray:
    """Return grey levels over degrees -20..20 to the right of the seam."""
    image = np.full((200, 400, 3), 40, np.uint8)
    image[:, 200:] = 200
    renderer = Renderer(ViewSpec(801, 41, math.radians(40), reticle=False))
    return renderer.render(
        image, Gaze(side * -math.pi / 2, 0.0), model=model)[20, :, 0].astype(int)


@pytest.mark.parametrize(('blend', 'degrees'), [(0, 0), (4, 4), (10, 10), (16, 16), (60, 16)])
def test_lenses_are_mixed_over_the_width_asked_for(blend, degrees):
    levels = across_the_seam(two_lenses(blend))
    assert (np.diff(levels) >= 0).all()
    assert levels[0] == 40 and levels[-1] == 200
    angles = np.degrees(np.arctan((np.arange(801) - 400.5) / 400.5 * math.tan(math.radians(20))))
    mixed = angles[(levels > 41) & (levels < 199)]
    width = mixed[-1] - mixed[0] if len(mixed) else 0.0
    assert width == pytest.approx(degrees, abs=0.4)
    assert np.interp(120, levels, angles) == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize('side', [1, -1])
def test_lenses_that_do_not_look_quite_apart_leave_no_gap(side):
    assert across_the_seam(two_lenses(6, yaw=186), side).min() >= 40


def test_what_no_lens_sees_is_black():
    levels = across_the_seam(two_lenses(6, field=170))
    assert (levels[310:490] == 0).all()
    assert levels[0] == 40 and levels[-1] == 200


def test_a_frame_of_another_shape_is_refused():
    with pytest.raises(InputError, match=r'320 x 200 .* calibrated at 400 x 200'):
        Renderer(ViewSpec(32, 18)).render(
            np.zeros((200, 320, 3), np.uint8), Gaze(0, 0), model=two_lenses(4))


@pytest.mark.parametrize('name', NAMES)
def test_a_converted_panorama_is_the_scene(cameras, name):
    image, model = cameras[name]
    model = model or Equirectangular(640, 360)
    panorama = to_equirectangular(image, model, 300, 150)
    assert np.abs(panorama.astype(int) - paint_panorama(300, 150)).max() <= LEVELS + 1
    width, height = natural_size(model)
    assert width == 2 * height
    assert width == pytest.approx(2 * math.pi * model.pixels_per_radian, rel=0.01)


def seam_agreement(model: DualFisheye, image: np.ndarray) -> float:
    """Return the mean correlation of what each lens alone sees in windows along the seam."""
    ahead, behind = (lens.rotation[2] for lens in model.lenses)
    across = np.linalg.svd((ahead - behind)[None])[2][1:]  # spans the plane between the lenses
    spec = ViewSpec(16, 32, math.radians(4), reticle=False, antialias=False)
    found = []
    for around in np.radians(np.arange(0, 360, 10)):
        right, down, forward = math.cos(around) * across[0] + math.sin(around) * across[1]
        gaze = Gaze(math.atan2(-right, forward), math.asin(down))
        views = []
        for lens in model.lenses:
            alone = replace(model, lenses=(replace(lens, trim=0.0, fade=0.0),))
            views.append(Renderer(spec).render(image, gaze, model=alone).mean(-1).ravel())
        if min(view.std() for view in views) > 5:
            found.append(np.corrcoef(*views)[0, 1])
    assert len(found) >= 10
    return float(np.mean(found))


@pytest.mark.skipif(not FRAME.is_file(), reason='the real frame is not beside the checkout')
def test_the_lenses_of_a_real_frame_agree_along_the_seam():
    image = cv2.imread(str(FRAME))
    model = load_camera_model(share_path('config/cameras/dual_fisheye_800.yaml'))
    assert seam_agreement(model, image) > 0.75
    for change in ({'radius': 1.02 * model.lenses[0].radius}, {'distortion': ()}):
        off = replace(model, lenses=tuple(replace(lens, **change) for lens in model.lenses))
        assert seam_agreement(off, image) < 0.6, change
    panorama = to_equirectangular(image, model, 720, 360)
    assert (panorama.max(axis=-1) > 8).mean() > 0.995  # no black ring, no black rim
