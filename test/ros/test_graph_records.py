# SPDX-License-Identifier: Apache-2.0
"""The graph records what the direct driver records, however it runs and whatever turns."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from evaluation_fixtures import write_scene
from graph_runs import (
    FREE_NECK,
    ids_of_one_object_and_one_path,
    run,
    same,
    seed_that_looks_up,
)
import pytest

from hvs_ros.evaluation.config import ViewConfig

IDS = ids_of_one_object_and_one_path()
PLANNERS = ('sweep', 'random', 'builtin')


@pytest.fixture(scope='module')
def direct(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[dict[str, Any]]]:
    """Return the direct driver's records, each run once."""
    known: dict[str, list[dict[str, Any]]] = {}

    def records(planner: str, **settings: Any) -> list[dict[str, Any]]:
        key = f'{planner} {settings}'
        if key not in known:
            known[key] = run(
                tmp_path_factory.mktemp('direct') / 'run', 'direct', planner=planner, **settings)
        return known[key]
    return records


@pytest.mark.parametrize('planner', PLANNERS)
def test_the_composed_graph_records_what_the_direct_driver_does(
        tmp_path: Path, direct: Callable, planner: str) -> None:
    records = run(tmp_path / 'run', planner=planner, only_ids=IDS)
    assert same(records) == same(direct(planner, only_ids=IDS))
    assert len(records) == 2 and all(record['turns'] for record in records)


@pytest.mark.parametrize('planner', PLANNERS)
def test_neck_and_body_that_reach_everything_change_no_record(
        tmp_path: Path, direct: Callable, planner: str) -> None:
    records = run(
        tmp_path / 'run', planner=planner, only_ids=IDS[:1],
        graph={'gaze': 'physical', 'extra': FREE_NECK})
    assert same(records, measured_to=1e-4) == same(direct(planner, only_ids=IDS[:1]))


@pytest.fixture(scope='module')
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten panoramas, one short episode in each."""
    root = tmp_path_factory.mktemp('gallery')
    for place in range(10):
        write_scene(root / 'hos', f'scene_{place}', [{
            'task': 'Find the lamp', 'yaw': [100.0, 120.0], 'pitch': [-5.0, 15.0],
            'initial yaw': [30 * place], 'level': [1]}], seed=place)
    return root


@pytest.mark.parametrize('isolate', [False, True], ids=['composed', 'isolated'])
def test_no_view_of_an_episode_shows_the_panorama_of_another(
        tmp_path: Path, direct: Callable, gallery: Path, isolate: bool) -> None:
    settings = {'episodes': str(gallery), 'view': ViewConfig(64, 36), 'seed': 5}
    records = run(tmp_path / 'run', planner='random', graph={'isolate': isolate}, **settings)
    views = [[turn['image_sha256'] for turn in record['turns']] for record in records]
    assert len({view for turns in views for view in turns}) == 20, 'or it proves nothing'
    assert same(records) == same(direct('random', **settings))


@pytest.mark.parametrize('isolate', [False, True], ids=['composed', 'isolated'])
def test_several_graphs_at_once_record_what_one_loop_does(
        tmp_path: Path, direct: Callable, gallery: Path, isolate: bool) -> None:
    settings = {'episodes': str(gallery), 'view': ViewConfig(64, 36), 'seed': 5}
    records = run(
        tmp_path / 'run', planner='random', workers=2, graph={'isolate': isolate}, **settings)
    assert same(records) == same(direct('random', **settings))
    assert not (tmp_path / 'run/.graphs').exists()


def test_a_gaze_out_of_reach_is_recorded_where_it_ended(tmp_path: Path) -> None:
    """The neck ends at 40 degrees up; what is told and recorded are whole degrees of there."""
    patience = {'arrive_timeout': 1.0}
    records = run(
        tmp_path / 'run', planner='random', only_ids=IDS[:1], profile='strict',
        seed=seed_that_looks_up(IDS[0], 60), graph={
            'gaze': 'physical', 'extra': {'view_renderer': patience, 'search_planner': patience}})
    first, second = records[0]['turns']
    assert first['gaze_after'][1] >= 60 and second['gaze_told'][1] == 40
    assert second['gaze_told'][0] == first['gaze_after'][0]
    assert second['gaze_measured'][1] == pytest.approx(40, abs=0.1)
    assert second['gaze_told'] == [int(angle) for angle in second['gaze_told']]
    assert records[0]['gaze'][1] == 40, 'the strict profile scores what the body really saw'


def test_a_hybrid_body_records_the_same_words_and_whole_degrees(
        tmp_path: Path, direct: Callable) -> None:
    records = run(
        tmp_path / 'run', planner='random', only_ids=IDS[:1], graph={'gaze': 'hybrid'})
    wanted = direct('random', only_ids=IDS[:1])

    def words(lines: list[dict[str, Any]]) -> list[Any]:
        return [[(turn['reply'], turn['gaze_told'], turn['gaze_after'])
                 for turn in line['turns']] for line in lines]

    assert words(records) == words(wanted)
    assert records[0]['outcome'] == wanted[0]['outcome']
