# SPDX-License-Identifier: Apache-2.0
"""Searches through `transformers serve`, a server nobody here wrote, with a tiny LLaVA."""

from __future__ import annotations

from itertools import pairwise
import os
from pathlib import Path
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from chat_fixtures import REPLY
import pytest

pytest.importorskip('torch')
# The server may live in an environment of its own: trainers want an older one.
COMMAND = Path(os.environ.get(
    'TRANSFORMERS_COMMAND', Path(sys.executable).with_name('transformers'))).absolute()
ASKED = subprocess.run(
    [str(COMMAND.with_name('python')), '-c',
     'import transformers; from transformers.utils.import_utils import is_serve_available; '
     'print(transformers.__version__ if is_serve_available() else "")'],
    capture_output=True, text=True)
VERSION = ASKED.stdout.strip()
if not VERSION:
    pytest.skip('transformers serve needs transformers[serving]', allow_module_level=True)

from hvs_ros.core.profile import get_profile
from hvs_ros.core.search import SearchSession, Task
from hvs_ros.core.view import View
from hvs_ros.planners.base import PlannerUnavailable
from hvs_ros.planners.registry import PlannerContext, make_planner

OLD_SERVER = pytest.mark.skipif(
    tuple(map(int, VERSION.split('.')[:2])) < (5, 24),
    reason='this server neither streams for models with images nor holds to its own model: '
    'transformers 5.24 does')
TASK = Task('hos/room/0/0', 'object', 'Find the lamp')
START_S = 100


@pytest.fixture(scope='module')
def server(make_model, tmp_path_factory):
    """Yield (URL, model) of a running server."""
    folder, scratch = make_model('llava', REPLY), tmp_path_factory.mktemp('serve')
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    (scratch / 'cache').mkdir()
    log = (scratch / 'log').open('w')
    process = subprocess.Popen(
        [str(COMMAND), 'serve', str(folder),
         '--device', 'cpu', '--host', '127.0.0.1', '--port', str(port)],
        stdout=log, stderr=subprocess.STDOUT, env={
            **os.environ, 'HF_HUB_OFFLINE': '1', 'HF_HUB_CACHE': str(scratch / 'cache'),
            'OMP_NUM_THREADS': '1', 'CUDA_VISIBLE_DEVICES': ''})
    try:
        wait_until_healthy(f'http://127.0.0.1:{port}/health', process, scratch / 'log')
        yield f'http://127.0.0.1:{port}/v1', str(folder)
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def wait_until_healthy(url, process, log):
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    raise AssertionError(log.read_text()[-2000:])


def search(server, picture, turns=7, **context):
    """Return the session of a search of so many turns."""
    url, model = server
    planner = make_planner(f'openai:{model}@{url}', context=PlannerContext(
        **{'give_up_after': 60.0, **context}))
    profile = get_profile(context.get('profile', 'published-2026'))
    session = SearchSession(TASK, profile, planner.answer_format)
    asked = planner.begin(TASK)
    try:
        for turn in range(turns):
            view = View(picture(turn), session.goal.to_gaze(), 320, 180, 1.745)
            session.decide(asked.act(session.observe(view)))
    finally:
        asked.close()
    return session


def test_a_search_with_its_history_of_images_runs_through_the_server(server, picture):
    session = search(server, picture)
    decisions = [turn.decision for turn in session.turns]
    assert [decision.reply for decision in decisions] == [REPLY] * 7
    assert {decision.finish_reason for decision in decisions} == {'stop'}
    assert session.pose.yaw == 7 * 40
    # the server's own count: each turn adds an image until five are shown, then no more
    grown = [after.prompt_tokens - before.prompt_tokens
             for before, after in pairwise(decisions)]
    assert min(grown[:4]) > 16 > max(map(abs, grown[4:]))
    assert all(5 < decision.completion_tokens < 60 for decision in decisions)


@OLD_SERVER
def test_a_streamed_reply_is_the_same_and_tells_its_first_words(server, picture):
    whole = search(server, picture, turns=2)
    streamed = search(server, picture, turns=2, wishes={'stream': True})
    assert [turn.decision.reply for turn in streamed.turns] == [REPLY] * 2
    assert [turn.decision.completion_tokens for turn in streamed.turns] == [
        turn.decision.completion_tokens for turn in whole.turns]
    assert all(0 < turn.decision.first_token_s <= turn.decision.latency_s
               for turn in streamed.turns)


@OLD_SERVER
def test_what_the_server_does_not_know_is_done_without(server, picture):
    wishes = {'stream': True, 'early_stop': True, 'structured_output': True}
    session = search(server, picture, turns=2, profile='strict', wishes=wishes)
    assert [turn.decision.reply for turn in session.turns] == [REPLY] * 2
    assert 'early stop' in session.turns[1].decision.shortcut
    assert 'structured' not in session.turns[1].decision.shortcut


@OLD_SERVER
def test_another_model_than_the_servers_is_named(server, picture):
    with pytest.raises(PlannerUnavailable, match=r'some/model at .* HTTP 400'):
        search((server[0], 'some/model'), picture, turns=1)
