# SPDX-License-Identifier: Apache-2.0
"""One changed rule for each row of the branch table: the suite must notice every one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
import math
import re
from typing import Any

import pytest

from hvs_ros.core import actions, conformance, profile, scoring
from hvs_ros.core.actions import Invalid, Rotate, Submit
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.search import SearchSession

Patch = pytest.MonkeyPatch
Mutation = Callable[[Patch], None]
MUTATIONS: dict[str, Mutation] = {}


def mutates(row: str) -> Callable[[Mutation], Mutation]:
    def keep(mutation: Mutation) -> Mutation:
        assert row not in MUTATIONS
        MUTATIONS[row] = mutation
        return mutation
    return keep


def swap(row: str, module: Any, name: str, value: Any) -> None:
    """Register the plain exchange of one constant or function."""
    MUTATIONS[row] = lambda patch: patch.setattr(module, name, value)


def wrap(row: str, module: Any, name: str, change: Callable[..., Any]) -> None:
    """Register a function that calls the one it replaces: ``change(real, *arguments)``."""
    real = getattr(module, name)
    swap(row, module, name, lambda *args, **named: change(real, *args, **named))


def set_parser(row: str, name: str, parser: Any) -> None:
    MUTATIONS[row] = lambda patch: patch.setitem(actions.PARSERS, name, parser)


def from_last(tag: str, text: str) -> str:
    """Return the text from the last such tag on."""
    return text[max(0, text.rfind(tag)):]


# Texts of the published parsers.
swap('T1', actions, 'IMAGE_TAG', '<picture>')
swap('T2', actions, 'ANSWER_TAGS', ())
swap('T3', actions, 'ACTION_SEPARATOR', ';')
wrap('T4', actions, 'split_actions', lambda real, content: real(content)[::-1])
swap('T5', actions, 'split_actions', lambda content: tuple(
    part.strip() for part in content.split('|')))
wrap('T6', actions, 'published_action', lambda real, text: real(text.lower()))
wrap('T8', actions, 'strip_parentheses',
     lambda real, text: text.replace('(', '').replace(')', ''))
swap('T9', actions, 'split_actions', lambda content: tuple(
    part for part in content.split('|') if part.strip()))
wrap('T10', actions, 'published_action',
     lambda real, text: Invalid('') if text.count(',') > 1 else real(text))
set_parser('T12', 'published-2025', actions.PARSERS['published-2026'])
wrap('T13', actions, 'tagged', lambda real, text, form: real(
    text, 'no_think' if form == 'free_think' else form))
wrap('T14', actions, 'lenient',
     lambda real, text: real(text) if actions.is_whole(text, 'free_think') else None)
wrap('T15', actions, 'lenient', lambda real, text: real(text.strip()))
swap('T16', actions, 'lenient', lambda text: actions.tagged(text, 'no_think'))
wrap('T17', actions, 'lenient', lambda real, text: real(from_last('<answer>', text)))
wrap('T25', actions, 'tagged', lambda real, text, form: real(
    from_last('<answer>' if form == 'no_think' else '<think>', text), form))
wrap('T18', actions, 'is_whole', lambda real, text, form: form == 'no_think' or real(text, form))
wrap('T19', actions, 'tagged', lambda real, text, form: actions.lenient(text))
set_parser('T20', 'published-2026', actions.PARSERS['published-2025'])
wrap('T21', actions, '_published',
     lambda real, blocks, correct, **rest: replace(real(blocks, correct, **rest), wasted=False))
wrap('T22', actions, 'is_whole',
     lambda real, text, form: text == text.strip() and real(text, form))
swap('T24', actions, 'FAR_BEYOND', 0)


@mutates('T7')
def decimal_numbers(patch: Patch) -> None:
    def number(text: str) -> int:
        value = float(text)
        if not math.isfinite(value):
            raise ValueError(text)
        return int(value)
    patch.setattr(actions, 'published_number', number)


@mutates('T11')
def plain_numbers(patch: Patch) -> None:
    def number(text: str) -> int:
        if not re.fullmatch(r'\s*-?\d+\s*', text, re.ASCII):
            raise ValueError(text)
        return int(text)
    patch.setattr(actions, 'published_number', number)


@mutates('T23')
def tight_joints(patch: Patch) -> None:
    tight = {name: tuple(joint.replace(r'\s*', '') for joint in joints)
             for name, joints in actions.JOINTS.items()}
    patch.setattr(actions, 'JOINTS', tight)


# The course of a search.
def turned(yaw: Callable[[float], float], pitch: Callable[[float], float]) -> Any:
    return lambda self, dyaw, dpitch: BenchmarkAngles(
        yaw(self.yaw + dyaw), pitch(self.pitch + dpitch))


def clamped(pitch: float) -> float:
    return max(-90, min(90, pitch))


def after_decide(row: str, change: Callable[[SearchSession, Any], Any]) -> None:
    real = SearchSession.decide
    swap(row, SearchSession, 'decide',
         lambda self, decision: change(self, real(self, decision)))


def goes_where_it_says(session: SearchSession, turn: Any) -> Any:
    if isinstance(turn.action, Submit):
        return replace(turn, pose=BenchmarkAngles(turn.action.yaw, turn.action.pitch))
    return turn


def forgives(session: SearchSession, turn: Any) -> Any:
    if isinstance(turn.action, Invalid):
        session.max_turns += 1
        if session.result is not None and session.result.status == 'truncated':
            session.result = None
    return turn


@mutates('E7')
def other_feedback(patch: Patch) -> None:
    for name, rules in list(profile.PROFILES.items()):
        tells = not rules.tells_direction_after_invalid
        patch.setitem(profile.PROFILES, name, replace(rules, tells_direction_after_invalid=tells))


swap('E1', BenchmarkAngles, 'turned', turned(
    lambda yaw: yaw if abs(yaw) < 1e9 else yaw % 360, clamped))
swap('E2', BenchmarkAngles, 'turned', turned(lambda yaw: (yaw + 360) % 360, lambda pitch: pitch))
after_decide('E3', goes_where_it_says)
swap('E4', conformance, 'MAX_TURNS', 9)
swap('E5', conformance, 'MAX_TURNS', 11)
after_decide('E6', forgives)
swap('E8', conformance, 'SUCCESS_REWARD', 1.0)
swap('E9', scoring, '_to_ends', lambda value, window, distance: distance(value, window[0]))
swap('E10', scoring, '_yaw_distance', lambda a, b: abs(a - b))
swap('E11', BenchmarkAngles, 'turned', turned(lambda yaw: yaw % 360, clamped))

# Windows and the published rule.
swap('W1', scoring, 'OBJECT_HALF_YAW', 20)
swap('W2', scoring, 'PATH_HALF_YAW', 30)
swap('W3', scoring, 'HALF_PITCH', 10)
wrap('W4', scoring, 'pitch_window',
     lambda real, target: real(target) if target.pitch is None else (
         (lambda lo, hi: (min(lo, (lo + hi) / 2 - 20), max(hi, (lo + hi) / 2 + 20)))(
             *target.pitch)))
swap('W5', scoring, 'inside', lambda window, value: window[0] < value < window[1])
swap('W6', scoring, 'inside_wrapped', lambda window, yaw: yaw > window[0] or yaw < window[1])
swap('W7', scoring, 'yaw_window', lambda target: (
    scoring.circle(target.centre.yaw - scoring.half_yaw(target)),
    scoring.circle(target.centre.yaw + scoring.half_yaw(target))))
swap('W8', scoring, 'yaw_window', lambda target: (
    scoring.circle(min(target.yaw[0], sum(target.yaw) / 2 - scoring.half_yaw(target))),
    scoring.circle(max(target.yaw[1], sum(target.yaw) / 2 + scoring.half_yaw(target)))))
wrap('W9', scoring, 'yaw_fits', lambda real, target, yaw: 0 <= yaw < 360 and real(target, yaw))
swap('W10', scoring, 'circle', lambda angle: angle % 360)
wrap('W11', scoring, 'pitch_fits', lambda real, target, pitch: target.pitch is None or real(
    target, pitch))
swap('Q1', scoring, 'pitch_is_tested', lambda target: True)
swap('Q2', profile.Profile, 'succeeds', lambda self, target, answer, pose: (
    answer is not None and scoring.published_success(target, Submit(pose.yaw, pose.pitch))))
wrap('Q2b', scoring, 'published_success', lambda real, target, answer: real(
    target, Submit(answer.yaw, clamped(answer.pitch))))
swap('Q3', scoring, 'yaw_fits', lambda target, yaw: target.yaw_width >= 360 or (
    scoring.inside_wrapped if scoring.wraps(scoring.yaw_window(target)) else scoring.inside)(
        scoring.yaw_window(target), scoring.circle(yaw)))

# The strict profile.
swap('S1', actions, 'after_thought', lambda text: ('', text))
swap('S2', actions, 'last_answer', lambda text: (
    found.group(1) if (found := re.search('<answer>(.*?)</answer>', text, re.S)) else None))
wrap('S3', actions, 'after_thought',
     lambda real, text: real(text) if real(text) is None else (real(text)[0], text))
wrap('S4', actions, 'strict_action', lambda real, content: real(
    found.group() if (found := re.search(r'rotate\(.*?\)', content)) else content))
wrap('S5', actions, 'last_answer', lambda real, text: real(text) or '')
wrap('S6', actions, 'strict_action',
     lambda real, content: Invalid('') if content.lower() != content else real(content))
wrap('S7', actions, 'strict_action',
     lambda real, content: Invalid('') if ' ' in content.strip() else real(content))
wrap('S8', actions, 'strict_action',
     lambda real, content: Invalid('') if '=' in content else real(content))
swap('S9', actions, '_DECIMAL', re.compile(r'[+-]?\d+', re.ASCII))
swap('S10', actions, '_DECIMAL', re.compile(actions._DECIMAL.pattern, re.IGNORECASE))
wrap('S11', actions, 'strict_action', lambda real, content: real(content.replace('<image>', '')))
wrap('S12', actions, 'strict_action', lambda real, content: real(content.rstrip('.')))
wrap('S13', actions, 'after_thought', lambda real, text: real(text) or ('', text))
wrap('S14', actions, 'strict_action', lambda real, content: real(content.split('|')[0]))
swap('S15', actions, '_STRICT_ACTION', re.compile(
    actions._STRICT_ACTION.pattern.replace('°?', ''), re.IGNORECASE | re.ASCII))
swap('S16', profile.Profile, 'succeeds', lambda self, target, answer, pose: (
    answer is not None and scoring.strict_success(
        target, BenchmarkAngles(answer.yaw, answer.pitch))))
swap('S17', scoring, 'strict_success', lambda target, pose: scoring.published_success(
    target, Submit(pose.yaw, pose.pitch)) or (
        target.yaw_width >= 360 and scoring.pitch_fits(target, pose.pitch)))
swap('S18', scoring, 'strict_yaw_fits', scoring.yaw_fits)
swap('S19', scoring, 'pitch_window', lambda target: (-20, 20))
MUTATIONS['S20'] = lambda patch: patch.setattr(
    conformance, 'is_effective', lambda target, before, after, rule: scoring.is_effective(
        target, before, after, 'published'))
wrap('S21', actions, 'last_answer', lambda real, text: real(text.replace('<A', '<_')))
wrap('S22', actions, 'strict_action', lambda real, content: (
    Rotate(0, 0) if str(getattr(real(content), 'reason', '')).endswith('not finite')
    else real(content)))
