# SPDX-License-Identifier: Apache-2.0
"""`hvs compare` on real runs, as a user types it."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path
import subprocess
import sys

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SMALL = ('--view', '160x90', '--limit', '12')


def hvs(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, '-m', 'hvs_ros.cli.main', *map(str, words)],
        env={**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(REPOSITORY)},
        capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope='module')
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp('runs')
    for name, words in {
            'random': ('--planner', 'random'), 'oracle': ('--planner', 'oracle'),
            'strict': ('--planner', 'random', '--profile', 'strict'),
            'short': ('--planner', 'oracle', '--max-turns', '1')}.items():
        done = hvs('eval', REPOSITORY / 'sim/episodes', '--out', root / name, *SMALL, *words)
        assert done.returncode == 0, done.stderr
    return root


def test_two_runs_are_compared_and_written_down(runs: Path, tmp_path: Path) -> None:
    done = hvs('compare', runs / 'random', runs / 'oracle', '--json', tmp_path / 'all.json')
    assert (done.returncode, done.stderr) == (0, '')
    assert 'Pairs: 12 used; dropped: none.' in done.stdout
    assert 'treats episodes as independent' in done.stdout
    result = json.loads((tmp_path / 'all.json').read_text())
    overall = result['overall']
    assert overall['b']['successes'] == 12
    assert overall['difference']['value'] == 1 - overall['a']['value']
    assert len(result['flipped']) == 12 - overall['a']['successes']


def test_the_other_way_round_is_the_same_with_the_sign_turned(
        runs: Path, tmp_path: Path) -> None:
    found = []
    for a, b in (('random', 'oracle'), ('oracle', 'random')):
        hvs('compare', runs / a, runs / b, '--json', tmp_path / f'{a}.json')
        found.append(json.loads((tmp_path / f'{a}.json').read_text())['overall'])
    assert found[0]['difference']['value'] == -found[1]['difference']['value']
    assert found[0]['p_value'] == found[1]['p_value']


def test_other_formats(runs: Path) -> None:
    markdown = hvs('compare', runs / 'random', runs / 'oracle', '--format', 'markdown').stdout
    assert '| overall | 12 |' in markdown
    table = hvs('compare', runs / 'random', runs / 'oracle', '--format', 'csv').stdout
    rows = list(csv.DictReader(io.StringIO(table)))
    assert rows[0]['group'] == 'overall' and rows[0]['b_successes'] == '12'


def test_profiles_are_compared_only_when_asked_to(runs: Path) -> None:
    done = hvs('compare', runs / 'random', runs / 'strict')
    assert done.returncode == 2
    assert 'profile is published-2026 in' in done.stderr and '--across profile' in done.stderr
    done = hvs('compare', runs / 'random', runs / 'strict', '--across', 'profile')
    assert done.returncode == 0
    assert 'across profiles: A is judged by published-2026 and B by strict' in done.stdout


@pytest.mark.parametrize('other, words', [
    ('short', 'max_turns is 10 in'), ('nothing', 'not a run folder')])
def test_what_cannot_be_compared_is_one_sentence(runs: Path, other: str, words: str) -> None:
    done = hvs('compare', runs / 'oracle', runs / other)
    assert done.returncode == 2
    assert done.stderr.startswith('hvs: error: ') and done.stderr.count('\n') == 1
    assert words in done.stderr


def test_a_comparison_that_cannot_be_written_is_one_sentence(runs: Path) -> None:
    done = hvs('compare', runs / 'oracle', runs / 'random', '--json', runs / 'none' / 'x.json')
    assert done.returncode == 2
    assert done.stderr.count('\n') == 1 and 'x.json' in done.stderr
