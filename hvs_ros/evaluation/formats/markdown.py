# SPDX-License-Identifier: Apache-2.0
"""A run's results as Markdown tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
import re

from hvs_ros.evaluation.benchmark_table import (
    ABOUT,
    NOTES,
    Cell,
    benchmark_rows,
    column_words,
)
from hvs_ros.evaluation.cards import visible
from hvs_ros.evaluation.results import Results
from hvs_ros.evaluation.tables import (
    comparison_rows,
    headline,
    interval,
    measure_lines,
    outcome_words,
    percent,
    score_rows,
)

_SPECIAL = re.compile(r'([\\`*_{}\[\]<>()#+!|~])')


def markdown(results: Results) -> str:
    """Return everything that the page's tables tell; an unfinished run shows its bounds."""
    metrics = results.metrics
    parts = [
        f'# {escaped(results.name)}', f'{escaped(headline(metrics))}.',
        '## Beside the published results',
        _table(('success, %', *column_words(), *ABOUT, 'compared with this run'), [
            (escaped(row.model), *map(_cell, row.cells), *map(escaped, row.about),
             'this run' if row.own else row.comparison) for row in benchmark_rows(results)]),
        ' '.join(map(escaped, NOTES)),
        '## Success',
        _table(('episodes', 'success', '95% interval', 'scored', 'chance'), _plain(
            score_rows(metrics))),
        f'## Success by turn, of {metrics["scored"]}/{metrics["total"]} searches scored',
        _table(('turns at most', 'success', '95% interval', 'searches'), [
            (str(row['turn']), percent(row['value']), interval(row),
             f'{row["successes"]}/{row["n"]}') for row in metrics['success_by_turn']]),
        '## Other profiles, on the episodes that transfer',
        _table(('profile', 'transferable', f'{results.profile} on those', 'its own on the same',
                'gained, lost', 'bounds over all'), _plain(comparison_rows(metrics))),
        f'Outcomes: {escaped(outcome_words(metrics))}.',
        *map(escaped, measure_lines(metrics))]
    return '\n\n'.join(parts) + '\n'


def _cell(cell: Cell) -> str:
    return ' '.join([cell.text, *(f'({part})' for part in cell.parts)])


def _plain(rows: Iterable[Sequence[str]]) -> list[tuple[str, ...]]:
    return [tuple(map(escaped, row)) for row in rows]


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ['---', *['---:'] * (len(header) - 1)], *rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def escaped(text: object) -> str:
    """Return text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(r'\\\1', ' '.join(visible(text).split()))
