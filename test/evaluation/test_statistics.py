# SPDX-License-Identifier: Apache-2.0
"""Intervals: right where others know the answer, wider where episodes hang together."""

from __future__ import annotations

from hypothesis import given, settings, strategies
import numpy as np
import pytest
from scipy.stats import binomtest

from hvs_ros.evaluation.statistics import (
    BOOTSTRAP,
    NO_DATA,
    WILSON,
    design_effect,
    rate,
    wilson,
)


@settings(max_examples=80, derandomize=True, deadline=None)
@given(strategies.integers(1, 400), strategies.data())
def test_wilson_agrees_with_scipy(n: int, data: strategies.DataObject) -> None:
    hits = data.draw(strategies.integers(0, n))
    expected = binomtest(hits, n).proportion_ci(0.95, method='wilson')
    assert wilson(hits, n) == pytest.approx((expected.low, expected.high), abs=1e-9)


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


def test_bootstrap_covers_where_naive_wilson_falls_short() -> None:
    rng = np.random.default_rng(11)
    runs, inside, naive = 80, 0, 0
    for _ in range(runs):
        flags = np.repeat(rng.random(60) < 0.4, 4) ^ (rng.random(240) < 0.05)
        truth = 0.4 * 0.95 + 0.6 * 0.05
        result = rate(flags.tolist(), np.repeat(np.arange(60), 4).tolist())
        low, high = wilson(int(flags.sum()), 240)
        inside += result.low <= truth <= result.high  # type: ignore[operator]
        naive += low <= truth <= high
    assert 0.90 <= inside / runs <= 0.99
    assert naive / runs < 0.80


def test_no_episodes_have_no_rate() -> None:
    result = rate([], [])
    assert (result.value, result.low, result.high, result.method) == (None, None, None, NO_DATA)
