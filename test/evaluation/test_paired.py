# SPDX-License-Identifier: Apache-2.0
"""Paired comparison: right where others know the answer, honest where episodes hang together."""

from __future__ import annotations

from itertools import product

from hypothesis import given, settings, strategies
import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar

from hvs_ros.evaluation.paired import (
    MCNEMAR,
    NEWCOMBE,
    SIGN_FLIPS,
    Table,
    compare_pairs,
    mcnemar,
    newcombe,
    sign_flip,
)
from hvs_ros.evaluation.statistics import BOOTSTRAP, DRAWS, NO_DATA, bootstrap

COUNT = strategies.integers(0, 120)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(COUNT, COUNT)
def test_mcnemar_agrees_with_scipy_and_statsmodels(only_a: int, only_b: int) -> None:
    p_value = mcnemar(only_a, only_b)
    table = [[5, only_a], [only_b, 3]]
    assert p_value == pytest.approx(statsmodels_mcnemar(table, exact=True).pvalue, abs=1e-9)
    if only_a + only_b:
        expected = stats.binomtest(only_a, only_a + only_b).pvalue
        assert p_value == pytest.approx(expected, abs=1e-9)


def test_mcnemar_holds_for_a_whole_benchmark() -> None:
    assert mcnemar(900, 1000) == pytest.approx(stats.binomtest(900, 1900).pvalue, abs=1e-9)
    assert mcnemar(0, 4000) == 0.5 ** 3999
    assert mcnemar(0, 0) == 1


@pytest.mark.parametrize('table, low, high', [
    # Newcombe (1998), table of examples, method 10.
    (Table(36, 2, 12, 0), 0.0569, 0.3404),
    (Table(36, 0, 14, 0), 0.1528, 0.4167),
    (Table(54, 0, 0, 0), -0.0664, 0.0664),
    # Fagerland, Lydersen and Laake (2014): airway hyper-responsiveness before and after.
    (Table(1, 7, 1, 12), -0.507, -0.026),
])
def test_newcombe_gives_the_published_examples(table: Table, low: float, high: float) -> None:
    digits = len(str(low).partition('.')[2])
    assert tuple(round(bound, digits) for bound in newcombe(table)) == (low, high)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(COUNT, COUNT, COUNT, COUNT)
def test_newcombe_holds_the_difference_and_turns_round(
        both: int, only_a: int, only_b: int, neither: int) -> None:
    if both + only_a + only_b + neither == 0:
        return
    low, high = newcombe(Table(both, only_a, only_b, neither))
    value = (only_b - only_a) / (both + only_a + only_b + neither)
    assert -1 <= low <= value + 1e-12 and value - 1e-12 <= high <= 1
    assert newcombe(Table(both, only_b, only_a, neither)) == pytest.approx((-high, -low))


@settings(max_examples=40, derandomize=True, deadline=None)
@given(strategies.lists(strategies.integers(-4, 4), min_size=1, max_size=13))
def test_few_panoramas_are_flipped_in_all_ways(gains: list[int]) -> None:
    p_value, draws = sign_flip(np.array(gains, dtype=float))
    sums = [abs(np.dot(signs, gains)) for signs in product((-1, 1), repeat=len(gains))]
    assert draws is None
    assert p_value == pytest.approx(np.mean([total >= abs(sum(gains)) for total in sums]))


def test_sign_flips_agree_with_scipy() -> None:
    gains = np.array([3.0, -1, 2, 4, -2, 1, 1, 0, -3, 4, 2])
    expected = stats.permutation_test(
        (gains,), np.sum, permutation_type='samples', n_resamples=np.inf)
    assert sign_flip(gains) == (pytest.approx(expected.pvalue, abs=1e-9), None)


@pytest.mark.parametrize('size, shift', [(14, 0), (40, 0), (60, 1), (240, 0)])
def test_many_panoramas_are_flipped_by_draws_that_come_near_the_exact_answer(
        size: int, shift: int) -> None:
    rng = np.random.default_rng(size)
    gains = rng.integers(-4, 5, size) + shift
    gains[gains == 0] = 1
    p_value, draws = sign_flip(gains.astype(float))
    exact = exact_p(gains)
    assert draws == DRAWS
    assert p_value == pytest.approx(exact, abs=4 * np.sqrt(exact * (1 - exact) / DRAWS) + 2e-4)


def exact_p(gains: np.ndarray) -> float:
    """Return the two-sided p-value from the distribution of the flipped sum itself."""
    reach = int(np.abs(gains).sum())
    chances = np.zeros(2 * reach + 1)
    chances[reach] = 1
    for gain in gains:
        chances = (np.roll(chances, gain) + np.roll(chances, -gain)) / 2
    return float(chances[np.abs(np.arange(-reach, reach + 1)) >= abs(gains.sum())].sum())


@pytest.mark.parametrize('telling, exact', [(13, True), (14, False)])
def test_panoramas_without_a_gain_say_nothing(telling: int, exact: bool) -> None:
    gains = np.array([0.0] * 50 + [1.0] * telling)
    assert (sign_flip(gains)[1] is None) is exact
    if exact:
        assert sign_flip(gains)[0] == 2 / 2 ** telling


def test_the_tests_of_two_alike_planners_err_as_often_as_they_say() -> None:
    rng = np.random.default_rng(20)
    runs, flips, naive = 400, 0, 0
    for _ in range(runs):
        # Each planner has its own luck with a panorama, and all four starts share it.
        a, b = ((rng.random((60, 4)) < rng.beta(0.6, 0.9, (60, 1))) for _ in range(2))
        cell = compare_pairs(a.ravel(), b.ravel(), np.repeat(np.arange(60), 4).tolist())
        flips += cell['p_value']['value'] <= 0.05
        naive += cell['mcnemar']['value'] <= 0.05
    # Five percent, give or take three standard errors of 400 runs.
    assert 0.017 <= flips / runs <= 0.083
    assert naive / runs > 0.10


def test_a_real_difference_is_seen() -> None:
    rng = np.random.default_rng(21)
    luck = rng.beta(1, 1.5, (60, 1))
    a, b = rng.random((60, 4)) < luck * 0.6, rng.random((60, 4)) < 0.3 + luck * 0.7
    cell = compare_pairs(a.ravel(), b.ravel(), np.repeat(np.arange(60), 4).tolist())
    assert cell['p_value']['value'] < 0.001
    assert cell['difference']['low'] > 0


@pytest.mark.parametrize('sizes', [[4] * 60, [4, 8, 12, 16] * 15])
def test_the_interval_of_a_difference_covers_it(sizes: list[int]) -> None:
    rng = np.random.default_rng(22)
    runs, panoramas = 1000, len(sizes)
    shape = (panoramas, runs)
    luck = rng.beta(1, 1.5, shape)
    own = [rng.beta(1, 1.5, shape) for _ in range(2)]
    trials = np.array(sizes)[:, None]
    # Both planners do well in an easy panorama; B gains 0.1 of what is left, 0.06 on average.
    a = rng.binomial(trials, (luck + own[0]) / 2)
    b = rng.binomial(trials, 0.1 + 0.9 * (luck + own[1]) / 2)
    intervals = bootstrap((b - a).astype(float), np.array(sizes, dtype=float))
    covered = np.mean([low <= 0.06 <= high for low, high in intervals])
    assert 0.92 <= covered <= 0.97


@pytest.mark.parametrize('panoramas', [8, 19])
def test_the_interval_of_few_panoramas_covers_too(panoramas: int) -> None:
    rng = np.random.default_rng(23)
    runs, covered = 400, 0
    for _ in range(runs):
        luck = rng.beta(1, 1.5, (panoramas, 1))
        own = [rng.beta(1, 1.5, (panoramas, 1)) for _ in range(2)]
        a = rng.random((panoramas, 4)) < (luck + own[0]) / 2
        b = rng.random((panoramas, 4)) < 0.1 + 0.9 * (luck + own[1]) / 2
        found = compare_pairs(
            a.ravel(), b.ravel(), np.repeat(np.arange(panoramas), 4).tolist())['difference']
        assert found['method'] == NEWCOMBE
        covered += found['low'] <= 0.06 <= found['high']
    assert covered / runs >= 0.90


@pytest.mark.parametrize('panoramas, flipped, method', [
    (19, True, NEWCOMBE), (20, True, BOOTSTRAP), (20, False, NEWCOMBE)])
def test_the_method_follows_the_panoramas_and_the_flips(
        panoramas: int, flipped: bool, method: str) -> None:
    a = [place % 2 == 0 for place in range(panoramas) for _ in range(2)]
    b = [not a[0], *a[1:]] if flipped else a
    cell = compare_pairs(a, b, [place for place in range(panoramas) for _ in range(2)])
    found = cell['difference']
    assert found['method'] == method
    assert found['clusters'] == panoramas
    assert found['low'] < found['high']
    assert found['low'] <= found['value'] <= found['high']


def test_identical_starts_count_as_one_pair() -> None:
    a = [place % 2 == 0 for place in range(10) for _ in range(4)]
    b = [place % 3 == 0 for place in range(10) for _ in range(4)]
    found = compare_pairs(a, b, [place for place in range(10) for _ in range(4)])['difference']
    assert found['design_effect'] == pytest.approx(4 * 10 / 9)
    effect = found['design_effect']
    assert (found['low'], found['high']) == pytest.approx(
        newcombe(Table(8 / effect, 12 / effect, 8 / effect, 12 / effect)))


def test_every_figure_says_what_it_is() -> None:
    cell = compare_pairs([True, False, True], [True, True, True], ['x', 'x', 'y'])
    assert cell['pairs'] == 3
    assert cell['a'] == {'value': 2 / 3, 'successes': 2, 'n': 3}
    assert cell['table'] == {'both': 2, 'only_a': 0, 'only_b': 1, 'neither': 0}
    assert cell['difference']['value'] == pytest.approx(1 / 3)
    assert cell['p_value'] == {'value': 1.0, 'method': SIGN_FLIPS, 'draws': None, 'exact': True}
    assert cell['mcnemar'] == {'value': 1.0, 'label': MCNEMAR}


def test_no_pairs_have_no_difference() -> None:
    cell = compare_pairs([], [], [])
    assert (cell['pairs'], cell['p_value'], cell['mcnemar']) == (0, None, None)
    assert (cell['difference']['value'], cell['difference']['method']) == (None, NO_DATA)


PAIRS = strategies.lists(
    strategies.tuples(strategies.booleans(), strategies.booleans(), strategies.integers(0, 30)),
    min_size=1, max_size=120)


@settings(max_examples=60, derandomize=True, deadline=None)
@given(PAIRS)
def test_exchanging_the_runs_turns_the_difference_round(
        pairs: list[tuple[bool, bool, int]]) -> None:
    a, b, panoramas = (list(column) for column in zip(*pairs, strict=True))
    one, other = compare_pairs(a, b, panoramas), compare_pairs(b, a, panoramas)
    assert (one['a'], one['b']) == (other['b'], other['a'])
    assert one['difference']['value'] == -other['difference']['value']
    assert one['difference']['low'] == pytest.approx(-other['difference']['high'], abs=1e-12)
    assert one['difference']['high'] == pytest.approx(-other['difference']['low'], abs=1e-12)
    assert one['p_value'] == other['p_value']
    assert one['mcnemar'] == other['mcnemar']


@settings(max_examples=60, derandomize=True, deadline=None)
@given(PAIRS, strategies.randoms(use_true_random=False))
def test_the_order_of_the_pairs_does_not_matter(pairs, random) -> None:
    shuffled = list(pairs)
    random.shuffle(shuffled)
    one, other = (
        compare_pairs(*(list(column) for column in zip(*rows, strict=True)))
        for rows in (pairs, shuffled))
    assert one == other
