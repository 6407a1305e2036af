# SPDX-License-Identifier: Apache-2.0
"""Intervals: right where others know the answer, wider where episodes hang together."""

from __future__ import annotations

from hypothesis import given, settings, strategies
import numpy as np
import pytest
from scipy.stats import binomtest
from statsmodels.stats.proportion import proportion_confint

from hvs_ros.evaluation.statistics import (
    BOOTSTRAP,
    NAIVE,
    NO_DATA,
    WILSON,
    cluster_of,
    design_effect,
    rate,
    rates,
    wilson,
)


@settings(max_examples=80, derandomize=True, deadline=None)
@given(strategies.integers(1, 400), strategies.data())
def test_wilson_agrees_with_scipy_and_statsmodels(n: int, data: strategies.DataObject) -> None:
    hits = data.draw(strategies.integers(0, n))
    expected = binomtest(hits, n).proportion_ci(0.95, method='wilson')
    assert wilson(hits, n) == pytest.approx((expected.low, expected.high), abs=1e-9)
    confidence = data.draw(strategies.floats(0.5, 0.999))
    assert wilson(hits, n, confidence) == pytest.approx(
        proportion_confint(hits, n, 1 - confidence, method='wilson'), abs=1e-9)


def test_independent_episodes_have_a_design_effect_of_one() -> None:
    flags = [True, False, True, True, False, False, True]
    result = rate(flags, range(7))
    expected = binomtest(4, 7).proportion_ci(0.95, method='wilson')
    # One episode a panorama: the linearised variance is n/(n-1) times the binomial one.
    assert result.design_effect == pytest.approx(7 / 6)
    assert result.method == WILSON
    assert result.low <= expected.low and result.high >= expected.high


def test_identical_starts_count_as_one_episode() -> None:
    flags = [place % 2 == 0 for place in range(10) for _ in range(4)]
    result = rate(flags, [place for place in range(10) for _ in range(4)])
    assert result.design_effect == pytest.approx(4 * 10 / 9)
    assert (result.low, result.high) == pytest.approx(wilson(20 / (40 / 9), 40 / (40 / 9)))


@pytest.mark.parametrize('successes, sizes, expected', [
    ([4.0], [8.0], 8.0),
    ([0.0, 0.0], [4.0, 2.0], 3.0),
    ([4.0, 2.0], [4.0, 2.0], 3.0),
    ([2.0, 2.0, 2.0], [4.0, 4.0, 4.0], 1.0),
])
def test_design_effect_where_it_is_floored_or_unknown(
        successes: list[float], sizes: list[float], expected: float) -> None:
    assert design_effect(np.array(successes), np.array(sizes)) == pytest.approx(expected)


@pytest.mark.parametrize('clusters, share, method', [
    (19, 0.5, WILSON), (20, 0.5, BOOTSTRAP), (30, 0.0, WILSON), (30, 1.0, WILSON)])
def test_method_follows_the_number_of_panoramas(
        clusters: int, share: float, method: str) -> None:
    flags = [place < share * clusters for place in range(clusters) for _ in range(2)]
    result = rate(flags, [place for place in range(clusters) for _ in range(2)])
    assert result.method == method
    assert result.clusters == clusters
    assert result.low is not None and result.high is not None
    assert 0 <= result.low <= share + 0.05 and result.high >= share - 0.05


def test_bootstrap_does_not_depend_on_the_order_of_the_episodes() -> None:
    rng = np.random.default_rng(5)
    panoramas = np.repeat(np.arange(40), 4)
    flags = rng.random(160) < np.repeat(rng.random(40), 4)
    order = rng.permutation(160)
    assert rate(flags.tolist(), panoramas.tolist()) == rate(
        flags[order].tolist(), panoramas[order].tolist())


@pytest.mark.parametrize('sizes', [[4] * 60, [4, 8, 12, 16] * 15])
def test_bootstrap_covers_where_naive_wilson_falls_short(sizes: list[int]) -> None:
    rng = np.random.default_rng(11)
    runs, truth = 1000, 0.4
    # A panorama is easy or hard for all of its starts: correlation 0.4 between any two.
    luck = rng.beta(0.6, 0.9, (60, runs))
    flags = rng.random((sum(sizes), runs)) < np.repeat(luck, sizes, axis=0)
    found = rates(flags.astype(float), np.repeat(np.arange(60), sizes).tolist())
    assert {result.method for result in found} == {BOOTSTRAP}
    covered = np.mean([result.low <= truth <= result.high for result in found])
    naive = np.mean([
        result.naive['low'] <= truth <= result.naive['high'] for result in found])
    assert 0.92 <= covered <= 0.97
    assert naive < 0.85


@pytest.mark.parametrize('panoramas', [6, 12, 19])
def test_wilson_on_the_design_effect_covers_for_few_panoramas(panoramas: int) -> None:
    rng = np.random.default_rng(12)
    luck = rng.beta(0.6, 0.9, (panoramas, 1000))
    flags = rng.random((panoramas * 4, 1000)) < np.repeat(luck, 4, axis=0)
    found = rates(flags.astype(float), np.repeat(np.arange(panoramas), 4).tolist())
    assert {result.method for result in found} == {WILSON}
    assert np.mean([result.low <= 0.4 <= result.high for result in found]) >= 0.91


def test_columns_share_their_draws_and_are_each_a_rate_of_their_own() -> None:
    rng = np.random.default_rng(13)
    panoramas = np.repeat(np.arange(30), 4).tolist()
    flags = (rng.random((120, 1)) < [0.0, 0.2, 0.5, 1.0]).astype(float)
    found = rates(flags, panoramas)
    assert found == [rate(flags[:, column], panoramas) for column in range(4)]
    assert [result.method for result in found] == [WILSON, BOOTSTRAP, BOOTSTRAP, WILSON]
    assert found[1].low <= found[2].low and found[1].high <= found[2].high


def test_a_rate_shows_how_narrow_it_would_be_if_episodes_were_independent() -> None:
    flags = [place % 3 == 0 for place in range(40) for _ in range(4)]
    result = rate(flags, [place for place in range(40) for _ in range(4)])
    low, high = wilson(56, 160)
    assert result.naive == {'low': low, 'high': high, 'label': NAIVE}
    assert result.high - result.low > 1.5 * (high - low)


def test_an_episode_may_count_in_part() -> None:
    result = rate([0.5, 0.25, 1.0], ['a', 'a', 'b'])
    assert (result.successes, result.n) == (1.75, 3)
    assert result.value == pytest.approx(1.75 / 3)
    assert 0 < result.low < result.value < result.high < 1


def test_the_same_picture_in_two_scenes_is_one_cluster() -> None:
    lines = [
        {'panorama': 'a/pano.jpg', 'panorama_sha256': 'f00'},
        {'panorama': 'b/pano.jpg', 'panorama_sha256': 'f00'},
        {'panorama': 'c/pano.jpg', 'panorama_sha256': None},
        {'panorama': 'c/pano.jpg'}]
    assert rate([True, False, True, True], list(map(cluster_of, lines))).clusters == 2


def test_no_episodes_have_no_rate() -> None:
    result = rate([], [])
    assert (result.value, result.low, result.high, result.method) == (None, None, None, NO_DATA)
