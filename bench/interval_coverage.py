# SPDX-License-Identifier: Apache-2.0
"""
Simulate how often the intervals and tests of a run are right, where starts hang together.

    python bench/interval_coverage.py             # about ten seconds
    python bench/interval_coverage.py --runs 4000
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

from hvs_ros.evaluation.paired import compare_pairs
from hvs_ros.evaluation.statistics import rates

PANORAMAS = (10, 30, 60, 240)
SHARES = (0.05, 0.25, 0.5)
ALIKE = 0.4
"""Correlation of two searches in one panorama."""
PER_PANORAMA = {'4 each': (4,), '4 to 16': (4, 8, 12, 16)}
AT_ONCE = 500


def main(argv: Sequence[str] | None = None) -> None:
    """Print the shares of simulated runs whose interval holds the truth, and of false alarms."""
    parser = argparse.ArgumentParser(description=__doc__.split('\n')[1])
    parser.add_argument('--runs', type=int, default=1000, help='simulated runs a line')
    runs = parser.parse_args(argv).runs
    print('panoramas  searches  success   covered   naive Wilson')
    for panoramas in PANORAMAS:
        for words, sizes in PER_PANORAMA.items():
            for share in SHARES:
                covered, naive = _coverage(panoramas, sizes, share, runs)
                print(f'{panoramas:9}  {words:8}  {share:7.0%}  {covered:8.1%}  {naive:13.1%}')
    print('\npanoramas  sign flips   McNemar     (p <= 0.05 where both planners are alike)')
    for panoramas in PANORAMAS:
        flips, mcnemar = _false_alarms(panoramas, runs)
        print(f'{panoramas:9}  {flips:10.1%}  {mcnemar:8.1%}')


def _luck(rng: np.random.Generator, share: float, shape: tuple[int, int]) -> np.ndarray:
    """Return how easy panoramas are: a beta distribution whose searches correlate by ALIKE."""
    strength = (1.0 - ALIKE) / ALIKE
    return rng.beta(share * strength, (1.0 - share) * strength, shape)


def _coverage(
        panoramas: int, sizes: Sequence[int], share: float, runs: int) -> tuple[float, float]:
    rng = np.random.default_rng(panoramas)
    found = []
    for begin in range(0, runs, AT_ONCE):
        columns = min(AT_ONCE, runs - begin)
        counts = rng.choice(sizes, panoramas)
        luck = np.repeat(_luck(rng, share, (panoramas, columns)), counts, axis=0)
        flags = (rng.random(luck.shape) < luck).astype(float)
        found += rates(flags, np.repeat(np.arange(panoramas), counts).tolist())
    held = [(one.low, one.high, one.naive['low'], one.naive['high']) for one in found]
    low, high, naive_low, naive_high = np.array(held).T
    return (float(np.mean((low <= share) & (share <= high))),
            float(np.mean((naive_low <= share) & (share <= naive_high))))


def _false_alarms(panoramas: int, runs: int) -> tuple[float, float]:
    rng = np.random.default_rng(panoramas)
    names = np.repeat(np.arange(panoramas), 4).tolist()
    alarms = []
    for _ in range(runs):
        a, b = (rng.random((panoramas, 4)) < _luck(rng, 0.4, (panoramas, 1)) for _ in range(2))
        cell = compare_pairs(a.ravel(), b.ravel(), names)
        alarms.append([cell[test]['value'] <= 0.05 for test in ('p_value', 'mcnemar')])
    flips, mcnemar = np.mean(alarms, axis=0)
    return float(flips), float(mcnemar)


if __name__ == '__main__':
    main()
