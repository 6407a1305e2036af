# SPDX-License-Identifier: Apache-2.0
"""One search as pure logic: turns, limits, feedback, and whole degrees that stay whole."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import pytest

from hvs_ros.core.gaze import BenchmarkAngles, Gaze, gaze_from_quaternion, told_angles
from hvs_ros.core.messages import TurnLine, result_line, turn_line
from hvs_ros.core.profile import PROFILES, get_profile
from hvs_ros.core.search import Decision, Feedback, SearchSession, Task
from hvs_ros.core.view import View

TASK = Task('hos/room/0/90', 'object', 'a cup', BenchmarkAngles(90, 10))


def session(profile: str = 'strict', max_turns: int = 3, task: Task = TASK) -> SearchSession:
    return SearchSession(task, get_profile(profile), max_turns=max_turns)


def view_of(search: SearchSession) -> View:
    return View(b'jpeg', search.goal.to_gaze(), 64, 36, 1.745)


def say(search: SearchSession, action: str) -> None:
    search.observe(view_of(search))
    search.decide(Decision(f'<think>so</think><answer>{action}</answer>'))


def test_the_first_goal_is_the_start() -> None:
    assert session().goal == TASK.start


@pytest.mark.parametrize(('actions', 'goal'), [
    (['rotate(10,5)'], (100, 15)),
    (['rotate(-100,0)'], (350, 10)),
    (['rotate(0,100)'], (90, 90)),
    (['nonsense'], (90, 10)),
    (['rotate(10,5)', 'rotate(1)'], (100, 15)),
], ids=['turned', 'wrapped', 'clamped', 'invalid keeps the gaze', 'invalid after a turn'])
def test_an_answer_moves_the_goal(actions: list[str], goal: tuple[int, int]) -> None:
    search = session()
    for action in actions:
        say(search, action)
    assert search.goal == BenchmarkAngles(*goal)


@pytest.mark.parametrize(('actions', 'status', 'answer'), [
    (['submit(100,5)'], 'submitted', [100, 5]),
    (['rotate(1,1)', 'no', 'submit(370,-5)'], 'submitted', [370, -5]),
    (['rotate(1,1)'] * 3, 'truncated', None),
    (['no'] * 3, 'truncated', None),
])
def test_a_search_ends_once_with_its_own_status(
        actions: list[str], status: str, answer: list[float] | None) -> None:
    search = session()
    for action in actions:
        assert search.result is None
        say(search, action)
    assert search.result is not None and search.result.status == status
    assert result_line(TASK, 'strict', search.result).answer == answer
    assert search.end('cancelled', 'too late') is search.result
    with pytest.raises(RuntimeError, match='ended'):
        search.observe(view_of(search))


def test_a_planner_that_gives_up_ends_as_not_found() -> None:
    search = session()
    search.observe(view_of(search))
    search.decide(Decision('<answer>rotate(5,5)</answer>', not_found=True))
    assert search.result is not None and search.result.status == 'not_found'
    assert search.goal == TASK.start


def test_an_answer_without_a_view_is_a_mistake_of_ours() -> None:
    with pytest.raises(RuntimeError, match='observation'):
        session().decide(Decision('submit(1,1)'))


def test_a_planner_hears_the_direction_really_reached() -> None:
    search = session('published-2026')
    say(search, 'rotate(40,0)')
    seen = search.observe(view_of(search), BenchmarkAngles(117, 12), BenchmarkAngles(117.2, 11.9))
    assert seen.told == BenchmarkAngles(117, 12)
    assert seen.feedback == Feedback(True, BenchmarkAngles(117, 12), action='rotate(40,0)')
    turn = search.decide(Decision('<think>a</think><answer>rotate(10,0)</answer>'))
    assert turn.measured == BenchmarkAngles(117.2, 11.9)
    assert search.goal == BenchmarkAngles(127, 12), 'it turns from where it really is'


@pytest.mark.parametrize(('profile', 'told'), [
    ('published-2025', None), ('published-2026', None), ('strict', BenchmarkAngles(90, 10))])
def test_after_an_invalid_answer_the_profile_decides_what_is_told(
        profile: str, told: BenchmarkAngles | None) -> None:
    search = session(profile)
    say(search, 'nonsense')
    feedback = search.observe(view_of(search)).feedback
    assert feedback is not None and not feedback.valid
    assert feedback.direction == told
    assert bool(feedback.reason) is (profile == 'strict')


HOSTILE = [
    '', '\x00', '<' * 5000, '<answer>' * 900, '\ud800', '<image>' * 50, '<answer></answer>',
    f'<answer>rotate({"9" * 400},0)</answer>', f'<answer>rotate({"9" * 5000},0)</answer>',
    f'<answer>rotate(0,{"9" * 400})</answer>', f'<answer>submit({"9" * 400},0)</answer>',
    f'<answer>submit(-{"9" * 4200},-{"9" * 4200})</answer>', '<answer>submit(nan,inf)</answer>',
    '<answer>rotate(1e999,0)</answer>', '<answer>rotate(-1e308,1e308)</answer>',
    '<answer>submit(1e308,1e308)</answer>', '<script>alert(1)</script>', '\u202e' * 100,
    '<answer>rotate(1_0,\u0663)</answer>', '{"action": "submit(1,1)"}', 'rotate(1,2)' * 500]
STARTS = [BenchmarkAngles(0, 0), BenchmarkAngles(37.5, -3.25)]


@pytest.mark.parametrize('start', STARTS, ids=['whole start', 'decimal start'])
@pytest.mark.parametrize('profile', PROFILES)
@pytest.mark.parametrize('reply', HOSTILE, ids=range(len(HOSTILE)))
def test_a_hostile_reply_ends_in_a_turn_and_survives_the_wire(
        reply: str, profile: str, start: BenchmarkAngles) -> None:
    task = Task('x', 'object', 'a cup', start)
    search = session(profile, 2, task)
    for text in (reply, '<think>x</think><answer>submit(1,1)</answer>'):
        if search.result is None:
            search.observe(view_of(search))
            line = turn_line(task, search.decide(Decision(text)))
            assert TurnLine.from_json(line.to_json()) == line
    assert search.result is not None
    end = result_line(task, profile, search.result)
    assert type(end).from_json(end.to_json()) == end
    if search.result.heading is not None:
        assert -90 <= search.result.heading.pitch <= 90
        assert sum(p * p for p in search.result.heading.to_gaze().quaternion()) == (
            pytest.approx(1.0))


@given(st.integers(0, 359), st.integers(-90, 90), st.floats(-3.1, 3.1), st.floats(-0.3, 0.3))
def test_whole_degrees_survive_topics_and_joints(
        yaw: int, pitch: int, body: float, noise: float) -> None:
    """A goal travels as a quaternion and comes back as heading plus neck angle."""
    goal = BenchmarkAngles(yaw, pitch)
    gaze, _ = gaze_from_quaternion(goal.to_gaze().quaternion())
    neck = gaze.yaw - body
    measured = Gaze(body + neck + noise * 0.05, gaze.pitch - noise * 0.05)
    assert told_angles(goal, measured, 0.02) == goal


@given(st.integers(0, 359), st.integers(-90, 90), st.floats(-3.14, 3.14), st.floats(-1.5, 1.5))
def test_a_gaze_out_of_reach_is_told_in_whole_degrees_of_what_was_measured(
        yaw: int, pitch: int, measured_yaw: float, measured_pitch: float) -> None:
    measured = Gaze(measured_yaw, measured_pitch)
    told = told_angles(BenchmarkAngles(yaw, pitch), measured, 0.02)
    assert (told.yaw, told.pitch) == (int(told.yaw), int(told.pitch))
    assert 0 <= told.yaw < 360 and -90 <= told.pitch <= 90
    assert told.to_gaze().off_by(measured) <= 0.021
