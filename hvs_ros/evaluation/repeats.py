# SPDX-License-Identifier: Apache-2.0
"""What repeating every episode K times tells: mean@K, pass@K, and how steady outcomes are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hvs_ros.evaluation.statistics import cluster_of, rate, rates

Record = Mapping[str, Any]
ALL_UP_TO = 10


def repeat_metrics(
        name: str, scored: Sequence[Record], repeats: int, episodes: int) -> dict[str, Any] | None:
    """
    Return what K repeats say under the profile ``name``; None for a run without repeats.

    Over the episodes that are scored in every repeat, so that all figures are of the same ones;
    ``episodes`` is how many the run has.
    """
    if repeats < 2:
        return None
    whole = _whole(scored, repeats)
    flags = np.array(
        [[bool(record['success'][name]) for record in group] for group in whole],
        dtype=float).reshape(len(whole), repeats)
    clusters = [cluster_of(group[0]) for group in whole]
    numbers = _numbers(repeats)
    passes = rates(
        np.array([pass_at(k, repeats) for k in numbers]).T[flags.sum(axis=1).astype(int)],
        clusters)
    changed = [len({record['outcome'] for record in group}) > 1 for group in whole]
    return {
        'k': repeats, 'scored': len(whole), 'total': episodes,
        'mean_at_k': rate(
            flags.ravel().tolist(), [c for c in clusters for _ in range(repeats)]).to_dict(),
        'pass_at_k': {
            str(k): value.to_dict() for k, value in zip(numbers, passes, strict=True)},
        'changed': rate(changed, clusters).to_dict(),
        'per_repeat': flags.mean(axis=0).tolist() if whole else [],
        'run_sd': float(flags.mean(axis=0).std(ddof=1)) if whole else None}


def pass_at(k: int, repeats: int) -> np.ndarray:
    """
    Return the chance that k of the repeats hold a success, for 0 to ``repeats`` successes.

    The unbiased estimator 1 - C(n - c, k) / C(n, k) (Chen et al. 2021, arXiv 2107.03374),
    as a product so that no binomial overflows.
    """
    successes = np.arange(repeats + 1)
    drawn = np.arange(repeats - k + 1, repeats + 1)
    # C(n - c, k) / C(n, k) is the product of 1 - c / i over the last k numbers up to n.
    missed = np.prod(np.clip(1.0 - successes[:, None] / drawn, 0.0, None), axis=1)
    return 1.0 - missed


def _numbers(repeats: int) -> list[int]:
    """Return the k of pass@k: all of them while they are few, then powers of two and the last."""
    return [
        k for k in range(1, repeats + 1)
        if k <= ALL_UP_TO or k == repeats or k & (k - 1) == 0]


def _whole(scored: Sequence[Record], repeats: int) -> list[list[Record]]:
    """Return the records of every episode that is scored in all repeats, in their order."""
    groups: dict[str, list[Record]] = {}
    for record in sorted(scored, key=lambda record: (record['id'], record['repeat'])):
        groups.setdefault(record['id'], []).append(record)
    return [group for group in groups.values() if len(group) == repeats]
