# SPDX-License-Identifier: Apache-2.0
"""Wherever the camera sits, the same point of the world stands in the view's centre."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from hvs_ros.core.gaze import Gaze
from hvs_ros.core.mounts import PanoramaMount, gaze_and_roll, rotation

BODY = math.radians(70)
NECK = (math.radians(40), math.radians(12))
MOUNTS = [
    PanoramaMount('world'),
    PanoramaMount('torso'),
    PanoramaMount('torso', (0.05, -0.1, 0.3)),
    PanoramaMount('head'),
    PanoramaMount('head', (math.radians(3), math.radians(-20), math.radians(90))),
    PanoramaMount('torso', (0.4, 0.3, 0.2), gravity_aligned=True),
    PanoramaMount('head', (0.4, 0.3, 0.2), gravity_aligned=True),
]
NAMES = [f'{m.kind}{" turned" if any(m.rpy) else ""}{" levelled" if m.gravity_aligned else ""}'
         for m in MOUNTS]


def camera_in_odom(mount: PanoramaMount) -> Rotation:
    """Build the camera's attitude from the definitions alone, by another library."""
    if mount.kind == 'world':
        return Rotation.identity()
    roll, pitch, yaw = mount.rpy
    body = Rotation.from_euler('Z', BODY)
    neck = Rotation.from_euler('ZY', NECK) if mount.kind == 'head' else Rotation.identity()
    if mount.gravity_aligned:
        turned = BODY + (NECK[0] if mount.kind == 'head' else 0.0) + yaw
        return Rotation.from_euler('Z', turned)
    return body * neck * Rotation.from_euler('ZYX', (yaw, pitch, roll))


@pytest.mark.parametrize('mount', MOUNTS, ids=NAMES)
@pytest.mark.parametrize('gaze', [
    Gaze(BODY + NECK[0], NECK[1]), Gaze(-2.4, 0.5), Gaze(0.0, 0.0)],
    ids=['physical', 'virtual', 'virtual ahead'])
def test_the_same_world_point_is_at_the_views_centre(mount: PanoramaMount, gaze: Gaze) -> None:
    direction, _ = mount.in_panorama(gaze, BODY, NECK)
    in_world = camera_in_odom(mount).apply(direction.direction())
    assert in_world == pytest.approx(gaze.direction(), abs=1e-12)


@pytest.mark.parametrize('mount', MOUNTS, ids=NAMES)
def test_the_views_up_is_the_gazes_up(mount: PanoramaMount) -> None:
    gaze = Gaze(1.1, 0.3)
    direction, roll = mount.in_panorama(gaze, BODY, NECK)
    view = camera_in_odom(mount).as_matrix() @ rotation(direction.yaw, direction.pitch, roll)
    assert view == pytest.approx(rotation(gaze.yaw, gaze.pitch), abs=1e-12)


@pytest.mark.parametrize(('body', 'neck'), [
    (0.0, (0.0, 0.0)), (BODY, NECK), (-2.0, (-0.7, -0.4))])
def test_a_head_camera_sees_the_physical_gaze_in_one_constant_direction(
        body: float, neck: tuple[float, float]) -> None:
    mount = PanoramaMount('head', (0.1, 0.2, 0.3))
    direction, roll = mount.in_panorama(Gaze(body + neck[0], neck[1]), body, neck)
    inverse = rotation(0.3, 0.2, 0.1).T
    assert rotation(direction.yaw, direction.pitch, roll) == pytest.approx(inverse, abs=1e-12)


@pytest.mark.parametrize('pitch', [math.pi / 2, -math.pi / 2])
def test_straight_up_and_down_keep_what_is_up_in_the_view(pitch: float) -> None:
    for yaw in np.linspace(-3, 3, 13):
        matrix = rotation(float(yaw), pitch)
        gaze, roll = gaze_and_roll(matrix)
        assert rotation(gaze.yaw, gaze.pitch, roll) == pytest.approx(matrix, abs=1e-9)
