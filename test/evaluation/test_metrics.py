# SPDX-License-Identifier: Apache-2.0
"""What lines add up to, against numbers worked out by hand, and profiles compared fairly."""

from __future__ import annotations

import numpy as np
import pytest
from record_fixtures import ACROSS_ZERO, FULL_CIRCLE, PLAIN, metrics_of, record, say

from hvs_ros.core.scoring import Target, chance_rate
from hvs_ros.evaluation.statistics import BOOTSTRAP, wilson
from hvs_ros.evaluation.tables import headline, text_tables


def test_headline_against_numbers_by_hand() -> None:
    records = [
        record(PLAIN, say('submit(110,0)'), number=0),
        record(PLAIN, say('rotate(10,0)'), 'hm', say('submit(200,0)'), number=1, level=2),
        record(PLAIN, *['?'] * 10, number=2, scene='b', level=None),
        record(ACROSS_ZERO, say('submit(0,-80)'), number=3, scene='b')]
    metrics = metrics_of(records)
    overall = metrics['profiles']['published-2026']['overall']
    assert (metrics['status'], metrics['scored'], metrics['total']) == ('complete', 4, 4)
    assert overall['success']['value'] == 0.5
    assert overall['success']['clusters'] == 2
    assert overall['success']['design_effect'] == 1.0
    assert (overall['success']['low'], overall['success']['high']) == pytest.approx(wilson(2, 4))
    assert overall['chance'] == pytest.approx(
        (3 * 61 / 360 * 41 / 181 + 61 / 360) / 4, abs=1e-12)
    levels = metrics['profiles']['published-2026']['by_level']
    assert {name: cell['success']['value'] for name, cell in levels.items()} == {
        'hos/medium': 1.0, 'hos/hard': 0.0, 'hos/unlevelled': 0.0}
    assert metrics['outcomes'] | {'success': 2, 'failure': 1, 'truncated': 1} == \
        metrics['outcomes']
    assert metrics['turns']['invalid'] == 11 and metrics['turns']['count'] == 15
    assert metrics['turns']['mean'] == 15 / 4
    assert metrics['tokens'] == {'prompt': 1500, 'completion': 150, 'per_turn': 110.0}
    assert metrics['latency_s'] == {'p50': 0.5, 'p95': 0.5, 'n': 15}


@pytest.mark.parametrize('end', ['error', 'cancelled'])
def test_an_unscored_search_makes_the_headline_incomplete_with_bounds(end: str) -> None:
    records = [
        record(PLAIN, say('submit(110,0)'), number=0),
        record(PLAIN, say('submit(0,0)'), number=1),
        record(PLAIN, say('rotate(10,0)'), end=end, number=2)]
    metrics = metrics_of(records)
    overall = metrics['profiles']['published-2026']['overall']
    assert metrics['status'] == 'incomplete'
    assert (overall['scored'], overall['total']) == (2, 3)
    assert overall['bounds'] == {'low': 1 / 3, 'high': 2 / 3}
    assert set(records[2]['success'].values()) == {None}
    assert headline(metrics).startswith('incomplete: 2/3')
    assert '33.3% to 66.7%' in headline(metrics)


def test_episodes_that_never_ran_count_in_the_total() -> None:
    metrics = metrics_of([record(PLAIN, say('submit(110,0)'))], total=4)
    assert metrics['outcomes']['not run'] == 3
    assert metrics['profiles']['published-2026']['overall']['bounds'] == {'low': 0.25, 'high': 1.0}


@pytest.mark.parametrize('target, replies, changed, quirks', [
    (ACROSS_ZERO, [say('rotate(-90,-80)'), say('submit(0,-80)')], 'lost', ['Q1']),
    (PLAIN, [say('submit(110,0)')], None, []),
    (PLAIN, [say('submit(200,0)')], 'gained', ['Q2']),
    (FULL_CIRCLE, [say('submit(90,0)')], 'gained', ['Q3']),
    (Target('object', (170.0, 190.0), (-5.0, 5.0)), [say('submit(180,0)')], 'lost', ['Q2']),
])
def test_each_quirk_is_named_where_it_changes_an_episode(
        target: Target, replies: list[str], changed: str | None, quirks: list[str]) -> None:
    metrics = metrics_of([record(target, *replies)])
    other = metrics['profiles']['strict']
    assert other['transferable'] == {'n': 1, 'total': 1}
    assert bool(other['gained']) is (changed == 'gained')
    assert bool(other['lost']) is (changed == 'lost')
    if changed:
        assert other[changed][0]['quirks'] == quirks
        assert f'{changed} under strict' in text_tables(metrics)


def test_only_transferable_episodes_are_compared_and_the_rest_bounds() -> None:
    records = [
        record(PLAIN, say('submit(110,0)'), number=0),
        # One wasted turn: strict would have told the direction, so nothing is known there.
        record(PLAIN, 'hm', say('submit(110,0)'), number=1),
        # Strict reads a decimal that the published parsers waste.
        record(PLAIN, say('rotate(1.5,0)'), say('submit(110,0)'), number=2),
        # Read by 2026 and strict, wasted by 2025: text after the answer.
        record(PLAIN, say('submit(110,0)') + ' Done.', number=3),
        record(PLAIN, say('submit(0,0)'), number=4)]
    profiles = metrics_of(records)['profiles']
    strict, older = profiles['strict'], profiles['published-2025']
    assert strict['transferable'] == {'n': 3, 'total': 5}
    assert strict['driving_success_on_same']['n'] == strict['success_on_same']['n'] == 3
    assert strict['driving_success_on_same']['successes'] == 2
    assert older['transferable'] == {'n': 4, 'total': 5}
    assert older['bounds'] == {'low': 3 / 5, 'high': 4 / 5}
    assert 'overall' not in strict and 'overall' not in older


def test_a_planner_that_gives_up_transfers_and_is_no_invalid_answer() -> None:
    given_up = record(PLAIN, say('rotate(10,0)'), None)
    metrics = metrics_of([given_up])
    assert given_up['outcome'] == 'not_found'
    assert set(given_up['success'].values()) == {False}
    assert (metrics['turns']['count'], metrics['turns']['invalid']) == (2, 0)
    assert metrics['profiles']['strict']['transferable']['n'] == 1


def test_chance_is_the_mean_over_episodes() -> None:
    records = [record(PLAIN, say('submit(110,0)'), number=0),
               record(FULL_CIRCLE, say('submit(110,0)'), number=1)]
    profiles = metrics_of(records)['profiles']
    for name in ('published-2025', 'strict'):
        assert profiles[name]['chance'] == pytest.approx(
            (chance_rate(PLAIN, name) + chance_rate(FULL_CIRCLE, name)) / 2)


def test_the_driving_profile_is_the_one_with_a_headline() -> None:
    # The numbers are off and the gaze is right: the pose is what strict scores.
    replies = [say('rotate(20,0)'), say('submit(200,0)')]
    records = [record(PLAIN, *replies, profile='strict')]
    profiles = metrics_of(records, profile='strict')['profiles']
    assert profiles['strict']['overall']['success']['value'] == 1.0
    assert profiles['published-2026']['success_on_same']['value'] == 0.0
    assert profiles['published-2026']['lost'][0]['quirks'] == ['Q2']


def test_success_by_turn_counts_searches_that_were_done_by_then() -> None:
    records = [
        record(PLAIN, say('submit(110,0)'), number=0),
        record(PLAIN, say('rotate(10,0)'), say('rotate(5,0)'), say('submit(110,0)'), number=1),
        record(PLAIN, say('submit(200,0)'), number=2),
        record(PLAIN, *['?'] * 10, number=3)]
    metrics = metrics_of(records)
    curve = metrics['success_by_turn']
    assert [point['turn'] for point in curve] == list(range(1, 11))
    assert [point['successes'] for point in curve] == [1, 1] + [2] * 8
    assert {point['n'] for point in curve} == {4}
    headline_rate = metrics['profiles']['published-2026']['overall']['success']
    assert {**headline_rate, 'turn': 10} == curve[-1]
    assert metrics['success_by_turn_by_split'] == {'hos': curve}


def test_the_last_point_of_a_bootstrapped_curve_is_the_headline() -> None:
    rng = np.random.default_rng(3)
    records = [
        record(PLAIN, *[say('rotate(10,0)')] * int(rng.integers(4)),
               say(f'submit({rng.choice((110, 200))},0)'), scene=f's{place}', number=number)
        for place in range(25) for number in range(3)]
    metrics = metrics_of(records)
    curve = metrics['success_by_turn']
    overall = metrics['profiles']['published-2026']['overall']['success']
    assert overall['method'] == BOOTSTRAP
    assert (curve[-1]['low'], curve[-1]['high']) == (overall['low'], overall['high'])
    for bound in ('low', 'value', 'high'):
        values = [point[bound] for point in curve if point['method'] == BOOTSTRAP]
        assert values == sorted(values)


def test_every_rate_names_what_it_is_of() -> None:
    records = [
        record(PLAIN, say('submit(110,0)'), number=0),
        record(PLAIN, *['?'] * 10, number=1),
        record(PLAIN, say('rotate(10,0)'), None, number=2),
        record(PLAIN, say('rotate(10,0)'), end='error', number=3)]
    records[0]['turns'][0]['finish_reason'] = 'length'
    rates = metrics_of(records, total=5)['rates']
    assert {name: (share['numerator'], share['denominator'], share['of'])
            for name, share in rates.items()} == {
        'invalid': (10, 13, 'turns'), 'length': (1, 13, 'turns'),
        'truncated': (1, 3, 'scored searches'), 'not_found': (1, 3, 'scored searches'),
        'error': (1, 5, 'all searches')}
    assert all((share['scored'], share['total']) == (3, 5) for share in rates.values())
    assert rates['error']['value'] == 0.2


def test_angular_errors_are_over_what_has_them() -> None:
    records = [
        record(PLAIN, say('rotate(20,0)'), say('submit(110,5)'), number=0),
        record(PLAIN, say('rotate(20,5)'), say('submit(140,5)'), number=1),
        record(PLAIN, *['?'] * 10, number=2)]
    errors = metrics_of(records)['angular_errors']
    assert set(errors) == {'overall', 'hos'} and errors['overall'] == errors['hos']
    gaze, answer = errors['overall']['gaze'], errors['overall']['answer']
    assert (gaze['n'], gaze['scored'], answer['n'], answer['scored']) == (3, 3, 2, 3)
    # Centre (110, 5): the gazes stand at (110, 0), (110, 5) and still at (90, 0).
    assert gaze['median'] == pytest.approx(5)
    assert gaze['window']['median'] == 0
    # Along the great circle, at pitch 5 a little less than the 30 degrees of yaw.
    assert answer['mean'] == pytest.approx(29.88 / 2, abs=0.01)
    assert answer['window']['mean'] == pytest.approx(19.92 / 2, abs=0.01)


def test_tokens_cost_what_the_prices_say() -> None:
    records = [record(PLAIN, say('rotate(1,0)'), say('submit(110,0)'), number=n) for n in (0, 1)]
    assert metrics_of(records)['cost'] is None
    cost = metrics_of(records, prices={'prompt': 2.5, 'completion': 10})['cost']
    assert (cost['prompt'], cost['completion']) == pytest.approx((400 * 2.5e-6, 40 * 1e-5))
    assert cost['total'] == pytest.approx(cost['prompt'] + cost['completion'])
    assert cost['per_search'] == pytest.approx(cost['total'] / 2)


def test_what_a_person_reads_holds_every_measure_with_its_n() -> None:
    records = [
        record(PLAIN, say('submit(110,0)'), number=0),
        record(PLAIN, *['?'] * 10, number=1),
        record(PLAIN, say('rotate(20,0)'), None, number=2)]
    text = text_tables(metrics_of(records, prices={'prompt': 1, 'completion': 1}))
    assert 'Turns: 4.3 a search. Succeeded, of 3/3: 33.3% by turn 1, 33.3% by turn 2' in text
    assert 'Wasted: 10/13 turns invalid (76.9%), 1/3 scored searches out of turns (33.3%), ' \
        '1/3 scored searches given up (33.3%).' in text
    assert "last gaze 20.6° from the target's centre and 10.0° from its window (3/3)" in text
    assert 'from its window (1/3).' in text
    assert 'Cost: 0.00143, 0.000477 a search.' in text


def test_an_unfinished_run_shows_no_success_by_turn() -> None:
    records = [record(PLAIN, say('submit(110,0)')), record(PLAIN, say('rotate(1,0)'), end='error',
                                                           number=1)]
    text = text_tables(metrics_of(records))
    assert 'Succeeded' not in text
    assert '1/2 all searches in error (50.0%)' in text
