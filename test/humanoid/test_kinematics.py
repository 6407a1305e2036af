# SPDX-License-Identifier: Apache-2.0
"""The kinematic body does exactly as told, within its limits, until commands cease."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
import pytest

from hvs_ros.core.body import Body
from hvs_ros.humanoid.kinematics import KinematicBody, KinematicLimits

UPRIGHT = KinematicLimits(pitch_limits=(-math.pi / 2, math.pi / 2))


def test_it_is_a_body():
    assert isinstance(KinematicBody(), Body)


@given(yaw=st.floats(-1.39, 1.39), pitch=st.floats(-math.pi / 2, math.pi / 2))
def test_an_instant_neck_lands_to_the_last_bit(yaw, pitch):
    body = KinematicBody(UPRIGHT)
    body.command_neck(yaw, pitch)
    assert (body.state.neck_yaw, body.state.neck_pitch) == (yaw, pitch)
    body.step(0.02)
    assert (body.state.neck_yaw, body.state.neck_pitch) == (yaw, pitch)


def test_a_slow_neck_keeps_its_velocity_and_lands_to_the_last_bit():
    body = KinematicBody(KinematicLimits(head_velocity=2.0))
    body.command_neck(1.0, -0.3)
    assert body.state.neck_yaw == 0.0
    steps = []
    for _ in range(30):
        before = body.state.neck_yaw
        body.step(0.02)
        steps.append(body.state.neck_yaw - before)
    assert max(steps) <= 0.04 + 1e-12
    assert (body.state.neck_yaw, body.state.neck_pitch) == (1.0, -0.3)


@pytest.mark.parametrize(('told', 'reached'), [
    ((9.0, 9.0), (1.396, 0.873)), ((-9.0, -9.0), (-1.396, -0.698)),
    ((math.nan, 0.5), (0.2, 0.5)), ((None, 0.5), (0.2, 0.5)), ((0.5, None), (0.5, 0.1)),
    ((math.inf, -math.inf), (0.2, 0.1)),
])
def test_the_neck_stays_inside_its_limits_and_ignores_what_is_no_angle(told, reached):
    body = KinematicBody()
    body.command_neck(0.2, 0.1)
    body.command_neck(*told)
    assert (body.state.neck_yaw, body.state.neck_pitch) == reached


@pytest.mark.parametrize(('velocity', 'pose'), [
    ((0.5, 0.0), (0.5, 0.0, 0.0)), ((0.0, 0.5), (0.0, 0.0, 0.5)),
    ((0.5, 0.5), (math.sin(0.5), 1.0 - math.cos(0.5), 0.5)),
    ((-0.2, 0.0), (-0.2, 0.0, 0.0)),
])
def test_the_base_moves_on_the_arc_it_is_told(velocity, pose):
    body = KinematicBody()
    for _ in range(50):
        body.command_velocity(*velocity)
        body.step(0.02)
    state = body.state
    assert (state.x, state.y, state.yaw) == pytest.approx(pose, abs=1e-9)
    assert (state.linear, state.angular) == velocity


def test_the_base_stands_still_when_commands_cease():
    body = KinematicBody(KinematicLimits(command_timeout=0.5))
    body.command_velocity(1.0, 0.0)
    for _ in range(100):
        body.step(0.02)
    assert body.state.linear == 0.0 and body.state.x == pytest.approx(0.5, abs=0.021)


@pytest.mark.parametrize('velocity', [(math.nan, 0.0), (0.0, math.inf)])
def test_a_velocity_that_is_no_number_is_ignored(velocity):
    body = KinematicBody()
    body.command_velocity(*velocity)
    body.step(0.02)
    assert body.state == KinematicBody().state


def test_heading_wraps():
    body = KinematicBody()
    body.place(0.0, 0.0, 3.1)
    body.command_velocity(0.0, 1.0)
    body.step(0.1)
    assert body.state.yaw == pytest.approx(3.2 - 2 * math.pi)


def test_placing_moves_the_base_alone_and_reset_everything():
    body = KinematicBody()
    body.command_neck(0.3, 0.2)
    body.command_velocity(1.0, 1.0)
    body.place(1.0, 2.0, 0.5)
    body.step(0.1)
    state = body.state
    assert (state.x, state.y, state.yaw, state.neck_yaw) == (1.0, 2.0, 0.5, 0.3)
    body.place(math.nan, 0.0, 0.0)
    assert body.state == state
    body.reset()
    body.step(0.1)
    assert body.state == KinematicBody().state
