# SPDX-License-Identifier: Apache-2.0
"""No step is longer, faster or more sudden than its limits; every target is hit exactly."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from motion_fixtures import limits
import pytest

from hvs_ros.core.errors import InputError
from hvs_ros.core.motion_limits import approach, check_walking, turn_rate, walk_rate

ANGLES = st.floats(-1.5, 1.5)


@given(
    start=ANGLES, targets=st.lists(ANGLES, min_size=1, max_size=4),
    fastest=st.floats(0.1, 50.0), hardest=st.floats(0.5, 5000.0), dt=st.floats(0.005, 0.1))
def test_an_approach_keeps_its_limits_and_lands_to_the_last_bit(
        start, targets, fastest, hardest, dt):
    position, velocity = start, 0.0
    for target in targets:
        for _ in range(30):
            before, speed = position, velocity
            position, velocity = approach(
                position, velocity, target, max_velocity=fastest, max_acceleration=hardest, dt=dt)
            assert abs(position - before) <= fastest * dt * (1 + 1e-9) + 1e-12
            assert abs(velocity - speed) <= hardest * dt * (1 + 1e-9)
    for _ in range(600):
        position, velocity = approach(
            position, velocity, targets[-1], max_velocity=fastest, max_acceleration=hardest,
            dt=dt)
    if 10.0 / min(fastest, hardest * dt) < 600 * dt:
        assert position == targets[-1]


@given(target=ANGLES, dt=st.sampled_from([0.01, 0.02, 0.05]))
def test_an_approach_from_rest_does_not_overshoot(target, dt):
    position, velocity = 0.0, 0.0
    for _ in range(round(4.0 / dt)):
        position, velocity = approach(
            position, velocity, target, max_velocity=2.0, max_acceleration=10.0, dt=dt)
        assert abs(position) <= abs(target) + 1e-12
    assert position == target


@pytest.mark.parametrize('velocity', [-2.0, -0.5, 0.5, 2.0])
def test_a_target_right_here_is_no_reason_to_stop_dead(velocity):
    _, after = approach(
        0.0, velocity, 0.001, max_velocity=2.0, max_acceleration=10.0, dt=0.02)
    assert abs(after - velocity) <= 10.0 * 0.02 + 1e-9


def test_no_time_means_no_motion():
    assert approach(
        0.1, 0.5, 1.0, max_velocity=2.0, max_acceleration=10.0, dt=0.0) == (0.1, 0.5)


@given(left=st.floats(-7.0, 7.0))
def test_rates_stay_inside_their_limits_and_point_at_what_is_left(left):
    body = limits()
    assert abs(turn_rate(body, left)) <= body.max_angular
    assert turn_rate(body, left) * left >= 0.0
    assert 0.0 <= walk_rate(body, left) <= body.max_linear


@pytest.mark.parametrize(('changes', 'words'), [
    ({'yaw_limits': [0.1, 1.0]}, 'yaw_limits must enclose 0'),
    ({'pitch_limits': [0.5, -0.5]}, 'pitch_limits must enclose 0'),
    ({'pitch_limits': [0.5]}, 'pitch_limits must be two numbers'),
    ({'yaw_limits': [-math.inf, 1.0]}, 'yaw_limits must be two numbers'),
    ({'neck_pitch_sign': 0.5}, 'neck_pitch_sign must be 1 or -1'),
    ({'neck_yaw_joint': ''}, 'must both be named, or neither'),
])
def test_limits_that_contradict_each_other_are_refused(changes, words):
    with pytest.raises(InputError, match=words.replace('[', r'\[')):
        limits(**changes)


@pytest.mark.parametrize(('deployment', 'walk', 'deadman', 'obstacle', 'refused'), [
    ('robot', 1.0, False, False, True), ('robot', 1.0, True, False, False),
    ('robot', 1.0, False, True, False), ('robot', 0.0, False, False, False),
    ('simulation', 1.0, False, False, False), ('replay', 1.0, False, False, False),
])
def test_a_robot_that_nothing_guards_may_not_be_started_to_walk(
        deployment, walk, deadman, obstacle, refused):
    if refused:
        with pytest.raises(InputError, match='needs a dead-man or an obstacle topic'):
            check_walking(deployment, walk, deadman=deadman, obstacle=obstacle)
    else:
        check_walking(deployment, walk, deadman=deadman, obstacle=obstacle)
