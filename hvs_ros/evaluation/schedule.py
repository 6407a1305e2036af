# SPDX-License-Identifier: Apache-2.0
"""Which search is next for which worker; what comes of a search never depends on it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
import threading
from typing import Protocol

from hvs_ros.evaluation.runner import Job


class Schedule(Protocol):
    """Hand out jobs, each once; safe for many threads."""

    def take(self, worker: int) -> Job | None:
        """Return the next job of a worker, None when there is none left."""

    def clear(self) -> None:
        """Hand out nothing more."""


class InOrder:
    """Hand out jobs in order: workers that share one cache stay at the same few panoramas."""

    def __init__(self, jobs: Iterable[Job]) -> None:
        self._jobs = deque(jobs)

    def take(self, worker: int) -> Job | None:
        """Return the next job for whoever asks."""
        try:
            return self._jobs.popleft()
        except IndexError:
            return None

    def clear(self) -> None:
        """Hand out nothing more."""
        self._jobs.clear()


class ByPanorama:
    """
    Give each panorama to one worker, which alone decodes it.

    A worker takes the next panorama that nobody is at; when there is none left it helps the
    worker with the most still to do.
    """

    def __init__(self, jobs: Iterable[Job]) -> None:
        groups: dict[object, deque[Job]] = {}
        for job in jobs:
            groups.setdefault((job.repeat, job.episode.panorama), deque()).append(job)
        self._free = deque(groups.values())
        self._held: dict[int, deque[Job]] = {}
        self._guard = threading.Lock()

    def take(self, worker: int) -> Job | None:
        """Return the worker's next job."""
        with self._guard:
            if not self._held.get(worker):
                if self._free:
                    self._held[worker] = self._free.popleft()
                else:
                    return self._from_others()
            return self._held[worker].popleft()

    def clear(self) -> None:
        """Hand out nothing more."""
        with self._guard:
            self._free.clear()
            self._held.clear()

    def _from_others(self) -> Job | None:
        busiest = max(self._held.values(), key=len, default=None)
        return busiest.pop() if busiest else None
