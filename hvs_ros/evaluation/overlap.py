# SPDX-License-Identifier: Apache-2.0
"""Panoramas that two sets share, whatever was done to the files in between."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from hvs_ros.core.episode import ANNOTATION, IMAGE_SUFFIXES, Episode, read_dataset
from hvs_ros.core.errors import InputError
from hvs_ros.core.fingerprint import Fingerprint, best_matches, fingerprint
from hvs_ros.core.panorama import PanoramaError, PanoramaFile
from hvs_ros.core.problems import Problem, Report
from hvs_ros.core.storage import list_files

KINDS = ('file', 'pixels', 'picture')
_WORKERS = 4
OnPanorama = Callable[[], None]


@dataclass(frozen=True)
class Shared:
    """
    Name a panorama of the first set that the second holds, too.

    ``kind``: the same ``file`` byte for byte, the same ``pixels``, or the same ``picture``
    recompressed, resized, turned by ``turn`` degrees in yaw or ``mirrored``. ``score`` is the
    correlation at the best turn, 1 for the first two.
    """

    first: str
    second: str
    kind: str
    score: float = 1.0
    turn: float = 0.0
    mirrored: bool = False


@dataclass(frozen=True)
class Overlap:
    """
    Hold what two sets share.

    ``first`` and ``second`` count the panoramas compared; ``unread`` says of each file that could
    not be compared why.
    """

    shared: tuple[Shared, ...]
    first: int
    second: int
    unread: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the overlap as JSON can hold it."""
        return {**asdict(self), 'shared': [asdict(pair) for pair in self.shared],
                'unread': list(self.unread)}


def find_panoramas(path: Path | str, report: Report = lambda _: None) -> dict[str, PanoramaFile]:
    """
    Return the panoramas of a folder or zip by their names within it.

    A scene has its panorama; of a folder that is none, or whose annotation cannot be used, all
    pictures count, at most three folders down: what was learned from does not depend on it.
    ``report`` is told of folders and members that cannot be looked into. Raise ``InputError``
    when there are no pictures.
    """
    root = Path(path)
    files = list_files(root, ANNOTATION, report)
    found: dict[str, PanoramaFile] = {}
    if any(name.endswith(f'/{ANNOTATION}') for name in files):
        scenes = read_dataset(root, lambda _: None).scenes
        found = {scene.panorama.name.removeprefix(f'{root}/'): scene.panorama for scene in scenes}
    told = {name.rpartition('/')[0] for name in found}
    found.update({
        name: PanoramaFile(file.source, file.member, file.size) for name, file in files.items()
        if PurePosixPath(name).suffix.lower() in IMAGE_SUFFIXES
        and name.rpartition('/')[0] not in told})
    if not found:
        raise InputError(f'{root} holds neither episodes nor pictures')
    return found


def fingerprints(
        panoramas: dict[str, PanoramaFile],
        on_panorama: OnPanorama | None = None) -> tuple[list[Fingerprint], list[str]]:
    """Return (fingerprints, one sentence for each panorama that has none)."""
    def taken(entry: tuple[str, PanoramaFile]) -> Fingerprint | str:
        try:
            return fingerprint(entry[1], entry[0])
        except PanoramaError as error:
            return str(error)
        finally:
            if on_panorama is not None:
                on_panorama()

    with ThreadPoolExecutor(_WORKERS) as pool:
        results = list(pool.map(taken, panoramas.items()))
    return ([result for result in results if isinstance(result, Fingerprint)],
            [result for result in results if isinstance(result, str)])


def find_overlap(
        first: Path | str, second: Path | str,
        on_panorama: OnPanorama | None = None) -> Overlap:
    """Return what two folders or zips share; raise ``InputError`` for one without panoramas."""
    return compare(*(_of_set(path, on_panorama) for path in (first, second)))


def _of_set(
        path: Path | str, on_panorama: OnPanorama | None = None
        ) -> tuple[list[Fingerprint], list[str]]:
    """Return the fingerprints of a set, and a sentence for whatever of it was not compared."""
    skipped: list[Problem] = []
    prints, unread = fingerprints(find_panoramas(path, skipped.append), on_panorama)
    return prints, [*(problem.sentence for problem in skipped), *unread]


def compare(
        first: tuple[Sequence[Fingerprint], Iterable[str]],
        second: tuple[Sequence[Fingerprint], Iterable[str]]) -> Overlap:
    """Return what two sets of fingerprints share, strongest kind first for each pair."""
    ours, theirs = first[0], second[0]
    shared = []
    for a, b, match in best_matches(ours, theirs) if ours and theirs else ():
        kind = _kind(ours[a], theirs[b])
        shared.append(
            Shared(ours[a].name, theirs[b].name, kind) if kind != 'picture' else
            Shared(ours[a].name, theirs[b].name, kind, match.score, match.turn, match.mirrored))
    shared += _featureless(ours, theirs)
    shared.sort(key=lambda pair: (pair.first, KINDS.index(pair.kind), -pair.score))
    return Overlap(
        tuple(shared), len(ours), len(theirs), tuple([*first[1], *second[1]]))


def _kind(one: Fingerprint, other: Fingerprint) -> str:
    if one.file_sha256 == other.file_sha256:
        return 'file'
    return 'pixels' if one.pixels_sha256 == other.pixels_sha256 else 'picture'


def _featureless(ours: Sequence[Fingerprint], theirs: Sequence[Fingerprint]) -> list[Shared]:
    """Return equal pictures without any structure, which no correlation can find."""
    return [
        Shared(one.name, other.name, _kind(one, other)) for one in ours if not one.spectrum.any()
        for other in theirs if _kind(one, other) != 'picture']


def overlap_text(overlap: Overlap, first: str, second: str, most: int = 50) -> str:
    """Return the overlap as lines for a terminal."""
    lines = []
    for pair in overlap.shared[:most]:
        how = {'file': 'the same file', 'pixels': 'the same pixels'}.get(pair.kind) or (
            f'the same picture (correlation {pair.score:.3f}'
            + (f', turned by {pair.turn:.0f} degrees' if pair.turn else '')
            + (', mirrored' if pair.mirrored else '') + ')')
        lines.append(f'{pair.first} = {pair.second}: {how}')
    if len(overlap.shared) > most:
        lines.append(f'and {len(overlap.shared) - most} more pairs (--json lists all)')
    lines += [f'not compared: {sentence}' for sentence in overlap.unread]
    held = len({pair.first for pair in overlap.shared})
    lines.append(f'{held} of the {overlap.first} panoramas of {first} are among the '
                 f'{overlap.second} of {second}')
    return '\n'.join(lines)


def training_overlap(
        sets: Sequence[str], episodes: Iterable[Episode],
        standing: Iterable[dict[str, Any]] = ()) -> list[dict[str, Any]]:
    """
    Return, for each declared training set, what it shares with the episodes' panoramas.

    {path, panoramas, compared, shared, unread} each, as a manifest keeps them; what ``standing``
    holds already is not measured again. ``shared`` names the episodes' panoramas.
    """
    known = {entry['path']: entry for entry in standing}
    if all(path in known for path in sets):
        return [known[path] for path in sets]
    files = {}
    for episode in episodes:
        file = episode.panorama
        files[f'{episode.scene}/{PurePosixPath(file.name).name}'] = file
    tested = fingerprints(files)
    found = []
    for path in sets:
        overlap = compare(tested, _of_set(path))
        found.append({
            'path': path, 'panoramas': overlap.second, 'compared': overlap.first,
            'shared': sorted({pair.first for pair in overlap.shared}),
            'unread': list(overlap.unread)})
    return found


def training_lines(found: Iterable[dict[str, Any]]) -> list[str]:
    """Return a sentence for each training set that holds panoramas of the run, or may."""
    lines = []
    for entry in found:
        shared = entry['shared']
        if shared:
            lines.append(
                f'WARNING: {len(shared)} of the {entry["compared"]} panoramas are in the training '
                f'set {entry["path"]} ({", ".join(shared[:3])}{", …" if len(shared) > 3 else ""})'
                ': the success rate does not tell how the model does on new places')
        if entry['unread']:
            lines.append(f'{len(entry["unread"])} files or folders could not be compared with the '
                         f'training set {entry["path"]}: {entry["unread"][0]}')
    return lines
