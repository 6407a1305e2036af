# SPDX-License-Identifier: Apache-2.0
"""What a run's lines add up to: metrics.json, derived anew each time from the lines alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from hvs_ros.core.actions import Submit
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.profile import PROFILES, get_profile
from hvs_ros.core.scoring import chance_rate, quirks_that_matter
from hvs_ros.evaluation import measures
from hvs_ros.evaluation.groups import (
    GROUPINGS,
    benchmark_check,
    group_totals,
    level_name,
    scene_name,
)
from hvs_ros.evaluation.lite import weighted_success
from hvs_ros.evaluation.outcomes import SCORED, target_from_dict
from hvs_ros.evaluation.repeats import repeat_metrics
from hvs_ros.evaluation.run_files import SCHEMA_VERSION
from hvs_ros.evaluation.statistics import cluster_of, rate

__all__ = ['compute_metrics', 'level_name', 'scene_name']

Record = Mapping[str, Any]


def compute_metrics(manifest: Mapping[str, Any], records: Sequence[Record]) -> dict[str, Any]:
    """
    Return the content of metrics.json, as docs/run-records.md describes it.

    Under ``profiles`` the driving profile has its success overall and by split, level and scene;
    every other profile has only the comparison over the episodes that transfer to it.
    """
    config = manifest['config']
    driving, repeats = config['profile'], int(config['repeats'])
    total = manifest['episodes']['count'] * repeats
    scored = [record for record in records if record['outcome'] in SCORED]
    profiles = {
        name: _driving(name, manifest, records, scored, total) if name == driving
        else _transferred(driving, name, records, scored, total)
        for name in PROFILES}
    tokens = measures.token_counts(records)
    by_split = _by_split(scored)
    return {
        'schema_version': SCHEMA_VERSION, 'profile': driving,
        'shortcuts': list(manifest.get('planner', {}).get('shortcuts', ())),
        'status': 'complete' if len(scored) == total else 'incomplete',
        'scored': len(scored), 'total': total, 'profiles': profiles,
        'benchmark': benchmark_check(manifest, records),
        'weighted': weighted_success(config, scored),
        'training_sets': manifest.get('training_sets', []),
        'outcomes': measures.outcome_counts(records, total),
        'rates': measures.wasted(records, scored, total),
        'success_by_turn': measures.success_by_turn(driving, scored, config['max_turns']),
        'success_by_turn_by_split': {
            split: measures.success_by_turn(driving, members, config['max_turns'])
            for split, members in by_split.items()},
        'angular_errors': {
            'overall': measures.angular_errors(scored),
            **{split: measures.angular_errors(members) for split, members in by_split.items()}},
        'repeats': repeat_metrics(driving, scored, repeats, manifest['episodes']['count']),
        'turns': measures.turn_counts(scored), 'tokens': tokens,
        'cost': measures.cost(tokens, len(records), config.get('prices')),
        'latency_s': measures.latency(records),
        'errors': [
            {'id': record['id'], 'repeat': record['repeat'], 'reason': record['reason'],
             'attempt': record['attempt']}
            for record in records if record['outcome'] == 'error'],
    }


def _by_split(records: Iterable[Record]) -> dict[str, list[Record]]:
    splits: dict[str, list[Record]] = {}
    for record in records:
        splits.setdefault(record['split'], []).append(record)
    return dict(sorted(splits.items()))


def _driving(
        name: str, manifest: Mapping[str, Any], records: Sequence[Record],
        scored: Sequence[Record], total: int) -> dict[str, Any]:
    totals = group_totals(manifest, records)
    return {
        'overall': _cell(name, records, scored, total),
        **{grouping: _cells(name, records, group, totals[grouping])
           for grouping, group in GROUPINGS.items()}}


def _cells(
        name: str, records: Sequence[Record], group: Callable[[Record], str],
        totals: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    groups: dict[str, list[Record]] = {key: [] for key in totals}
    for record in records:
        groups.setdefault(group(record), []).append(record)
    return {
        key: _cell(
            name, members, [r for r in members if r['outcome'] in SCORED],
            totals.get(key, len(members)))
        for key, members in groups.items()}


def _cell(
        name: str, records: Sequence[Record], scored: Sequence[Record],
        total: int) -> dict[str, Any]:
    """Return a group's success with its interval, and what an unfinished group could come to."""
    success = _rate(scored, lambda record: record['success'][name])
    hits, missing = success['successes'], total - len(scored)
    return {
        'success': success, 'scored': len(scored), 'total': total,
        'bounds': {'low': hits / total, 'high': (hits + missing) / total},
        'chance': _chance(name, records)}


def _transferred(
        driving: str, name: str, records: Sequence[Record], scored: Sequence[Record],
        total: int) -> dict[str, Any]:
    """Return the comparison with a profile that did not drive the run."""
    same = [record for record in scored if record['success'][name] is not None]
    theirs = _rate(same, lambda record: record['success'][name])
    hits = theirs['successes']
    return {
        'transferable': {'n': len(same), 'total': total},
        'driving_success_on_same': _rate(same, lambda record: record['success'][driving]),
        'success_on_same': theirs,
        'gained': _changed(driving, name, same, gained=True),
        'lost': _changed(driving, name, same, gained=False),
        'bounds': {'low': hits / total, 'high': (hits + total - len(same)) / total},
        'chance': _chance(name, records)}


def _changed(
        driving: str, name: str, same: Iterable[Record], *, gained: bool) -> list[dict[str, Any]]:
    """Return the episodes that succeed under one rule only, with the quirks responsible."""
    return [
        {'id': record['id'], 'repeat': record['repeat'], 'quirks': _quirks(driving, name, record)}
        for record in same
        if record['success'][driving] is not gained and record['success'][name] is gained]


def _quirks(driving: str, name: str, record: Record) -> list[str]:
    if get_profile(driving).rule == get_profile(name).rule:
        return []
    return list(quirks_that_matter(
        target_from_dict(record['target']), Submit(*record['answer']),
        BenchmarkAngles(*record['gaze'])))


def _rate(records: Sequence[Record], succeeds: Callable[[Record], bool]) -> dict[str, Any]:
    return rate(
        [bool(succeeds(record)) for record in records], list(map(cluster_of, records))).to_dict()


def _chance(name: str, records: Sequence[Record]) -> float | None:
    if not records:
        return None
    rates = [chance_rate(target_from_dict(record['target']), name) for record in records]
    return float(np.mean(rates))
