# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import base64
import socket
import threading
import time

import pytest
from scripted_server import completion

from hvs_ros.core.errors import InputError
from hvs_ros.planners.base import (
    ChatMessage,
    ChatOptions,
    ContextOverflow,
    PlannerUnavailable,
    request_sha256,
)
from hvs_ros.planners.chat_openai import OpenAiChat
from hvs_ros.planners.servers import Server

MESSAGES = [ChatMessage('system', ['be brief']), ChatMessage('user', ['look: ', b'\xff\xd8jpeg'])]


@pytest.fixture
def connect(chat_server):
    chats = []

    def make(give_up_after=5.0, url=None):
        chats.append(OpenAiChat(
            Server('some/model', url or chat_server.url), give_up_after=give_up_after))
        return chats[-1]

    yield make
    for chat in chats:
        chat.close()


def free_port():
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return probe.getsockname()[1]


def test_the_request_holds_the_published_fields_and_nothing_else(chat_server, connect):
    reply = connect().complete(MESSAGES)
    body, headers = chat_server.requests[0]
    image = base64.b64encode(b'\xff\xd8jpeg').decode()
    assert body == {
        'model': 'some/model', 'max_tokens': 1024, 'temperature': 0, 'presence_penalty': 0.0,
        'frequency_penalty': 0.0, 'seed': None, 'messages': [
            {'role': 'system', 'content': [{'type': 'text', 'text': 'be brief'}]},
            {'role': 'user', 'content': [
                {'type': 'text', 'text': 'look: '},
                {'type': 'image_url',
                 'image_url': {'url': f'data:image/jpeg;base64,{image}'}}]}]}
    assert headers['Authorization'] == 'Bearer EMPTY'
    assert (reply.text, reply.model, reply.prompt_tokens, reply.completion_tokens) == (
        'hello', 'served-model', 7, 3)
    assert reply.request_sha256 == request_sha256(
        'some/model', MESSAGES, ChatOptions().parameters())


@pytest.mark.parametrize(('body', 'text', 'finish_reason'), [
    (completion(''), '', 'stop'),
    (completion(None), '', 'stop'),
    (completion('cut off he', 'length'), 'cut off he', 'length'),
    (completion(None, 'content_filter'), '', 'content_filter'),
    (completion(None, refusal='I cannot'), '', 'stop'),
    ({**completion('no usage'), 'usage': None}, 'no usage', 'stop'),
])
def test_whatever_the_model_said_is_its_answer(chat_server, connect, body, text, finish_reason):
    chat_server.script = [(200, body)]
    reply = connect().complete(MESSAGES)
    assert (reply.text, reply.finish_reason) == (text, finish_reason)


@pytest.mark.parametrize('status', [429, 500, 503])
def test_a_passing_failure_is_retried_inside_the_deadline(chat_server, connect, status):
    chat_server.script = [(status, {'error': {'message': 'busy'}}), (200, completion('fine'))]
    assert connect().complete(MESSAGES).text == 'fine'
    assert len(chat_server.requests) == 2


@pytest.mark.parametrize(('answer', 'says'), [
    ((400, {'error': {'message': 'bad image'}}), 'bad image'),
    ((401, {'error': {'message': 'Incorrect API key: sk-secret'}}), 'refused the API key'),
    ((404, {'error': {'message': 'The model `some/model` does not exist.'}}), 'does not exist'),
])
def test_what_is_no_answer_is_said_at_once_and_by_name(chat_server, connect, answer, says):
    chat_server.script = [answer]
    with pytest.raises(PlannerUnavailable, match=says) as caught:
        connect().complete(MESSAGES)
    assert chat_server.url in str(caught.value)
    assert 'sk-secret' not in str(caught.value)
    assert len(chat_server.requests) == 1


@pytest.mark.parametrize('error', [
    {'message': "This model's maximum context length is 8192 tokens.", 'code': None},
    {'message': 'too much', 'code': 'context_length_exceeded'},
])
def test_a_request_too_long_for_the_context_is_our_fault(chat_server, connect, error):
    chat_server.script = [(400, {'error': error})]
    with pytest.raises(ContextOverflow) as caught:
        connect().complete(MESSAGES)
    assert caught.value.reason == 'context_overflow'


def test_a_refused_connection_is_given_up_at_the_deadline(connect):
    url = f'http://127.0.0.1:{free_port()}/v1'
    begun = time.monotonic()
    with pytest.raises(PlannerUnavailable, match=r'no answer within 1 s \(.+\)') as caught:
        connect(give_up_after=1.0, url=url).complete(MESSAGES)
    assert time.monotonic() - begun > 0.9  # all of its time, however busy the machine is
    assert url in str(caught.value)


def test_a_server_that_never_answers_is_given_up_at_the_deadline(chat_server, connect):
    chat_server.script = [('hang', None)]
    with pytest.raises(PlannerUnavailable, match=r'no answer within 0\.5 s'):
        connect(give_up_after=0.5).complete(MESSAGES)


def test_a_lasting_failure_is_named_when_given_up(chat_server, connect):
    chat_server.script = [(503, {'error': {'message': 'loading'}})]
    with pytest.raises(PlannerUnavailable, match='HTTP 503'):
        connect(give_up_after=1.0).complete(MESSAGES)
    assert len(chat_server.requests) > 1


def test_close_from_another_thread_aborts_the_call_in_flight(chat_server, connect):
    chat_server.script = [('hang', None)]
    chat, caught = connect(give_up_after=30.0), []

    def ask():
        try:
            chat.complete(MESSAGES)
        except PlannerUnavailable as error:
            caught.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    assert chat_server.arrived.wait(10)
    chat.close()
    asking.join(15)  # half of the time that the call would have had
    assert not asking.is_alive()
    assert 'closed' in str(caught[0])
    with pytest.raises(PlannerUnavailable, match='closed'):
        chat.complete(MESSAGES)


def test_close_is_safe_twice_and_before_any_call(connect):
    chat = connect()
    chat.close()
    chat.close()
    with pytest.raises(PlannerUnavailable, match='closed'):
        chat.complete(MESSAGES)


def test_turns_of_one_search_share_a_connection(chat_server, connect):
    chat = connect()
    assert [chat.complete(MESSAGES).text for _ in range(3)] == ['hello'] * 3


def test_the_key_comes_from_the_environment_and_is_never_said(chat_server, monkeypatch):
    monkeypatch.setenv('OPENAI_API_KEY', 'sk-very-secret')
    chat_server.script = [(400, {'error': {'message': 'no: sk-very-secret'}})]
    chat = OpenAiChat(Server('m', chat_server.url))
    with pytest.raises(PlannerUnavailable) as caught:
        chat.complete(MESSAGES)
    chat.close()
    assert chat_server.requests[0][1]['Authorization'] == 'Bearer sk-very-secret'
    assert 'sk-very-secret' not in str(caught.value)


def test_an_empty_answer_stays_in_the_dialogue_as_an_empty_text(chat_server, connect):
    connect().complete([*MESSAGES, ChatMessage('assistant', ['']), MESSAGES[1]])
    messages = chat_server.requests[0][0]['messages']
    assert messages[2] == {'role': 'assistant', 'content': ''}


@pytest.mark.parametrize(('text', 'model', 'url'), [
    ('m@http://h:8000/v1', 'm', 'http://h:8000/v1'),
    ('org/m@2024@https://h/v1/', 'org/m@2024', 'https://h/v1'),
])
def test_a_spec_names_model_and_url(text, model, url):
    assert Server.of_spec(text) == Server(model, url)


@pytest.mark.parametrize('text', [
    '', 'model', '@http://h/v1', 'm@ftp://h', 'm@http://', 'm@http://h:notaport/v1',
    'm@http://user:secret@h/v1', 'm@http://h/a b'])
def test_a_spec_that_names_no_server_is_refused_without_its_secrets(text):
    with pytest.raises(InputError) as caught:
        Server.of_spec(text)
    assert 'secret' not in str(caught.value)
