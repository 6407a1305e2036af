# SPDX-License-Identifier: Apache-2.0
"""Rates with intervals that know that the episodes of one panorama are not independent."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
import math
from statistics import NormalDist
from typing import Any

import numpy as np

MIN_CLUSTERS = 20
DRAWS = 10_000
BOOTSTRAP_SEED = 20251120
CONFIDENCE = 0.95
BOOTSTRAP = 'bootstrap over panoramas'
WILSON = 'Wilson on n / design effect'
NO_DATA = 'no episodes'


@dataclass(frozen=True)
class Rate:
    """
    State a share of episodes with its interval and the method that made it.

    ``value``, ``low`` and ``high`` are shares in [0, 1], None without episodes; ``design_effect``
    is the variance over that of independent episodes, ``clusters`` the number of panoramas.
    """

    value: float | None
    low: float | None
    high: float | None
    successes: int
    n: int
    method: str
    clusters: int
    design_effect: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the rate as metrics.json holds it."""
        return asdict(self)


def wilson(
        successes: float, n: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return Wilson's score interval; ``n`` may be an effective, fractional size above 0."""
    z2 = NormalDist().inv_cdf(0.5 + confidence / 2.0) ** 2
    share = successes / n
    centre = (share + z2 / (2.0 * n)) / (1.0 + z2 / n)
    half = math.sqrt(z2 * (share * (1.0 - share) / n + z2 / (4.0 * n * n))) / (1.0 + z2 / n)
    # At the ends the bound is exact; rounding must not push it past the share itself.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return low, high


def design_effect(successes: np.ndarray, sizes: np.ndarray) -> float:
    """
    Return how much wider clustering makes the variance of the ratio estimator, at least 1.

    Linearised between-cluster variance over p(1 - p)/n (Kish's design effect). The mean cluster
    size where it cannot be estimated: one cluster, or every episode alike.
    """
    total, groups = float(sizes.sum()), len(sizes)
    share = float(successes.sum()) / total
    if groups < 2 or share in (0.0, 1.0):
        return max(1.0, total / groups)
    residual = successes - share * sizes
    variance = groups / (groups - 1.0) * float((residual ** 2).sum()) / total ** 2
    return max(1.0, variance / (share * (1.0 - share) / total))


def rate(flags: Sequence[bool], panoramas: Sequence[Hashable]) -> Rate:
    """
    Return the share of true flags; ``panoramas`` names the cluster of each flag.

    Bootstrap over panoramas from 20 of them on; below, and at 0% or 100% where resampling has
    nothing to vary, Wilson on n / design effect.
    """
    n = len(flags)
    if n == 0:
        return Rate(None, None, None, 0, 0, NO_DATA, 0, None)
    successes, sizes = _per_cluster(flags, panoramas)
    hits = int(successes.sum())
    effect = design_effect(successes, sizes)
    if len(sizes) >= MIN_CLUSTERS and 0 < hits < n:
        low, high = _bootstrap(tuple(successes.tolist()), tuple(sizes.tolist()))
        method = BOOTSTRAP
    else:
        low, high = wilson(hits / effect, n / effect)
        method = WILSON
    return Rate(hits / n, low, high, hits, n, method, len(sizes), effect)


def _per_cluster(
        flags: Sequence[bool], panoramas: Sequence[Hashable]) -> tuple[np.ndarray, np.ndarray]:
    index: dict[Hashable, int] = {}
    places = [index.setdefault(name, len(index)) for name in panoramas]
    weights = np.asarray(flags, dtype=float)
    return (np.bincount(places, weights, len(index)),
            np.bincount(places, minlength=len(index)).astype(float))


@lru_cache(maxsize=64)
def _bootstrap(successes: tuple[float, ...], sizes: tuple[float, ...]) -> tuple[float, float]:
    """Return the percentile interval of the ratio estimator over resampled clusters."""
    # Sorted clusters: the interval must not depend on the order in which workers finished.
    pairs = np.array(sorted(zip(successes, sizes, strict=True)))
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    draws = np.empty(DRAWS)
    for begin in range(0, DRAWS, 1000):
        chosen = rng.integers(len(pairs), size=(1000, len(pairs)))
        sums = pairs[chosen].sum(axis=1)
        draws[begin:begin + 1000] = sums[:, 0] / sums[:, 1]
    tail = (1.0 - CONFIDENCE) / 2.0
    low, high = np.quantile(draws, (tail, 1.0 - tail))
    return float(low), float(high)
