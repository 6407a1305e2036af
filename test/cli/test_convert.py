# SPDX-License-Identifier: Apache-2.0
"""`hvs convert` writes what a camera saw as a panorama, or says in one sentence why not."""

from __future__ import annotations

from pathlib import Path
import re
import sys

import cv2
import numpy as np
import pytest
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'core'))
from camera_fixtures import (
    SECOND_CALIBRATION,
    paint_cubemap,
    paint_face,
    paint_fisheye,
    paint_panorama,
)

from hvs_ros.cli.main import main
from hvs_ros.core.cubemap import FACES


@pytest.fixture
def folder(tmp_path):
    """Return a folder with images of one scene, and a calibration."""
    (tmp_path / 'camera.yaml').write_text(SECOND_CALIBRATION)
    images = {
        'frame.png': paint_fisheye(yaml.safe_load(SECOND_CALIBRATION)),
        'cross.png': paint_cubemap('cross', 80), 'panorama.png': paint_panorama(400, 200)}
    (tmp_path / 'faces').mkdir()
    images |= {f'faces/{face}.png': paint_face(face, 80) for face in FACES}
    for name, image in images.items():
        cv2.imwrite(str(tmp_path / name), image)
    return tmp_path


def convert(folder: Path, *words: str) -> int:
    places = [str(folder / word) if '.' in word or word == 'faces' else word for word in words]
    return main(['convert', *places])


@pytest.mark.parametrize('words', [
    ('frame.png', 'out.png', '--camera', 'camera.yaml'), ('cross.png', 'out.png', '--cubemap'),
    ('faces', 'out.png', '--cubemap'), ('panorama.png', 'out.png')])
def test_the_panorama_shows_the_scene(folder, capsys, words):
    assert convert(folder, *words, '--size', '240x120') == 0
    written = cv2.imread(str(folder / 'out.png'))
    assert np.abs(written.astype(int) - paint_panorama(240, 120)).max() <= 5
    assert capsys.readouterr().out == f'{folder / "out.png"}: 240 x 120 pixels\n'


@pytest.mark.parametrize(('out', 'start'), [
    ('out.jpg', b'\xff\xd8'), ('out.PNG', b'\x89PNG'), ('out.webp', b'RIFF')])
def test_the_ending_chooses_the_format_and_the_source_the_size(folder, capfd, out, start):
    assert convert(folder, 'panorama.png', out) == 0
    assert (folder / out).read_bytes().startswith(start)
    assert cv2.imread(str(folder / out)).shape == (200, 400, 3)
    assert capfd.readouterr().err == ''  # OpenCV's complaints go past Python


@pytest.mark.parametrize(('words', 'says'), [
    (('none.png', 'out.png'), r'none\.png'),
    (('frame.png', 'out.tiff'), r'out\.tiff: OUT must end in one of'),
    (('frame.png', 'out.png', '--camera', 'none.yaml'), r'none\.yaml: .*No such file'),
    (('panorama.png', 'panorama.png'), r'panorama\.png exists already'),
    (('panorama.png', 'gone/out.png'), r'out\.png cannot be written: No such file'),
    (('panorama.png', 'out.webp', '--size', '20000x10'), r'out\.webp: 20000 x 10 pixels do not'),
    (('panorama.png', 'out.png', '--cubemap'), r'panorama\.png: .* neither a cross'),
    (('panorama.png', 'out.png', '--size', '0x10'), "--size '0x10' must be"),
    (('panorama.png', 'out.png', '--size', '90000x10'), "--size '90000x10' must be"),
    (('panorama.png', 'out.png', '--size', 'big'), "--size 'big' must be"),
    (('cross.png', 'out.png', '--camera', 'camera.yaml'),
     r'cross\.png: .* calibrated at 640 x 320 \(.*camera\.yaml\)')])
def test_what_cannot_be_converted_is_refused_in_one_sentence(folder, capfd, words, says):
    before = sorted(folder.rglob('*'))
    assert convert(folder, *words) == 2
    told = [line for line in capfd.readouterr().err.splitlines() if line.startswith('hvs:')]
    assert len(told) == 1
    assert told[0].startswith('hvs: error: ')
    assert re.search(says, told[0]), told[0]
    assert sorted(folder.rglob('*')) == before
