# SPDX-License-Identifier: Apache-2.0
"""Tables of a run that a person reads in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Metrics = Mapping[str, Any]
QUIRK_WORDS = {
    'Q1': 'Q1: a window across yaw 0 is scored on yaw alone',
    'Q2': 'Q2: the submitted numbers are scored, not the gaze',
    'Q3': 'Q3: a full-circle window collapses to a point',
}


def percent(share: float | None) -> str:
    """Return a share as a percentage with one decimal, a dash where there is none."""
    return '–' if share is None else f'{100 * share:.1f}%'


def interval(rate: Mapping[str, Any]) -> str:
    """Return a rate's interval in percent."""
    if rate['low'] is None:
        return '–'
    return f'{100 * rate["low"]:.1f}–{100 * rate["high"]:.1f}'


def headline(metrics: Metrics) -> str:
    """Return the one sentence a run comes to; it says so when the run is incomplete."""
    overall = metrics['profiles'][metrics['profile']]['overall']
    rate = overall['success']
    if metrics['status'] == 'incomplete':
        bounds = overall['bounds']
        return (
            f'incomplete: {metrics["scored"]}/{metrics["total"]} episodes scored under '
            f'{metrics["profile"]}; success over all lies in '
            f'{percent(bounds["low"])} to {percent(bounds["high"])}')
    return (
        f'success {percent(rate["value"])} ({rate["successes"]}/{rate["n"]}) under '
        f'{metrics["profile"]}, 95% interval {interval(rate)} ({method_words(rate)}), '
        f'chance {percent(overall["chance"])}')


def method_words(rate: Mapping[str, Any]) -> str:
    """Return how a rate's interval was made."""
    if rate['design_effect'] is None:
        return str(rate['method'])
    return f'{rate["method"]}, {rate["clusters"]} panoramas, '\
           f'design effect {rate["design_effect"]:.2f}'


def score_rows(metrics: Metrics) -> list[tuple[str, ...]]:
    """
    Return rows of (what, success, 95% interval, scored/total, chance).

    A group with unscored searches has no success yet, only bounds.
    """
    driving = metrics['profiles'][metrics['profile']]
    cells: list[tuple[str, Any]] = [('overall', driving['overall'])]
    for group in ('by_split', 'by_level'):
        cells += list(driving[group].items())
    return [
        (name, *_share(cell), f'{cell["scored"]}/{cell["total"]}',
         percent(cell['chance'])) for name, cell in cells]


def comparison_rows(metrics: Metrics) -> list[tuple[str, ...]]:
    """Return rows of (profile, transferable, driving on those, its own on the same, bounds)."""
    rows: list[tuple[str, ...]] = []
    for name, other in metrics['profiles'].items():
        if name == metrics['profile']:
            continue
        shared, bounds = other['transferable'], other['bounds']
        rows.append((
            name, f'{shared["n"]} of {shared["total"]}',
            _counted(other['driving_success_on_same']), _counted(other['success_on_same']),
            f'+{len(other["gained"])} −{len(other["lost"])}',
            f'{percent(bounds["low"])}–{percent(bounds["high"])}'))
    return rows


def quirk_lines(metrics: Metrics) -> list[str]:
    """Return one line an episode that another profile gains or loses, with the reason."""
    lines = []
    for name, other in metrics['profiles'].items():
        for word in ('gained', 'lost'):
            for change in other.get(word, ()):
                reasons = '; '.join(QUIRK_WORDS[quirk] for quirk in change['quirks'])
                repeat = f' (repeat {change["repeat"]})' if change['repeat'] else ''
                lines.append(f'{word} under {name}: {change["id"]}{repeat}, {reasons}')
    return lines


def outcome_words(metrics: Metrics) -> str:
    """Return the counts of the outcomes that occurred."""
    return ', '.join(f'{count} {name}' for name, count in metrics['outcomes'].items() if count)


def text_tables(metrics: Metrics, most_lines: int = 10) -> str:
    """Return everything a person reads at the end of a run."""
    turns, latency = metrics['turns'], metrics['latency_s']
    parts = [
        headline(metrics), '',
        aligned(('', 'success', '95% interval', 'scored', 'chance'), score_rows(metrics)), '',
        f'Other profiles, on the episodes that transfer from {metrics["profile"]}:',
        aligned(
            ('profile', 'transferable', 'driving on those', 'own on the same', 'changed',
             'bounds over all'), comparison_rows(metrics)), '',
        f'Outcomes: {outcome_words(metrics)}.']
    if turns['count']:
        parts.append(
            f'Turns: {turns["mean"]:.1f} a search; {turns["invalid"]}/{turns["count"]} invalid '
            f'({percent(turns["invalid_rate"])}). Latency p50 {latency["p50"]:.3f} s, '
            f'p95 {latency["p95"]:.3f} s.')
    lines = quirk_lines(metrics)
    parts += lines[:most_lines]
    if len(lines) > most_lines:
        parts.append(f'… and {len(lines) - most_lines} more in metrics.json')
    return '\n'.join(parts)


def aligned(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows as columns: the first to the left, the others to the right."""
    table = [tuple(header), *map(tuple, rows)]
    widths = [max(len(row[column]) for row in table) for column in range(len(header))]
    lines = [
        '  '.join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))).rstrip()
        for row in table]
    lines.insert(1, '─' * max(len(line) for line in lines))
    return '\n'.join(lines)


def _share(cell: Mapping[str, Any]) -> tuple[str, str]:
    if cell['scored'] < cell['total']:
        bounds = cell['bounds']
        return f'incomplete, {percent(bounds["low"])} to {percent(bounds["high"])}', '–'
    return percent(cell['success']['value']), interval(cell['success'])


def _counted(rate: Mapping[str, Any]) -> str:
    return f'{percent(rate["value"])} ({rate["successes"]}/{rate["n"]})'
