# SPDX-License-Identifier: Apache-2.0
"""Two planners on the same searches: difference, interval and tests that know of panoramas."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import asdict, dataclass
import math
from typing import Any

import numpy as np

from hvs_ros.evaluation.statistics import (
    BOOTSTRAP,
    BOOTSTRAP_SEED,
    CONFIDENCE,
    DRAWS,
    MIN_CLUSTERS,
    NO_DATA,
    bootstrap,
    per_cluster,
    variance_ratio,
    wilson,
)

EXACT_BELOW = 14
NEWCOMBE = 'Newcombe on n / design effect'
SIGN_FLIPS = 'sign flips over panoramas'
MCNEMAR = 'treats episodes as independent'
_PART = 1000


@dataclass(frozen=True)
class Table:
    """Count pairs of searches by who succeeded."""

    both: float
    only_a: float
    only_b: float
    neither: float

    @property
    def n(self) -> float:
        """Return the number of pairs."""
        return self.both + self.only_a + self.only_b + self.neither

    def over(self, effect: float) -> Table:
        """Return the counts of so many fewer, independent pairs."""
        return Table(*(count / effect for count in asdict(self).values()))


def compare_pairs(
        a: Sequence[bool], b: Sequence[bool], panoramas: Sequence[Hashable]) -> dict[str, Any]:
    """
    Return everything that pairs of successes tell; ``panoramas`` names the cluster of each.

    ``difference`` is B minus A with its 95% interval: bootstrap over panoramas from 20 of them
    on; below, and where no pair disagrees, Newcombe's on n / design effect. ``p_value`` is from
    sign flips over panoramas, ``mcnemar`` the exact test that takes pairs as independent.
    """
    flags = np.column_stack([np.asarray(a, dtype=float), np.asarray(b, dtype=float)])
    table = _table(flags)
    n = len(flags)
    cell: dict[str, Any] = {
        'pairs': n, 'a': _share(flags[:, 0]), 'b': _share(flags[:, 1]), 'table': asdict(table)}
    if n == 0:
        return {
            **cell, 'difference': _difference(None, (None, None), NO_DATA, 0, None),
            'p_value': None, 'mcnemar': None}
    sums, sizes = per_cluster(flags, panoramas)
    gains = sums[:, 1] - sums[:, 0]
    value = (table.only_b - table.only_a) / n
    effect = variance_ratio(gains, sizes, (table.only_a + table.only_b) / n - value ** 2)
    if len(sizes) >= MIN_CLUSTERS and table.only_a + table.only_b > 0:
        interval, method = bootstrap(gains[:, None], sizes)[0], BOOTSTRAP
    else:
        interval, method = newcombe(table.over(effect)), NEWCOMBE
    p_value, draws = sign_flip(gains)
    return {
        **cell, 'difference': _difference(value, interval, method, len(sizes), effect),
        'p_value': {
            'value': p_value, 'method': SIGN_FLIPS, 'draws': draws, 'exact': draws is None},
        'mcnemar': {
            'value': mcnemar(int(table.only_a), int(table.only_b)), 'label': MCNEMAR}}


def _table(flags: np.ndarray) -> Table:
    a, b = flags[:, 0] > 0, flags[:, 1] > 0
    return Table(*(int(np.sum(found)) for found in (a & b, a & ~b, ~a & b, ~a & ~b)))


def _share(flags: np.ndarray) -> dict[str, Any]:
    hits = int(flags.sum())
    return {'value': hits / len(flags) if len(flags) else None, 'successes': hits,
            'n': len(flags)}


def _difference(
        value: float | None, interval: tuple[float | None, float | None], method: str,
        clusters: int, effect: float | None) -> dict[str, Any]:
    return {
        'value': value, 'low': interval[0], 'high': interval[1], 'method': method,
        'clusters': clusters, 'design_effect': effect}


def newcombe(table: Table, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """
    Return the score interval of the difference B - A of paired shares.

    Method 10 of Newcombe, Statistics in Medicine 17 (1998) 2635: Wilson's intervals of the two
    shares, put together with their correlation. Counts may be fractional.
    """
    n = table.n
    a, b = (table.both + table.only_a) / n, (table.both + table.only_b) / n
    (a_low, a_high), (b_low, b_high) = (
        wilson(share * n, n, confidence) for share in (a, b))
    phi = _phi(table)
    down = _joined(b - b_low, a_high - a, phi)
    up = _joined(b_high - b, a - a_low, phi)
    return max(-1.0, b - a - down), min(1.0, b - a + up)


def _joined(one: float, other: float, phi: float) -> float:
    return math.sqrt(max(0.0, one * one - 2.0 * phi * one * other + other * other))


def _phi(table: Table) -> float:
    """Return the correlation of the two shares, corrected for continuity."""
    a, b = table.both + table.only_a, table.both + table.only_b
    product = a * (table.n - a) * b * (table.n - b)
    if product <= 0.0:
        return 0.0
    excess = table.both * table.neither - table.only_a * table.only_b
    if excess > 0.0:
        excess = max(0.0, excess - table.n / 2.0)
    return excess / math.sqrt(product)


def sign_flip(gains: np.ndarray) -> tuple[float, int | None]:
    """
    Return (two-sided p-value, number of draws; None for all flips) of gains per panorama.

    Were both planners alike, a panorama's gain could as well have had the other sign, all of its
    searches together. All flips under 14 panoramas that say anything, else 10,000 drawn ones.
    """
    telling = gains[gains != 0]
    bar = abs(float(telling.sum()))
    if len(telling) < EXACT_BELOW:
        patterns = np.arange(2 ** len(telling))[:, None] >> np.arange(len(telling)) & 1
        return float(np.mean(np.abs(_flipped(patterns, telling)) >= bar)), None
    as_far = sum(
        int(np.sum(np.abs(_flipped(patterns, telling)) >= bar))
        for patterns in _drawn(len(telling)))
    # The flip that was observed is one of those that might have been drawn.
    return (as_far + 1) / (DRAWS + 1), DRAWS


def _flipped(patterns: np.ndarray, gains: np.ndarray) -> np.ndarray:
    return (1.0 - 2.0 * patterns) @ gains


def _drawn(panoramas: int) -> Iterator[np.ndarray]:
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    for _ in range(DRAWS // _PART):
        yield rng.integers(2, size=(_PART, panoramas), dtype=np.int8)


def mcnemar(only_a: int, only_b: int) -> float:
    """Return the p-value of McNemar's exact two-sided test."""
    disagree, fewer = only_a + only_b, min(only_a, only_b)
    tail, term = 0, 1
    for k in range(fewer + 1):
        tail += term
        term = term * (disagree - k) // (k + 1)
    return min(1.0, 2 * tail / 2 ** disagree)
