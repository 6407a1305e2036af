# SPDX-License-Identifier: Apache-2.0
"""Run folders that were damaged or edited: one sentence that names file, line, field and value."""

from __future__ import annotations

from collections.abc import Callable
import copy
import json
from pathlib import Path
from typing import Any

import pytest
from record_fixtures import PLAIN, record, say

from hvs_ros.evaluation.config import EvalConfig
from hvs_ros.evaluation.metrics import compute_metrics
from hvs_ros.evaluation.reading import read_run
from hvs_ros.evaluation.run_files import RunError

Change = Callable[[dict[str, Any], list[dict[str, Any]]], Any]


def write_run(folder: Path, change: Change | None = None) -> Path:
    records = [
        record(PLAIN, say('rotate(10,0)'), say('submit(110,0)'), number=0),
        record(PLAIN, *['?'] * 10, number=1),
        record(PLAIN, say('rotate(10,0)'), end='error', number=2)]
    manifest = {
        'schema_version': 1, 'config': EvalConfig('x').to_dict(), 'episodes': {
            'count': 3, 'groups': {
                'by_split': {'hos': 3}, 'by_level': {'hos/medium': 3}, 'by_scene': {'hos/a': 3}}}}
    manifest, records = copy.deepcopy((manifest, records))
    if change is not None:
        change(manifest, records)
    folder.mkdir(exist_ok=True)
    (folder / 'run.json').write_text(json.dumps(manifest))
    (folder / 'episodes.jsonl').write_text(''.join(f'{json.dumps(line)}\n' for line in records))
    return folder


def test_a_sound_run_is_read(tmp_path: Path) -> None:
    manifest, records = read_run(write_run(tmp_path / 'run'))
    assert compute_metrics(manifest, records)['outcomes']['error'] == 1


@pytest.mark.parametrize('change, words', [
    (lambda m, r: m.pop('config'), 'run.json: field "config" is missing or no object'),
    (lambda m, r: m.update(packages={'numpy': float('nan')}),
     'broken manifest (NaN is no number of JSON)'),
    (lambda m, r: m.update(config=[]), 'run.json: field "config" is missing or no object'),
    (lambda m, r: m['config'].update(view={'size': 3}), 'field "config" is broken'),
    (lambda m, r: m['config'].pop('episodes'), 'field "config" is broken'),
    (lambda m, r: m['config'].update(profile='mine'), 'field "profile" cannot be \'mine\''),
    (lambda m, r: m['config'].update(repeats='2'), 'field "config" is broken'),
    (lambda m, r: m['config'].update(repeats=1.5), 'field "repeats" cannot be 1.5'),
    (lambda m, r: m.pop('episodes'), 'field "episodes" is missing'),
    (lambda m, r: m.update(planner='oracle'), 'field "planner" cannot be \'oracle\''),
    (lambda m, r: m['episodes'].update(count=0), 'field "episodes.count" cannot be 0'),
    (lambda m, r: m['episodes'].update(count=2), 'holds 3 searches, more than the 2'),
    (lambda m, r: m['episodes'].update(groups=[]), 'field "groups" cannot be []'),
    (lambda m, r: m['episodes']['groups'].pop('by_level'), 'field "by_level" is missing'),
    (lambda m, r: m['episodes']['groups'].update(by_level={'x': 'y'}), 'by_level'),
    (lambda m, r: m['config'].update(view={'width': 160}), 'field "view" cannot be'),
    (lambda m, r: m['config'].update(limit=3.5), 'field "limit" cannot be 3.5'),
    (lambda m, r: m['config'].update(episodes={'a': 1}), 'field "episodes" cannot be'),
    (lambda m, r: r[0].update(id=7), 'line 1 is not a record'),
    (lambda m, r: [line.update(id=7) for line in r], 'line 1 is not a record'),
    (lambda m, r: r[0].update(id=[]), 'line 1 is not a record'),
    (lambda m, r: r[0].update(split='train'), 'field "split" cannot be \'train\''),
    (lambda m, r: r[0].update(split=['hos']), 'field "split" cannot be [\'hos\']'),
    (lambda m, r: r[0].pop('panorama'), 'field "panorama" is missing'),
    (lambda m, r: r[0].update(level='easy'), 'field "level" cannot be \'easy\''),
    (lambda m, r: r[0].update(gaze=[float('nan'), 0]), 'field "gaze" cannot be [nan, 0]'),
    (lambda m, r: r[0].update(answer=[1]), 'field "answer" cannot be [1]'),
    (lambda m, r: r[0].update(target={'kind': 'object'}), 'field "target"'),
    (lambda m, r: r[0].update(success={}), 'field "success" cannot be {}'),
    (lambda m, r: r[0]['success'].update({'published-2026': None}),
     'the outcome is success, but success under published-2026 is None'),
    (lambda m, r: r[1].update(outcome='success'), 'the outcome is success, but'),
    (lambda m, r: r[2]['success'].update({'published-2026': False}),
     'the outcome is error, but success under published-2026 is False'),
    (lambda m, r: r[0].update(profile='strict'),
     'profile is strict in a run driven by published-2026'),
    (lambda m, r: r[0].update(errors={'gaze': {}}), 'field "errors"'),
    (lambda m, r: r[0].update(turns={}), 'field "turns" cannot be {}'),
    (lambda m, r: r[0]['turns'].append('x'), 'line 1 is not a record'),
    (lambda m, r: r[0]['turns'][0].pop('valid'), 'a turn: field "valid" is missing'),
    (lambda m, r: r[0]['turns'][0].update(tokens={'prompt': -1}), 'field "tokens"'),
    (lambda m, r: r[0]['turns'][0].update(latency_s='slow'), 'field "latency_s"'),
])
def test_a_broken_run_is_told_in_one_sentence(
        tmp_path: Path, change: Change, words: str) -> None:
    folder = write_run(tmp_path / 'run', change)
    with pytest.raises(RunError) as caught:
        read_run(folder)
    sentence = str(caught.value)
    assert words in sentence
    assert str(folder) in sentence
    assert '\n' not in sentence and len(sentence) < 300


def test_a_folder_that_is_no_run_is_told(tmp_path: Path) -> None:
    with pytest.raises(RunError, match='not a run folder'):
        read_run(tmp_path)
