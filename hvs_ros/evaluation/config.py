# SPDX-License-Identifier: Apache-2.0
"""What one evaluation is: the settings that a manifest keeps and a resumed run must match."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
import hashlib
import math
from pathlib import Path
import re
from typing import Any

from hvs_ros.core.episode import Episode, Episodes, load_episodes
from hvs_ros.core.errors import InputError
from hvs_ros.planners.asking import Asking

DRIVERS = ('direct', 'graph')
# How a run is carried out, not what it measures: these may change when it is taken up again.
CONDUCT = (
    'episodes', 'workers', 'max_consecutive_errors', 'give_up_after', 'waits',
    'allow_remote_images', 'cluster', 'prices', 'max_cost', 'training_sets')


@dataclass(frozen=True)
class ViewConfig:
    """Describe the views of a run; ``horizontal_fov`` is in degrees."""

    width: int = 1920
    height: int = 1080
    horizontal_fov: float = 100.0
    reticle: bool = True
    jpeg_quality: int = 85


@dataclass(frozen=True)
class EvalConfig:
    """
    Say what is evaluated and how.

    ``only_ids`` are the episode ids to keep, None for all; ``weights``, parallel to them, say how
    many episodes of a whole set each stands for. ``training_sets`` are folders that the model was
    trained on, as far as the user knows. ``shard`` is ``i/n``, the i-th of n
    parts of them, None for the whole. ``give_up_after`` is the time in seconds that a model may
    take for one answer, ``waits`` (fields of ``Waits``) limits inside it. ``asking`` are fields
    of ``Asking`` that win over a planner file's. ``cluster`` is the address of a Ray cluster.
    ``prices`` say what a million tokens cost ({prompt, completion}, any currency); a sitting ends
    once ``max_cost`` of that currency is spent.
    """

    episodes: str
    planner: str = 'builtin'
    driver: str = 'direct'
    profile: str = 'published-2026'
    max_turns: int = 10
    view: ViewConfig = field(default_factory=ViewConfig)
    history_turns: int = 5
    prompts: str = 'default'
    seed: int = 0
    repeats: int = 1
    limit: int | None = None
    only_ids: tuple[str, ...] | None = None
    weights: tuple[float, ...] | None = None
    training_sets: tuple[str, ...] = ()
    workers: int = 1
    max_consecutive_errors: int = 5
    give_up_after: float = 10.0
    asking: dict[str, Any] = field(default_factory=dict)
    waits: dict[str, float] = field(default_factory=dict)
    allow_remote_images: bool = False
    shard: str | None = None
    cluster: str | None = None
    prices: dict[str, float] | None = None
    max_cost: float | None = None

    def __post_init__(self) -> None:
        """Refuse values that no run can have."""
        least = {
            'max_turns': 1, 'history_turns': 1, 'repeats': 1, 'workers': 1,
            'max_consecutive_errors': 1, 'limit': 1}
        for name, bound in least.items():
            value = getattr(self, name)
            if value is not None and value < bound:
                raise InputError(f'{name} must be at least {bound}, not {value}')
        if self.driver not in DRIVERS:
            raise InputError(f'unknown driver {self.driver!r}; known are: {", ".join(DRIVERS)}')
        if not self.give_up_after > 0:
            raise InputError(f'give_up_after must be above 0 s, not {self.give_up_after}')
        _check_view(self.view)
        _check_asking(self)
        _check_costs(self)
        if self.shard is not None:
            shard_numbers(self.shard)
        for name in ('max_cost', 'cluster'):
            if self.driver == 'graph' and getattr(self, name) is not None:
                raise InputError(f'{name} is for the driver direct, not for graph')

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as run.json holds it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EvalConfig:
        """Return the configuration of a run.json; unknown keys are ignored."""
        known = {spec.name for spec in fields(cls)} & set(values)
        kept = {name: values[name] for name in known}
        for name in ('only_ids', 'weights', 'training_sets'):
            if kept.get(name) is not None:
                kept[name] = tuple(kept[name])
        if 'view' in kept:
            kept['view'] = ViewConfig(**kept['view'])
        return cls(**kept)

    def identity(self) -> dict[str, Any]:
        """Return the settings that decide what is measured."""
        return {name: value for name, value in self.to_dict().items() if name not in CONDUCT}


def _check_asking(config: EvalConfig) -> None:
    asking = Asking().with_wishes(config.asking, 'asking')
    if asking.shortcuts and asking.under(config.profile) != asking:
        raise InputError(
            f'{config.profile} scores a model by its own words, read to their end: '
            f'{", ".join(asking.shortcuts)} cannot be used with it; choose --profile strict')


def _check_view(view: ViewConfig) -> None:
    for name, low, high in (
            ('width', 16, 8192), ('height', 16, 8192), ('horizontal_fov', 10, 170),
            ('jpeg_quality', 1, 100)):
        value = getattr(view, name)
        if not low <= value <= high:
            raise InputError(f'view {name} must lie in {low} to {high}, not {value}')


def _check_costs(config: EvalConfig) -> None:
    prices = config.prices
    if prices is not None and set(prices) != {'prompt', 'completion'}:
        raise InputError(f'prices must be of prompt and completion, not of {sorted(prices)}')
    for name, value in {**(prices or {}), 'max_cost': config.max_cost}.items():
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise InputError(f'{name}: a price or cost must be at least 0, not {value}')
    if config.max_cost is not None and prices is None:
        raise InputError('max_cost needs the prices of a million tokens, input and output')


def shard_numbers(shard: str) -> tuple[int, int]:
    """Return (i, n) of a shard ``i/n``, 1 <= i <= n."""
    match = re.fullmatch(r'([0-9]{1,6})/([0-9]{1,6})', shard)
    if match is None or not 1 <= int(match[1]) <= int(match[2]):
        raise InputError(f'shard must be i/n with i from 1 to n, not {shard!r}')
    return int(match[1]), int(match[2])


def episode_seed(seed: int, episode_id: str, repeat: int) -> int:
    """Return the seed of one search: it depends on the run's seed and the key, not on order."""
    digest = hashlib.sha256(f'{seed}/{repeat}/{episode_id}'.encode()).digest()
    return int.from_bytes(digest[:4], 'big') >> 1


def load_selected(config: EvalConfig) -> Episodes:
    """Return the episodes that a run is about, in its order: of a shard, its part."""
    episodes = load_whole(config)
    if config.shard is None:
        return episodes
    mine = shard_of(episodes, config.shard)
    if not mine:
        places = len({panorama_name(episode) for episode in episodes})
        raise InputError(
            f'shard {config.shard} is empty: the episodes lie in {places} panoramas, which are '
            'never divided')
    return replace(episodes, episodes=mine)


def load_whole(config: EvalConfig) -> Episodes:
    """Return the selected episodes, whatever shard of them the run is about."""
    return load_episodes(config.episodes, limit=config.limit, only_ids=config.only_ids)


def panorama_name(episode: Episode) -> str:
    """Return a panorama's name that holds wherever the dataset lies: scene and file name."""
    file = episode.panorama
    name = (file.member or str(file.source)).rpartition('/')[2]
    return f'{episode.scene}/{name}'


def shard_of(episodes: Sequence[Episode], shard: str) -> tuple[Episode, ...]:
    """
    Return the episodes of shard ``i/n``, in order.

    All episodes of a panorama go to one shard, so that no cluster of the statistics is divided;
    panoramas with many episodes are dealt first, each to the shard that has least so far.
    """
    index, count = shard_numbers(shard)
    sizes = Counter(panorama_name(episode) for episode in episodes)
    load = [0] * count
    home: dict[str, int] = {}
    for name, size in sorted(sizes.items(), key=lambda entry: (-entry[1], entry[0])):
        home[name] = load.index(min(load))
        load[home[name]] += size
    return tuple(episode for episode in episodes if home[panorama_name(episode)] == index - 1)


def read_ids(path: Path | str) -> tuple[str, ...]:
    """Return the episode ids of a file, one a line; blank lines and # comments are dropped."""
    try:
        lines = Path(path).read_text(encoding='utf-8-sig').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, 'strerror', None) or 'not a text file'
        raise InputError(f'{path}: cannot read episode ids ({reason})') from error
    ids = tuple(line.strip() for line in lines if line.strip() and not line.startswith('#'))
    if not ids:
        raise InputError(f'{path}: holds no episode ids')
    return ids


def first_difference(old: Any, new: Any, name: str = '') -> tuple[str, Any, Any] | None:
    """Return (dotted field, old, new) of the first place where two JSON values differ."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in _in_order(old, new):
            inner = first_difference(old.get(key), new.get(key), f'{name}.{key}' if name else key)
            if inner is not None:
                return inner
        return None
    listed = list(old) if isinstance(old, tuple) else old
    other = list(new) if isinstance(new, tuple) else new
    return None if listed == other else (name, old, new)


def _in_order(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[str]:
    return dict.fromkeys([*old, *new])
