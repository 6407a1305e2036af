# SPDX-License-Identifier: Apache-2.0
"""Several live graphs at work on one run: each writes a part, one process writes the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
import fcntl
import json
from multiprocessing import get_context
from multiprocessing.connection import Connection
import os
from pathlib import Path
from queue import Empty, SimpleQueue
import shutil
import time
from typing import Any, Protocol

from hvs_ros.core.episode import Episode
from hvs_ros.core.errors import HvsError
from hvs_ros.evaluation.config import EvalConfig, shard_of
from hvs_ros.evaluation.direct import Ending, signals_into
from hvs_ros.evaluation.records import ErrorStreak, RunWriter
from hvs_ros.evaluation.run_files import (
    LINES,
    MANIFEST,
    Key,
    RunError,
    read_line,
    record_key,
    write_atomically,
)
from hvs_ros.evaluation.runner import Job, OnTurn, failed
from hvs_ros.evaluation.workers import leave_with_parent
from hvs_ros.planners.base import Planner

PARTS = '.graphs'
OnRecord = Callable[[Mapping[str, Any]], None]
POLL_S = 0.05
LEAVE_WITHIN_S = 12.0
"""Far more than a graph takes to stop: only a middleware that hangs needs it."""
TRIALS = 2
"""Graphs that a search may cost before it is an error."""
LEFT_OUT = 'left out: an error of this sitting'
"""Marks a line of a part that is about no search, and never becomes a line of the run."""


class GraphOnPart(Protocol):
    """Run a live graph on a run folder until that lacks nothing; see ``session.GraphDriver``."""

    def __call__(
            self, run: Path, on_record: OnRecord, on_turn: OnTurn | None = None, *,
            place: int = 0) -> int:
        """Return the number of the signal that ended it, or 0; ``place`` is the graph's own."""


def run_graphs(
        writer: RunWriter, episodes: Sequence[Episode], planner: Planner, graph: GraphOnPart,
        on_record: OnRecord) -> Ending:
    """
    Search what the run still lacks with as many graphs as it has workers.

    Each graph is a process with a run folder of its own inside the run's, which holds the
    panoramas that fell to it. This process alone writes the run: it takes over every line as it
    appears, also those that an earlier sitting left behind. A graph that dies is started again;
    a search that costs two graphs is an error.
    """
    parts_folder = writer.run / PARTS
    config = writer.config
    known = {episode.id for episode in episodes}
    streak = ErrorStreak(config.max_consecutive_errors)
    arrivals: SimpleQueue[Any] = SimpleQueue()

    def keep(record: dict[str, Any]) -> str:
        key = record_key(record)
        if key[0] not in known or record.get('reason') == LEFT_OUT or writer.finished(key) or (
                record['attempt'] < writer.attempt(key)):
            return ''
        writer.append(record)
        on_record(record)
        return streak.add(record)

    for left in sorted(parts_folder.glob(f'*/{LINES}')):
        for record in _whole_lines(left, 0)[0]:
            keep(record)
    shutil.rmtree(parts_folder, ignore_errors=True)
    parts = [
        _Part(parts_folder / str(place), place, graph, writer, mine, planner)
        for place, mine in enumerate(_dealt(writer, episodes, config.workers))]
    with signals_into(arrivals):
        try:
            ending = _tend(parts, keep, arrivals)
        finally:
            _stop(parts)
            for part in parts:
                for record in part.news():
                    if record['outcome'] != 'error':
                        keep(record)
    shutil.rmtree(parts_folder, ignore_errors=True)
    return ending


def _tend(
        parts: Sequence[_Part], keep: Callable[[dict[str, Any]], str],
        arrivals: SimpleQueue[Any]) -> Ending:
    for part in parts:
        part.start()
    while True:
        going = False
        for part in parts:
            # Asked first: what a graph wrote before it left is news all the same.
            runs, reason = part.goes_on()
            for record in part.news():
                reason = keep(record) or reason
            if reason:
                return Ending(reason=reason)
            going = going or runs
        if not going:
            return Ending()
        try:
            return Ending(signal_number=arrivals.get(timeout=POLL_S).number)
        except Empty:
            continue


def _dealt(
        writer: RunWriter, episodes: Sequence[Episode], workers: int) -> Iterator[list[Episode]]:
    """Yield the unfinished episodes of each graph, panoramas undivided."""
    wanted = {episode.id for episode, _ in writer.pending(episodes)}
    left = [episode for episode in episodes if episode.id in wanted]
    for place in range(1, workers + 1):
        mine = shard_of(left, f'{place}/{workers}')
        if mine:
            yield list(mine)


def _whole_lines(path: Path, offset: int) -> tuple[list[dict[str, Any]], int]:
    """Return the records from an offset on and the offset behind them; a torn end is left."""
    try:
        with open(path, 'rb') as stream:
            stream.seek(offset)
            content = stream.read()
    except FileNotFoundError:
        return [], offset
    content = content[:content.rfind(b'\n') + 1]
    records = [read_line(line) for line in content.splitlines(keepends=True)]
    if None in records:
        raise RunError(f'{path}: line {records.index(None) + 1} of the last ones is not a record')
    return [record for record in records if record is not None], offset + len(content)


@dataclass
class _Part:
    """Own one graph: its process, its run folder and how far that has been read."""

    folder: Path
    place: int
    graph: GraphOnPart
    writer: RunWriter
    episodes: list[Episode]
    planner: Planner
    _offset: int = 0
    _trials: int = 0
    _made: list[dict[str, Any]] = field(default_factory=list)
    _errors: dict[Key, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Make the folder, with what is known of its searches already."""
        ids = tuple(episode.id for episode in self.episodes)
        self.config: EvalConfig = replace(
            self.writer.config, only_ids=ids, limit=None, shard=None, workers=1)
        manifest = {
            **self.writer.manifest, 'config': self.config.to_dict(), 'shard': None,
            'episodes': {**self.writer.manifest['episodes'], 'count': len(ids)}}
        known = [
            json.dumps(line) + '\n' for line in self.writer.records() if line['id'] in set(ids)]
        self.folder.mkdir(parents=True)
        write_atomically(self.folder / LINES, ''.join(known))
        write_atomically(self.folder / MANIFEST, json.dumps(manifest))
        self._offset = (self.folder / LINES).stat().st_size

    def start(self) -> None:
        """Start the graph's process."""
        spawn = get_context('spawn')
        self._words, theirs = spawn.Pipe(duplex=False)
        self.process = spawn.Process(
            target=_run_graph, args=(self.graph, self.folder, self.place, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def news(self) -> list[dict[str, Any]]:
        """Return the records that have appeared since the last call."""
        found, self._offset = _whole_lines(self.folder / LINES, self._offset)
        if found:
            self._trials = 0
        found, self._made = [*self._made, *found], []
        self._errors |= {record_key(line): line for line in found if line['outcome'] == 'error'}
        return found

    def goes_on(self) -> tuple[bool, str]:
        """
        Return whether there may be more news, and why the graph gave up, empty unless it did.

        A graph that died is started again.
        """
        if self.process.is_alive():
            return True, ''
        if not _unlocked(self.folder / LINES):
            return True, ''  # a node of the dead graph is still leaving
        with suppress(EOFError):
            if self._words.poll():
                return False, str(self._words.recv())
        if not self._pending():
            return False, ''
        self._again()
        return True, ''

    def _again(self) -> None:
        """Start the graph again, without the searches that were errors in this sitting."""
        self._trials += 1
        self._made = self.news()
        with RunWriter.reopen(self.folder) as own:
            if self._trials >= TRIALS and not self._made:
                self._give_up(own.pending(self.episodes)[0], own)
            for key, line in self._errors.items():
                if not own.finished(key):
                    own.append({
                        **line, 'outcome': 'cancelled', 'reason': LEFT_OUT,
                        'attempt': own.attempt(key)})
            done = not own.pending(self.episodes)
        self._offset = (self.folder / LINES).stat().st_size
        if not done:
            self.start()

    def _give_up(self, search: tuple[Episode, int], own: RunWriter) -> None:
        """Make the search that keeps killing the graph an error."""
        episode, repeat = search
        key = episode.id, repeat
        line = failed(
            self.config, self.planner, Job(episode, repeat, own.attempt(key)),
            f'the graph died {TRIALS} times (exit code {self.process.exitcode})').record
        self._made.append(line)
        self._errors[key] = line
        self._trials = 0

    def _pending(self) -> bool:
        with RunWriter.reopen(self.folder) as own:
            return bool(own.pending(self.episodes))


def _stop(parts: Sequence[_Part]) -> None:
    started = [part.process for part in parts if hasattr(part, 'process')]
    for process in started:
        if process.is_alive():
            process.terminate()
    deadline = time.monotonic() + LEAVE_WITHIN_S
    for process in started:
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()


def _unlocked(path: Path) -> bool:
    stream = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return True
    except OSError:
        return False
    finally:
        os.close(stream)


def _run_graph(graph: GraphOnPart, folder: Path, place: int, words: Connection) -> None:
    """Run one graph to its end: the body of its process."""
    leave_with_parent()
    try:
        graph(folder, lambda record: None, place=place)
    except HvsError as error:
        words.send(str(error))
        raise SystemExit(2) from None
