# SPDX-License-Identifier: Apache-2.0
"""`hvs bench planner`: what is counted, for each policy, at a real server."""

from __future__ import annotations

from collections.abc import Iterator
import json
from pathlib import Path
import sys

import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / 'planners'))
from fault_server import FaultServer

from hvs_ros.cli.main import main

METRICS = """# TYPE vllm:prefix_cache_queries_total counter
vllm:prefix_cache_queries_total{engine="0",model_name="tiny"} QUERIES
vllm:prefix_cache_hits_total{engine="0",model_name="tiny"} HITS
"""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultServer]:
    monkeypatch.delenv('OPENAI_API_KEY', raising=False)
    server = FaultServer()
    yield server
    server.stop()


def test_each_policy_has_its_tokens_pictures_and_cache_hits(
        server: FaultServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server.metrics = lambda: METRICS.replace(
        'QUERIES', f'{1000.0 * len(server.requests):g}').replace(
        'HITS', f'{250.0 * len(server.requests):g}')
    file = tmp_path / 'bench.json'
    assert main(['bench', 'planner', '--planner', server.spec, '--searches', '1', '--turns', '7',
                 '--json', str(file)]) == 0
    policies = {policy['policy']: policy for policy in json.loads(file.read_text())['policies']}
    shown = {'published': [1, 2, 3, 4, 5, 5, 5], 'append': [1, 2, 3, 4, 5, 6, 7],
             'two-round': [1, 2, 2, 2, 2, 2, 2]}
    for name, images in shown.items():
        cost = policies[name]
        assert (cost['turns'], cost['images']) == (7, sum(images))
        assert cost['prompt_tokens'] == 7 * 100 + 500 * sum(images)
        assert cost['cached_tokens'] == 7 * 64
        assert (cost['prefix_queries'], cost['prefix_hits']) == (7000.0, 1750.0)
        assert cost['image_bytes'] > 10000 * sum(images)
    told = capsys.readouterr().out
    assert '25%' in told and 'two-round' in told and '1920x1080 JPEG as rendered' in told


def test_a_server_without_metrics_has_none(
        server: FaultServer, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['bench', 'planner', '--planner', server.spec, '--searches', '1',
                 '--turns', '1']) == 0
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith('append')]
    assert '–' in rows[0]


@pytest.mark.parametrize(('words', 'says'), [
    ([], 'needs --planner'), (['--planner', 'sweep'], 'asked in words'),
    (['--planner', 'openai:m@http://127.0.0.1:9/v1', '--turns', '0'], '--turns must be'),
    (['--planner', 'openai:m@https://8.8.8.8/v1'], 'allow-remote-images')])
def test_what_cannot_be_measured_is_refused(
        words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(['bench', 'planner', *words]) == 2
    assert says in capsys.readouterr().err
