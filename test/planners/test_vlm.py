# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import hashlib
import json
from pathlib import Path
import re

import pytest

from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.profile import PROFILES
from hvs_ros.core.prompts import PromptError, load_prompts
from hvs_ros.core.search import Feedback, SearchSession, Task
from hvs_ros.core.view import View
from hvs_ros.planners.asking import Asking
from hvs_ros.planners.base import ChatOptions, Reply
from hvs_ros.planners.vlm import VlmPlanner

CAPTURED = Path(__file__).resolve().parents[3] / 'shared/parity/requests.json'
PACK = """
name: neutral
answer_format: free_think
system: {object: SYSTEM, path: "WAY {example}"}
first_turn: "before {turns_left}\\n{image}\\nafter {instruction} "
next_turn: "at {yaw} {pitch}\\n{image}\\nafter "
invalid_turn: "{image}wrong"
invalid_turn_told: "wrong: {reason}, at {yaw} {pitch}{image}  \\n"
example: EXAMPLE
"""


class Parrot:
    """Answer with the next line and keep what was asked."""

    name = 'parrot'
    options = ChatOptions()

    def __init__(self, lines):
        self.lines, self.asked, self.closed = list(lines), [], False

    def complete(self, messages):
        self.asked.append(messages)
        return Reply(self.lines.pop(0), 'length', 'parrot-1', 5, 2, 'cafe')

    def close(self):
        self.closed = True


@pytest.fixture
def pack(tmp_path):
    def make(text=PACK):
        file = tmp_path / 'pack.yaml'
        file.write_text(text)
        return load_prompts(file)
    return make


def converse(prompts, lines, profile='published-2026', history_turns=5, instruction='Find it'):
    parrot = Parrot(lines)
    asking = Asking(history_turns=history_turns)
    planner = VlmPlanner(lambda: parrot, prompts, name='p', asking=asking)
    task = Task('x', 'object', instruction)
    session, search = SearchSession(task, PROFILES[profile]), planner.begin(task)
    for index in range(len(lines)):
        view = View(f'view {index}'.encode(), session.goal.to_gaze(), 1920, 1080, 1.745)
        decision = search.act(session.observe(view))
        session.decide(decision)
    return parrot, session


def texts(message):
    return [part for part in message.parts if isinstance(part, str)]


def test_the_dialogue_has_the_structure_of_the_captured_one(pack):
    if not CAPTURED.is_file():
        pytest.skip('../shared/parity/requests.json is not there')
    answers = [f'<think>t{k}</think><answer>rotate({k},0)</answer>' for k in range(7)]
    turn = 'before {turns_left}\\n{image}\\nafter {turns_left} '
    text = PACK.replace('before {turns_left}\\n{image}\\nafter {instruction} ', turn).replace(
        'at {yaw} {pitch}\\n{image}\\nafter ', turn)
    parrot, _ = converse(pack(text), answers)
    for captured in json.loads(CAPTURED.read_text()):
        asked = parrot.asked[captured['turn'] - 1]
        assert [m.role for m in asked] == [m['role'] for m in captured['messages']]
        for mine, theirs in zip(asked, captured['messages'], strict=True):
            assert [_captured_part(part) for part in mine.parts] == [
                part.get('text', part.get('image_url', {}).get('view'))
                for part in theirs['content']]
        assert ChatOptions().parameters() == captured['parameters']


def _captured_part(part):
    """Return a part as the capture names it: its texts number the turns, ours those left."""
    if isinstance(part, bytes):
        return int(part.split()[1])
    return re.sub(r'(before|after) (\d+)', lambda m: f'{m[1]} {10 - int(m[2])}', part)


@pytest.mark.parametrize(('history_turns', 'sizes'), [
    (5, [2, 4, 6, 8, 10, 10, 10]), (1, [2] * 7), (2, [2, 4, 4, 4, 4, 4, 4])])
def test_the_context_is_the_latest_observations(pack, history_turns, sizes):
    answers = ['<think>t</think><answer>rotate(1,0)</answer>'] * 7
    parrot, _ = converse(pack(), answers, history_turns=history_turns)
    assert [len(messages) for messages in parrot.asked] == sizes
    assert all(m[0].role == 'system' and m[-1].role == 'user' for m in parrot.asked)


def test_answers_stand_in_the_dialogue_verbatim(pack):
    parrot, session = converse(pack(), [' <answer>nonsense ', 'x', 'y'])
    assert [m.parts for m in parrot.asked[2] if m.role == 'assistant'] == [
        [' <answer>nonsense '], ['x']]
    decision = session.turns[0].decision
    assert (decision.finish_reason, decision.model, decision.prompt_tokens,
            decision.request_sha256) == ('length', 'parrot-1', 5, 'cafe')


@pytest.mark.parametrize(('profile', 'said'), [
    ('published-2026', ['wrong']), ('strict', ['wrong: '])])
def test_an_invalid_answer_is_told_as_the_profile_does(pack, profile, said):
    parrot, _ = converse(pack(), ['nonsense', 'nonsense'], profile)
    assert texts(parrot.asked[1][-1])[0].startswith(said[0])
    assert ('at 0 0' in texts(parrot.asked[1][-1])[0]) == (profile == 'strict')


def test_earlier_turns_are_told_again_as_they_were(pack):
    parrot, _ = converse(pack(), ['bad', '<think>t</think><answer>rotate(30,0)</answer>', 'z'])
    told = [[m.parts for m in asked if m.role == 'user'] for asked in parrot.asked]
    assert told[1][:1] == told[0]
    assert told[2][:2] == told[1]


def test_an_instruction_cannot_bring_an_image_or_a_placeholder(pack):
    parrot, _ = converse(pack(), ['a'], instruction='{image} {yaw} <image>')
    assert texts(parrot.asked[0][-1])[1] == '\nafter {image} {yaw} <image> '
    assert sum(isinstance(part, bytes) for part in parrot.asked[0][-1].parts) == 1


def test_blank_parts_are_dropped_and_white_space_is_kept(pack):
    parts = pack().turn_parts(
        Task('x', 'path', 'Go'), BenchmarkAngles(37.5, -3), Feedback(False, None), b'jpeg', 3)
    assert parts == [b'jpeg', 'wrong']
    parts = pack().turn_parts(Task('x', 'path', 'Go'), BenchmarkAngles(37.5, -3),
                              Feedback(False, BenchmarkAngles(37.5, -3), 'no action'), b'jpeg', 3)
    assert parts == ['wrong: no action, at 37.5 -3', b'jpeg']


@pytest.mark.parametrize('kind', ['object', 'path'])
def test_the_default_pack_speaks_the_grammar_that_every_profile_accepts(kind):
    pack = load_prompts()
    system = pack.system_text(Task('x', kind, 'Find it'))
    assert '{' not in system
    for line in pack.example.splitlines():
        if line.startswith('<think>'):
            assert all(type(profile.parse(line, pack.answer_format).action).__name__ != 'Invalid'
                       for profile in PROFILES.values()), line
    assert len(pack.sha256) == len(hashlib.sha256().hexdigest())


@pytest.mark.parametrize(('old', 'new', 'says'), [
    ('free_think', 'chatty', "'answer_format' must be one of"),
    ('{image}wrong', 'wrong', "'invalid_turn' must hold {image} exactly once"),
    ('{image}wrong', '{image}{image}', 'exactly once'),
    ('at {yaw} {pitch}\\n', '{target}', 'unknown placeholder {target}'),
    ('SYSTEM', '', "'system.object' must be a text"),
    ('example: EXAMPLE', '', "'example' must be a text"),
    ('example: EXAMPLE', 'example: E\nextra: 1', "unknown field 'extra'"),
    ('{object: SYSTEM, path: "WAY {example}"}', 'S', "'system' must hold"),
    (PACK, '- 1', 'holds a mapping'), (PACK, 'a: [', 'not a readable prompt pack'),
])
def test_a_broken_pack_is_refused_by_file_and_field(pack, old, new, says):
    with pytest.raises(PromptError) as caught:
        pack(PACK.replace(old, new, 1))
    assert says in str(caught.value)
    assert 'pack.yaml' in str(caught.value)


@pytest.mark.parametrize('name', ['chatty', 'no/such', 'x' * 5000, ''])
def test_an_unknown_pack_is_told_with_those_there_are(name):
    with pytest.raises(PromptError, match=r'unknown prompt pack .*default, grounding, no_think'):
        load_prompts(name)
