# SPDX-License-Identifier: Apache-2.0
"""Calibration files become camera models, or one sentence with the file, field and value."""

from __future__ import annotations

import copy
import math
from typing import Any

import cv2
import numpy as np
import pytest
import yaml

from hvs_ros.core.calibration import CalibrationError, load_camera_model, load_cubemap
from hvs_ros.core.camera_models import Equirectangular
from hvs_ros.core.cubemap import FACES, Cubemap
from hvs_ros.core.fisheye import DualFisheye
from hvs_ros.core.panorama import PanoramaError
from hvs_ros.core.share import share_path

SHIPPED = sorted(share_path('config/cameras').glob('*.yaml'))
DUAL = yaml.safe_load(share_path('config/cameras/dual_fisheye.yaml').read_text())
FULL = {'model': 'equirectangular', 'width': 400, 'height': 200}
CUBE = {'model': 'cubemap', 'width': 400, 'height': 300, 'layout': 'cross'}


def changed(content: dict, field: str, value: Any) -> dict:
    """Return the content with the dotted field set, or left out for ``...``."""
    content = copy.deepcopy(content)
    *parents, last = field.split('.')
    place = content
    for parent in parents:
        place = place[parent]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return content


@pytest.mark.parametrize('path', SHIPPED, ids=lambda path: path.stem)
def test_shipped_calibrations_load(path):
    model = load_camera_model(path)
    content = yaml.safe_load(path.read_text())
    assert (model.width, model.height) == (content['width'], content['height'])
    assert model.resized(model.width // 2, model.height // 2).width == model.width // 2


def test_the_documented_calibration_says_what_it_means():
    model = load_camera_model(share_path('config/cameras/dual_fisheye.yaml'))
    front, back = model.lenses
    assert isinstance(model, DualFisheye)
    assert front.radius == 940 and front.centre == (959.5, 959.5)
    assert front.field_of_view == pytest.approx(math.radians(195))
    np.testing.assert_allclose(front.rotation, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(back.rotation, np.diag([-1, 1, -1]), atol=1e-12)
    assert front.fade == pytest.approx(math.radians(6))
    assert math.degrees(front.edge) == pytest.approx(93)


@pytest.mark.parametrize(('content', 'field', 'value', 'says'), [
    (DUAL, 'model', 'pinhole', "'model' must be one of .* not 'pinhole'"),
    (DUAL, 'model', ..., "'model' is missing"),
    (DUAL, 'width', 3840.5, "'width' must be a whole number .* not 3840.5"),
    (DUAL, 'height', True, "'height' .* not True"),
    (DUAL, 'height', ..., "'height' is missing"),
    (DUAL, 'width', 10 ** 9, "'width' .* not 1000000000"),
    (DUAL, 'blend', -1, "'blend' must be an angle of 0 to 90 degrees, not -1"),
    (DUAL, 'blend', '6 degrees', "'blend' .* not '6 degrees'"),
    (DUAL, 'bland', 6, "unknown field 'bland'"),
    (DUAL, 'lenses', [1, 2], r"'lenses' must hold a mapping, not \[1, 2\]"),
    (DUAL, 'lenses', ..., "'lenses' is missing"),
    (DUAL, 'lenses.back', ..., "'lenses.back' is missing"),
    (DUAL, 'lenses.side', {}, "unknown field 'lenses.side'"),
    (DUAL, 'lenses.front.centre', [959.5], r"'lenses.front.centre' .* not \[959.5\]"),
    (DUAL, 'lenses.front.centre', [959.5, 2500], r"'lenses.front.centre' .* not \[959.5, 2500\]"),
    (DUAL, 'lenses.front.centre', ..., "'lenses.front.centre' is missing"),
    (DUAL, 'lenses.back.radius', 0, "'lenses.back.radius' .* not 0"),
    (DUAL, 'lenses.back.radius', math.nan, "'lenses.back.radius' .* not nan"),
    (DUAL, 'lenses.back.radius', ..., "'lenses.back.radius' is missing"),
    (DUAL, 'lenses.back.field_of_view', 361, "'lenses.back.field_of_view' .* not 361"),
    (DUAL, 'lenses.back.distortion', [-0.4], r"'lenses.back.distortion' .* not \[-0.4\]"),
    (DUAL, 'lenses.back.distortion', ['a'], r"'lenses.back.distortion' .* not \['a'\]"),
    (DUAL, 'lenses.back.distortion', [math.inf], r"'lenses.back.distortion' .* not \[inf\]"),
    (DUAL, 'lenses.back.mount', 180, "'lenses.back.mount' must hold a mapping, not 180"),
    (DUAL, 'lenses.back.mount.yaw', 1000, "'lenses.back.mount.yaw' .* not 1000"),
    (DUAL, 'lenses.back.mount.jaw', 1, "unknown field 'lenses.back.mount.jaw'"),
    (FULL, 'vertical_field_of_view', 181, "'vertical_field_of_view' .* not 181"),
    (FULL, 'vertical_field_of_view', 0, "'vertical_field_of_view' .* not 0"),
    (FULL, 'centre_pitch', 10, "'centre_pitch' .* not 10"),
    (FULL, 'layout', 'cross', "unknown field 'layout'"),
    (CUBE, 'layout', 'ball', "'layout' must be one of .* not 'ball'"),
    (CUBE, 'height', 301, "'height' must be 400 x 3 / 4, as a cross .* not 301")])
def test_a_wrong_field_is_named_with_its_value(tmp_path, content, field, value, says):
    path = tmp_path / 'camera.yaml'
    path.write_text(yaml.safe_dump(content))
    load_camera_model(path)
    path.write_text(yaml.safe_dump(changed(content, field, value)))
    with pytest.raises(CalibrationError, match=rf'^{path}: .*{says}') as caught:
        load_camera_model(path)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('content', [b'', b'- 1', b'a: [', b'\xff\xfe\x00', b'text'])
def test_a_file_that_is_no_calibration_is_refused(tmp_path, content):
    path = tmp_path / 'camera.yaml'
    path.write_bytes(content)
    with pytest.raises(CalibrationError, match=f'^{path}: '):
        load_camera_model(path)


def test_a_missing_calibration_is_refused(tmp_path):
    with pytest.raises(CalibrationError, match=r'none\.yaml: .*No such file'):
        load_camera_model(tmp_path / 'none.yaml')


def test_a_cropped_panorama_keeps_its_field(tmp_path):
    path = tmp_path / 'camera.yaml'
    path.write_text(yaml.safe_dump(FULL | {'vertical_field_of_view': 100, 'centre_pitch': -20}))
    assert load_camera_model(path) == Equirectangular(
        400, 200, math.radians(100), math.radians(-20))
    path.write_text(yaml.safe_dump(FULL))
    assert load_camera_model(path) == Equirectangular(400, 200)


def write_faces(folder, sides: dict[str, int], suffix: str = '.png') -> None:
    folder.mkdir(exist_ok=True)
    for tone, (face, side) in enumerate(sides.items()):
        cv2.imwrite(str(folder / f'{face}{suffix}'), np.full((side, side, 3), 30 * tone, np.uint8))


def test_six_files_are_one_cubemap(tmp_path):
    write_faces(tmp_path, dict.fromkeys(FACES, 20))
    image, model = load_cubemap(tmp_path)
    assert model == Cubemap(120, 20, 'strip')
    assert [image.image[10, 20 * place + 10, 0] for place in range(6)] == [0, 30, 60, 90, 120, 150]


@pytest.mark.parametrize(('size', 'layout'), [
    ((400, 300), 'cross'), ((300, 400), 'vertical_cross'), ((600, 100), 'strip')])
def test_the_shape_tells_the_layout(tmp_path, size, layout):
    path = tmp_path / 'cube.png'
    cv2.imwrite(str(path), np.zeros((size[1], size[0], 3), np.uint8))
    assert load_cubemap(path)[1] == Cubemap(*size, layout)


@pytest.mark.parametrize(('sides', 'says'), [
    (dict.fromkeys(FACES[:5], 20), 'the face down is missing'),
    (dict.fromkeys(FACES, 20) | {'left': 21}, 'the face left has 21 x 21 pixels, not 20 x 20'),
    ({}, 'the face front is missing')])
def test_faces_that_make_no_cube_are_refused(tmp_path, sides, says):
    write_faces(tmp_path / 'faces', sides)
    with pytest.raises(CalibrationError, match=f'faces: {says}'):
        load_cubemap(tmp_path / 'faces')


def test_an_image_that_is_no_cubemap_is_refused(tmp_path):
    path = tmp_path / 'cube.png'
    cv2.imwrite(str(path), np.zeros((200, 400, 3), np.uint8))
    with pytest.raises(CalibrationError, match='400 x 200 pixels is neither a cross'):
        load_cubemap(path)
    with pytest.raises(PanoramaError, match=r'none\.png'):
        load_cubemap(tmp_path / 'none.png')
