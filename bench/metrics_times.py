# SPDX-License-Identifier: Apache-2.0
"""
Measure what it takes to read, add up and compare runs of the benchmark's size.

    python bench/metrics_times.py            # 4000 made-up searches in 240 panoramas, twice
"""

from __future__ import annotations

from collections.abc import Callable
import json
from pathlib import Path
import tempfile
import time
from typing import Any

import numpy as np

from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.profile import PROFILES
from hvs_ros.core.scoring import Target
from hvs_ros.evaluation.compare import compare_runs
from hvs_ros.evaluation.config import EvalConfig
from hvs_ros.evaluation.groups import BENCHMARK, counted
from hvs_ros.evaluation.metrics import compute_metrics
from hvs_ros.evaluation.outcomes import target_to_dict
from hvs_ros.evaluation.reading import read_run

ITEMS = {'hos': 600, 'hps': 400}
SCENES = {'hos': 140, 'hps': 100}
PROFILE = 'published-2026'
ROUNDS = 5


def write_run(folder: Path, seed: int) -> None:
    """Write a run folder whose searches succeed about as often as a trained model's."""
    rng = np.random.default_rng(seed)
    lines = [line for split in ITEMS for line in _lines(split, rng)]
    manifest = {
        'schema_version': 1, 'config': EvalConfig('made up').to_dict(),
        'episodes': {'count': len(lines), 'groups': counted(lines)}}
    folder.mkdir()
    (folder / 'run.json').write_text(json.dumps(manifest))
    (folder / 'episodes.jsonl').write_text(''.join(f'{json.dumps(line)}\n' for line in lines))


def _lines(split: str, rng: np.random.Generator) -> list[dict[str, Any]]:
    levels = [
        level for level, count in enumerate(BENCHMARK[split].values()) for _ in range(count)]
    lines = []
    for item in range(ITEMS[split]):
        luck = rng.beta(0.8, 1.2)
        for start in range(4):
            place = item * 4 + start
            # Spread over the items, as the benchmark's levels are.
            level = levels[place * 1009 % len(levels)]
            lines.append(_line(split, item, start * 90, level, bool(rng.random() < luck), rng))
    return lines


def _line(
        split: str, item: int, start: int, level: int, success: bool,
        rng: np.random.Generator) -> dict[str, Any]:
    scene = f'scene_{item % SCENES[split]:03}'
    kind = 'object' if split == 'hos' else 'path'
    low = float(item * 7 % 330)
    target = Target(kind, (low, low + 20.5), (-5.0, 15.0) if kind == 'object' else None)
    answer = target.centre if success else BenchmarkAngles((low + 180) % 360, 0)
    off = {'centre': 0.0 if success else 170.0, 'window': 0.0 if success else 160.0}
    turn = {
        'reply': 'x' * 400, 'thought': 'x' * 300,
        'action': {'type': 'rotate', 'dyaw': 10, 'dpitch': 0}, 'gaze_told': [0, 0],
        'gaze_measured': [0, 0], 'valid': True, 'not_found': False, 'latency_s': 0.8,
        'tokens': {'prompt': 3000, 'completion': 120}, 'finish_reason': 'stop'}
    return {
        'id': f'{split}/{scene}/{item}/{start}', 'repeat': 0, 'split': split, 'scene': scene,
        'level': level, 'instruction': f'Find {item}', 'start': [start, 0],
        'target': target_to_dict(target), 'panorama': f'{split}/{scene}/pano.jpg',
        'outcome': 'success' if success else 'failure', 'reason': '', 'profile': PROFILE,
        'success': dict.fromkeys(PROFILES, success), 'answer': [answer.yaw, answer.pitch],
        'gaze': [answer.yaw, answer.pitch], 'errors': {'gaze': off, 'answer': off},
        'turns': [turn] * int(rng.integers(1, 10)), 'model': 'made-up', 'attempt': 1}


def _median_s(work: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        work()
        times.append(time.process_time() - begun)
    return float(np.median(times))


def main() -> None:
    """Print the seconds of processor time that each step takes, the median of five."""
    with tempfile.TemporaryDirectory() as scratch:
        a, b = Path(scratch, 'a'), Path(scratch, 'b')
        write_run(a, 1)
        write_run(b, 2)
        manifest, records = read_run(a)
        print(f'{len(records)} searches, {sum(len(r["turns"]) for r in records)} turns')
        for name, work in {
                'read and check': lambda: read_run(a),
                'metrics': lambda: compute_metrics(manifest, records),
                'compare, reading both': lambda: compare_runs(a, b)}.items():
            print(f'{name:24} {_median_s(work):.2f} s')


if __name__ == '__main__':
    main()
