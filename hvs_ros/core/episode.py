# SPDX-License-Identifier: Apache-2.0
"""Benchmark folders and zips to episodes with stable ids."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
import hashlib
from itertools import pairwise
from pathlib import Path, PurePosixPath
import random
from typing import overload

from hvs_ros.core.annotation import Item, read_annotation
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.panorama import PanoramaFile
from hvs_ros.core.problems import Problem, Report
from hvs_ros.core.scoring import Target
from hvs_ros.core.storage import EpisodeError, Listing, StoredFile, list_files, refuse

__all__ = ['Dataset', 'Episode', 'EpisodeError', 'Episodes', 'Scene', 'load_episodes',
           'read_dataset']

ANNOTATION = 'annotation.json'
IMAGE_SUFFIXES = ('.png', '.jpg', '.jpeg', '.webp')
_PREFERRED = ('pano_', 'keyframe_', 'frame_')
_MAX_ANNOTATION_BYTES = 1 << 26
_HARNESS_SEED = 42
_ZIP_TAIL_BYTES = 256 << 20
"""Reading the end of a zip's member means unpacking all of it: done up to this much in all."""


@dataclass(frozen=True)
class Episode:
    """
    Hold one search of a benchmark: an instruction, a panorama and where the gaze starts.

    ``id`` is ``<split>/<scene>/<item>/<start yaw>``. ``legacy_seed`` is the index into the order
    in which the published harness shuffles the folder that the scene lies in.
    """

    id: str
    split: str
    scene: str
    item: int
    start: BenchmarkAngles
    instruction: str
    target: Target
    panorama: PanoramaFile
    level: int | None = None
    legacy_seed: int | None = None
    overlap_rate: float | None = None


@dataclass(frozen=True)
class Episodes(Sequence[Episode]):
    """
    Hold the episodes of one folder or zip in a fixed order.

    ``dataset_sha256`` is a hash of all annotations and of the panoramas' names and sizes; it
    depends neither on where the files lie nor on which episodes were selected.
    ``skipped`` names the scene folders that have no annotation.
    """

    root: Path
    episodes: tuple[Episode, ...]
    dataset_sha256: str
    skipped: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.episodes)

    @overload
    def __getitem__(self, index: int) -> Episode: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Episode]: ...

    def __getitem__(self, index: int | slice) -> Episode | Sequence[Episode]:
        return self.episodes[index]

    def by_id(self, episode_id: str) -> Episode:
        """Return the episode of that id; raise ``EpisodeError`` when there is none."""
        for episode in self.episodes:
            if episode.id == episode_id:
                return episode
        raise EpisodeError(f'{self.root} holds no episode {episode_id!r}')


@dataclass(frozen=True)
class Scene:
    """Hold one scene folder; ``items`` are those that can be used, by their place in the file."""

    root: str
    name: str
    annotation: StoredFile
    items: dict[int, Item]
    panorama: PanoramaFile
    digest: str


@dataclass(frozen=True)
class Dataset:
    """Hold what a folder or zip was found to hold: its files, its scenes and their episodes."""

    files: Listing
    scenes: list[Scene]
    episodes: list[Episode]


def load_episodes(
        path: Path | str, *, shuffle: bool = False, seed: int | None = None,
        limit: int | None = None, only_ids: Iterable[str] | None = None) -> Episodes:
    """
    Return the episodes of a split root, of a parent of split roots, or of a released zip.

    In the order of folder names, items and starts, unless ``shuffle``: then shuffled with
    ``seed``, whose default gives the published harness's order. ``only_ids`` selects, then
    ``limit`` cuts. The headers of the selected panoramas are checked; they are not decoded.
    Raise ``EpisodeError`` or ``PanoramaError``, one sentence naming file, field and value.
    """
    root = Path(path)
    dataset = read_dataset(root)
    episodes = dataset.episodes
    if not episodes:
        raise EpisodeError(f'{root} holds no episodes: no item in any {ANNOTATION}')
    if shuffle:
        random.Random(_HARNESS_SEED if seed is None else seed).shuffle(episodes)
    selected = _select(root, episodes, limit, only_ids)
    _check_panoramas(selected)
    return Episodes(root, tuple(selected), _digest(dataset.scenes), skipped_folders(dataset.files))


def read_dataset(root: Path, report: Report = refuse) -> Dataset:
    """
    Return everything in a folder or zip that can be used, in order.

    ``report`` is told all the rest; by default the first thing that cannot be used is raised as
    ``EpisodeError``, and so is, always, a path that is no dataset at all.
    """
    files = list_files(root, ANNOTATION, report)
    read = [_read_scene(root, files, folder, report)
            for folder in _scene_folders(root, files, report)]
    scenes = [scene for scene in read if scene is not None]
    episodes = [episode for group in _by_root(scenes) for episode in _expand(group)]
    _check_unique(episodes, scenes, report)
    return Dataset(files, scenes, episodes)


def _scene_folders(root: Path, files: Listing, report: Report) -> list[str]:
    """Return the relative paths of the folders that hold an annotation, sorted."""
    folders = sorted(
        (str(PurePosixPath(name).parent) for name in files
         if PurePosixPath(name).name == ANNOTATION),
        key=lambda folder: PurePosixPath(folder).parts)
    if '.' in folders:
        raise EpisodeError(f'{root} is a single scene; name the folder that holds the scenes')
    if not folders:
        zips = [name for name in files if name.lower().endswith('.zip')]
        hint = f'; it holds {zips[0]}, which is not looked into' if zips else ''
        raise EpisodeError(f'{root} holds no episodes: no <scene>/{ANNOTATION} in it{hint}')
    for outer, inner in pairwise(folders):
        if inner.startswith(f'{outer}/'):
            report(Problem(
                str(root / inner / ANNOTATION), '',
                f'{root}: the scene {inner} lies inside the scene {outer}'))
    return folders


def skipped_folders(files: Listing) -> tuple[str, ...]:
    """Return the folders that hold pictures and no annotation."""
    folders = {str(PurePosixPath(name).parent) for name in files
               if PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES}
    annotated = [str(PurePosixPath(name).parent) for name in files
                 if PurePosixPath(name).name == ANNOTATION]
    return tuple(sorted(
        folder for folder in folders
        if not any(f'{folder}/'.startswith(f'{scene}/') for scene in annotated)))


def _read_scene(root: Path, files: Listing, folder: str, report: Report) -> Scene | None:
    annotation = files[f'{folder}/{ANNOTATION}']
    content, here = _content(annotation, report), PurePosixPath(folder)
    items = [] if content is None else read_annotation(content, annotation.name, report)
    panorama = _choose_panorama(root / folder, folder, files, report)
    if content is None or panorama is None:
        return None
    return Scene(
        str(here.parent), here.name, annotation,
        {place: item for place, item in enumerate(items) if item is not None},
        panorama, hashlib.sha256(content).hexdigest())


def _content(annotation: StoredFile, report: Report) -> bytes | None:
    try:
        if annotation.size <= _MAX_ANNOTATION_BYTES:
            return annotation.read()
        sentence = f'{annotation.name} is {annotation.size} bytes, too large to be one'
    except EpisodeError as error:
        sentence = str(error)
    report(Problem(annotation.name, '', sentence))
    return None


def _choose_panorama(
        path: Path, folder: str, files: Listing, report: Report) -> PanoramaFile | None:
    """Return the scene's panorama: the preferred prefixes first, then by name."""
    def rank(file: StoredFile) -> tuple[int, str]:
        name = Path(file.name).name
        return next((place for place, prefix in enumerate(_PREFERRED)
                     if name.lower().startswith(prefix)), len(_PREFERRED)), name

    inside = [file for name, file in files.items() if name.rpartition('/')[0] == folder]
    images = [file for file in inside if Path(file.name).suffix.lower() in IMAGE_SUFFIXES]
    if not images:
        others = sorted(Path(file.name).name for file in inside
                        if Path(file.name).name != ANNOTATION)
        held = f', only {", ".join(others[:3])}' if others else ''
        report(Problem(str(path), '', (
            f'{path} holds no panorama ({", ".join(s[1:] for s in IMAGE_SUFFIXES)}){held}')))
        return None
    chosen = min(images, key=rank)
    if len(images) > 1:
        report(Problem(str(path), '', (
            f'{path} holds {len(images)} pictures, of which {Path(chosen.name).name} is taken '
            'for the panorama'), 'note'))
    return PanoramaFile(chosen.source, chosen.member, chosen.size)


def _by_root(scenes: list[Scene]) -> list[list[Scene]]:
    """Return the scenes of each split root, in order."""
    groups: dict[str, list[Scene]] = {}
    for scene in scenes:
        groups.setdefault(scene.root, []).append(scene)
    return list(groups.values())


def _expand(scenes: list[Scene]) -> list[Episode]:
    """Return the episodes of one split root, each with its place in the harness's order."""
    episodes = [
        Episode(
            f'{item.split}/{scene.name}/{index}/{start.text}', item.split, scene.name, index,
            BenchmarkAngles(start.yaw % 360, 0), item.instruction, item.target, scene.panorama,
            start.level, None, start.overlap_rate)
        for scene in scenes
        for index, item in scene.items.items()
        for start in item.starts]
    places = list(range(len(episodes)))
    random.Random(_HARNESS_SEED).shuffle(places)
    seeds = {place: seed for seed, place in enumerate(places)}
    return [replace(episode, legacy_seed=seeds[place]) for place, episode in enumerate(episodes)]


def _check_unique(episodes: list[Episode], scenes: list[Scene], report: Report) -> None:
    """Report, naming the files, that two episodes have one id."""
    seen: dict[str, Episode] = {}
    doubled: dict[tuple[str, ...], list[str]] = {}
    for episode in episodes:
        other = seen.setdefault(episode.id, episode)
        if other is not episode:
            names = tuple(sorted({scene.annotation.name for scene in scenes
                                  if scene.panorama in (episode.panorama, other.panorama)}))
            doubled.setdefault(names, []).append(episode.id)
    for names, ids in doubled.items():
        more = f' (and {len(ids) - 1} more)' if len(ids) > 1 else ''
        report(Problem(names[-1], 'initial yaw' if len(names) == 1 else '', (
            f'two episodes have the id {ids[0]}{more}: see {" and ".join(names)}')))


def _select(
        root: Path, episodes: list[Episode], limit: int | None,
        only_ids: Iterable[str] | None) -> list[Episode]:
    if only_ids is not None:
        wanted = set(only_ids)
        unknown = sorted(wanted - {episode.id for episode in episodes})
        if unknown:
            raise EpisodeError(f'{root} holds no episode {unknown[0]!r}')
        episodes = [episode for episode in episodes if episode.id in wanted]
    if limit is not None and limit < 1:
        raise EpisodeError(f'the limit must be at least 1 episode, not {limit}')
    return episodes[:limit]


def _check_panoramas(episodes: list[Episode]) -> None:
    """Raise ``PanoramaError`` for the first panorama whose file cannot be one."""
    panoramas = list(dict.fromkeys(episode.panorama for episode in episodes))
    zipped = sum(panorama.size for panorama in panoramas if panorama.member is not None)
    for panorama in panoramas:
        panorama.header(whole=panorama.member is None or zipped <= _ZIP_TAIL_BYTES)


def _digest(scenes: list[Scene]) -> str:
    """Return a hash of what the dataset says, wherever it lies."""
    lines = sorted(
        f'{scene.name}\0{scene.digest}\0{Path(scene.panorama.name).name}\0{scene.panorama.size}'
        for scene in scenes)
    return hashlib.sha256('\n'.join(lines).encode()).hexdigest()
