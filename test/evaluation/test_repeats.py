# SPDX-License-Identifier: Apache-2.0
"""Repeats: mean@K, pass@K against counting, and how steady a planner is."""

from __future__ import annotations

from itertools import combinations
from math import comb
from typing import Any

from hypothesis import given, settings, strategies
import numpy as np
import pytest
from record_fixtures import PLAIN, metrics_of, record, say

from hvs_ros.evaluation.repeats import pass_at, repeat_metrics
from hvs_ros.evaluation.tables import text_tables

HIT, MISS = say('submit(110,0)'), say('submit(200,0)')
REPLIES = {'+': [HIT], '-': [MISS], '~': ['?'] * 10, '!': []}


def played(pattern: str, number: int = 0, scene: str = 'a') -> list[dict[str, Any]]:
    """Return one episode's lines: + success, - failure, ~ truncated, ! error."""
    return [
        record(
            PLAIN, *REPLIES[mark], end='error' if mark == '!' else '', number=number,
            scene=scene, repeat=repeat)
        for repeat, mark in enumerate(pattern)]


def of(*patterns: str) -> dict[str, Any]:
    records = [line for place, pattern in enumerate(patterns) for line in played(pattern, place)]
    repeats = metrics_of(records, total=len(patterns), repeats=len(patterns[0]))['repeats']
    assert repeats is not None
    return repeats


@settings(max_examples=60, derandomize=True, deadline=None)
@given(strategies.integers(1, 9), strategies.data())
def test_pass_at_k_is_the_share_of_draws_that_hold_a_success(
        repeats: int, data: strategies.DataObject) -> None:
    k = data.draw(strategies.integers(1, repeats))
    chances = pass_at(k, repeats)
    for successes in range(repeats + 1):
        tries = [place < successes for place in range(repeats)]
        drawn = [any(chosen) for chosen in combinations(tries, k)]
        assert chances[successes] == pytest.approx(np.mean(drawn), abs=1e-12)


@pytest.mark.parametrize('k, repeats', [(1, 200), (64, 200), (200, 200), (500, 1000)])
def test_pass_at_k_holds_for_many_repeats(k: int, repeats: int) -> None:
    chances = pass_at(k, repeats)
    for successes in (0, 1, 7, repeats):
        expected = 1 - comb(repeats - successes, k) / comb(repeats, k)
        assert chances[successes] == pytest.approx(expected, abs=1e-12)


def test_pass_at_k_is_unbiased() -> None:
    rng = np.random.default_rng(4)
    successes = rng.binomial(8, 0.3, 40_000)
    # The plain estimate 1 - (1 - c/n)^k would be about 0.02 off.
    assert pass_at(3, 8)[successes].mean() == pytest.approx(1 - 0.7 ** 3, abs=0.005)


def test_repeats_against_numbers_by_hand() -> None:
    repeats = of('++-', '---', '+++', '-~-')
    assert (repeats['k'], repeats['scored'], repeats['total']) == (3, 4, 4)
    assert repeats['mean_at_k']['value'] == pytest.approx(5 / 12)
    assert repeats['mean_at_k']['n'] == 12
    passes = {k: value['value'] for k, value in repeats['pass_at_k'].items()}
    assert passes == {
        '1': pytest.approx(5 / 12), '2': pytest.approx(2 / 4), '3': pytest.approx(2 / 4)}
    assert repeats['pass_at_k']['1']['successes'] == pytest.approx(5 / 3)
    # The first flips; the last fails each time, once by running out of turns.
    assert (repeats['changed']['successes'], repeats['changed']['n']) == (2, 4)
    assert repeats['per_repeat'] == [0.5, 0.5, 0.25]
    assert repeats['run_sd'] == pytest.approx(np.std([0.5, 0.5, 0.25], ddof=1))


def test_mean_at_k_of_a_complete_run_is_its_headline() -> None:
    rng = np.random.default_rng(6)
    records = [
        line for place in range(25) for number in range(2)
        for line in played(''.join(rng.choice(['+', '-'], 3)), number, f's{place}')]
    metrics = metrics_of(records, total=50, repeats=3)
    overall = metrics['profiles']['published-2026']['overall']
    assert metrics['status'] == 'complete'
    assert metrics['repeats']['mean_at_k'] == overall['success']
    values = [cell['value'] for cell in metrics['repeats']['pass_at_k'].values()]
    assert values == sorted(values)


def test_an_episode_that_lacks_a_repeat_is_left_out_of_all_figures() -> None:
    repeats = of('++', '-!', '+-')
    assert (repeats['scored'], repeats['total']) == (2, 3)
    assert repeats['mean_at_k']['value'] == 3 / 4
    assert repeats['per_repeat'] == [1.0, 0.5]


def test_nothing_whole_leaves_no_figures_and_no_crash() -> None:
    repeats = of('+!', '!-')
    assert (repeats['scored'], repeats['run_sd'], repeats['per_repeat']) == (0, None, [])
    assert repeats['mean_at_k']['value'] is None
    assert repeats['pass_at_k']['2']['value'] is None


def test_many_repeats_show_some_k_only() -> None:
    records = played('+-' * 50)
    found = repeat_metrics('published-2026', records, 100, 1)
    assert found is not None
    assert list(found['pass_at_k']) == [*map(str, range(1, 11)), '16', '32', '64', '100']


def test_repeats_are_told_in_a_sentence() -> None:
    records = [line for place, marks in enumerate(('+-', '++', '-!')) for line in played(
        marks, place)]
    text = text_tables(metrics_of(records, total=3, repeats=2))
    assert '2 repeats, over 2/3 episodes scored in all: mean@2 75.0% (' in text
    assert 'pass@2 100.0% (' in text
    assert 'the outcome changes in 1/2 (50.0%)' in text
    assert 'the standard deviation is 35.4 points' in text


def test_one_repeat_has_no_such_figures() -> None:
    assert metrics_of(played('+'))['repeats'] is None
