# SPDX-License-Identifier: Apache-2.0
"""Bounded parallel workers: threads for planners elsewhere, processes for planners here."""

from __future__ import annotations

from multiprocessing import get_context, parent_process
from multiprocessing.connection import Connection
import os
from queue import Empty, SimpleQueue
import signal
import threading
import time
from typing import Any, Protocol

from hvs_ros.core.errors import HvsError
from hvs_ros.core.panorama import DEFAULT_CACHE_BYTES, PanoramaCache
from hvs_ros.evaluation.budget import Budget, Purse
from hvs_ros.evaluation.config import EvalConfig
from hvs_ros.evaluation.manifest import planner_for
from hvs_ros.evaluation.runner import (
    EpisodeRunner,
    Finished,
    Job,
    OnTurn,
    Renderers,
    StoppedError,
    failed,
    reason_of,
)
from hvs_ros.evaluation.schedule import Schedule
from hvs_ros.planners.base import Planner

# Searches that mostly wait: for a server, or for their turn at the one model in this process,
# which no second process shall load again. All others compute on this machine.
REMOTE = ('openai', 'recorded', 'transformers', 'vllm')
LEAVE_WITHIN_S = 1.0
TRIALS = 2
"""Processes that a job may cost before it is an error."""


class Engine(Protocol):
    """Run jobs one at a time."""

    def run(self, job: Job) -> Finished:
        """Return what the job came to; raise ``StoppedError`` after ``close``."""

    def close(self) -> None:
        """Abort the job in flight, from any thread."""


def make_engines(
        config: EvalConfig, planner: Planner, on_turn: OnTurn | None = None,
        budget: Budget | None = None) -> list[Engine]:
    """
    Return one engine a worker.

    Planners elsewhere wait for their server, each search on a thread of this process, with one
    panorama cache and one set of renderers; planners here compute, each worker in a process.
    """
    purses = [budget.purse(place) if budget else None for place in range(config.workers)]
    if config.workers > 1 and not is_remote(planner):
        return [ChildEngine(config, planner, purse) for purse in purses]
    panoramas, renderers = PanoramaCache(), Renderers(config.view)
    return [
        EpisodeRunner(config, planner, panoramas, on_turn, renderers, purse)
        for purse in purses]


def is_remote(planner: Planner) -> bool:
    """Return whether searches mostly wait for a server; others compute on this machine."""
    declared = getattr(planner, 'remote', None)
    return bool(declared) if declared is not None else planner.name.partition(':')[0] in REMOTE


class ChildEngine:
    """
    Run jobs in a process of its own, started when first needed.

    When a child dies, the job it was at is run again in a fresh one; a job that costs two
    children is an error. A child whose parent dies ends itself.
    """

    def __init__(
            self, config: EvalConfig, planner: Planner, purse: Purse | None = None) -> None:
        self._config = config
        self._planner = planner
        self._purse = purse
        self._guard = threading.Lock()
        self._closed = False
        self._child: Any = None
        self._pipe: Connection | None = None

    def run(self, job: Job) -> Finished:
        """Send the job to the child and wait for what it came to."""
        code: int | None = None
        for _ in range(TRIALS):
            try:
                pipe = self._connected()
                pipe.send(job)
                answer = pipe.recv()
            except (EOFError, OSError) as error:
                if self._closed:
                    raise StoppedError('the run was stopped') from error
                code = self._discard()
                continue
            if isinstance(answer, Exception):
                raise answer
            return answer
        return failed(
            self._config, self._planner, job,
            f'the worker process died {TRIALS} times (exit code {code})')

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
                    target=_serve, args=(theirs, self._config.to_dict(), self._purse),
                    daemon=True)
                self._child.start()
                theirs.close()
            return self._pipe

    def _discard(self) -> int | None:
        with self._guard:
            child, self._child, self._pipe = self._child, None, None
        child.join(LEAVE_WITHIN_S)
        return child.exitcode


def _serve(pipe: Connection, values: dict[str, Any], purse: Purse | None) -> None:
    """Run jobs from the pipe until it closes: the body of a child."""
    # Ctrl-C reaches the whole terminal; the parent decides when a child ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    leave_with_parent()
    import cv2
    cv2.setNumThreads(1)
    runner: EpisodeRunner | None = None
    while True:
        try:
            job = pipe.recv()
            if runner is None:
                runner = _child_runner(EvalConfig.from_dict(values), purse)
            pipe.send(runner.run(job))
        except (EOFError, BrokenPipeError, ConnectionError):
            return
        except Exception as error:
            # A planner that cannot be made ends the run; so does a budget that is spent.
            pipe.send(error if isinstance(error, HvsError) else HvsError(reason_of(error)))


def _child_runner(config: EvalConfig, purse: Purse | None) -> EpisodeRunner:
    panoramas = PanoramaCache(DEFAULT_CACHE_BYTES // config.workers)
    return EpisodeRunner(config, planner_for(config), panoramas, purse=purse)


def leave_with_parent() -> None:
    """End this process as soon as the one that started it has ended."""
    def watch() -> None:
        parent = parent_process()
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


class Pool:
    """
    Work off jobs with several engines; what they come to is put into ``arrivals``.

    The last item is None, once every worker has left.
    """

    def __init__(
            self, engines: list[Engine], schedule: Schedule,
            arrivals: SimpleQueue[Any]) -> None:
        self._arrivals = arrivals
        self._engines = engines
        self._schedule = schedule
        self._left = len(engines)
        self._guard = threading.Lock()
        self._threads = [
            threading.Thread(target=self._work, args=(place, engine), daemon=True)
            for place, engine in enumerate(engines)]

    def start(self) -> None:
        """Start every worker."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> list[Any]:
        """Abort what is in flight, wait a moment, and return what had arrived by then."""
        self._schedule.clear()
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

    def _work(self, place: int, engine: Engine) -> None:
        try:
            while (job := self._schedule.take(place)) is not None:
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
