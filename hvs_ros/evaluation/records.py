# SPDX-License-Identifier: Apache-2.0
"""Run folders: the manifest and the append-only lines that are the only truth about a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
import fcntl
import json
import os
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from hvs_ros.evaluation.config import (
    EvalConfig,
    episode_seed,
    first_difference,
    load_selected,
)
from hvs_ros.evaluation.outcomes import episode_record
from hvs_ros.evaluation.run_files import (
    LINES,
    MANIFEST,
    WRITTEN,
    Key,
    Lines,
    RunError,
    now,
    parse_lines,
    read_lines,
    read_manifest,
    read_records,
    record_key,
    write_atomically,
)

# The face of this package for whoever writes records, a node included.
__all__ = [
    'ErrorStreak', 'EvalConfig', 'RunError', 'RunWriter', 'episode_record', 'episode_seed',
    'load_selected', 'read_lines', 'read_manifest', 'read_records', 'record_key',
    'write_atomically']

IDENTITY = ('schema_version', 'config', 'episodes', 'images', 'prompts', 'shard')

Item = TypeVar('Item')


class RunWriter:
    """
    Append finished episodes to a run folder, as its one writer.

    Every line is flushed and synced before ``append`` returns. A second writer is refused, and so
    is a manifest that differs from the folder's. Confined to one thread.
    """

    def __init__(self, run: Path, stream: int, manifest: dict[str, Any]) -> None:
        self.run = run
        self.manifest = manifest
        self._stream = stream
        self._lines = Lines()

    @classmethod
    def open(cls, out: Path | str, manifest: Mapping[str, Any]) -> RunWriter:
        """
        Start the run in ``out``, or take it up again when its manifest says the same.

        A run that is finished is opened, too, and left as it is. Raise ``RunError`` when it
        differs, is being written, or cannot be.
        """
        run = Path(out)
        _make_folder(run)
        writer = cls(run, _lock(run), dict(manifest))
        _drop_scratch(run)
        try:
            writer._adopt()
        except BaseException:
            writer.close()
            raise
        return writer

    @classmethod
    def reopen(cls, run: Path | str) -> RunWriter:
        """Take up the run that ``run`` holds, by its own manifest."""
        return cls.open(run, read_manifest(run))

    @property
    def config(self) -> EvalConfig:
        """Return the run's configuration."""
        return EvalConfig.from_dict(self.manifest['config'])

    @property
    def expected(self) -> int:
        """Return how many (id, repeat) keys the run has."""
        return int(self.manifest['episodes']['count']) * int(self.manifest['config']['repeats'])

    @property
    def usage(self) -> tuple[int, int]:
        """Return the (prompt, completion) tokens of every line, those since replaced included."""
        return self._lines.prompt_tokens, self._lines.completion_tokens

    def records(self) -> list[dict[str, Any]]:
        """Return the standing line of every key, sorted by key."""
        return self._lines.records()

    def finished(self, key: Key) -> bool:
        """Return whether the key has an outcome that stands: anything but an error."""
        line = self._lines.by_key.get(key)
        return line is not None and line['outcome'] != 'error'

    def attempt(self, key: Key) -> int:
        """Return the number of the key's next attempt, from 1."""
        line = self._lines.by_key.get(key)
        return 1 if line is None else int(line['attempt']) + 1

    def refuse_strangers(self, ids: Iterable[str]) -> None:
        """Raise ``RunError`` naming a line that is about none of the run's episodes."""
        known, repeats = set(ids), int(self.manifest['config']['repeats'])
        for name, repeat in sorted(self._lines.by_key):
            if name not in known or not 0 <= repeat < repeats:
                raise RunError(
                    f'{self.run / LINES}: {name} (repeat {repeat}) is no episode of this run')

    def pending(self, episodes: Iterable[Item]) -> list[tuple[Item, int]]:
        """Return the (episode, repeat) pairs still to do: whole repeats after one another."""
        listed = list(episodes)
        repeats = int(self.manifest['config']['repeats'])
        return [
            (episode, repeat) for repeat in range(repeats) for episode in listed
            if not self.finished((episode.id, repeat))]  # type: ignore[attr-defined]

    def append(self, record: Mapping[str, Any]) -> None:
        """Write one finished episode; the last line of a key is the one that stands."""
        key = record_key(record)
        if self.finished(key):
            raise RunError(f'{self.run}: {key[0]} (repeat {key[1]}) is already recorded')
        line = (json.dumps(record, separators=(',', ':')) + '\n').encode()
        size = os.fstat(self._stream).st_size
        try:
            _write_all(self._stream, line)
            os.fsync(self._stream)
        except OSError as error:
            # Half a line would hide behind the next one.
            with suppress(OSError):
                os.ftruncate(self._stream, size)
            raise RunError(f'{self.run / LINES}: cannot be written ({error.strerror})') from error
        self._lines.add(dict(record))

    def complete(self) -> bool:
        """Return whether every key has an outcome that stands."""
        return sum(map(self.finished, self._lines.by_key)) >= self.expected

    def close(self) -> None:
        """Note the time of the end when the run is complete, and let others write."""
        if self._stream < 0:
            return
        try:
            times = self.manifest.get('times')
            if not isinstance(times, dict):
                times = self.manifest['times'] = {}
            if self.complete() and not times.get('finished'):
                times['finished'] = now()
                self._write_manifest()
        finally:
            os.close(self._stream)
            self._stream = -1

    def __enter__(self) -> RunWriter:
        return self

    def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None,
            trace: TracebackType | None) -> None:
        self.close()

    def _adopt(self) -> None:
        if not (self.run / MANIFEST).exists():
            self.manifest.setdefault('times', {'started': now(), 'finished': None})
            self._write_manifest()
            return
        standing = read_manifest(self.run)
        refuse_difference(self.run, standing, self.manifest)
        config = self.manifest['config']
        if config.get('prices') is None:
            # Prices told once hold for the whole run.
            config = {**config, 'prices': standing['config'].get('prices')}
        self.manifest = {
            **standing, 'config': config,
            'training_sets': self.manifest.get('training_sets', [])}
        path = self.run / LINES
        content = path.read_bytes()
        self._lines = parse_lines(content, path)
        if self._lines.whole < len(content):
            os.ftruncate(self._stream, self._lines.whole)
        if self.manifest != standing and not self.complete():
            self._write_manifest()

    def _write_manifest(self) -> None:
        write_atomically(self.run / MANIFEST, json.dumps(self.manifest, indent=1) + '\n')


class ErrorStreak:
    """
    Count the searches in a row that the planner failed, and say when to stop.

    An episode's own files that cannot be read neither lengthen the row nor end it.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._row = 0

    def add(self, record: Mapping[str, Any], *, planner_failed: bool = True) -> str:
        """
        Return the sentence that stops the run, empty while it may go on.

        ``planner_failed`` is asked only about an outcome ``error``.
        """
        if record['outcome'] != 'error':
            self._row = 0
        elif planner_failed:
            self._row += 1
        if self._row < self._most:
            return ''
        return f'stopped after {self._row} errors in a row, the last: {record["reason"]}'


def _make_folder(run: Path) -> None:
    try:
        run.mkdir(parents=True, exist_ok=True)
        held = {entry.name for entry in run.iterdir() if not entry.name.startswith('.')}
    except OSError as error:
        raise RunError(f'{run}: cannot be a run folder ({error.strerror})') from error
    lines = run / LINES
    begun = LINES in held and lines.stat().st_size == 0
    if MANIFEST not in held and held - ({LINES} if begun else set()):
        raise RunError(f'{run}: holds other files ({min(held)}); choose an empty folder')


def _drop_scratch(run: Path) -> None:
    """Remove what a process that was killed as it wrote a derived file has left behind."""
    for path in run.glob('.*.*.*'):
        name, _, pid = path.name[1:].rpartition('.')
        if name in WRITTEN and pid.isdigit() and not Path('/proc', pid).exists():
            path.unlink(missing_ok=True)


def _lock(run: Path) -> int:
    path = run / LINES
    try:
        stream = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise RunError(f'{path}: cannot be written ({error.strerror})') from error
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(stream)
        raise RunError(f'{run}: another run is writing to this folder') from error
    return stream


def _write_all(stream: int, line: bytes) -> None:
    while line:
        line = line[os.write(stream, line):]


def refuse_difference(
        run: Path, standing: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raise ``RunError`` naming the first setting in which two manifests are different runs."""
    for section in IDENTITY:
        old, new = standing.get(section), wanted.get(section)
        if section == 'config' and isinstance(old, Mapping) and isinstance(new, Mapping):
            old, new = EvalConfig.from_dict(old).identity(), EvalConfig.from_dict(new).identity()
        found = first_difference(old, new, section)
        if found is not None:
            name, before, after = found
            raise RunError(
                f'{run}: this run was started with {name} = {before!r:.80}, '
                f'not {after!r:.80}; choose another --out')
