# SPDX-License-Identifier: Apache-2.0
"""
Print how fast views are rendered and searches go, as JSON on standard output.

Single times on a shared machine mean little: what is compared runs interleaved in this one
process, medians are taken, and the ratio is the figure to quote.

    python bench/render_and_turns.py     # or: make bench
"""

from __future__ import annotations

from collections.abc import Callable
import io
import json
import math
import os
from pathlib import Path
import platform
import statistics
import tempfile
import time
from typing import Any

import cv2
import numpy as np
import py360convert

from hvs_ros.core.episode import load_episodes
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.panorama import load_panorama
from hvs_ros.core.renderer import Renderer, ViewSpec
from hvs_ros.core.share import share_path
from hvs_ros.evaluation.config import EvalConfig
from hvs_ros.evaluation.records import read_records
from hvs_ros.evaluation.session import evaluate

ROUNDS = 15
SPEC = ViewSpec(1920, 1080, math.radians(100), reticle=False)
GAZES = [BenchmarkAngles(37.0 * n % 360, 13.0 * n % 80 - 40) for n in range(ROUNDS)]


def rendering(width: int, height: int) -> dict[str, Any]:
    """Return medians in ms, and what the renderer takes as a share of py360convert's time."""
    episode = next(iter(load_episodes(share_path('sim/episodes'))))
    image = cv2.resize(load_panorama(episode.panorama).image, (width, height))
    renderer = Renderer(SPEC)
    contenders: dict[str, Callable[[BenchmarkAngles], object]] = {
        'render': lambda gaze: renderer.render(image, gaze.to_gaze()),
        'render_and_jpeg': lambda gaze: renderer.view(image, gaze.to_gaze()),
        'py360convert': lambda gaze: py360convert.e2p(
            image, (100, _vertical_fov()), gaze.yaw, gaze.pitch, (SPEC.height, SPEC.width))}
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for number, gaze in enumerate(GAZES):
        for name, contender in contenders.items():
            begin = time.perf_counter()
            contender(gaze)
            if number:  # the first round warms caches and buffers up
                times[name].append(1e3 * (time.perf_counter() - begin))
    medians = {name: statistics.median(values) for name, values in times.items()}
    return {
        'panorama': f'{width}x{height}', 'view': f'{SPEC.width}x{SPEC.height}',
        'median_ms': {name: round(value, 2) for name, value in medians.items()},
        'render_to_py360convert': round(medians['render'] / medians['py360convert'], 3),
        'rounds': ROUNDS - 1}


def searching() -> dict[str, Any]:
    """Return the turns a second of the direct driver, one worker, on the bundled episodes."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, 'run')
        begin = time.perf_counter()
        evaluate(
            EvalConfig(str(share_path('sim/episodes')), planner='sweep', limit=12), out,
            stream=io.StringIO(), graph=None, bar=False)
        wall_s = time.perf_counter() - begin
        records = list(read_records(out))
    turns = sum(len(record['turns']) for record in records)
    return {
        'driver': 'direct', 'planner': 'sweep', 'view': '1920x1080', 'episodes': len(records),
        'turns': turns, 'wall_s': round(wall_s, 2),
        'turns_a_second': round(turns / sum(record['wall_s'] for record in records), 1)}


def _vertical_fov() -> float:
    return math.degrees(2 * math.atan(
        math.tan(SPEC.horizontal_fov / 2) * SPEC.height / SPEC.width))


if __name__ == '__main__':
    cv2.setNumThreads(1)
    print(json.dumps({
        'rendering': [rendering(3840, 1920), rendering(7680, 3840)],
        'searching': searching(),
        'machine': {
            'cores': os.cpu_count(), 'threads': 1, 'architecture': platform.machine(),
            'python': platform.python_version(), 'numpy': np.__version__,
            'opencv': cv2.__version__}}, indent=1))
