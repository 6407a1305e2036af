# SPDX-License-Identifier: Apache-2.0
"""What the tests of environments share: scenes, recorded episodes, and what a step must say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
import json
from pathlib import Path
import re
from typing import Any

import cv2
import numpy as np

from hvs_ros.core.conformance import RecordedEpisode, read_episodes
from hvs_ros.core.episode import Episode, load_episodes
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.profile import PROFILES
from hvs_ros.core.prompts import PromptPack, load_prompts
from hvs_ros.environments.config import EnvConfig
from hvs_ros.environments.environment import Environment
from hvs_ros.environments.views import Views

REPOSITORY = Path(__file__).resolve().parents[2]
SUITE = REPOSITORY / 'test' / 'conformance'
SHARED = REPOSITORY.parent / 'shared'
OBJECT_ITEM = {
    'task': 'Find the lamp', 'yaw': [100.0, 120.0], 'pitch': [-5.0, 15.0],
    'initial yaw': [0, 90, 180, 270], 'level': [0, 1, 2, 2]}
PATH_ITEM = {'task': 'Go to the exit', 'yaw': [355.0, 4.0], 'level': [3, 2, 1, 0]}
TOLD = re.compile(r'\(yaw,pitch\) is \((-?[\d.e+]+),(-?[\d.e+]+)\)')
# where recorded searches lie: file, annotations, profile
SUITES = [(SUITE / f'{name}.jsonl', SUITE / 'episodes', name) for name in PROFILES]
TURNS = [
    (SHARED / 'parity' / 'turns.jsonl', SHARED / 'panoramas', 'published-2026'),
    (SHARED / 'parity' / 'turns_2025.jsonl', SHARED / 'panoramas', 'published-2025')]
EDGES = [
    (SHARED / 'parity' / 'edges.jsonl', SHARED / 'parity/edges_panoramas', 'published-2026'),
    (SHARED / 'parity' / 'edges_2025.jsonl', SHARED / 'parity/edges_panoramas', 'published-2025')]


def write_scene(
        root: Path, scene: str, items: list[Mapping[str, Any]], seed: int = 0,
        size: tuple[int, int] = (256, 128)) -> Path:
    folder = root / scene
    folder.mkdir(parents=True)
    coarse = np.random.default_rng(seed).integers(0, 255, (8, 16, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, size, interpolation=cv2.INTER_LINEAR)
    assert cv2.imwrite(str(folder / 'pano_0.png'), picture)
    (folder / 'annotation.json').write_text(json.dumps(items))
    return folder


def write_mixed(root: Path) -> Path:
    """Write a split root in which object and path searches lie side by side: 16 episodes."""
    write_scene(root, 'flat', [OBJECT_ITEM, PATH_ITEM], seed=1)
    write_scene(root, 'hall', [PATH_ITEM], seed=2)
    write_scene(root, 'wide', [OBJECT_ITEM | {'task': 'Find the cup'}], seed=3)
    return root


def pack_for(answer_format: str) -> PromptPack:
    return load_prompts('default' if answer_format == 'free_think' else answer_format)


def environment(
        profile: str = 'published-2026', max_turns: int | None = None,
        **config: Any) -> Environment:
    wanted = EnvConfig.from_dict({'resolution': 90, **config})
    return Environment(
        wanted, PROFILES[profile], pack_for(wanted.prompt_format), Views(), max_turns)


def recorded(path: Path, folder: Path) -> Iterator[tuple[RecordedEpisode, Episode]]:
    """Yield the recorded episodes with the benchmark's own, started where they were."""
    known = {(one.split, one.scene, one.item): one for one in load_episodes(folder)}
    for episode in read_episodes(path):
        found = known[episode.split, episode.scene, episode.item]
        yield episode, replace(found, start=BenchmarkAngles(episode.start_yaw, 0))


def said(reward: float, done: bool, info: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a step says, in the fields of a conformance file; a pose only where told."""
    metrics = info['metrics']
    told = TOLD.search(info['env_feedback'])
    fields = {
        'actions': info['actions'], 'format_correct': info['format_correct'],
        'valid': metrics['turn_metrics']['action_is_valid'],
        'effective': metrics['turn_metrics']['action_is_effective'],
        'reward': reward, 'done': done, 'success': metrics['traj_metrics']['success'],
        'told_direction': told is not None}
    if told is not None:
        fields |= {'yaw': float(told[1]), 'pitch': float(told[2])}
    return fields


def differences(wanted: Mapping[str, Any], got: Mapping[str, Any]) -> list[str]:
    return [f'{key}: expected {wanted[key]}, got {got[key]}'
            for key in got if key in wanted and wanted[key] != got[key]]
