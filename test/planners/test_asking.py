# SPDX-License-Identifier: Apache-2.0
"""What a model is shown: which turns, which picture, and that nothing is said twice otherwise."""

from __future__ import annotations

from collections.abc import Iterator
import itertools
import math
from pathlib import Path
from typing import Any

import cv2
from fault_server import FaultServer
import numpy as np
import pytest
import simplejpeg
import yaml

from hvs_ros.core.errors import InputError
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.profile import get_profile
from hvs_ros.core.renderer import encode_jpeg
from hvs_ros.core.search import SearchSession, Task
from hvs_ros.core.share import share_path
from hvs_ros.core.view import View
from hvs_ros.planners.asking import CONTEXTS, SHORTCUTS, Asking, Waits
from hvs_ros.planners.base import ChatOptions
from hvs_ros.planners.pictures import picture_of
from hvs_ros.planners.registry import PlannerContext, make_planner

WIDTH, HEIGHT = 320, 180


def view(seed: int = 0) -> View:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    pixels = np.stack([
        (columns * 255 // WIDTH), (rows * 255 // HEIGHT), np.full_like(rows, 40 * seed % 256)],
        axis=-1).astype(np.uint8)
    return View(encode_jpeg(pixels, 85), BenchmarkAngles(0, 0).to_gaze(), WIDTH, HEIGHT, 1.7)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    monkeypatch.delenv('OPENAI_API_KEY', raising=False)
    server = FaultServer()
    server.reply_of = lambda request: '<think>on</think><answer>rotate(20,0)</answer>'
    yield server
    server.stop()


def converse(server: FaultServer, turns: int, profile: str = 'strict', **wishes: Any) -> list:
    """Return the lines of a search of so many turns."""
    planner = make_planner(server.spec, context=PlannerContext(profile=profile, wishes=wishes))
    task = Task('x', 'object', 'Find the lamp')
    session = SearchSession(task, get_profile(profile), max_turns=100)
    search = planner.begin(task)
    for index in range(turns):
        session.decide(search.act(session.observe(view(index))))
    search.close()
    return session.turns


# -- context --------------------------------------------------------------------------------------
@pytest.mark.parametrize(('asking', 'shown'), [
    (Asking(), [1, 2, 3, 4, 5, 5, 5, 5]),
    (Asking(history_turns=1), [1] * 8),
    (Asking(context='two-round'), [1, 2, 2, 2, 2, 2, 2, 2]),
    (Asking(context='append'), [1, 2, 3, 4, 5, 6, 7, 8]),
    (Asking(context='append', most_images=4), [1, 2, 3, 4, 3, 4, 3, 4])])
def test_a_policy_shows_so_many_turns(asking: Asking, shown: list[int]) -> None:
    assert [turns - asking.first_shown(turns) for turns in range(1, 9)] == shown


def messages_on_the_wire(raw: bytes) -> bytes:
    """Return the bytes of the dialogue, without the bracket and the fields after it."""
    start = raw.index(b'"messages":[') + len(b'"messages":[')
    return raw[start:raw.index(b'],"frequency_penalty":')]


def test_append_says_what_was_said_before_in_the_same_bytes(server: FaultServer) -> None:
    converse(server, 10, context='append', image_width=160, image_quality=70)
    spoken = [messages_on_the_wire(raw) for raw in server.raw]
    for before, after in itertools.pairwise(spoken):
        assert after.startswith(before)
    assert [len(request['messages']) for request in server.requests] == [
        2 * turn for turn in range(1, 11)]


def test_other_policies_change_what_was_said_once_they_forget(server: FaultServer) -> None:
    converse(server, 7)
    spoken = [messages_on_the_wire(raw) for raw in server.raw]
    kept = [after.startswith(before) for before, after in itertools.pairwise(spoken)]
    assert kept == [True] * 4 + [False] * 2


def test_append_past_its_images_drops_half_of_them_at_once(server: FaultServer) -> None:
    converse(server, 9, context='append')
    assert len(server.requests[-1]['messages']) == 18
    server.requests.clear()
    planner = make_planner(server.spec, context=PlannerContext(
        asking=Asking(context='append', most_images=4)))
    task, profile = Task('x', 'object', 'Find it'), get_profile('strict')
    session, search = SearchSession(task, profile), planner.begin(task)
    for index in range(9):
        session.decide(search.act(session.observe(view(index))))
    search.close()
    counts = [str(request).count("'image_url': {") for request in server.requests]
    assert counts == [1, 2, 3, 4, 3, 4, 3, 4, 3]


# -- picture --------------------------------------------------------------------------------------
def test_a_view_is_sent_as_it_is_unless_asked_otherwise() -> None:
    seen = view()
    assert picture_of(seen, Asking()).content == seen.jpeg
    assert picture_of(seen, Asking(image_width=WIDTH)).content == seen.jpeg
    assert picture_of(seen, Asking(image_format='jpeg')).content == seen.jpeg


@pytest.mark.parametrize(('asking', 'size', 'words'), [
    (Asking(image_width=160), (160, 90), '160x90 JPEG quality 85'),
    (Asking(image_height=90), (160, 90), '160x90 JPEG quality 85'),
    (Asking(image_width=100, image_height=100), (100, 100), '100x100 JPEG quality 85'),
    (Asking(image_quality=40), (WIDTH, HEIGHT), f'{WIDTH}x{HEIGHT} JPEG quality 40'),
    (Asking(image_width=640), (640, 360), '640x360 JPEG quality 85')])
def test_a_picture_has_the_size_and_quality_asked_for(
        asking: Asking, size: tuple[int, int], words: str) -> None:
    picture = picture_of(view(), asking)
    assert picture.words == words
    height, width = simplejpeg.decode_jpeg_header(picture.content)[:2]
    assert (width, height) == size


def test_a_png_has_the_very_pixels_of_the_view() -> None:
    seen = view()
    picture = picture_of(seen, Asking(image_format='png'))
    assert picture.content.startswith(b'\x89PNG') and 'PNG' in picture.words
    pixels = cv2.imdecode(np.frombuffer(picture.content, np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(pixels, simplejpeg.decode_jpeg(seen.jpeg, 'BGR'))


def test_a_turn_tells_what_its_model_was_shown(server: FaultServer) -> None:
    turns = converse(server, 2, image_width=160, image_format='png')
    for turn in turns:
        assert turn.decision.image_sent == '160x90 PNG' and turn.decision.image_bytes > 1000
    assert 'data:image/png;base64' in str(server.requests[0])


# -- shortcuts ------------------------------------------------------------------------------------
@pytest.mark.parametrize('profile', ['published-2025', 'published-2026'])
def test_no_shortcut_is_taken_under_a_published_profile(
        server: FaultServer, profile: str) -> None:
    server.honours = 'structured_outputs'
    server.reply_of = lambda request: 'no action at all</answer>'
    turns = converse(server, 2, profile, **dict.fromkeys(SHORTCUTS, True))
    assert len(server.requests) == 2, 'nothing is tried, nothing asked again'
    assert {turn.decision.shortcut for turn in turns} == {''}
    sent = {field for request in server.requests for field in request}
    assert sent == {'messages', 'model', *ChatOptions().parameters()}


def test_on_robots_all_of_them_are_taken_and_told(server: FaultServer) -> None:
    server.honours = 'structured_outputs'
    words = iter(['no action at all', '<think>now</think><answer>submit(1,1)</answer> and on'])
    server.reply_of = lambda request: next(words)
    planner = make_planner(server.spec, context=PlannerContext(
        profile='strict', wishes=dict.fromkeys(SHORTCUTS, True)))
    assert planner.name == f'{server.spec} with structured output, early stop, reask'
    turn = converse(server, 1, **dict.fromkeys(SHORTCUTS, True))[0]
    assert turn.valid and turn.decision.shortcut == 'early stop, reask'
    asked_again = server.requests[-1]['messages']
    assert [message['role'] for message in asked_again[-2:]] == ['assistant', 'user']
    assert 'not a valid action' in str(asked_again[-1]) and 'image_url' not in str(asked_again[-1])


@pytest.mark.parametrize(('deployment', 'on'), [
    ('robot', True), ('simulation', True), ('replay', False)])
def test_robots_take_them_and_benchmarks_do_not(deployment: str, on: bool) -> None:
    content = yaml.safe_load(share_path(f'config/{deployment}.yaml').read_text())
    found = content['/**/search_planner']['ros__parameters']
    assert {name: found.get(name) for name in ('stream', *SHORTCUTS)} == dict.fromkeys(
        ('stream', *SHORTCUTS), 'always' if on else None)


def test_half_a_character_can_be_said_again(server: FaultServer) -> None:
    server.reply_of = lambda request: '\ud83d <think>?</think><answer>rotate(1,0)</answer>'
    turns = converse(server, 2)
    assert turns[0].decision.reply.startswith('\ud83d')
    assert '\ufffd <think>' in server.requests[1]['messages'][2]['content'][0]['text']


# -- wishes ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(('wish', 'says'), [
    ({'context': 'all'}, f"'context' must be one of {', '.join(CONTEXTS)}"),
    ({'image_width': 5000}, "'image_width' must be 0 to 4096"),
    ({'image_quality': True}, "'image_quality' must be"),
    ({'image_format': 'gif'}, "'image_format' must be one of jpeg, png"),
    ({'stream': 'yes'}, "'stream' must be true or false"),
    ({'magic': 1}, "unknown field 'magic'")])
def test_a_wish_that_cannot_be_granted_is_refused(wish: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError) as caught:
        Asking().with_wishes(wish, 'here')
    assert says in str(caught.value) and str(caught.value).startswith('here')


def test_what_is_set_by_hand_wins_over_the_planner_file(
        server: FaultServer, tmp_path: Path) -> None:
    file = tmp_path / 'mine.yaml'
    file.write_text(f"""
planner: {server.spec}
context: append
most_images: 8
image: {{width: 640, format: png}}
chat: {{max_tokens: 64, omit: [seed], extra: {{top_k: 1}}}}
reply: {{stream: true, early_stop: true}}
waits: {{connect: 2, first_token: 9}}
""")
    planner = make_planner(str(file), context=PlannerContext(
        profile='strict', wishes={'image_width': 320, 'early_stop': False}))
    assert planner.asking == Asking(
        context='append', most_images=8, image_width=320, image_format='png', stream=True)
    search = planner.begin(Task('x', 'object', 'Find it'))
    session = SearchSession(Task('x', 'object', 'Find it'), get_profile('strict'))
    session.decide(search.act(session.observe(view())))
    search.close()
    request = server.requests[0]
    assert (request['max_tokens'], request['top_k'], request['stream']) == (64, 1, True)
    assert 'seed' not in request and '320x180 PNG' in session.turns[0].decision.image_sent


@pytest.mark.parametrize(('line', 'says'), [
    ('context: all', "'context' must be one of"), ('image: {size: 3}', "'image.size'"),
    ('image: 5', "'image' must be a mapping"), ('reply: {stream: 1}', "'stream' must be true"),
    ('waits: {connect: -1}', "'waits.connect' must be"), ('waits: {never: 1}', "'waits.never'"),
    ('chat: {omit: [messages]}', "'chat.omit' must list"),
    ('chat: {extra: 4}', "'chat.extra' must be a mapping"),
    ('key_from: sk-secret', "'key_from' must name"), ('most_images: 1', "'most_images'"),
    ('allow_remote_images: true', "unknown field 'allow_remote_images'")])
def test_a_planner_file_is_held_to_its_fields(tmp_path: Path, line: str, says: str) -> None:
    file = tmp_path / 'mine.yaml'
    file.write_text(f'planner: openai:m@http://127.0.0.1:1/v1\n{line}\n')
    with pytest.raises(InputError) as caught:
        make_planner(str(file))
    assert says in str(caught.value) and 'mine.yaml' in str(caught.value)
    assert 'sk-secret' not in str(caught.value)


def test_limits_of_the_command_line_win_over_a_files() -> None:
    assert Waits(connect=1.0).over(Waits(2.0, 3.0)) == Waits(1.0, 3.0, None)
    assert math.isfinite(Waits(connect=1.0).over(Waits()).connect or math.inf)
