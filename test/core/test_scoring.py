# SPDX-License-Identifier: Apache-2.0
"""Windows, both rules, the quirks between them, distances and chance."""

from __future__ import annotations

from itertools import product
import math

from hypothesis import given, settings
from hypothesis import strategies as st
import pytest

from hvs_ros.core.actions import Submit
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.profile import PROFILES
from hvs_ros.core.scoring import (
    Target,
    angular_errors,
    chance_rate,
    is_effective,
    published_success,
    published_window,
    quirks_that_matter,
    strict_success,
)

ROUND = Target('object', (340, 20), (-5, 5))
FULL = Target('object', (0, 360), (-20, 20))
PLAIN = Target('object', (100, 110), (-5, 5))
PATH = Target('path', (355, 4), None)
yaws = st.integers(0, 360).map(float) | st.floats(0, 360)
pitches = st.floats(-90, 90)
targets = st.one_of(
    st.builds(lambda yaw, ends: Target('object', yaw, (min(ends), max(ends))),
              st.tuples(yaws, yaws), st.tuples(pitches, pitches)),
    st.builds(lambda yaw: Target('path', yaw, None), st.tuples(yaws, yaws)))
poses = st.builds(BenchmarkAngles, st.integers(0, 359), st.integers(-90, 90))
answers = st.builds(Submit, st.integers(-400, 800), st.integers(-130, 130))


@pytest.mark.parametrize('target, window', [
    (PLAIN, ((75, 135), (-20, 20))),
    (ROUND, ((330, 30), (-20, 20))),
    (FULL, ((0, 0), (-20, 20))),
    (Target('object', (290, 360), (80, 88)), ((290, 0), (64, 90))),
    (Target('object', (20, 200.5), (-45, 30)), ((20, 200.5), (-45, 30))),
    (Target('object', (338.42, 2.98), (-0.23, 12.63)),
     ((320.70000000000005, 20.700000000000045), (-13.8, 26.2))),
    (PATH, ((349.5, 9.5), (-90, 90))),
])
def test_published_windows(target, window):
    assert published_window(target) == window


@pytest.mark.parametrize('target, answer, pose, quirks', [
    (PLAIN, Submit(105, 0), BenchmarkAngles(105, 0), ()),
    (PLAIN, Submit(105, 0), BenchmarkAngles(0, 0), ('Q2',)),
    (PLAIN, Submit(105, 95), BenchmarkAngles(105, 0), ('Q2',)),
    (ROUND, Submit(0, 80), BenchmarkAngles(0, 80), ('Q1',)),
    (ROUND, Submit(0, 80), BenchmarkAngles(0, 0), ()),
    (FULL, Submit(90, 0), BenchmarkAngles(90, 0), ('Q3',)),
    (ROUND, Submit(0, 80), BenchmarkAngles(180, 0), ('Q1', 'Q2')),
    (PATH, Submit(180, 0), BenchmarkAngles(0, 0), ('Q2',)),
])
def test_the_quirks_behind_a_difference(target, answer, pose, quirks):
    assert quirks_that_matter(target, answer, pose) == quirks


@settings(max_examples=300, derandomize=True, deadline=None)
@given(targets, answers, poses)
def test_quirks_are_named_exactly_where_the_rules_disagree(target, answer, pose):
    same = published_success(target, answer) == strict_success(target, pose)
    assert (quirks_that_matter(target, answer, pose) == ()) is same


@settings(max_examples=200, derandomize=True, deadline=None)
@given(targets)
def test_the_centre_of_a_target_succeeds_when_looked_at(target):
    assert strict_success(target, target.centre)


@settings(max_examples=200, derandomize=True, deadline=None)
@given(targets, poses)
def test_distances_fit_together(target, pose):
    errors = angular_errors(target, pose)
    assert 0 <= errors.window_yaw <= errors.centre_yaw + 1e-9
    assert errors.centre_yaw <= 180
    assert 0 <= errors.window_pitch <= errors.centre_pitch + 1e-9
    assert errors.window <= errors.centre + 1e-6
    assert errors.window <= errors.window_yaw + errors.window_pitch + 1e-6
    if errors.window_yaw == 0:
        assert errors.window == errors.window_pitch


def test_the_distance_to_a_window_is_that_to_its_nearest_point():
    target, pose = Target('object', (50, 80), (20, 60)), BenchmarkAngles(0, 50)
    here = pose.to_gaze()
    nearest = min(
        here.angle_to(BenchmarkAngles(50 + yaw / 10, 20 + pitch / 10).to_gaze())
        for yaw, pitch in product(range(0, 301, 10), range(401)))
    assert angular_errors(target, pose).window == pytest.approx(math.degrees(nearest), abs=0.01)


def test_distances_of_a_path_are_those_of_yaw():
    errors = angular_errors(PATH, BenchmarkAngles(14, 60))
    assert (errors.centre_yaw, errors.window_yaw) == (14.5, 10)
    assert (errors.centre, errors.window) == (pytest.approx(14.5), pytest.approx(10))
    assert errors.centre_pitch == errors.window_pitch == 0


@pytest.mark.parametrize('name', PROFILES)
@pytest.mark.parametrize('target', [PLAIN, ROUND, FULL, PATH, Target('path', (88, 95), None)])
def test_chance_is_the_share_of_whole_directions_that_succeed(name, target):
    hits = sum(
        PROFILES[name].succeeds(target, Submit(yaw, pitch), BenchmarkAngles(yaw, pitch))
        for yaw, pitch in product(range(360), range(-90, 91)))
    assert chance_rate(target, name) == pytest.approx(hits / (360 * 181), rel=1e-12)


@pytest.mark.parametrize('target, before, after, rule, wanted', [
    (PLAIN, (0, 0), (30, 0), 'published', True),
    (PLAIN, (30, 0), (30, 0), 'published', False),
    (PLAIN, (90, 0), (120, 0), 'published', False),
    (PLAIN, (0, 40), (0, 25), 'published', True),
    (ROUND, (200, 0), (340, 0), 'published', True),
    (FULL, (90, 0), (60, 0), 'published', True),
    (FULL, (90, 0), (60, 0), 'strict', False),
])
def test_what_brings_the_gaze_nearer(target, before, after, rule, wanted):
    assert is_effective(
        target, BenchmarkAngles(*before), BenchmarkAngles(*after), rule) is wanted
