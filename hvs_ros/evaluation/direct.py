# SPDX-License-Identifier: Apache-2.0
"""Run an evaluation without ROS: hand out jobs, write what comes back, stop in good order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from queue import SimpleQueue
import signal
import threading
from types import FrameType
from typing import Any

from hvs_ros.core.episode import Episode
from hvs_ros.core.messages import TurnLine
from hvs_ros.evaluation.budget import Budget, budget_of
from hvs_ros.evaluation.cluster import cluster_engines, with_hashes
from hvs_ros.evaluation.config import EvalConfig
from hvs_ros.evaluation.manifest import image_hashes
from hvs_ros.evaluation.records import ErrorStreak, RunWriter
from hvs_ros.evaluation.runner import Finished, Job, OnTurn
from hvs_ros.evaluation.schedule import ByPanorama, InOrder, Schedule
from hvs_ros.evaluation.workers import Engine, Pool, is_remote, make_engines
from hvs_ros.planners.base import Planner

SIGNALS = (signal.SIGINT, signal.SIGTERM)
OnRecord = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Ending:
    """
    Say how a run ended.

    ``signal_number`` is set when a signal stopped it, ``reason`` when too many searches in a row
    ended in error, ``spent`` when the budget did.
    """

    signal_number: int | None = None
    reason: str = ''
    spent: float | None = None


@dataclass(frozen=True)
class _Signal:
    number: int


def run_direct(
        writer: RunWriter, episodes: Sequence[Episode], planner: Planner,
        on_record: OnRecord, on_turn: OnTurn | None = None) -> Ending:
    """
    Search every episode the run still lacks and write each record as it arrives.

    SIGINT and SIGTERM end it within about a second, with every finished search on disk.
    Both callbacks come from the calling thread, in order; ``on_turn`` is silent for workers that
    are processes.
    """
    config = writer.config
    jobs = [
        Job(episode, repeat, writer.attempt((episode.id, repeat)))
        for episode, repeat in writer.pending(episodes)]
    budget = budget_of(config, writer.usage)
    # One queue for all that happens, signals included: none can interrupt a line being written.
    arrivals: SimpleQueue[Any] = SimpleQueue()
    streak = ErrorStreak(config.max_consecutive_errors)

    def keep(finished: Finished) -> str:
        writer.append(finished.record)
        on_record(finished.record)
        return streak.add(finished.record, planner_failed=finished.planner_failed)

    with signals_into(arrivals), _engines(config, planner, budget, on_turn, arrivals) as engines:
        if config.cluster is not None:
            jobs = with_hashes(jobs, image_hashes(episodes))
        pool = Pool(engines, make_schedule(jobs, planner), arrivals)
        pool.start()
        try:
            ending = _collect(arrivals, keep, on_turn)
        finally:
            for item in pool.stop():
                # A search that failed only because it was being stopped is left for the next run.
                if isinstance(item, Finished) and item.record['outcome'] != 'error':
                    keep(item)
    if budget is not None and not budget.is_open() and not writer.complete():
        return replace(ending, spent=budget.spent)
    return ending


@contextmanager
def _engines(
        config: EvalConfig, planner: Planner, budget: Budget | None, on_turn: OnTurn | None,
        arrivals: SimpleQueue[Any]) -> Iterator[list[Engine]]:
    if config.cluster is not None:
        with cluster_engines(config, planner, budget) as engines:
            yield engines
    else:
        yield make_engines(config, planner, None if on_turn is None else arrivals.put, budget)


def make_schedule(jobs: Sequence[Job], planner: Planner) -> Schedule:
    """Return the jobs in the order that serves the planner's kind of worker."""
    return InOrder(jobs) if is_remote(planner) else ByPanorama(jobs)


def _collect(
        arrivals: SimpleQueue[Any], keep: Callable[[Finished], str],
        on_turn: OnTurn | None) -> Ending:
    while True:
        item = arrivals.get()
        if item is None:
            return Ending()
        if isinstance(item, _Signal):
            return Ending(signal_number=item.number)
        if isinstance(item, Exception):
            raise item
        if isinstance(item, TurnLine):
            if on_turn is not None:
                on_turn(item)
            continue
        reason = keep(item)
        if reason:
            return Ending(reason=reason)


@contextmanager
def signals_into(arrivals: SimpleQueue[Any]) -> Iterator[None]:
    """Turn signals into items of the queue."""
    def put(number: int, frame: FrameType | None) -> None:
        arrivals.put(_Signal(number))

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = [signal.signal(number, put) for number in SIGNALS]
    try:
        yield
    finally:
        for number, old in zip(SIGNALS, before, strict=True):
            signal.signal(number, old)
