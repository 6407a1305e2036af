# SPDX-License-Identifier: Apache-2.0
"""
Measure a run of the benchmark's size: 4000 episodes in 240 panoramas, five turns each.

    python bench/throughput.py                      # makes the dataset, runs, resumes
    python bench/throughput.py --data DIR           # keeps the dataset there for another time
    python bench/throughput.py --scenes 24 --json figures.json

The dataset has the benchmark's layout and counts (600 object items, 400 path items, four starts
each); its panoramas are 2048 x 1024 JPEGs, no two alike. The planner looks round in five views
of 1920 x 1080 and submits, so that the figure is ours alone. Then the finished run is resumed.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
import json
import os
from pathlib import Path
import resource
import subprocess
import sys
import tempfile
import time
from typing import Any

import cv2
import numpy as np

SCENES = {'hos': (150, 600), 'hps': (90, 400)}
WIDTH, HEIGHT = 2048, 1024
TURNS = 5
MUST = {'run_s': 480.0, 'resume_s': 3.0}


def make_dataset(root: Path, scenes: int) -> int:
    """Write the dataset, thinned to about ``scenes`` scenes, and return its episodes."""
    total = sum(count for count, _ in SCENES.values())
    count = 0
    for split, (places, items) in SCENES.items():
        kept = max(1, places * scenes // total)
        for place in range(kept):
            number = items // places + (place < items % places)
            _write_scene(root / split / f'scene_{place:03}', split, place, number)
            count += 4 * number
    return count


def _write_scene(folder: Path, split: str, place: int, items: int) -> None:
    draw = np.random.default_rng([len(split), ord(split[1]), place])
    folder.mkdir(parents=True)
    annotation = []
    for item in range(items):
        yaw = float(draw.integers(0, 330))
        window: dict[str, Any] = {
            'task': f'Find object {item}', 'yaw': [yaw, yaw + 20], 'level': item % 3}
        annotation.append({**window, 'pitch': [-10.0, 10.0]} if split == 'hos' else window)
    (folder / 'annotation.json').write_text(json.dumps(annotation))
    # Large shapes and fine texture: a JPEG of the size that photographs have.
    shapes = cv2.resize(
        draw.integers(0, 255, (16, 32, 3), dtype=np.uint8), (WIDTH, HEIGHT),
        interpolation=cv2.INTER_CUBIC)
    texture = cv2.resize(
        draw.integers(0, 40, (HEIGHT // 2, WIDTH // 2, 1), dtype=np.uint8), (WIDTH, HEIGHT))
    image = cv2.add(shapes, cv2.cvtColor(texture, cv2.COLOR_GRAY2BGR))
    cv2.imwrite(str(folder / 'pano_0.jpg'), image, [cv2.IMWRITE_JPEG_QUALITY, 90])


def _cpu_s() -> float:
    """Return the processor time of all processes that were started and have ended, in seconds."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(data: Path, run: Path, workers: int) -> dict[str, float]:
    """Return how long the run, what is derived from it, and resuming it take, in seconds."""
    words = [
        sys.executable, '-m', 'hvs_ros.cli.main', 'eval', str(data), '--planner',
        f'sweep:{TURNS}', '--workers', str(workers), '--out', str(run)]
    begun, started, cpu_before = time.monotonic(), time.time(), _cpu_s()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    run_s, cpu_s = time.monotonic() - begun, _cpu_s() - cpu_before
    searched_s = (run / 'episodes.jsonl').stat().st_mtime - started
    begun, cpu_before = time.monotonic(), _cpu_s()
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
    return {
        'run_s': run_s, 'searched_s': searched_s, 'derived_s': run_s - searched_s,
        'run_cpu_s': cpu_s, 'resume_s': time.monotonic() - begun,
        'resume_cpu_s': _cpu_s() - cpu_before,
        'report_mb': (run / 'report.html').stat().st_size / 1e6}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 0 when what must be reached is, at full size."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--data', type=Path, help='where the dataset is, or is to be made')
    parser.add_argument('--scenes', type=int, default=240)
    parser.add_argument('--workers', type=int, default=2)
    parser.add_argument('--json', type=Path)
    options = parser.parse_args(argv)
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    with tempfile.TemporaryDirectory() as name:
        data = options.data or Path(name) / 'data'
        if not data.exists():
            print(f'{make_dataset(data, options.scenes)} episodes in {data}', flush=True)
        figures = measure(data, Path(name) / 'run', options.workers)
        lines = (Path(name) / 'run/episodes.jsonl').read_bytes().count(b'\n')
    figures['episodes'] = lines
    figures['turns_per_s'] = TURNS * lines / figures['searched_s']
    print(json.dumps({key: round(value, 2) for key, value in figures.items()}))
    if options.json:
        options.json.write_text(json.dumps({'figures': figures}, indent=1) + '\n')
    late = [name for name, most in MUST.items() if figures[name] > most]
    return 1 if late and options.scenes >= 240 else 0


if __name__ == '__main__':
    sys.exit(main())
