# SPDX-License-Identifier: Apache-2.0
"""A run read back: manifest, lines and what they add up to, for whoever writes about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
import math
from pathlib import Path
from typing import Any

from hvs_ros.core.errors import InputError
from hvs_ros.evaluation.config import EvalConfig
from hvs_ros.evaluation.metrics import compute_metrics
from hvs_ros.evaluation.records import LINES, RunError, read_manifest, read_records

Record = Mapping[str, Any]


class IncompleteError(InputError):
    """Say that a run has no headline yet."""


_SECTIONS: dict[str, dict[str, Any]] = {
    'images': {'count': None, 'sha256': None},
    'planner': {'name': None, 'answer_format': None},
    'prompts': {'pack_sha256': None, 'planner_file_sha256': None},
    'git': {'commit': None, 'dirty': None}, 'packages': {},
    'platform': {'python': None, 'system': None, 'machine': None},
    'hardware': {'processor': None, 'cores': None, 'memory_bytes': None, 'gpus': []},
    'times': {'started': None, 'finished': None}}
_PAIR = (list, tuple)
_FIELDS: dict[str, tuple[type, ...]] = {
    'split': (str,), 'scene': (str,), 'instruction': (str,), 'target': (dict,),
    'panorama': (str,), 'reason': (str,), 'success': (dict,), 'errors': (dict,),
    'turns': (list,), 'gaze': _PAIR, 'model': (str,)}
_TURN_FIELDS: dict[str, tuple[type, ...]] = {
    'reply': (str,), 'thought': (str,), 'action': (dict,), 'gaze_told': _PAIR,
    'gaze_measured': _PAIR, 'latency_s': (int, float), 'tokens': (dict,),
    'finish_reason': (str,)}


def with_sections(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest with every section that is told about, None for what it does not say."""
    whole = dict(manifest)
    config = EvalConfig.from_dict(manifest['config'])
    whole['config'] = {**config.to_dict(), **manifest['config']}
    whole['episodes'] = {'dataset_sha256': None, **manifest['episodes']}
    for name, section in _SECTIONS.items():
        given = manifest.get(name)
        whole[name] = {**section, **(given if isinstance(given, dict) else {})}
    return whole


def check_record(path: Path, record: Record) -> None:
    """Raise ``RunError`` naming file, episode and field of a line that cannot be told about."""
    where = f'{path}: {record["id"]!r} (repeat {record["repeat"]})'
    _check(where, record, _FIELDS)
    for place, turn in enumerate(record['turns']):
        if not isinstance(turn, dict):
            raise RunError(f'{where}: turn {place} is no object')
        _check(f'{where}: turn {place}', turn, _TURN_FIELDS)


def _check(where: str, values: Record, fields: Mapping[str, tuple[type, ...]]) -> None:
    for name, kinds in fields.items():
        value = values.get(name)
        if not isinstance(value, kinds) or (kinds is _PAIR and not _is_direction(value)):
            shown = f'{values[name]!r:.60}' if name in values else 'missing'
            raise RunError(f'{where}: field "{name}" is {shown}')


def _is_direction(value: Any) -> bool:
    return len(value) == 2 and all(
        isinstance(angle, (int, float)) and math.isfinite(angle) for angle in value)


@dataclass(frozen=True)
class Results:
    """Hold a run: its folder, ``run.json``, its standing lines by key, and its metrics."""

    folder: Path
    manifest: Mapping[str, Any]
    records: Sequence[Record]
    metrics: Mapping[str, Any]

    @classmethod
    def of(cls, run: Path | str) -> Results:
        """Return the results of a run folder; raise ``RunError`` when it is none."""
        folder = Path(run)
        manifest, records = with_sections(read_manifest(folder)), read_records(folder)
        for record in records:
            check_record(folder / LINES, record)
        try:
            metrics = compute_metrics(manifest, records)
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise RunError(
                f'{folder / LINES}: holds lines that do not add up '
                f'({type(error).__name__}: {error})') from error
        return cls(folder, manifest, records, metrics)

    @property
    def name(self) -> str:
        """Return how the run is called: its folder's name."""
        return self.folder.resolve().name

    @property
    def complete(self) -> bool:
        """Return whether every episode is scored."""
        return bool(self.metrics['status'] == 'complete')

    @property
    def profile(self) -> str:
        """Return the profile that drove the run."""
        return str(self.metrics['profile'])

    @property
    def driving(self) -> Mapping[str, Any]:
        """Return the metrics under the driving profile."""
        driving: Mapping[str, Any] = self.metrics['profiles'][self.profile]
        return driving

    def require_headline(self, form: str, allow_incomplete: bool = False) -> None:
        """
        Raise ``IncompleteError`` when the run has no headline to print in a paper.

        ``allow_incomplete`` lets it through; the ``form`` then says so and shows bounds.
        """
        if self.complete or allow_incomplete:
            return
        errors = self.metrics['outcomes']['error']
        raise IncompleteError(
            f'{self.folder}: incomplete, {self.metrics["scored"]}/{self.metrics["total"]} '
            f'episodes scored ({errors} error{"s" if errors != 1 else ""}), so {form} has no '
            'headline; finish the run with hvs eval, or say --allow-incomplete for bounds')
