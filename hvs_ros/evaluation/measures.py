# SPDX-License-Identifier: Apache-2.0
"""What a run's lines tell besides success: turns, angular errors, wasted answers, time, cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from hvs_ros.evaluation.outcomes import OUTCOMES
from hvs_ros.evaluation.statistics import cluster_of, rates

Record = Mapping[str, Any]
MILLION = 1e6


def outcome_counts(records: Sequence[Record], total: int) -> dict[str, int]:
    """Return how many searches came to each outcome, and how many have not been run."""
    counts = Counter(record['outcome'] for record in records)
    return {
        **{outcome: counts[outcome] for outcome in OUTCOMES}, 'not run': total - len(records)}


def success_by_turn(
        name: str, scored: Sequence[Record], max_turns: int) -> list[dict[str, Any]]:
    """Return, for every turn, the share of searches that succeeded in at most so many turns."""
    taken = np.array([
        len(record['turns']) if record['success'][name] else np.inf for record in scored])
    last = max([max_turns, *(len(record['turns']) for record in scored)])
    numbers = np.arange(1, last + 1)
    flags = (taken[:, None] <= numbers).astype(float)
    curve = rates(flags, [cluster_of(record) for record in scored])
    return [
        {'turn': turn, **point.to_dict()}
        for turn, point in zip(numbers.tolist(), curve, strict=True)]


def angular_errors(scored: Sequence[Record]) -> dict[str, Any]:
    """
    Return how far off the last gaze and the submitted numbers are, in degrees.

    To the centre of the annotated window along the great circle; under ``window`` to its nearest
    point, 0 inside. ``n`` of ``scored`` searches have such an error: not all submit.
    """
    return {
        part: _errors([
            record['errors'][part] for record in scored
            if record['errors'][part] is not None], len(scored))
        for part in ('gaze', 'answer')}


def _errors(errors: Sequence[Mapping[str, float]], scored: int) -> dict[str, Any]:
    return {
        **_spread([error['centre'] for error in errors]), 'n': len(errors), 'scored': scored,
        'window': _spread([error['window'] for error in errors])}


def _spread(values: Sequence[float]) -> dict[str, float | None]:
    if not values:
        return {'median': None, 'mean': None, 'p90': None}
    median, p90 = np.percentile(values, (50, 90))
    return {'median': float(median), 'mean': float(np.mean(values)), 'p90': float(p90)}


def wasted(records: Sequence[Record], scored: Sequence[Record], total: int) -> dict[str, Any]:
    """Return the shares of answers and searches that came to nothing, each with what it is of."""
    turns = [turn for record in scored for turn in record['turns']]
    counts = Counter(record['outcome'] for record in records)
    shares = {
        'invalid': (sum(_invalid(turn) for turn in turns), len(turns), 'turns'),
        'length': (sum(map(_cut, turns)), len(turns), 'turns'),
        'truncated': (counts['truncated'], len(scored), 'scored searches'),
        'not_found': (counts['not_found'], len(scored), 'scored searches'),
        'error': (counts['error'], total, 'all searches')}
    return {
        name: {
            'numerator': part, 'denominator': whole, 'value': part / whole if whole else None,
            'of': of, 'scored': len(scored), 'total': total}
        for name, (part, whole, of) in shares.items()}


def _invalid(turn: Mapping[str, Any]) -> bool:
    return not turn['valid'] and not turn['not_found']


def _cut(turn: Mapping[str, Any]) -> bool:
    return bool(turn['finish_reason'] == 'length')


def turn_counts(scored: Sequence[Record]) -> dict[str, Any]:
    """Return how many turns searches took and how many of them were wasted."""
    counts = [len(record['turns']) for record in scored]
    turns = [turn for record in scored for turn in record['turns']]
    invalid = sum(map(_invalid, turns))
    return {
        'mean': float(np.mean(counts)) if counts else None,
        'median': float(np.median(counts)) if counts else None,
        'count': len(turns), 'invalid': invalid,
        'invalid_rate': invalid / len(turns) if turns else None,
        'length': sum(map(_cut, turns))}


def token_counts(records: Sequence[Record]) -> dict[str, Any]:
    """Return the tokens of all recorded turns."""
    counts = [turn['tokens'] for record in records for turn in record['turns']]
    prompt = sum(count.get('prompt', 0) for count in counts)
    completion = sum(count.get('completion', 0) for count in counts)
    return {
        'prompt': prompt, 'completion': completion,
        'per_turn': (prompt + completion) / len(counts) if counts else None}


def cost(
        tokens: Mapping[str, Any], searches: int,
        prices: Mapping[str, float] | None) -> dict[str, Any] | None:
    """Return what the tokens cost at the prices of a million, None where none are given."""
    if not prices:
        return None
    parts = {name: tokens[name] * prices[name] / MILLION for name in ('prompt', 'completion')}
    total = sum(parts.values())
    return {
        **parts, 'total': total, 'per_search': total / searches if searches else None,
        'prices_per_million': dict(prices)}


def latency(records: Sequence[Record]) -> dict[str, Any]:
    """Return percentiles of the planner's time for one answer, in seconds."""
    times = [turn['latency_s'] for record in records for turn in record['turns']]
    if not times:
        return {'p50': None, 'p95': None, 'n': 0}
    p50, p95 = np.percentile(times, (50, 95))
    return {'p50': float(p50), 'p95': float(p95), 'n': len(times)}
