# SPDX-License-Identifier: Apache-2.0
"""About a minute of training on two cores, and searches of new scenes with what came of it."""

from __future__ import annotations

import statistics

import pytest

pytest.importorskip('torch')
pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

from hvs_ros.core.scoring import chance_rate
from hvs_ros.evaluation.statistics import rate
from hvs_ros.learning.grounder_export import beliefs, best_temperature, export
from hvs_ros.learning.grounder_training import Recipe, Views, train
from hvs_ros.learning.trials import Arena, blank, ordered, trials_of
from hvs_ros.learning.views import write_cache
from hvs_ros.learning.vocabulary import VOCABULARY
from hvs_ros.planners.grounder_onnx import OnnxGrounder
from hvs_ros.planners.grounding import GroundingPlanner
from hvs_ros.scenes.generator import Order, Size
from hvs_ros.scenes.splits import Allowed

SCENES, STEPS = 100, 250
# so little training is sure of little: what scores at all is looked at
THRESHOLDS = {'striking': 0.8, 'likely': 0.2, 'confirmed': 0.4, 'least': 0.0}


@pytest.fixture(scope='module')
def planner(tmp_path_factory):
    folder = tmp_path_factory.mktemp('smoke')
    views = Views.of(list(write_cache(folder, 'train', SCENES, 2)))
    validation = Views.of(list(write_cache(folder, 'val', 10, 2)))
    recipe = Recipe(epochs=STEPS / (len(views) // Recipe().batch), minutes=20)
    net = train(views, validation, VOCABULARY, recipe)
    temperature = best_temperature(*beliefs(net, validation, VOCABULARY))
    export(net, folder / 'grounder.onnx', VOCABULARY, temperature, THRESHOLDS, {})
    return GroundingPlanner(OnnxGrounder(folder / 'grounder.onnx'), name='smoke')


@pytest.fixture(scope='module')
def trials():
    order = Order(40, Size(1024, 512), 5, 'object', 1, Allowed('test'))
    return [trial for made in ordered(order) for trial in trials_of(made)]


def searched(planner, trials, disturb=None):
    arena = Arena(planner, 640, disturb)
    return rate([arena.run(trial).success for trial in trials],
                [trial.scene for trial in trials])


@pytest.mark.timeout(1200)
def test_a_minute_of_training_finds_more_than_twice_chance(planner, trials):
    chance = statistics.fmean(chance_rate(trial.target, 'strict') for trial in trials)
    found = searched(planner, trials)
    print(f'chance {chance:.3f}, after a minute {found}')
    assert found.low > 2 * chance


@pytest.mark.timeout(1200)
def test_without_a_picture_it_finds_no_more_than_chance_allows(planner, trials):
    chance = statistics.fmean(chance_rate(trial.target, 'strict') for trial in trials)
    found = searched(planner, trials, blank)
    print(f'chance {chance:.3f}, on blank views {found}')
    assert found.low <= 2 * chance
