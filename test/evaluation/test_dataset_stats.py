# SPDX-License-Identifier: Apache-2.0
"""The description of a dataset counts what is there and knows the benchmark's own counts."""

from __future__ import annotations

import json
from pathlib import Path

from evaluation_fixtures import OBJECT_ITEMS, write_scene
import pytest

from hvs_ros.cli.main import main
from hvs_ros.core.episode import load_episodes
from hvs_ros.core.scoring import chance_rate
from hvs_ros.evaluation.dataset_stats import describe


def test_everything_is_counted(dataset):
    episodes = load_episodes(dataset)
    found = describe(episodes)
    assert (found['episodes'], found['items'], found['scenes']) == (25, 8, 3)
    assert found['panoramas']['sizes'] == {'256x128': 2, '256x144': 1}
    assert found['panoramas']['formats'] == {'JPEG': 2, 'PNG': 1}
    hos, hps = found['splits']['hos'], found['splits']['hps']
    assert hos['levels'] == {'easy': 2, 'medium': 10, 'hard': 4, 'unlevelled': 3}
    assert hps['levels'] == {
        'easy': 1, 'medium': 1, 'hard': 1, 'extreme': 1, 'unlevelled': 2}
    assert hos['scenes'] == {'flat': 11, 'wide': 8}
    assert hos['start_yaws']['0'] == 5 and hos['start_yaws']['37.5'] == 1
    assert hos['starts_per_item'] == {
        'min': 1, 'p25': 2.5, 'median': 4, 'p75': 4, 'max': 4, 'mean': pytest.approx(19 / 6)}
    assert hos['yaw_window']['max'] == 360 and hos['yaw_window']['min'] == 1.75
    assert hos['wrapped_windows'] == 2 and hps['pitch_window'] is None
    assert hos['instruction_words']['median'] == 3
    mine = [e for e in episodes if e.split == 'hos']
    assert hos['chance']['strict'] == pytest.approx(
        sum(chance_rate(e.target, 'strict') for e in mine) / len(mine))
    assert any('19 episodes where the benchmark has 2400' in word
               for word in found['benchmark']['hos'])


def test_a_split_with_the_benchmarks_counts_is_said_to_have_them(tmp_path):
    levels = [0] * 500 + [1] * 456 + [2] * 428 + [3] * 216
    items = [
        {'task': f'Go there {place}', 'yaw': [1, 9], 'level': levels[4 * place:4 * place + 4]}
        for place in range(400)]
    for scene in range(4):
        write_scene(tmp_path, f's{scene}', items[100 * scene:100 * scene + 100], seed=scene)
    assert describe(load_episodes(tmp_path))['benchmark'] == {'hps': []}
    items[0]['level'] = [1, 0, 0, 0]
    write_scene(tmp_path / 'other', 'x', items)
    assert describe(load_episodes(tmp_path / 'other'))['benchmark'] == {'hps': [
        '499 easy episodes where the benchmark has 500',
        '457 medium episodes where the benchmark has 456']}


def test_the_command_prints_text_and_json(dataset: Path, capsys):
    assert main(['episodes', 'stats', str(dataset)]) == 0
    told = capsys.readouterr().out
    assert '25 episodes of 8 items in 3 scenes' in told and 'chance: published-2025' in told
    assert main(['episodes', 'stats', str(dataset), '--json']) == 0
    assert json.loads(capsys.readouterr().out)['episodes'] == 25


def test_the_check_command_counts_and_exits_with_1(dataset: Path, tmp_path, capsys):
    assert main(['episodes', 'check', str(dataset)]) == 0
    assert 'no problems' in capsys.readouterr().out
    write_scene(tmp_path, 'room', [{**OBJECT_ITEMS[0], 'yaw': [1], 'task': 2}])
    assert main(['episodes', 'check', str(tmp_path), '--decode']) == 1
    assert '2 problems in 1 file' in capsys.readouterr().out
    assert main(['episodes', 'check', str(tmp_path), '--json']) == 1
    found = json.loads(capsys.readouterr().out)
    assert found['count'] == 2 and {p['field'] for p in found['problems']} >= {'yaw', 'task'}
    assert main(['episodes', 'check', str(tmp_path / 'nowhere')]) == 2
