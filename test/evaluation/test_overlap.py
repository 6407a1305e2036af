# SPDX-License-Identifier: Apache-2.0
"""Shared panoramas are found between sets, told how, and warned of in runs."""

from __future__ import annotations

import json
from pathlib import Path
import zipfile

import cv2
from evaluation_fixtures import OBJECT_ITEMS, SMALL_VIEW, write_panorama
import numpy as np
import pytest

from hvs_ros.cli.main import main
from hvs_ros.core.errors import InputError
from hvs_ros.evaluation.overlap import find_overlap, find_panoramas, training_overlap


def add_scene(root: Path, name: str, image: np.ndarray, suffix: str, *options: int) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / 'annotation.json').write_text(json.dumps([OBJECT_ITEMS[0]]))
    path = folder / f'pano{suffix}'
    assert cv2.imwrite(str(path), image, list(options))
    return path


def picture(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (16, 32, 3), dtype=np.uint8)
    return cv2.resize(np.tile(coarse, (1, 3, 1)), (3 * 512, 256))[:, 512:1024].copy()


@pytest.fixture
def sets(tmp_path) -> tuple[Path, Path]:
    """Write two datasets that share four of five panoramas, each in another way."""
    first, second = tmp_path / 'a', tmp_path / 'b'
    for seed, name in enumerate(('bytes', 'pixels', 'coded', 'turned', 'own')):
        add_scene(first, name, picture(seed), '.png')
    (second / 'one').mkdir(parents=True)
    add_scene(second, 'p0', picture(0), '.png')
    add_scene(second, 'p1', picture(1), '.png', cv2.IMWRITE_PNG_COMPRESSION, 9)
    add_scene(second, 'p2', cv2.resize(picture(2), (300, 150)), '.jpg')
    add_scene(second, 'p3', np.roll(picture(3)[:, ::-1], 100, 1), '.jpg')
    add_scene(second, 'p4', picture(99), '.png')
    return first, second


def kinds(overlap) -> list[tuple[str, str, str]]:
    return [(pair.first, pair.second, pair.kind) for pair in overlap.shared]


EXPECTED = [
    ('bytes/pano.png', 'p0/pano.png', 'file'), ('coded/pano.png', 'p2/pano.jpg', 'picture'),
    ('pixels/pano.png', 'p1/pano.png', 'pixels'), ('turned/pano.png', 'p3/pano.jpg', 'picture')]


def test_each_way_of_sharing_is_told(sets):
    overlap = find_overlap(*sets)
    assert kinds(overlap) == EXPECTED
    turned = overlap.shared[3]
    assert turned.mirrored and turned.score > 0.9
    assert (overlap.first, overlap.second, overlap.unread) == (5, 5, ())


def test_zips_and_folders_of_pictures_are_compared_alike(sets, tmp_path):
    first, second = sets
    archive = tmp_path / 'a.zip'
    with zipfile.ZipFile(archive, 'w') as writer:
        for path in first.rglob('*.*'):
            writer.write(path, path.relative_to(first).as_posix())
    pictures = tmp_path / 'pictures'
    pictures.mkdir()
    for path in second.rglob('pano.*'):
        (pictures / f'{path.parent.name}{path.suffix}').write_bytes(path.read_bytes())
    assert [pair.kind for pair in find_overlap(archive, pictures).shared] == [
        kind for _, _, kind in EXPECTED]


def test_what_cannot_be_read_is_told_and_the_rest_compared(sets):
    (sets[0] / 'bytes/pano.png').write_bytes(b'damaged')
    overlap = find_overlap(*sets)
    assert kinds(overlap) == EXPECTED[1:]
    assert len(overlap.unread) == 1 and 'bytes/pano.png' in overlap.unread[0]


@pytest.mark.parametrize('broken', ['[{"task": ', '[]', None])
def test_a_broken_annotation_hides_no_panorama(sets, broken):
    annotation = sets[1] / 'p0/annotation.json'
    annotation.unlink() if broken is None else annotation.write_text(broken)
    assert kinds(find_overlap(*sets)) == EXPECTED


def test_what_of_a_set_cannot_be_looked_into_is_told(sets, tmp_path):
    archive = tmp_path / 'train.zip'
    with zipfile.ZipFile(archive, 'w') as writer:
        writer.writestr('../pano.png', (sets[0] / 'bytes/pano.png').read_bytes())
        writer.write(sets[0] / 'pixels/pano.png', 'pixels.png')
    overlap = find_overlap(sets[0], archive)
    assert [pair.kind for pair in overlap.shared] == ['file']
    assert len(overlap.unread) == 1 and 'points outside the archive' in overlap.unread[0]


def test_equal_pictures_without_structure_are_found_by_their_bytes(tmp_path):
    for root in ('a', 'b'):
        add_scene(tmp_path / root, 'flat', np.full((64, 128, 3), 7, np.uint8), '.png')
    assert [pair.kind for pair in find_overlap(tmp_path / 'a', tmp_path / 'b').shared] == ['file']


def test_a_place_without_pictures_is_refused(tmp_path):
    (tmp_path / 'x').mkdir()
    with pytest.raises(InputError, match='holds neither episodes nor pictures'):
        find_panoramas(tmp_path / 'x')


def test_the_command_exits_with_1_where_there_is_overlap(sets, capsys):
    first, second = map(str, sets)
    assert main(['episodes', 'overlap', first, second]) == 1
    told = capsys.readouterr().out
    assert 'bytes/pano.png = p0/pano.png: the same file' in told
    assert 'mirrored' in told and f'4 of the 5 panoramas of {first}' in told
    assert main(['episodes', 'overlap', first, f'{second}/p4', '--json']) == 0
    assert json.loads(capsys.readouterr().out)['shared'] == []


def test_a_run_warns_of_a_training_set_that_overlaps_and_records_it(sets, tmp_path, capsys):
    first, second = map(str, sets)
    run = tmp_path / 'run'
    words = ['eval', first, '--planner', 'sweep', '--out', str(run), *SMALL_VIEW]
    assert main([*words, '--training-set', second]) == 0
    told = capsys.readouterr().out
    assert told.count('WARNING: 4 of the 5 panoramas are in the training set') == 2
    (entry,) = json.loads((run / 'run.json').read_text())['training_sets']
    assert entry['path'] == second and len(entry['shared']) == 4
    assert json.loads((run / 'metrics.json').read_text())['training_sets'] == [entry]
    assert '4 of the 5 panoramas are in a training set of the model' in (
        run / 'report.html').read_text()
    # taken up again without naming it: the run still knows
    assert main(words) == 0


def test_a_training_set_that_shares_nothing_is_recorded_without_a_word(sets, tmp_path, capsys):
    other = tmp_path / 'other'
    other.mkdir()
    write_panorama(other / 'p.jpg', (512, 256), seed=5)
    run = tmp_path / 'run'
    assert main(['eval', str(sets[0]), '--planner', 'sweep', '--out', str(run), *SMALL_VIEW,
                 '--training-set', str(other)]) == 0
    assert 'WARNING' not in capsys.readouterr().out
    assert json.loads((run / 'run.json').read_text())['training_sets'][0]['shared'] == []


def test_what_is_known_is_not_measured_again(tmp_path):
    known = {'path': str(tmp_path / 'gone'), 'shared': ['x'], 'unread': []}
    assert training_overlap([known['path']], [], [known]) == [known]
