# SPDX-License-Identifier: Apache-2.0
"""Where neck and body were when, read between measurements that come when they like."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
import pytest

from hvs_ros.core.gaze import wrap_radians
from hvs_ros.core.gaze_history import GazeHistory


def test_nothing_is_known_until_every_sensor_has_spoken() -> None:
    history = GazeHistory()
    assert history.known_until_ns is None
    history.add_neck(100, 0.1, 0.2)
    assert history.known_until_ns is None
    history.add_body(70, 0.3)
    assert history.known_until_ns == 70


def test_a_body_without_a_neck_looks_where_it_stands() -> None:
    history = GazeHistory(has_neck=False)
    history.add_body(70, 0.3)
    assert history.known_until_ns == 70
    assert history.at(70).yaw == pytest.approx(0.3) and history.at(70).pitch == 0.0


@pytest.mark.parametrize(('stamp', 'yaw'), [
    (50, 0.0), (100, 0.0), (150, 0.5), (200, 1.0), (900, 1.0)],
    ids=['before the first', 'at the first', 'between', 'at the last', 'after the last'])
def test_the_neck_is_read_between_its_measurements(stamp: int, yaw: float) -> None:
    history = GazeHistory()
    history.add_neck(100, 0.0, 0.0)
    history.add_neck(200, 1.0, 0.0)
    assert history.neck_at(stamp) == pytest.approx((yaw, 0.0))


def test_headings_are_read_the_short_way_over_the_seam() -> None:
    history = GazeHistory(has_neck=False)
    history.add_body(0, math.pi - 0.1)
    history.add_body(100, -math.pi + 0.1)
    assert abs(wrap_radians(history.at(50).yaw - math.pi)) < 1e-9


def test_a_clock_that_ran_backwards_makes_the_past_worthless() -> None:
    history = GazeHistory(has_neck=False)
    history.add_body(1000, 1.0)
    history.add_body(10, 0.2)
    assert history.known_until_ns == 10
    assert history.body_at(1000) == pytest.approx(0.2)


def test_two_measurements_of_one_moment_divide_by_nothing() -> None:
    history = GazeHistory(has_neck=False)
    for yaw in (0.1, 0.2):
        history.add_body(100, yaw)
    history.add_body(200, 0.2)
    assert history.body_at(100) == pytest.approx(0.2)


@given(st.floats(-3.1, 3.1), st.floats(-3.1, 3.1), st.floats(-1.5, 1.5))
def test_the_gaze_is_the_heading_plus_the_neck(
        body: float, neck_yaw: float, neck_pitch: float) -> None:
    history = GazeHistory()
    history.add_body(5, body)
    history.add_neck(5, neck_yaw, neck_pitch)
    gaze = history.at(5)
    assert abs(wrap_radians(gaze.yaw - body - neck_yaw)) < 1e-12
    assert gaze.pitch == neck_pitch
