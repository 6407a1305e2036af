# SPDX-License-Identifier: Apache-2.0
"""A check names everything that is wrong with a folder at once, and nothing that is not."""

from __future__ import annotations

import json
import os
from pathlib import Path
import zipfile

import cv2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from imaging_fixtures import SHARED, encoded, item, needs_shared, write_scene, zip_folder
import numpy as np
import pytest

from hvs_ros.core.episode import EpisodeError, load_episodes
from hvs_ros.core.episode_check import check_episodes
from hvs_ros.core.errors import InputError
from hvs_ros.core.share import share_path


def wrong(path: Path, **options) -> list[tuple[str, str, str]]:
    """Return (file relative to the folder, field, sentence) of everything wrong."""
    return [(problem.file.removeprefix(f'{path}/'), problem.field, problem.sentence)
            for problem in check_episodes(path, **options).wrong]


@pytest.fixture
def broken(tmp_path) -> Path:
    """Write a folder with one of nearly everything that can be wrong, and two sound scenes."""
    root = tmp_path / 'bench'
    write_scene(root, 'a_fine', [item(level=[0, 1, 2, 2]), item(yaw=[350, 10])])
    write_scene(root, 'b_items', [
        item(task=3, yaw=[1], level=[1, 2]), 'no item', item(yaw=...), item(pitch=[5, -5])])
    write_scene(root, 'c_json', '[{"task": ')
    write_scene(root, 'd_object', '{}')
    write_scene(root, 'e_doubled', [item(initial_yaw=[90, 90.0])])
    (write_scene(root, 'f_nothing', [item()]) / 'pano.png').unlink()
    cut = write_scene(root, 'g_cut', [item()], 'pano.jpg')
    (cut / 'pano.jpg').write_bytes(encoded('.jpg', 640, 320)[:5000])
    text = write_scene(root, 'h_text', [item()], 'pano.jpg')
    (text / 'pano.jpg').write_text('this is no picture')
    tall = write_scene(root, 'i_tall', [item()])
    (tall / 'pano.png').write_bytes(encoded('.png', 64, 640))
    (root / 'j_loose').mkdir()
    (root / 'j_loose' / 'pano.png').write_bytes(encoded('.png'))
    (root / 'j_loose' / 'Annotation.json').write_text('[]')
    (root / 'k_empty').mkdir()
    (write_scene(root, 'l_link', [item()]) / 'pano.png').unlink()
    (root / 'l_link' / 'pano.png').symlink_to(root / 'gone.png')
    write_scene(root, 'm_fine', [item(pitch=...)])
    return root


EXPECTED = [
    ('b_items/annotation.json', 'task'), ('b_items/annotation.json', 'yaw'),
    ('b_items/annotation.json', 'level'), ('b_items/annotation.json', ''),
    ('b_items/annotation.json', 'yaw'), ('b_items/annotation.json', 'pitch'),
    ('c_json/annotation.json', ''), ('d_object/annotation.json', ''),
    ('e_doubled/annotation.json', 'initial yaw'), ('f_nothing', ''), ('g_cut/pano.jpg', ''),
    ('h_text/pano.jpg', ''), ('i_tall/pano.png', ''), ('j_loose', ''), ('k_empty', ''),
    ('l_link', ''), ('l_link/pano.png', '')]


def test_every_problem_is_found_in_one_pass_with_file_and_field(broken):
    found = wrong(broken)
    assert [entry[:2] for entry in found] == EXPECTED
    for file, field, sentence in found:
        assert str(broken / file) in sentence and '\n' not in sentence
        assert repr(field) in sentence or field in ('', 'initial yaw')


def test_what_can_be_used_is_counted(broken):
    findings = check_episodes(broken)
    # a_fine, e_doubled (its one start), i_tall, m_fine; two more have a panorama and no items
    assert (findings.scenes, findings.episodes, findings.panoramas) == (4, 8 + 1 + 4 + 4, 7)


def test_the_loader_raises_the_first_of_the_same_sentences(broken):
    sentences = {problem.sentence for problem in check_episodes(broken).wrong}
    with pytest.raises(InputError) as seen:
        load_episodes(broken)
    assert str(seen.value) in sentences


@pytest.mark.parametrize('decode_all', [False, True])
def test_a_sound_folder_has_no_problems(tmp_path, decode_all):
    write_scene(tmp_path, 'room', [item(level=[0, 1, 2, 0]), item(yaw=[350, 10], level=1)])
    write_scene(tmp_path, 'hall', [item(pitch=..., level=[3, 2, 1, 0])], 'pano.jpg')
    write_scene(tmp_path, 'train', [item(initial_yaw=[12.5], overlap_rate=[0.5], level=[0])])
    assert wrong(tmp_path, decode_all=decode_all) == []


@pytest.mark.parametrize('path', ['sim', pytest.param('hos', marks=needs_shared)])
def test_real_folders_are_sound(path):
    folder = share_path('sim/episodes') if path == 'sim' else SHARED / 'panoramas' / path
    findings = check_episodes(folder, decode_all=True)
    assert findings.wrong == () and findings.episodes == len(load_episodes(folder))


@pytest.mark.parametrize(('fields', 'field', 'said'), [
    ({'yaw': [400, 420]}, 'yaw', 'should lie within 0 and 360 degrees, not [400, 420]'),
    ({'yaw': [-10, 10]}, 'yaw', 'should lie within 0 and 360 degrees, not [-10, 10]'),
    ({'level': 4}, 'level', 'should be 0 to 3, not 4'),
    ({'level': [0, 1, -1, 2]}, 'level', 'should be 0 to 3, not [0, 1, -1, 2]'),
    ({'overlap_rate': 1.5}, 'overlap_rate', 'should lie within 0 and 1, not 1.5'),
    ({'initial_yaw': [0, 360]}, 'initial yaw', 'should be 0 to less than 360 degrees'),
    ({'initial_yaw': [-90]}, 'initial yaw', 'should be 0 to less than 360 degrees, not [-90]'),
    ({'inital yaw': [10]}, 'inital yaw', "is not read; 'initial yaw' is missing"),
    ({'initial-yaw': [10]}, 'initial-yaw', "is not read; 'initial yaw' is missing"),
    ({'Level': 1}, 'Level', "is not read; 'level' is missing")])
def test_what_loads_and_is_a_mistake_all_the_same(tmp_path, fields, field, said):
    write_scene(tmp_path, 'room', [item(**fields)])
    assert load_episodes(tmp_path)
    found = [(name, sentence) for _, name, sentence in wrong(tmp_path) if name == field]
    assert said in found[0][1] and 'room/annotation.json: item 0' in found[0][1]


def test_a_key_that_stands_twice_is_told(tmp_path):
    write_scene(tmp_path, 'room', '[{"task": "a", "yaw": [1, 2], "yaw": [3, 4]}]')
    assert [entry[1] for entry in wrong(tmp_path)] == ['yaw']


def test_two_starts_that_are_one_direction_are_told(tmp_path):
    write_scene(tmp_path, 'room', [item(initial_yaw=[10, 370])])
    assert any('should name each direction once' in entry[2] for entry in wrong(tmp_path))


def test_other_keys_are_left_alone(tmp_path):
    write_scene(tmp_path, 'room', [item(image='x.png', annotator='me', id=3)])
    assert wrong(tmp_path) == []


def test_a_scene_in_two_roots_is_one_problem_and_not_forty(tmp_path):
    for root in ('first', 'second'):
        write_scene(tmp_path / root, 'room', [item()] * 10)
    (found,) = wrong(tmp_path)
    assert 'hos/room/0/0 (and 39 more)' in found[2] and 'first/room' in found[2]


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
def test_only_decoding_finds_damage_inside_a_picture(tmp_path, suffix):
    folder = write_scene(tmp_path, 'room', [item()], f'pano{suffix}')
    content = bytearray(encoded(suffix, 640, 320))
    middle = slice(len(content) // 2, len(content) // 2 + 400)
    content[middle] = b'\xff\xd9' * 200 if suffix == '.jpg' else bytes(400)
    (folder / f'pano{suffix}').write_bytes(bytes(content))
    assert wrong(tmp_path) == []
    (found,) = wrong(tmp_path, decode_all=True)
    assert found[0] == f'room/pano{suffix}'


def test_a_header_that_promises_too_much_is_told_without_decoding(tmp_path):
    folder = write_scene(tmp_path, 'room', [item()])
    content = bytearray(encoded('.png'))
    content[16:24] = (60000).to_bytes(4, 'big') * 2
    (folder / 'pano.png').write_bytes(bytes(content))
    assert '60000 x 60000' in wrong(tmp_path)[0][2]


def test_a_scene_inside_a_scene_is_not_lost_without_a_word(tmp_path):
    write_scene(write_scene(tmp_path, 'outer', [item()]) / 'more', 'inner', [item()])
    (found,) = wrong(tmp_path)
    assert found[0] == 'outer/more/inner/annotation.json' and 'inside the scene outer' in found[2]


def test_notes_do_not_count(tmp_path):
    folder = write_scene(
        tmp_path, 'room', [item(yaw=[0, 360]), item(), item(), item(pitch=None)], 'a.png', 'b.png')
    cv2.imwrite(str(folder / 'a.png'), np.zeros((64, 128, 3), np.uint8))
    findings = check_episodes(tmp_path, decode_all=True)
    assert findings.wrong == ()
    said = ' '.join(problem.sentence for problem in findings.problems)
    for word in ('full circle', 'repeats item 1', 'left out of a path', 'missing in 4 of 4',
                 'a.png is taken', 'one colour', '1, the smallest 128 x 64'):
        assert word in said


def test_a_zip_is_checked_member_by_member(tmp_path):
    root = tmp_path / 'x'
    write_scene(root, 'fine', [item()])
    write_scene(root, 'bad', [item(task=1)])
    path = zip_folder(root, tmp_path / 'bench.zip', 'hos/')
    with zipfile.ZipFile(path, 'a', zipfile.ZIP_DEFLATED) as archive:
        archive.writestr('../out.json', '[]')
        archive.writestr('hos/bomb/annotation.json', b' ' * (16 << 20))
        archive.writestr('hos/loose/pano.png', encoded('.png'))
    found = wrong(path, decode_all=True)
    assert len(found) == 4
    for word in ('points outside', 'unpacks from', "'task'", 'hos/loose holds pictures'):
        assert sum(word in entry[2] for entry in found) == 1
    assert check_episodes(path).episodes == 4


def test_a_damaged_member_is_told(tmp_path):
    write_scene(tmp_path / 'x', 'room', [item()])
    path = tmp_path / 'bench.zip'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.write(tmp_path / 'x/room/annotation.json', 'room/annotation.json')
        archive.write(tmp_path / 'x/room/pano.png', 'room/pano.png')
    content = bytearray(path.read_bytes())
    content[content.index(b'\x89PNG') + 600] ^= 255
    path.write_bytes(bytes(content))
    assert 'room/pano.png cannot be read: Bad CRC-32' in wrong(path, decode_all=True)[0][2]


@pytest.mark.skipif(os.geteuid() == 0, reason='nothing is closed to root')
def test_what_may_not_be_read_is_told_once_and_the_rest_checked(tmp_path):
    folders = [write_scene(tmp_path, name, [item()]) for name in 'abcd']
    closed = [folders[0], folders[1] / 'annotation.json', folders[2] / 'pano.png']
    for path in closed:
        path.chmod(0)
    found = wrong(tmp_path, decode_all=True)
    for path in closed:
        path.chmod(0o755)
    assert [entry[0] for entry in found] == ['a', 'b/annotation.json', 'c/pano.png']
    assert all('Permission denied' in entry[2] for entry in found)


@pytest.mark.parametrize(('make', 'said'), [
    (lambda root: None, 'no such folder or zip'),
    (lambda root: root.mkdir(), 'holds no episodes'),
    (lambda root: root.write_text('x'), 'neither a folder nor a zip')])
def test_what_is_no_dataset_is_refused(tmp_path, make, said):
    make(tmp_path / 'x')
    with pytest.raises(EpisodeError, match=said):
        check_episodes(tmp_path / 'x')


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers(-10**6, 10**6) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=6), inner,
                                                                max_size=3), max_leaves=8)
FIELDS = ('task', 'yaw', 'pitch', 'initial yaw', 'level', 'overlap_rate', 'other')


@given(items=st.lists(st.dictionaries(st.sampled_from(FIELDS), JSON) | JSON, max_size=4))
@settings(max_examples=60, deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_check_and_loader_agree_on_any_annotation(tmp_path, items):
    folder = write_scene(tmp_path, 'room', json.dumps(items))
    findings = check_episodes(tmp_path)
    refused = [problem for problem in findings.problems if problem.weight == 'refused']
    try:
        episodes = len(load_episodes(tmp_path))
    except EpisodeError as error:
        said = refused[0].sentence if refused else 'holds no episodes'
        assert said in str(error)
    else:
        assert not refused and findings.episodes == episodes
    assert all(problem.file.startswith(str(folder)) for problem in findings.problems
               if problem.weight != 'note')


def annotation_folder(root):
    (write_scene(root, 's', [item()]) / 'annotation.json').unlink()
    (root / 's' / 'annotation.json').mkdir()


def annotation_link(root):
    (write_scene(root, 's', [item()]) / 'annotation.json').unlink()
    (root / 's' / 'annotation.json').symlink_to('gone')


def name_not_utf8(root):
    scene = write_scene(root, 's', [item()])
    os.rename(scene, os.fsencode(root) + b'/s\xff')


def name_of_two_lines(root):
    write_scene(root, 's\nt', [item()])


def half_a_pair(root):
    write_scene(root, 's', '[{"task": "the \\ud800 door", "yaw": [1, 2]}]')


@pytest.mark.parametrize(('breaks', 'file', 'said'), [
    (annotation_folder, 's/annotation.json', 'is no file'),
    (annotation_link, 's/annotation.json', 'is a link to nothing'),
    (name_not_utf8, 's\\xff', 'has a name that is not UTF-8'),
    (name_of_two_lines, 's\\nt', 'has a control character in its name'),
    (half_a_pair, 's/annotation.json', "'task' must be text, without half a surrogate pair")])
def test_what_no_id_or_record_could_hold_is_told_by_file(tmp_path, breaks, file, said):
    breaks(tmp_path)
    found = wrong(tmp_path)
    assert found[0][0] == file and said in found[0][2]
    found[0][2].encode()  # it can be printed anywhere
    with pytest.raises(EpisodeError, match=said):
        load_episodes(tmp_path)


def test_a_link_to_itself_does_not_hide_its_neighbours(tmp_path):
    write_scene(tmp_path, 'room', [item(level=0)])
    (tmp_path / 'self').symlink_to('self')
    assert [entry[0] for entry in wrong(tmp_path)] == ['self']
    assert check_episodes(tmp_path).episodes == 4


@pytest.mark.parametrize(('member', 'said'), [
    ('hos/s/../../../annotation.json', 'points outside the archive'),
    ('hos\\s\\annotation.json', 'has backslashes in its name')])
def test_an_archive_without_episodes_says_which_member_is_why(tmp_path, member, said):
    path = tmp_path / 'bench.zip'
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr(member, json.dumps([item()]))
    findings = check_episodes(path)
    assert said in findings.wrong[0].sentence and findings.episodes == 0
    with pytest.raises(EpisodeError, match=said):
        load_episodes(path)


def test_an_archive_within_is_named_where_there_are_no_episodes(tmp_path):
    (tmp_path / 'hos_bench.zip').write_bytes(b'PK')
    with pytest.raises(EpisodeError, match=r'it holds hos_bench\.zip'):
        check_episodes(tmp_path)
