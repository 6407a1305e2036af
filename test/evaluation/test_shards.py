# SPDX-License-Identifier: Apache-2.0
"""Shards: parts of a run for several machines, and the whole that they make again."""

from __future__ import annotations

import json
from pathlib import Path
import shutil

from evaluation_fixtures import OBJECT_ITEMS, SMALL_VIEW, comparable, write_scene
from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from hvs_ros.cli.main import main
from hvs_ros.core.errors import InputError
from hvs_ros.evaluation.config import (
    EvalConfig,
    load_selected,
    load_whole,
    panorama_name,
    shard_of,
)
from hvs_ros.evaluation.merge import merge_runs
from hvs_ros.evaluation.records import RunWriter
from hvs_ros.evaluation.run_files import RunError, read_manifest, read_records


class File:
    member, source = None, ''


class Episode:
    """What sharding knows of an episode."""

    def __init__(self, scene: int, number: int) -> None:
        self.scene, self.number, self.panorama = f's{scene}', number, File()


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(1, 16), min_size=1, max_size=30), st.integers(1, 6))
def test_shards_are_disjoint_complete_in_order_and_keep_panoramas_whole(
        sizes: list[int], count: int) -> None:
    episodes = [Episode(scene, n) for scene, size in enumerate(sizes) for n in range(size)]
    shards = [shard_of(episodes, f'{i}/{count}') for i in range(1, count + 1)]  # type: ignore
    assert sorted(map(id, (e for shard in shards for e in shard))) == sorted(map(id, episodes))
    homes = [{e.scene for e in shard} for shard in shards]
    assert sum(map(len, homes)) == len(sizes)
    places = {id(e): place for place, e in enumerate(episodes)}
    assert all([places[id(e)] for e in shard] == sorted(places[id(e)] for e in shard)
               for shard in shards)
    # dealt largest first: no shard has more than the others by more than one panorama
    loads = sorted(map(len, shards))
    assert loads[-1] - loads[0] <= max(sizes)


def test_a_shard_does_not_depend_on_where_the_dataset_lies(
        tmp_path: Path, dataset: Path) -> None:
    shutil.copytree(dataset, tmp_path / 'moved')
    ids = [[e.id for e in load_selected(EvalConfig(str(root), shard='2/2'))]
           for root in (dataset, tmp_path / 'moved')]
    assert ids[0] == ids[1] != []


@pytest.mark.parametrize('shard', ['0/2', '3/2', '1', '1/0', 'a/b', '1/2/3', '-1/2', ''])
def test_a_shard_that_cannot_be_is_named(shard: str) -> None:
    with pytest.raises(InputError, match='shard must be i/n'):
        EvalConfig('somewhere', shard=shard)


def test_more_shards_than_panoramas_leave_some_empty_and_say_so(dataset: Path) -> None:
    with pytest.raises(InputError, match='shard 4/4 is empty: the episodes lie in 3 panoramas'):
        load_selected(EvalConfig(str(dataset), shard='4/4'))


@pytest.fixture(scope='module')
def two_shards(tmp_path_factory: pytest.TempPathFactory, dataset: Path) -> Path:
    """A folder with the runs one, two (shards) and whole of the same dataset."""
    folder = tmp_path_factory.mktemp('shards')
    words = ['eval', str(dataset), '--planner', 'random', '--repeats', '2', *SMALL_VIEW]
    for name, shard in (('one', '1/2'), ('two', '2/2'), ('whole', None)):
        extra = [] if shard is None else ['--shard', shard]
        assert main([*words, '--out', str(folder / name), *extra]) == 0
    return folder


@pytest.fixture
def shards(two_shards: Path, tmp_path: Path) -> Path:
    """The same, to be spoiled."""
    shutil.copytree(two_shards, tmp_path / 'runs')
    return tmp_path / 'runs'


def test_merged_shards_are_the_run_of_one_machine(
        shards: Path, dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert {r['id'] for r in read_records(shards / 'one')}.isdisjoint(
        {r['id'] for r in read_records(shards / 'two')})
    merged = shards / 'merged'
    assert main(['merge', str(merged), str(shards / 'two'), str(shards / 'one')]) == 0
    assert '50 searches of 2 runs' in capsys.readouterr().out
    records, whole = read_records(merged), read_records(shards / 'whole')
    assert list(map(comparable, records)) == list(map(comparable, whole))
    metrics = [json.loads((run / 'metrics.json').read_text()) for run in (
        merged, shards / 'whole')]
    for found in metrics:
        del found['latency_s']
    assert metrics[0] == metrics[1]
    manifest, other = read_manifest(merged), read_manifest(shards / 'whole')
    for section in ('config', 'episodes', 'images', 'prompts', 'shard'):
        assert manifest[section] == other[section]
    for grouping, counts in other['episodes']['groups'].items():
        assert list(manifest['episodes']['groups'][grouping].items()) == list(counts.items())
    assert [part['shard'] for part in manifest['merged_from']] == ['1/2', '2/2']
    # the folder is like any other: the whole command finds nothing left to do
    words = ['eval', str(dataset), '--planner', 'random', '--repeats', '2', *SMALL_VIEW]
    assert main([*words, '--out', str(merged)]) == 0
    assert 'nothing is left to do' in capsys.readouterr().out


def refused(shards: Path, *runs: str, out: str = 'merged') -> str:
    before = sorted(path.name for path in shards.iterdir())
    with pytest.raises(RunError) as caught:
        merge_runs(shards / out, [shards / run for run in runs])
    assert sorted(path.name for path in shards.iterdir()) == before
    return str(caught.value)


def test_a_missing_shard_is_named(shards: Path) -> None:
    assert refused(shards, 'one') == 'shard 2 of 2 is missing'


def test_a_run_that_is_no_shard_is_named(shards: Path) -> None:
    assert 'whole: was not run with --shard' in refused(shards, 'one', 'whole')


@pytest.mark.parametrize('extra, field', [
    (['--profile', 'strict'], 'config.profile'), (['--seed', '4'], 'config.seed'),
    (['--limit', '20'], 'config.limit'), (['--view', '80x45'], 'config.view')])
def test_shards_of_different_runs_are_refused_by_the_field(
        shards: Path, dataset: Path, extra: list[str], field: str) -> None:
    words = ['eval', str(dataset), '--planner', 'random', '--repeats', '2', *SMALL_VIEW]
    assert main([*words, *extra, '--shard', '2/2', '--out', str(shards / 'other')]) == 0
    assert field in refused(shards, 'one', 'other')


def test_shards_of_other_images_are_refused(shards: Path, tmp_path: Path) -> None:
    words = ['--planner', 'random', *SMALL_VIEW]
    for density, shard in ((1, '1/2'), (2, '2/2')):
        root = tmp_path / f'data{density}'
        for scene in 'ab':
            panorama = write_scene(root, scene, OBJECT_ITEMS[:1]) / 'pano_0.jpg'
            content = bytearray(panorama.read_bytes())
            content[15] = density  # of the JFIF header: same size, same pixels, other bytes
            panorama.write_bytes(content)
        assert main(['eval', str(root), *words, '--shard', shard,
                     '--out', str(shards / shard[0])]) == 0
    assert 'images.sha256' in refused(shards, '1', '2')


def test_an_unfinished_shard_is_named_unless_that_is_allowed(
        shards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = shards / 'two/episodes.jsonl'
    lines = path.read_text().splitlines(keepends=True)
    broken = {**json.loads(lines[1]), 'outcome': 'error', 'reason': 'no answer'}
    broken['success'] = dict.fromkeys(broken['success'])
    path.write_text(''.join([*lines[2:], json.dumps(broken) + '\n', '{"torn']))
    assert 'two: 2 of' in refused(shards, 'one', 'two')
    assert main(['merge', str(shards / 'merged'), str(shards / 'one'), str(shards / 'two'),
                 '--allow-incomplete']) == 1
    assert 'incomplete: 48/50' in capsys.readouterr().out
    assert len(read_records(shards / 'merged')) == 49


def test_the_same_shard_twice_is_taken_once_and_another_run_of_it_refused(shards: Path) -> None:
    shutil.copytree(shards / 'one', shards / 'copy')
    assert merge_runs(shards / 'merged', [shards / n for n in ('one', 'copy', 'two')]) == 50
    path = shards / 'copy/episodes.jsonl'
    lines = path.read_text().splitlines(keepends=True)
    changed = {**json.loads(lines[0]), 'answer': [1, 2]}
    path.write_text(''.join([json.dumps(changed) + '\n', *lines[1:]]))
    sentence = refused(shards, 'one', 'copy', 'two', out='again')
    assert f'differ in {changed["id"]} (repeat {changed["repeat"]})' in sentence


def test_a_search_that_two_shards_hold_is_named(shards: Path) -> None:
    stray = read_records(shards / 'one')[0]
    path = shards / 'two/episodes.jsonl'
    lines = path.read_text().splitlines(keepends=True)
    path.write_text(''.join([json.dumps(stray) + '\n', *lines[1:]]))
    assert f'{stray["id"]} (repeat 0) is in another shard, too' in refused(shards, 'one', 'two')


@pytest.mark.parametrize('there', ['file', 'folder'])
def test_nothing_is_written_over(shards: Path, there: str) -> None:
    if there == 'file':
        (shards / 'merged').write_text('precious')
    else:
        (shards / 'merged').mkdir()
        (shards / 'merged/thesis.txt').write_text('precious')
    assert 'already exists' in refused(shards, 'one', 'two')


def test_a_shard_is_taken_up_as_that_shard_alone(
        tmp_path: Path, dataset: Path) -> None:
    out = tmp_path / 'run'
    words = ['eval', str(dataset), '--planner', 'sweep', *SMALL_VIEW, '--out', str(out)]
    assert main([*words, '--shard', '1/2']) == 0
    for other in ('2/2', '1/3'):
        assert main([*words, '--shard', other]) == 2
    assert main(words) == 2
    whole = load_whole(EvalConfig(str(dataset)))
    mine = {panorama_name(e) for e in shard_of(whole, '1/2')}
    assert {r['panorama'] for r in read_records(out)} == mine


def test_a_shard_is_locked_like_any_run(shards: Path) -> None:
    manifest = read_manifest(shards / 'one')
    with (RunWriter.open(shards / 'one', manifest),
          pytest.raises(RunError, match='another run is writing')):
        RunWriter.open(shards / 'one', manifest)
