# SPDX-License-Identifier: Apache-2.0
"""Run folders: resumed, never overwritten, torn at the end at worst."""

from __future__ import annotations

from dataclasses import replace
import json
from pathlib import Path
import resource

import pytest

from hvs_ros.evaluation.config import EvalConfig, ViewConfig, episode_seed, read_ids
from hvs_ros.evaluation.records import ErrorStreak, RunWriter
from hvs_ros.evaluation.run_files import RunError, read_manifest, read_records


def manifest(count: int = 3, repeats: int = 1, **changes: object) -> dict[str, object]:
    config = EvalConfig('somewhere', planner='sweep', repeats=repeats)
    return {
        'schema_version': 1, 'config': replace(config, **changes).to_dict(),
        'episodes': {'count': count, 'sha256': 'e'}, 'images': {'sha256': 'i'},
        'prompts': {'pack_sha256': None}}


def line(name: str, outcome: str = 'success', repeat: int = 0, attempt: int = 1) -> dict:
    return {'id': name, 'repeat': repeat, 'outcome': outcome, 'attempt': attempt}


def test_a_resumed_run_skips_what_is_finished_and_retries_errors(tmp_path: Path) -> None:
    with RunWriter.open(tmp_path / 'run', manifest()) as writer:
        writer.append(line('a'))
        writer.append(line('b', 'error'))
    with RunWriter.open(tmp_path / 'run', manifest()) as writer:
        assert writer.finished(('a', 0)) and not writer.finished(('b', 0))
        assert [writer.attempt((name, 0)) for name in 'abc'] == [2, 2, 1]
        writer.append(line('b', 'failure', attempt=2))
    assert [(r['id'], r['outcome']) for r in read_records(tmp_path / 'run')] == [
        ('a', 'success'), ('b', 'failure')]
    assert len((tmp_path / 'run/episodes.jsonl').read_text().splitlines()) == 3


def test_a_finished_run_is_opened_and_left_alone(tmp_path: Path) -> None:
    with RunWriter.open(tmp_path / 'run', manifest(1)) as writer:
        writer.append(line('a'))
    before = {p.name: p.read_bytes() for p in (tmp_path / 'run').iterdir()}
    with RunWriter.open(tmp_path / 'run', manifest(1, workers=8)) as writer:
        assert writer.complete()
        with pytest.raises(RunError, match='already recorded'):
            writer.append(line('a'))
    assert {p.name: p.read_bytes() for p in (tmp_path / 'run').iterdir()} == before
    assert read_manifest(tmp_path / 'run')['times']['finished']


@pytest.mark.parametrize('key', [('z', 0), ('a', 1), ('a', -1)])
def test_a_line_about_no_episode_of_the_run_is_named(
        tmp_path: Path, key: tuple[str, int]) -> None:
    with RunWriter.open(tmp_path / 'run', manifest()) as writer:
        writer.append(line(key[0], repeat=key[1]))
        with pytest.raises(RunError, match=rf'{key[0]} \(repeat {key[1]}\) is no episode'):
            writer.refuse_strangers('abc')


@pytest.mark.parametrize('damage', [
    {'repeat': '0'}, {'repeat': True}, {'id': None}, {'attempt': 'x'}, {'outcome': 'won'},
    {'turns': 7}, {'turns': [{'tokens': 3}]}])
def test_a_line_of_the_wrong_shape_is_named(tmp_path: Path, damage: dict[str, object]) -> None:
    with RunWriter.open(tmp_path / 'run', manifest()) as writer:
        writer.append(line('a'))
    with open(tmp_path / 'run/episodes.jsonl', 'a') as stream:
        for record in ({**line('b'), **damage}, line('c')):
            stream.write(json.dumps(record) + '\n')
    with pytest.raises(RunError, match='line 2 is not a record'):
        read_records(tmp_path / 'run')


def test_usage_counts_every_line_also_those_replaced(tmp_path: Path) -> None:
    turns = [{'tokens': {'prompt': 100, 'completion': 7}}] * 2
    with RunWriter.open(tmp_path / 'run', manifest()) as writer:
        writer.append({**line('a', 'error'), 'turns': turns})
        writer.append({**line('b'), 'turns': turns})
    with RunWriter.open(tmp_path / 'run', manifest()) as writer:
        writer.append({**line('a', attempt=2), 'turns': turns[:1]})
        assert writer.usage == (500, 35)


@pytest.mark.parametrize('tail', [
    b'{"id": "b", "rep', b'{"id":"b","repeat":0,"outcome":"success"}', b'\x00\x00\x00',
    b'garbage\n'])
def test_a_torn_last_line_is_cut_off_and_its_episode_runs_again(
        tmp_path: Path, tail: bytes) -> None:
    with RunWriter.open(tmp_path / 'run', manifest()) as writer:
        writer.append(line('a'))
    with open(tmp_path / 'run/episodes.jsonl', 'ab') as stream:
        stream.write(tail)
    assert [r['id'] for r in read_records(tmp_path / 'run')] == ['a']
    with RunWriter.open(tmp_path / 'run', manifest()) as writer:
        assert not writer.finished(('b', 0))
        writer.append(line('b', 'failure'))
    assert [r['id'] for r in read_records(tmp_path / 'run')] == ['a', 'b']


def test_damage_in_the_middle_is_named_not_dropped(tmp_path: Path) -> None:
    with RunWriter.open(tmp_path / 'run', manifest()) as writer:
        writer.append(line('a'))
        writer.append(line('b'))
    path = tmp_path / 'run/episodes.jsonl'
    content = path.read_bytes().replace(b'"id":"a"', b'"id":"a')
    path.write_bytes(content)
    with pytest.raises(RunError, match='line 1 is not a record'):
        RunWriter.open(tmp_path / 'run', manifest())
    assert path.read_bytes() == content


def test_two_writers_are_refused(tmp_path: Path) -> None:
    with (RunWriter.open(tmp_path / 'run', manifest()) as writer,
          pytest.raises(RunError, match='another run is writing')):
        RunWriter.open(tmp_path / 'run', manifest())
    writer.close()
    RunWriter.open(tmp_path / 'run', manifest()).close()


@pytest.mark.parametrize('other, field', [
    (manifest(profile='strict'), 'config.profile'),
    (manifest(view=ViewConfig(width=640)), 'config.view.width'),
    (manifest(seed=7), 'config.seed'),
    (manifest(repeats=2), 'config.repeats'),
    ({**manifest(), 'images': {'sha256': 'x'}}, 'images.sha256'),
    ({**manifest(), 'prompts': {'pack_sha256': 'x'}}, 'prompts.pack_sha256'),
    ({**manifest(), 'episodes': {'count': 3, 'sha256': 'x'}}, 'episodes.sha256'),
])
def test_another_manifest_is_refused_by_the_field_that_differs(
        tmp_path: Path, other: dict[str, object], field: str) -> None:
    RunWriter.open(tmp_path / 'run', manifest()).close()
    before = (tmp_path / 'run/run.json').read_bytes()
    with pytest.raises(RunError, match=field.replace('.', r'\.')):
        RunWriter.open(tmp_path / 'run', other)
    assert (tmp_path / 'run/run.json').read_bytes() == before


@pytest.mark.parametrize('change', [
    {'workers': 4}, {'max_consecutive_errors': 9}, {'give_up_after': 60.0},
    {'episodes': '/moved'}])
def test_how_a_run_is_carried_out_may_change(tmp_path: Path, change: dict[str, object]) -> None:
    RunWriter.open(tmp_path / 'run', manifest()).close()
    with RunWriter.open(tmp_path / 'run', manifest(**change)):
        pass
    with RunWriter.reopen(tmp_path / 'run') as writer:
        assert all(getattr(writer.config, name) == value for name, value in change.items())


def test_a_folder_with_other_files_is_refused_untouched(tmp_path: Path) -> None:
    (tmp_path / 'thesis.txt').write_text('precious')
    with pytest.raises(RunError, match=r'thesis\.txt'):
        RunWriter.open(tmp_path, manifest())
    assert [path.name for path in tmp_path.iterdir()] == ['thesis.txt']


def test_a_file_in_the_place_of_the_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / 'run').write_text('')
    with pytest.raises(RunError, match='cannot be a run folder'):
        RunWriter.open(tmp_path / 'run', manifest())


def test_a_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    with RunWriter.open(tmp_path / 'run', manifest()) as writer:
        writer.append(line('a'))
        size = (tmp_path / 'run/episodes.jsonl').stat().st_size
        import signal
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size + 10, before[1]))
        try:
            with pytest.raises(RunError, match='cannot be written'):
                writer.append(line('b'))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            signal.signal(signal.SIGXFSZ, ignored)
        assert (tmp_path / 'run/episodes.jsonl').stat().st_size == size
        writer.append(line('b'))
    assert [r['id'] for r in read_records(tmp_path / 'run')] == ['a', 'b']


def test_the_same_key_is_never_recorded_twice(tmp_path: Path) -> None:
    with RunWriter.open(tmp_path / 'run', manifest()) as writer:
        writer.append(line('a'))
        with pytest.raises(RunError, match='already recorded'):
            writer.append(line('a'))


@pytest.mark.parametrize('text, why', [
    ('', 'broken'), ('[]', 'schema_version'), ('{"schema_version": 99}', '99'),
    ('[' * 100000, 'broken'), ('{"schema_version": 1}', '"config" is missing'),
    ('{"schema_version": 1, "config": {}, "episodes": []}', '"episodes" is missing'),
    ('{"schema_version": 1, "config": {}, "episodes": {"count": true}}', 'episodes.count'),
    ('{"schema_version": 1, "config": {}, "episodes": {"count": 1}}', '"config" is broken'),
    ('{"schema_version": 1, "config": {"episodes": "x", "repeats": 0}, "episodes": '
     '{"count": 1}}', 'repeats')])
def test_a_broken_manifest_is_one_sentence(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / 'run.json').write_text(text)
    with pytest.raises(RunError, match=why):
        read_manifest(tmp_path)


@pytest.mark.parametrize('outcomes, stops', [
    (['error'] * 3, True), (['error', 'error', 'failure', 'error', 'error'], False),
    (['error', 'file', 'error', 'error'], True), (['file'] * 9, False)])
def test_errors_in_a_row_stop_a_run(outcomes: list[str], stops: bool) -> None:
    streak = ErrorStreak(3)
    said = [
        streak.add(
            {'outcome': 'error' if name == 'file' else name, 'reason': 'refused'},
            planner_failed=name != 'file') for name in outcomes]
    assert bool(said[-1]) is stops
    assert not any(said[:-1])


def test_seeds_depend_on_the_key_alone() -> None:
    seeds = {episode_seed(s, name, r) for s in range(3) for name in 'abc' for r in range(3)}
    assert len(seeds) == 27
    assert episode_seed(0, 'a', 0) == episode_seed(0, 'a', 0)
    assert all(0 <= seed < 2 ** 31 for seed in seeds)


def test_configuration_survives_json() -> None:
    config = EvalConfig('x', only_ids=('a', 'b'), view=ViewConfig(640, 360), limit=4)
    assert EvalConfig.from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_id_files_skip_blank_lines_and_comments(tmp_path: Path) -> None:
    (tmp_path / 'ids').write_text('# chosen\nhos/a/0/0\n\n hos/a/0/90 \n')
    assert read_ids(tmp_path / 'ids') == ('hos/a/0/0', 'hos/a/0/90')
