# SPDX-License-Identifier: Apache-2.0
"""A scripted model server on this machine that notes when each reply left."""

from __future__ import annotations

from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
import threading
import time
from types import TracebackType

MODEL = 'scripted'


class ModelServer:
    """
    Answer every request with the same words after ``think_s`` seconds.

    A streamed reply is spread over that time. ``left_at`` holds when the last of each reply left,
    by the steady clock.
    """

    def __init__(self, words: str, think_s: float) -> None:
        self.words, self.think_s = words, think_s
        self.left_at: list[float] = []
        self._http = ThreadingHTTPServer(('127.0.0.1', 0), _answering(self))
        self._http.daemon_threads = True

    @property
    def spec(self) -> str:
        """Return the planner spec of this server."""
        return f'openai:{MODEL}@http://127.0.0.1:{self._http.server_address[1]}/v1'

    def __enter__(self) -> ModelServer:
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None,
            trace: TracebackType | None) -> None:
        self._http.shutdown()
        self._http.server_close()

    def whole(self) -> bytes:
        """Return a reply in one piece."""
        return json.dumps({
            **_BASE, 'object': 'chat.completion',
            'choices': [{'index': 0, 'finish_reason': 'stop',
                         'message': {'role': 'assistant', 'content': self.words}}],
            'usage': {'prompt_tokens': 1, 'completion_tokens': 1, 'total_tokens': 2}}).encode()

    def parts(self) -> list[bytes]:
        """Return a streamed reply's events, four characters each, what ends it in the last."""
        deltas = [{'content': self.words[at:at + 4]} for at in range(0, len(self.words), 4)]
        events = [_event(delta, None) for delta in deltas]
        return [*events[:-1], events[-1] + _event({}, 'stop') + b'data: [DONE]\n\n']


_BASE = {'id': '1', 'created': 0, 'model': MODEL}


def _event(delta: dict[str, str], reason: str | None) -> bytes:
    chunk = {**_BASE, 'object': 'chat.completion.chunk',
             'choices': [{'index': 0, 'delta': delta, 'finish_reason': reason}]}
    return f'data: {json.dumps(chunk)}\n\n'.encode()


def _answering(server: ModelServer) -> type[BaseHTTPRequestHandler]:
    class Answering(BaseHTTPRequestHandler):
        protocol_version = 'HTTP/1.1'
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            request = json.loads(self.rfile.read(int(self.headers['Content-Length'])))
            streamed = bool(request.get('stream'))
            parts = server.parts() if streamed else [server.whole()]
            kind = 'text/event-stream' if streamed else 'application/json'
            head = (f'HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n'
                    f'Content-Length: {sum(map(len, parts))}\r\n\r\n')
            with suppress(OSError):
                self.wfile.write(head.encode())
                for part in parts[:-1]:
                    time.sleep(server.think_s / len(parts))
                    self.wfile.write(part)
                time.sleep(server.think_s / len(parts))
                server.left_at.append(time.monotonic())
                self.wfile.write(parts[-1])

        def handle(self) -> None:
            with suppress(OSError):
                super().handle()

        def log_message(self, *words: object) -> None:
            pass

    return Answering
