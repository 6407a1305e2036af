# SPDX-License-Identifier: Apache-2.0
"""One search under way: its session, its standing goal and a worker of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
import math
import threading
import time

from hvs_ros.core.errors import HvsError
from hvs_ros.core.gaze import BenchmarkAngles, Gaze, told_angles, wrap_radians
from hvs_ros.core.search import SearchSession, Turn
from hvs_ros.core.standing_goal import StandingGoal
from hvs_ros.core.view import View
from hvs_ros.planners.base import Decision, Observation, Search

MAX_ABANDONED = 2


class Abandoned:
    """Count the calls of closed searches that still hang in a planner."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []

    def add(self, thread: threading.Thread) -> None:
        """Remember a worker nobody waits for any more."""
        self._threads.append(thread)

    @property
    def alive(self) -> int:
        """Return how many of them still run."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        return len(self._threads)


class RunningSearch:
    """
    Run one search between an executor and a planner.

    The executor's thread alone calls the public methods. ``think`` hands a view to the worker
    thread, which only stores the answer and calls ``when_done``; ``decide`` takes it. After
    ``close`` a late answer has nobody to be delivered to, and ``when_done`` is not called any
    more: what it wakes may be gone. ``origin_yaw`` (radians, odom) is where the search's yaw 0
    points.
    """

    def __init__(
            self, session: SearchSession, search: Search, goal: StandingGoal,
            origin_yaw: float = 0.0) -> None:
        self.session, self.goal, self.origin_yaw = session, goal, origin_yaw
        self._search = search
        self._answer: Decision | Exception | None = None
        self._worker: threading.Thread | None = None
        self._delivery, self._closed = threading.Lock(), False

    @property
    def thinking(self) -> bool:
        """Return whether a view is with the planner."""
        return self._worker is not None

    @property
    def trouble(self) -> str:
        """Return which model server does not answer at present and why, '' while all is well."""
        return str(getattr(self._search, 'trouble', '')) if self.thinking else ''

    @property
    def answered(self) -> bool:
        """Return whether the planner has answered the view it was given."""
        return self._answer is not None

    def in_odom(self, angles: BenchmarkAngles) -> Gaze:
        """Return a direction of this search as a gaze in odom."""
        gaze = angles.to_gaze()
        if not self.origin_yaw:  # exact in replay, where angles are absolute
            return gaze
        return Gaze(wrap_radians(gaze.yaw + self.origin_yaw), gaze.pitch)

    def from_odom(self, gaze: Gaze) -> Gaze:
        """Return a gaze in odom relative to this search's yaw 0."""
        return Gaze(wrap_radians(gaze.yaw - self.origin_yaw), gaze.pitch)

    def stand(self, now_ns: int) -> None:
        """Let the session's goal stand, with a new identity."""
        self.goal.stand(self.in_odom(self.session.goal), now_ns)

    def wants(self, view: View) -> bool:
        """Return whether the standing goal asked for this view."""
        return not self.thinking and self.goal.accepts(view.stamp_ns, view.gaze)

    def think(self, view: View, when_done: Callable[[], None]) -> None:
        """Show the view to the planner, off this thread; ``when_done`` is called from there."""
        measured = self.from_odom(view.gaze)
        tolerance = self.goal.patience.settle_tolerance
        told = told_angles(self.session.goal, measured, tolerance)
        observation = self.session.observe(view, told, _readable(measured))

        def _work() -> None:
            answer = _answer(self._search, observation)
            with self._delivery:
                if not self._closed:
                    self._answer = answer
                    when_done()

        self._worker = threading.Thread(
            target=_work, name=f'search {self.session.task.id}', daemon=True)
        self._worker.start()

    def decide(self) -> Turn:
        """Take the answer into the session; raise what the planner raised instead of one."""
        answer, self._answer = self._answer, None
        self._worker = None
        if isinstance(answer, HvsError):
            raise answer
        if isinstance(answer, Exception):
            raise _broken(answer) from answer
        assert answer is not None
        try:
            return self.session.decide(answer)
        except Exception as error:  # words that not even the parser survives
            raise _broken(error) from error

    def close(self, abandoned: Abandoned) -> str:
        """
        Abort a call in flight; one that does not come back is counted as abandoned.

        Return what went wrong with that, empty when nothing did.
        """
        with self._delivery:
            self._closed = True
        complaint = ''
        try:
            self._search.close()
        except Exception as error:
            complaint = str(_broken(error))
        if self._worker is not None and self._worker.is_alive():
            abandoned.add(self._worker)
        return complaint


class PlannerError(HvsError):
    """Say that a planner broke; its search ends as ``error``."""


def _broken(error: Exception) -> PlannerError:
    return PlannerError(f'the planner failed: {type(error).__name__}: {error}')


def _answer(search: Search, observation: Observation) -> Decision | Exception:
    """Return the planner's decision, its latency measured where it did not, or its failure."""
    begun = time.monotonic()
    try:
        decision = search.act(observation)
        if not isinstance(decision, Decision) or not isinstance(decision.reply, str):
            raise TypeError(f'{decision!r:.60} is no decision')
    except Exception as error:
        return error
    return decision if decision.latency_s else replace(
        decision, latency_s=time.monotonic() - begun)


def _readable(gaze: Gaze) -> BenchmarkAngles:
    """Return measured degrees to a billionth, where float noise of the trip has ended."""
    return BenchmarkAngles(
        round(-math.degrees(gaze.yaw), 9) % 360.0, round(-math.degrees(gaze.pitch), 9) + 0.0)
