# SPDX-License-Identifier: Apache-2.0
"""Everything that is wrong with a folder or zip of episodes, found in one pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
import os
from pathlib import Path, PurePosixPath

import cv2

from hvs_ros.core.episode import (
    ANNOTATION,
    Dataset,
    EpisodeError,
    Scene,
    read_dataset,
    skipped_folders,
)
from hvs_ros.core.panorama import PanoramaError, PanoramaFile, decode
from hvs_ros.core.problems import Problem

LEAST_WIDTH = 1920
"""The benchmark's panoramas are 1920 to 7680 pixels wide."""
MOST_ASPECT = 4.0
_KINDS = {'.png': 'PNG', '.jpg': 'JPEG', '.jpeg': 'JPEG', '.webp': 'WebP'}
_FLAT = 1.0
_OBJECT_LEVELS = 3
_WORKERS = 4


@dataclass(frozen=True)
class Findings:
    """
    Hold what a check came to.

    ``problems`` are in the order of the files' names; the counts are of what can be used.
    """

    problems: tuple[Problem, ...]
    scenes: int
    episodes: int
    panoramas: int

    @property
    def wrong(self) -> tuple[Problem, ...]:
        """Return the problems that are no mere notes."""
        return tuple(problem for problem in self.problems if problem.weight != 'note')


def check_episodes(
        path: Path | str, *, decode_all: bool = False,
        on_panorama: Callable[[int, int], None] | None = None) -> Findings:
    """
    Return every problem of a folder or zip; raise ``InputError`` for what is no dataset at all.

    Panoramas are judged by their headers and ends, or decoded pixel by pixel with ``decode_all``.
    ``on_panorama`` is told (panoramas looked at, panoramas in all).
    """
    root = Path(path)
    found: list[Problem] = []
    try:
        dataset = read_dataset(root, found.append)
    except EpisodeError as error:
        if not found:
            raise
        # Why there is no episode in it is known.
        return Findings((*found, Problem(str(root), '', str(error))), 0, 0, 0)
    unreadable = {problem.file for problem in found}
    found += [problem for problem in _unannotated(root, dataset)
              if problem.file not in unreadable]
    found += _odd_items(dataset.scenes)
    panoramas = list(dict.fromkeys(scene.panorama for scene in dataset.scenes))
    # Threads: decoding and reading let the others run.
    with ThreadPoolExecutor(_WORKERS) as pool:
        looked = pool.map(_decoded if decode_all else _header, panoramas)
        for done, problems in enumerate(looked, 1):
            found += problems
            if on_panorama is not None:
                on_panorama(done, len(panoramas))
    refused = {problem.file for problem in found if problem.weight == 'refused'}
    sound = {panorama for panorama in panoramas if panorama.name not in refused}
    found += _narrow(root, sound)
    found.sort(key=lambda problem: problem.file)
    return Findings(
        tuple(found),
        sum(bool(scene.items) and scene.panorama in sound for scene in dataset.scenes),
        len({episode.id for episode in dataset.episodes if episode.panorama in sound}),
        len(sound))


def _unannotated(root: Path, dataset: Dataset) -> Iterable[Problem]:
    """Yield the folders that no episode comes from."""
    loose = set(skipped_folders(dataset.files))
    for folder in sorted(loose):
        held = sorted(PurePosixPath(name).name for name in dataset.files
                      if name.rpartition('/')[0] == folder)
        where = root / folder if folder else root
        yield Problem(str(where), '', (
            f'{where} holds pictures and no {ANNOTATION}: it has {", ".join(held[:4])}'), 'wrong')
    if root.is_dir():
        scenes = {str(PurePosixPath(name).parent) for name in dataset.files
                  if PurePosixPath(name).name == ANNOTATION}
        for parent in sorted({folder.rpartition('/')[0] for folder in scenes}):
            yield from _empty_siblings(root / parent, scenes | loose, root)
        for folder in sorted(scenes):
            yield from _scenes_within(root / folder)


def _scenes_within(scene: Path) -> Iterable[Problem]:
    """Yield the annotations below a scene, which nobody reads."""
    for path in sorted(scene.glob(f'*/**/{ANNOTATION}')):
        yield Problem(str(path), '', (
            f'{path} is not read: it lies inside the scene {scene.name}'), 'wrong')


def _empty_siblings(parent: Path, known: set[str], root: Path) -> Iterable[Problem]:
    """Yield the folders beside scenes that hold neither an annotation nor a picture."""
    try:
        with os.scandir(parent) as scan:
            folders = sorted(entry.path for entry in scan
                             if entry.is_dir() and not entry.name.startswith(('.', '__MACOSX')))
    except OSError:
        return  # told when its files were listed
    for folder in folders:
        inside = Path(folder).relative_to(root).as_posix()
        if not any(f'{name}/'.startswith(f'{inside}/') for name in known):
            yield Problem(
                folder, '', f'{folder} holds neither {ANNOTATION} nor a panorama', 'wrong')


def _odd_items(scenes: Iterable[Scene]) -> Iterable[Problem]:
    """Yield what can be loaded and may still not be meant."""
    for scene in scenes:
        name = scene.annotation.name
        seen: dict[tuple[object, ...], int] = {}
        unlevelled = 0
        for place, item in scene.items.items():
            same = seen.setdefault((item.instruction, item.target), place)
            where = f'{name}: item {place}'
            if same != place:
                yield Problem(name, 'task', f'{where} repeats item {same}', 'note')
            if item.target.yaw_width >= 360:
                yield Problem(name, 'yaw', (
                    f"{where}: 'yaw' is the full circle, which the published rule shrinks to a "
                    'point'), 'note')
            levels = {start.level for start in item.starts}
            if None in levels and levels != {None}:
                yield Problem(name, 'level', f"{where}: 'level' is null for some starts", 'note')
            unlevelled += levels == {None}
            if item.split == 'hos' and any((level or 0) >= _OBJECT_LEVELS for level in levels):
                yield Problem(name, 'level', (
                    f"{where}: 'level' {max(level or 0 for level in levels)} is beyond those of "
                    'object searches, 0 to 2'), 'note')
        if unlevelled:
            yield Problem(name, 'level', (
                f"{name}: 'level' is missing in {unlevelled} of {len(scene.items)} items, which "
                'no level counts'), 'note')


def _header(panorama: PanoramaFile) -> list[Problem]:
    """Return what the header and the end of the file give away."""
    try:
        header = panorama.header(whole=True)
    except PanoramaError as error:
        return [Problem(panorama.name, '', str(error))]
    return [*_odd_size(panorama, header.width, header.height), *_odd_name(panorama, header.kind)]


def _decoded(panorama: PanoramaFile) -> list[Problem]:
    """Return what decoding all of the picture brings up."""
    found = _header(panorama)
    if any(problem.weight == 'refused' for problem in found):
        return found
    try:
        image = decode(panorama.read(), panorama.name)
    except PanoramaError as error:
        return [Problem(panorama.name, '', str(error))]
    if float(cv2.meanStdDev(image)[1].max()) < _FLAT:
        found.append(Problem(
            panorama.name, '', f'{panorama.name} shows nothing: it is one colour all over',
            'note'))
    return found


def _narrow(root: Path, panoramas: Iterable[PanoramaFile]) -> Iterable[Problem]:
    sizes = sorted((header.width, header.height) for header in (
        panorama.header() for panorama in panoramas) if header.width < LEAST_WIDTH)
    if sizes:
        width, height = sizes[0]
        yield Problem(str(root), '', (
            f"{root} has panoramas narrower than the benchmark's {LEAST_WIDTH} pixels: "
            f'{len(sizes)}, the smallest {width} x {height}'), 'note')


def _odd_name(panorama: PanoramaFile, kind: str) -> Iterable[Problem]:
    suffix = PurePosixPath(panorama.name).suffix.lower()
    if _KINDS.get(suffix, kind) != kind:
        yield Problem(panorama.name, '', f'{panorama.name} is a {kind} by its content', 'note')


def _odd_size(panorama: PanoramaFile, width: int, height: int) -> Iterable[Problem]:
    size = f'{panorama.name} is {width} x {height} pixels'
    if width < height or width > MOST_ASPECT * height:
        yield Problem(panorama.name, '', (
            f'{size}: a panorama is at least as wide as high and at most {MOST_ASPECT:g} times '
            'as wide'), 'wrong')
