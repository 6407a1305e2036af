# SPDX-License-Identifier: Apache-2.0
"""Bounded parallel workers: threads for planners elsewhere, processes for planners here."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
import os
from queue import Empty, SimpleQueue
import signal
import threading
import time
from typing import Any, Protocol

from hvs_ros.core.panorama import DEFAULT_CACHE_BYTES, PanoramaCache
from hvs_ros.evaluation.config import EvalConfig
from hvs_ros.evaluation.manifest import planner_for
from hvs_ros.evaluation.runner import (
    EpisodeRunner,
    Finished,
    Job,
    OnTurn,
    StoppedError,
    failed,
)
from hvs_ros.planners.base import Planner

# Searches that mostly wait for a server; all others compute on this machine.
REMOTE = ('openai', 'recorded')
LEAVE_WITHIN_S = 1.0


class Engine(Protocol):
    """Run jobs one at a time."""

    def run(self, job: Job) -> Finished:
        """Return what the job came to; raise ``StoppedError`` after ``close``."""

    def close(self) -> None:
        """Abort the job in flight, from any thread."""


def make_engines(
        config: EvalConfig, planner: Planner, on_turn: OnTurn | None = None) -> list[Engine]:
    """Return one engine a worker: in this process, or each in its own where that pays."""
    remote = planner.name.partition(':')[0] in REMOTE
    if config.workers > 1 and not remote:
        return [ChildEngine(config, planner) for _ in range(config.workers)]
    panoramas = PanoramaCache()
    return [
        EpisodeRunner(config, planner, panoramas, on_turn) for _ in range(config.workers)]


class ChildEngine:
    """
    Run jobs in a process of its own, started when first needed.

    A child that dies costs the job it was at, as an error; the next job gets a fresh one. A
    child whose parent dies ends itself.
    """

    def __init__(self, config: EvalConfig, planner: Planner) -> None:
        self._config = config
        self._planner = planner
        self._guard = threading.Lock()
        self._closed = False
        self._child: Any = None
        self._pipe: Connection | None = None

    def run(self, job: Job) -> Finished:
        """Send the job to the child and wait for what it came to."""
        try:
            pipe = self._connected()
            pipe.send(job)
            return pipe.recv()
        except (EOFError, OSError) as error:
            if self._closed:
                raise StoppedError('the run was stopped') from error
            code = self._discard()
            return failed(
                self._config, self._planner, job, f'the worker process died (exit code {code})')

    def close(self) -> None:
        """Kill the child."""
        with self._guard:
            self._closed = True
            if self._child is not None:
                self._child.kill()
                self._child.join(LEAVE_WITHIN_S)

    def _connected(self) -> Connection:
        with self._guard:
            if self._closed:
                raise StoppedError('the run was stopped')
            if self._pipe is None:
                # Spawned, not forked: a fork would carry the run folder's lock along.
                spawn = get_context('spawn')
                self._pipe, theirs = spawn.Pipe()
                self._child = spawn.Process(
                    target=_serve, args=(theirs, self._config.to_dict()), daemon=True)
                self._child.start()
                theirs.close()
            return self._pipe

    def _discard(self) -> int | None:
        with self._guard:
            child, self._child, self._pipe = self._child, None, None
        child.join(LEAVE_WITHIN_S)
        return child.exitcode


def _serve(pipe: Connection, values: dict[str, Any]) -> None:
    """Run jobs from the pipe until it closes: the body of a child."""
    # Ctrl-C reaches the whole terminal; the parent decides when a child ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    import cv2
    cv2.setNumThreads(1)
    config = EvalConfig.from_dict(values)
    panoramas = PanoramaCache(DEFAULT_CACHE_BYTES // config.workers)
    runner = EpisodeRunner(config, planner_for(config), panoramas)
    while True:
        try:
            pipe.send(runner.run(pipe.recv()))
        except (EOFError, OSError):
            return


def _leave_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


class Pool:
    """
    Work off jobs with several engines; what they come to is put into ``arrivals``.

    The last item is None, once every worker has left.
    """

    def __init__(
            self, engines: list[Engine], jobs: Iterable[Job], arrivals: SimpleQueue[Any]) -> None:
        self._arrivals = arrivals
        self._engines = engines
        self._jobs = deque(jobs)
        self._left = len(engines)
        self._guard = threading.Lock()
        self._threads = [
            threading.Thread(target=self._work, args=(engine,), daemon=True)
            for engine in engines]

    def start(self) -> None:
        """Start every worker."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> list[Any]:
        """Abort what is in flight, wait a moment, and return what had arrived by then."""
        self._jobs.clear()
        # All at once: one engine that is slow to close must not hold up the others.
        closers = [
            threading.Thread(target=engine.close, daemon=True) for engine in self._engines]
        for closer in closers:
            closer.start()
        deadline = time.monotonic() + LEAVE_WITHIN_S
        for thread in (*closers, *self._threads):
            thread.join(max(0.0, deadline - time.monotonic()))
        arrived = []
        while True:
            try:
                arrived.append(self._arrivals.get_nowait())
            except Empty:
                return arrived

    def _work(self, engine: Engine) -> None:
        try:
            while self._jobs:
                try:
                    job = self._jobs.popleft()
                except IndexError:
                    return
                self._arrivals.put(engine.run(job))
        except StoppedError:
            return
        except Exception as error:
            self._arrivals.put(error)
        finally:
            with self._guard:
                self._left -= 1
                if self._left == 0:
                    self._arrivals.put(None)
