# SPDX-License-Identifier: Apache-2.0
"""A panorama is recognised recompressed, resized, turned and mirrored; others are not."""

from __future__ import annotations

import cv2
from imaging_fixtures import smooth_panorama
import numpy as np
import pytest

from hvs_ros.core.fingerprint import (
    SAME_PICTURE,
    Fingerprint,
    best_matches,
    fingerprint,
    spectrum_of,
)
from hvs_ros.core.panorama import PanoramaError, PanoramaFile
from hvs_ros.core.share import share_path


def drawn() -> list[np.ndarray]:
    """Return the bundled panoramas, 2048 x 1024."""
    return [cv2.imread(str(path)) for path in sorted(share_path('sim/episodes').rglob('*.jpg'))]


PANORAMAS = drawn()


def of(image: np.ndarray) -> Fingerprint:
    return Fingerprint('', '', '', spectrum_of(np.ascontiguousarray(image)))


def coded(image: np.ndarray, quality: int) -> np.ndarray:
    return cv2.imdecode(cv2.imencode('.jpg', image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 1)


def resized(image: np.ndarray, width: int, height: int) -> np.ndarray:
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


CHANGES = {
    'recompressed': lambda image: coded(image, 20),
    'small': lambda image: resized(image, 512, 256),
    '16 by 9': lambda image: resized(image, 1920, 1080),
    'turned': lambda image: np.roll(image, 777, 1),
    'mirrored': lambda image: image[:, ::-1],
    'all of it': lambda image: coded(resized(np.roll(image[:, ::-1], 331, 1), 800, 400), 30),
    'darker': lambda image: image // 2,
    'grey': lambda image: np.repeat(image.mean(2, keepdims=True).astype(np.uint8), 3, 2)}


@pytest.mark.parametrize('change', CHANGES.values(), ids=CHANGES.keys())
def test_a_changed_panorama_is_found_among_all_and_no_other(change):
    prints = [of(image) for image in PANORAMAS]
    changed = [of(change(image)) for image in PANORAMAS]
    assert [(a, b) for a, b, _ in best_matches(prints, changed)] == [
        (place, place) for place in range(len(prints))]


def test_different_panoramas_stay_well_below_the_threshold():
    prints = [of(image) for image in PANORAMAS]
    scores = [match.score for a, b, match in best_matches(prints, prints, -1) if a != b]
    assert len(scores) == len(prints) * (len(prints) - 1) and max(scores) < SAME_PICTURE - 0.2


@pytest.mark.parametrize('mirrored', [False, True])
@pytest.mark.parametrize('columns', [0, 8, 100, 1000, 2040])
def test_the_turn_is_told(columns, mirrored):
    image = PANORAMAS[0]
    changed = np.roll(image[:, ::-1] if mirrored else image, columns, 1)
    (_, _, match), = best_matches([of(image)], [of(changed)])
    assert match.mirrored is mirrored
    if not mirrored:
        assert abs((match.turn - columns * 360 / 2048 + 180) % 360 - 180) < 1.5
    assert match.score > 0.95


def test_a_picture_without_structure_is_like_none():
    flat = of(np.full((64, 128, 3), 90, np.uint8))
    sky = of(np.repeat(np.repeat(np.arange(64, dtype=np.uint8)[:, None, None], 128, 1), 3, 2))
    assert best_matches([flat, sky], [flat, sky, of(PANORAMAS[0])], 0.01) == []


def test_files_are_told_apart_by_bytes_and_by_pixels(tmp_path):
    image = smooth_panorama(128, 64)
    for name, level in (('a.png', 1), ('b.png', 9)):
        cv2.imwrite(str(tmp_path / name), image, [cv2.IMWRITE_PNG_COMPRESSION, level])
    a, b = (fingerprint(PanoramaFile(tmp_path / name), name) for name in ('a.png', 'b.png'))
    assert a.file_sha256 != b.file_sha256 and a.pixels_sha256 == b.pixels_sha256
    other = image.copy()
    other[0, 0, 0] ^= 1
    cv2.imwrite(str(tmp_path / 'c.png'), other)
    assert fingerprint(PanoramaFile(tmp_path / 'c.png'), 'c').pixels_sha256 != a.pixels_sha256
    (tmp_path / 'd.png').write_bytes(b'nothing')
    with pytest.raises(PanoramaError):
        fingerprint(PanoramaFile(tmp_path / 'd.png'), 'd')
