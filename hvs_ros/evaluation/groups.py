# SPDX-License-Identifier: Apache-2.0
"""How episodes are grouped in tables, and how many of each group the full benchmark has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hvs_ros.core.episode import Episode

Record = Mapping[str, Any]
Counts = dict[str, dict[str, int]]
LEVELS = {'hos': ('easy', 'medium', 'hard'), 'hps': ('easy', 'medium', 'hard', 'extreme')}
SPLIT_WORDS = {'hos': 'object', 'hps': 'path'}
BENCHMARK = {
    'hos': {'easy': 615, 'medium': 176, 'hard': 1609},
    'hps': {'easy': 500, 'medium': 456, 'hard': 428, 'extreme': 216}}
"""Episodes of each level in the released benchmark, as its published table implies them."""


def split_name(record: Record) -> str:
    """Return the split."""
    return str(record['split'])


def level_name(record: Record) -> str:
    """Return ``split/level`` in words; episodes without a level are ``unlevelled``."""
    names, level = LEVELS[record['split']], record['level']
    if level is None:
        return f'{record["split"]}/unlevelled'
    return f'{record["split"]}/{names[level] if 0 <= level < len(names) else level}'


def scene_name(record: Record) -> str:
    """Return ``split/scene``."""
    return f'{record["split"]}/{record["scene"]}'


GROUPINGS: dict[str, Callable[[Record], str]] = {
    'by_split': split_name, 'by_level': level_name, 'by_scene': scene_name}


def group_counts(episodes: Iterable[Episode]) -> Counts:
    """Return the number of episodes in every group, as a manifest keeps them."""
    return counted([
        {'split': episode.split, 'scene': episode.scene, 'level': episode.level}
        for episode in episodes])


def counted(rows: Iterable[Record]) -> Counts:
    """Return the number of rows in every group: splits and levels in order, then as they come."""
    ordered = sorted(rows, key=_level_order)
    counts: Counts = {name: {} for name in GROUPINGS}
    for row in ordered:
        for name, group in GROUPINGS.items():
            key = group(row)
            counts[name][key] = counts[name].get(key, 0) + 1
    counts['by_scene'] = dict(sorted(counts['by_scene'].items()))
    return counts


def _level_order(row: Record) -> tuple[str, bool, int]:
    level = row['level']
    return row['split'], level is None, level or 0


def group_totals(manifest: Mapping[str, Any], records: Iterable[Record]) -> Counts:
    """
    Return how many searches of each group the run is to have, all repeats counted.

    From the manifest; a manifest without groups leaves what has been recorded.
    """
    groups = manifest['episodes'].get('groups')
    if groups is None:
        return counted(records)
    repeats = int(manifest['config']['repeats'])
    return {
        name: {key: count * repeats for key, count in groups[name].items()}
        for name in GROUPINGS}


def benchmark_check(manifest: Mapping[str, Any], records: Iterable[Record]) -> dict[str, Any]:
    """
    Return whether the run's dataset is the full benchmark, and whether its levels say so, too.

    A split is full when it has the benchmark's number of episodes. ``sentence`` is None unless a
    full split's levels are not those of the published table.
    """
    groups = manifest['episodes'].get('groups')
    if groups is None:
        groups = counted({record['id']: record for record in records}.values())
    splits = {split: _split_check(split, groups) for split in groups['by_split']}
    differing = [split for split, found in splits.items() if found['agrees'] is False]
    return {
        'full': bool(splits) and all(found['full'] for found in splits.values()),
        'splits': splits,
        'sentence': ' '.join(_sentence(split, splits[split]) for split in differing) or None}


def _split_check(split: str, groups: Counts) -> dict[str, Any]:
    expected = BENCHMARK[split]
    found = {
        key.partition('/')[2]: count for key, count in groups['by_level'].items()
        if key.startswith(f'{split}/')}
    full = groups['by_split'][split] == sum(expected.values())
    return {
        'full': full, 'episodes': groups['by_split'][split], 'expected': expected,
        'found': found, 'agrees': found == expected if full else None}


def _sentence(split: str, check: Mapping[str, Any]) -> str:
    return (
        f'The {SPLIT_WORDS[split]} split has the full benchmark\'s {check["episodes"]} episodes, '
        f'but of its levels {_listed(check["found"])}, where the published table implies '
        f'{_listed(check["expected"])}.')


def _listed(counts: Mapping[str, int]) -> str:
    return ', '.join(f'{count} {name}' for name, count in counts.items())
