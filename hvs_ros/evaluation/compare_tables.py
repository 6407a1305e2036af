# SPDX-License-Identifier: Apache-2.0
"""A comparison as a person reads it: text for a terminal, markdown, or rows of CSV."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
import csv
import io
from typing import Any

from hvs_ros.evaluation.paired import MCNEMAR
from hvs_ros.evaluation.tables import aligned, percent

Comparison = Mapping[str, Any]
Cell = Mapping[str, Any]
HEADER = ('', 'pairs', 'A', 'B', 'B − A', '95% interval', 'p', "McNemar's p")
CSV_HEADER = (
    'group', 'exploratory', 'pairs', 'a_successes', 'b_successes', 'only_a', 'only_b',
    'difference', 'low', 'high', 'method', 'clusters', 'design_effect', 'p_value',
    'mcnemar_p_value')
FLIP_HEADER = ('episode', 'A', '', 'B', '')
LONGEST_VALUE = 48


def text_comparison(result: Comparison, most_flips: int = 20) -> str:
    """Return the comparison for a terminal, with so many flipped searches at most."""
    parts = [*_opening(result), '', aligned(HEADER, _rows(result)), '']
    if result['by_profile']:
        parts += [
            'Under one profile, on the pairs that transfer to it in both runs:',
            aligned(('', 'n of N', *HEADER[2:]), _profile_rows(result)), '']
    flips, note = _flips(result, most_flips)
    parts.append(note)
    if flips:
        parts += ['', aligned(FLIP_HEADER, flips)]
    return '\n'.join(parts)


def markdown_comparison(result: Comparison, most_flips: int = 20) -> str:
    """Return the comparison as markdown."""
    opening = '\n'.join(f'{_cell_text(line)}  ' for line in _opening(result))
    parts = [opening, '', _markdown(HEADER, _rows(result))]
    if result['by_profile']:
        parts += [
            'Under one profile, on the pairs that transfer to it in both runs:', '',
            _markdown(('', 'n of N', *HEADER[2:]), _profile_rows(result))]
    flips, note = _flips(result, most_flips)
    parts.append(note)
    if flips:
        parts += ['', _markdown(FLIP_HEADER, flips)]
    return '\n'.join(parts)


def csv_comparison(result: Comparison) -> str:
    """Return one row a group, shares in [0, 1]; every group but the first is exploratory."""
    stream = io.StringIO()
    rows = csv.writer(stream, lineterminator='\n')
    rows.writerow(CSV_HEADER)
    for name, cell in _named_cells(result):
        found, table = cell['difference'], cell['table']
        rows.writerow([
            name, name != 'overall', cell['pairs'], cell['a']['successes'],
            cell['b']['successes'], table['only_a'], table['only_b'], found['value'],
            found['low'], found['high'], found['method'], found['clusters'],
            found['design_effect'], cell['p_value']['value'], cell['mcnemar']['value']])
    return stream.getvalue()


def headline(result: Comparison) -> str:
    """Return the sentence a comparison comes to."""
    cell = result['overall']
    found, test = cell['difference'], cell['p_value']
    draws = 'all flips' if test['exact'] else f'{test["draws"]} draws'
    return (
        f'B − A = {_points(found["value"])} points '
        f'(A {_share(cell["a"])}, B {_share(cell["b"])}), 95% interval {_interval(found)} '
        f'({found["method"]}, {found["clusters"]} panoramas, design effect '
        f'{found["design_effect"]:.2f}), p {_is(test["value"])} ({test["method"]}, {draws}).')


def _opening(result: Comparison) -> list[str]:
    pairs = result['pairs']
    dropped = ', '.join(f'{count} {reason}' for reason, count in pairs['dropped'].items())
    lines = [_side(label, result[label.lower()]) for label in ('A', 'B')]
    lines += [f'Note: {note}.' for note in result['notes']]
    lines += [
        f'Differs: {entry["field"]} is {_value(entry["a"])} in A, {_value(entry["b"])} in B.'
        for entry in result['differs']]
    lines += [
        f'Pairs: {pairs["used"]} used; dropped: {dropped or "none"}.', headline(result),
        f'McNemar\'s exact test, p {_is(result["overall"]["mcnemar"]["value"])}, {MCNEMAR}.',
        f'Splits and levels are {result["exploratory"]}.']
    return lines


def _side(label: str, side: Mapping[str, Any]) -> str:
    models = f' ({", ".join(side["models"])})' if side['models'] else ''
    return _printable(f'{label}: {side["run"]}: {side["planner"]}{models}, {side["profile"]}, '
                      f'{side["scored"]}/{side["total"]} scored')


def _printable(text: str) -> str:
    """Return the text without what a terminal would obey or cannot be written."""
    return ''.join(sign if sign.isprintable() else ascii(sign)[1:-1] for sign in text)


def _value(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST_VALUE else f'{text[:LONGEST_VALUE]}…'


def _named_cells(result: Comparison) -> Iterator[tuple[str, Cell]]:
    yield 'overall', result['overall']
    for grouping in ('by_split', 'by_level'):
        yield from result[grouping].items()


def _rows(result: Comparison) -> list[tuple[str, ...]]:
    return [(name, str(cell['pairs']), *_figures(cell)) for name, cell in _named_cells(result)]


def _profile_rows(result: Comparison) -> list[tuple[str, ...]]:
    return [
        (name, f'{cell["transferable"]["n"]} of {cell["transferable"]["total"]}',
         *_figures(cell)) for name, cell in result['by_profile'].items()]


def _figures(cell: Cell) -> tuple[str, ...]:
    if not cell['pairs']:
        return ('–',) * 6
    found = cell['difference']
    return (
        _share(cell['a']), _share(cell['b']), _points(found['value']), _interval(found),
        _p(cell['p_value']['value']), _p(cell['mcnemar']['value']))


def _share(share: Mapping[str, Any]) -> str:
    return f'{percent(share["value"])} ({share["successes"]}/{share["n"]})'


def _points(value: float) -> str:
    return f'{100 * value:+.1f}'


def _interval(found: Mapping[str, Any]) -> str:
    return f'{_points(found["low"])} to {_points(found["high"])}'


def _p(value: float) -> str:
    return '< 0.001' if value < 0.001 else f'{value:.3f}'


def _is(value: float) -> str:
    return _p(value) if value < 0.001 else f'= {_p(value)}'


def _flips(result: Comparison, most: int) -> tuple[list[tuple[str, ...]], str]:
    """Return (rows of flipped searches, the sentence above them)."""
    flips = result['flipped']
    won = sum(flip['won_by'] == 'B' for flip in flips)
    note = f'Flipped: {won} won by B, {len(flips) - won} won by A'
    if len(flips) > most:
        note += f'; the first {most}, all of them in --json'
    return [
        (_episode(flip), *_told(flip['a']), *_told(flip['b'])) for flip in flips[:most]
    ], f'{note}.'


def _episode(flip: Mapping[str, Any]) -> str:
    repeat = f' (repeat {flip["repeat"]})' if flip['repeat'] else ''
    return _printable(flip['id']) + repeat


def _told(side: Mapping[str, Any]) -> tuple[str, str]:
    answer = 'no answer'
    if side['answer'] is not None:
        answer = f'submit({", ".join(_short(number) for number in side["answer"])})'
    turns = f'{side["turns"]} turn{"" if side["turns"] == 1 else "s"}'
    return f'{side["outcome"]}, {turns}', answer


def _short(number: float) -> str:
    text = str(number)
    return text if len(text) <= 12 else f'{text[:8]}…'


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ['---'] * len(header), *rows]
    return ''.join(f'| {" | ".join(map(_cell_text, line))} |\n' for line in lines)


def _cell_text(text: str) -> str:
    return text.replace('\\', '\\\\').replace('|', '\\|').replace('<', '&lt;')
