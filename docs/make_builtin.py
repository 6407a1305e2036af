# SPDX-License-Identifier: Apache-2.0
"""
Write the tables of the built-in planner into docs/builtin-planner.md, from measured rows.

    hvs train table --json docs/builtin-planner.json
    python docs/make_builtin.py
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROWS = HERE / 'builtin-planner.json'
PAGE = HERE / 'builtin-planner.md'
BEGIN, END = '<!-- table: builtin -->', '<!-- end -->'
HEAD = ('set', 'searches', 'planner', 'success', 'inside its own box', 'median error', 'not found',
        'turns', 'n')
Row = Mapping[str, Any]


def table(rows: Iterable[Row]) -> str:
    """Return the rows as Markdown."""
    lines = ['| ' + ' | '.join(HEAD) + ' |', '|' + ' --- |' * len(HEAD)]
    lines += ['| ' + ' | '.join(cells(row)) + ' |' for row in rows]
    return '\n'.join(lines)


def cells(row: Row) -> tuple[str, ...]:
    """Return what a row shows in each column."""
    chance = row['planner'] == 'chance'
    return (
        row['set'], row['kind'], row['planner'], _rate(row['success']),
        '' if chance else _percent(row['inside']),
        '' if row['error'] is None else f'{row["error"]:.1f}°',
        '' if chance else _percent(row['not_found']), '' if chance else f'{row["turns"]:.1f}',
        str(row['n']))


def _rate(success: Row) -> str:
    low, high = success.get('low'), success.get('high')
    interval = '' if low is None or high is None else f' ({100 * low:.0f} to {100 * high:.0f})'
    return f'{_percent(success["value"])}{interval}'


def _percent(share: float) -> str:
    return f'{100 * share:.1f}%'


def written(page: str, rows: Iterable[Row]) -> str:
    """Return the page with its table made anew."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f'{before}{BEGIN}\n{table(rows)}\n{END}{after}'


def main() -> None:
    """Write the page."""
    rows = json.loads(ROWS.read_text(encoding='utf-8'))
    PAGE.write_text(written(PAGE.read_text(encoding='utf-8'), rows), encoding='utf-8')
    print(f'{PAGE}: {len(rows)} rows')


if __name__ == '__main__':
    main()
