# SPDX-License-Identifier: Apache-2.0
"""Recorded searches go through the service as through the harness they were recorded with."""

from __future__ import annotations

from collections.abc import Sequence

from environment_fixtures import (
    EDGES,
    SHARED,
    SUITE,
    SUITES,
    TURNS,
    differences,
    recorded,
    said,
)
import pytest
from service_client import Client, serving

from hvs_ros.core.episode import load_episodes

pytest.importorskip('starlette')
pytest.importorskip('uvicorn')


def seeds_of(folder) -> dict[tuple, int]:
    """Return the seed of every episode of a split root."""
    return {(one.scene, one.item, one.start.yaw): one.legacy_seed for one in load_episodes(folder)}


def play(client, split, lines, seeds) -> list[str]:
    """Step so many recorded episodes at once, in one environment each, used again and again."""
    formats = dict(enumerate(lines))
    client.post('/environments', ids2configs={
        str(number): {'env_name': 'hstar', 'env_config': {
            'data_path': split, 'resolution': 9, 'prompt_format': line.answer_format}}
        for number, line in formats.items()})
    client.post('/batch/reset', ids2seeds={
        str(number): seeds[line.scene, line.item, line.start_yaw % 360]
        for number, line in formats.items()})
    found, poses = [], {number: (line.start_yaw, 0) for number, line in formats.items()}
    ended: set[int] = set()
    for turn in range(max(len(line.turns) for line in lines)):
        running = {number: line for number, line in formats.items()
                   if number not in ended and turn < len(line.turns)}
        results = client.post('/batch/step', ids2actions={
            str(number): line.turns[turn]['text'] for number, line in running.items()})['results']
        for number, line in running.items():
            observation, reward, done, info = results[str(number)]
            got = said(reward, done, info)
            poses[number] = (got.get('yaw', poses[number][0]), got.get('pitch', poses[number][1]))
            got |= {'yaw': poses[number][0], 'pitch': poses[number][1]}
            assert info['env_step'] == turn + 1
            assert observation['obs_str'].count('<image>') == (0 if done else 1)
            wrong = differences(line.turns[turn], got)
            found += [f'line {line.line}, turn {turn + 1}: {one}' for one in wrong]
            if done:
                ended.add(number)
    return found


def played(path, folder, profile, at_once=200) -> tuple[int, list[str]]:
    """Play a file through a service; return the turns played and what differed in them."""
    lines = [line for line, _ in recorded(path, folder)]
    splits = sorted({line.split for line in lines})
    found, turns = [], 0
    with serving(*(str(folder / split) for split in splits), '--profile', profile) as port:
        client = Client(port)
        for split in splits:
            seeds = seeds_of(folder / split)
            mine: Sequence = [line for line in lines if line.split == split and (
                line.scene, line.item, line.start_yaw % 360) in seeds]
            turns += sum(len(line.turns) for line in mine)
            for place in range(0, len(mine), at_once):
                found += play(client, split, mine[place:place + at_once], seeds)
    return turns, found


@pytest.mark.parametrize('path, folder, profile, turns', [
    (*suite, turns) for suite, turns in zip(SUITES, (1380, 1380, 83), strict=True)
], ids=lambda value: str(value)[-20:])
def test_the_conformance_suite_agrees_over_http(path, folder, profile, turns):
    assert path.parent == SUITE
    count, found = played(path, folder, profile, at_once=37)
    assert found == []
    assert count == turns


@pytest.mark.skipif(not SHARED.is_dir(), reason='the shared benchmark data is not here')
@pytest.mark.parametrize('path, folder, profile, turns', [
    *((*turns, 2400) for turns in TURNS), *((*edges, 12024) for edges in EDGES)
], ids=lambda value: str(value)[-20:])
def test_the_recorded_benchmark_episodes_agree_over_http(path, folder, profile, turns):
    count, found = played(path, folder, profile)
    assert found == []
    assert count == turns


def test_a_service_of_another_profile_is_found_out():
    path, folder, _ = SUITES[0]
    _, found = played(path, folder, 'strict')
    assert len(found) > 50
