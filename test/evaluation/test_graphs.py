# SPDX-License-Identifier: Apache-2.0
"""Several graphs on one run: one writer, nothing lost when a graph or the writer dies."""

from __future__ import annotations

from functools import partial
import io
from pathlib import Path
import signal
import subprocess
import sys
import time

from evaluation_fixtures import comparable, environment
import pytest
from scripted_graph import play

from hvs_ros.core.errors import InputError
from hvs_ros.evaluation.config import EvalConfig, ViewConfig
from hvs_ros.evaluation.run_files import RunError, read_lines, read_records
from hvs_ros.evaluation.session import RunStoppedError, evaluate

VIEW = ViewConfig(64, 36)


def config_of(dataset: Path, **changes: object) -> EvalConfig:
    return EvalConfig(
        str(dataset), 'random', 'graph', view=VIEW, workers=3, repeats=2,
        **changes)  # type: ignore[arg-type]


def run(dataset: Path, out: Path, **behaviour: object) -> int:
    return evaluate(
        config_of(dataset), out, stream=io.StringIO(), graph=partial(play, **behaviour),
        bar=False)


@pytest.fixture(scope='module')
def alone(tmp_path_factory: pytest.TempPathFactory, dataset: Path) -> list[dict]:
    """The records of one loop without graphs."""
    out = tmp_path_factory.mktemp('alone') / 'run'
    config = EvalConfig(str(dataset), 'random', view=VIEW, repeats=2)
    assert evaluate(config, out, stream=io.StringIO(), bar=False) == 0
    return list(map(comparable, read_records(out)))


def test_graphs_share_a_run_panorama_by_panorama_and_leave_one_folder(
        tmp_path: Path, dataset: Path, alone: list[dict]) -> None:
    out = tmp_path / 'run'
    (tmp_path / 'seen').mkdir()
    assert run(dataset, out, seen=str(tmp_path / 'seen')) == 0
    assert list(map(comparable, read_records(out))) == alone
    places = sorted(path.name.partition('-')[0] for path in (tmp_path / 'seen').iterdir())
    assert places == ['0', '1', '2']
    assert sorted(path.name for path in out.iterdir()) == [
        'episodes.jsonl', 'metrics.json', 'report.html', 'run.json']


def test_a_graph_that_is_killed_is_started_again_and_costs_no_episode(
        tmp_path: Path, dataset: Path, alone: list[dict]) -> None:
    out = tmp_path / 'run'
    assert run(dataset, out, dies_once_at='hos/flat/0/90') == 0
    assert list(map(comparable, read_records(out))) == alone


def test_a_search_that_kills_every_graph_is_an_error_and_the_others_go_on(
        tmp_path: Path, dataset: Path, alone: list[dict]) -> None:
    out = tmp_path / 'run'
    deadly = ('hos/flat/0/90', 'hos/flat/3/0')
    with pytest.raises(RunStoppedError, match='4 of 50 episodes ended in error'):
        run(dataset, out, deadly=deadly)
    records = read_records(out)
    errors = [record for record in records if record['outcome'] == 'error']
    assert {record['id'] for record in errors} == set(deadly) and len(errors) == 4
    assert 'the graph died 2 times (exit code -9)' in errors[0]['reason']
    assert len(records) == 50
    # the next sitting tries those again, and those alone
    assert run(dataset, out) == 0
    assert list(map(comparable, read_records(out))) == alone
    assert sum(record['attempt'] == 2 for record in read_records(out)) == 4


def test_a_graph_that_gives_up_ends_the_run_in_its_own_words(
        tmp_path: Path, dataset: Path) -> None:
    with pytest.raises(RunStoppedError, match='the scripted graph gave up; the same command'):
        run(dataset, tmp_path / 'run', gives_up_at='hos/flat/1/0')
    assert (tmp_path / 'run/report.html').exists()
    assert run(dataset, tmp_path / 'run') == 0


def in_a_process(dataset: Path, out: Path) -> subprocess.Popen[str]:
    code = (
        'import io, sys\nfrom functools import partial\nfrom pathlib import Path\n'
        'from test_graphs import config_of\nfrom scripted_graph import play\n'
        'from hvs_ros.evaluation.session import evaluate\n'
        'if __name__ == "__main__":\n'
        '    sys.exit(evaluate(config_of(Path(sys.argv[1])), Path(sys.argv[2]), '
        'stream=sys.stdout, bar=False, graph=partial(play, slow=0.05)))\n')
    script = out.parent / 'sitting.py'
    script.write_text(code)
    folders = [*environment()['PYTHONPATH'].split(':'), str(Path(__file__).parent)]
    return subprocess.Popen(
        [sys.executable, str(script), str(dataset), str(out)],
        env={**environment(), 'PYTHONPATH': ':'.join(folders)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def lines_of(out: Path) -> int:
    path = out / 'episodes.jsonl'
    return path.read_bytes().count(b'\n') if path.exists() else 0


def wait_for_lines(out: Path, count: int) -> None:
    deadline = time.monotonic() + 60
    while lines_of(out) < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_killed_writer_loses_no_line_that_a_graph_has_written(
        tmp_path: Path, dataset: Path, alone: list[dict]) -> None:
    out = tmp_path / 'run'
    process = in_a_process(dataset, out)
    wait_for_lines(out, 6)
    process.kill()
    process.communicate(timeout=10)
    written = {
        key for part in (out / '.graphs').iterdir() for key in read_lines(part).by_key}
    assert len(written) >= 6
    deadline = time.monotonic() + 10
    while True:  # the graphs notice that nobody is left and leave
        try:
            assert run(dataset, out) == 0
            break
        except InputError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    records = read_records(out)
    assert list(map(comparable, records)) == alone
    assert lines_of(out) == 50 and {record['attempt'] for record in records} == {1}


def test_a_signal_ends_graphs_and_run_in_good_order(
        tmp_path: Path, dataset: Path, alone: list[dict]) -> None:
    out = tmp_path / 'run'
    process = in_a_process(dataset, out)
    wait_for_lines(out, 6)
    process.send_signal(signal.SIGTERM)
    told, complaints = process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGTERM, complaints
    assert 'goes on' in told and 'Traceback' not in complaints
    assert not (out / '.graphs').exists()
    assert 6 <= len(read_records(out)) < 50
    assert run(dataset, out) == 0
    assert list(map(comparable, read_records(out))) == alone
    assert lines_of(out) == 50


def test_what_an_earlier_sitting_left_in_a_graphs_folder_is_checked_before_it_is_taken(
        tmp_path: Path, dataset: Path, alone: list[dict]) -> None:
    out = tmp_path / 'run'
    assert run(dataset, out) == 0
    lines = (out / 'episodes.jsonl').read_text().splitlines(keepends=True)
    (out / 'episodes.jsonl').write_text(''.join(lines[:30]))
    left = out / '.graphs/0/episodes.jsonl'
    left.parent.mkdir(parents=True)
    left.write_text('{"id": 3}\n' + lines[30])
    with pytest.raises(RunError, match=r'line 1 of the last ones is not a record'):
        run(dataset, out)
    stranger = lines[30].replace('"id":"h', '"id":"x')
    left.write_text(''.join([stranger, *lines[20:40], lines[40][:50]]))
    assert run(dataset, out) == 0
    assert list(map(comparable, read_records(out))) == alone
    assert lines_of(out) == 50


@pytest.mark.parametrize('setting', [{'cluster': 'local'}, {
    'max_cost': 1.0, 'prices': {'prompt': 1.0, 'completion': 1.0}}])
def test_what_graphs_cannot_do_is_refused(dataset: Path, setting: dict[str, object]) -> None:
    with pytest.raises(InputError, match='is for the driver direct'):
        config_of(dataset, **setting)
