# SPDX-License-Identifier: Apache-2.0
"""Describe a dataset in numbers: what it holds, how hard it is by chance, how it is spread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from hvs_ros.core.episode import Episode, Episodes
from hvs_ros.core.profile import PROFILES
from hvs_ros.core.scoring import chance_rate
from hvs_ros.evaluation.groups import BENCHMARK, LEVELS

ITEMS = {'hos': 600, 'hps': 400}
"""Items of each split in the released benchmark."""


def describe(episodes: Episodes) -> dict[str, Any]:
    """
    Return the description as JSON can hold it; angles in degrees, chances in [0, 1].

    Spreads are {min, p25, median, p75, max, mean}.
    """
    items = {(episode.split, episode.scene, episode.item): episode for episode in episodes}
    return {
        'dataset_sha256': episodes.dataset_sha256,
        'episodes': len(episodes), 'items': len(items),
        'scenes': len({(episode.split, episode.scene) for episode in episodes}),
        'skipped': list(episodes.skipped),
        'splits': {
            split: _split(held) for split, held in _groups(episodes, lambda e: e.split).items()},
        'panoramas': _panoramas(episodes),
        'benchmark': compare_with_benchmark(episodes),
    }


def compare_with_benchmark(episodes: Iterable[Episode]) -> dict[str, list[str]]:
    """
    Return, for each split that is there, how its counts differ from the benchmark's.

    An empty list says that the split has the benchmark's counts to the last episode.
    """
    return {
        split: list(_differences(split, held))
        for split, held in sorted(_groups(episodes, lambda e: e.split).items())}


def _differences(split: str, episodes: Sequence[Episode]) -> Iterable[str]:
    levels, known = Counter(_level(episode) for episode in episodes), BENCHMARK[split]
    items = len({(episode.scene, episode.item) for episode in episodes})
    told = [('items', items, ITEMS[split]), ('episodes', len(episodes), sum(known.values()))]
    told += [(f'{name} episodes', levels[name], known.get(name, 0))
             for name in dict.fromkeys([*known, *levels])]
    for what, held, wanted in told:
        if held != wanted:
            yield f'{held} {what} where the benchmark has {wanted}'


def _level(episode: Episode) -> str:
    names = LEVELS[episode.split]
    if episode.level is None:
        return 'unlevelled'
    within = 0 <= episode.level < len(names)
    return names[episode.level] if within else f'level {episode.level}'


def _split(episodes: Sequence[Episode]) -> dict[str, Any]:
    items = list({(episode.scene, episode.item): episode for episode in episodes}.values())
    levels = dict(sorted(
        _groups(episodes, _level).items(),
        key=lambda pair: (pair[1][0].level is None, pair[1][0].level or 0)))
    pitches = [e.target.pitch[1] - e.target.pitch[0] for e in items if e.target.pitch is not None]
    words = [len(episode.instruction.split()) for episode in items]
    rates = [e.overlap_rate for e in episodes if e.overlap_rate is not None]
    return {
        'episodes': len(episodes), 'items': len(items),
        'levels': {name: len(held) for name, held in levels.items()},
        'scenes': dict(sorted(Counter(e.scene for e in episodes).items())),
        'starts_per_item': _spread([
            len(held) for held in _groups(episodes, lambda e: (e.scene, e.item)).values()]),
        'start_yaws': {
            f'{yaw:g}': count
            for yaw, count in sorted(Counter(e.start.yaw for e in episodes).items())},
        'yaw_window': _spread([episode.target.yaw_width for episode in items]),
        'pitch_window': _spread(pitches),
        'wrapped_windows': sum(e.target.yaw[0] > e.target.yaw[1] for e in items),
        'overlap_rate': _spread(rates),
        'instruction_words': _spread(words),
        'chance': _chances(episodes),
        'chance_by_level': {name: _chances(held) for name, held in levels.items()},
    }


def _panoramas(episodes: Iterable[Episode]) -> dict[str, Any]:
    files = list(dict.fromkeys(episode.panorama for episode in episodes))
    headers = [file.header() for file in files]
    return {
        'count': len(files), 'bytes': sum(file.size for file in files),
        'sizes': dict(Counter(
            f'{header.width}x{header.height}' for header in headers).most_common()),
        'formats': dict(Counter(header.kind for header in headers).most_common())}


def _chances(episodes: Sequence[Episode]) -> dict[str, float]:
    """Return how often a direction drawn at random succeeds, under each profile."""
    return {
        name: float(np.mean([chance_rate(episode.target, name) for episode in episodes]))
        for name in PROFILES}


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    if not values:
        return None
    numbers = np.asarray(values, float)
    names = ('min', 'p25', 'median', 'p75', 'max')
    return {
        **dict(zip(names, np.percentile(numbers, (0, 25, 50, 75, 100)).tolist(), strict=True)),
        'mean': float(numbers.mean())}


def _groups(
        episodes: Iterable[Episode],
        group: Callable[[Episode], Hashable]) -> dict[Any, list[Episode]]:
    groups: dict[Any, list[Episode]] = {}
    for episode in episodes:
        groups.setdefault(group(episode), []).append(episode)
    return groups


def stats_text(found: Mapping[str, Any]) -> str:
    """Return the description as lines for a terminal."""
    panoramas = found['panoramas']
    lines = [
        f'{found["episodes"]} episodes of {found["items"]} items in {found["scenes"]} scenes; '
        f'{panoramas["count"]} panoramas, {panoramas["bytes"] / 1e6:.1f} MB',
        f'panoramas: {_counted(panoramas["sizes"])}; {_counted(panoramas["formats"])}']
    if found['skipped']:
        lines.append(f'without annotation: {", ".join(found["skipped"])}')
    for name, split in found['splits'].items():
        lines += ['', *_split_lines(name, split)]
    lines.append('')
    for name, differences in found['benchmark'].items():
        lines.append(f"{name}: the benchmark's counts" if not differences else
                     f'{name} is not the full benchmark: {"; ".join(differences)}')
    return '\n'.join(lines)


def _split_lines(name: str, split: Mapping[str, Any]) -> Iterable[str]:
    yield (f'{name}: {split["episodes"]} episodes, {split["items"]} items, '
           f'{len(split["scenes"])} scenes')
    yield f'  levels: {_counted(split["levels"])}'
    yield f'  starts: {_counted(split["start_yaws"], most=8)}'
    for key, what in (
            ('starts_per_item', 'starts an item'), ('yaw_window', 'yaw window, degrees'),
            ('pitch_window', 'pitch window, degrees'), ('overlap_rate', 'overlap rate'),
            ('instruction_words', 'words an instruction')):
        if split[key] is not None:
            spread = split[key]
            yield (f'  {what}: median {spread["median"]:g}, {spread["min"]:g} to '
                   f'{spread["max"]:g}, mean {spread["mean"]:.3g}')
    yield f'  windows that wrap: {split["wrapped_windows"]} of {split["items"]} items'
    yield f'  chance: {_shares(split["chance"])}'
    for level, chances in split['chance_by_level'].items():
        yield f'    {level}: {_shares(chances)}'


def _shares(chances: Mapping[str, float]) -> str:
    return ', '.join(f'{name} {100 * share:.2f}%' for name, share in chances.items())


def _counted(counts: Mapping[str, int], most: int = 20) -> str:
    shown = [f'{name} {count}' for name, count in list(counts.items())[:most]]
    if len(counts) > most:
        shown.append(f'and {len(counts) - most} others')
    return ', '.join(shown)
