# SPDX-License-Identifier: Apache-2.0
"""`hvs serve` in a process of its own, and a small client of its protocol."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
import http.client
import json
import os
from pathlib import Path
import re
import subprocess
import sys
import threading
from typing import Any

import cv2
import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]


class Client:
    """Speak to a service over one connection; ``call`` returns (status, answer)."""

    def __init__(self, port: int, token: str | None = None) -> None:
        self.port = port
        self._connection = http.client.HTTPConnection('127.0.0.1', port, timeout=60)
        self._headers = {'Authorization': f'Bearer {token}'} if token else {}

    def call(
            self, method: str, path: str, payload: Any = None, *, body: bytes | None = None,
            headers: dict[str, str] | None = None) -> tuple[int, Any]:
        if payload is not None:
            body = json.dumps(payload).encode()
        kind = {'Content-Type': 'application/json'} if body is not None else {}
        self._connection.request(
            method, path, body, {**kind, **self._headers, **(headers or {})})
        response = self._connection.getresponse()
        content = response.read()
        assert response.headers['Content-Type'] == 'application/json', content[:200]
        return response.status, json.loads(content)

    def post(self, path: str, **payload: Any) -> Any:
        """Return the answer of a request that must be fine."""
        status, answer = self.call('POST', path, payload)
        assert status == 200, answer
        return answer

    def make(self, name: str, data_path: str | None = None, **config: Any) -> str:
        env_config = {'resolution': 90, **config}
        if data_path is not None:
            env_config['data_path'] = data_path
        self.post('/environments', ids2configs={
            name: {'env_name': 'hstar', 'env_config': env_config, 'seed': 0}})
        return name

    def reset(self, name: str, seed: int | None = 0) -> dict[str, Any]:
        observation, info = self.post('/batch/reset', ids2seeds={name: seed})['results'][name]
        assert info == {}
        return observation

    def step(self, name: str, text: str) -> tuple[dict[str, Any], float, bool, dict[str, Any]]:
        return tuple(self.post('/batch/step', ids2actions={name: text})['results'][name])


def picture(observation: dict[str, Any], placeholder: str = '<image>') -> np.ndarray:
    """Return the one image of an observation as (h, w, 3) BGR."""
    assert set(observation) == {'obs_str', 'multi_modal_data'}
    assert list(observation['multi_modal_data']) == [placeholder]
    (image,) = observation['multi_modal_data'][placeholder]
    assert list(image) == ['__pil_image__']
    png = base64.b64decode(image['__pil_image__'], validate=True)
    assert png.startswith(b'\x89PNG')
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)


@contextmanager
def serving(*arguments: str, env: dict[str, str] | None = None) -> Iterator[int]:
    """Run `hvs serve` on a free port; it must not have died, nor told of an error, at the end."""
    process = subprocess.Popen(
        [sys.executable, '-m', 'hvs_ros.cli.main', 'serve', '--port', '0', *arguments],
        cwd=REPOSITORY, env={**os.environ, **(env or {})}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    said: list[str] = []
    assert process.stderr is not None
    assert process.stdout is not None
    reader = threading.Thread(target=lambda: said.extend(process.stderr))
    reader.start()
    try:
        lines = [process.stdout.readline() for _ in range(2)]
        found = re.search(r'http://\S+:(\d+)$', lines[1])
        assert found, (lines, said)
        yield int(found[1])
        assert process.poll() is None
    finally:
        process.terminate()
        process.wait(20)
        reader.join(20)
        process.stdout.close()
        process.stderr.close()
    assert [line for line in said if 'Traceback' in line] == []
