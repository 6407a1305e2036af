# SPDX-License-Identifier: Apache-2.0
"""Rates with intervals that know that the episodes of one panorama are not independent."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
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
NAIVE = 'naive, too narrow'
_PART = 1000
"""Draws at once."""
_KEPT = 4096
"""Clusters up to which the draws are kept for the next rate: at most 41 MB, twice."""


@dataclass(frozen=True)
class Rate:
    """
    State a share of episodes with its interval and the method that made it.

    ``value``, ``low`` and ``high`` are shares in [0, 1], None without episodes; ``design_effect``
    is the variance over that of independent episodes, ``clusters`` the number of panoramas.
    ``successes`` is a fraction where episodes count in part. ``naive`` is Wilson's interval as if
    every episode were independent: {low, high, label}.
    """

    value: float | None
    low: float | None
    high: float | None
    successes: float
    n: int
    method: str
    clusters: int
    design_effect: float | None
    naive: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the rate as metrics.json holds it."""
        return asdict(self)


NO_RATE = Rate(None, None, None, 0, 0, NO_DATA, 0, None)


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
    total = float(sizes.sum())
    share = float(successes.sum()) / total
    return variance_ratio(successes, sizes, share * (1.0 - share))


def variance_ratio(sums: np.ndarray, sizes: np.ndarray, independent: float) -> float:
    """
    Return the variance of the mean ``sums / sizes`` over that of independent values, at least 1.

    ``sums`` and ``sizes`` are per cluster, ``independent`` is the variance of one value. The mean
    cluster size where the ratio is unknown: one cluster, or no variance at all.
    """
    total, groups = float(sizes.sum()), len(sizes)
    if groups < 2 or independent <= 0.0:
        return max(1.0, total / groups)
    residual = sums - float(sums.sum()) / total * sizes
    variance = groups / (groups - 1.0) * float((residual ** 2).sum()) / total ** 2
    return max(1.0, variance / (independent / total))


def cluster_of(record: Mapping[str, Any]) -> str:
    """Return what tells a record's panorama from others: its content, else scene and file."""
    return record.get('panorama_sha256') or str(record['panorama'])


def rate(flags: Sequence[float], panoramas: Sequence[Hashable]) -> Rate:
    """
    Return the share of true flags; ``panoramas`` names the cluster of each flag.

    A flag may also be a fraction in [0, 1]. Bootstrap over panoramas from 20 of them on; below,
    and at 0% or 100% where resampling has nothing to vary, Wilson on n / design effect.
    """
    return rates(np.asarray(flags, dtype=float)[:, None], panoramas)[0]


def rates(values: np.ndarray, panoramas: Sequence[Hashable]) -> list[Rate]:
    """
    Return the rate of every column of ``values``, (episodes, columns), in [0, 1].

    All columns are resampled by the same draws: a column that is nowhere below another has no
    lower interval either.
    """
    n, columns = values.shape
    if n == 0:
        return [NO_RATE] * columns
    sums, sizes = per_cluster(values, panoramas)
    hits = sums.sum(axis=0)
    varied = [
        column for column in range(columns)
        if len(sizes) >= MIN_CLUSTERS and 0 < hits[column] < n]
    intervals = dict(zip(varied, bootstrap(sums[:, varied], sizes), strict=True))
    return [
        _rate(sums[:, column], sizes, n, intervals.get(column)) for column in range(columns)]


def _rate(
        sums: np.ndarray, sizes: np.ndarray, n: int,
        interval: tuple[float, float] | None) -> Rate:
    total = float(sums.sum())
    hits = int(total) if total.is_integer() else total
    effect = design_effect(sums, sizes)
    low, high = interval or wilson(hits / effect, n / effect)
    naive_low, naive_high = wilson(hits, n)
    return Rate(
        hits / n, low, high, hits, n, BOOTSTRAP if interval else WILSON, len(sizes), effect,
        {'low': naive_low, 'high': naive_high, 'label': NAIVE})


def per_cluster(
        values: np.ndarray, panoramas: Sequence[Hashable]) -> tuple[np.ndarray, np.ndarray]:
    """
    Return (sums of every column, sizes) per cluster, in the order of the clusters' names.

    Ordered by name: no interval may depend on the order in which workers finished.
    """
    names = {name: place for place, name in enumerate(sorted(set(panoramas), key=str))}
    places = [names[name] for name in panoramas]
    sums = np.zeros((len(names), values.shape[1]))
    np.add.at(sums, places, values)
    return sums, np.bincount(places, minlength=len(names)).astype(float)


def bootstrap(sums: np.ndarray, sizes: np.ndarray) -> list[tuple[float, float]]:
    """
    Return the percentile interval of each column's ratio estimator over resampled clusters.

    ``sums`` is (clusters, columns), ``sizes`` (clusters,). Same clusters, same draws.
    """
    if sums.shape[1] == 0:
        return []
    both = np.column_stack([sums, sizes])
    drawn = np.concatenate([counts.astype(float) @ both for counts in _draws(len(sizes))]).T
    tail = (1.0 - CONFIDENCE) / 2.0
    low, high = np.quantile(
        np.ascontiguousarray(drawn[:-1] / drawn[-1]), (tail, 1.0 - tail), axis=1)
    return list(zip(low.tolist(), high.tolist(), strict=True))


def _draws(clusters: int) -> Iterable[np.ndarray]:
    """Return how often each cluster is drawn: parts of (DRAWS, clusters)."""
    return _few(clusters) if clusters <= _KEPT else _counted(clusters)


@lru_cache(maxsize=2)
def _few(clusters: int) -> list[np.ndarray]:
    return list(_counted(clusters))


def _counted(clusters: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    for _ in range(DRAWS // _PART):
        # Each row of draws gets its own range of numbers, so that one count serves them all.
        chosen = rng.integers(clusters, size=(_PART, clusters))
        chosen += clusters * np.arange(_PART)[:, None]
        counts = np.bincount(chosen.ravel(), minlength=_PART * clusters)
        # No cluster is drawn 256 times as long as there are others.
        yield counts.reshape(_PART, clusters).astype(np.uint8)
