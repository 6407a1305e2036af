# SPDX-License-Identifier: Apache-2.0
"""Parts that die in the middle of a run: the search still ends, and nothing is left behind."""

from __future__ import annotations

from collections.abc import Callable
import os
from pathlib import Path
import signal
import socket
import subprocess
import time

from evaluation_fixtures import command, environment, write_scene
from graph_runs import run, same
from model_server import ModelServer
import pytest

from hvs_ros.core.messages import TurnLine
from hvs_ros.evaluation.config import ViewConfig
from hvs_ros.evaluation.run_files import read_records

# the contract's two seconds, and one for a machine that is busy with something else
LEAVES_WITHIN_S = 2.0 + 1.0
VIEW = ('--view', '64x36')
SMALL = ViewConfig(64, 36)


@pytest.fixture(scope='module')
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three panoramas of one episode each."""
    root = tmp_path_factory.mktemp('scenes')
    for place in range(3):
        write_scene(root / 'hos', f'scene_{place}', [{
            'task': 'Find the lamp', 'yaw': [90.0, 120.0], 'pitch': [-5.0, 15.0],
            'initial yaw': [10 * place], 'level': [1]}], seed=place)
    return root


@pytest.fixture(scope='module')
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More episodes than any test here lets end."""
    root = tmp_path_factory.mktemp('many')
    write_scene(root / 'hos', 'scene', [
        {'task': 'Find the lamp', 'yaw': [90.0, 120.0], 'pitch': [-5.0, 15.0]}] * 150)
    return root


def children_of(parent: int) -> dict[int, str]:
    """Return the command of every living child by its number."""
    found = {}
    for stat in Path('/proc').glob('[0-9]*/stat'):
        try:
            fields = stat.read_text().rpartition(')')[2].split()
            if fields[1] == str(parent) and fields[0] != 'Z':
                found[int(stat.parent.name)] = (
                    (stat.parent / 'cmdline').read_bytes().replace(b'\0', b' ').decode())
        except OSError:
            continue
    return found


def alive(pid: int) -> bool:
    try:
        stat = Path(f'/proc/{pid}/stat').read_text()
    except OSError:
        return False
    return stat.rpartition(')')[2].split()[0] != 'Z'


def start(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command('eval', '--driver', 'graph', *VIEW, *words), env=environment(),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)


def lines_of(out: Path) -> int:
    path = out / 'episodes.jsonl'
    return path.read_bytes().count(b'\n') if path.exists() else 0


@pytest.mark.parametrize(('mode', 'number'), [
    ((), signal.SIGINT), ((), signal.SIGTERM), (('--isolate',), signal.SIGINT)],
    ids=['composed SIGINT', 'composed SIGTERM', 'isolated SIGINT'])
def test_a_signal_ends_the_run_with_every_episode_on_disk_and_nothing_left(
        tmp_path: Path, many: Path, wait_until: Callable, mode: tuple[str, ...],
        number: signal.Signals) -> None:
    out = tmp_path / 'run'
    process = start(many, '--planner', 'sweep', '--out', out, *mode)
    wait_until(lambda: lines_of(out) >= 2, 40)
    children = children_of(process.pid)
    assert len(children) == (5 if mode else 0)
    begun = time.monotonic()
    process.send_signal(number)
    printed, complaints = process.communicate(timeout=20)
    assert time.monotonic() - begun < LEAVES_WITHIN_S
    assert process.returncode == 128 + number
    assert 'Traceback' not in complaints and str(out) in printed, 'how to go on'
    assert not any(map(alive, children))
    records = read_records(out)
    assert 2 <= len(records) < 600 and (out / 'episodes.jsonl').read_bytes().endswith(b'\n')
    assert {record['outcome'] for record in records} <= {'success', 'failure'}, (
        'a search that was only broken off is left for the next run')


@pytest.mark.parametrize('loaded, delay_s', [
    ('numpy', 0.0), ('numpy', 0.2), ('rclpy', 0.0), ('rclpy', 0.8), ('rclpy', 1.6)])
def test_a_signal_at_the_very_start_leaves_no_traceback(
        tmp_path: Path, many: Path, wait_until: Callable, loaded: str, delay_s: float) -> None:
    process = start(many, '--planner', 'sweep', '--out', tmp_path / 'run')
    maps = Path(f'/proc/{process.pid}/maps')
    # the first of its libraries in memory: the command runs, whatever the interpreter took before
    wait_until(lambda: f'/{loaded}/' in maps.read_text(), 20)
    time.sleep(delay_s)
    process.send_signal(signal.SIGINT)
    _, complaints = process.communicate(timeout=20)
    assert process.returncode == 130 and 'Traceback' not in complaints


def test_no_node_outlives_a_killed_run(
        tmp_path: Path, many: Path, wait_until: Callable) -> None:
    out = tmp_path / 'run'
    process = start(many, '--planner', 'sweep', '--out', out, '--isolate')
    wait_until(lambda: lines_of(out) >= 1, 40)
    children = children_of(process.pid)
    assert len(children) == 5
    process.kill()
    process.communicate(timeout=10)
    wait_until(lambda: not any(map(alive, children)), 10)
    ends = {record['outcome']: record['reason'] for record in read_records(out)}
    assert set(ends) <= {'success', 'failure'}, ends


def test_nodes_killed_in_the_middle_of_searches_come_back_and_every_search_ends(
        tmp_path: Path, scenes: Path) -> None:
    """The renderer dies in the third turn of the first search, the planner in the second's."""
    killed: list[str] = []

    def strike(request: int) -> None:
        victims = {3: 'view_renderer', 7: 'search_planner'}
        if request in victims and victims[request] not in killed:
            killed.append(victims[request])
            os.kill(next(pid for pid, words in children_of(os.getpid()).items()
                         if f' {victims[request]} ' in words), signal.SIGKILL)

    settings = {'episodes': str(scenes), 'view': SMALL, 'seed': 3}
    with ModelServer(strike).serving() as server:
        records = run(
            tmp_path / 'run', planner=server.spec, graph={'isolate': True}, **settings)
        wanted = run(tmp_path / 'direct', 'direct', planner=server.spec, **settings)
    assert killed == ['view_renderer', 'search_planner']
    assert same(records) == same(wanted)
    assert [record['attempt'] for record in records] == [1, 1, 1]


def test_a_dead_server_stops_the_run_with_a_sentence(tmp_path: Path, many: Path) -> None:
    with socket.socket() as probe:
        probe.bind(('127.0.0.1', 0))
        port = probe.getsockname()[1]
    out = tmp_path / 'run'
    process = start(
        many, '--planner', f'openai:tiny@http://127.0.0.1:{port}/v1', '--give-up-after', 0.2,
        '--out', out)
    _, complaints = process.communicate(timeout=40)
    assert process.returncode == 2 and 'Traceback' not in complaints
    assert 'stopped after 5 errors in a row' in complaints.splitlines()[-1]
    assert [record['outcome'] for record in read_records(out)] == ['error'] * 5


def test_a_parameter_that_a_node_refuses_is_a_sentence(tmp_path: Path, scenes: Path) -> None:
    process = start(
        scenes, '--planner', 'sweep', '--out', tmp_path / 'run', '--isolate',
        '-p', 'search_planner.view_timeout:=-1.0')
    _, complaints = process.communicate(timeout=40)
    assert process.returncode == 2 and 'Traceback' not in complaints
    assert 'view_timeout' in complaints.splitlines()[-1]


def test_every_record_and_every_turn_is_told(tmp_path: Path, scenes: Path) -> None:
    import io

    from hvs_ros.evaluation.config import EvalConfig
    from hvs_ros.evaluation.session import evaluate
    from hvs_ros.ros.evaluate import run_graph
    told: list[str] = []
    turns: list[TurnLine] = []
    code = evaluate(
        EvalConfig(str(scenes), 'sweep', 'graph', view=SMALL), tmp_path / 'run',
        stream=io.StringIO(), bar=False, graph=run_graph, on_turn=turns.append,
        on_record=lambda record: told.append(record['id']))
    assert code == 0
    assert sorted(told) == [record['id'] for record in read_records(tmp_path / 'run')]
    assert [(turn.id, turn.index) for turn in turns] == [
        (name, index) for name in told for index in range(4)], 'in order, each once'
