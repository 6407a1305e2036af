# SPDX-License-Identifier: Apache-2.0
"""The success-by-turn curve, as the points and lines that a page draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hvs_ros.evaluation.groups import SPLIT_WORDS

WIDTH, HEIGHT = 560, 260
LEFT, RIGHT, TOP, BOTTOM = 44, 14, 12, 34
Metrics = Mapping[str, Any]


def turn_curve(metrics: Metrics) -> dict[str, Any] | None:
    """
    Return the share of searches that succeeded within so many turns, overall and by split.

    Each series has its ``points`` and a ``line`` in SVG units, the overall one also the ``band``
    of its intervals; ``ticks`` are the grid. None while nothing is scored.
    """
    overall = metrics['success_by_turn']
    if not overall or overall[0]['value'] is None:
        return None
    series = [_series('all', overall, band=True)]
    splits = metrics['success_by_turn_by_split']
    if len(splits) > 1:
        series += [_series(SPLIT_WORDS[split], rows) for split, rows in splits.items()]
    last = len(overall)
    return {
        'width': WIDTH, 'height': HEIGHT, 'left': LEFT, 'right': WIDTH - RIGHT,
        'bottom': HEIGHT - BOTTOM, 'series': series,
        'shares': [{'y': _y(share / 100), 'text': f'{share}%'} for share in range(0, 101, 25)],
        'turns': [
            {'x': _x(turn, last), 'text': str(turn)} for turn in range(1, last + 1)
            if last <= 20 or turn % 5 == 0]}


def _series(
        name: str, rows: Sequence[Mapping[str, Any]], *, band: bool = False) -> dict[str, Any]:
    last = len(rows)
    points = [
        {'x': _x(row['turn'], last), 'y': _y(row['value']), 'turn': row['turn'],
         'row': row} for row in rows]
    upper = [(_x(row['turn'], last), _y(row['high'])) for row in rows]
    lower = [(_x(row['turn'], last), _y(row['low'])) for row in reversed(rows)]
    return {
        'name': name, 'points': points,
        'line': _coordinates([(point['x'], point['y']) for point in points]),
        'band': _coordinates([*upper, *lower]) if band else ''}


def _coordinates(points: Sequence[tuple[float, float]]) -> str:
    return ' '.join(f'{x:g},{y:g}' for x, y in points)


def _x(turn: int, last: int) -> float:
    width = WIDTH - LEFT - RIGHT
    return round(LEFT + width * ((turn - 1) / (last - 1) if last > 1 else 0.5), 1)


def _y(share: float) -> float:
    return round(TOP + (HEIGHT - TOP - BOTTOM) * (1 - share), 1)
