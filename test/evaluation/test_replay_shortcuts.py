# SPDX-License-Identifier: Apache-2.0
"""A replayed run records no reply that was made otherwise than its manifest says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from evaluation_fixtures import write_scene
import pytest

from hvs_ros.core.messages import ResultLine, result_line
from hvs_ros.core.profile import get_profile
from hvs_ros.core.search import SearchSession
from hvs_ros.evaluation.config import EvalConfig
from hvs_ros.evaluation.manifest import build_manifest, planner_for
from hvs_ros.evaluation.records import RunWriter, load_selected
from hvs_ros.evaluation.replay import ReplayRun
from hvs_ros.evaluation.runner import episode_task

SPEC = 'openai:m@http://127.0.0.1:9/v1'


@pytest.mark.parametrize(('asking', 'answers_as', 'stops'), [
    ({}, SPEC, False), ({}, f'{SPEC} with early stop', True),
    ({'early_stop': True}, f'{SPEC} with early stop', False), ({'early_stop': True}, SPEC, True)])
def test_shortcuts_are_those_of_the_manifest(
        tmp_path: Path, asking: dict[str, bool], answers_as: str, stops: bool) -> None:
    write_scene(tmp_path / 'hos', 'room', [{'task': 'Find it', 'yaw': [90.0, 120.0]}])
    config = EvalConfig(str(tmp_path / 'hos'), SPEC, 'graph', 'strict', asking=asking)
    manifest = build_manifest(config, load_selected(config), planner_for(config))
    with RunWriter.open(tmp_path / 'run', manifest) as writer:
        run = ReplayRun(writer, 10.0)
        episode, seed, order = run.begin(0.0)
        task = replace(episode_task(episode, seed), order=order)
        ended = SearchSession(task, get_profile('strict')).end('truncated', 'out of turns')
        line = result_line(task, 'strict', ended, answers_as)
        assert run.hear(ResultLine, line.to_json(), 0.1)
        _, stop = run.conclude()
        assert bool(stop) == stops
        assert writer.records()[0]['outcome'] == ('error' if stops else 'truncated')
        assert not stops or 'set the same for search_planner' in stop
