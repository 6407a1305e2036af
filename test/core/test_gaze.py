# SPDX-License-Identifier: Apache-2.0
"""Signs flip once, quaternions survive the trip, and planners are told whole degrees."""

from __future__ import annotations

import math

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from hvs_ros.core.gaze import (
    BenchmarkAngles,
    Gaze,
    gaze_from_quaternion,
    to_benchmark,
    told_angles,
    wrap_degrees,
    wrap_radians,
)

QUARTER = math.pi / 2
gazes = st.builds(Gaze, st.floats(-math.pi, math.pi), st.floats(-QUARTER, QUARTER))
repeatable = settings(derandomize=True, max_examples=150, deadline=None)


@pytest.mark.parametrize(('benchmark', 'yaw', 'pitch', 'direction'), [
    ((45, 30), -45, -30, (1, -1, 1)),
    ((315, 30), 45, -30, (1, 1, 1)),
    ((135, -30), -135, 30, (-1, -1, -1)),
    ((225, -30), 135, 30, (-1, 1, -1)),
    ((45, -30), -45, 30, (1, -1, -1)),
    ((225, 30), 135, -30, (-1, 1, 1))])
def test_both_signs_flip_in_every_quadrant(benchmark, yaw, pitch, direction):
    """Benchmark: right and up. REP-103: left and down; x forward, y left, z up."""
    gaze = BenchmarkAngles(*benchmark).to_gaze()
    assert (math.degrees(gaze.yaw), math.degrees(gaze.pitch)) == pytest.approx((yaw, pitch))
    assert tuple(np.sign(gaze.direction())) == direction
    back = to_benchmark(gaze)
    assert (back.yaw, back.pitch) == pytest.approx(benchmark)


@pytest.mark.parametrize(('gaze', 'direction'), [
    (Gaze(0, 0), (1, 0, 0)), (Gaze(QUARTER, 0), (0, 1, 0)), (Gaze(0, QUARTER), (0, 0, -1)),
    (Gaze(-QUARTER, 0), (0, -1, 0)), (Gaze(0, -QUARTER), (0, 0, 1)),
    (Gaze(math.pi, 0), (-1, 0, 0))])
def test_directions_along_the_axes(gaze, direction):
    np.testing.assert_allclose(gaze.direction(), direction, atol=1e-15)


@repeatable
@given(st.integers(0, 359), st.integers(-90, 90))
def test_whole_degrees_survive_the_trip_over_radians_and_quaternions(yaw, pitch):
    goal = BenchmarkAngles(yaw, pitch)
    gaze, roll = gaze_from_quaternion(goal.to_gaze().quaternion())
    assert to_benchmark(goal.to_gaze()).whole() == goal
    assert to_benchmark(gaze).whole() == goal
    assert abs(roll) < 1e-9


@repeatable
@given(gazes)
@example(Gaze(1.0, QUARTER))
@example(Gaze(-3.0, -QUARTER))
@example(Gaze(math.pi, 0.0))
def test_a_gaze_survives_its_quaternion_even_at_the_poles(gaze):
    quaternion = gaze.quaternion()
    assert math.isclose(sum(part * part for part in quaternion), 1.0)
    back, roll = gaze_from_quaternion(tuple(3.0 * part for part in quaternion))
    assert back.off_by(gaze) < 1e-7 and abs(roll) < 1e-9
    negated, _ = gaze_from_quaternion(tuple(-part for part in quaternion))
    assert negated.off_by(gaze) < 1e-7


@repeatable
@given(gazes)
def test_the_quaternion_turns_forward_to_the_direction(gaze):
    x, y, z, w = gaze.quaternion()
    forward = (1 - 2 * (y * y + z * z), 2 * (x * y + w * z), 2 * (x * z - w * y))
    np.testing.assert_allclose(forward, gaze.direction(), atol=1e-12)


@repeatable
@given(gazes, st.floats(-1.2, 1.2))
def test_a_rolled_quaternion_says_so(gaze, roll):
    assume(abs(gaze.pitch) < 1.2)
    x, y, z, w = gaze.quaternion()
    s, c = math.sin(roll / 2), math.cos(roll / 2)
    rolled = (w * s + x * c, y * c + z * s, z * c - y * s, w * c - x * s)
    back, measured = gaze_from_quaternion(rolled)
    assert measured == pytest.approx(roll, abs=1e-6)
    assert back.off_by(gaze) < 1e-6


@pytest.mark.parametrize('quaternion', [
    (0, 0, 0, 0), (math.nan, 0, 0, 1), (math.inf, 0, 0, 1)])
def test_a_quaternion_without_direction_is_refused(quaternion):
    with pytest.raises(ValueError, match='has no direction'):
        gaze_from_quaternion(quaternion)


@repeatable
@given(gazes, gazes)
def test_angles_between_gazes_are_those_between_their_directions(a, b):
    cosine = float(np.clip(np.dot(a.direction(), b.direction()), -1, 1))
    assert a.angle_to(b) == pytest.approx(math.acos(cosine), abs=1e-6)
    assert a.angle_to(b) == pytest.approx(b.angle_to(a))


@pytest.mark.parametrize(('a', 'b', 'expected'), [
    (Gaze(math.pi - 0.01, 0), Gaze(-math.pi + 0.01, 0), 0.02),
    (Gaze(0, 0.3), Gaze(0.1, 0), 0.3),
    (Gaze(0.5, QUARTER), Gaze(-0.5, QUARTER), 1.0)])
def test_yaw_counts_across_the_back_and_at_the_poles(a, b, expected):
    assert a.off_by(b) == pytest.approx(expected)


@repeatable
@given(st.floats(-1e4, 1e4))
def test_wrapping_changes_whole_turns_only(angle):
    assert -math.pi <= wrap_radians(angle) < math.pi
    assert -180 <= wrap_degrees(angle) < 180
    assert math.cos(wrap_radians(angle) - angle) == pytest.approx(1.0)
    turns = (wrap_degrees(angle) - angle) / 360
    assert turns == pytest.approx(round(turns), abs=1e-6)


@pytest.mark.parametrize(('start', 'turn', 'end'), [
    ((350, 0), (20, 10), (10, 10)), ((10, 0), (-20, 0), (350, 0)), ((0, 80), (0, 20), (0, 90)),
    ((0, -80), (0, -20), (0, -90)), ((90, 0), (720, 0), (90, 0)), ((37.5, 0), (1, 0), (38.5, 0))])
def test_a_rotation_wraps_yaw_and_clamps_pitch(start, turn, end):
    assert BenchmarkAngles(*start).turned(*turn) == BenchmarkAngles(*end)


@pytest.mark.parametrize(('measured', 'told'), [
    ((123.0, -20.0), (123, -20)),
    ((123.8, -20.9), (123, -20)),
    ((121.9, -20.0), (123, -20)),
    ((125.6, -20.0), (126, -20)),
    ((123.0, -23.4), (123, -23)),
    ((359.7, 40.2), (0, 40))])
def test_the_goal_is_told_when_the_body_is_there_and_whole_degrees_otherwise(measured, told):
    gaze = BenchmarkAngles(*measured).to_gaze()
    assert told_angles(BenchmarkAngles(123, -20), gaze, 0.02) == BenchmarkAngles(*told)


def test_a_decimal_goal_is_told_as_it_was_set():
    goal = BenchmarkAngles(37.5, 0)
    assert told_angles(goal, goal.to_gaze(), 0.02) == goal
