# SPDX-License-Identifier: Apache-2.0
"""
A smaller set of episodes that estimates the whole one: how it is drawn and how it is weighed.

Every item offers its starts in an order of its own, drawn at random. Whole rounds take one start
of every item that has one left; the round that no longer fits is sampled, stratified by split,
level and number of starts. Both parts estimate the same total, and a fixed share of each is the
estimate: unbiased, and without noise from the strata's sizes.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
import json
from pathlib import Path
import random
from typing import Any

import numpy as np

from hvs_ros.core.episode import Episode
from hvs_ros.core.errors import InputError
from hvs_ros.evaluation.groups import GROUPINGS
from hvs_ros.evaluation.statistics import (
    BOOTSTRAP,
    MIN_CLUSTERS,
    NO_DATA,
    WILSON,
    bootstrap,
    cluster_of,
    design_effect,
    per_cluster,
    wilson,
)

SCHEMA = 1
HEADER = '# weights: '
_STRATA = (
    ('split', 'level', 'starts'), ('split', 'level'), ('split', 'starts'), ('split',), ())


@dataclass(frozen=True)
class Lite:
    """
    Hold a drawn set: ``weights`` of the chosen ids, in the dataset's order.

    A weight says how many episodes of the whole set one stands for. ``strata`` names what the
    sampled round was stratified by.
    """

    weights: dict[str, float]
    strata: tuple[str, ...]
    population: int


def draw_lite(episodes: Sequence[Episode], count: int, seed: int) -> Lite:
    """
    Return ``count`` of the episodes, at most one start an item until every item has one.

    The same episodes, count and seed give the same set. Raise ``InputError`` for a count that is
    not within 1 and the number of episodes.
    """
    if not 1 <= count <= len(episodes):
        raise InputError(f'count must lie within 1 and the {len(episodes)} episodes, not {count}')
    rng = random.Random(seed)
    queues = [rng.sample(starts, len(starts)) for starts in _items(episodes)]
    weights: dict[str, float] = {}
    rounds, left = 0, count
    while left >= (offering := sum(len(queue) > rounds for queue in queues)) > 0:
        left -= offering
        rounds += 1
    for queue in queues:
        for episode in queue[:rounds]:
            weights[episode.id] = len(queue) / min(rounds, len(queue))
    strata: tuple[str, ...] = ()
    if left:
        strata = _sample_round(queues, rounds, left, weights, rng)
    order = [episode.id for episode in episodes if episode.id in weights]
    return Lite({name: weights[name] for name in order}, strata, len(episodes))


def _sample_round(
        queues: Sequence[Sequence[Episode]], rounds: int, left: int, weights: dict[str, float],
        rng: random.Random) -> tuple[str, ...]:
    """Sample one more start of ``left`` of the items and blend both parts' weights."""
    offered = [queue for queue in queues if len(queue) > rounds]
    whole = rounds * len(offered)
    share = left / (left + whole)
    for queue in offered:
        for episode in queue[:rounds]:
            weights[episode.id] *= 1.0 - share
    strata, splits = _stratify(offered, rounds, left)
    sizes = [[len(members) for members in groups] for groups in splits]
    by_split = _allocate([sum(held) for held in sizes], left, [len(held) for held in sizes])
    for groups, held, count in zip(splits, sizes, by_split, strict=True):
        for members, taken in zip(groups, _allocate(held, count, [1] * len(held)), strict=True):
            for queue in rng.sample(members, taken):
                weights[queue[rounds].id] = share * len(queue) * len(members) / taken
    return strata


def _stratify(
        offered: Sequence[Sequence[Episode]], rounds: int,
        left: int) -> tuple[tuple[str, ...], list[list[list[Sequence[Episode]]]]]:
    """Return the finest strata of which each can have an episode, and their items by split."""
    for strata in _STRATA:
        groups: dict[tuple[Any, ...], list[Sequence[Episode]]] = {}
        for queue in offered:
            episode = queue[rounds]
            traits = {'split': episode.split, 'starts': len(queue),
                      'level': -1 if episode.level is None else episode.level}
            groups.setdefault(tuple(traits[name] for name in strata), []).append(queue)
        if len(groups) <= left:
            break
    splits: dict[Any, list[list[Sequence[Episode]]]] = {}
    for key in sorted(groups):
        splits.setdefault(key[0] if strata else '', []).append(groups[key])
    return strata, list(splits.values())


def _allocate(sizes: Sequence[int], count: int, least: Sequence[int]) -> list[int]:
    """Return how many each part gives: in proportion, ``least`` at least, by largest remainder."""
    shares = [size * count / sum(sizes) for size in sizes]
    taken = [max(few, int(share)) for few, share in zip(least, shares, strict=True)]
    while sum(taken) != count:
        step = 1 if sum(taken) < count else -1
        able = [place for place in range(len(sizes))
                if least[place] <= taken[place] + step <= sizes[place]]
        # the part that is farthest from its share
        taken[max(able, key=lambda place: step * (shares[place] - taken[place]))] += step
    return taken


def _items(episodes: Iterable[Episode]) -> list[list[Episode]]:
    items: dict[tuple[str, str, int], list[Episode]] = {}
    for episode in episodes:
        items.setdefault((episode.split, episode.scene, episode.item), []).append(episode)
    return list(items.values())


def weighted_share(flags: Sequence[float], weights: Sequence[float]) -> float | None:
    """Return the weighted mean of the flags, None without any weight."""
    total = sum(weights)
    if not total:
        return None
    return sum(flag * weight for flag, weight in zip(flags, weights, strict=True)) / total


def weights_path(ids: Path) -> Path:
    """Return where the weights of a file of ids are written."""
    return ids.with_name(f'{ids.stem}.weights.json')


def write_lite(out: Path, lite: Lite, dataset: str, dataset_sha256: str, seed: int) -> None:
    """Write the ids, one a line, and the weights beside them; raise ``InputError``."""
    beside = weights_path(out)
    ids = ''.join(f'{name}\n' for name in lite.weights)
    told = {
        'schema': SCHEMA, 'dataset': dataset, 'dataset_sha256': dataset_sha256, 'seed': seed,
        'count': len(lite.weights), 'population': lite.population, 'strata': list(lite.strata),
        'weights': lite.weights}
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        beside.write_text(json.dumps(told, indent=1) + '\n', encoding='utf-8')
        out.write_text(
            f'# {len(lite.weights)} of the {lite.population} episodes of {dataset}, seed {seed}\n'
            f'{HEADER}{beside.name}\n{ids}', encoding='utf-8')
    except OSError as error:
        raise InputError(f'{error.filename}: cannot be written ({error.strerror})') from error


def read_weights(ids: Path | str) -> dict[str, float] | None:
    """Return the weights of a file of ids, None when it names none; raise ``InputError``."""
    path = Path(ids)
    lines = path.read_text(encoding='utf-8-sig').splitlines()
    named = [line.removeprefix(HEADER).strip() for line in lines if line.startswith(HEADER)]
    if not named:
        return None
    beside = path.with_name(named[0])
    try:
        weights = json.loads(beside.read_text(encoding='utf-8'))['weights']
        return {str(name): _positive(weight) for name, weight in weights.items()}
    except OSError as error:
        raise InputError(f'{beside}: cannot be read ({error.strerror}), and {path} names it as '
                         'its weights') from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f'{beside}: not a file of weights ({error!r:.60})') from error


def _positive(weight: Any) -> float:
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 < weight < 1e12:
        raise ValueError(f'{weight!r} is no weight')
    return float(weight)


def weights_for(
        path: Path | str | None, ids: Sequence[str] | None) -> tuple[float, ...] | None:
    """Return the weights of the ids that were read from a file, None when it names none."""
    weights = None if path is None else read_weights(path)
    if weights is None or ids is None:
        return None
    without = [name for name in ids if name not in weights]
    if without:
        raise InputError(f'{path}: the weights that it names hold none for {without[0]!r}')
    return tuple(weights[name] for name in ids)


def weights_of(config: Mapping[str, Any]) -> dict[str, float] | None:
    """Return the weights by episode id that a run's configuration holds, if any."""
    if not config.get('weights'):
        return None
    return dict(zip(config['only_ids'], config['weights'], strict=True))


def weighted_success(
        config: Mapping[str, Any], scored: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """
    Return what a run on a drawn set says of the whole set, None for a run without weights.

    {overall, by_split, by_level} of the driving profile's success, each {value, low, high, n,
    clusters, method}: the weighted share of the scored searches, with a bootstrap over panoramas.
    """
    weights = weights_of(config)
    if weights is None:
        return None
    groups: dict[str, dict[str, list[Mapping[str, Any]]]] = {'by_split': {}, 'by_level': {}}
    for record in scored:
        for name, held in groups.items():
            held.setdefault(GROUPINGS[name](record), []).append(record)

    def told(records: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        return weighted_rate(
            [bool(record['success'][config['profile']]) for record in records],
            [weights[record['id']] for record in records], list(map(cluster_of, records)))

    return {
        'overall': told(scored),
        **{name: {key: told(held) for key, held in sorted(members.items())}
           for name, members in groups.items()}}


def weighted_rate(
        flags: Sequence[float], weights: Sequence[float],
        panoramas: Sequence[Hashable]) -> dict[str, Any]:
    """
    Return {value, low, high, n, clusters, method} of a weighted share.

    Bootstrap over panoramas of the ratio estimator; with few panoramas, or at 0% or 100%, Wilson
    on the effective number of episodes.
    """
    value = weighted_share(flags, weights)
    if value is None:
        return {'value': None, 'low': None, 'high': None, 'n': 0, 'clusters': 0,
                'method': NO_DATA}
    scale = np.asarray(weights, float)
    # Scaled so that they add up to the size of an unweighted sample that says as much (Kish).
    scale *= scale.sum() / (scale ** 2).sum()
    both, _ = per_cluster(np.column_stack([scale * np.asarray(flags, float), scale]), panoramas)
    sums, sizes = both[:, 0], both[:, 1]
    if len(sizes) >= MIN_CLUSTERS and 0 < value < 1:
        low, high = bootstrap(sums[:, None], sizes)[0]
        method = f'weighted, {BOOTSTRAP}'
    else:
        n = float(sizes.sum()) / design_effect(sums, sizes)
        low, high = wilson(value * n, n)
        method = f'weighted, {WILSON}'
    return {'value': value, 'low': low, 'high': high, 'n': len(flags), 'clusters': len(sizes),
            'method': method}
