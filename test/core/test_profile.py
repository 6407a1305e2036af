# SPDX-License-Identifier: Apache-2.0
"""Profiles by name, where the body faces after a submit, and which episodes carry over."""

from __future__ import annotations

import pytest

from hvs_ros.core.actions import Submit
from hvs_ros.core.errors import InputError
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.profile import PROFILES, get_profile, transferable
from hvs_ros.core.scoring import Target

OLD, NEW, STRICT = (PROFILES[name] for name in ('published-2025', 'published-2026', 'strict'))
TARGET = Target('object', (100, 110), (-5, 5))
GOOD = '<think>a</think><answer>rotate(3,0)</answer>'
DONE = '<think>a</think><answer>submit(3,0)</answer>'
LATE = '<think>a</think><answer>rotate(3,0)</answer> so'
DECIMAL = '<think>a</think><answer>rotate(3.5,0)</answer>'
WORDS = 'I look around'
AROUND = ('so <think><observation>o</observation><reasoning>r</reasoning></think>'
          '<answer>{}</answer>')


def test_an_unknown_profile_names_the_known_ones():
    with pytest.raises(InputError, match=r"'lax'.*published-2025, published-2026, strict"):
        get_profile('lax')


@pytest.mark.parametrize('profile, scored', [(OLD, 'answer'), (NEW, 'answer'), (STRICT, 'pose')])
def test_what_is_scored(profile, scored):
    on, off = BenchmarkAngles(105, 0), BenchmarkAngles(0, 0)
    assert profile.succeeds(TARGET, Submit(105, 0), off) is (scored == 'answer')
    assert profile.succeeds(TARGET, Submit(0, 0), on) is (scored == 'pose')
    assert not profile.succeeds(TARGET, None, on)


@pytest.mark.parametrize('answer, heading', [
    (Submit(-10, 5), BenchmarkAngles(350, 5)), (Submit(725, 95), BenchmarkAngles(5, 90)),
    (Submit(0, -10**9), BenchmarkAngles(0, -90))])
def test_the_published_heading_is_the_submitted_direction(answer, heading):
    pose = BenchmarkAngles(1, 2)
    assert NEW.heading(answer, pose) == heading
    assert STRICT.heading(answer, pose) == pose


@pytest.mark.parametrize('driving, other, replies, answer_format, wanted', [
    (NEW, OLD, [GOOD, DONE], 'free_think', True),
    (NEW, STRICT, [GOOD, DONE], 'free_think', True),
    (NEW, OLD, [LATE, DONE], 'free_think', False),
    (NEW, STRICT, [LATE, DONE], 'free_think', True),
    (NEW, OLD, [DECIMAL, DONE], 'free_think', True),
    (NEW, STRICT, [DECIMAL, DONE], 'free_think', False),
    (NEW, OLD, [WORDS, DONE], 'free_think', True),
    (NEW, STRICT, [WORDS, DONE], 'free_think', False),
    (STRICT, NEW, [WORDS], 'free_think', False),
    (NEW, STRICT, [None], 'free_think', False),
    (OLD, NEW, [AROUND.format('rotate(7,0)')], 'grounding', False),
    (OLD, NEW, [AROUND.format('turn')], 'grounding', False),
    (OLD, NEW, [], 'free_think', True),
    (OLD, OLD, [WORDS, GOOD], 'free_think', True),
])
def test_which_episodes_carry_over(driving, other, replies, answer_format, wanted):
    assert transferable(driving, other, replies, answer_format) is wanted
