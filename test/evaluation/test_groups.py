# SPDX-License-Identifier: Apache-2.0
"""Groups: what an unfinished one lacks, and whether the benchmark's levels are all there."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from record_fixtures import PLAIN, record, say

from hvs_ros.core.episode import load_episodes
from hvs_ros.evaluation.config import EvalConfig
from hvs_ros.evaluation.groups import BENCHMARK, benchmark_check, counted, group_counts
from hvs_ros.evaluation.metrics import compute_metrics
from hvs_ros.evaluation.reading import read_run

BENCH = Path(__file__).resolve().parents[2] / 'bench/metrics_times.py'


def rows(**counts: list[int]) -> list[dict[str, Any]]:
    """Return rows with so many of each level, per split."""
    return [
        {'id': f'{split}/{level}/{place}', 'split': split, 'level': level, 'scene': 's'}
        for split, levels in counts.items() for level, count in enumerate(levels)
        for place in range(count)]


def manifest(groups: dict[str, Any] | None, count: int = 1, repeats: int = 1) -> dict[str, Any]:
    episodes = {'count': count} if groups is None else {'count': count, 'groups': groups}
    return {
        'config': EvalConfig('x', repeats=repeats).to_dict(), 'episodes': episodes}


FULL = {'hos': [615, 176, 1609], 'hps': [500, 456, 428, 216]}


@pytest.mark.parametrize('counts, full, agrees, words', [
    (FULL, True, {'hos': True, 'hps': True}, None),
    ({'hps': FULL['hps']}, True, {'hps': True}, None),
    ({'hos': [614, 177, 1609], 'hps': FULL['hps']}, True, {'hos': False, 'hps': True},
     "object split has the full benchmark's 2400 episodes, but of its levels 614 easy, "
     '177 medium, 1609 hard, where the published table implies 615 easy, 176 medium, 1609 hard'),
    ({'hps': [500, 456, 429, 215]}, True, {'hps': False}, '429 hard, 215 extreme'),
    ({'hos': [615, 176, 1608]}, False, {'hos': None}, None),
    ({'hos': FULL['hos'], 'hps': [4]}, False, {'hos': True, 'hps': None}, None),
])
def test_the_levels_of_the_full_benchmark_are_checked(
        counts: dict[str, list[int]], full: bool, agrees: dict[str, bool | None],
        words: str | None) -> None:
    check = benchmark_check(manifest(counted(rows(**counts))), [])
    assert check['full'] is full
    assert {split: found['agrees'] for split, found in check['splits'].items()} == agrees
    assert (check['sentence'] is None) if words is None else (words in check['sentence'])


def test_a_level_that_the_benchmark_does_not_have_is_named() -> None:
    lines = rows(hos=FULL['hos'])
    lines[0]['level'] = None
    check = benchmark_check(manifest(None), lines)
    assert check['splits']['hos']['found']['unlevelled'] == 1
    assert '1 unlevelled' in check['sentence']


def test_repeats_do_not_make_a_set_larger() -> None:
    lines = [{**line, 'repeat': repeat} for line in rows(hps=FULL['hps']) for repeat in (0, 1)]
    assert benchmark_check(manifest(None), lines)['splits']['hps']['episodes'] == 1600


def test_the_benchmark_has_the_episodes_it_is_said_to_have() -> None:
    assert {split: sum(levels.values()) for split, levels in BENCHMARK.items()} == {
        'hos': 600 * 4, 'hps': 400 * 4}


def test_the_groups_of_a_dataset(dataset: Path) -> None:
    groups = group_counts(load_episodes(dataset))
    assert groups['by_split'] == {'hos': 19, 'hps': 6}
    assert list(groups['by_level']) == [
        'hos/easy', 'hos/medium', 'hos/hard', 'hos/unlevelled', 'hps/easy', 'hps/medium',
        'hps/hard', 'hps/extreme', 'hps/unlevelled']
    assert groups['by_scene'] == {'hos/flat': 11, 'hos/wide': 8, 'hps/hall': 6}


def test_an_unfinished_group_says_how_many_it_lacks() -> None:
    records = [
        record(PLAIN, say('submit(110,0)'), level=0, number=0),
        record(PLAIN, say('submit(200,0)'), level=1, number=1)]
    groups = {
        'by_split': {'hos': 4, 'hps': 1}, 'by_scene': {'hos/a': 4, 'hps/b': 1},
        'by_level': {'hos/easy': 1, 'hos/medium': 3, 'hps/easy': 1}}
    metrics = compute_metrics(manifest(groups, count=5, repeats=2), records)
    found = metrics['profiles']['published-2026']
    shares = {
        name: (cell['scored'], cell['total']) for grouping in ('by_split', 'by_level', 'by_scene')
        for name, cell in found[grouping].items()}
    assert shares == {
        'hos': (2, 8), 'hps': (0, 2), 'hos/easy': (1, 2), 'hos/medium': (1, 6),
        'hps/easy': (0, 2), 'hos/a': (2, 8), 'hps/b': (0, 2)}
    assert found['by_split']['hos']['bounds'] == {'low': 1 / 8, 'high': 7 / 8}
    assert found['by_split']['hps']['success']['value'] is None
    assert found['by_split']['hps']['bounds'] == {'low': 0, 'high': 1}


def test_the_run_that_speed_is_measured_with_is_of_the_benchmarks_size(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location('metrics_times', BENCH)
    assert spec is not None and spec.loader is not None
    bench = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(bench)
    bench.write_run(tmp_path / 'run', 1)
    metrics = compute_metrics(*read_run(tmp_path / 'run'))
    assert (metrics['status'], metrics['total']) == ('complete', 4000)
    assert metrics['benchmark']['full'] and metrics['benchmark']['sentence'] is None
    overall = metrics['profiles']['published-2026']['overall']['success']
    assert overall['clusters'] == 240
