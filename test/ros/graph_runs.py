# SPDX-License-Identifier: Apache-2.0
"""Evaluations by either driver, and what may differ between their records."""

from __future__ import annotations

from functools import partial
import io
from pathlib import Path
from typing import Any

from evaluation_fixtures import REPOSITORY

from hvs_ros.core.episode import load_episodes
from hvs_ros.evaluation.config import EvalConfig, ViewConfig, episode_seed
from hvs_ros.evaluation.run_files import read_records
from hvs_ros.evaluation.session import evaluate
from hvs_ros.ros.evaluate import run_graph

BUNDLED = REPOSITORY / 'sim' / 'episodes'
SMALL = ViewConfig(320, 180)
STRAIGHT_UP_AND_DOWN = [-1.5708, 1.5708]
FREE_NECK = {node: {'pitch_limits': STRAIGHT_UP_AND_DOWN}
             for node in ('humanoid_simulator', 'humanoid_controller')}


def run(out: Path, driver: str = 'graph', **settings: Any) -> list[dict[str, Any]]:
    """Return the records of one evaluation; ``graph`` holds what goes to the graph driver."""
    graph = settings.pop('graph', {})
    config = EvalConfig(**{'episodes': str(BUNDLED), 'view': SMALL, **settings}, driver=driver)
    code = evaluate(
        config, out, stream=io.StringIO(), bar=False,
        graph=partial(run_graph, **graph) if driver == 'graph' else None)
    assert code == 0
    return read_records(out)


def same(records: list[dict[str, Any]], measured_to: float = 0.0) -> list[dict[str, Any]]:
    """
    Return records without what a clock decides.

    ``measured_to`` degrees are forgiven in what sensors said: joints and odometry are floats.
    """
    return [{
        **record, 'wall_s': 0, 'attempt': 0,
        'turns': [_same_turn(turn, measured_to) for turn in record['turns']]}
        for record in records]


def _same_turn(turn: dict[str, Any], measured_to: float) -> dict[str, Any]:
    measured = turn['gaze_measured']
    if measured_to:
        off = [abs((a - b + 180) % 360 - 180) for a, b in zip(
            measured, turn['gaze_told'], strict=True)]
        assert max(off) <= measured_to
        measured = turn['gaze_told']
    return {**turn, 'latency_s': 0, 'gaze_measured': measured}


def ids_of_one_object_and_one_path() -> tuple[str, ...]:
    episodes = list(load_episodes(str(BUNDLED)))
    return tuple(next(e.id for e in episodes if e.target.kind == kind)
                 for kind in ('object', 'path'))


def seed_that_looks_up(name: str, least_pitch: int) -> int:
    """Return a seed of the run with which ``random`` looks at least so high in an episode."""
    import random
    for seed in range(1000):
        draw = random.Random(f'{episode_seed(seed, name, 0)}:{name}')
        draw.randrange(360)
        if draw.randint(-90, 90) >= least_pitch:
            return seed
    raise AssertionError('no such seed')
