# SPDX-License-Identifier: Apache-2.0
"""The headline table: a run's success by split and level beside the published rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hvs_ros.evaluation.groups import LEVELS, SPLIT_WORDS
from hvs_ros.evaluation.published_results import ROWS, PublishedRow, protocol_of
from hvs_ros.evaluation.results import Results

COLUMNS = tuple(
    (split, level) for split, levels in LEVELS.items() for level in ('overall', *levels))
ABOUT = ('profile', 'release', 'context', 'images')
NOTES = (
    'The published rows are not one protocol among themselves. Profiles marked * are inferred '
    'from when a row was published, they are not stated with it.',
    'Published rows carry no intervals; those of this run are 95%, over panoramas.')


@dataclass(frozen=True)
class Cell:
    """Hold one success in percent with its interval and scored/total, as far as known."""

    value: float | None = None
    low: float | None = None
    high: float | None = None
    scored: int | None = None
    total: int | None = None
    incomplete: bool = False

    @property
    def text(self) -> str:
        """Return the value as a table prints it; of an unfinished group only its bounds."""
        if self.incomplete:
            return f'incomplete, {self.low:.1f}–{self.high:.1f}'
        return '–' if self.value is None else f'{self.value:.{1 if self.counted else 2}f}'

    @property
    def parts(self) -> list[str]:
        """Return the interval, where there is one, and scored/total, where it is known."""
        if not self.counted:
            return []
        counts = f'{self.scored}/{self.total}'
        if self.incomplete or self.low is None:
            return [counts]
        return [f'{self.low:.1f}–{self.high:.1f}', counts]

    @property
    def counted(self) -> bool:
        """Return whether it is known how many searches were scored."""
        return self.total is not None


@dataclass(frozen=True)
class Row:
    """Hold a line of the headline table; ``comparison`` says why it is not comparable, if so."""

    model: str
    cells: Sequence[Cell]
    about: Sequence[str]
    comparison: str = ''
    note: str = ''
    own: bool = False


def benchmark_rows(results: Results) -> list[Row]:
    """Return the run's own row, then the published ones, each with how it was made."""
    protocol = protocol_of(results)
    about = (protocol.profile, protocol.release, protocol.context, protocol.images)
    own = Row(model_name(results), [_own(results, *column) for column in COLUMNS], about, own=True)
    return [own, *(_published(row, protocol.differences(row)) for row in ROWS)]


def model_name(results: Results) -> str:
    """Return who answered: the model as its server named it, else the planner; and shortcuts."""
    models = sorted({record['model'] for record in results.records if record['model']})
    planner = str(results.manifest['config']['planner'])
    used = results.manifest.get('planner', {}).get('shortcuts')
    return (', '.join(models) or planner) + (f' with {", ".join(used)}' if used else '')


def _own(results: Results, split: str, level: str) -> Cell:
    group, key = ('by_split', split) if level == 'overall' else ('by_level', f'{split}/{level}')
    cell: Mapping[str, Any] | None = results.driving[group].get(key)
    if cell is None:
        return Cell()
    scored, total = cell['scored'], cell['total']
    if scored < total:
        bounds = cell['bounds']
        return Cell(None, 100 * bounds['low'], 100 * bounds['high'], scored, total, True)
    rate = cell['success']
    return Cell(_hundred(rate['value']), _hundred(rate['low']), _hundred(rate['high']),
                scored, total)


def _hundred(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _published(row: PublishedRow, differences: Sequence[str]) -> Row:
    mark = '*' if row.profile_inferred else ''
    said = f'not the same protocol: {", ".join(differences)}' if differences else 'same protocol'
    return Row(
        row.model, [Cell(value) for value in (*row.hos, *row.hps)],
        (row.profile + mark, row.release, row.context, row.images), said, row.note)


def column_words() -> list[str]:
    """Return the heading of each column of numbers."""
    return [
        SPLIT_WORDS[split] if level == 'overall' else f'{SPLIT_WORDS[split]} {level}'
        for split, level in COLUMNS]
