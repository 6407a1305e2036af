# SPDX-License-Identifier: Apache-2.0
"""Workers on a real Ray cluster of this machine: the same records, whatever dies."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
import os
from pathlib import Path
import shutil
import signal
import socket
import threading
import time

from evaluation_fixtures import SMALL_VIEW, comparable
from model_replies import Completions, serving
import pytest

from hvs_ros.cli.main import main
from hvs_ros.evaluation.config import EvalConfig, ViewConfig, load_selected
from hvs_ros.evaluation.direct import run_direct
from hvs_ros.evaluation.manifest import build_manifest, planner_for
from hvs_ros.evaluation.records import RunWriter
from hvs_ros.evaluation.run_files import read_lines, read_records

ray = pytest.importorskip('ray', reason='ray is not installed (extra [cluster])')
VIEW = ViewConfig(64, 36)
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope='module')
def address() -> Iterator[str]:
    """A cluster of two nodes on this machine, with two processors each."""
    from ray.cluster_utils import Cluster
    before = os.environ.get('PYTHONPATH')
    os.environ['PYTHONPATH'] = str(REPOSITORY)
    cluster = Cluster(initialize_head=True, head_node_args={
        'num_cpus': 2, 'object_store_memory': 80 << 20, 'include_dashboard': False})
    cluster.add_node(num_cpus=2, object_store_memory=80 << 20)
    yield cluster.address
    cluster.shutdown()
    if before is None:
        del os.environ['PYTHONPATH']
    else:
        os.environ['PYTHONPATH'] = before


def run(config: EvalConfig, out: Path, on_record: object = lambda record: None) -> list[dict]:
    episodes, planner = load_selected(config), planner_for(config)
    with RunWriter.open(out, build_manifest(config, episodes, planner)) as writer:
        run_direct(writer, episodes, planner, on_record)  # type: ignore[arg-type]
    return read_records(out)


def workers_here() -> list[int]:
    """Return the processes of the cluster that run searches."""
    found = []
    for path in Path('/proc').glob('[0-9]*/cmdline'):
        try:
            if b'ray::_Workers' in path.read_bytes():
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found


@pytest.fixture(scope='module')
def alone(tmp_path_factory: pytest.TempPathFactory, dataset: Path) -> list[dict]:
    """The records of one loop without a cluster."""
    out = tmp_path_factory.mktemp('alone') / 'run'
    return list(map(comparable, run(
        EvalConfig(str(dataset), 'random', view=VIEW, repeats=2), out)))


def test_a_cluster_makes_the_records_of_one_loop(
        tmp_path: Path, dataset: Path, address: str, alone: list[dict]) -> None:
    config = EvalConfig(
        str(dataset), 'random', view=VIEW, repeats=2, workers=3, cluster=address)
    assert list(map(comparable, run(config, tmp_path / 'run'))) == alone
    # where it was run is no part of what was measured: the same folder, taken up without one
    words = ['eval', str(dataset), '--planner', 'random', '--repeats', '2', *SMALL_VIEW]
    assert main([*words, '--out', str(tmp_path / 'run')]) == 0


def test_a_worker_killed_on_a_node_costs_no_episode(
        tmp_path: Path, dataset: Path, address: str, alone: list[dict]) -> None:
    killed: list[int] = []

    def kill(record: dict) -> None:
        if not killed:
            killed.extend(workers_here())
            for pid in killed:
                os.kill(pid, signal.SIGKILL)

    config = EvalConfig(
        str(dataset), 'random', view=VIEW, repeats=2, workers=2, cluster=address)
    assert list(map(comparable, run(config, tmp_path / 'run', kill))) == alone
    assert len(killed) == 2


class Together(Completions):
    """A slow model: answers nobody before six ask at once."""

    reply = '<think>there</think><answer>submit(110,0)</answer>'
    usage = {'prompt_tokens': 9000, 'completion_tokens': 1000, 'total_tokens': 10000}
    barrier = threading.Barrier(6)
    asked: Counter[int] = Counter()

    def before_answering(self) -> None:
        Together.asked[self.server.server_address[1]] += 1
        Together.barrier.wait(60)


def test_searches_that_wait_for_servers_share_a_process_on_each_node(
        tmp_path: Path, dataset: Path, address: str) -> None:
    with serving(Together) as one, serving(Together) as two:
        config = EvalConfig(
            str(dataset), f'openai:tiny@{one},{two}', view=VIEW, workers=6, limit=24,
            cluster=address, give_up_after=60)
        seen: set[int] = set()
        records = run(config, tmp_path / 'run', lambda record: seen.update(workers_here()))
    assert len(records) == 24 and {r['outcome'] for r in records} <= {'success', 'failure'}
    assert {r['planner'] for r in records} == {config.planner}
    assert len(Together.asked) == 2 and len(seen) == 2


class Paid(Completions):
    reply = '<think>on</think><answer>rotate(90,0)</answer>'
    usage = {'prompt_tokens': 9000, 'completion_tokens': 1000, 'total_tokens': 10000}
    asked = 0

    def before_answering(self) -> None:
        Paid.asked += 1
        time.sleep(0.02)


def test_a_budget_holds_over_all_nodes(tmp_path: Path, dataset: Path, address: str) -> None:
    out = tmp_path / 'run'
    with serving(Paid) as url:
        code = main([
            'eval', str(dataset), '--planner', f'openai:tiny@{url}', '--workers', '4',
            '--cluster', address, '--max-turns', '3', '--price-input', '1', '--price-output',
            '1', '--max-cost', '0.205', *SMALL_VIEW, '--out', str(out)])
    assert code == 1
    assert read_lines(out).prompt_tokens == 9000 * Paid.asked
    assert 21 <= Paid.asked <= 24


def test_another_file_at_the_same_path_on_a_node_is_an_error_not_a_score(
        tmp_path: Path, dataset: Path, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / 'data'
    shutil.copytree(dataset, data)
    config = EvalConfig(str(data), 'sweep', view=VIEW, workers=2, cluster=address, limit=8)
    from hvs_ros.evaluation import direct
    before = direct.image_hashes

    def spoiled_afterwards(episodes: object) -> dict[str, str]:
        hashes = before(episodes)  # type: ignore[arg-type]
        path = data / 'a/flat/pano_0.jpg'
        content = bytearray(path.read_bytes())
        content[15] ^= 3
        path.write_bytes(content)
        return hashes

    monkeypatch.setattr(direct, 'image_hashes', spoiled_afterwards)
    records = run(config, tmp_path / 'run')
    assert {record['outcome'] for record in records} == {'error'}
    assert f'is another picture here, on {socket.gethostname()}' in records[0]['reason']


def test_a_cluster_that_is_too_small_is_one_sentence(
        tmp_path: Path, dataset: Path, address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([
        'eval', str(dataset), '--planner', 'sweep', '--workers', '9', '--cluster', address,
        '--out', str(tmp_path / 'run')]) == 2
    complaints = capsys.readouterr().err
    assert 'has 4 processors, too few for 9 workers' in complaints
    assert 'Traceback' not in complaints


def test_a_cluster_that_is_not_there_is_one_sentence(
        tmp_path: Path, dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        nobody = f'127.0.0.1:{probe.getsockname()[1]}'
    assert main([
        'eval', str(dataset), '--planner', 'sweep', '--cluster', nobody, '--out',
        str(tmp_path / 'run')]) == 2
    complaints = capsys.readouterr().err.splitlines()[-1]
    assert nobody in complaints and 'cannot be used' in complaints
