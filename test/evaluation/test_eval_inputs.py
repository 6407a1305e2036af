# SPDX-License-Identifier: Apache-2.0
"""Bad input to `hvs eval`: one sentence, a non-zero exit, nothing written."""

from __future__ import annotations

from collections.abc import Iterator
import json
import os
from pathlib import Path
import shutil
import subprocess
import sys
import tempfile
import time

from evaluation_fixtures import OBJECT_ITEMS, SMALL_VIEW, environment, write_scene
import pytest

from hvs_ros.cli import main as hvs_main
from hvs_ros.cli.main import main
from hvs_ros.evaluation.config import read_ids

NOBODY = 65534


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """Run a command that must fail and return its one sentence."""
    assert main([str(word) for word in words]) == 2
    complaints = capsys.readouterr().err
    assert complaints.startswith('hvs: error: ') and complaints.count('\n') == 1, complaints
    assert 'Traceback' not in complaints
    return complaints


def broken(tmp_path: Path, **changes: object) -> Path:
    write_scene(tmp_path / 'data', 'scene', [{**OBJECT_ITEMS[0], **changes}])
    return tmp_path / 'data'


@pytest.mark.parametrize('changes, named', [
    ({'yaw': [1.0]}, 'yaw'), ({'yaw': [1.0, 2.0, 3.0]}, 'yaw'),
    ({'pitch': [float('nan'), 5.0]}, 'pitch'), ({'yaw': [0.0, float('inf')]}, 'yaw'),
    ({'initial yaw': [0, 'left']}, 'initial yaw'), ({'task': None}, 'task')])
def test_a_broken_item_is_named(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, object],
        named: str) -> None:
    sentence = refused(
        capsys, 'eval', broken(tmp_path, **changes), '--planner', 'sweep',
        '--out', tmp_path / 'run')
    assert named in sentence and 'annotation.json' in sentence
    assert not (tmp_path / 'run').exists()


def spoil_json(root: Path) -> None:
    (root / 'scene/annotation.json').write_text('[{"task": ')


def drop_panorama(root: Path) -> None:
    (root / 'scene/pano_0.jpg').unlink()


def cut_panorama(root: Path) -> None:
    path = root / 'scene/pano_0.jpg'
    path.write_bytes(path.read_bytes()[:-200])


def drop_all(root: Path) -> None:
    shutil.rmtree(root)


@pytest.mark.parametrize('spoil, named', [
    (spoil_json, 'annotation.json'), (drop_panorama, 'scene'), (cut_panorama, 'pano_0.jpg'),
    (drop_all, 'data')])
def test_a_broken_folder_is_named(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], spoil: object, named: str) -> None:
    root = broken(tmp_path)
    spoil(root)  # type: ignore[operator]
    sentence = refused(
        capsys, 'eval', root, '--planner', 'sweep', '--out', tmp_path / 'run')
    assert named in sentence
    assert not (tmp_path / 'run').exists()


@pytest.mark.parametrize('words, named', [
    (('--planner', 'psychic'), 'psychic'), (('--profile', 'generous'), 'generous'),
    (('--planner', 'openai:model'), 'MODEL@URL'), (('--view', 'large'), 'large'),
    (('--view', '0x0'), '0'), (('--fov', '400'), '400'), (('--fov', 'nan'), 'nan'),
    (('--limit', '0'), 'limit'), (('--workers', '0'), 'workers'), (('--repeats', '-1'), '-1'),
    (('--max-turns', '0'), 'max_turns'), (('--give-up-after', '0'), 'give_up_after'),
    (('--jpeg-quality', '101'), '101'), (('--only-ids', '/no/such/file'), '/no/such/file'),
    (('--prompts', 'nowhere'), 'nowhere')])
def test_a_bad_option_is_named(
        tmp_path: Path, dataset: Path, capsys: pytest.CaptureFixture[str],
        words: tuple[str, ...], named: str) -> None:
    planner = () if '--planner' in words else (
        '--planner', 'openai:m@http://127.0.0.1:9/v1' if '--prompts' in words else 'sweep')
    sentence = refused(
        capsys, 'eval', dataset, *planner, '--out', tmp_path / 'run', *words)
    assert named in sentence
    assert not (tmp_path / 'run').exists()


def test_an_unknown_id_is_named(
        tmp_path: Path, dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / 'ids').write_text('hos/flat/0/0\nhos/nowhere/0/0\n')
    assert 'hos/nowhere/0/0' in refused(
        capsys, 'eval', dataset, '--planner', 'sweep', '--only-ids', tmp_path / 'ids',
        '--out', tmp_path / 'run')


def test_a_list_of_ids_may_come_from_a_windows_editor(tmp_path: Path) -> None:
    (tmp_path / 'ids').write_bytes('\ufeffhos/flat/0/0\r\n\r\nhos/flat/0/90\r\n'.encode())
    assert read_ids(tmp_path / 'ids') == ('hos/flat/0/0', 'hos/flat/0/90')


def test_a_finished_run_is_not_run_again(
        tmp_path: Path, dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ('eval', dataset, '--planner', 'sweep', '--limit', '2', '--out', tmp_path / 'run')
    assert main([*map(str, words), *SMALL_VIEW]) == 0
    tables = capsys.readouterr().out
    before = {path.name: path.read_bytes() for path in (tmp_path / 'run').iterdir()}
    assert main([*map(str, words), *SMALL_VIEW]) == 0
    told = capsys.readouterr().out
    assert 'this run is finished, nothing is left to do' in told and told.endswith(tables)
    assert 'config.profile' in refused(capsys, *words, *SMALL_VIEW, '--profile', 'strict')
    assert {path.name: path.read_bytes() for path in (tmp_path / 'run').iterdir()} == before


def test_derived_files_that_are_missing_or_old_are_made_again(
        tmp_path: Path, dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / 'run'
    words = ['eval', str(dataset), '--planner', 'sweep', '--limit', '2', '--out', str(run)]
    assert main([*words, *SMALL_VIEW]) == 0
    metrics = json.loads((run / 'metrics.json').read_text())
    (run / 'report.html').unlink()
    (run / 'metrics.json').write_text('{}')
    os.utime(run / 'metrics.json', (0, 0))
    assert main([*words, *SMALL_VIEW]) == 0
    assert json.loads((run / 'metrics.json').read_text()) == metrics
    assert (run / 'report.html').stat().st_size > 1000
    capsys.readouterr()


@pytest.mark.parametrize('out', ['/proc/run', '/dev/null/run'])
def test_an_out_folder_that_cannot_be_made_is_one_sentence(
        dataset: Path, capsys: pytest.CaptureFixture[str], out: str) -> None:
    assert out in refused(
        capsys, 'eval', dataset, '--planner', 'sweep', '--limit', '1', '--out', out)


@pytest.fixture
def open_to_all(dataset: Path) -> Iterator[Path]:
    """A folder every user may read, with the dataset in it: root's own temporary ones are not."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copytree(dataset, folder / 'data')
        for path in (folder, *folder.rglob('*')):
            path.chmod(0o755)
        (folder / 'run').mkdir(mode=0o555)
        yield folder


@pytest.fixture
def not_root(open_to_all: Path) -> Iterator[None]:
    """Root may write into any folder, so be nobody for a while."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(NOBODY)
    yield
    os.seteuid(before)


@pytest.mark.usefixtures('not_root')
def test_a_read_only_out_folder_is_one_sentence(
        open_to_all: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = open_to_all / 'run'
    assert 'Permission denied' in refused(
        capsys, 'eval', open_to_all / 'data', '--planner', 'sweep', '--out', out)
    assert list(out.iterdir()) == []


def test_a_report_of_no_run_is_one_sentence(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert 'not a run folder' in refused(capsys, 'report', tmp_path)


def test_a_missing_package_names_its_extra(
        capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(module: str) -> None:
        raise ModuleNotFoundError("No module named 'rclpy'", name='rclpy')

    monkeypatch.setattr(hvs_main, '_load', absent)
    assert "pip install 'hvs_ros[ros]'" in refused(capsys, 'eval')


def test_starting_the_command_loads_no_heavy_library() -> None:
    code = (
        'import sys, hvs_ros.cli.main; '
        "print([name for name in ('numpy', 'cv2', 'rclpy', 'yaml') if name in sys.modules])")
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, '-c', code], env=environment(), capture_output=True, text=True,
        timeout=20, check=True)
    assert done.stdout.strip() == '[]'
    assert time.monotonic() - begun < 5


def test_the_table_at_the_end_says_what_a_person_needs(
        tmp_path: Path, dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ['eval', str(dataset), '--planner', 'oracle', '--out', str(tmp_path / 'run')]
    assert main([*words, *SMALL_VIEW]) == 0
    printed, bar = capsys.readouterr()
    assert 'success 100% (25/25)' in bar and '25/25' in bar
    for expected in (
            'success 100.0% (25/25) under published-2026', 'chance', 'Wilson', 'hps/extreme',
            'strict', '25 of 25', 'report.html'):
        assert expected in printed
    metrics = json.loads((tmp_path / 'run/metrics.json').read_text())
    assert metrics['profiles']['published-2026']['by_split']['hps']['success']['n'] == 6
    assert main(['report', str(tmp_path / 'run')]) == 0
    assert capsys.readouterr().out == printed
