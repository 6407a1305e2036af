# SPDX-License-Identifier: Apache-2.0
"""Disks that fill, folders that two runs want, endings: one sentence, nothing lost."""

from __future__ import annotations

from collections.abc import Iterator
import importlib.util
import json
import os
from pathlib import Path
import subprocess
import sys
import time

from evaluation_fixtures import (
    REPOSITORY,
    SMALL_VIEW,
    command,
    comparable,
    environment,
    hvs,
)
from model_replies import Completions, serving
import pytest

from hvs_ros.evaluation.run_files import read_records


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 96 KiB."""
    folder = tmp_path / 'disk'
    folder.mkdir()
    done = subprocess.run(
        ['mount', '-t', 'tmpfs', '-o', 'size=96k', 'tmpfs', str(folder)], capture_output=True,
        check=False)
    if done.returncode:
        pytest.skip('mounting a small file system takes root')
    yield folder
    subprocess.run(['umount', str(folder)], check=True)


def grow(folder: Path) -> None:
    subprocess.run(['mount', '-o', 'remount,size=16m', str(folder)], check=True)


@pytest.mark.parametrize('workers', [1, 2])
def test_a_disk_that_fills_up_is_one_sentence_and_the_run_goes_on_when_there_is_room(
        tmp_path: Path, dataset: Path, tiny_disk: Path, workers: int) -> None:
    words = ('eval', dataset, '--planner', 'random', '--repeats', '3', '--workers', workers,
             *SMALL_VIEW)
    out = tiny_disk / 'run'
    done = hvs(*words, '--out', out)
    assert done.returncode == 2
    complaint = done.stderr.splitlines()[-1]
    assert complaint.startswith('hvs: error: ') and 'No space left on device' in complaint
    assert 'Traceback' not in done.stderr
    content = (out / 'episodes.jsonl').read_bytes()
    before = read_records(out)
    assert content.endswith(b'\n') and 0 < len(before) < 75
    grow(tiny_disk)
    done = hvs(*words, '--out', out)
    assert done.returncode == 0, done.stderr
    assert (out / 'episodes.jsonl').read_bytes().startswith(content)
    undisturbed = tmp_path / 'undisturbed'
    assert hvs(*words, '--out', undisturbed).returncode == 0
    assert list(map(comparable, read_records(out))) == list(
        map(comparable, read_records(undisturbed)))


def test_no_room_for_the_report_loses_no_search(dataset: Path, tiny_disk: Path) -> None:
    out = tiny_disk / 'run'
    words = ('eval', dataset, '--planner', 'random', '--limit', '8', *SMALL_VIEW, '--out', out)
    done = hvs(*words)
    assert done.returncode == 2 and 'report.html: cannot be written' in done.stderr
    assert 'Traceback' not in done.stderr
    assert len(read_records(out)) == 8
    assert sorted(path.name for path in out.iterdir()) == [
        'episodes.jsonl', 'metrics.json', 'run.json']
    grow(tiny_disk)
    done = hvs(*words)
    assert done.returncode == 0 and (out / 'report.html').exists()


def test_a_full_disk_at_the_very_start_leaves_a_folder_that_can_be_begun(
        dataset: Path, tiny_disk: Path) -> None:
    (tiny_disk / 'ballast').write_bytes(bytes(96 << 10)[:os.statvfs(tiny_disk).f_bavail * 4096])
    words = ('eval', dataset, '--planner', 'random', *SMALL_VIEW, '--out', tiny_disk / 'run')
    done = hvs(*words)
    assert done.returncode == 2 and 'Traceback' not in done.stderr
    assert done.stderr.count('\n') == 1 and 'No space left' in done.stderr
    (tiny_disk / 'ballast').unlink()
    grow(tiny_disk)
    assert hvs(*words).returncode == 0


class Slow(Completions):
    reply = '<think>there</think><answer>submit(110,0)</answer>'

    def before_answering(self) -> None:
        time.sleep(0.2)


def test_a_second_run_on_the_same_folder_is_refused_and_the_first_one_untouched(
        tmp_path: Path, dataset: Path) -> None:
    out = tmp_path / 'run'
    with serving(Slow) as url:
        words = ('eval', dataset, '--planner', f'openai:tiny@{url}', '--limit', '12',
                 *SMALL_VIEW, '--out', out)
        first = subprocess.Popen(
            command(*words), env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True)
        deadline = time.monotonic() + 60
        while not (out / 'run.json').exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        second = hvs(*words)
        _, complaints = first.communicate(timeout=90)
    assert second.returncode == 2
    assert second.stderr == f'hvs: error: {out}: another run is writing to this folder\n'
    assert first.returncode == 0, complaints
    assert len((out / 'episodes.jsonl').read_text().splitlines()) == 12


def test_what_a_killed_sitting_left_half_written_is_swept(tmp_path: Path, dataset: Path) -> None:
    out = tmp_path / 'run'
    words = ('eval', dataset, '--planner', 'sweep', '--limit', '2', *SMALL_VIEW, '--out', out)
    assert hvs(*words).returncode == 0
    gone = subprocess.Popen([sys.executable, '-c', ''])
    gone.wait()
    (out / f'.report.html.{gone.pid}').write_text('<html')
    (out / f'.report.html.{os.getpid()}').write_text('somebody is at it')
    (out / '.notes.html.1').write_text('mine')
    assert hvs(*words).returncode == 0
    assert sorted(path.name for path in out.iterdir() if path.name[0] == '.') == [
        '.notes.html.1', f'.report.html.{os.getpid()}']


@pytest.mark.parametrize('change, code, words', [
    ({'outcome': 'error', 'reason': 'no answer'}, 2, '1 of 25 episodes ended in error'),
    ({'outcome': 'cancelled', 'reason': 'asked to'}, 1, '')])
def test_what_is_not_scored_is_in_the_exit_code_and_the_first_line(
        tmp_path: Path, dataset: Path, change: dict[str, object], code: int, words: str,
        monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from hvs_ros.cli.main import main
    from hvs_ros.evaluation import runner
    before = runner.episode_record

    def changed(episode: object, *details: object, **more: object) -> dict:
        record = before(episode, *details, **more)  # type: ignore[arg-type]
        if record['id'] == 'hos/flat/0/90':
            record |= {**change, 'success': dict.fromkeys(record['success'])}
        return record

    monkeypatch.setattr(runner, 'episode_record', changed)
    assert main(['eval', str(dataset), '--planner', 'oracle', *SMALL_VIEW,
                 '--out', str(tmp_path / 'run')]) == code
    told, complaints = capsys.readouterr()
    assert told.startswith('incomplete: 24/25') and '96.0% to 100.0%' in told.splitlines()[0]
    assert words in complaints
    metrics = json.loads((tmp_path / 'run/metrics.json').read_text())
    assert metrics['status'] == 'incomplete'


def test_kills_at_random_moments_lose_double_and_change_nothing(
        capsys: pytest.CaptureFixture[str]) -> None:
    spec = importlib.util.spec_from_file_location(
        'kill_resume', REPOSITORY / 'bench/kill_resume.py')
    assert spec is not None and spec.loader is not None
    kill_resume = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kill_resume)
    assert kill_resume.main(['--kills', '4', '--workers', '2']) == 0
    assert 'nothing lost, doubled or changed' in capsys.readouterr().out
