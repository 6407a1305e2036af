# SPDX-License-Identifier: Apache-2.0
"""Tables of a run that a person reads in a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hvs_ros.evaluation.overlap import training_lines

Metrics = Mapping[str, Any]
SHOWN_TURNS = (1, 2, 3, 5)
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
    """
    Return the one sentence a run comes to.

    It says so when the run is incomplete, on a drawn set, or on panoramas of a training set.
    """
    return '; '.join([_headline(metrics), *_reservations(metrics)])


def _reservations(metrics: Metrics) -> Iterable[str]:
    weighted = metrics.get('weighted')
    if weighted is not None and metrics['status'] == 'complete':
        whole = weighted['overall']
        yield (f'by weight {percent(whole["value"])} ({interval(whole)}) of the set that these '
               'episodes were drawn from')
    for entry in metrics.get('training_sets', ()):
        if entry['shared']:
            yield (f'{len(entry["shared"])} of the {entry["compared"]} panoramas are in a '
                   'training set of the model')


def _headline(metrics: Metrics) -> str:
    overall = metrics['profiles'][metrics['profile']]['overall']
    rate, profile = overall['success'], profile_words(metrics)
    if metrics['status'] == 'incomplete':
        bounds = overall['bounds']
        return (
            f'incomplete: {metrics["scored"]}/{metrics["total"]} episodes scored under '
            f'{profile}; success over all lies in '
            f'{percent(bounds["low"])} to {percent(bounds["high"])}')
    return (
        f'success {percent(rate["value"])} ({rate["successes"]}/{rate["n"]}) under '
        f'{profile}, 95% interval {interval(rate)} ({method_words(rate)}), '
        f'chance {percent(overall["chance"])}')


def profile_words(metrics: Metrics) -> str:
    """Return the profile, and the shortcuts by which replies were not the model's own words."""
    shortcuts = metrics.get('shortcuts')
    return metrics['profile'] + (f' with {", ".join(shortcuts)}' if shortcuts else '')


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


def measure_lines(metrics: Metrics) -> list[str]:
    """Return sentences on turns, wasted answers, angles, repeats and cost; each with its n."""
    lines = [_turn_line(metrics), _wasted_line(metrics), _angle_line(metrics)] \
        if metrics['turns']['count'] else []
    if metrics['repeats']:
        lines.append(_repeat_line(metrics['repeats']))
    if metrics['cost'] and metrics['cost']['per_search'] is not None:
        cost = metrics['cost']
        lines.append(f'Cost: {cost["total"]:.4g}, {cost["per_search"]:.3g} a search.')
    if metrics['benchmark']['sentence']:
        lines.append(metrics['benchmark']['sentence'])
    return lines + weighted_lines(metrics)


def _turn_line(metrics: Metrics) -> str:
    turns, latency, curve = metrics['turns'], metrics['latency_s'], metrics['success_by_turn']
    by_turn = ', '.join(
        f'{percent(point["value"])} by turn {point["turn"]}' for point in curve
        if point['turn'] in SHOWN_TURNS and point['turn'] < len(curve))
    done = ''
    if by_turn and metrics['status'] == 'complete':
        done = f' Succeeded, of {metrics["scored"]}/{metrics["total"]}: {by_turn}.'
    return (f'Turns: {turns["mean"]:.1f} a search.{done} '
            f'Latency p50 {latency["p50"]:.3f} s, p95 {latency["p95"]:.3f} s.')


def _wasted_line(metrics: Metrics) -> str:
    words = {
        'invalid': 'invalid', 'length': 'cut', 'truncated': 'out of turns',
        'not_found': 'given up', 'error': 'in error'}
    told = [
        f'{share["numerator"]}/{share["denominator"]} {share["of"]} {words[name]} '
        f'({percent(share["value"])})' for name, share in metrics['rates'].items()
        if name == 'invalid' or share['numerator']]
    return f'Wasted: {", ".join(told)}.'


def _angle_line(metrics: Metrics) -> str:
    errors = metrics['angular_errors']['overall']
    told = [
        f'{words} {part["median"]:.1f}° from the target\'s centre and '
        f'{part["window"]["median"]:.1f}° from its window ({part["n"]}/{part["scored"]})'
        for words, part in (('last gaze', errors['gaze']), ('answer', errors['answer']))
        if part['n']]
    return f'Off by, as medians: {"; ".join(told)}.'


def _repeat_line(repeats: Mapping[str, Any]) -> str:
    k = repeats['k']
    told = f'{k} repeats, over {repeats["scored"]}/{repeats["total"]} episodes scored in all'
    if not repeats['scored']:
        return f'{told}.'
    passes = ', '.join(
        f'pass@{number} {percent(share["value"])} ({interval(share)})'
        for number, share in repeats['pass_at_k'].items() if number != '1')
    mean, changed = repeats['mean_at_k'], repeats['changed']
    return (
        f'{told}: mean@{k} {percent(mean["value"])} ({interval(mean)}), {passes}; the outcome '
        f'changes in {changed["successes"]}/{changed["n"]} ({percent(changed["value"])}); run to '
        f'run the standard deviation is {100 * repeats["run_sd"]:.1f} points.')


def weighted_lines(metrics: Metrics) -> list[str]:
    """Return what a run on a drawn set says of the set that it was drawn from."""
    weighted = metrics.get('weighted')
    if weighted is None:
        return []
    cells = [('the whole set', weighted['overall']), *weighted['by_split'].items()]
    told = ', '.join(
        f'{name} {percent(cell["value"])} (95% interval {interval(cell)})' for name, cell in cells)
    return [f'By weight, for the set that these episodes were drawn from: {told}; '
            f'{weighted["overall"]["method"]}.']


def text_tables(metrics: Metrics, most_lines: int = 10) -> str:
    """Return everything a person reads at the end of a run."""
    parts = [
        headline(metrics), '',
        aligned(('', 'success', '95% interval', 'scored', 'chance'), score_rows(metrics)), '',
        f'Other profiles, on the episodes that transfer from {metrics["profile"]}:',
        aligned(
            ('profile', 'transferable', 'driving on those', 'own on the same', 'changed',
             'bounds over all'), comparison_rows(metrics)), '',
        f'Outcomes: {outcome_words(metrics)}.']
    parts += [
        *measure_lines(metrics), *training_lines(metrics.get('training_sets', ()))]
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
