# SPDX-License-Identifier: Apache-2.0
"""Servers that speak the protocol each in its own way, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
import gzip
import json
import socket
import threading
from typing import Any

import pytest

from hvs_ros.core.errors import InputError
from hvs_ros.planners.asking import Asking
from hvs_ros.planners.base import ChatMessage, PlannerUnavailable, Reply
from hvs_ros.planners.chat_openai import OpenAiChat, OpenAiConnector
from hvs_ros.planners.openai_errors import cause
from hvs_ros.planners.registry import PlannerContext
from hvs_ros.planners.servers import Server

SAID = '<think>A sign.</think><answer>rotate(30,0)</answer>'
HALVES = (SAID[:20], SAID[20:])
KEY = 'sk-very-secret-0123456789'


class RawServer:
    """Answer every request with the bytes that ``answer`` makes of its body."""

    def __init__(self, answer: Any) -> None:
        self._answer = answer
        self._listening = socket.create_server(('127.0.0.1', 0))
        self.url = f'http://127.0.0.1:{self._listening.getsockname()[1]}/v1'
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def stop(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            with connection:
                connection.settimeout(5.0)
                try:
                    connection.sendall(self._answer(self._body(connection)))
                    connection.shutdown(socket.SHUT_WR)
                    connection.recv(1)
                except OSError:
                    continue

    @staticmethod
    def _body(connection: socket.socket) -> bytes:
        read = connection.makefile('rb')
        length = 0
        while (line := read.readline()).strip():
            if line.lower().startswith(b'content-length:'):
                length = int(line.partition(b':')[2])
        return read.read(length)


@pytest.fixture
def ask() -> Iterator[Any]:
    opened: list[Any] = []

    def asked(answer: Any, **asking: bool) -> Reply:
        server = RawServer(answer if callable(answer) else lambda _: answer)
        opened.append(server.stop)
        chat = OpenAiChat(
            Server('m', server.url), give_up_after=10.0, asking=Asking(**asking))
        opened.append(chat.close)
        return chat.complete([ChatMessage('user', ['look'])])

    yield asked
    for close in reversed(opened):
        close()


def completion(content: Any = SAID, **fields: Any) -> dict[str, Any]:
    choice = {'index': 0, 'finish_reason': 'stop', 'message': {
        'role': 'assistant', 'content': content}}
    return {'id': 'a', 'object': 'chat.completion', 'model': 'm', 'choices': [choice], **fields}


def whole(
        content: Any, status: str = '200 OK', protocol: str = 'HTTP/1.1', headers: str = ''
) -> bytes:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return (f'{protocol} {status}\r\nContent-Type: application/json\r\n{headers}'
            'Connection: close\r\n\r\n').encode() + body


def chunk(content: Any, finish_reason: str | None = None, index: int = 0) -> dict[str, Any]:
    return {'id': 'a', 'object': 'chat.completion.chunk', 'model': 'm', 'choices': [
        {'index': index, 'delta': {'content': content}, 'finish_reason': finish_reason}]}


def streamed(*events: Any, newline: str = '\n', done: bool = True, before: bytes = b'') -> bytes:
    lines = [event if isinstance(event, str) else f'data: {json.dumps(event)}'
             for event in [*events, *(['data: [DONE]'] if done else [])]]
    text = ''.join(line + 2 * newline for line in lines)
    return (b'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n'
            + before + text.encode())


def then_well(first: bytes) -> Any:
    """Return what answers the first request with ``first`` and later ones as they should be."""
    answers = iter([first])
    return lambda _: next(answers, whole(completion()))


PARTS = [chunk(HALVES[0]), chunk(HALVES[1])]
STOP = chunk(None, 'stop')


@pytest.mark.parametrize('answer', [
    pytest.param(whole(completion(usage=None)), id='usage null'),
    pytest.param(whole(completion(usage={'prompt_tokens': 'many'})), id='usage in words'),
    pytest.param(whole(completion([
        {'type': 'thinking', 'thinking': [{'type': 'text', 'text': 'hm'}]},
        {'type': 'text', 'text': HALVES[0]}, {'type': 'text', 'text': HALVES[1]}])),
        id='content in parts'),
    pytest.param(whole(completion(), protocol='HTTP/1.0'), id='HTTP/1.0'),
    pytest.param(whole(gzip.compress(json.dumps(completion()).encode()),
                       headers='Content-Encoding: gzip\r\n'), id='gzip')])
def test_a_whole_reply_is_read_in_every_dialect(ask: Any, answer: bytes) -> None:
    reply = ask(answer)
    assert (reply.text, reply.finish_reason, reply.attempts) == (SAID, 'stop', 1)


@pytest.mark.parametrize('answer', [
    pytest.param(streamed(*PARTS, STOP, newline='\r\n'), id='CRLF'),
    pytest.param(streamed(': ping', PARTS[0], ': ping', PARTS[1], STOP), id='comments'),
    pytest.param(streamed(*PARTS, STOP, done=False), id='no [DONE]'),
    pytest.param(streamed(*PARTS), id='no finish_reason'),
    pytest.param(streamed(*PARTS, newline='\r\n'), id='no finish_reason, CRLF'),
    pytest.param(streamed({**STOP, 'choices': []}, *PARTS, STOP), id='no choices at first'),
    pytest.param(streamed({**STOP, 'choices': {'0': 1}}, *PARTS, STOP), id='choices a mapping'),
    pytest.param(streamed('data: null', *PARTS, STOP), id='a null event'),
    pytest.param(streamed(chunk('no', index=1), *PARTS, STOP), id='a second choice first'),
    pytest.param(streamed(*PARTS, STOP, before=b'\xef\xbb\xbf'), id='byte order mark'),
    pytest.param(streamed(*(
        chunk([{'type': 'text', 'text': half}]) for half in HALVES), STOP), id='parts')])
def test_a_streamed_reply_is_read_in_every_dialect(ask: Any, answer: bytes) -> None:
    reply = ask(answer, stream=True)
    assert (reply.text, reply.finish_reason, reply.attempts) == (SAID, 'stop', 1)


@pytest.mark.parametrize(('answer', 'stream'), [
    (whole(completion({'text': SAID})), False), (whole(completion(42)), False),
    (whole({**completion(), 'choices': ['x']}), False),
    (streamed(*PARTS, done=False), True), (streamed(chunk('data: [DONE]'), done=False), True),
    (streamed(), True), (streamed(chunk(7), STOP), True)],
    ids=['a mapping', 'a number', 'a text as choice', 'broken off', 'broken off in words',
         'nothing', 'numbers'])
def test_what_is_no_reply_is_never_taken_for_an_empty_one(
        ask: Any, answer: bytes, stream: bool) -> None:
    reply = ask(then_well(answer), stream=stream)
    assert (reply.text, reply.attempts) == (SAID, 2)


def test_a_server_that_breaks_on_fields_it_does_not_know_is_asked_without_them(ask: Any) -> None:
    def answer(body: bytes) -> bytes:
        asked = json.loads(body or b'{}')
        if {'structured_outputs', 'guided_regex', 'regex'} & set(asked):
            return whole({'error': {'message': 'no grammar'}}, '500 Internal Server Error')
        return whole(completion() if asked else b'{}')

    reply = ask(answer, structured_output=True)
    assert (reply.text, reply.shortcut) == (SAID, '')


def resting(wish: str) -> bytes:
    return whole(b'{}', '429 Too Many Requests', headers=f'Retry-After: {wish}\r\n')


@pytest.mark.parametrize('wish', ['nan', '-5', 'soon'])
def test_a_wish_for_rest_that_is_no_time_is_no_wish(ask: Any, wish: str) -> None:
    assert ask(then_well(resting(wish))).attempts == 2


def test_a_wish_for_rest_without_end_is_an_end(ask: Any) -> None:
    with pytest.raises(PlannerUnavailable, match='HTTP 429'):
        ask(then_well(resting('inf')))


def test_a_connection_that_breaks_without_a_word_is_told_in_words() -> None:
    assert cause(ConnectionResetError()) == 'the connection broke (ConnectionResetError)'
    assert cause(ConnectionResetError('reset by peer')) == 'reset by peer'


def test_a_redirect_is_named(ask: Any) -> None:
    with pytest.raises(PlannerUnavailable, match='HTTP 307: it sends requests to another address'):
        ask(whole(b'', '307 Temporary Redirect', headers='Location: http://127.0.0.1:9/\r\n'))


@pytest.mark.parametrize('key', ['1', 'none', 'rotate'])
def test_a_stand_in_for_a_key_changes_no_answer(
        ask: Any, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv('OPENAI_API_KEY', key)
    said = '<think>none</think><answer>rotate(11,0)</answer>'
    assert ask(whole(completion(said))).text == said


@pytest.mark.parametrize('said', [
    'x' * (200 - cut) + f' {KEY} and more' for cut in range(1, len(KEY) + 2, 4)])
def test_a_message_that_is_cut_within_the_key_does_not_say_its_beginning(
        ask: Any, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    monkeypatch.setenv('OPENAI_API_KEY', KEY)
    with pytest.raises(PlannerUnavailable) as caught:
        ask(whole({'error': {'message': said}}, '400 Bad Request'))
    assert KEY[:8] not in str(caught.value)


def test_nothing_a_server_says_of_its_reply_holds_the_key_or_is_long(
        ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('OPENAI_API_KEY', KEY)
    answer = completion(f'<answer>{KEY}</answer>', model=f'{KEY}/m' * 9999)
    answer['choices'][0]['finish_reason'] = KEY + 'x' * 9999
    reply = ask(whole(answer))
    told = f'{reply.text} {reply.model} {reply.finish_reason}'
    assert KEY[:8] not in told and len(told) < 1000


def test_white_space_around_a_key_is_left_out(
        ask: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('OPENAI_API_KEY', f' {KEY}\n')
    with pytest.raises(PlannerUnavailable) as caught:
        ask(whole({'error': {'message': f'wrong key {KEY}'}}, '400 Bad Request'))
    assert 'wrong key ***' in str(caught.value)


@pytest.mark.parametrize('key', [f'{KEY}é', f'{KEY} {KEY}', f'{KEY}\r\nX: y'])
def test_a_key_that_no_request_can_hold_is_refused_unsaid(
        monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv('MODEL_KEY', key)
    with pytest.raises(InputError, match='the key in MODEL_KEY') as caught:
        OpenAiConnector(
            'm@http://127.0.0.1:9/v1', PlannerContext(key_from='MODEL_KEY'), 'free_think')
    assert KEY not in str(caught.value)
