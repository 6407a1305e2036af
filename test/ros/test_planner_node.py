# SPDX-License-Identifier: Apache-2.0
"""The search planner's side of a search: goals that stand, views it takes, how it ends."""

from __future__ import annotations

from collections.abc import Callable
import math
import threading
import time

from flow_partner import SECOND_NS, Partner, overrides
import pytest
from rclpy.client import Client
from scripted_planner import ScriptedPlanner
from std_msgs.msg import String
from std_srvs.srv import Trigger

from hvs_ros.core.gaze import BenchmarkAngles, Gaze
from hvs_ros.nodes.search_planner import SearchPlanner
from hvs_ros.planners.base import PlannerUnavailable
from hvs_ros.ros.conversions import ODOM, to_gaze, to_json, to_ns
from hvs_ros.ros.qos import LATCHED

QUIET_S = 0.35  # longer than the controller trusts a goal that is not repeated


class Flow:
    """A live planner node and its partner."""

    def __init__(self, context: object, spin: Callable, wait_until: Callable) -> None:
        self._context, self._spin, self.wait = context, spin, wait_until
        self.partner = Partner(context=context)

    def start(self, planner: ScriptedPlanner, answering: bool = True, **parameters: object):
        self.partner.answers_goals = answering
        self.spinner = self._spin(SearchPlanner(
            planner, context=self._context, parameter_overrides=overrides(**{
                'view_timeout': 5.0, **parameters})))
        self._spin(self.partner)
        return self.partner

    def result(self, count: int = 1):
        """The search has ended."""
        self.wait(lambda: len(self.partner.results) >= count, 10)
        return self.partner.results[count - 1]

    def call(self, client: Client) -> Trigger.Response:
        assert client.wait_for_service(5)
        future = client.call_async(Trigger.Request())
        self.wait(future.done)
        return future.result()

    def assert_silence(self) -> None:
        """No gaze goal comes any more."""
        time.sleep(0.05)  # one that was on its way
        count = len(self.partner.goals)
        time.sleep(QUIET_S)
        assert len(self.partner.goals) == count


@pytest.fixture
def flow(context: object, spin: Callable, wait_until: Callable) -> Flow:
    return Flow(context, spin, wait_until)


def test_the_first_goal_is_the_start_and_stands_unchanged(flow: Flow) -> None:
    partner = flow.start(ScriptedPlanner('no'), answering=False)
    partner.find(id='x', start=[90, 10])
    flow.wait(lambda: len(partner.goals) >= 5)
    first = partner.goals[0][1]
    assert all(goal == first for _, goal in partner.goals)
    assert to_gaze(first.pose.orientation).off_by(BenchmarkAngles(90, 10).to_gaze()) < 1e-12
    place = first.pose.position
    assert (first.header.frame_id, place.x, place.y, place.z) == (ODOM, 0.0, 0.0, 0.0)
    spread = partner.goals[4][0] - partner.goals[0][0]
    assert spread > 0.25, 'ten times a second, not as fast as it goes'


@pytest.mark.parametrize(('payload', 'yaw'), [({}, 1.2), ({'start': [0, 0]}, 0.0)],
                         ids=['without a start', 'with one'])
def test_yaw_0_is_the_present_heading_or_absolute(flow: Flow, payload: dict, yaw: float) -> None:
    planner = ScriptedPlanner('submit(0,0)')
    partner = flow.start(planner)
    partner.odom(yaw=1.2)
    time.sleep(0.1)
    partner.find(**payload)
    assert flow.result().gaze == [0, 0]
    assert partner.gazes[0].yaw == pytest.approx(yaw)
    assert planner.seen[0].told == BenchmarkAngles(0, 0)


def test_without_odometry_the_search_ends_with_its_reason_and_nothing_moves(flow: Flow) -> None:
    partner = flow.start(ScriptedPlanner('no'))
    partner.find()
    result = flow.result()
    assert (result.status, result.turns) == ('error', 0) and 'odometry' in result.reason
    assert len(result.id) > 8
    assert not partner.goals and not partner.headings


def test_turns_and_result_carry_the_id_and_the_words_verbatim(flow: Flow) -> None:
    partner = flow.start(ScriptedPlanner('rotate(10,5)', 'submit(370,-5)'))
    partner.find('a <b>cup</b>', id='hos/a/0/90', seed=7, start=[90, 10], order='first')
    result = flow.result()
    assert (result.id, result.order, result.instruction) == (
        'hos/a/0/90', 'first', 'a <b>cup</b>')
    assert result.answer == [370, -5] and result.turns == 2
    flow.wait(lambda: len(partner.turns) == 2)
    assert [(turn.id, turn.index) for turn in partner.turns] == [
        ('hos/a/0/90', 0), ('hos/a/0/90', 1)]
    assert [turn.gaze_told for turn in partner.turns] == [[90, 10], [100, 15]]
    assert [turn.view_stamp for turn in partner.turns] == partner.stamps
    assert partner.turns[1].reply == '<think>so</think><answer>submit(370,-5)</answer>'


def test_an_invalid_answer_asks_for_the_same_gaze_with_a_new_identity(flow: Flow) -> None:
    partner = flow.start(ScriptedPlanner('nonsense', 'nonsense', 'submit(1,1)'))
    partner.find(start=[45, 0])
    flow.result()
    assert len(partner.stamps) == 3 and partner.stamps == sorted(partner.stamps)
    assert all(gaze == partner.gazes[0] for gaze in partner.gazes)


@pytest.mark.parametrize(('age_s', 'off'), [(-0.5, 0.0), (0.0, 0.05), (0.9, 0.5)],
                         ids=['an older view', 'another gaze', 'another gaze, too early'])
def test_a_view_for_another_goal_never_reaches_the_planner(
        flow: Flow, age_s: float, off: float) -> None:
    planner = ScriptedPlanner('submit(1,1)')
    partner = flow.start(planner, answering=False, arrive_timeout=1.0)
    partner.find(start=[45, 0])
    flow.wait(lambda: partner.stamps)
    stamp, gaze = partner.stamps[0], partner.gazes[0]
    wrong = stamp + round(age_s * 1e9)
    partner.view(wrong, Gaze(gaze.yaw + off, gaze.pitch))
    time.sleep(0.25)
    assert not planner.seen
    partner.view(stamp + 1, gaze)
    flow.result()
    assert [seen.view.stamp_ns for seen in planner.seen] == [stamp + 1]


def test_a_gaze_out_of_reach_is_taken_after_the_arrive_timeout(flow: Flow) -> None:
    planner = ScriptedPlanner('submit(1,1)')
    partner = flow.start(planner, answering=False, arrive_timeout=1.0)
    partner.find(start=[45, 40])
    flow.wait(lambda: partner.stamps)
    partner.view(partner.stamps[0] + SECOND_NS, BenchmarkAngles(45, 30.3).to_gaze())
    flow.result()
    assert planner.seen[0].told == BenchmarkAngles(45, 30)
    flow.wait(lambda: partner.turns)
    assert partner.turns[0].gaze_told == [45, 30]
    assert partner.turns[0].gaze_measured == pytest.approx([45, 30.3])


def test_parts_of_a_view_may_come_doubled_and_in_any_order(flow: Flow) -> None:
    planner = ScriptedPlanner('rotate(1,0)', 'submit(1,1)')
    partner = flow.start(planner, answering=False)
    partner.find(start=[45, 0])
    for turn in range(2):
        flow.wait(lambda turn=turn: len(partner.stamps) > turn)
        for _ in range(3):
            partner.view(partner.stamps[turn], partner.gazes[turn])
        flow.wait(lambda turn=turn: len(planner.seen) == turn + 1)
        partner.view(partner.stamps[0], partner.gazes[0])
        time.sleep(0.1)  # topics of depth 1: the next view must not push this one out
    flow.result()
    time.sleep(0.1)
    assert len(planner.seen) == 2 and len(partner.results) == 1


def test_a_lost_view_is_asked_for_three_times_then_the_search_ends(flow: Flow) -> None:
    partner = flow.start(ScriptedPlanner('no'), answering=False, view_timeout=0.25)
    partner.find(start=[45, 0])
    result = flow.result()
    assert (result.status, result.reason) == ('error', 'no view')
    assert len(partner.stamps) == 4
    assert all(gaze == partner.gazes[0] for gaze in partner.gazes)
    flow.assert_silence()


def test_one_lost_view_does_no_harm(flow: Flow) -> None:
    partner = flow.start(ScriptedPlanner('submit(1,1)'), answering=False, view_timeout=0.25)
    partner.find(start=[45, 0])
    flow.wait(lambda: len(partner.stamps) == 2)
    partner.view(partner.stamps[0], partner.gazes[0])  # the lost one, too late
    partner.view(partner.stamps[1], partner.gazes[1])
    assert flow.result().status == 'submitted'


def test_the_executor_is_free_while_the_planner_thinks(flow: Flow) -> None:
    planner = ScriptedPlanner('submit(1,1)', patient=True)
    partner = flow.start(planner, view_timeout=0.2)
    partner.find(start=[45, 0])
    flow.wait(lambda: planner.seen)
    count = len(partner.goals)
    flow.wait(lambda: len(partner.goals) >= count + 5)
    assert len(partner.stamps) == 1, 'a planner that thinks is not a lost view'
    planner.release.set()
    assert flow.result().status == 'submitted'


def test_a_late_answer_of_a_closed_search_is_dropped(flow: Flow) -> None:
    planner = ScriptedPlanner('rotate(77,0)', 'submit(1,1)', patient=True)
    partner = flow.start(planner)
    partner.find(id='first', start=[0, 0])
    flow.wait(lambda: len(planner.seen) == 1)
    partner.find(id='second', start=[0, 0])
    assert flow.result().status == 'replaced'
    flow.wait(lambda: len(planner.seen) == 2)
    planner.release.set()
    assert flow.result(2).id == 'second'
    assert {turn.id for turn in partner.turns} == {'second'}
    assert len(partner.turns) == 2 and len(partner.stamps) == 3


def test_more_than_two_hanging_calls_refuse_the_next_search(flow: Flow) -> None:
    planner = ScriptedPlanner('no', patient=True)
    partner = flow.start(planner)
    for number in range(3):
        partner.find(id=str(number), start=[0, 0])
        flow.wait(lambda number=number: len(planner.seen) == number + 1)
        assert flow.call(partner.cancel).success
    partner.find(id='last', start=[0, 0])
    result = flow.result(4)
    assert (result.id, result.status) == ('last', 'error') and 'hang' in result.reason
    planner.release.set()


@pytest.mark.parametrize(('script', 'reason'), [
    (PlannerUnavailable('the model server is away'), 'the model server is away'),
    (RuntimeError('a bug'), 'RuntimeError: a bug'),
    (RuntimeError('odd \ud800 words \x00'), 'odd'),
    (None, 'None is no decision'),
])
def test_a_planner_that_fails_ends_its_search_and_not_the_node(
        flow: Flow, script: object, reason: str) -> None:
    planner = ScriptedPlanner(script)
    partner = flow.start(planner)
    partner.find(id='x', start=[0, 0])
    result = flow.result()
    assert result.status == 'error' and reason in result.reason
    flow.assert_silence()
    assert not partner.turns and not partner.headings
    planner.script = ['submit(1,1)']
    partner.find(id='y', start=[0, 0])
    assert flow.result(2).status == 'submitted'


HOSTILE = ['', '\ud800\x00', f'<answer>rotate({"9" * 4000},0)</answer>', '<answer>' * 2000,
           '<answer>rotate(nan,inf)</answer>', f'<answer>rotate(1,{"9" * 5000})</answer>']


@pytest.mark.parametrize('profile', ['published-2025', 'published-2026', 'strict'])
def test_hostile_words_end_in_a_named_outcome(flow: Flow, profile: str) -> None:
    from hvs_ros.core.search import Decision
    script = [Decision(text) for text in HOSTILE]
    partner = flow.start(ScriptedPlanner(*script), profile=profile, max_turns=len(HOSTILE))
    partner.find(start=[37.5, 0])
    assert flow.result().status in ('truncated', 'submitted')
    flow.wait(lambda: len(partner.turns) == len(HOSTILE))
    assert [turn.reply for turn in partner.turns] == HOSTILE


@pytest.mark.parametrize('text', [
    '{"instruction"', '{"instruction": "a", "start": [NaN, 0]}', '', '{"instruction": 5}',
    '{"instruction": "a", "start": [1' + '0' * 400 + ', 0]}', '{' * 9999])
def test_a_broken_instruction_moves_nothing_and_hurts_nobody(flow: Flow, text: str) -> None:
    partner = flow.start(ScriptedPlanner('submit(1,1)'))
    partner.find(text)
    partner.find(start=[0, 0], id='good')
    assert flow.result().id == 'good'
    assert len(partner.results) == 1


@pytest.mark.parametrize(('topic', 'walk', 'expected'), [
    ('find_object', 2.0, (3.0, 4.0, math.radians(-90), math.radians(-20))),
    ('find_path', 0.0, (3.0, 4.0, math.radians(-90), 0.0)),
    ('find_path', 2.0, (3.0, 2.0, math.radians(-90), 0.0)),
], ids=['object: here, pitch included', 'path: turn only', 'path: walk'])
def test_submit_publishes_where_to_stand_and_face_and_then_the_result(
        flow: Flow, topic: str, walk: float, expected: tuple[float, ...]) -> None:
    partner = flow.start(ScriptedPlanner('submit(90,20)'), walk_distance=walk)
    partner.odom(3.0, 4.0, 0.3)
    time.sleep(0.1)
    partner.find(topic=topic, start=[0, 0])
    flow.result()
    flow.wait(lambda: partner.headings)
    assert partner.heard[0] == 'heading_goal', 'then the result'
    pose = partner.headings[0][1]
    gaze = to_gaze(pose.pose.orientation)
    told = (pose.pose.position.x, pose.pose.position.y, gaze.yaw, gaze.pitch)
    assert told == pytest.approx(expected)
    assert to_ns(pose.header.stamp) > partner.stamps[-1]
    flow.assert_silence()


def test_a_heading_goal_stands_until_the_controller_has_reached_it(flow: Flow) -> None:
    partner = flow.start(ScriptedPlanner('submit(90,0)'))
    partner.find(start=[0, 0])
    flow.wait(lambda: len(partner.headings) >= 3)
    assert all(goal == partner.headings[0][1] for _, goal in partner.headings)
    state = partner.create_publisher(String, 'humanoid_controller/state', LATCHED)
    mine = to_ns(partner.headings[0][1].header.stamp)
    for told in ({'reached': True, 'goal_stamp': mine - 1}, {'reached': False, 'goal_stamp': mine},
                 {'goal_stamp': mine}, {}):
        state.publish(to_json(told))
    state.publish(String(data='[not an object'))
    count = len(partner.headings)
    flow.wait(lambda: len(partner.headings) >= count + 3)
    state.publish(to_json({'reached': True, 'goal_stamp': mine}))
    time.sleep(0.15)
    count = len(partner.headings)
    time.sleep(QUIET_S)
    assert len(partner.headings) == count


def test_a_new_search_withdraws_the_heading(flow: Flow) -> None:
    planner = ScriptedPlanner('submit(90,0)')
    partner = flow.start(planner)
    partner.find(start=[0, 0])
    flow.wait(lambda: partner.headings)
    planner.release.clear()
    partner.find(start=[0, 0])
    flow.wait(lambda: len(planner.seen) == 2)
    time.sleep(0.05)
    count = len(partner.headings)
    time.sleep(QUIET_S)
    assert len(partner.headings) == count
    planner.release.set()


def test_cancel_stops_the_goal_at_once(flow: Flow) -> None:
    partner = flow.start(ScriptedPlanner('no'), answering=False)
    partner.find(start=[0, 0])
    flow.wait(lambda: len(partner.goals) >= 2)
    assert flow.call(partner.cancel).success
    assert flow.result().status == 'cancelled'
    flow.assert_silence()
    assert not flow.call(partner.cancel).success, 'there is nothing left to cancel'
    assert len(partner.results) == 1 and not partner.headings


def test_replacement_never_repeats_the_old_goal(flow: Flow) -> None:
    partner = flow.start(ScriptedPlanner('no'), answering=False)
    partner.find(id='one', start=[0, 0])
    flow.wait(lambda: len(partner.goals) >= 2)
    partner.find(id='two', start=[180, 0])
    assert flow.result().status == 'replaced'
    flow.wait(lambda: len(partner.stamps) == 2)
    since = next(i for i, (_, goal) in enumerate(partner.goals)
                 if to_ns(goal.header.stamp) == partner.stamps[1])
    count = len(partner.goals)
    flow.wait(lambda: len(partner.goals) >= count + 3)
    assert {to_ns(goal.header.stamp) for _, goal in partner.goals[since:]} == {partner.stamps[1]}


def test_shutdown_says_so_and_publishes_no_more(flow: Flow) -> None:
    complaints: list[object] = []
    before, threading.excepthook = threading.excepthook, complaints.append
    try:
        planner = ScriptedPlanner('no', patient=True)
        partner = flow.start(planner)
        partner.find(start=[0, 0])
        flow.wait(lambda: planner.seen)
        flow.spinner.stop()
        result = flow.result()
        assert (result.status, result.reason) == ('cancelled', 'the planner was shut down')
        flow.assert_silence()
        planner.release.set()  # the call comes back after its node is gone
        time.sleep(0.1)
    finally:
        threading.excepthook = before
    assert not complaints


def test_a_doubled_instruction_is_one_search(flow: Flow) -> None:
    partner = flow.start(ScriptedPlanner('rotate(1,0)', 'submit(1,1)'))
    for _ in range(3):
        partner.find(id='x', seed=3, start=[0, 0])
    flow.result()
    partner.find(id='x', seed=3, start=[0, 0])
    partner.find(id='y', seed=3, start=[0, 0])
    flow.result(2)
    assert [result.id for result in partner.results] == ['x', 'y']
    assert len(partner.turns) == 4


def test_the_planner_publishes_nothing_but_its_own_topics(flow: Flow) -> None:
    partner = flow.start(ScriptedPlanner('no'), answering=False)
    partner.find(start=[0, 0])
    flow.wait(lambda: partner.goals)
    published = {name for name, _ in partner.get_publisher_names_and_types_by_node(
        'search_planner', '/')} - {'/rosout', '/parameter_events', '/diagnostics'}
    assert published == {
        '/gaze_goal', '/heading_goal', '/search_planner/result', '/search_planner/turn'}
