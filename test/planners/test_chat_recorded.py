# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from hvs_ros.core.errors import InputError
from hvs_ros.planners.base import (
    ChatMessage,
    ChatOptions,
    PlannerUnavailable,
    Reply,
    request_sha256,
)
from hvs_ros.planners.chat_openai import OpenAiChat, Server
from hvs_ros.planners.chat_recorded import RecordedChat, Recording
from hvs_ros.planners.registry import PlannerContext, make_planner


def question(text, image=b'jpeg'):
    return [ChatMessage('user', [text, image])]


def record(path, server, messages, options=None):
    chat = RecordedChat(
        Recording(path, must_exist=False), OpenAiChat(Server('m', server.url), options))
    try:
        return chat.complete(messages)
    finally:
        chat.close()


def test_a_recorded_conversation_plays_back_without_its_server(tmp_path, chat_server):
    live = record(tmp_path / 'r.sqlite', chat_server, question('a'))
    again = RecordedChat(Recording(tmp_path / 'r.sqlite', must_exist=True)).complete(question('a'))
    assert again == live
    assert len(chat_server.requests) == 1


def test_what_is_recorded_is_not_asked_again(tmp_path, chat_server):
    for _ in range(2):
        record(tmp_path / 'r.sqlite', chat_server, question('a'))
    assert len(chat_server.requests) == 1


@pytest.mark.parametrize('other', [question('b'), question('a', b'other')])
def test_another_text_or_image_is_another_request(tmp_path, chat_server, other):
    record(tmp_path / 'r.sqlite', chat_server, question('a'))
    chat = RecordedChat(Recording(tmp_path / 'r.sqlite', must_exist=True))
    with pytest.raises(PlannerUnavailable, match=r'r\.sqlite: no reply recorded'):
        chat.complete(other)


def test_a_failure_of_the_live_model_is_not_recorded(tmp_path, chat_server):
    chat_server.script = [(400, {'error': {'message': 'no'}})]
    with pytest.raises(PlannerUnavailable):
        record(tmp_path / 'r.sqlite', chat_server, question('a'))
    with pytest.raises(PlannerUnavailable, match='no reply recorded'):
        RecordedChat(Recording(tmp_path / 'r.sqlite', must_exist=True)).complete(question('a'))


def test_one_file_holds_one_models_replies(tmp_path, chat_server):
    record(tmp_path / 'r.sqlite', chat_server, question('a'))
    with pytest.raises(InputError, match='record into a new file'):
        record(tmp_path / 'r.sqlite', chat_server, question('a'), ChatOptions(temperature=0.7))


def test_threads_may_record_into_one_file(tmp_path, chat_server):
    path = tmp_path / 'r.sqlite'
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda k: record(path, chat_server, question(f'{k % 8}')), range(12)))
    chat = RecordedChat(Recording(path, must_exist=True))
    assert {chat.complete(question(f'{k}')).text for k in range(8)} == {'hello'}


@pytest.mark.parametrize(('content', 'says'), [
    (None, 'no such recording'), (b'', 'not a usable recording'),
    (b'SQLite? no' * 200, 'not a usable recording')])
def test_a_file_that_is_no_recording_is_refused_by_name(tmp_path, content, says):
    path = tmp_path / 'r.sqlite'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=says):
        make_planner(f'recorded:{path}')


def test_a_planner_records_through_and_replays(tmp_path, chat_server, task, first_observation):
    spec = f'recorded:{tmp_path / "r.sqlite"}'
    live = make_planner(f'{spec}|openai:m@{chat_server.url}', context=PlannerContext())
    searches = [live.begin(task), make_planner(spec).begin(task)]
    decisions = [search.act(first_observation) for search in searches]
    for search in searches:
        search.close()
    assert decisions[0].reply == decisions[1].reply == 'hello'
    assert decisions[0].request_sha256 == decisions[1].request_sha256 != ''
    assert len(chat_server.requests) == 1


def test_the_first_reply_recorded_stands(tmp_path, chat_server):
    record(tmp_path / 'r.sqlite', chat_server, question('a'))
    recording = Recording(tmp_path / 'r.sqlite', must_exist=True)
    for text in ('first', 'second'):
        recording.add('cafe', Reply(text))
    assert recording.find('cafe') == Reply('first')


@pytest.mark.parametrize('other', [
    ('n', question('a'), {'t': 0}), ('m', question('b'), {'t': 0}), ('m', question('a'), {'t': 1}),
    ('m', question('a', b'x'), {'t': 0}), ('m', question('a') * 2, {'t': 0}),
    ('m', [ChatMessage('assistant', ['a', b'jpeg'])], {'t': 0}),
    ('m', [ChatMessage('user', ['ab', b'jpeg'])], {'t': 0}),
])
def test_the_request_hash_sees_every_difference(other):
    assert request_sha256(*other) != request_sha256('m', question('a'), {'t': 0})
    assert request_sha256(*other) == request_sha256(*other)
