# SPDX-License-Identifier: Apache-2.0
"""The committed conformance suite, read once, and the branch table that points into it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hvs_ros.core.conformance import (
    Disagreement,
    RecordedEpisode,
    disagreement,
    find_target,
    load_targets,
    read_episodes,
)
from hvs_ros.core.profile import PROFILES

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
EPISODES = HERE / 'episodes'
SHARED = REPOSITORY.parent / 'shared'


@dataclass(frozen=True)
class Row:
    """Hold one row of the branch table."""

    name: str
    profiles: tuple[str, ...]
    code: str
    groups: tuple[str, ...]


@cache
def episodes(profile_name: str) -> tuple[RecordedEpisode, ...]:
    return tuple(read_episodes(HERE / f'{profile_name}.jsonl'))


@cache
def targets() -> dict:
    return load_targets(EPISODES)


def group(episode: RecordedEpisode) -> str:
    return episode.expected['case'].rpartition('-')[0]


def disagreements(profile_name: str, groups: tuple[str, ...] | None = None) -> list[Disagreement]:
    """Return the first disagreement of each episode of the groups, under the rules as they are."""
    found = []
    for episode in episodes(profile_name):
        if groups is None or group(episode) in groups:
            target = find_target(episode, targets(), profile_name)
            found.append(disagreement(episode, target, PROFILES[profile_name]))
    return [first for first in found if first is not None]


def branch_table() -> list[Row]:
    """Return the rows of the branch table in docs/conformance.md."""
    text = (REPOSITORY / 'docs' / 'conformance.md').read_text(encoding='utf-8')
    rows = []
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.replace(r'\|', '/').strip('|').split(' | ')]
        if len(cells) == 5 and line.startswith('| ') and cells[0] != 'row':
            name, _, profiles, code, groups = cells
            rows.append(Row(
                name,
                tuple(part if part == 'strict' else f'published-{part}'
                      for part in profiles.split(', ')),
                code.strip('`'), tuple(groups.split(', '))))
    return rows
