# SPDX-License-Identifier: Apache-2.0
"""Where the panoramas of a run lie today, however much of its dataset is still there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from hvs_ros.core.annotation import Item, parse_annotation
from hvs_ros.core.episode import ANNOTATION
from hvs_ros.core.errors import HvsError
from hvs_ros.core.panorama import PanoramaFile
from hvs_ros.core.storage import Listing, StoredFile, list_files
from hvs_ros.evaluation.config import EvalConfig, load_selected
from hvs_ros.evaluation.outcomes import target_to_dict

MOST_NAMED = 5
Record = Mapping[str, Any]


@dataclass(frozen=True)
class PanoramaFiles:
    """Hold the panorama file of each episode id, and a sentence on each thing that is missing."""

    files: Mapping[str, PanoramaFile] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


def find_panoramas(
        manifest: Mapping[str, Any], records: Sequence[Record],
        episodes: Path | str | None = None) -> PanoramaFiles:
    """
    Return the panoramas of a run's records; never raise for what a dataset lacks.

    ``episodes`` is where the dataset lies now, None for where it lay during the run. Where it is
    not whole or not the same any more, an episode's panorama is the one of its name beside an
    annotation that still says what the record says.
    """
    config = EvalConfig.from_dict(manifest['config'])
    if episodes is not None:
        config = replace(config, episodes=str(episodes))
    try:
        loaded = load_selected(config)
    except HvsError as error:
        reason = str(error)
    else:
        if loaded.dataset_sha256 == manifest['episodes']['dataset_sha256']:
            return PanoramaFiles({episode.id: episode.panorama for episode in loaded})
        reason = f'{config.episodes} has another hash'
    return _by_name(Path(config.episodes), records, reason)


def _by_name(root: Path, records: Sequence[Record], reason: str) -> PanoramaFiles:
    try:
        listing = list_files(root, ANNOTATION)
    except HvsError as error:
        return PanoramaFiles(problems=(
            f'The panoramas of this run were not found, so there are no pictures: {error}',))
    search = _Search(listing)
    found = {record['id']: search.of(record) for record in records}
    files = {name: file for name, file in found.items() if file is not None}
    if not files:
        return PanoramaFiles(problems=(
            f'{root} is not the dataset of this run, so there are no pictures ({reason}).',))
    problems = [
        f'The dataset is not as it was during the run ({reason}): pictures come from the '
        'panoramas that are still those of the run.']
    lost = sorted({record['panorama'] for record in records if record['id'] not in files})
    if lost:
        many = len(lost) > 1
        problems.append(
            f'{len(lost)} panorama{"s" if many else ""} of this run {"are" if many else "is"} '
            f'missing or not the same any more: {_named(lost)}.')
    return PanoramaFiles(files, tuple(problems))


class _Search:
    """Look for panoramas by name in a listing."""

    def __init__(self, listing: Listing) -> None:
        self._listing = listing
        self._by_name: dict[str, list[str]] = {}
        for path in listing:
            self._by_name.setdefault('/'.join(path.split('/')[-2:]), []).append(path)

    def of(self, record: Record) -> PanoramaFile | None:
        """Return the record's panorama, None where nothing of its name is it."""
        for path in self._by_name.get(record['panorama'], ()):
            file = self._listing[path]
            if self._belongs(record, path, file):
                return PanoramaFile(file.source, file.member, file.size)
        return None

    def _belongs(self, record: Record, path: str, file: StoredFile) -> bool:
        if record.get('panorama_sha256'):
            return bool(_hash(file) == record['panorama_sha256'])
        annotation = self._listing.get(f'{path.rpartition("/")[0]}/{ANNOTATION}')
        return annotation is not None and _says(annotation, record)


@lru_cache(maxsize=4096)
def _hash(file: StoredFile) -> str:
    """Return the hash of a file, none of one that cannot be read."""
    try:
        return file.sha256()
    except HvsError:
        return ''


def _says(annotation: StoredFile, record: Record) -> bool:
    items, place = _items(annotation), record['item']
    if not 0 <= place < len(items):
        return False
    item = items[place]
    return (item.instruction == record['instruction']
            and target_to_dict(item.target) == record['target'])


@lru_cache(maxsize=1024)
def _items(annotation: StoredFile) -> tuple[Item, ...]:
    """Return the items of an annotation, none of one that is broken."""
    try:
        return tuple(parse_annotation(annotation.read(), annotation.name))
    except HvsError:
        return ()


def _named(names: Iterable[str]) -> str:
    listed = list(names)
    more = f' and {len(listed) - MOST_NAMED} more' if len(listed) > MOST_NAMED else ''
    return ', '.join(listed[:MOST_NAMED]) + more
