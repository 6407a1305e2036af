# SPDX-License-Identifier: Apache-2.0
"""Stale, NaN or jumping inputs are named, and only as long as they are wrong."""

from __future__ import annotations

import math

from motion_fixtures import START_NS, limits
import pytest

from hvs_ros.core.goal_gate import SECOND_NS
from hvs_ros.core.motion_inputs import (
    BodyPose,
    ClockWatch,
    Guards,
    JointWatch,
    OdometryWatch,
    nearest_ahead,
    shared_topics,
)

MS = SECOND_NS // 1000
HERE = BodyPose(0.0, 0.0, 0.0)


def hear(watch, at_ms, value):
    watch.hear(START_NS + at_ms * MS, START_NS + at_ms * MS, value)


@pytest.fixture
def joint() -> JointWatch:
    watch = JointWatch('head_yaw', 2.0, 0.3)
    hear(watch, 0, 0.1)
    return watch


@pytest.fixture
def odometry() -> OdometryWatch:
    watch = OdometryWatch(limits())
    hear(watch, 0, HERE)
    return watch


def test_a_joint_is_not_trusted_before_it_is_heard():
    assert JointWatch('head_yaw', 2.0, 0.3).problem(START_NS) == 'head_yaw is not heard yet'


@pytest.mark.parametrize(('heard', 'at_ms', 'problem'), [
    ([], 300, ''), ([], 301, 'head_yaw is stale'), ([], -1, 'head_yaw is stale'),
    ([(100, math.nan)], 110, 'head_yaw is not a number'),
    ([(100, math.inf)], 110, 'head_yaw is not a number'),
    ([(100, math.nan), (120, 0.1)], 130, ''),
    ([(20, 1.4)], 30, 'head_yaw jumped'),
    ([(20, 1.4), (200, 1.4), (400, 1.4)], 510, 'head_yaw jumped'),
    ([(20, 1.4), (300, 1.4)], 521, ''),
    ([(20, 0.3), (40, 0.5)], 50, ''),
    ([(250, 0.9)], 260, ''),
])
def test_what_a_joint_says_decides_whether_it_is_trusted(joint, heard, at_ms, problem):
    for when, position in heard:
        hear(joint, when, position)
    assert joint.problem(START_NS + at_ms * MS) == problem


def test_a_frozen_driver_that_keeps_talking_goes_stale(joint):
    for at_ms in range(20, 400, 20):
        joint.hear(START_NS + at_ms * MS, START_NS, 0.1)
    assert joint.problem(START_NS + 400 * MS) == 'head_yaw is stale'


def test_messages_without_a_stamp_are_taken_as_they_come():
    watch = JointWatch('head_yaw', 2.0, 0.3)
    for at_ms in range(0, 1000, 20):
        watch.hear(START_NS + at_ms * MS, 0, 0.1)
    assert watch.problem(START_NS + 1000 * MS) == ''


@pytest.mark.parametrize(('heard', 'at_ms', 'problem'), [
    ([], 301, 'odom is stale'),
    ([(100, BodyPose(math.nan, 0.0, 0.0))], 110, 'odom is not a number'),
    ([(100, BodyPose(0.0, 0.0, math.inf))], 110, 'odom is not a number'),
    ([(20, BodyPose(1.0, 0.0, 0.0))], 30, 'odom jumped'),
    ([(20, BodyPose(0.0, 0.0, 1.5))], 30, 'odom jumped'),
    ([(20, BodyPose(0.01, 0.0, 0.02))], 30, ''),
    ([(20, BodyPose(0.0, 0.0, math.pi - 0.1)), (40, BodyPose(0.0, 0.0, -math.pi + 0.1))], 50,
     'odom jumped'),
])
def test_what_odometry_says_decides_whether_it_is_trusted(odometry, heard, at_ms, problem):
    for when, pose in heard:
        hear(odometry, when, pose)
    assert odometry.problem(START_NS + at_ms * MS) == problem


def test_half_a_turn_back_is_no_jump():
    watch = OdometryWatch(limits())
    hear(watch, 0, BodyPose(0.0, 0.0, math.pi - 0.01))
    hear(watch, 20, BodyPose(0.0, 0.0, -math.pi + 0.01))
    assert watch.problem(START_NS + 20 * MS) == ''


@pytest.mark.parametrize('place_ms', [10, 30])
def test_an_initialpose_allows_one_jump_before_or_after_it(odometry, place_ms):
    events = sorted([(place_ms, None), (20, BodyPose(5.0, 0.0, 2.0))], key=lambda event: event[0])
    for when, pose in events:
        if pose is None:
            odometry.place(START_NS + when * MS)
        else:
            hear(odometry, when, pose)
    assert odometry.problem(START_NS + 40 * MS) == ''
    hear(odometry, 60, HERE)
    assert odometry.problem(START_NS + 60 * MS) == 'odom jumped'


def test_an_initialpose_is_not_saved_up_for_later(odometry):
    odometry.place(START_NS)
    for at_ms in range(20, 1001, 20):
        hear(odometry, at_ms, HERE)
    hear(odometry, 1020, BodyPose(5.0, 0.0, 0.0))
    assert odometry.problem(START_NS + 1020 * MS) == 'odom jumped'


def test_a_jump_nobody_announced_tells_once_when_it_was(odometry):
    hear(odometry, 20, BodyPose(5.0, 0.0, 0.0))
    assert odometry.lost_ns(START_NS + 519 * MS) is None
    assert odometry.lost_ns(START_NS + 520 * MS) == START_NS + 20 * MS
    assert odometry.lost_ns(START_NS + 540 * MS) is None


@pytest.mark.parametrize(('fed', 'reason'), [
    ([(0.0, 0), (0.49, 0)], ''),
    ([(0.0, 0), (0.5, 0)], 'ROS time stands still'),
    ([(0.0, 5), (0.4, 5), (0.6, 6)], ''),
    ([(0.0, 5), (0.6, 5), (0.7, 6)], ''),
    ([(0.0, 5), (0.1, 4)], 'ROS time ran backwards'),
    ([(0.0, 5), (0.1, 4), (0.2, 6)], 'ROS time ran backwards'),
    ([(0.0, 5), (0.1, 4), (0.2, 6), (0.6, 7)], ''),
])
def test_ros_time_must_neither_stand_still_nor_run_backwards(fed, reason):
    watch = ClockWatch()
    for steady_s, ros_ns in fed:
        said = watch.feed(steady_s, ros_ns)
    assert said == reason


@pytest.mark.parametrize(('heard', 'reason'), [
    (None, 'deadman is not heard'), ((-301, True), 'deadman is not heard'),
    ((-300, True), ''), ((0, False), 'deadman is released'),
])
def test_a_deadman_must_be_held_and_fresh(heard, reason):
    guards = Guards(limits(deadman=True))
    if heard:
        guards.hear_deadman(START_NS + heard[0] * MS, heard[1])
    assert guards.against_moving(START_NS) == reason


@pytest.mark.parametrize(('heard', 'reason'), [
    (None, 'obstacle is not heard'), ((-301, 9.0), 'obstacle is not heard'),
    ((0, 0.6), ''), ((0, 0.59), 'obstacle nearer than 0.6 m'),
    ((0, math.nan), 'obstacle nearer than 0.6 m'),
])
def test_a_walk_needs_a_fresh_scan_with_nothing_near(heard, reason):
    guards = Guards(limits(obstacle=True))
    if heard:
        guards.hear_obstacle(START_NS + heard[0] * MS, heard[1])
    assert guards.against_walking(START_NS) == reason


def test_guards_that_are_not_configured_say_nothing():
    guards = Guards(limits())
    assert guards.against_moving(START_NS) == guards.against_walking(START_NS) == ''


@pytest.mark.parametrize(('ranges', 'nearest'), [
    ([5.0, 2.0, 5.0, 1.0], 2.0),  # the last one lies behind
    ([5.0, 0.05, 5.0, 5.0], 5.0),  # below range_min
    ([math.inf, math.inf, math.inf, 0.2], math.inf),
    ([math.nan, math.nan, math.nan, 3.0], 0.0), ([], 0.0),
])
def test_only_valid_readings_ahead_count_and_a_blind_scan_is_near(ranges, nearest):
    assert nearest_ahead(ranges, -0.8, 0.8, 0.1) == nearest


@pytest.mark.parametrize(('publishers', 'said'), [
    ({'gaze_goal': ['/a'], 'heading_goal': ['/a']}, ''), ({}, ''),
    ({'gaze_goal': ['/b', '/a']}, 'gaze_goal has 2 publishers: /a, /b'),
    ({'gaze_goal': [], 'heading_goal': ['/a', '/a']}, 'heading_goal has 2 publishers: /a, /a'),
])
def test_two_publishers_of_a_goal_topic_are_named(publishers, said):
    assert shared_topics(publishers) == said
