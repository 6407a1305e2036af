# SPDX-License-Identifier: Apache-2.0
"""Where instructions become searches: one at a time, each begun once, each ended once."""

from __future__ import annotations

import json
import threading
import time

import pytest
from scripted_planner import ScriptedPlanner

from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.profile import get_profile
from hvs_ros.core.standing_goal import GoalPatience
from hvs_ros.core.view import View
from hvs_ros.planners.base import PlannerUnavailable
from hvs_ros.planners.search_desk import SearchDesk

BODY = (1.0, 2.0, 0.5)


def desk_of(planner: ScriptedPlanner | None = None, profile: str = 'strict') -> SearchDesk:
    return SearchDesk(planner or ScriptedPlanner('rotate(10,0)'), get_profile(profile),
                      GoalPatience())


def order(name: str = 'a', **more: object) -> str:
    return json.dumps({'instruction': 'a cup', 'id': name, 'start': [90, 0], **more})


def answer_one(desk: SearchDesk, stamp: int = 1) -> None:
    """Show the running search a view and wait for the planner's words."""
    assert desk.search is not None
    done = threading.Event()
    desk.search.stand(stamp)
    view = View(b'jpeg', desk.search.goal.gaze, 64, 36, 1.7, desk.search.goal.stamp_ns)
    desk.search.think(view, done.set)
    assert done.wait(5)


def test_the_id_of_the_instruction_names_the_search() -> None:
    desk = desk_of()
    assert desk.begin('object', order('room/7'), BODY).begun
    assert desk.search is not None
    answer_one(desk)
    assert desk.turn_line(desk.search.decide()).id == 'room/7'
    assert desk.finish('cancelled', 'enough').line.id == 'room/7'


def test_an_instruction_without_an_id_gets_one_of_its_own() -> None:
    desk, names = desk_of(), set()
    for _ in range(3):
        desk.begin('object', 'a cup', BODY)
        names.add(desk.finish('cancelled', '').line.id)
    assert len(names) == 3 and '' not in names


def test_the_order_is_told_back() -> None:
    desk = desk_of()
    desk.begin('object', order(order='third'), BODY)
    assert desk.finish('cancelled', '').line.order == 'third'


@pytest.mark.parametrize(('text', 'origin', 'start'), [
    ('a cup', 0.5, (0, 0)),
    ('{"instruction": "a cup"}', 0.5, (0, 0)),
    (order(), 0.0, (90, 0)),
    (order(start=[0, 0]), 0.0, (0, 0)),
    (order(start=None), 0.5, (0, 0)),
])
def test_yaw_0_is_the_present_heading_unless_a_start_is_given(
        text: str, origin: float, start: tuple[int, int]) -> None:
    desk = desk_of()
    desk.begin('path', text, BODY)
    assert desk.search is not None
    assert desk.search.origin_yaw == origin
    assert desk.search.session.goal == BenchmarkAngles(*start)


@pytest.mark.parametrize('body', [None, (0.0, 0.0, float('nan')), (float('inf'), 0.0, 0.0)])
def test_without_odometry_there_is_no_present_heading(
        body: tuple[float, float, float] | None) -> None:
    desk = desk_of()
    started = desk.begin('object', 'a cup', body)
    assert not started.begun and desk.search is None
    assert started.results[0].status == 'error' and 'odometry' in started.results[0].reason
    assert desk.begin('object', order(), body).begun, 'a start needs no odometry'


@pytest.mark.parametrize('text', ['', '{"instruction"', '{"instruction": "a", "start": [NaN, 0]}'])
def test_a_broken_instruction_changes_nothing(text: str) -> None:
    desk = desk_of()
    desk.begin('object', order(), BODY)
    running = desk.search
    started = desk.begin('object', text, BODY)
    assert started.refusal and not started.results and not started.begun
    assert desk.search is running


def test_a_doubled_instruction_changes_nothing() -> None:
    desk = desk_of()
    desk.begin('object', order(seed=3, order='x'), BODY)
    running = desk.search
    assert not desk.begin('object', order(seed=3, order='x'), BODY).begun
    assert desk.search is running
    desk.finish('cancelled', '')
    late = desk.begin('object', order(seed=3, order='x'), BODY)
    assert not late.begun and not late.results and desk.search is None


@pytest.mark.parametrize('other', [
    order('b', seed=3, order='x'), order(seed=4, order='x'), order(seed=3, order='y'), 'a dog'],
    ids=['another id', 'another repeat', 'another run', 'a bare sentence'])
def test_any_other_instruction_replaces_the_running_search(other: str) -> None:
    planner = ScriptedPlanner('rotate(1,1)')
    desk = desk_of(planner)
    desk.begin('object', order(seed=3, order='x'), BODY)
    started = desk.begin('object', other, BODY)
    assert started.begun and planner.closed == 1
    assert [(line.id, line.status) for line in started.results] == [('a', 'replaced')]


def test_a_person_may_ask_the_same_again_after_the_end() -> None:
    desk = desk_of()
    for _ in range(2):
        assert desk.begin('object', order(), BODY).begun
        desk.finish('cancelled', '')


@pytest.mark.parametrize(('error', 'reason'), [
    (PlannerUnavailable('no model at http://x'), 'no model at http://x'),
    (KeyError('lost'), "KeyError: 'lost'"), (ValueError('\ud800'), 'ValueError: \\ud800')])
def test_a_planner_that_cannot_begin_ends_the_search_with_its_reason(
        error: Exception, reason: str) -> None:
    planner = ScriptedPlanner('no')

    def fail(task: object) -> None:
        raise error

    planner.begin = fail  # type: ignore[method-assign,assignment]
    started = desk_of(planner).begin('object', order(), BODY)
    assert (started.results[0].status, started.results[0].reason) == ('error', reason)


def test_a_reason_that_utf8_cannot_hold_is_escaped() -> None:
    desk = desk_of()
    desk.begin('object', order(), BODY)
    line = desk.finish('error', 'it said \ud800').line
    assert line.reason == 'it said \\ud800'
    assert all(str(value).encode() for value in desk.describe().values())


def test_two_hanging_calls_are_borne_and_a_third_is_not() -> None:
    planner = ScriptedPlanner('rotate(1,1)', patient=True)
    desk = desk_of(planner)
    for number in range(3):
        assert desk.begin('object', order(str(number)), BODY).begun
        assert desk.search is not None
        view = View(b'jpeg', desk.search.goal.gaze, 64, 36, 1.7, 1)
        desk.search.think(view, lambda: None)
        desk.finish('cancelled', '')
    refused = desk.begin('object', order('last'), BODY)
    assert desk.hanging and not refused.begun and len(planner.tasks) == 3
    assert refused.results[0].status == 'error' and '3 calls' in refused.results[0].reason
    planner.release.set()
    deadline = time.monotonic() + 5
    while desk.hanging and time.monotonic() < deadline:
        time.sleep(0.005)
    assert desk.begin('object', order('after'), BODY).begun


@pytest.mark.parametrize(('profile', 'heading'), [('strict', 90), ('published-2026', 200)])
def test_the_body_faces_what_was_scored(profile: str, heading: int) -> None:
    desk = desk_of(ScriptedPlanner('submit(200,-5)'), profile)
    desk.begin('object', order(), BODY)
    answer_one(desk)
    assert desk.search is not None
    desk.search.decide()
    ended = desk.finish('', '')
    assert ended.line.status == 'submitted' and ended.line.answer == [200, -5]
    assert ended.heading is not None
    assert ended.heading.off_by(BenchmarkAngles(
        heading, 0 if profile == 'strict' else -5).to_gaze()) < 1e-12


@pytest.mark.parametrize('status', ['cancelled', 'replaced', 'error'])
def test_a_search_that_was_not_submitted_faces_nothing(status: str) -> None:
    desk = desk_of()
    desk.begin('object', order(), BODY)
    ended = desk.finish(status, 'because')
    assert ended.heading is None and ended.line.status == status


def test_goal_identities_increase_from_search_to_search() -> None:
    desk, stamps = desk_of(), []
    for now in (1000, 500, 10):
        desk.begin('object', order(), BODY)
        assert desk.search is not None
        desk.search.stand(now)
        stamps.append(desk.search.goal.stamp_ns)
        desk.finish('cancelled', '')
        stamps.append(desk.next_stamp(now))
    assert stamps == sorted(set(stamps))
