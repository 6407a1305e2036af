# SPDX-License-Identifier: Apache-2.0
"""A run in the lines of the published harness: success by level, and by the step it came at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from hvs_ros.core.errors import InputError
from hvs_ros.evaluation.outcomes import SCORED
from hvs_ros.evaluation.results import Results
from hvs_ros.evaluation.run_files import write_atomically

LEVELS = range(4)
MOST_STEPS = 10
Record = Mapping[str, Any]


def harness(results: Results, allow_incomplete: bool = False) -> str:
    """
    Return what the published harness prints of a run, split by split and in all.

    Its denominators count every episode. Ours, too; a run with errors is refused unless
    ``allow_incomplete``, and then says what was left out. Episodes without a level of 0 to 3,
    which the harness loses, are in the total and named.
    """
    results.require_headline('the harness output', allow_incomplete)
    scored = _scored(results.records)
    lines: list[str] = []
    if not results.complete:
        lines.append(
            f'incomplete: {results.metrics["scored"]}/{results.metrics["total"]} scored; '
            'what follows leaves the others out')
    for split, records in _by_split(scored).items():
        lines += [f'===== Results for {split} =====', *_told(results.profile, records)]
    lines += ['===== Results for all =====', *_told(results.profile, scored)]
    return '\n'.join(lines) + '\n'


def write_counts(results: Results, folder: Path, allow_incomplete: bool = False) -> list[Path]:
    """
    Write the harness's count files, ``<split>.txt``, which its own summing script reads.

    Four lines ``level successes episodes`` and one ``step_success`` with the successes that took
    0 to 10 steps. Raise ``InputError`` when an episode has no level that such a file can hold.
    """
    results.require_headline('the harness output', allow_incomplete)
    scored = _scored(results.records)
    lost = [record for record in scored if record['level'] not in LEVELS]
    if lost:
        raise InputError(
            f'{results.folder}: {len(lost)} episodes have no level of 0 to 3 '
            f'({lost[0]["id"]}: {lost[0]["level"]}), which a file of the harness cannot hold')
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for split, records in _by_split(scored).items():
        counts = [_count(results.profile, records, level) for level in LEVELS]
        lines = [f'{level} {hits} {count}' for level, (hits, count) in zip(
            LEVELS, counts, strict=True)]
        lines.append(f'step_success {_numbers(steps(results.profile, records))}')
        written.append(folder / f'{split}.txt')
        write_atomically(written[-1], '\n'.join(lines) + '\n')
    return written


def steps(profile: str, records: Iterable[Record]) -> list[int]:
    """Return how many successes took 0, 1, … 10 steps; longer ones are left out, as there."""
    counts = [0] * (MOST_STEPS + 1)
    for record in records:
        if record['success'][profile] and len(record['turns']) <= MOST_STEPS:
            counts[len(record['turns'])] += 1
    return counts


def _told(profile: str, records: Sequence[Record]) -> list[str]:
    hits = sum(bool(record['success'][profile]) for record in records)
    done = sum(record['answer'] is not None for record in records)
    taken = sum(len(record['turns']) for record in records)
    lines = [
        f'Total environments: {len(records)}', f'Successful: {hits}', f'Completed: {done}',
        f'Average Steps: {taken / len(records):.2f}' if records else 'Average Steps: none']
    for level in LEVELS:
        lines.append(f'  Level {level}: {_share(*_count(profile, records, level))}')
    other = [record for record in records if record['level'] not in LEVELS]
    if other:
        won = sum(bool(record['success'][profile]) for record in other)
        lines.append(f'  No level of 0 to 3: {_share(won, len(other))}')
    lines.append(f'Total: {_share(hits, len(records))}')
    lines.append('Step-wise success distribution (for successful runs): '
                 + _numbers(steps(profile, records)))
    return lines


def _scored(records: Iterable[Record]) -> list[Record]:
    return [record for record in records if record['outcome'] in SCORED]


def _by_split(records: Iterable[Record]) -> dict[str, list[Record]]:
    splits: dict[str, list[Record]] = {}
    for record in records:
        splits.setdefault(record['split'], []).append(record)
    return dict(sorted(splits.items()))


def _count(profile: str, records: Iterable[Record], level: int) -> tuple[int, int]:
    flags = [bool(record['success'][profile]) for record in records if record['level'] == level]
    return sum(flags), len(flags)


def _share(hits: int, count: int) -> str:
    return f'{hits}/{count} success rate: {hits / count:.4f}' if count else 'No instances'


def _numbers(counts: Iterable[int]) -> str:
    return ' '.join(map(str, counts))
