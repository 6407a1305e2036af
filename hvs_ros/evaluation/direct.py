# SPDX-License-Identifier: Apache-2.0
"""Run an evaluation without ROS: hand out jobs, write what comes back, stop in good order."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
import signal
import threading
from types import FrameType
from typing import Any

from hvs_ros.core.episode import Episode
from hvs_ros.evaluation.records import ErrorStreak, RunWriter
from hvs_ros.evaluation.runner import Finished, Job, OnTurn
from hvs_ros.evaluation.workers import Pool, make_engines
from hvs_ros.planners.base import Planner

SIGNALS = (signal.SIGINT, signal.SIGTERM)
OnRecord = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Ending:
    """
    Say how a run ended.

    ``signal_number`` is set when a signal stopped it, ``reason`` when too many searches in a row
    ended in error.
    """

    signal_number: int | None = None
    reason: str = ''


@dataclass(frozen=True)
class _Signal:
    number: int


def run_direct(
        writer: RunWriter, episodes: Sequence[Episode], planner: Planner,
        on_record: OnRecord, on_turn: OnTurn | None = None) -> Ending:
    """
    Search every episode the run still lacks and write each record as it arrives.

    SIGINT and SIGTERM end it within about a second, with every finished search on disk.
    ``on_turn`` is called from workers, and only when they are threads.
    """
    config = writer.config
    jobs = [
        Job(episode, repeat, writer.attempt((episode.id, repeat)))
        for episode, repeat in writer.pending(episodes)]
    pool = Pool(make_engines(config, planner, on_turn), jobs)
    streak = ErrorStreak(config.max_consecutive_errors)

    def keep(finished: Finished) -> str:
        writer.append(finished.record)
        on_record(finished.record)
        return streak.add(finished.record, planner_failed=finished.planner_failed)

    with _signals_into(pool):
        pool.start()
        try:
            return _collect(pool, keep)
        finally:
            for item in pool.stop():
                # A search that failed only because it was being stopped is left for the next run.
                if isinstance(item, Finished) and item.record['outcome'] != 'error':
                    keep(item)


def _collect(pool: Pool, keep: Callable[[Finished], str]) -> Ending:
    while True:
        item = pool.finished.get()
        if item is None:
            return Ending()
        if isinstance(item, _Signal):
            return Ending(signal_number=item.number)
        if isinstance(item, Exception):
            raise item
        reason = keep(item)
        if reason:
            return Ending(reason=reason)


@contextmanager
def _signals_into(pool: Pool) -> Iterator[None]:
    """Turn signals into items of the queue, so that none can interrupt a line being written."""
    def put(number: int, frame: FrameType | None) -> None:
        pool.finished.put(_Signal(number))

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = [signal.signal(number, put) for number in SIGNALS]
    try:
        yield
    finally:
        for number, old in zip(SIGNALS, before, strict=True):
            signal.signal(number, old)
