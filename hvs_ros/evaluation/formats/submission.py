# SPDX-License-Identifier: Apache-2.0
"""A run as it is handed in: one JSON with what it scored and how, and the records in a zip."""

from __future__ import annotations

from collections.abc import Mapping
import hashlib
import json
from pathlib import Path
from typing import Any
import zipfile

from hvs_ros.core.errors import InputError
from hvs_ros.evaluation.published_results import protocol_of
from hvs_ros.evaluation.results import Results
from hvs_ros.evaluation.run_files import LINES, MANIFEST, write_atomically

FORMAT = 'hvs_ros submission 1'
SUMMARY, RECORDS = 'submission.json', 'records.zip'
# A zip of the same records is the same file: it carries no time of day.
_EPOCH = (1980, 1, 1, 0, 0, 0)


def write_submission(
        results: Results, folder: Path, allow_incomplete: bool = False) -> tuple[Path, Path]:
    """
    Write ``submission.json`` and ``records.zip`` into ``folder`` and return their paths.

    Raise ``IncompleteError`` while episodes are not scored, unless ``allow_incomplete``: the
    submission then says incomplete and gives bounds in place of rates.
    """
    results.require_headline('a submission', allow_incomplete)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f'{folder}: cannot hold a submission ({error.strerror})') from error
    archive = folder / RECORDS
    _zip(results.folder, archive)
    summary = folder / SUMMARY
    write_atomically(summary, json.dumps(
        submission(results, hashlib.sha256(archive.read_bytes()).hexdigest()), indent=1,
        allow_nan=False) + '\n')
    return summary, archive


def submission(results: Results, records_sha256: str) -> dict[str, Any]:
    """Return the summary; what a run did not record is null, never left out."""
    manifest, metrics = results.manifest, results.metrics
    planner, config, protocol = manifest['planner'], manifest['config'], protocol_of(results)
    return {
        'format': FORMAT, 'run': results.name, 'status': metrics['status'],
        'scored': metrics['scored'], 'total': metrics['total'], 'profile': results.profile,
        'scores': {
            'overall': score(results.driving['overall']),
            **{group: {name: score(cell) for name, cell in results.driving[group].items()}
               for group in ('by_split', 'by_level')}},
        'success_by_turn': metrics['success_by_turn'] if results.complete else None,
        'other_profiles': {
            name: other for name, other in metrics['profiles'].items()
            if name != results.profile},
        'repeats': metrics['repeats'], 'outcomes': metrics['outcomes'],
        'rates': metrics['rates'], 'angular_errors': metrics['angular_errors'],
        'benchmark': metrics['benchmark'],
        'protocol': {
            'release': protocol.release, 'context': protocol.context, 'images': protocol.images,
            'max_turns': config['max_turns'], 'view': config['view'],
            'departs_from_published_in': list(protocol.own_ways)},
        'model': {
            'planner': config['planner'], 'name': planner['name'],
            'served_as': sorted({r['model'] for r in results.records if r['model']}),
            'revision': planner.get('revision')},
        'decoding': {
            'answer_format': planner['answer_format'], 'sampling': planner.get('sampling'),
            'shortcuts': planner.get('shortcuts'), 'asking': planner.get('asking'),
            'seed': config['seed']},
        'hashes': {
            'dataset_sha256': manifest['episodes']['dataset_sha256'],
            'episode_ids_sha256': manifest['episodes'].get('sha256'),
            'images_sha256': manifest['images']['sha256'],
            'prompt_pack_sha256': manifest['prompts']['pack_sha256'],
            'planner_file_sha256': manifest['prompts']['planner_file_sha256'],
            'records_sha256': records_sha256},
        'software': {'git': manifest['git'], 'packages': manifest['packages']},
        'hardware': {**manifest['platform'], **manifest['hardware']},
        'tokens': metrics['tokens'], 'latency_s': metrics['latency_s'], 'cost': metrics['cost'],
        'times': manifest['times'], 'records': RECORDS}


def score(cell: Mapping[str, Any]) -> dict[str, Any]:
    """Return a cell as it may be handed in: a rate, or, of an unfinished group, its bounds."""
    counts = {'scored': cell['scored'], 'total': cell['total'], 'bounds': cell['bounds']}
    whole = cell['scored'] == cell['total']
    return {
        'status': 'complete' if whole else 'incomplete', **counts,
        'success': cell['success'] if whole else None}


def _zip(run: Path, archive: Path) -> None:
    """Write the run's own files, as they stand, into the archive."""
    try:
        with zipfile.ZipFile(archive, 'w', zipfile.ZIP_DEFLATED) as bundle:
            for name in (MANIFEST, LINES):
                content = (run / name).read_bytes()
                bundle.writestr(
                    zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED)
    except OSError as error:
        raise InputError(f'{archive}: cannot be written ({error.strerror})') from error
