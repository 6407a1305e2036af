# SPDX-License-Identifier: Apache-2.0
"""
Load the environment service with many clients at once, and weigh its environments.

    python bench/service_load.py                     # 64 clients, 10,000 steps of 1280x720
    python bench/service_load.py --resolution 360 --steps 2000 --json load.json

The clients search as trainers do: reset to a seed, three turns, a submit. Every answer is checked.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
import http.client
import json
import os
from pathlib import Path
import re
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

import cv2
import numpy as np

REPOSITORY = Path(__file__).resolve().parents[1]
TURNS = 4
STARTS = (0, 90, 180, 270)
FACTOR = 10
"""How often the time that a queue predicts the slowest steps may take."""
MOST_MS, MOST_KB = 1.0, 50.0
"""What an environment may cost; the published service needs 27 ms and 3 MB."""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, and return 1 where a bound is passed."""
    parser = argparse.ArgumentParser(description=(__doc__ or '').split('\n')[1])
    add = parser.add_argument
    add('--clients', type=int, default=64)
    add('--steps', type=int, default=10_000, help='steps of all clients together')
    add('--resolution', type=int, default=720, help='height of a view')
    add('--workers', type=int, default=os.cpu_count() or 1, help="the service's threads")
    add('--folders', type=int, default=500, help='scenes for the cost of an environment')
    add('--environments', type=int, default=2000, help='environments for their cost')
    add('--json', type=Path, help='write the figures as one flat object, too')
    args = parser.parse_args(argv)
    figures = {**cost(args.folders, args.environments), **load(args)}
    for name, value in figures.items():
        print(f'{name:28} {value}')
    if args.json:
        args.json.write_text(json.dumps(figures, indent=2) + '\n')
    kept = (figures['errors'] == 0 and figures['p95_over_predicted'] < FACTOR
            and figures['environment_ms'] < MOST_MS and figures['environment_kb'] < MOST_KB)
    print('every bound is kept' if kept else 'a bound is passed')
    return 0 if kept else 1


def cost(folders: int, environments: int) -> dict[str, float]:
    """Return what one more environment costs the service: made, reset and stepped once."""
    with tempfile.TemporaryDirectory() as folder:
        root = _scenes(Path(folder), folders, (256, 128))
        with _serving(root, 2) as (port, pid):
            client = _Client(port)
            # the code, the index, the panorama and the renderers are there before it is weighed
            _use(client, [f'first {number}' for number in range(50)])
            before, began = _memory(pid), _cpu(pid)
            names = [f'environment {number}' for number in range(environments)]
            for place in range(0, environments, 500):
                client.post('/environments', {'ids2configs': {
                    name: _config(9) for name in names[place:place + 500]}})
            made = _cpu(pid)
            for place in range(0, environments, 500):
                _use(client, names[place:place + 500], make=False)
            after = _memory(pid)
    return {
        'environments': environments, 'folders': folders,
        'environment_ms': round((made - began) / environments * 1e3, 4),
        'environment_kb': round((after - before) / environments / 1e3, 2)}


def _use(client: _Client, names: Sequence[str], *, make: bool = True) -> None:
    if make:
        client.post('/environments', {'ids2configs': {name: _config(9) for name in names}})
    client.post('/batch/reset', {'ids2seeds': dict.fromkeys(names, 0)})
    client.post('/batch/step', {'ids2actions': dict.fromkeys(names, _answer('rotate(30,0)'))})


def load(args: argparse.Namespace) -> dict[str, Any]:
    """Return how the service answers one client, and all of them."""
    with tempfile.TemporaryDirectory() as folder:
        root = _scenes(Path(folder), 8, (3840, 1920))
        with _serving(root, args.workers) as (port, _):
            alone = _search(port, 0, max(TURNS, args.steps // 100), args.resolution)
            each = -(-args.steps // args.clients)
            began = time.perf_counter()
            with ThreadPoolExecutor(args.clients) as pool:
                taken = list(pool.map(
                    lambda number: _search(port, number, each, args.resolution),
                    range(1, args.clients + 1)))
            wall = time.perf_counter() - began
    times = np.array([one for mine, _ in taken for one in mine])
    errors = [one for _, wrong in [alone, *taken] for one in wrong]
    for one in errors[:5]:
        print(f'error: {one}', file=sys.stderr)
    p50 = float(np.percentile(alone[0], 50))
    # a step waits for those of all other clients, carried out by so many threads
    predicted = p50 * max(1.0, args.clients / args.workers)
    p95 = float(np.percentile(times, 95))
    return {
        'clients': args.clients, 'workers': args.workers, 'resolution': args.resolution,
        'steps': len(times), 'errors': len(errors), 'steps_per_s': round(len(times) / wall, 1),
        'one_client_p50_ms': round(p50 * 1e3, 1), 'predicted_ms': round(predicted * 1e3, 1),
        'p50_ms': round(float(np.percentile(times, 50)) * 1e3, 1), 'p95_ms': round(p95 * 1e3, 1),
        'p99_ms': round(float(np.percentile(times, 99)) * 1e3, 1),
        'p95_over_predicted': round(p95 / predicted, 2)}


def _search(port: int, number: int, steps: int, resolution: int) -> tuple[list[float], list[str]]:
    """Take so many steps and return their seconds and what went wrong."""
    client, name = _Client(port), f'client {number}'
    times: list[float] = []
    wrong: list[str] = []
    client.post('/environments', {'ids2configs': {name: _config(resolution)}})
    seed = number
    while len(times) < steps:
        seed += 1
        (shown, _), = client.post('/batch/reset', {'ids2seeds': {name: seed}})['results'].values()
        found = re.search(r'yaw (\d+), pitch 0', shown['obs_str'])
        yaw = int(found[1]) if found else -1
        turn = (7 * number) % 50 + 1
        for place in range(1, TURNS + 1):
            last = place == TURNS
            answer = _answer(f'submit({yaw},0)' if last else f'rotate({turn},0)')
            yaw = yaw if last else (yaw + turn) % 360
            began = time.perf_counter()
            status, body = client.call('POST', '/batch/step', {'ids2actions': {name: answer}})
            times.append(time.perf_counter() - began)
            wrong += _wrong(status, body, name, place, yaw, last)
    client.post('/batch/close', {'env_ids': [name]})
    return times, wrong


def _wrong(
        status: int, body: bytes, name: str, place: int, yaw: int, last: bool) -> Iterator[str]:
    """Yield what is not as it must be in the answer to a step."""
    if status != 200:
        yield f'{name}: status {status}: {body[:200]!r}'
        return
    shown, _, done, info = json.loads(body)['results'][name]
    image = shown['multi_modal_data']['<image>'][0]['__pil_image__']
    if (done, info['env_step']) != (last, place) or f'({yaw},0)' not in info['env_feedback']:
        yield f'{name}: step {place} says {info}'
    if not image.startswith('iVBORw0KGgo'):
        yield f'{name}: step {place} shows no PNG'


class _Client:
    """Hold one connection to the service."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection('127.0.0.1', port, timeout=600)

    def call(self, method: str, path: str, payload: Any) -> tuple[int, bytes]:
        self._connection.request(
            method, path, json.dumps(payload), {'Content-Type': 'application/json'})
        response = self._connection.getresponse()
        return response.status, response.read()

    def post(self, path: str, payload: Any) -> Any:
        status, body = self.call('POST', path, payload)
        if status != 200:
            raise RuntimeError(f'{path}: status {status}: {body[:500]!r}')
        return json.loads(body)


def _config(resolution: int) -> dict[str, Any]:
    return {'env_name': 'hstar', 'env_config': {'resolution': resolution}}


def _answer(action: str) -> str:
    return f'<think>I look around.</think><answer>{action}</answer>'


def _scenes(root: Path, count: int, size: tuple[int, int]) -> Path:
    """Draw textured panoramas; all scenes of the small size share one."""
    rng = np.random.default_rng(0)
    item = {'task': 'Find the lamp', 'yaw': [100, 120], 'pitch': [-5, 15],
            'initial yaw': list(STARTS), 'level': [0, 1, 2, 2]}
    for number in range(count):
        scene = root / f'scene_{number:04}'
        scene.mkdir()
        (scene / 'annotation.json').write_text(json.dumps([item, item | {'task': 'Find it'}]))
        picture = scene / 'pano_0.jpg'
        if number and size[0] < 1000:
            os.link(root / 'scene_0000' / 'pano_0.jpg', picture)
            continue
        coarse = rng.integers(0, 255, (size[1] // 32, size[0] // 32, 3), dtype=np.uint8)
        image = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC).astype(np.int16)
        image += rng.integers(-6, 7, image.shape, dtype=np.int16)
        cv2.imwrite(str(picture), np.clip(image, 0, 255).astype(np.uint8))
    return root


@contextmanager
def _serving(root: Path, workers: int) -> Iterator[tuple[int, int]]:
    """Run `hvs serve` in a process of its own and yield its port and process id."""
    process = subprocess.Popen(
        [sys.executable, '-m', 'hvs_ros.cli.main', 'serve', '--port', '0', '--workers',
         str(workers), str(root)], stdout=subprocess.PIPE, text=True,
        env={**os.environ, 'PYTHONPATH': str(REPOSITORY), 'OMP_NUM_THREADS': '1'})
    assert process.stdout is not None
    try:
        said = process.stdout.readline() + process.stdout.readline()
        found = re.search(r'http://\S+:(\d+)', said)
        if found is None:
            raise RuntimeError(f'the service did not start: {said}')
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield int(found[1]), process.pid
    finally:
        process.terminate()
        process.wait(30)


def _memory(pid: int) -> int:
    """Return the bytes a process holds."""
    pages = Path(f'/proc/{pid}/statm').read_text().split()[1]
    return int(pages) * os.sysconf('SC_PAGE_SIZE')


def _cpu(pid: int) -> float:
    """Return the seconds of processor time a process has used."""
    fields = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


if __name__ == '__main__':
    sys.exit(main())
