# SPDX-License-Identifier: Apache-2.0
"""A goal is refused unless everything about it is right, and never executed twice."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from motion_fixtures import START_NS, offer
import pytest

from hvs_ros.core.gaze import Gaze
from hvs_ros.core.goal_gate import SECOND_NS, GoalGate

MS = SECOND_NS // 1000
ROLLED = (math.sin(0.01), 0.0, 0.0, math.cos(0.01))


@pytest.fixture
def gate() -> GoalGate:
    return GoalGate(goal_timeout=0.3, max_goal_age=1.0)


@pytest.mark.parametrize(('changes', 'reason'), [
    ({'frame': 'map'}, 'its frame is "map", not odom'),
    ({'frame': ''}, 'its frame is "", not odom'),
    ({'quaternion': (0.0, 0.0, 0.0, 0.0)}, 'the norm of its quaternion is 0, not 1'),
    ({'quaternion': (0.0, 0.0, 0.0, 1.02)}, 'the norm of its quaternion is 1.02, not 1'),
    ({'quaternion': (0.0, 0.0, 0.0, 0.98)}, 'the norm of its quaternion is 0.98, not 1'),
    ({'quaternion': (math.nan, 0.0, 0.0, 1.0)}, 'the norm of its quaternion is nan, not 1'),
    ({'quaternion': (math.inf, 0.0, 0.0, 1.0)}, 'the norm of its quaternion is inf, not 1'),
    ({'quaternion': ROLLED}, 'it is rolled'),
    ({'quaternion': Gaze(0.3, 2.0).quaternion()}, 'it is rolled'),
    ({'position': (math.nan, 0.0)}, 'its position is not a number'),
    ({'stamp_ns': START_NS + 501 * MS}, 'its stamp lies in the future'),
    ({'stamp_ns': START_NS - 1001 * MS}, 'it is too old'),
    ({'stamp_ns': 0}, 'it is too old'),
])
def test_a_wrong_goal_is_refused_by_name_and_never_stands(gate, changes, reason):
    assert gate.offer(START_NS, offer(**changes)) == reason
    assert gate.standing is None and gate.fresh(START_NS) is None


@pytest.mark.parametrize('changes', [
    {'stamp_ns': START_NS + 500 * MS}, {'stamp_ns': START_NS - 1000 * MS},
    {'quaternion': (0.0, 0.0, 0.0, 1.009)}, {'quaternion': (0.0, 0.0, 0.0, 0.991)},
    {'quaternion': (math.sin(0.004), 0.0, 0.0, math.cos(0.004))},
    {'quaternion': Gaze(2.0, math.pi / 2).quaternion()},
    {'quaternion': Gaze(-2.0, -math.pi / 2).quaternion()},
])
def test_a_goal_just_inside_every_bound_is_accepted(gate, changes):
    assert gate.offer(START_NS, offer(**changes)) == ''
    assert gate.fresh(START_NS) is not None


def test_a_goal_is_fresh_only_while_it_is_repeated(gate):
    gate.offer(START_NS, offer())
    assert gate.fresh(START_NS + 299 * MS)
    assert gate.fresh(START_NS + 300 * MS) is None
    assert gate.offer(START_NS + 5 * SECOND_NS, offer()) == ''
    assert gate.fresh(START_NS + 5 * SECOND_NS + 299 * MS)


def test_a_finished_goal_is_never_executed_again(gate):
    gate.offer(START_NS, offer())
    gate.finish()
    assert gate.offer(START_NS + 100 * MS, offer()) == ''
    assert gate.fresh(START_NS + 100 * MS) is None
    assert gate.offer(START_NS + 200 * MS, offer(stamp_ns=START_NS + 200 * MS)) == ''
    assert gate.fresh(START_NS + 200 * MS)


@pytest.mark.parametrize(('first', 'second', 'reason'), [
    ('gaze', 'gaze', 'its stamp is before that of the last goal'),
    ('heading', 'gaze', 'its stamp is before that of the last goal'),
    ('gaze', 'heading', 'its stamp is before that of the last goal'),
])
def test_a_goal_stamped_before_the_last_one_is_refused(gate, first, second, reason):
    gate.offer(START_NS, offer(first))
    assert gate.offer(START_NS, offer(second, stamp_ns=START_NS - 1)) == reason
    assert gate.standing.kind == first


def test_one_stamp_cannot_name_two_goals_of_a_kind_but_a_heading_ends_a_gaze(gate):
    gate.offer(START_NS, offer())
    assert gate.offer(START_NS, offer(gaze=Gaze(0.6, 0.1))) == (
        'its stamp belongs to a different goal')
    assert gate.offer(START_NS, offer('heading')) == ''
    assert gate.offer(START_NS, offer()) == 'its stamp is before that of the last goal'


def test_goals_stamped_before_the_enable_are_never_executed(gate):
    gate.offer(START_NS, offer())
    gate.refuse_before(START_NS + MS)
    assert gate.fresh(START_NS + MS) is None
    for goal in (offer(), offer('heading', stamp_ns=START_NS + MS - 1)):
        assert 'before the body was enabled' in gate.offer(START_NS + 2 * MS, goal)
    assert gate.fresh(START_NS + 2 * MS) is None
    assert gate.offer(START_NS + 2 * MS, offer(stamp_ns=START_NS + MS)) == ''


def test_time_that_ran_backwards_lets_earlier_stamps_in_again(gate):
    gate.offer(START_NS, offer())
    earlier = START_NS - 60 * SECOND_NS
    assert gate.offer(earlier, offer(stamp_ns=earlier))
    gate.forget(earlier)
    assert gate.fresh(earlier) is None
    assert gate.offer(earlier, offer(stamp_ns=earlier)) == ''


@given(st.lists(st.tuples(
    st.sampled_from(['gaze', 'heading']), st.integers(-2000, 2000), st.integers(0, 300),
    st.booleans()), max_size=30))
def test_stamps_of_standing_goals_never_go_back_and_finished_ones_stay_finished(events):
    gate, now, finished, last = GoalGate(0.3, 1.0), START_NS, set(), 0
    for kind, stamp_ms, wait_ms, finish in events:
        now += wait_ms * MS
        gate.offer(now, offer(kind, stamp_ns=START_NS + stamp_ms * MS))
        goal = gate.fresh(now)
        if goal is not None:
            assert goal.stamp_ns >= last
            assert goal.stamp_ns <= now + SECOND_NS // 2
            assert (goal.kind, goal.stamp_ns) not in finished
            last = goal.stamp_ns
            if finish:
                gate.finish()
                finished.add((goal.kind, goal.stamp_ns))
