# SPDX-License-Identifier: Apache-2.0
"""A dual-fisheye camera straight into the graph: no stitched panorama in between."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
from flow_partner import Partner, overrides
import numpy as np
import pytest

from hvs_ros.core.calibration import load_camera_model
from hvs_ros.core.errors import InputError
from hvs_ros.core.gaze import Gaze
from hvs_ros.core.panorama import load_panorama
from hvs_ros.core.renderer import Renderer, ViewSpec
from hvs_ros.core.share import share_path
from hvs_ros.nodes.panorama_camera import PanoramaCamera
from hvs_ros.nodes.view_renderer import ViewRenderer

SIZE = {'width': 160, 'height': 90}
CALIBRATION = str(share_path('config/cameras/dual_fisheye.yaml'))


@pytest.fixture
def frame(tmp_path: Path) -> Path:
    """A frame in the calibration's shape, with a picture in both circles."""
    noise = np.random.default_rng(5).integers(0, 255, (24, 48, 3), np.uint8)
    path = tmp_path / 'frame.jpg'
    cv2.imwrite(str(path), cv2.resize(noise, (960, 480), interpolation=cv2.INTER_CUBIC))
    return path


def renderer(context: object, calibration: str) -> ViewRenderer:
    return ViewRenderer(context=context, parameter_overrides=overrides(
        gaze='virtual', still_panorama=True, panorama_reliability='reliable',
        camera_model=calibration, **SIZE))


@pytest.mark.parametrize('gaze', [Gaze(0.0, 0.0), Gaze(1.6, -0.3), Gaze(3.1, 0.8)])
def test_views_come_straight_from_the_dual_fisheye_frame(
        context: object, spin: Callable, wait_until: Callable, frame: Path, gaze: Gaze) -> None:
    spin(PanoramaCamera(context=context, parameter_overrides=overrides(
        source=str(frame), camera_model=CALIBRATION)))
    spin(renderer(context, CALIBRATION))
    partner = Partner(context=context)
    spin(partner)

    partner.goal(1000, gaze)
    wait_until(lambda: partner.views['image/compressed'])
    expected = Renderer(ViewSpec(**SIZE)).view(
        load_panorama(frame), gaze, model=load_camera_model(CALIBRATION))
    assert bytes(partner.views['image/compressed'][0].data) == expected.jpeg
    topics = {name for name, _ in partner.get_topic_names_and_types()}
    assert '/dual_fisheye/image/compressed' in topics
    assert '/equirectangular/image/compressed' not in topics


def test_a_broken_calibration_is_refused_at_start(context: object, tmp_path: Path) -> None:
    path = tmp_path / 'camera.yaml'
    path.write_text('model: periscope\n')
    with pytest.raises(InputError, match='periscope'):
        renderer(context, str(path))
