# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import re
import statistics

import numpy as np
import pytest

from hvs_ros.core.scoring import chance_rate, strict_success
from hvs_ros.core.search import Decision
from hvs_ros.learning.disturb import disturb
from hvs_ros.learning.table import _both
from hvs_ros.learning.trials import (
    Arena,
    absent_trials,
    blank,
    contrast_trials,
    disturbances,
    is_apart,
    ordered,
    trials_of,
)
from hvs_ros.planners.baselines import RandomPlanner, submit_decision
from hvs_ros.planners.oracle import OraclePlanner
from hvs_ros.scenes.annotation import STARTS
from hvs_ros.scenes.generator import Order, Size
from hvs_ros.scenes.splits import Allowed

SIZE = Size(768, 384)
WIDTH = 320
"""Pixels across a view: those who do not look need no more."""


@pytest.fixture(scope='module')
def made():
    return [*ordered(Order(2, SIZE, 3, 'object', 2, Allowed('test'))),
            *ordered(Order(1, SIZE, 3, 'path', 2, Allowed('test')))]


@pytest.fixture(scope='module')
def trials(made):
    return [trial for one in made for trial in trials_of(one)]


@pytest.fixture(scope='module')
def pairs():
    order = Order(6, SIZE, 4, 'object', 1, Allowed('test'))
    found = []
    for index in range(6):
        found += contrast_trials(order, index)
        if found:
            break
    return found


def oracle(trials, of=lambda trial: trial.target):
    return OraclePlanner({trial.task.id: of(trial) for trial in trials})


class Says:
    """Plan nothing: answer every view with the same decision."""

    name, answer_format = 'says', 'free_think'

    def __init__(self, decision):
        self.decision, self.seen = decision, []

    def begin(self, task):
        return self

    def act(self, observation):
        self.seen.append(observation.view)
        return self.decision

    def close(self):
        pass


def test_who_knows_the_target_always_succeeds(trials):
    arena = Arena(oracle(trials), WIDTH)
    outcomes = [arena.run(trial) for trial in trials]
    assert [outcome.success for outcome in outcomes] == [True] * len(trials)
    assert not any(outcome.not_found for outcome in outcomes)
    # the answer is in whole degrees
    assert all(outcome.inside and outcome.error < 1.5 for outcome in outcomes)


def test_who_goes_for_the_other_target_is_told_so(trials):
    apart = [trial for trial in trials if is_apart(trial)]
    arena = Arena(oracle(apart, lambda trial: trial.other), WIDTH)
    outcomes = [arena.run(trial) for trial in apart]
    assert len(apart) >= 8
    assert all(outcome.other and not outcome.success for outcome in outcomes)


def test_who_draws_succeeds_by_chance(trials):
    """Within four standard errors of what the formula says."""
    chance = statistics.fmean(chance_rate(trial.target, 'strict') for trial in trials)
    assert 0.005 < chance < 0.12
    hits = [Arena(RandomPlanner(seed), WIDTH).run(trial).success
            for seed in range(6) for trial in trials]
    spread = (chance * (1 - chance) / len(hits)) ** 0.5
    assert abs(statistics.fmean(hits) - chance) < 4 * spread


def test_who_finds_nothing_is_neither_right_nor_wrong_somewhere(trials):
    outcome = Arena(Says(Decision('<think>nothing</think>', not_found=True)), WIDTH).run(trials[0])
    assert outcome.not_found and not outcome.success and not outcome.other
    assert outcome.error is None and outcome.turns == 1


def test_who_never_submits_is_cut_off_at_ten_turns(trials):
    planner = Says(Decision('<think>hm</think><answer>rotate(10,0)</answer>'))
    outcome = Arena(planner, WIDTH).run(trials[0])
    assert outcome.turns == 10 and not outcome.success and not outcome.not_found


def test_a_scene_is_searched_from_four_starts_for_each_thing(made, trials):
    assert len({trial.task.id for trial in trials}) == len(trials)
    for one in made:
        of_scene = [trial for trial in trials if trial.scene == one.name and (
            trial.task.kind == ('path' if one.split == 'hps' else 'object'))]
        assert [trial.task.start.yaw for trial in of_scene] == list(STARTS) * len(one.items)
        for trial in of_scene:
            item = one.items[int(trial.task.id.split('/')[1])]
            assert trial.task.instruction == item['task']
            assert trial.level == item['level'][STARTS.index(trial.task.start.yaw)]


def test_targets_that_one_direction_answers_are_not_apart(trials):
    for trial in trials:
        if trial.other is None or strict_success(trial.other, trial.target.centre):
            assert not is_apart(trial)


def test_what_is_absent_is_nowhere_in_the_scene_but_its_parts_are(made):
    for one in (scene for scene in made if scene.split == 'hos'):
        there = {thing.pair for thing in one.scene.stage.things}
        colours = {thing.colour for thing in one.scene.things}
        trials = list(absent_trials(one))
        assert [trial.task.start.yaw for trial in trials] == list(STARTS)
        assert len({trial.task.instruction for trial in trials}) == 1
        for trial in trials:
            assert trial.target is None
            assert not any(re.search(rf'\b{pair}\b', trial.task.instruction) for pair in there)
            assert any(colour in trial.task.instruction for colour in colours)
        outcome = Arena(Says(submit_decision('there', 10, 0)), WIDTH).run(trials[0])
        assert not outcome.success and outcome.error is None


def test_contrast_pairs_are_the_same_words_in_another_order_with_other_answers(pairs):
    assert len(pairs) == 2 * len(STARTS)
    one, two = pairs[:len(STARTS)], pairs[len(STARTS):]
    for first, second in zip(one, two, strict=True):
        assert sorted(first.task.instruction.split()) == sorted(second.task.instruction.split())
        assert first.task.instruction != second.task.instruction
        assert (first.target, first.other) == (second.other, second.target)
        assert first.scene == second.scene and first.image is second.image


def test_both_sentences_of_a_pair_must_be_understood(pairs):
    pairs = [trial for trial in pairs if is_apart(trial)]
    assert pairs
    right = Arena(oracle(pairs), WIDTH)
    outcomes = [right.run(trial) for trial in pairs]
    assert all(both.success for both in _both(pairs, outcomes))
    # who always takes the first sentence's thing is right about one of the two
    wrong = Arena(oracle(pairs, lambda trial: pairs[0].target), WIDTH)
    outcomes = [wrong.run(trial) for trial in pairs]
    assert any(outcome.success for outcome in outcomes)
    assert not any(both.success for both in _both(pairs, outcomes))


@pytest.mark.parametrize('name', [*disturbances(), 'blank'])
def test_a_disturbance_changes_the_view_and_nothing_about_it(trials, name):
    change = blank if name == 'blank' else disturbances()[name]
    plain, changed = Says(submit_decision('', 0, 0)), Says(submit_decision('', 0, 0))
    Arena(plain, WIDTH).run(trials[0])
    Arena(changed, WIDTH, disturb=change).run(trials[0])
    assert changed.seen[0].jpeg != plain.seen[0].jpeg
    assert changed.seen[0].gaze == plain.seen[0].gaze
    assert (changed.seen[0].width, changed.seen[0].height) == (WIDTH, 180)


def test_a_roll_turns_the_view(trials):
    plain, rolled = Says(submit_decision('', 0, 0)), Says(submit_decision('', 0, 0))
    Arena(plain, WIDTH).run(trials[0])
    Arena(rolled, WIDTH, roll_deg=10).run(trials[0])
    assert rolled.seen[0].jpeg != plain.seen[0].jpeg


def test_a_blank_view_says_nothing():
    image = np.random.default_rng(0).integers(0, 255, (18, 32, 3), np.uint8)
    assert blank(image).shape == image.shape and len(np.unique(blank(image))) == 1


def test_worse_cameras_keep_the_form_of_a_view_and_most_of_what_it_shows():
    image = np.full((180, 320, 3), 90, np.uint8)
    image[60:120, 100:200] = (40, 60, 220)
    shown = [disturb(np.random.default_rng(seed), image) for seed in range(40)]
    for view in shown:
        assert view.shape == image.shape and view.dtype == np.uint8
        redness = view[:, :, 2].astype(int) - view[:, :, 0]
        assert redness[70:110, 110:190].mean() > redness[:50].mean() + 60
    assert (disturb(np.random.default_rng(3), image) == shown[3]).all()
    assert len({view.tobytes() for view in shown}) > 30
