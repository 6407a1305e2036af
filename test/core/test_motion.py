# SPDX-License-Identifier: Apache-2.0
"""A gaze goal is reached by neck and body together; a heading goal is turned to and walked."""

from __future__ import annotations

import itertools
import math
from typing import get_args

from motion_fixtures import QUICK, Loop, limits
import numpy as np
import pytest

from hvs_ros.core.gaze import BenchmarkAngles, Gaze, told_angles, wrap_radians
from hvs_ros.core.motion import RULES, StateName
from hvs_ros.core.motion_limits import walk_time

UPRIGHT = {'pitch_limits': (-math.pi / 2, math.pi / 2)}


def gaze_of(loop: Loop) -> Gaze:
    state = loop.body.state
    return Gaze(wrap_radians(state.yaw + state.neck_yaw), state.neck_pitch)


@pytest.mark.parametrize('pitch', [0, 7, -90, 90])
@pytest.mark.parametrize('yaw', [0, 45, 79, 80, 81, 135, 180, 181, 270, 359])
def test_a_body_that_obeys_at_once_looks_where_it_shall_to_the_last_bits(yaw, pitch):
    loop = Loop(limits(**QUICK, **UPRIGHT))
    told = BenchmarkAngles(yaw, pitch)
    loop.new_goal('gaze', told.to_gaze())
    assert loop.until(loop.reached) <= 1.0
    loop.run(0.3)
    assert told.to_gaze().off_by(gaze_of(loop)) < 1e-9
    assert told_angles(told, gaze_of(loop), 0.02) == told
    assert not loop.motion.state.limited
    resting = gaze_of(loop)
    loop.run(2.0)
    assert gaze_of(loop) == resting and loop.commands[-1].velocity is None


@pytest.mark.parametrize('signs', [(1.0, 1.0), (-1.0, 1.0), (1.0, -1.0)])
@pytest.mark.parametrize(('yaw', 'longest'), [(0.5, 0.7), (1.5, 2.0), (3.0, 5.0), (-2.0, 3.0)])
def test_a_body_with_real_limits_takes_its_time_and_arrives(yaw, longest, signs):
    loop = Loop(limits(neck_yaw_sign=signs[0], neck_pitch_sign=signs[1]), delay=3)
    loop.new_goal('gaze', Gaze(yaw, 0.4))
    assert loop.until(loop.reached) <= longest
    loop.run(1.0)
    assert gaze_of(loop).off_by(Gaze(yaw, 0.4)) < 1e-6


def test_the_neck_takes_what_it_reaches_and_the_body_stands():
    loop = Loop(limits())
    loop.new_goal('gaze', Gaze(1.39, 0.2))
    loop.until(loop.reached)
    assert loop.body.state.yaw == 0.0 and loop.states == ['idle']
    assert all(command.velocity is None for command in loop.commands)


def test_the_body_turns_only_as_far_as_the_neck_needs_and_does_not_dither():
    loop = Loop(limits())
    loop.new_goal('gaze', Gaze(1.6, 0.0))
    loop.until(loop.reached)
    assert loop.states == ['turning', 'idle']
    assert 0.3 < loop.body.state.yaw < 0.6  # 1.6 - 1.396 and the reserve
    rng = np.random.default_rng(3)
    for _ in range(300):  # a swaying torso stays inside the reserve
        loop.body.place(0.0, 0.0, loop.body.state.yaw + rng.normal(0.0, 0.002))
        loop.tick()
    assert loop.states == ['turning', 'idle']


def test_a_turn_ends_a_reserve_inside_the_limits_of_the_neck():
    loop = Loop(limits(**QUICK), delay=0)
    loop.new_goal('gaze', Gaze(2.5, 0.0))
    loop.until(loop.reached)
    assert 0.14 < 1.396 - loop.body.state.neck_yaw < 0.3


def test_a_gaze_straight_behind_is_turned_to_on_one_side_only():
    loop = Loop(limits())
    loop.new_goal('gaze', Gaze(math.pi, 0.0))
    rng = np.random.default_rng(5)
    for _ in range(40):
        loop.body.place(0.0, 0.0, rng.normal(0.0, 0.05))
        loop.tick()
    turns = [command.velocity[1] for command in loop.commands if command.velocity]
    necks = [command.neck[0] for command in loop.commands]
    assert turns in (sorted(turns), sorted(turns, reverse=True))
    assert necks in (sorted(necks), sorted(necks, reverse=True))


@pytest.mark.parametrize(('changes', 'gaze', 'ends_at'), [
    ({'follow_gaze': False}, Gaze(2.0, 0.1), Gaze(1.396, 0.1)),
    ({}, Gaze(0.3, 1.2), Gaze(0.3, 0.873)), ({}, Gaze(0.3, -1.2), Gaze(0.3, -0.698)),
])
def test_a_gaze_out_of_reach_is_limited_and_reached_where_it_ended(changes, gaze, ends_at):
    loop = Loop(limits(**changes))
    loop.new_goal('gaze', gaze)
    loop.until(loop.reached)
    loop.run(0.3)
    assert loop.motion.state.limited
    assert gaze_of(loop).off_by(ends_at) < 1e-9


def test_hybrid_turns_the_body_and_never_a_neck():
    loop = Loop(limits(gaze='hybrid'))
    loop.new_goal('gaze', Gaze(2.0, 0.5))
    loop.until(loop.reached)
    assert abs(loop.body.state.yaw - 2.0) < 0.02
    assert all(command.neck is None for command in loop.commands)


def test_virtual_moves_the_body_for_a_heading_only():
    loop = Loop(limits(gaze='virtual'))
    loop.new_goal('gaze', Gaze(2.0, 0.5))
    assert all(command == type(command)() for command in loop.run(1.0))
    loop.new_goal('heading', Gaze(2.0, 0.5))
    loop.until(loop.reached)
    assert gaze_of(loop).off_by(Gaze(2.0, 0.5)) < 0.02


@pytest.mark.parametrize('gaze', ['physical', 'hybrid', 'virtual'])
def test_a_heading_here_is_faced_in_place_pitch_included(gaze):
    loop = Loop(limits(gaze=gaze))
    loop.new_goal('heading', Gaze(-2.5, 0.4))
    loop.until(loop.reached)
    state = loop.body.state
    assert abs(wrap_radians(state.yaw + 2.5)) < 0.02 and (state.x, state.y) == (0.0, 0.0)
    assert state.neck_pitch == (pytest.approx(0.4) if gaze != 'hybrid' else 0.0)
    assert loop.states == ['turning', 'idle'] and loop.motion.state.walked_m == 0.0


@pytest.mark.parametrize(('distance', 'walked', 'limited'), [
    (1.0, 1.0, False), (0.3, 0.3, False), (2.0, 2.0, False), (5.0, 2.0, True),
    (0.05, 0.0, False)])
@pytest.mark.parametrize('changes', [
    {}, QUICK, {'max_linear': 2.0, 'max_linear_acceleration': 20.0}])
def test_a_heading_ahead_is_faced_then_walked_to_and_no_farther(
        distance, walked, limited, changes):
    loop = Loop(limits(gaze='virtual', **changes))
    loop.new_goal('heading', Gaze(1.0, 0.0), (distance * math.cos(1.0), distance * math.sin(1.0)))
    took = loop.until(loop.reached)
    assert took <= 4.5 + 1.5 * walk_time(loop.limits, walked or 0.1, 0.02)
    loop.run(0.5)
    state = loop.body.state
    way = math.hypot(state.x, state.y)
    assert walked - 0.03 <= way <= walked
    assert abs(wrap_radians(state.yaw - 1.0)) < 0.03
    assert loop.motion.state.limited == limited
    assert loop.motion.state.walked_m == pytest.approx(way, abs=0.02)
    assert loop.states == ['turning', 'walking', 'idle'] if walked else ['turning', 'idle']


@pytest.mark.parametrize(('changes', 'why'), [
    ({'simulated': False}, 'a walk needs a dead-man or an obstacle topic'),
    ({'max_walk_distance': 0.0}, 'the goal is farther than max_walk_distance')])
def test_a_body_that_may_not_walk_turns_only_and_says_so(changes, why):
    loop = Loop(limits(gaze='virtual', **changes))
    loop.new_goal('heading', Gaze(1.0, 0.0), (math.cos(1.0), math.sin(1.0)))
    loop.until(loop.reached)
    assert (loop.body.state.x, loop.body.state.y) == (0.0, 0.0)
    assert loop.motion.state.limited and 'walking' not in loop.states
    assert loop.motion.state.reason == why


def test_a_place_that_is_not_ahead_of_the_heading_is_not_walked_to():
    loop = Loop(limits(gaze='virtual'))
    loop.new_goal('heading', Gaze(1.0, 0.0), (1.0, -1.0))
    loop.until(loop.reached)
    assert loop.motion.state.limited and 'walking' not in loop.states


@pytest.mark.parametrize(('position', 'reason', 'longest'), [
    ((1.0, 0.0), 'the walk took too long', 2.0 * (1.0 / 0.35 + 0.35 / 0.3 + 0.2)),
    ((0.0, 0.0), 'the turn took too long', 2.0 * (1.0 / 0.6 + 0.6 / 0.8 + 0.25) + 2.0)])
def test_a_body_that_is_held_gives_up_after_twice_the_nominal_time(position, reason, longest):
    loop = Loop(limits(gaze='virtual'))
    loop.new_goal('heading', Gaze(0.0 if position[0] else 1.0, 0.0), position)

    def gave_up() -> bool:
        loop.body.place(0.0, 0.0, 0.0)  # feet that slip
        return loop.motion.state.reason == reason

    assert loop.until(gave_up) <= longest + 0.1
    loop.run(0.1)
    assert loop.commands[-1].velocity == (0.0, 0.0)
    assert not loop.motion.state.reached and loop.motion.state.state == 'idle'


def test_a_finished_heading_is_not_executed_again_however_often_it_comes():
    loop = Loop(limits(gaze='virtual'))
    loop.new_goal('heading', Gaze(1.0, 0.0), (0.5 * math.cos(1.0), 0.5 * math.sin(1.0)))
    loop.until(loop.reached)
    loop.run(1.5)
    for _ in range(20):  # somebody pushes it back, gently
        state = loop.body.state
        loop.body.place(state.x - 0.02, state.y, state.yaw - 0.03)
        loop.tick()
    assert loop.motion.state.state == 'idle' and loop.motion.state.reached
    assert all(command.velocity is None for command in loop.run(1.0))


def test_the_next_goal_replaces_the_one_before_at_once():
    loop = Loop(limits())
    loop.new_goal('gaze', Gaze(3.0, 0.0))
    loop.run(1.0)
    loop.new_goal('gaze', Gaze(-1.0, 0.2))
    loop.tick()
    assert loop.motion.state.goal_stamp == loop.goal.stamp_ns and not loop.motion.state.reached
    loop.until(loop.reached)
    assert gaze_of(loop).off_by(Gaze(-1.0, 0.2)) < 0.02


def test_neck_points_are_streamed_one_a_tick_a_little_ahead():
    loop = Loop(limits())
    loop.new_goal('gaze', Gaze(1.0, 0.3))
    commands = loop.run(1.0)
    assert all(command.neck is not None and 0.0 < command.lead_s <= 0.15 for command in commands)
    yaws = [command.neck[0] for command in commands]
    assert max(abs(b - a) for a, b in itertools.pairwise(yaws)) <= 2.0 * 0.02 + 1e-9


def test_every_state_is_a_row_of_the_table_and_the_last_row_always_holds():
    assert sorted(rule.state for rule in RULES) == sorted(get_args(StateName))
    assert [rule.state for rule in RULES[:3]] == ['disabled', 'stopped', 'fault']
    assert RULES[-1].holds(None)
    assert all(rule.when and rule.sends for rule in RULES)
