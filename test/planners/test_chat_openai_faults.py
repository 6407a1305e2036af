# SPDX-License-Identifier: Apache-2.0
"""A server that misbehaves, asked directly: what is an answer, what is none, and how soon."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
import re
import threading
import time
from typing import Any

from fault_server import FAULTS, WELL, FaultServer
import pytest

from hvs_ros.planners.asking import Asking, Waits
from hvs_ros.planners.base import (
    ChatMessage,
    ContextOverflow,
    PlannerClosed,
    PlannerUnavailable,
)
from hvs_ros.planners.chat_openai import OpenAiChat
from hvs_ros.planners.servers import Server, ServerPool

MESSAGES = [ChatMessage('system', ['be brief']), ChatMessage('user', ['look: ', b'\xff\xd8jpeg'])]
STREAMED = Asking(stream=True)
EARLY = Asking(early_stop=True)
HELD = Asking(structured_output=True)
WAITS = Waits(connect=1.0)
Connect = Callable[..., OpenAiChat]


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    monkeypatch.delenv('OPENAI_API_KEY', raising=False)
    server = FaultServer()
    yield server
    server.stop()


@pytest.fixture
def second(server: FaultServer) -> Iterator[FaultServer]:
    second = FaultServer()
    yield second
    second.stop()


@pytest.fixture
def connect() -> Iterator[Connect]:
    chats: list[OpenAiChat] = []

    def make(*urls: str, asking: Asking | None = None, give_up_after: float = 5.0,
             pool: ServerPool | None = None, waits: Waits = WAITS) -> OpenAiChat:
        pool = pool or ServerPool([Server('tiny', url) for url in urls])
        chats.append(OpenAiChat(pool, give_up_after=give_up_after, asking=asking, waits=waits))
        return chats[-1]

    yield make
    for chat in chats:
        chat.close()


def url(server: FaultServer) -> str:
    return f'http://127.0.0.1:{server.port}/v1'


def no_answer(chat: OpenAiChat) -> str:
    with pytest.raises(PlannerUnavailable) as caught:
        chat.complete(MESSAGES)
    return str(caught.value)


@pytest.mark.parametrize('asking', [None, STREAMED, EARLY], ids=['whole', 'streamed', 'early'])
def test_a_reply_is_the_same_however_it_is_sent(
        server: FaultServer, connect: Connect, asking: Asking | None) -> None:
    reply = connect(url(server), asking=asking).complete(MESSAGES)
    assert (reply.text, reply.model, reply.server) == (WELL, 'tiny', url(server))
    assert (reply.first_token_s is None) == (asking is None)
    if asking is not EARLY:
        assert (reply.finish_reason, reply.shortcut) == ('stop', '')
        assert (reply.prompt_tokens, reply.completion_tokens, reply.cached_tokens) == (600, 20, 64)


ANSWERED = {
    'empty content': ('', 'stop'), 'null content': ('', 'stop'),
    'content filter': ('', 'content_filter'),
    'truncated answer': ('<think>It is to the left.</think><answer>rotate(-4', 'length'),
    'another model answers': (WELL, 'stop')}


@pytest.mark.parametrize('asking', [None, STREAMED], ids=['whole', 'streamed'])
@pytest.mark.parametrize('fault', sorted(ANSWERED))
def test_whatever_the_model_said_is_its_answer(
        server: FaultServer, connect: Connect, fault: str, asking: Asking | None) -> None:
    server.begin(fault)
    reply = connect(url(server), asking=asking).complete(MESSAGES)
    assert (reply.text, reply.finish_reason) == ANSWERED[fault]
    assert len(server.requests) == 1, 'asked once, and not again for a better answer'


SAYS = {
    'connection refused': 'connection attempts failed', 'DNS failure': 'is not known',
    'TLS mismatch': '(?i)ssl|disconnected|read', 'accept, then silence': 'no first words within',
    'slow drip': 'no first words within', 'reset mid-stream': '(?i)reset|read|broke|terminated',
    '429 with Retry-After': 'HTTP 429.*after 1 s', '500': 'HTTP 500',
    '200 with HTML': 'not a chat completion', 'broken JSON': 'not JSON',
    'endless output': 'no answer within', 'oversized reply': 'more than 4 MiB'}


@pytest.mark.parametrize('fault', sorted(SAYS))
def test_what_is_no_answer_is_given_up_in_time_and_named(
        server: FaultServer, connect: Connect, fault: str) -> None:
    server.begin(fault)
    where = FAULTS[fault].url.format(port=server.port)
    slow = SAYS[fault] == 'no first words within'
    chat = connect(where, asking=STREAMED, give_up_after=0.6,
                   waits=Waits(first_token=0.3 if slow else None))
    said = no_answer(chat)
    assert re.search(SAYS[fault], said) and where in said


def test_every_fault_is_played_somewhere() -> None:
    here = {*SAYS, *ANSWERED, 'wrong model', 'context overflow'}
    parsed = {name for name, fault in FAULTS.items() if fault.answers} - here
    assert set(FAULTS) == here | parsed


@pytest.mark.parametrize('fault', ['200 with HTML', 'broken JSON', 'endless output',
                                   'oversized reply', 'reset mid-stream', 'slow drip'])
def test_a_reply_in_one_piece_is_held_to_the_same(
        server: FaultServer, connect: Connect, fault: str) -> None:
    server.begin(fault)
    assert url(server) in no_answer(connect(url(server), give_up_after=0.5))


@pytest.mark.parametrize(('fault', 'kind'), [
    ('wrong model', PlannerUnavailable), ('context overflow', ContextOverflow)])
def test_what_waiting_does_not_mend_is_said_at_once(
        server: FaultServer, connect: Connect, fault: str, kind: type[Exception]) -> None:
    server.begin(fault)
    with pytest.raises(kind):
        connect(url(server), give_up_after=30.0).complete(MESSAGES)
    assert len(server.requests) == 1


@pytest.mark.parametrize('fault', [
    'connection refused', 'accept, then silence', 'slow drip', 'reset mid-stream', '500',
    '429 with Retry-After', '200 with HTML', 'broken JSON', 'oversized reply'])
def test_a_fault_that_passes_costs_no_answer(
        server: FaultServer, connect: Connect, fault: str) -> None:
    server.begin(fault)
    chat, replies = connect(url(server), asking=STREAMED, give_up_after=15.0,
                            waits=Waits(first_token=0.5)), []
    asking = threading.Thread(target=lambda: replies.append(chat.complete(MESSAGES)))
    asking.start()
    wait_until(lambda: chat.trouble)
    assert url(server) in chat.trouble
    server.begin('')
    asking.join(10)
    assert [reply.text for reply in replies] == [WELL]
    assert replies[0].attempts > 1 and not chat.trouble


def test_the_wish_to_be_left_alone_is_kept(server: FaultServer, connect: Connect) -> None:
    server.begin('429 with Retry-After')
    chat = connect(url(server), give_up_after=2.5)
    no_answer(chat)
    asked = len(server.requests)
    assert asked <= 3, 'at 0, 1 and 2 s'
    assert 'after 1 s' in no_answer(connect(
        pool=chat.servers, give_up_after=0.5)), 'no wish that outlasts the limit is waited for'
    assert len(server.requests) == asked + 1


@pytest.mark.parametrize('asking', [None, STREAMED], ids=['whole', 'streamed'])
@pytest.mark.parametrize('fault', ['accept, then silence', 'endless output'])
def test_cancelling_closes_the_socket_under_the_server(
        server: FaultServer, connect: Connect, fault: str, asking: Asking | None) -> None:
    server.begin(fault)
    chat, caught = connect(
        url(server), asking=asking, give_up_after=30.0, waits=Waits()), []

    def ask() -> None:
        try:
            chat.complete(MESSAGES)
        except PlannerClosed as error:
            caught.append(error)

    asking_thread = threading.Thread(target=ask)
    asking_thread.start()
    assert server.arrived.wait(10)
    time.sleep(0.1)
    assert not server.closed_by_client.is_set()
    chat.close()
    assert server.closed_by_client.wait(5)
    asking_thread.join(5)
    assert len(caught) == 1 and not asking_thread.is_alive()


def test_an_early_stop_hangs_up_at_the_end_of_the_answer(
        server: FaultServer, connect: Connect) -> None:
    server.reply_of = lambda request: WELL + ' and then on and on' * 100
    reply = connect(url(server), asking=EARLY).complete(MESSAGES)
    assert (reply.text, reply.finish_reason, reply.shortcut) == (WELL, 'early_stop', 'early stop')
    reply = connect(url(server), asking=STREAMED).complete(MESSAGES)
    assert reply.text.startswith(WELL + ' and') and reply.finish_reason == 'stop'


def test_a_server_that_does_not_stream_is_understood(connect: Connect, chat_server: Any) -> None:
    assert connect(chat_server.url, asking=EARLY).complete(MESSAGES).text == 'hello'


# -- several servers ------------------------------------------------------------------------------
def test_another_server_is_asked_at_once(
        server: FaultServer, second: FaultServer, connect: Connect) -> None:
    server.begin('500')
    chat = connect(url(server), url(second))
    reply = chat.complete(MESSAGES)
    assert (reply.server, reply.attempts) == (url(second), 2)
    assert not chat.trouble
    assert connect(pool=chat.servers).complete(MESSAGES).server == url(second)
    assert len(server.requests) == 1, 'what has just failed is passed over'
    assert 'HTTP 500' in chat.servers.describe()[f'model server {url(server)}']


def test_one_server_that_wants_rest_does_not_end_the_wait_for_another(
        server: FaultServer, second: FaultServer, connect: Connect) -> None:
    server.begin('429 with Retry-After')
    second.begin('500')
    chat, replies = connect(url(server), url(second), give_up_after=0.8), []
    asking = threading.Thread(target=lambda: replies.append(chat.complete(MESSAGES)))
    asking.start()
    wait_until(lambda: chat.trouble)
    second.begin('')
    asking.join(5)
    assert [reply.server for reply in replies] == [url(second)]


def test_a_search_stays_with_its_server(
        server: FaultServer, second: FaultServer, connect: Connect) -> None:
    pool = ServerPool([Server('tiny', url(server)), Server('tiny', url(second))])
    busy = connect(pool=pool, asking=STREAMED, waits=Waits())
    server.begin('accept, then silence')

    def wait() -> None:
        with pytest.raises(PlannerClosed):
            busy.complete(MESSAGES)

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert server.arrived.wait(5)
    free = connect(pool=pool)
    assert free.complete(MESSAGES).server == url(second), 'fewer requests in flight'
    busy.close()
    waiting.join(5)
    assert [free.complete(MESSAGES).server for _ in range(2)] == [url(second)] * 2


def test_a_server_that_is_back_is_found_beside_a_request(
        server: FaultServer, second: FaultServer, connect: Connect,
        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr('hvs_ros.planners.servers.COOL_DOWN_S', (0.05, 0.05))
    server.begin('500')
    chat = connect(url(server), url(second))
    second.think_s = 0.1
    chat.complete(MESSAGES)
    server.begin('')
    time.sleep(0.06)
    chat.complete(MESSAGES)
    assert chat.servers.states[0].well, 'seen at /health while the other one answered'
    assert len(server.requests) == 1
    assert connect(pool=chat.servers).complete(MESSAGES).server == url(server)


def test_a_server_without_the_model_is_passed_over(
        server: FaultServer, second: FaultServer, connect: Connect) -> None:
    server.begin('wrong model')
    assert connect(url(server), url(second)).complete(MESSAGES).server == url(second)
    second.begin('wrong model')
    assert 'does not exist' in no_answer(connect(url(server), url(second), give_up_after=30.0))


# -- structured output ----------------------------------------------------------------------------
@pytest.mark.parametrize(('version', 'honours', 'tried'), [
    ('0.11.0', 'structured_outputs', ['structured_outputs']),
    ('0.10.2', 'guided_regex', ['guided_regex']),
    ('', 'regex', ['structured_outputs', 'guided_regex', 'regex']),
    ('0.12.0', 'guided_regex', ['structured_outputs'])],
    ids=['vLLM', 'an old vLLM', 'another server', 'accepted and ignored'])
def test_a_server_is_tried_once_and_remembered(
        server: FaultServer, connect: Connect, version: str, honours: str,
        tried: list[str]) -> None:
    server.version, server.honours = version, honours
    chat = connect(url(server), asking=HELD)
    replies = [chat.complete(MESSAGES) for _ in range(2)]
    replies.append(connect(pool=chat.servers, asking=HELD).complete(MESSAGES))
    fields = [set(request) & {'structured_outputs', 'guided_regex', 'regex'}
              for request in server.requests]
    assert fields[:len(tried)] == [{name} for name in tried]
    honoured = honours == tried[-1]
    assert fields[len(tried):] == [{honours} if honoured else set()] * 3
    assert {reply.shortcut for reply in replies} == {'structured output' if honoured else ''}
    assert len({reply.request_sha256 for reply in replies}) == 1


def test_a_reply_that_breaks_the_form_shows_that_it_is_ignored(
        server: FaultServer, connect: Connect) -> None:
    server.version, server.honours = '0.11.0', 'structured_outputs'
    chat = connect(url(server), asking=HELD)
    server.reply_of = lambda request: 'no form at all'
    assert chat.complete(MESSAGES).shortcut == ''
    chat.complete(MESSAGES)
    assert 'structured_outputs' not in server.requests[-1]


def test_nothing_of_the_key_is_in_any_error(
        server: FaultServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('OPENAI_API_KEY', 'sk-very-secret')
    for fault in ('500', '429 with Retry-After', 'wrong model', 'context overflow'):
        server.begin(fault)
        chat = OpenAiChat(Server('tiny', url(server)), give_up_after=0.3)
        said = no_answer(chat)
        chat.close()
        assert 'sk-very-secret' not in said + chat.trouble + str(chat.servers.describe()), fault
    assert b'sk-very-secret' in server.headers[-1]


def wait_until(condition: Callable[[], object], timeout_s: float = 8.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)



def test_the_page_of_faults_tells_every_one() -> None:
    page = (Path(__file__).resolve().parents[2] / 'docs' / 'reliability.md').read_text()
    assert all(f'\n| {name} | {fault.does} | ' in page for name, fault in FAULTS.items())
