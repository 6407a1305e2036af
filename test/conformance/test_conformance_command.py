# SPDX-License-Identifier: Apache-2.0
"""`hvs conformance` agrees, disagrees with exit code 1, and names bad input in one sentence."""

from __future__ import annotations

import json

import conformance_suite as suite
import pytest

from hvs_ros.cli.main import main

TARGET = {'split': 'hos', 'scene': 'tower', 'item': 0, 'start_yaw': 0}
HIT = {'text': '<think>a</think><answer>submit(105,0)</answer>', 'yaw': 0, 'success': True}


def run(tmp_path, text, *, episodes=suite.EPISODES, profile='published-2026'):
    path = tmp_path / 'turns.jsonl'
    path.write_text(text, encoding='utf-8')
    return main(['conformance', str(path), '--episodes', str(episodes), '--profile', profile])


def line(**changes):
    return json.dumps({**TARGET, 'turns': [HIT], 'success': True, **changes}) + '\n'


def test_agreement_is_counted_and_exits_with_0(tmp_path, capsys):
    assert run(tmp_path, line() + '\n' + line()) == 0
    assert capsys.readouterr().out == '2 of 2 episodes agree\n'


def test_a_split_root_will_do(tmp_path, capsys):
    assert run(tmp_path, line(), episodes=suite.EPISODES / 'hos') == 0
    assert '1 of 1' in capsys.readouterr().out


@pytest.mark.parametrize('changes, said', [
    ({'turns': [{**HIT, 'yaw': 7}]}, 'line 2, turn 1: yaw expected 7, got 0'),
    ({'turns': [{**HIT, 'success': False}]}, 'line 2, turn 1: success expected false, got true'),
    ({'success': False}, 'line 2: success expected false, got true'),
    ({'turns': [HIT, HIT]}, 'line 2: number of turns expected 2, got 1'),
    ({'target_yaw': [75, 136]}, 'line 2: target_yaw expected [75, 136], got [75.0, 135.0]'),
])
def test_the_first_disagreement_is_printed_and_exits_with_1(tmp_path, capsys, changes, said):
    assert run(tmp_path, line() + line(**changes)) == 1
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 2
    assert printed[0].endswith(said)
    assert printed[1] == '1 of 2 episodes agree'


@pytest.mark.parametrize('text, said', [
    (line() + '{"split": \n', 'line 2 is not JSON'),
    ('[1]\n', 'line 1 is not a JSON object'),
    ('\n', 'holds no episodes'),
    (line(scene='castle'), "line 1: scene 'castle' is not among the episodes"),
    (line(item=9), "line 1: scene 'tower' has no item 9 in split 'hos'"),
    (line(split='hps'), "line 1: scene 'tower' has no item 0 in split 'hps'"),
    (line(item='0'), 'line 1: item is "0", of the wrong type'),
    (line(start_yaw=float('nan')), 'line 1: start_yaw is nan'),
    (line(prompt_format='poem'), "line 1: prompt_format is 'poem'"),
    (line(turns=[]), 'line 1: turns is empty'),
    (line(turns=[{'text': 5}]), 'line 1, turn 1: text is 5, of the wrong type'),
    (line(turns=[{}]), 'line 1, turn 1: the field text is missing'),
    (line(turns=[3]), 'line 1: turn 1 is not a JSON object'),
    (line(target_yaw=5), 'line 1: target_yaw is 5, of the wrong type'),
    (json.dumps({'split': 'hos'}), 'line 1: the field item is missing'),
    ('[' * 100_000, 'line 1 is not JSON'),
])
def test_bad_lines_are_named_in_one_sentence(tmp_path, capsys, text, said):
    assert run(tmp_path, text) == 2
    error = capsys.readouterr().err
    assert error.startswith('hvs: error: ')
    assert error.count('\n') == 1
    assert said in error


def test_an_unknown_profile_is_named(tmp_path, capsys):
    assert run(tmp_path, line(), profile='lax') == 2
    assert "unknown profile 'lax'" in capsys.readouterr().err


@pytest.mark.parametrize('content', [None, b'\xff\xfe'])
def test_an_unreadable_file_is_named(tmp_path, capsys, content):
    path = tmp_path / 'absent.jsonl'
    if content is not None:
        path.write_bytes(content)
    assert main(['conformance', str(path), '--episodes', str(suite.EPISODES)]) == 2
    assert 'absent.jsonl' in capsys.readouterr().err


def test_a_missing_folder_of_episodes_is_named(tmp_path, capsys):
    assert run(tmp_path, line(), episodes=tmp_path / 'nowhere') == 2
    assert 'nowhere' in capsys.readouterr().err
