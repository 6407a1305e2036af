# SPDX-License-Identifier: Apache-2.0
"""The "Safety" section of the architecture, sentence by sentence, without ROS."""

from __future__ import annotations

from itertools import pairwise
import math

from motion_fixtures import JOINTS, PERIOD_NS, START_NS, Loop, limits, offer
import pytest

from hvs_ros.core.gaze import Gaze
from hvs_ros.core.goal_gate import SECOND_NS
from hvs_ros.core.motion import Command
from hvs_ros.core.motion_inputs import BodyPose

SILENCE = Command()
STOP = (0.0, 0.0)
FAR = (5.0, 0.0)


def turning(**changes) -> Loop:
    """Return a loop whose body turns and whose neck moves."""
    loop = Loop(limits(**changes))
    loop.new_goal('gaze', Gaze(3.0, 0.5))
    loop.run(0.6)
    assert loop.motion.state.state == 'turning' and loop.commands[-1].velocity[1] > 0.2
    return loop


def walking(**changes) -> Loop:
    loop = Loop(limits(**changes))
    loop.new_goal('heading', Gaze(0.0, 0.3), FAR)
    return loop


def test_disabled_sends_nothing_whatever_it_hears():
    loop = Loop(limits(), enabled=False)
    loop.new_goal('gaze', Gaze(2.0, 0.5))
    loop.motion.hear_emergency(True)
    assert all(command == SILENCE for command in loop.run(2.0))
    assert loop.states == ['disabled'] and loop.motion.farewell() is None


def test_a_goal_stamped_before_the_enable_is_never_executed():
    loop = Loop(limits(), enabled=False)
    loop.new_goal('gaze', Gaze(2.0, 0.5))
    loop.run(0.5)
    assert loop.motion.enable(loop.now_ns, True) is None
    assert all(command == SILENCE for command in loop.run(1.0))
    assert 'before the body was enabled' in loop.motion.state.reason
    loop.new_goal('gaze', Gaze(2.0, 0.5))
    loop.run(0.1)
    assert loop.motion.state.state == 'turning'


def test_disabling_a_moving_body_stops_it_once_and_is_silent():
    loop = turning()
    measured = loop.body.state
    farewell = loop.motion.enable(loop.now_ns, False)
    assert farewell.velocity == STOP
    assert farewell.neck[0] == pytest.approx(measured.neck_yaw, abs=0.15)
    assert loop.motion.state.state == 'disabled'
    assert all(command == SILENCE for command in loop.run(1.0))


def test_a_stop_latches_with_zeros_at_every_tick_and_ignores_slew():
    loop = turning()
    loop.motion.stop()
    commands = loop.run(4.0)
    assert [command.velocity for command in commands] == [STOP] * 200
    loop.motion.enable(loop.now_ns, True)
    loop.new_goal('gaze', Gaze(1.0, 0.0))
    assert [command.velocity for command in loop.run(1.0)] == [STOP] * 50
    assert loop.motion.state.state == 'stopped'
    loop.motion.enable(loop.now_ns, False)
    assert loop.run(0.5) == [SILENCE] * 25
    loop.motion.enable(loop.now_ns, True)
    loop.run(0.2)
    assert loop.motion.state.state == 'idle' and loop.commands[-1] == SILENCE
    loop.new_goal('gaze', Gaze(3.0, 0.0))
    loop.run(0.1)
    assert loop.motion.state.state == 'turning'


def test_a_stop_called_while_disabled_still_needs_false_then_true():
    loop = Loop(limits(), enabled=False)
    loop.motion.stop()
    loop.motion.enable(loop.now_ns, True)
    loop.run(0.2)
    assert loop.states == ['stopped']


def test_a_stop_holds_the_neck_where_it_was_measured():
    loop = turning(max_head_velocity=0.3)
    measured = loop._measured[-3]  # two ticks late, as the loop delivers
    loop.motion.stop()
    commands = loop.run(2.0)
    held = {command.neck for command in commands[:50]}
    assert held == {(measured.neck_yaw, measured.neck_pitch)}
    assert all(command.neck is None for command in commands[50:])


def test_a_stop_holds_even_a_neck_that_somebody_else_moves():
    loop = Loop(limits())
    loop.body.command_neck(0.4, 0.2)
    loop.run(0.2)
    assert set(loop.commands) == {SILENCE}
    loop.motion.stop()
    assert {command.neck for command in loop.run(0.5)} == {(0.4, 0.2)}


def test_a_neck_that_stops_again_is_held_where_it_is_now():
    loop = Loop(limits(max_head_velocity=0.5), delay=0)
    for _ in range(3):
        loop.new_goal('gaze', Gaze(1.3, 0.5))
        loop.run(0.5)
        loop.goal = None
        loop.run(0.5)
        before = loop.body.state.neck_yaw
        assert loop.commands[-1].neck[0] == before
    assert before > 0.6


def test_a_walk_speeds_up_and_slows_down_within_its_slew():
    loop = walking()
    loop.until(loop.reached)
    speeds = [command.velocity[0] for command in loop.commands if command.velocity]
    assert max(speeds) == 0.35
    assert max(abs(b - a) for a, b in pairwise(speeds)) <= 0.3 * 0.02 + 1e-9


def test_leaving_motion_sends_zero_for_a_second_then_nothing():
    loop = turning()
    loop.goal = None
    velocities = [command.velocity for command in loop.run(3.0)]
    first = velocities.index(STOP)
    assert velocities[first:first + 50] == [STOP] * 50
    assert velocities[first + 50:] == [None] * (100 - first)


@pytest.mark.parametrize('make', [turning, walking])
def test_a_planner_that_falls_silent_stops_the_body_without_slew(make):
    loop = make()
    loop.until(lambda: loop.motion.state.state in ('turning', 'walking'))
    loop.run(1.0)
    loop.goal = None
    velocities = [command.velocity for command in loop.run(0.32)]
    assert velocities[-1] == STOP and velocities[0] != STOP
    before = loop.body.state
    loop.run(1.0)
    after = loop.body.state
    assert (before.yaw, before.x, before.neck_pitch) == (after.yaw, after.x, after.neck_pitch)


def test_a_stop_can_be_given_a_slew():
    loop = turning(stop_deceleration=1.0)
    speed = loop.commands[-1].velocity[1]
    loop.motion.stop()
    loop.tick()
    assert loop.commands[-1].velocity[1] == pytest.approx(speed - 0.02)
    loop.run(1.0)
    assert loop.commands[-1].velocity == STOP


def silence_joints(loop):
    loop.hears_joints = False


def silence_odom(loop):
    loop.hears_odom = False


def nan_joint(loop):
    loop.hears_joints = False
    loop.motion.hear_joints(loop.now_ns, loop.now_ns, JOINTS, (math.nan, 0.1))


def nan_odom(loop):
    loop.hears_odom = False
    loop.motion.odometry.hear(loop.now_ns, loop.now_ns, BodyPose(math.nan, 0.0, 0.0))


def jump_joint(loop):
    state = loop.body.state
    loop.motion.hear_joints(
        loop.now_ns, loop.now_ns, JOINTS, (state.neck_yaw - 2.0, state.neck_pitch))


def jump_odom(loop):
    loop.motion.odometry.hear(loop.now_ns, loop.now_ns, BodyPose(3.0, 0.0, 0.0))


def two_planners(loop):
    loop.motion.hear_publishers({'gaze_goal': ['/a', '/b']})


def release_deadman(loop):
    loop.motion.guards.hear_deadman(loop.now_ns, False)


FAULTS = [
    (silence_joints, 0.34, 'head_yaw is stale'), (silence_odom, 0.34, 'odom is stale'),
    (nan_joint, 0.0, 'head_yaw is not a number'), (nan_odom, 0.0, 'odom is not a number'),
    (jump_joint, 0.0, 'head_yaw jumped'), (jump_odom, 0.0, 'odom jumped'),
    (two_planners, 0.0, 'gaze_goal has 2 publishers: /a, /b'),
]


@pytest.mark.parametrize(('break_it', 'after', 'reason'), FAULTS)
def test_a_fault_stops_body_and_neck_says_why_and_passes(break_it, after, reason):
    loop = turning()
    break_it(loop)
    loop.run(after)
    command = loop.tick()
    assert loop.motion.state.state == 'fault' and loop.motion.state.reason == reason
    assert command.velocity == STOP and command.neck is not None
    held = command.neck
    loop.hears_joints = loop.hears_odom = True
    loop.motion.hear_publishers({})
    loop.run(1.0)
    assert {c.neck for c in loop.commands[-50:] if c.velocity == STOP} <= {held, None} or (
        loop.motion.state.state == 'turning')
    loop.new_goal('gaze', Gaze(-2.0, 0.0))
    loop.until(loop.reached)


def test_zeros_end_while_a_fault_lasts_so_that_others_may_drive():
    loop = turning()
    silence_odom(loop)
    commands = loop.run(3.0)
    assert commands[-1] == SILENCE and loop.motion.state.state == 'fault'


def test_an_unannounced_jump_of_the_body_ends_the_goal_it_had():
    loop = turning()
    loop.body.place(3.0, 0.0, 0.0)
    loop.run(1.5)
    assert loop.states == ['turning', 'fault', 'idle']
    assert 'lost its place' in loop.motion.state.reason


@pytest.mark.parametrize('first', ['initialpose', 'odom'])
def test_an_initialpose_lets_the_body_jump_and_the_goal_stand(first):
    loop = turning()
    if first == 'initialpose':
        loop.motion.odometry.place(loop.now_ns)
    loop.body.place(3.0, 0.0, 1.0)
    loop.run(0.1)
    if first == 'odom':
        loop.motion.odometry.place(loop.now_ns)
    loop.until(loop.reached)
    assert ('fault' in loop.states) == (first == 'odom')


def test_joint_states_may_come_in_parts_and_each_neck_joint_goes_stale_alone():
    loop = turning()
    loop.hears_joints = False
    for _ in range(30):
        state = loop.body.state
        for names, positions in (
                (['left_knee', JOINTS[0]], (0.4, state.neck_yaw)), ([JOINTS[1]], ()),
                ([JOINTS[1]], (state.neck_pitch,))):
            loop.motion.hear_joints(loop.now_ns, loop.now_ns, names, positions)
        loop.tick()
    assert 'fault' not in loop.states
    for _ in range(30):
        loop.motion.hear_joints(
            loop.now_ns, loop.now_ns, [JOINTS[0]], (loop.body.state.neck_yaw,))
        loop.tick()
    assert loop.motion.state.reason == 'head_pitch is stale'


def test_ros_time_that_stands_still_stops_the_body_and_time_that_goes_on_frees_it():
    loop = turning()
    steady = loop.now_ns / SECOND_NS
    assert not loop.motion.watch(steady, loop.now_ns)
    assert not loop.motion.watch(steady + 0.48, loop.now_ns)
    assert loop.motion.watch(steady + 0.5, loop.now_ns)
    commands = [loop.motion.step(loop.now_ns) for _ in range(80)]
    assert [c.velocity for c in commands] == [STOP] * 50 + [None] * 30
    assert loop.motion.state.reason == 'ROS time stands still'
    loop.run(0.2)
    assert loop.motion.state.state == 'turning'


def test_ros_time_that_runs_backwards_stops_and_forgets_but_does_not_stay_dead():
    loop = turning()
    steady = loop.now_ns / SECOND_NS + 0.1
    loop.motion.watch(steady, loop.now_ns)
    earlier = START_NS - 100 * SECOND_NS
    assert loop.motion.watch(steady + 0.02, earlier)
    assert loop.motion.step(earlier).velocity == STOP
    assert loop.motion.state.reason == 'ROS time ran backwards'
    loop.motion.hear_joints(earlier + PERIOD_NS, earlier + PERIOD_NS, JOINTS, (0.0, 0.0))
    loop.motion.odometry.hear(earlier + PERIOD_NS, earlier + PERIOD_NS, BodyPose(0.0, 0.0, 0.0))
    assert not loop.motion.watch(steady + 0.6, earlier + PERIOD_NS)
    goal = offer(gaze=Gaze(0.3, 0.0), stamp_ns=earlier + PERIOD_NS)
    assert loop.motion.hear_goal(earlier + PERIOD_NS, goal) == ''
    assert loop.motion.step(earlier + PERIOD_NS).neck is not None


def test_an_emergency_stop_latches_and_outlives_an_enable_while_it_is_pressed():
    loop = turning()
    loop.motion.hear_emergency(True)
    assert loop.tick().velocity == STOP and loop.motion.state.reason == 'emergency stop'
    loop.motion.enable(loop.now_ns, False)
    loop.motion.enable(loop.now_ns, True)
    assert loop.tick().velocity == STOP and loop.motion.state.state == 'stopped'
    loop.motion.hear_emergency(False)
    assert loop.tick().velocity == STOP
    loop.motion.enable(loop.now_ns, False)
    loop.motion.enable(loop.now_ns, True)
    loop.tick()
    assert loop.motion.state.state == 'idle'


def test_nothing_moves_unless_the_deadman_is_held():
    loop = Loop(limits(deadman=True))
    loop.new_goal('gaze', Gaze(3.0, 0.5))
    loop.run(0.5)
    assert loop.states == ['fault'] and set(loop.commands) == {SILENCE}
    for _ in range(50):
        loop.motion.guards.hear_deadman(loop.now_ns, True)
        loop.tick()
    assert loop.motion.state.state == 'turning'
    loop.motion.guards.hear_deadman(loop.now_ns, False)
    assert loop.tick().velocity == STOP and loop.motion.state.reason == 'deadman is released'


def test_an_obstacle_holds_a_walk_but_neither_a_turn_nor_a_gaze():
    loop = turning(obstacle=True)
    loop.new_goal('heading', Gaze(loop.body.state.yaw, 0.0), (
        math.cos(loop.body.state.yaw), math.sin(loop.body.state.yaw)))
    nearest = [2.0]

    def tick() -> str:
        loop.motion.guards.hear_obstacle(loop.now_ns, nearest[0])
        loop.tick()
        return loop.motion.state.state

    assert any(tick() == 'walking' for _ in range(200))
    assert [tick() for _ in range(30)][-1] == 'walking'
    nearest[0] = 0.4
    assert tick() == 'fault' and loop.commands[-1].velocity == STOP
    assert loop.motion.state.reason == 'obstacle nearer than 0.6 m'
    nearest[0] = 2.0
    assert tick() == 'walking'


def test_a_fault_is_never_followed_by_anything_but_a_stop_until_it_is_over():
    loop = turning()
    silence_odom(loop)
    loop.run(3.0)
    after = loop.commands[next(
        i for i, c in enumerate(loop.commands) if i > 30 and c.velocity == STOP):]
    assert {c.velocity for c in after} == {STOP, None}
