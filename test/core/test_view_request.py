# SPDX-License-Identifier: Apache-2.0
"""Rule 3 of a search: each goal asks for one view, and when that may be captured."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import pytest

from hvs_ros.core.gaze import Gaze
from hvs_ros.core.view_request import (
    SECOND_NS,
    RestDetector,
    SettleRule,
    ViewRequest,
    ViewRequests,
)

RULE = SettleRule(settle_tolerance=0.02, settle_time=0.3, arrive_timeout=3.0)
GOAL = Gaze(0.5, 0.1)


def seconds(value: float) -> int:
    return round(value * SECOND_NS)


def rest(*samples: tuple[float, float]) -> RestDetector:
    """Feed (time in seconds, yaw) at the goal's pitch."""
    detector = RestDetector()
    for time_s, yaw in samples:
        detector.feed(seconds(time_s), Gaze(yaw, GOAL.pitch))
    return detector


@pytest.mark.parametrize(('samples', 'stamp_s', 'due_s'), [
    ([], 10.0, None),
    ([(1.0, 0.5), (20.0, 0.5)], 10.0, 10.0),
    ([(9.9, 0.5), (20.0, 0.5)], 10.0, 10.2),
    ([(10.0, 0.0), (10.5, 0.3), (11.0, 0.5), (12.0, 0.5)], 10.0, 11.3),
    ([(10.0, 0.0), (11.0, 0.5), (11.2, 0.51), (12.0, 0.51)], 10.0, 11.5),
    ([(10.0, 0.0), (11.0, 0.5), (12.0, 0.5019)], 10.0, 11.3),
    ([(10.0, 0.0), (11.0, 0.4), (12.0, 0.4)], 10.0, 13.0),
    ([(10.0, 0.0), (12.9, 0.4), (14.0, 0.4)], 10.0, 13.2),
], ids=['nothing measured', 'at rest there long before', 'at rest there just before',
        'after arriving', 'after the last twitch within tolerance', 'noise is no motion',
        'out of reach', 'out of reach, still moving at the timeout'])
def test_a_physical_view_is_due(
        samples: list[tuple[float, float]], stamp_s: float, due_s: float | None) -> None:
    due = ViewRequest(seconds(stamp_s), GOAL).due_settled(rest(*samples), RULE)
    assert due == (None if due_s is None else seconds(due_s))


def test_a_virtual_view_is_due_from_the_goal_on() -> None:
    assert ViewRequest(seconds(10.0), GOAL).due_virtual() == seconds(10.0)


def test_a_slow_drift_never_counts_as_rest() -> None:
    drifting = rest(*[(step * 0.02, step * 0.0005) for step in range(500)])
    assert drifting.until_ns - drifting.since_ns <= seconds(0.1)


def test_pitch_alone_is_motion_too() -> None:
    detector = RestDetector()
    detector.feed(seconds(1), Gaze(0.0, 0.0))
    detector.feed(seconds(2), Gaze(0.0, 0.1))
    assert detector.since_ns == seconds(2)


def test_time_that_runs_backwards_begins_a_new_rest() -> None:
    detector = rest((10.0, 0.5), (11.0, 0.5), (3.0, 0.5))
    assert (detector.since_ns, detector.until_ns) == (seconds(3), seconds(3))


def test_each_goal_is_served_once_however_often_it_is_repeated() -> None:
    requests = ViewRequests()
    served = []
    for stamp in (5, 5, 5, 7, 5, 7, 6, 9, 9):
        requests.goal(stamp, GOAL)
        if requests.open is not None:
            served.append(requests.open.stamp_ns)
            requests.serve(stamp)
    assert served == [5, 7, 9]


def test_an_older_goal_does_not_replace_the_one_that_waits() -> None:
    requests = ViewRequests()
    requests.goal(7, GOAL)
    requests.goal(5, Gaze(0.0, 0.0))
    assert requests.open is not None and requests.open.gaze == GOAL


def test_a_newer_goal_replaces_the_one_that_waits() -> None:
    requests = ViewRequests()
    requests.goal(5, Gaze(0.0, 0.0))
    requests.goal(7, GOAL)
    assert requests.open is not None and requests.open.gaze == GOAL


@given(st.lists(st.integers(0, 50), min_size=1))
def test_view_stamps_strictly_increase_whatever_the_captures_say(captures: list[int]) -> None:
    requests, stamps = ViewRequests(), []
    for number, capture in enumerate(captures):
        requests.goal(number, GOAL)
        stamps.append(requests.serve(capture))
    assert stamps == sorted(set(stamps))
    assert stamps[0] == captures[0]
