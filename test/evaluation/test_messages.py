# SPDX-License-Identifier: Apache-2.0
"""The payloads of turns and results: through JSON and back, wrong ones named."""

from __future__ import annotations

import json

from hypothesis import given, settings, strategies
import pytest

from hvs_ros.core.actions import Action, Invalid, Rotate, Submit
from hvs_ros.core.gaze import BenchmarkAngles, Gaze
from hvs_ros.core.messages import (
    MessageError,
    ResultLine,
    TurnLine,
    action_from_dict,
    action_to_dict,
    result_line,
    turn_line,
)
from hvs_ros.core.profile import get_profile
from hvs_ros.core.search import Decision, SearchSession, Task
from hvs_ros.core.view import View

TASK = Task('hos/a/0/90', 'object', 'Find it', BenchmarkAngles(90, 0))
VIEW = View(b'jpeg', Gaze(0.0, 0.0), 4, 2, 1.0, 17)


def search(*replies: str) -> SearchSession:
    session = SearchSession(TASK, get_profile('published-2026'))
    for reply in replies:
        session.observe(VIEW)
        session.decide(Decision(reply, model='m', prompt_tokens=5, finish_reason='length'))
    return session


ROTATE = '<think>left</think><answer>rotate(-30,10)</answer>'
SUBMIT = '<think>there</think><answer>submit(400,-95)</answer>'


def test_a_search_is_told_turn_by_turn() -> None:
    session = search(ROTATE, 'no idea', SUBMIT)
    lines = [turn_line(TASK, turn) for turn in session.turns]
    assert [line.action['type'] for line in lines] == ['rotate', 'invalid', 'submit']
    assert [line.gaze_told for line in lines] == [[90, 0], [60, 10], [60, 10]]
    assert lines[0].gaze_after == [60, 10] and lines[0].view_stamp == 17
    assert lines[0].tokens == {'prompt': 5, 'completion': 0}
    assert session.result is not None
    end = result_line(TASK, 'published-2026', session.result, 'p')
    assert (end.answer, end.gaze, end.turns, end.status) == ([400, -95], [60, 10], 3, 'submitted')


@settings(max_examples=60, derandomize=True, deadline=None)
@given(strategies.text(strategies.characters(codec=None)))
def test_any_reply_survives_json(reply: str) -> None:
    line = turn_line(TASK, search(reply).turns[0])
    assert TurnLine.from_json(line.to_json()) == line
    line.to_json().encode('ascii')


@pytest.mark.parametrize('action', [
    Rotate(1, -2), Submit(359.5, 90), Invalid('two actions'), Rotate(10 ** 400, 0)])
def test_actions_survive(action: Action) -> None:
    assert action_from_dict(json.loads(json.dumps(action_to_dict(action)))) == action


def test_unknown_keys_are_ignored_and_later_fields_have_defaults() -> None:
    end = result_line(TASK, 'strict', search(SUBMIT).result)  # type: ignore[arg-type]
    payload = {**end.to_dict(), 'colour': 'blue'}
    del payload['planner']
    assert ResultLine.from_dict(payload) == end


@pytest.mark.parametrize('change, field', [
    ({'id': None}, 'id'), ({'index': -1}, 'index'), ({'valid': 1}, 'valid'),
    ({'gaze_told': [1]}, 'gaze_told'), ({'gaze_told': [1, float('nan')]}, 'gaze_told'),
    ({'action': {'type': 'fly'}}, 'action'), ({'action': None}, 'action'),
    ({'tokens': {'prompt': 'many'}}, 'tokens'), ({'latency_s': '1'}, 'latency_s')])
def test_a_wrong_field_is_named(change: dict[str, object], field: str) -> None:
    payload = {**turn_line(TASK, search(ROTATE).turns[0]).to_dict(), **change}
    with pytest.raises(MessageError, match=f'"{field}"'):
        TurnLine.from_dict(payload)


@pytest.mark.parametrize('text', ['', '{', '[]', 'null', '{}', '[' * 100000])
def test_what_is_no_payload_is_one_sentence(text: str) -> None:
    with pytest.raises(MessageError):
        ResultLine.from_json(text)
