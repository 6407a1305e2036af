# SPDX-License-Identifier: Apache-2.0
"""What a run's lines add up to: metrics.json, derived anew each time from the lines alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from hvs_ros.core.actions import Submit
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.profile import PROFILES, get_profile
from hvs_ros.core.scoring import chance_rate, quirks_that_matter
from hvs_ros.evaluation.outcomes import OUTCOMES, SCORED, target_from_dict
from hvs_ros.evaluation.records import SCHEMA_VERSION
from hvs_ros.evaluation.statistics import rate

Record = Mapping[str, Any]
LEVELS = {'hos': ('easy', 'medium', 'hard'), 'hps': ('easy', 'medium', 'hard', 'extreme')}


def compute_metrics(manifest: Mapping[str, Any], records: Sequence[Record]) -> dict[str, Any]:
    """
    Return the content of metrics.json.

    Under ``profiles`` the driving profile has its success overall and by split, level and scene;
    every other profile has only the comparison over the episodes that transfer to it.
    """
    driving = manifest['config']['profile']
    total = manifest['episodes']['count'] * manifest['config']['repeats']
    scored = [record for record in records if record['outcome'] in SCORED]
    profiles = {
        name: _driving(driving, records, scored, total) if name == driving
        else _transferred(driving, name, records, scored, total)
        for name in PROFILES}
    return {
        'schema_version': SCHEMA_VERSION, 'profile': driving,
        'status': 'complete' if len(scored) == total else 'incomplete',
        'scored': len(scored), 'total': total, 'profiles': profiles,
        'outcomes': _outcomes(records, total),
        'turns': _turns(scored), 'tokens': _tokens(records), 'latency_s': _latency(records),
        'errors': [
            {'id': record['id'], 'repeat': record['repeat'], 'reason': record['reason'],
             'attempt': record['attempt']}
            for record in records if record['outcome'] == 'error'],
    }


def level_name(record: Record) -> str:
    """Return ``split/level`` in words; episodes without a level are ``unlevelled``."""
    names, level = LEVELS[record['split']], record['level']
    if level is None:
        return f'{record["split"]}/unlevelled'
    return f'{record["split"]}/{names[level] if 0 <= level < len(names) else level}'


def scene_name(record: Record) -> str:
    """Return ``split/scene``."""
    return f'{record["split"]}/{record["scene"]}'


def _level_order(record: Record) -> tuple[str, bool, int]:
    level = record['level']
    return record['split'], level is None, level or 0


def _driving(
        name: str, records: Sequence[Record], scored: Sequence[Record],
        total: int) -> dict[str, Any]:
    return {
        'overall': _cell(name, records, scored, total),
        'by_split': _cells(name, records, lambda record: record['split']),
        'by_level': _cells(name, sorted(records, key=_level_order), level_name),
        'by_scene': _cells(name, records, scene_name)}


def _cells(
        name: str, records: Sequence[Record],
        group: Callable[[Record], str]) -> dict[str, dict[str, Any]]:
    groups: dict[str, list[Record]] = {}
    for record in records:
        groups.setdefault(group(record), []).append(record)
    return {
        key: _cell(name, members, [r for r in members if r['outcome'] in SCORED], len(members))
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
        [bool(succeeds(record)) for record in records],
        [record['panorama'] for record in records]).to_dict()


def _chance(name: str, records: Sequence[Record]) -> float | None:
    if not records:
        return None
    rates = [chance_rate(target_from_dict(record['target']), name) for record in records]
    return float(np.mean(rates))


def _outcomes(records: Sequence[Record], total: int) -> dict[str, int]:
    counts = Counter(record['outcome'] for record in records)
    return {
        **{outcome: counts[outcome] for outcome in OUTCOMES}, 'not run': total - len(records)}


def _turns(scored: Sequence[Record]) -> dict[str, Any]:
    """Return how many turns searches took and how many of them were wasted."""
    counts = [len(record['turns']) for record in scored]
    turns = [turn for record in scored for turn in record['turns']]
    invalid = sum(not turn['valid'] and not turn['not_found'] for turn in turns)
    cut = sum(turn['finish_reason'] == 'length' for turn in turns)
    return {
        'mean': float(np.mean(counts)) if counts else None,
        'median': float(np.median(counts)) if counts else None,
        'count': len(turns), 'invalid': invalid,
        'invalid_rate': invalid / len(turns) if turns else None, 'length': cut}


def _tokens(records: Sequence[Record]) -> dict[str, Any]:
    counts = [turn['tokens'] for record in records for turn in record['turns']]
    prompt = sum(count.get('prompt', 0) for count in counts)
    completion = sum(count.get('completion', 0) for count in counts)
    return {
        'prompt': prompt, 'completion': completion,
        'per_turn': (prompt + completion) / len(counts) if counts else None}


def _latency(records: Sequence[Record]) -> dict[str, Any]:
    """Return percentiles of the planner's time for one answer, in seconds."""
    times = [turn['latency_s'] for record in records for turn in record['turns']]
    if not times:
        return {'p50': None, 'p95': None, 'n': 0}
    p50, p95 = np.percentile(times, (50, 95))
    return {'p50': float(p50), 'p95': float(p95), 'n': len(times)}
