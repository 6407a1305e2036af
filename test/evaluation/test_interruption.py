# SPDX-License-Identifier: Apache-2.0
"""Runs that are killed, interrupted, or left alone by their model server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
from pathlib import Path
import signal
import socket
import subprocess
import threading
import time

from evaluation_fixtures import SMALL_VIEW, command, comparable, environment, hvs
import pytest

from hvs_ros.evaluation.run_files import read_records

LEAVES_WITHIN_S = 2.0


def start(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*words), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True)


def lines_of(out: Path) -> int:
    path = out / 'episodes.jsonl'
    return path.read_bytes().count(b'\n') if path.exists() else 0


def wait_until(condition: object, seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < deadline, 'nothing happened'
        time.sleep(0.005)


def living_in_session(leader: int) -> list[str]:
    found = []
    for stat in Path('/proc').glob('[0-9]*/stat'):
        try:
            fields = stat.read_text().rpartition(')')[2].split()
        except OSError:
            continue
        if fields[3] == str(leader) and fields[0] != 'Z':
            found.append(stat.parent.name)
    return found


def test_a_run_killed_again_and_again_ends_like_one_left_alone(
        tmp_path: Path, large_dataset: Path) -> None:
    words = ('eval', large_dataset, '--planner', 'random', '--seed', '3', *SMALL_VIEW)
    out = tmp_path / 'killed'
    for kill in range(3):
        process = start(*words, '--out', out)
        goal = lines_of(out) + 20 + 13 * kill
        wait_until(lambda goal=goal: lines_of(out) >= goal)
        process.kill()
        process.wait(5)
    # As if the last kill had hit in the middle of a line.
    with open(out / 'episodes.jsonl', 'ab') as stream:
        stream.write(b'{"id":"hos/scene')
    assert 60 < lines_of(out) < 300
    for folder in ('killed', 'undisturbed'):
        done = hvs(*words, '--out', tmp_path / folder)
        assert done.returncode == 0, done.stderr
    killed, undisturbed = (read_records(tmp_path / name) for name in ('killed', 'undisturbed'))
    assert lines_of(out) == 300
    assert list(map(comparable, killed)) == list(map(comparable, undisturbed))
    first, second = (
        json.loads((tmp_path / name / 'metrics.json').read_text())
        for name in ('killed', 'undisturbed'))
    assert {**first, 'latency_s': 0} == {**second, 'latency_s': 0}


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize('workers', [1, 2])
def test_a_signal_ends_a_run_at_once_with_every_line_whole(
        tmp_path: Path, large_dataset: Path, number: signal.Signals, workers: int) -> None:
    out = tmp_path / 'run'
    process = start(
        'eval', large_dataset, '--planner', 'sweep', '--workers', workers, '--out', out,
        '--view', '640x360')
    wait_until(lambda: lines_of(out) >= 5)
    begun = time.monotonic()
    process.send_signal(number)
    printed, complaints = process.communicate(timeout=10)
    assert time.monotonic() - begun < LEAVES_WITHIN_S
    assert process.returncode == 128 + number
    assert 'Traceback' not in complaints and f'--out {out} goes on' in printed
    wait_until(lambda: not living_in_session(process.pid), 2)
    content = (out / 'episodes.jsonl').read_bytes()
    assert content.endswith(b'\n') and 5 <= len(read_records(out)) < 300


@contextmanager
def model_server(answer: str | None) -> Iterator[str]:
    """Serve chat completions over loopback; ``None`` never answers."""
    released = threading.Event()

    class Completions(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers['Content-Length']))
            if answer is None:
                released.wait(60)
                return
            body = json.dumps({
                'id': '1', 'object': 'chat.completion', 'created': 0, 'model': 'tiny',
                'choices': [{'index': 0, 'finish_reason': 'stop', 'message': {
                    'role': 'assistant', 'content': answer}}],
                'usage': {'prompt_tokens': 7, 'completion_tokens': 3, 'total_tokens': 10},
            }).encode()
            self.send_response(200)
            self.send_header('Content-Type', 'application/json')
            self.send_header('Content-Length', str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            pass

    server = ThreadingHTTPServer(('127.0.0.1', 0), Completions)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f'http://127.0.0.1:{server.server_address[1]}/v1'
    finally:
        released.set()
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_run_whose_model_hangs(
        tmp_path: Path, dataset: Path, number: signal.Signals) -> None:
    out = tmp_path / 'run'
    with model_server(None) as url:
        process = start(
            'eval', dataset, '--planner', f'openai:tiny@{url}', '--workers', 3,
            '--give-up-after', 60, '--out', out, *SMALL_VIEW)
        wait_until((out / 'run.json').exists)
        time.sleep(1.0)
        begun = time.monotonic()
        process.send_signal(number)
        _, complaints = process.communicate(timeout=10)
        assert time.monotonic() - begun < LEAVES_WITHIN_S
    assert process.returncode == 128 + number
    assert 'Traceback' not in complaints
    assert read_records(out) == []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        return int(probe.getsockname()[1])


def test_a_dead_server_stops_the_run_and_a_living_one_finishes_it(
        tmp_path: Path, dataset: Path) -> None:
    out = tmp_path / 'run'
    words = ('--give-up-after', 0.5, '--out', out, *SMALL_VIEW)
    dead = f'openai:tiny@http://127.0.0.1:{free_port()}/v1'
    done = hvs('eval', dataset, '--planner', dead, *words)
    assert done.returncode == 2
    assert 'stopped after 5 errors in a row' in done.stderr.splitlines()[-1]
    assert f'--out {out} goes on' in done.stderr and 'Traceback' not in done.stderr
    assert [r['outcome'] for r in read_records(out)] == ['error'] * 5
    assert 'incomplete: 0/25' in done.stdout
    port = int(dead.rpartition(':')[2].partition('/')[0])
    reply = '<think>there</think><answer>submit(110,0)</answer>'
    with model_server(reply) as url, forwarded(port, url):
        done = hvs('eval', dataset, '--planner', dead, '--workers', 2, *words)
    assert done.returncode == 0, done.stderr
    records = read_records(out)
    assert len(records) == 25 and {r['model'] for r in records} == {'tiny'}
    assert records[0]['turns'][0]['tokens'] == {'prompt': 7, 'completion': 3}


@contextmanager
def forwarded(port: int, url: str) -> Iterator[None]:
    """Let a port answer for a server, as when a dead server comes back at its old address."""
    target = int(url.rpartition(':')[2].partition('/')[0])
    listener = socket.create_server(('127.0.0.1', port))

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while chunk := source.recv(65536):
                sink.sendall(chunk)
        except OSError:
            return
        finally:
            for end in (source, sink):
                end.close()

    def accept() -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            far = socket.create_connection(('127.0.0.1', target))
            for ends in ((near, far), (far, near)):
                threading.Thread(target=pump, args=ends, daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield
    finally:
        listener.close()
