# SPDX-License-Identifier: Apache-2.0
"""Folders and zips become episodes with stable ids; what cannot is refused in one sentence."""

from __future__ import annotations

import json
import pickle
import re
import stat
import zipfile

from imaging_fixtures import SHARED, encoded, item, needs_shared, write_scene, zip_folder
import pytest

from hvs_ros.core.episode import EpisodeError, load_episodes
from hvs_ros.core.errors import InputError
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.panorama import PanoramaError, load_panorama
from hvs_ros.core.scoring import Target


def ids(episodes) -> list[str]:
    return [episode.id for episode in episodes]


def test_an_item_becomes_one_episode_for_each_start(tmp_path):
    write_scene(tmp_path, 'room', [item(level=[0, 1, 2, None])])
    episodes = load_episodes(tmp_path)
    assert ids(episodes) == [f'hos/room/0/{yaw}' for yaw in (0, 90, 180, 270)]
    assert [episode.level for episode in episodes] == [0, 1, 2, None]
    last = episodes[3]
    assert last.start == BenchmarkAngles(270, 0)
    assert last.instruction == 'Find the lamp'
    assert last.target == Target('object', (40, 60), (-5, 5))
    assert (last.split, last.scene, last.item) == ('hos', 'room', 0)
    assert last.panorama.read() == encoded('.png')


@pytest.mark.parametrize(('fields', 'expected'), [
    ({'initial_yaw': [37.5, 200.0], 'level': 3}, [('37.5', 37.5, 3), ('200', 200, 3)]),
    ({'initial_yaw': [-90, 360]}, [('-90', 270, None), ('360', 0, None)]),
    ({'initial_yaw': [12.125], 'level': [1.0]}, [('12.125', 12.125, 1)]),
    ({'initial_yaw': [0], 'level': 7}, [('0', 0, 7)]),
    ({'initial_yaw': [0, 90], 'level': [-1, 4]}, [('0', 0, -1), ('90', 90, 4)]),
    ({'initial_yaw': None, 'level': 0}, [(str(y), y, 0) for y in (0, 90, 180, 270)])])
def test_starts_and_levels_in_every_form(tmp_path, fields, expected):
    write_scene(tmp_path, 'room', [item(**fields)])
    found = [(e.id.rpartition('/')[2], e.start.yaw, e.level) for e in load_episodes(tmp_path)]
    assert found == expected
    assert all(type(a[1]) is type(b[1]) for a, b in zip(found, expected, strict=True))


def test_overlap_rates_run_parallel_to_the_starts(tmp_path):
    write_scene(tmp_path, 'room', [item(initial_yaw=[0, 90], overlap_rate=[0.25, 1]), item()])
    assert [e.overlap_rate for e in load_episodes(tmp_path)] == [0.25, 1.0] + [None] * 4


def test_the_item_and_not_the_folder_decides_the_split(tmp_path):
    write_scene(tmp_path / 'hos', 'gate', [item(pitch=...), item(), item(yaw=[350, 10.5])])
    episodes = load_episodes(tmp_path / 'hos')
    assert [e.id for e in episodes[::4]] == ['hps/gate/0/0', 'hos/gate/1/0', 'hos/gate/2/0']
    assert episodes[0].target == Target('path', (40, 60), None)
    assert episodes[8].target.yaw == (350, 10.5)


@pytest.fixture
def dataset(tmp_path):
    """Write a parent of two split roots and what tends to lie around in such folders."""
    root = tmp_path / 'bench'
    for split, pitch in (('hos', [-5, 5]), ('hps', ...)):
        for scene in ('b', 'a', '10', '9'):
            write_scene(root / split, scene, [item(task=f'{split} {scene}', pitch=pitch)] * 2)
    write_scene(root / 'hos', '.hidden', 'broken')
    write_scene(root / '__MACOSX', 'a', 'broken')
    (root / 'hos' / 'a' / '._pano.png').write_bytes(b'\0')
    (root / 'hos' / 'README.txt').write_text('hello')
    (root / 'hos' / 'spare').mkdir()
    (root / 'hos' / 'spare' / 'pano.png').write_bytes(encoded('.png'))
    return root


def test_a_parent_holds_the_episodes_of_its_split_roots(dataset):
    whole = load_episodes(str(dataset))
    parts = [load_episodes(dataset / split) for split in ('hos', 'hps')]
    assert ids(whole) == ids(parts[0]) + ids(parts[1])
    assert [e.legacy_seed for e in whole] == [e.legacy_seed for part in parts for e in part]
    assert [e.scene for e in parts[0][::8]] == ['10', '9', 'a', 'b']
    assert whole.skipped == ('hos/spare',)
    assert len(set(ids(whole))) == len(whole) == 64


@pytest.mark.parametrize('prefix', ['', 'hos_bench/', 'release/data/'])
@pytest.mark.parametrize('part', ['hos', '.'])
def test_a_zip_reads_as_the_folder_does(dataset, tmp_path, prefix, part):
    folder = load_episodes(dataset / part)
    zipped = load_episodes(zip_folder(dataset / part, tmp_path / 'bench.zip', prefix))
    assert ids(zipped) == ids(folder)
    assert zipped.dataset_sha256 == folder.dataset_sha256
    assert [e.legacy_seed for e in zipped] == [e.legacy_seed for e in folder]
    assert [e.panorama.sha256() for e in zipped] == [e.panorama.sha256() for e in folder]
    again = pickle.loads(pickle.dumps(zipped[0]))
    assert load_panorama(again.panorama).image.shape == (32, 64, 3)
    assert not [p for p in tmp_path.iterdir() if p.name not in ('bench', 'bench.zip')]


def test_the_dataset_hash_follows_the_annotations_and_not_the_place(dataset, tmp_path):
    before = load_episodes(dataset / 'hos').dataset_sha256
    assert load_episodes(dataset / 'hos', limit=1, shuffle=True).dataset_sha256 == before
    moved = (dataset / 'hos').rename(tmp_path / 'elsewhere')
    assert load_episodes(moved).dataset_sha256 == before
    write_scene(moved, 'a', [item(task='another')])
    assert load_episodes(moved).dataset_sha256 != before


@pytest.mark.parametrize(('images', 'chosen'), [
    (['z.jpg', 'a.png'], 'a.png'),
    (['a.png', 'frame_0.jpg', 'keyframe_9.jpeg', 'pano_2.webp', 'pano_1.png'], 'pano_1.png'),
    (['a.png', 'frame_0.jpg', 'keyframe_9.jpeg'], 'keyframe_9.jpeg'),
    (['a.png', 'FRAME_0.jpg'], 'FRAME_0.jpg'),
    (['._pano_1.jpg', '.pano_0.png', 'b.PNG'], 'b.PNG')])
def test_the_panorama_is_chosen_by_prefix_then_name(tmp_path, images, chosen):
    write_scene(tmp_path / 'x', 'room', [item()], *images)
    for path in (tmp_path / 'x', zip_folder(tmp_path / 'x', tmp_path / 'x.zip')):
        assert load_episodes(path)[0].panorama.name.endswith(f'/room/{chosen}')


@pytest.mark.parametrize('seed', [None, 42, 7])
def test_shuffling_is_repeatable_and_the_default_is_the_published_order(dataset, seed):
    shuffled = load_episodes(dataset / 'hos', shuffle=True, seed=seed)
    assert ids(shuffled) == ids(load_episodes(dataset / 'hos', shuffle=True, seed=seed))
    assert sorted(ids(shuffled)) == sorted(ids(load_episodes(dataset / 'hos')))
    in_legacy_order = [e.legacy_seed for e in shuffled] == list(range(len(shuffled)))
    assert in_legacy_order is (seed != 7)


@needs_shared
@pytest.mark.parametrize('split', ['hos', 'hps'])
def test_the_harness_order_is_reproduced(split):
    expected = json.loads((SHARED / 'parity' / 'order.json').read_text())[split]
    episodes = sorted(load_episodes(SHARED / 'panoramas' / split), key=lambda e: e.legacy_seed)
    assert [[e.scene, e.instruction, e.start.yaw, e.level] for e in episodes] == expected


def test_only_ids_select_before_the_limit_cuts(dataset):
    wanted = ['hps/b/1/90', 'hos/9/0/0', 'hos/a/1/180']
    assert ids(load_episodes(dataset, only_ids=wanted)) == [wanted[1], wanted[2], wanted[0]]
    assert ids(load_episodes(dataset, only_ids=wanted, limit=2)) == wanted[1:]
    assert len(load_episodes(dataset, limit=1000)) == 64
    assert load_episodes(dataset).by_id('hps/b/1/90').start.yaw == 90


@pytest.mark.parametrize(('arguments', 'sentence'), [
    ({'only_ids': ['hos/a/0/0', 'hos/a/0/1']}, r"holds no episode 'hos/a/0/1'"),
    ({'limit': 0}, 'at least 1 episode, not 0'),
    ({'limit': -3}, 'at least 1 episode, not -3')])
def test_a_selection_that_selects_nothing_is_refused(dataset, arguments, sentence):
    with pytest.raises(EpisodeError, match=sentence):
        load_episodes(dataset, **arguments)


def test_a_16_by_9_panorama_is_taken(tmp_path):
    folder = write_scene(tmp_path, 'room', [item()])
    (folder / 'pano.png').write_bytes(encoded('.png', 96, 54))
    assert load_panorama(load_episodes(tmp_path)[0].panorama).image.shape == (54, 96, 3)


NAN = float('nan')
INFINITE = float('inf')


@pytest.mark.parametrize(('fields', 'sentence'), [
    ({'task': ...}, "'task' is missing; it must be a sentence"),
    ({'task': '  '}, "'task' must be a sentence, not \"  \""),
    ({'task': 3}, "'task' must be a sentence, not 3"),
    ({'yaw': ...}, "'yaw' is missing; it must be two finite numbers in degrees"),
    ({'yaw': [1]}, "'yaw' must be two finite numbers in degrees, not [1]"),
    ({'yaw': [1, 2, 3]}, "'yaw' must be two finite numbers in degrees, not [1, 2, 3]"),
    ({'yaw': [1, NAN]}, "'yaw' must be two finite numbers in degrees, not [1, NaN]"),
    ({'yaw': [INFINITE, 1]}, "'yaw' must be two finite numbers in degrees, not [Infinity, 1]"),
    ({'yaw': ['1', 2]}, "'yaw' must be two finite numbers in degrees, not [\"1\", 2]"),
    ({'yaw': [True, 2]}, "'yaw' must be two finite numbers in degrees, not [true, 2]"),
    ({'yaw': 7}, "'yaw' must be two finite numbers in degrees, not 7"),
    ({'yaw': [1, 10 ** 400]}, "'yaw' must be two finite numbers in degrees, not [1, 1000"),
    ({'pitch': [0]}, "'pitch' must be two finite numbers in degrees, not [0]"),
    ({'pitch': []}, "'pitch' must be two finite numbers in degrees, not []"),
    ({'pitch': [0, 91]}, "'pitch' must be [low, high] within -90 and 90 degrees, not [0, 91]"),
    ({'pitch': [-91, 0]}, "'pitch' must be [low, high] within -90 and 90 degrees, not [-91, 0]"),
    ({'pitch': [5, -5]}, "'pitch' must be [low, high] within -90 and 90 degrees, not [5, -5]"),
    ({'initial_yaw': []}, "'initial yaw' must be a list of finite numbers, not []"),
    ({'initial_yaw': 90}, "'initial yaw' must be a list of finite numbers, not 90"),
    ({'initial_yaw': [0, NAN]}, "'initial yaw' must be a list of finite numbers, not [0, NaN]"),
    ({'level': [1, 2]}, "'level' must list 4 values, one for each start yaw, not [1, 2]"),
    ({'level': 1.5}, "'level' must be whole numbers, not 1.5"),
    ({'level': 'easy'}, "'level' must be whole numbers, not \"easy\""),
    ({'overlap_rate': [1]}, "'overlap_rate' must list 4 values, one for each start yaw, not [1]"),
    ({'overlap_rate': 'x'}, "'overlap_rate' must be finite numbers, not \"x\"")])
def test_a_bad_field_is_named_with_file_item_and_value(tmp_path, fields, sentence):
    write_scene(tmp_path, 'room', [item(), item(**fields)])
    with pytest.raises(EpisodeError) as seen:
        load_episodes(tmp_path)
    start = f'{tmp_path}/room/annotation.json: item 1: '
    assert str(seen.value).startswith(start + sentence)
    assert len(str(seen.value)) < len(start) + 200 and '\n' not in str(seen.value)


@pytest.mark.parametrize(('text', 'sentence'), [
    ('[{"task": ', 'annotation.json is not JSON: '),
    ('', 'annotation.json is not JSON: '),
    ('{"task": 1}', 'annotation.json holds an object where a list of items belongs'),
    ('"x"', 'annotation.json holds a string where a list of items belongs'),
    ('[3]', 'annotation.json: item 0 is 3 where an object belongs'),
    ('[[]]', 'annotation.json: item 0 is a list where an object belongs'),
    ('[' * 100_000, 'annotation.json is not JSON: '),
    ('[]', 'holds no episodes: no item in any annotation.json')])
def test_an_annotation_that_is_none_is_refused(tmp_path, text, sentence):
    write_scene(tmp_path, 'room', text)
    with pytest.raises(EpisodeError, match=re.escape(sentence)) as seen:
        load_episodes(tmp_path)
    assert '\n' not in str(seen.value)


def test_a_byte_order_mark_is_no_error(tmp_path):
    write_scene(tmp_path, 'room', '\ufeff' + json.dumps([item()]))
    assert len(load_episodes(tmp_path)) == 4


def test_the_same_start_twice_is_refused(tmp_path):
    write_scene(tmp_path, 'room', [item(initial_yaw=[90, 90.0])])
    with pytest.raises(EpisodeError, match=r'the id hos/room/0/90: see \S+/annotation\.json$'):
        load_episodes(tmp_path)


def test_one_scene_name_in_two_roots_is_refused_naming_both(tmp_path):
    for root in ('first', 'second'):
        write_scene(tmp_path / root, 'room', [item()])
    with pytest.raises(EpisodeError, match=r'first/room/.* and .*second/room/'):
        load_episodes(tmp_path)


def test_missing_and_empty_places_are_refused(tmp_path):
    with pytest.raises(EpisodeError, match='nowhere: no such folder or zip'):
        load_episodes(tmp_path / 'nowhere')
    with pytest.raises(EpisodeError, match=r'holds no episodes: no <scene>/annotation\.json'):
        load_episodes(tmp_path)
    scene = write_scene(tmp_path, 'room', [item()])
    with pytest.raises(EpisodeError, match='is a single scene'):
        load_episodes(scene)


@pytest.mark.parametrize(('image', 'sentence'), [
    (None, r'room holds no panorama \(png, jpg, jpeg, webp\)$'),
    ('pano.heic', r'room holds no panorama \(png, jpg, jpeg, webp\), only pano\.heic$')])
def test_a_missing_panorama_is_refused(tmp_path, image, sentence):
    folder = write_scene(tmp_path, 'room', [item()])
    (folder / 'pano.png').unlink()
    if image:
        (folder / image).write_bytes(b'x')
    with pytest.raises(EpisodeError, match=sentence):
        load_episodes(tmp_path)


@pytest.mark.parametrize('suffix', ['.png', '.jpg', '.webp'])
@pytest.mark.parametrize('zipped', [False, True])
def test_a_truncated_panorama_is_refused_unless_it_is_not_selected(tmp_path, suffix, zipped):
    root = tmp_path / 'bench'
    write_scene(root, 'fine', [item()])
    folder = write_scene(root, 'room', [item()], f'pano{suffix}')
    whole = encoded(suffix, 640, 320)
    (folder / f'pano{suffix}').write_bytes(whole[:len(whole) * 2 // 3])
    path = zip_folder(root, tmp_path / 'bench.zip') if zipped else root
    with pytest.raises(PanoramaError, match=f'room/pano{suffix} is truncated'):
        load_episodes(path)
    assert len(load_episodes(path, limit=4)) == 4


def test_a_file_that_is_no_zip_is_refused(tmp_path):
    (tmp_path / 'bench.zip').write_text('not a zip at all')
    with pytest.raises(EpisodeError, match=r'bench\.zip is neither a folder nor a zip'):
        load_episodes(tmp_path / 'bench.zip')


@pytest.mark.parametrize('name', [
    '../room/annotation.json', 'room/../../annotation.json', '/room/annotation.json',
    'C:/room/annotation.json', '..\\room\\annotation.json'])
def test_a_member_that_points_outside_is_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / 'bench.zip', 'w') as archive:
        archive.writestr(name, json.dumps([item()]))
    with pytest.raises(EpisodeError, match=r'bench\.zip: the member .* points outside'):
        load_episodes(tmp_path / 'bench.zip')


def test_a_bomb_is_refused_unread(tmp_path):
    with zipfile.ZipFile(tmp_path / 'bench.zip', 'w', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('room/annotation.json', b' ' * (16 << 20))
    with pytest.raises(EpisodeError, match=r'unpacks from \d+ to 16777216 bytes'):
        load_episodes(tmp_path / 'bench.zip')


def test_an_encrypted_member_is_refused(tmp_path):
    write_scene(tmp_path / 'x', 'room', [item()])
    path = zip_folder(tmp_path / 'x', tmp_path / 'bench.zip')
    content = bytearray(path.read_bytes())
    content[content.rindex(b'PK\x01\x02') + 8] |= 1
    path.write_bytes(bytes(content))
    with pytest.raises(EpisodeError, match='is encrypted'):
        load_episodes(path)


def test_a_link_in_a_zip_is_no_way_out(tmp_path):
    secret = tmp_path / 'secret.png'
    secret.write_bytes(encoded('.png'))
    link = zipfile.ZipInfo('room/pano.png')
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / 'bench.zip', 'w') as archive:
        archive.writestr('room/annotation.json', json.dumps([item()]))
        archive.writestr(link, str(secret))
    with pytest.raises(InputError, match='is not an image'):
        load_episodes(tmp_path / 'bench.zip')


def test_episodes_of_a_scene_share_one_panorama(tmp_path):
    for number in range(60):
        write_scene(tmp_path, f'scene{number:03}', [item()] * 10)
    episodes = load_episodes(tmp_path)
    assert len(episodes) == 2400
    assert len({id(episode.panorama) for episode in episodes}) == 60
