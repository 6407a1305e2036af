# SPDX-License-Identifier: Apache-2.0
"""The episodes that are served: read once, shared by every environment, in the harness's order."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
import os
from pathlib import Path
import random

from hvs_ros.core.episode import Episode, Episodes, load_episodes
from hvs_ros.core.errors import InputError

HARNESS_SEED = 42


@lru_cache(maxsize=256)
def shuffled_places(count: int, seed: int = HARNESS_SEED) -> array[int]:
    """Return the order in which the published harness shuffles so many episodes."""
    places = list(range(count))
    random.Random(seed).shuffle(places)
    return array('I', places)


@dataclass(frozen=True)
class EpisodeRoot:
    """Hold the episodes of one folder or zip and the names it goes by."""

    path: Path
    aliases: tuple[str, ...]
    episodes: Episodes

    def __len__(self) -> int:
        return len(self.episodes)

    def episode(self, seed: int | None, shuffle_seed: int = HARNESS_SEED) -> Episode:
        """Return the episode that a seed means: modulo their number; None is the first."""
        places = shuffled_places(len(self.episodes), shuffle_seed)
        return self.episodes[places[(seed or 0) % len(places)]]


class EpisodeIndex:
    """
    Find episodes by what a configuration calls ``data_path`` and by seed.

    ``roots`` are folders or zips, each perhaps as ``NAME=PATH``: a configuration may then say
    NAME. Without a name a root's own (the last part of its path) serves where only one has it.
    Read when made; raise ``InputError`` for what cannot be read.
    """

    def __init__(self, roots: Iterable[str | Path]) -> None:
        named = [_named(str(root)) for root in roots]
        if not named:
            raise InputError('name at least one folder or zip of episodes')
        paths = list(dict.fromkeys(path for _, path in named))
        aliases = _aliases(named)
        self.roots: Sequence[EpisodeRoot] = tuple(
            EpisodeRoot(path, tuple(name for name, at in aliases.items() if at == path),
                        load_episodes(path))
            for path in paths)
        self._by_name = {name: root for root in self.roots for name in root.aliases}
        self._by_path = {root.path: root for root in self.roots}

    def resolve(self, data_path: str) -> EpisodeRoot:
        """Return the root of that name or path; an empty one means the only root there is."""
        if not data_path and len(self.roots) == 1:
            return self.roots[0]
        if data_path in self._by_name:
            return self._by_name[data_path]
        real = _real(data_path) if data_path else None
        root = self._by_path.get(real) if real else None
        if root is None:
            what = f'data_path {data_path[:200]!r}' if data_path else 'an empty data_path'
            raise InputError(f'{what} is none of the roots served: {self.describe()}')
        return root

    def describe(self) -> str:
        """Return the roots in one line, with their names."""
        return ', '.join(
            f'{root.path} ({", ".join(root.aliases)})' if root.aliases else str(root.path)
            for root in self.roots)


def _real(path: str) -> Path | None:
    try:
        return Path(os.path.realpath(os.path.expanduser(path)))
    except (OSError, ValueError):  # too long, a null byte: nothing that is served
        return None


def _named(root: str) -> tuple[str, Path]:
    """Return the name (perhaps none) and the path of what the command line says."""
    name, separator, path = root.partition('=')
    if not separator or os.path.exists(root):
        name, path = '', root
    elif not name or not path:
        raise InputError(f'{root!r} must be PATH or NAME=PATH')
    real = _real(path)
    if real is None:
        raise InputError(f'{path!r} is no path')
    return name, real


def _aliases(named: Sequence[tuple[str, Path]]) -> dict[str, Path]:
    given: dict[str, Path] = {}
    for name, path in named:
        if name and given.setdefault(name, path) != path:
            raise InputError(f'the name {name!r} is given to {given[name]} and to {path}')
    own: dict[str, set[Path]] = {}
    for _, path in named:
        own.setdefault(path.name, set()).add(path)
    for name, paths in own.items():
        if name and len(paths) == 1:
            given.setdefault(name, *paths)
    return given
