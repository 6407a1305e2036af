# SPDX-License-Identifier: Apache-2.0
"""A run read back: manifest, lines and what they add up to, for whoever writes about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hvs_ros.core.errors import InputError
from hvs_ros.evaluation.config import EvalConfig
from hvs_ros.evaluation.metrics import compute_metrics
from hvs_ros.evaluation.reading import read_run
from hvs_ros.evaluation.run_files import LINES, RunError

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


def with_sections(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest with every section that is told about, None for what it does not say."""
    whole = dict(manifest)
    config = EvalConfig.from_dict(manifest['config'])
    whole['config'] = {**config.to_dict(), **manifest['config']}
    whole['episodes'] = {'dataset_sha256': None, **manifest['episodes']}
    for name, section in _SECTIONS.items():
        given = manifest.get(name)
        whole[name] = {**section, **(given if isinstance(given, dict) else {})}
        for key, usual in section.items():
            if isinstance(usual, list) and not isinstance(whole[name][key], list):
                whole[name][key] = usual
    return whole


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
        told, records = read_run(folder)
        manifest = with_sections(told)
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
