# SPDX-License-Identifier: Apache-2.0
"""What the tests of evaluation share: scenes of every kind, and the command in a process."""

from __future__ import annotations

import json
import os
from pathlib import Path
import subprocess
import sys

import cv2
import numpy as np

REPOSITORY = Path(__file__).resolve().parents[2]
OBJECT_ITEMS = [
    {'task': 'Find the lamp', 'yaw': [100.0, 120.0], 'pitch': [-5.0, 15.0],
     'initial yaw': [0, 90, 180, 270], 'level': [0, 1, 2, 2]},
    {'task': 'Find the door', 'yaw': [350.0, 20.0], 'pitch': [30.0, 50.0], 'level': 1},
    {'task': 'Find the cup', 'yaw': [10.5, 12.25], 'pitch': [-80.0, -70.0],
     'initial yaw': [37.5, 200.25]},
    {'task': 'Find the ceiling', 'yaw': [0, 360], 'pitch': [60, 90], 'initial yaw': [0]},
]
PATH_ITEMS = [
    {'task': 'Go to the exit', 'yaw': [355.0, 4.0], 'level': [3, 2, 1, 0]},
    {'task': 'Go upstairs', 'yaw': [200.0, 215.0], 'initial yaw': [12.5, 90]},
]


def write_panorama(path: Path, size: tuple[int, int] = (256, 128), seed: int = 0) -> None:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (8, 16, 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR))


def write_scene(
        root: Path, scene: str, items: list[dict[str, object]],
        size: tuple[int, int] = (256, 128), suffix: str = '.jpg', seed: int = 0) -> Path:
    folder = root / scene
    folder.mkdir(parents=True)
    (folder / 'annotation.json').write_text(json.dumps(items))
    write_panorama(folder / f'pano_0{suffix}', size, seed)
    return folder


def command(*words: object) -> list[str]:
    return [sys.executable, '-m', 'hvs_ros.cli.main', *map(str, words)]


def environment() -> dict[str, str]:
    return {**os.environ, 'OMP_NUM_THREADS': '1', 'PYTHONPATH': str(REPOSITORY)}


def hvs(*words: object, timeout: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*words), env=environment(), capture_output=True, text=True, timeout=timeout,
        check=False)


SMALL_VIEW = ('--view', '64x36')


def comparable(record: dict[str, object]) -> dict[str, object]:
    """Return a record without what a clock decides."""
    turns = [{**turn, 'latency_s': 0} for turn in record['turns']]  # type: ignore[attr-defined]
    return {**record, 'wall_s': 0, 'attempt': 0, 'turns': turns}
