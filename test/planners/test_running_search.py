# SPDX-License-Identifier: Apache-2.0
"""Rule 5 of a search: the answer comes from a worker of its own, or not at all."""

from __future__ import annotations

import math
import threading
import time

import pytest
from scripted_planner import ScriptedPlanner

from hvs_ros.core.gaze import BenchmarkAngles, Gaze
from hvs_ros.core.profile import get_profile
from hvs_ros.core.search import Decision, SearchSession, Task
from hvs_ros.core.standing_goal import GoalPatience, StandingGoal
from hvs_ros.core.view import View
from hvs_ros.planners.base import PlannerUnavailable
from hvs_ros.planners.running_search import Abandoned, PlannerError, RunningSearch

TASK = Task('a', 'object', 'a cup', BenchmarkAngles(90, 0))


class Bench:
    """Run one search and hear when it is done."""

    def __init__(self, planner: ScriptedPlanner, origin: float = 0.0) -> None:
        self.session = SearchSession(TASK, get_profile('strict'))
        self.search = RunningSearch(
            self.session, planner.begin(TASK), StandingGoal(GoalPatience()), origin)
        self.done = threading.Event()
        self.woken = 0
        self.search.stand(1000)

    def show(self, offset: float = 0.0) -> None:
        gaze = self.search.goal.gaze
        view = View(b'jpeg', Gaze(gaze.yaw + offset, gaze.pitch), 64, 36, 1.7, 2000)
        self.search.think(view, self._wake)

    def _wake(self) -> None:
        self.woken += 1
        self.done.set()


def test_the_answer_is_taken_on_the_callers_thread() -> None:
    bench = Bench(ScriptedPlanner('rotate(10,0)'))
    bench.show()
    assert bench.done.wait(5)
    assert bench.search.answered and bench.search.thinking
    assert bench.session.turns == [], 'the worker touches nothing of the session'
    assert bench.search.decide().pose == BenchmarkAngles(100, 0)
    assert not bench.search.thinking and not bench.search.answered


def test_a_view_is_refused_while_the_planner_thinks() -> None:
    planner = ScriptedPlanner('rotate(10,0)', patient=True)
    bench = Bench(planner)
    view = View(b'jpeg', bench.search.goal.gaze, 64, 36, 1.7, 2000)
    assert bench.search.wants(view)
    bench.show()
    assert not bench.search.wants(view)
    planner.release.set()
    assert bench.done.wait(5)
    assert not bench.search.wants(view), 'answered, and not yet decided'


@pytest.mark.parametrize(('script', 'error', 'words'), [
    (PlannerUnavailable('the server is away'), PlannerUnavailable, 'the server is away'),
    (ValueError('no such thing'), PlannerError, 'ValueError: no such thing'),
    (None, PlannerError, 'None is no decision'),
    (17, PlannerError, '17 is no decision'),
    (Decision(None), PlannerError, 'is no decision'),  # type: ignore[arg-type]
    (MemoryError(), PlannerError, 'MemoryError'),
])
def test_a_planner_that_brings_no_decision_is_an_error_of_the_search(
        script: object, error: type[Exception], words: str) -> None:
    bench = Bench(ScriptedPlanner(script))
    bench.show()
    assert bench.done.wait(5)
    with pytest.raises(error, match=words):
        bench.search.decide()
    assert bench.session.turns == []


def test_a_late_answer_of_a_closed_search_wakes_nobody() -> None:
    planner, abandoned = ScriptedPlanner('rotate(10,0)', patient=True), Abandoned()
    bench = Bench(planner)
    bench.show()
    bench.search.close(abandoned)
    assert abandoned.alive == 1
    planner.release.set()
    deadline = time.monotonic() + 5
    while abandoned.alive and time.monotonic() < deadline:
        time.sleep(0.005)
    assert abandoned.alive == 0
    assert bench.woken == 0 and not bench.search.answered


def test_a_planner_that_breaks_while_it_is_closed_is_told_and_no_more() -> None:
    bench = Bench(ScriptedPlanner('rotate(1,1)'))
    bench.search._search.close = lambda: 1 / 0  # type: ignore[method-assign]
    assert 'ZeroDivisionError' in bench.search.close(Abandoned())


def test_the_latency_is_measured_where_the_planner_does_not() -> None:
    planner = ScriptedPlanner('rotate(1,1)', patient=True)
    bench = Bench(planner)
    bench.show()
    time.sleep(0.05)
    planner.release.set()
    assert bench.done.wait(5)
    assert bench.search.decide().decision.latency_s >= 0.05


@pytest.mark.parametrize('origin', [0.0, 1.0, -3.0])
@pytest.mark.parametrize('yaw', [0, 90, 181, 359])
def test_directions_of_a_search_are_relative_to_its_yaw_0(origin: float, yaw: int) -> None:
    search = Bench(ScriptedPlanner('no'), origin).search
    gaze = search.in_odom(BenchmarkAngles(yaw, 20))
    assert math.cos(gaze.yaw + math.radians(yaw) - origin) == pytest.approx(1.0)
    assert search.from_odom(gaze).off_by(BenchmarkAngles(yaw, 20).to_gaze()) < 1e-12


@pytest.mark.parametrize(('offset', 'told', 'measured'), [
    (0.0, 90, 90.0), (0.0199, 90, 88.860), (-0.5, 119, 118.648), (0.5, 61, 61.352)],
    ids=['there', 'within tolerance', 'short to the right', 'short to the left'])
def test_told_are_whole_degrees_and_recorded_is_what_was_measured(
        offset: float, told: int, measured: float) -> None:
    planner = ScriptedPlanner('rotate(10,0)')
    bench = Bench(planner, origin=0.7)
    bench.show(offset)
    assert bench.done.wait(5)
    turn = bench.search.decide()
    assert turn.told.yaw == told and planner.seen[0].told == turn.told
    assert turn.measured.yaw == pytest.approx(measured, abs=1e-3)
