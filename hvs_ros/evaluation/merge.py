# SPDX-License-Identifier: Apache-2.0
"""The runs of shards put together into the run that one machine would have made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
import json
import os
from pathlib import Path
import shutil
from typing import Any

from hvs_ros.evaluation.config import EvalConfig, shard_numbers
from hvs_ros.evaluation.groups import GROUPINGS, LEVELS
from hvs_ros.evaluation.reading import read_run
from hvs_ros.evaluation.records import refuse_difference
from hvs_ros.evaluation.run_files import LINES, MANIFEST, Key, RunError, record_key

OF_THE_MACHINE = ('git', 'packages', 'platform', 'times')


@dataclass(frozen=True)
class _Part:
    """Hold the run of one shard."""

    run: Path
    manifest: Mapping[str, Any]
    lines: Mapping[Key, dict[str, Any]]

    @property
    def place(self) -> int:
        """Return the shard's number, from 1."""
        return shard_numbers(self.manifest['config']['shard'])[0]

    @property
    def expected(self) -> int:
        """Return how many lines the shard is to have."""
        return int(self.manifest['episodes']['count']) * int(self.manifest['config']['repeats'])

    def missing(self) -> int:
        """Return how many searches are missing or ended in an error."""
        stand = sum(line['outcome'] != 'error' for line in self.lines.values())
        return self.expected - stand


def merge_runs(
        out: Path | str, runs: Sequence[Path | str], *, allow_incomplete: bool = False) -> int:
    """
    Write the run that the shards in ``runs`` make up to the new folder ``out``.

    Return the number of its lines. The folder appears whole or not at all, and is then like any
    other: `hvs eval` without ``--shard`` takes it up when something is left to do. Raise
    ``RunError`` when the shards are not of one run, do not make a whole, or are unfinished.
    """
    parts = _by_place([_read(Path(run)) for run in runs])
    if not allow_incomplete:
        _refuse_unfinished(parts)
    lines: dict[Key, dict[str, Any]] = {}
    for part in parts:
        for key, line in part.lines.items():
            if lines.setdefault(key, line) is not line:
                raise RunError(f'{part.run}: {key[0]} (repeat {key[1]}) is in another shard, too')
    _write(Path(out), _manifest(parts), [lines[key] for key in sorted(lines)])
    return len(lines)


def _read(run: Path) -> _Part:
    manifest, records = read_run(run)
    if not manifest['config'].get('shard') or not isinstance(manifest.get('shard'), dict):
        raise RunError(f'{run}: was not run with --shard, so there is nothing to merge it with')
    return _Part(run, manifest, {record_key(record): record for record in records})


def _by_place(parts: Sequence[_Part]) -> list[_Part]:
    """Return one run a shard, in order; raise ``RunError`` when they are no whole."""
    first = parts[0]
    found: dict[int, _Part] = {}
    for part in parts:
        refuse_difference(part.run, _common(first.manifest), _common(part.manifest))
        twin = found.setdefault(part.place, part)
        if twin is not part:
            _refuse_other_twin(twin, part)
    count = shard_numbers(first.manifest['config']['shard'])[1]
    lacking = [str(place) for place in range(1, count + 1) if place not in found]
    if lacking:
        raise RunError(f'shard {", ".join(lacking)} of {count} is missing')
    whole = first.manifest['shard']['count']
    total = sum(part.manifest['episodes']['count'] for part in found.values())
    if total != whole:
        raise RunError(f'the shards have {total} episodes, not the {whole} of the whole run')
    return [found[place] for place in sorted(found)]


def _common(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the manifests of one run's shards must have in common."""
    config = replace(EvalConfig.from_dict(manifest['config']), shard=None)
    episodes = {'dataset_sha256': manifest['episodes']['dataset_sha256']}
    return {**manifest, 'config': config.to_dict(), 'episodes': episodes}


def _refuse_other_twin(one: _Part, other: _Part) -> None:
    """Let the same shard be named twice, but not two runs of it."""
    for key in sorted({*one.lines, *other.lines}):
        if one.lines.get(key) != other.lines.get(key):
            raise RunError(
                f'{other.run}: is shard {one.place} like {one.run}, and they differ in '
                f'{key[0]} (repeat {key[1]})')


def _refuse_unfinished(parts: Sequence[_Part]) -> None:
    for part in parts:
        missing = part.missing()
        if missing:
            raise RunError(
                f'{part.run}: {missing} of {part.expected} searches are missing or ended in '
                'error; finish it first, or merge with --allow-incomplete')


def _manifest(parts: Sequence[_Part]) -> dict[str, Any]:
    first = parts[0].manifest
    whole = first['shard']
    config = replace(EvalConfig.from_dict(first['config']), shard=None)
    times = [part.manifest.get('times') or {} for part in parts]
    started, ends = [t.get('started') for t in times], [t.get('finished') for t in times]
    return {
        **first, 'config': config.to_dict(), 'shard': None,
        'episodes': {
            **first['episodes'], 'count': whole['count'], 'sha256': whole['sha256'],
            'groups': _groups(parts)},
        'times': {
            'started': min(filter(None, started), default=None),
            'finished': None if None in ends else max(filter(None, ends), default=None)},
        'merged_from': [
            {'run': part.run.name, 'shard': part.manifest['config']['shard'],
             **{name: part.manifest.get(name) for name in OF_THE_MACHINE}} for part in parts]}


def _groups(parts: Sequence[_Part]) -> dict[str, dict[str, int]]:
    """Return the episodes of every group over all shards, levels in their order."""
    order = {
        f'{split}/{level}': place for split, levels in LEVELS.items()
        for place, level in enumerate(levels)}
    groups = {}
    for name in GROUPINGS:
        counts: Counter[str] = Counter()
        for part in parts:
            counts.update(part.manifest['episodes'].get('groups', {}).get(name, {}))
        groups[name] = {
            key: counts[key] for key in sorted(
                counts, key=lambda key: (key.partition('/')[0], order.get(key, len(order)), key))}
    return groups


def _write(out: Path, manifest: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> None:
    scratch = out.with_name(f'.{out.name}.{os.getpid()}')
    try:
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise RunError(f'{out}: already exists; choose another folder to merge into')
        scratch.mkdir(parents=True)
        _write_synced(
            scratch / LINES,
            ''.join(json.dumps(record, separators=(',', ':')) + '\n' for record in records))
        _write_synced(scratch / MANIFEST, json.dumps(manifest, indent=1) + '\n')
        os.rename(scratch, out)
    except OSError as error:
        raise RunError(f'{out}: cannot be written ({error.strerror})') from error
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _write_synced(path: Path, text: str) -> None:
    with open(path, 'w', encoding='utf-8') as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
