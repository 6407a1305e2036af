# SPDX-License-Identifier: Apache-2.0
"""Two runs on the same episodes: what they share, what flipped, and whether it is chance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
import hashlib
import json
from pathlib import Path
from typing import Any

from hvs_ros.core.errors import InputError
from hvs_ros.core.profile import PROFILES
from hvs_ros.evaluation.config import EvalConfig
from hvs_ros.evaluation.groups import GROUPINGS, counted
from hvs_ros.evaluation.outcomes import SCORED
from hvs_ros.evaluation.paired import compare_pairs
from hvs_ros.evaluation.reading import read_run
from hvs_ros.evaluation.run_files import Key, record_key
from hvs_ros.evaluation.statistics import cluster_of

SCHEMA_VERSION = 1
ACROSS = ('profile',)
EXPLORATORY = 'exploratory: not corrected for how many groups there are to look at'
EPISODE_FIELDS = ('id', 'instruction', 'start', 'target')
"""What makes two lines be of one episode, besides the panorama."""

Record = Mapping[str, Any]
Judge = Callable[[Record], bool]


@dataclass(frozen=True)
class Run:
    """Hold one side of a comparison; ``label`` is A or B."""

    label: str
    name: str
    manifest: Mapping[str, Any]
    records: Sequence[Record]

    @property
    def config(self) -> dict[str, Any]:
        """Return the settings that decide what is measured."""
        return EvalConfig.from_dict(self.manifest['config']).identity()

    @property
    def total(self) -> int:
        """Return how many searches the run is to have."""
        return int(self.manifest['episodes']['count']) * int(self.manifest['config']['repeats'])

    @property
    def scored(self) -> int:
        """Return how many searches are scored."""
        return sum(record['outcome'] in SCORED for record in self.records)


@dataclass(frozen=True)
class Pair:
    """Hold the lines of one (id, repeat) in both runs."""

    a: Record
    b: Record


def compare_runs(
        a: Path | str, b: Path | str, across: Sequence[str] = ()) -> dict[str, Any]:
    """
    Return the comparison of two run folders, B minus A.

    Raise ``InputError`` when profile, view or turn limit differ, or when nothing can be paired.
    ``across`` may hold ``profile``: then each run is judged by its own, and that is said.
    """
    runs = [
        Run(label, str(path), *read_run(path))
        for label, path in (('A', a), ('B', b))]
    return compare(runs[0], runs[1], across)


def compare(a: Run, b: Run, across: Sequence[str] = ()) -> dict[str, Any]:
    """Return the comparison of two runs that have been read; see ``compare_runs``."""
    _refuse_difference(a, b, across)
    pairs, dropped, differing = pair_up(a, b)
    if not pairs:
        reasons = ', '.join(f'{count} {reason}' for reason, count in dropped.items())
        raise InputError(f'{a.name} and {b.name} have no search in common ({reasons or "none"})')
    mixed = a.config['profile'] != b.config['profile']
    return {
        'schema_version': SCHEMA_VERSION, 'a': _described(a), 'b': _described(b),
        'across': 'profile' if mixed else None, 'notes': _notes(a, b, mixed),
        'differs': settings_that_differ(a, b),
        'pairs': {'used': len(pairs), 'dropped': dropped, 'other_episodes': differing},
        'overall': _cell(pairs, _own), 'exploratory': EXPLORATORY,
        'by_split': _cells(pairs, 'by_split'), 'by_level': _cells(pairs, 'by_level'),
        'by_profile': _by_profile(pairs, a, b) if mixed else None,
        'flipped': [_flip(pair) for pair in pairs if _own(pair.a) is not _own(pair.b)]}


def episode_hash(record: Record) -> str:
    """Return the hash of what a line's episode is: id, instruction, start, target, panorama."""
    parts = [record[name] for name in EPISODE_FIELDS] + [cluster_of(record)]
    return hashlib.sha256(json.dumps(_plain(parts), sort_keys=True).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Return the value with every number as a float: 90 and 90.0 are one start."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def pair_up(a: Run, b: Run) -> tuple[list[Pair], dict[str, int], list[dict[str, Any]]]:
    """
    Return (pairs in the order of their keys, dropped keys by reason, episodes that differ).

    A pair is a key that is scored in both runs and means the same episode in both.
    """
    lines_a, lines_b = _by_key(a), _by_key(b)
    pairs, dropped, differing = [], Counter[str](), []
    for key in sorted({*lines_a, *lines_b}):
        one, other = lines_a.get(key), lines_b.get(key)
        if one is None or other is None:
            dropped[f'only in {"A" if other is None else "B"}'] += 1
        elif episode_hash(one) != episode_hash(other):
            dropped['another episode of the same id'] += 1
            differing.append({
                'id': key[0], 'repeat': key[1], 'fields': _differing_fields(one, other)})
        elif one['outcome'] in SCORED and other['outcome'] in SCORED:
            pairs.append(Pair(one, other))
        else:
            missing = [
                label for label, line in (('A', one), ('B', other))
                if line['outcome'] not in SCORED]
            dropped[f'not scored in {" and ".join(missing)}'] += 1
    return pairs, dict(sorted(dropped.items())), differing


def _by_key(run: Run) -> dict[Key, Record]:
    return {record_key(record): record for record in run.records}


def _differing_fields(a: Record, b: Record) -> list[str]:
    fields = [name for name in EPISODE_FIELDS if _plain(a[name]) != _plain(b[name])]
    return fields if cluster_of(a) == cluster_of(b) else [*fields, 'panorama']


def settings_that_differ(a: Run, b: Run) -> list[dict[str, Any]]:
    """Return every setting that decides what is measured and differs, {field, a, b}."""
    return [
        {'field': field, 'a': one, 'b': other}
        for field, one, other in _differences(_settings(a), _settings(b))]


def _settings(run: Run) -> dict[str, Any]:
    """Return a run's configuration, how its planner asks, and the hashes of what steers it."""
    planner = run.manifest.get('planner', {})
    asks = {f'planner.{name}': value for name, value in planner.items() if name != 'name'}
    return {**run.config, **asks, 'texts': run.manifest.get('prompts', {})}


def _differences(a: Any, b: Any, name: str = '') -> Iterable[tuple[str, Any, Any]]:
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        for key in dict.fromkeys([*a, *b]):
            yield from _differences(a.get(key), b.get(key), f'{name}.{key}' if name else key)
    elif a != b:
        yield name, a, b


def _refuse_difference(a: Run, b: Run, across: Sequence[str]) -> None:
    unknown = [word for word in across if word not in ACROSS]
    if unknown:
        raise InputError(f'--across {unknown[0]}: runs compare across {", ".join(ACROSS)} only')
    bound = {
        name: [run.config[name] for run in (a, b)] for name in ('profile', 'view', 'max_turns')
        if name not in across}
    found = [
        (field, f'{field} is {one} in {a.name} and {other} in {b.name}')
        for name, (mine, theirs) in bound.items()
        for field, one, other in _differences(mine, theirs, name)]
    if found:
        hint = '' if any(name != 'profile' for name, _ in found) else (
            ' (--across profile compares them and says so)')
        raise InputError(
            f'these runs cannot be compared: '
            f'{"; ".join(sentence for _, sentence in found)}{hint}')


def _described(run: Run) -> dict[str, Any]:
    """Return what a table says of one side."""
    models = sorted({record['model'] for record in run.records if record['model']})
    planner = run.manifest.get('planner', {}).get('name') or run.config['planner']
    return {
        'run': run.name, 'planner': planner, 'models': models,
        'profile': run.config['profile'], 'scored': run.scored, 'total': run.total,
        'status': 'complete' if run.scored == run.total else 'incomplete'}


def _notes(a: Run, b: Run, mixed: bool) -> list[str]:
    notes = [
        f'{run.label} is incomplete: {run.scored} of {run.total} searches are scored, and the '
        'comparison is of what both have' for run in (a, b) if run.scored != run.total]
    if a.config.get('weights') or b.config.get('weights'):
        notes.append(
            'the episodes were drawn from a larger set with weights; the comparison is of the '
            'drawn ones, each counted once')
    if mixed:
        notes.insert(0, (
            f'across profiles: A is judged by {a.config["profile"]} and B by '
            f'{b.config["profile"]}, so that the difference is of rules as well as of planners'))
    return notes


def _own(record: Record) -> bool:
    """Return whether a search succeeded under the profile that drove it, which is its run's."""
    return bool(record['success'][record['profile']])


def _cell(pairs: Sequence[Pair], judge: Judge) -> dict[str, Any]:
    return compare_pairs(
        [judge(pair.a) for pair in pairs], [judge(pair.b) for pair in pairs],
        [cluster_of(pair.a) for pair in pairs])


def _cells(pairs: Sequence[Pair], grouping: str) -> dict[str, Any]:
    group = GROUPINGS[grouping]
    return {
        key: _cell([pair for pair in pairs if group(pair.a) == key], _own)
        for key in counted([pair.a for pair in pairs])[grouping]}


def _by_profile(pairs: Sequence[Pair], a: Run, b: Run) -> dict[str, Any]:
    """Return both runs under one profile, on the n of N pairs that transfer to it in both."""
    cells = {}
    for name in PROFILES:
        if name not in (a.config['profile'], b.config['profile']):
            continue
        same = [
            pair for pair in pairs
            if pair.a['success'][name] is not None and pair.b['success'][name] is not None]

        def judge(record: Record, profile: str = name) -> bool:
            return bool(record['success'][profile])

        cells[name] = {
            'transferable': {'n': len(same), 'total': len(pairs)}, **_cell(same, judge)}
    return cells


def _flip(pair: Pair) -> dict[str, Any]:
    """Return both sides of a search that succeeded in one run only."""
    return {
        'id': pair.a['id'], 'repeat': pair.a['repeat'], 'instruction': pair.a['instruction'],
        'won_by': 'A' if _own(pair.a) else 'B',
        **{side: {
            'outcome': line['outcome'], 'turns': len(line['turns']), 'answer': line['answer'],
            'gaze': line['gaze'], 'off': line['errors']['gaze']['window']}
           for side, line in (('a', pair.a), ('b', pair.b))}}
