# SPDX-License-Identifier: Apache-2.0
"""A scripted chat server over real sockets."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import json
import threading


def completion(content, finish_reason='stop', **message):
    return {
        'id': 'one', 'object': 'chat.completion', 'created': 0, 'model': 'served-model',
        'choices': [{'index': 0, 'finish_reason': finish_reason,
                     'message': {'role': 'assistant', 'content': content, **message}}],
        'usage': {'prompt_tokens': 7, 'completion_tokens': 3, 'total_tokens': 10}}


class ChatServer:
    """Answer each POST with the next (status, body) of the script; the last one repeats."""

    def __init__(self):
        self.script = [(200, completion('hello'))]
        self.requests = []
        self.release = threading.Event()
        self.arrived = threading.Event()
        self._http = ThreadingHTTPServer(('127.0.0.1', 0), self._answering())
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,))
        self._thread.start()

    @property
    def url(self):
        return f'http://127.0.0.1:{self._http.server_address[1]}/v1'

    def stop(self):
        self.release.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def _answering(server):  # noqa: N805 - the inner class has its own self
        class Answering(BaseHTTPRequestHandler):
            protocol_version = 'HTTP/1.1'

            def do_POST(self):
                body = self.rfile.read(int(self.headers['Content-Length']))
                server.requests.append((json.loads(body), self.headers))
                server.arrived.set()
                status, answer = server.script[min(len(server.requests), len(server.script)) - 1]
                if status == 'hang':
                    server.release.wait(30)
                    return
                raw = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                kind = 'text/html' if raw.startswith(b'<html') else 'application/json'
                self.send_response(status)
                self.send_header('Content-Type', kind)
                self.send_header('Content-Length', str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, *_):
                pass

        return Answering
