# SPDX-License-Identifier: Apache-2.0
"""A model server that answers by a rule and lets a test act while a planner waits for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
import threading

from scripted_server import completion


class ModelServer:
    """Rotate three times, then submit; ``on_request`` is called with each request's number."""

    def __init__(self, on_request: Callable[[int], None] | None = None) -> None:
        self.count = 0
        self._on_request = on_request or (lambda number: None)
        self._counting = threading.Lock()
        self._http = ThreadingHTTPServer(('127.0.0.1', 0), self._answering())
        self._http.daemon_threads = True

    @property
    def spec(self) -> str:
        return f'openai:tiny@http://127.0.0.1:{self._http.server_address[1]}/v1'

    @contextmanager
    def serving(self) -> Iterator[ModelServer]:
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()

    def _next(self) -> int:
        with self._counting:
            self.count += 1
            return self.count

    def _answering(server) -> type:  # noqa: N805 - the inner class has its own self
        class Answering(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self) -> None:
                request = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
                server._on_request(server._next())
                turns = sum(message['role'] == 'assistant' for message in request['messages'])
                action = 'submit(100,0)' if turns >= 3 else f'rotate({30 + turns},0)'
                body = json.dumps(completion(f'<think>so</think><answer>{action}</answer>'))
                try:
                    self.send_response(200)
                    self.send_header('Content-Type', 'application/json')
                    self.send_header('Content-Length', str(len(body)))
                    self.end_headers()
                    self.wfile.write(body.encode())
                except OSError:
                    self.close_connection = True  # the planner that asked was killed

            def handle(self) -> None:
                # a planner that is killed resets its connection
                with suppress(ConnectionResetError):
                    super().handle()

            def log_message(self, *_: object) -> None:
                pass

        return Answering
