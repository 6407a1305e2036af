# SPDX-License-Identifier: Apache-2.0
"""`hvs bench`: its names, its JSON, its references, and what it refuses. Never how fast."""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
import json
import os
from pathlib import Path
import signal
import subprocess
import sys
import time

import cv2
import numpy as np
import pytest

from hvs_ros.bench.figures import FIGURES, chosen
from hvs_ros.bench.measured import Measured
from hvs_ros.bench.pictures import draw_panorama, with_comment, write_scene
from hvs_ros.bench.ratios import interleaved
from hvs_ros.bench.replay_rates import TurnRate
from hvs_ros.bench.scale import FULL, QUICK, gazes
from hvs_ros.bench.sitting import OthersShare, row
from hvs_ros.cli.main import main
from hvs_ros.core.episode import load_episodes
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.panorama import decode
from hvs_ros.core.renderer import Renderer, ViewSpec, encode_jpeg

NAMES = [
    'turn_vs_published_3840', 'turn_vs_published_7680', 'turn_vs_published_jpeg_3840',
    'turn_vs_published_jpeg_7680', 'render_vs_py360convert_3840', 'render_vs_py360convert_7680',
    'render_vs_published_3840', 'render_vs_published_7680', 'render_vs_equilib_3840',
    'render_vs_equilib_7680', 'render_vs_pytorch360convert_3840',
    'render_vs_pytorch360convert_7680', 'graph_turn_ms_p50_composed',
    'graph_turn_ms_p50_isolated', 'reply_to_goal_ms_p50', 'reply_to_goal_ms_p50_streamed',
    'direct_turns_per_s', 'graph_turns_per_s',
    'capture_to_view_ms_p50', 'rss_mb_500_panoramas']
needs_ros = pytest.mark.skipif(
    find_spec('rclpy') is None, reason='rclpy is not installed (extra [ros])')


@pytest.fixture
def bench(
        tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, dict, str, str]]:
    """Return a function that runs the command and gives (code, JSON, output, errors)."""
    monkeypatch.setenv('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')

    def run(*words: str) -> tuple[int, dict, str, str]:
        file = tmp_path / 'bench.json'
        code = main(['bench', '--quick', '--json', str(file), *words])
        told = capsys.readouterr()
        return code, json.loads(file.read_text()) if file.exists() else {}, told.out, told.err
    return run


def processes_with(mark: str) -> list[str]:
    """Return the command lines of the living processes whose environment holds the mark."""
    found = []
    for place in Path('/proc').glob('[0-9]*'):
        try:
            if mark.encode() in (place / 'environ').read_bytes():
                found.append((place / 'cmdline').read_bytes().replace(b'\0', b' ').decode())
        except OSError:
            continue
    return found


def until(condition: Callable[[], bool], timeout_s: float) -> bool:
    deadline = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


@needs_ros
@pytest.mark.ros
@pytest.mark.skipif(not Path('/proc/self/environ').exists(), reason='there is no /proc here')
@pytest.mark.parametrize('number, code', [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_ended_early_it_leaves_no_process_and_no_file(
        tmp_path: Path, number: signal.Signals, code: int):
    mark = f'TMPDIR={tmp_path}'
    begun = subprocess.Popen(
        [sys.executable, '-m', 'hvs_ros.cli.main', 'bench', '--only',
         'graph_turn_ms_p50_isolated'],
        env={**os.environ, 'TMPDIR': str(tmp_path), 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'},
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        assert until(
            lambda: any('hvs_ros.nodes' in line for line in processes_with(mark)), 30)
        begun.send_signal(number)
        _, errors = begun.communicate(timeout=10)
    finally:
        begun.kill()
    assert (begun.returncode, errors) == (code, '')
    assert until(lambda: not processes_with(mark), 10), processes_with(mark)
    assert list(tmp_path.iterdir()) == []


def test_the_figures_are_the_promised_ones():
    assert list(FIGURES) == NAMES


def test_one_figure_alone_is_measured_and_written(bench: Callable):
    code, report, output, _ = bench('--only', 'render_vs_published_3840')
    assert code == 0
    assert list(report['figures']) == ['render_vs_published_3840']
    assert report['figures']['render_vs_published_3840'] > 0
    assert report['details']['render_vs_published_3840']['rounds'] == QUICK.rounds
    assert report['scale'] == 'quick' and report['skipped'] == {}
    assert report['command'].startswith('hvs bench --json ')
    assert report['command'].endswith('--only render_vs_published_3840 --quick')
    assert {'processor', 'cores', 'architecture', 'system', 'load_average'} == set(
        report['machine'])
    assert {'python', 'hvs_ros', 'numpy'} <= set(report['versions'])
    assert 'render_vs_published_3840' in output and 'say nothing about speed' in output


@pytest.mark.parametrize('name', [
    'turn_vs_published_jpeg_7680', 'render_vs_py360convert_3840', 'direct_turns_per_s',
    'rss_mb_500_panoramas'])
def test_every_kind_of_figure_without_ros_can_be_measured(bench: Callable, name: str):
    code, report, _, errors = bench('--only', name)
    assert (code, errors) == (0, '')
    assert report['figures'][name] > 0


@needs_ros
@pytest.mark.ros
@pytest.mark.parametrize('name', [
    'graph_turn_ms_p50_composed', 'graph_turn_ms_p50_isolated', 'graph_turns_per_s',
    'capture_to_view_ms_p50'])
def test_every_kind_of_figure_of_the_live_graph_can_be_measured(bench: Callable, name: str):
    code, report, _, errors = bench('--only', name)
    assert (code, errors) == (0, '')
    assert report['figures'][name] > 0


@pytest.mark.parametrize('words, sentence', [
    (['--only', 'speed'], "unknown figure 'speed'; known are: turn_vs_published_3840, "),
    (['--json', 'no/such/folder/a.json'], 'there is no folder no/such/folder'),
    (['--json', '.'], '--json .: is a folder, not a file')])
def test_what_cannot_be_is_refused_in_one_sentence_before_measuring(
        words: list[str], sentence: str, capsys: pytest.CaptureFixture):
    assert main(['bench', *words]) == 2
    told = capsys.readouterr()
    assert told.err.startswith('hvs: error: ') and told.err.count('\n') == 1
    assert sentence in told.err and told.out == ''


def test_figures_are_measured_in_their_own_order():
    assert [figure.name for figure in chosen([NAMES[3], NAMES[1]])] == [NAMES[1], NAMES[3]]
    assert [figure.name for figure in chosen([])] == NAMES


@pytest.mark.parametrize('name, value, verdict', [
    ('turn_vs_published_3840', 32.0, 'reached'), ('turn_vs_published_3840', 31.9, 'short'),
    ('rss_mb_500_panoramas', 1200.0, 'reached'), ('rss_mb_500_panoramas', 1201.0, 'short')])
def test_a_row_says_whether_the_promise_is_kept(name: str, value: float, verdict: str):
    words = row(FIGURES[name], Measured(value), FULL).split()
    assert words[-1] == verdict
    assert verdict not in row(FIGURES[name], Measured(value), QUICK)


def test_a_ratio_says_how_many_times_as_long_the_reference_takes():
    def spend(rounds: int) -> Callable[[BenchmarkAngles], object]:
        return lambda _: sum(range(rounds))
    measured = interleaved(spend(20_000), spend(400_000), rounds=5)
    assert measured.value > 5
    assert measured.detail['reference_ms'] > measured.detail['ours_ms']


def test_both_contenders_get_the_same_new_gaze_every_round():
    seen: dict[str, list[BenchmarkAngles]] = {'ours': [], 'reference': []}
    interleaved(seen['ours'].append, seen['reference'].append, rounds=6)
    assert seen['ours'] == seen['reference'] and len(set(seen['ours'])) == 7
    assert len({gaze.yaw for gaze in seen['ours']}) == 7


@pytest.mark.parametrize('gaze', [
    BenchmarkAngles(0, 0), BenchmarkAngles(90, 30), BenchmarkAngles(181, -60),
    BenchmarkAngles(270, 5)], ids=str)
def test_the_published_way_sees_what_ours_sees(gaze: BenchmarkAngles):
    from hvs_ros.bench.published import published_render
    spec = ViewSpec(320, 180, reticle=False)
    panorama = draw_panorama(768, 384)
    ours = Renderer(spec).render(panorama, gaze.to_gaze()).astype(int)
    difference = np.abs(ours - published_render(panorama, gaze, spec))
    assert difference.mean() < 0.5 and np.percentile(difference, 99) <= 6


@pytest.mark.parametrize('gaze', [
    BenchmarkAngles(0, 0), BenchmarkAngles(100, 30), BenchmarkAngles(181, -25)], ids=str)
@pytest.mark.parametrize('library', ['py360convert', 'equilib', 'pytorch360convert'])
def test_a_library_compared_with_looks_where_ours_looks(library: str, gaze: BenchmarkAngles):
    pytest.importorskip(library, reason=f'{library} is not installed (extra [peers])')
    from hvs_ros.bench.peers import as_image, prepared
    spec = ViewSpec(320, 180, reticle=False)
    panorama = cv2.GaussianBlur(draw_panorama(768, 384), (0, 0), 3)  # they sample half a pixel off
    theirs = as_image(prepared(library, panorama, spec)(gaze))
    ours = Renderer(spec).render(panorama, gaze.to_gaze())
    off = np.abs(theirs.astype(int) - ours).mean()
    for beside in (BenchmarkAngles(gaze.yaw + 4, gaze.pitch),
                   BenchmarkAngles(gaze.yaw, gaze.pitch + 4)):
        away = Renderer(spec).render(panorama, beside.to_gaze())
        assert off < 0.4 * np.abs(theirs.astype(int) - away).mean()


@pytest.mark.parametrize('kind, magic', [('PNG', b'\x89PNG'), ('JPEG', b'\xff\xd8')])
def test_the_published_turn_ends_as_base64_of_its_format(
        tmp_path: Path, kind: str, magic: bytes):
    import base64

    from hvs_ros.bench.published import published_turn
    path = tmp_path / 'a.jpg'
    path.write_bytes(encode_jpeg(draw_panorama(256, 128)))
    turn = published_turn(path, BenchmarkAngles(10, 20), ViewSpec(64, 36), kind)
    assert base64.b64decode(turn).startswith(magic)


def test_a_comment_changes_the_bytes_and_not_the_picture():
    jpeg = encode_jpeg(draw_panorama(128, 64))
    first, second = (with_comment(jpeg, f'panorama {number}') for number in range(2))
    assert len({jpeg, first, second}) == 3
    assert np.array_equal(decode(first, 'first'), decode(jpeg, 'jpeg'))
    assert np.array_equal(decode(second, 'second'), decode(jpeg, 'jpeg'))


def test_panoramas_are_textured_and_the_same_every_time():
    picture = draw_panorama(256, 128)
    assert np.array_equal(picture, draw_panorama(256, 128))
    assert np.abs(np.diff(picture.astype(int), axis=1)).mean() > 3


def test_a_scene_of_the_bench_is_a_benchmark_scene(tmp_path: Path):
    jpeg = encode_jpeg(draw_panorama(64, 32))
    write_scene(tmp_path / 'scene_1', jpeg, [0, 45, 90])
    episodes = load_episodes(tmp_path)
    assert [episode.start.yaw for episode in episodes] == [0, 45, 90]
    assert {episode.split for episode in episodes} == {'hos'}
    assert episodes[0].panorama.read() == jpeg


def test_a_rate_counts_neither_the_warm_up_nor_its_time(monkeypatch: pytest.MonkeyPatch):
    clock = iter([100.0, 101.0, 102.0, 104.0])
    monkeypatch.setattr('hvs_ros.bench.replay_rates.time.perf_counter', lambda: next(clock))
    rate = TurnRate(expected=10)
    for turns in (4, [1, 2, 3], 4, [1, 2, 3, 4], 4):  # progress has a number, a record a list
        rate.add({'turns': turns})
    assert rate.measured().value == pytest.approx(12 / 4.0)


def test_peak_memory_is_this_programs_own_and_sees_what_was_given_back():
    program = """
import numpy as np
from hvs_ros.bench.memory import peak_rss_mb
before = peak_rss_mb()
np.ones(80_000_000, np.uint8)
print(before, peak_rss_mb() - before)
"""
    ballast = np.ones(400_000_000, np.uint8)  # what starts a program must not count as its own
    told = subprocess.run(
        [sys.executable, '-c', program], capture_output=True, text=True, check=True, timeout=60)
    before, more = (float(word) for word in told.stdout.split())
    assert ballast.nbytes / 1e6 > before
    assert 60 < more < 120


def test_a_busy_machine_is_told_by_what_others_use(monkeypatch: pytest.MonkeyPatch):
    moments = iter([(100.0, 40.0, 5.0), (120.0, 55.0, 10.0), (120.0, 55.0, 10.0)])
    monkeypatch.setattr(OthersShare, '_now', staticmethod(lambda: next(moments)))
    assert OthersShare().detail() == {'others_cpu': 0.5}


def test_a_system_that_does_not_tell_is_no_error(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(OthersShare, '_now', staticmethod(lambda: None))
    assert OthersShare().detail() == {}


def test_gazes_are_whole_degrees_within_the_sphere():
    drawn = [gaze for gaze, _ in zip(gazes(), range(200), strict=False)]
    assert all(gaze == gaze.whole() and abs(gaze.pitch) <= 60 for gaze in drawn)
    assert len(set(drawn)) > 190
