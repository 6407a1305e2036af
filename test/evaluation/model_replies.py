# SPDX-License-Identifier: Apache-2.0
"""A chat completions server of our own for tests: one reply, the usage it is told to report."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
import threading


class Completions(BaseHTTPRequestHandler):
    """Answer every request with ``reply``."""

    reply = ''
    usage: dict[str, int] | None = {
        'prompt_tokens': 7, 'completion_tokens': 3, 'total_tokens': 10}

    def before_answering(self) -> None:
        """Do what a test wants before the answer leaves."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers['Content-Length']))
        self.before_answering()
        body = {
            'id': '1', 'object': 'chat.completion', 'created': 0, 'model': 'tiny',
            'choices': [{'index': 0, 'finish_reason': 'stop', 'message': {
                'role': 'assistant', 'content': self.reply}}]}
        if self.usage is not None:
            body['usage'] = self.usage
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *words: object) -> None:
        pass


@contextmanager
def serving(kind: type[Completions]) -> Iterator[str]:
    """Serve over loopback; yield the base URL."""
    server = ThreadingHTTPServer(('127.0.0.1', 0), kind)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f'http://127.0.0.1:{server.server_address[1]}/v1'
    finally:
        server.shutdown()
        server.server_close()
