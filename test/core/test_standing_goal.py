# SPDX-License-Identifier: Apache-2.0
"""Rule 4 of a search: which view answers the standing goal, and when to ask again."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
import pytest

from hvs_ros.core.gaze import Gaze
from hvs_ros.core.standing_goal import SECOND_NS, GoalPatience, StandingGoal

PATIENCE = GoalPatience(settle_tolerance=0.02, arrive_timeout=3.0, view_timeout=5.0, asks=3)
T0 = 100 * SECOND_NS


def standing(yaw: float = 1.0) -> StandingGoal:
    goal = StandingGoal(PATIENCE)
    goal.stand(Gaze(yaw, 0.2), T0)
    return goal


@pytest.mark.parametrize(('age_s', 'gaze', 'accepted'), [
    (0.0, Gaze(1.0, 0.2), True),
    (2.0, Gaze(1.019, 0.181), True),
    (2.0, Gaze(1.021, 0.2), False),
    (2.0, Gaze(1.0, 0.221), False),
    (-1e-9, Gaze(1.0, 0.2), False),
    (-4.0, Gaze(1.0, 0.2), False),
    (2.999, Gaze(-2.0, 0.0), False),
    (3.0, Gaze(-2.0, 0.0), True),
    (1.0, Gaze(1.0 + 2 * math.pi, 0.2), True),
    (1.0, Gaze(math.nan, 0.2), False),
], ids=['at once', 'within tolerance', 'yaw off', 'pitch off', 'older by a nanosecond', 'older',
        'elsewhere and early', 'elsewhere and out of reach', 'a full turn on', 'not a number'])
def test_a_view_is_taken_by_its_stamp_and_its_gaze(
        age_s: float, gaze: Gaze, accepted: bool) -> None:
    assert standing().accepts(T0 + round(age_s * 1e9), gaze) is accepted


def test_both_sides_of_the_seam_are_near_each_other() -> None:
    assert standing(math.pi - 0.005).accepts(T0, Gaze(-math.pi + 0.005, 0.2))


def test_a_lost_view_is_asked_for_three_times_and_then_given_up() -> None:
    goal, now, said = standing(), T0, []
    for _ in range(8):
        now += 5 * SECOND_NS
        said.append(goal.overdue(now))
        if said[-1] == 'ask again':
            goal.ask_again(now)
    assert said == ['ask again'] * 3 + ['lost'] * 5


@pytest.mark.parametrize(('waited_s', 'verdict'), [(4.999, 'no'), (5.0, 'ask again')])
def test_patience_ends_at_the_view_timeout(waited_s: float, verdict: str) -> None:
    assert standing().overdue(T0 + round(waited_s * 1e9)) == verdict


def test_asking_again_keeps_the_gaze_and_refuses_what_was_seen_before() -> None:
    goal = standing()
    goal.ask_again(T0 + 5 * SECOND_NS)
    assert goal.gaze == Gaze(1.0, 0.2)
    assert not goal.accepts(T0 + 1, goal.gaze)


def test_the_next_goal_is_asked_for_anew() -> None:
    goal = standing()
    goal.ask_again(T0 + 1)
    goal.stand(Gaze(0.0, 0.0), T0 + 2)
    assert goal.asked == 0


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 2**62)), max_size=30))
def test_an_identity_never_repeats_whatever_the_clock_says(
        steps: list[tuple[bool, int]]) -> None:
    goal, stamps = StandingGoal(PATIENCE), [0]
    for again, now_ns in steps:
        goal.ask_again(now_ns) if again else goal.stand(Gaze(0.0, 0.0), now_ns)
        stamps.append(goal.stamp_ns)
    assert stamps == sorted(set(stamps))
