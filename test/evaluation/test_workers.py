# SPDX-License-Identifier: Apache-2.0
"""Workers: who gets which search, what a worker's death costs, how many requests are in flight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
import os
from pathlib import Path
import signal
import threading
import time

from evaluation_fixtures import comparable
from hypothesis import given, settings
from hypothesis import strategies as st
from model_replies import Completions, serving
import pytest

from hvs_ros.core import panorama as panorama_module
from hvs_ros.evaluation.config import EvalConfig, ViewConfig, load_selected
from hvs_ros.evaluation.direct import run_direct
from hvs_ros.evaluation.manifest import build_manifest, planner_for
from hvs_ros.evaluation.records import RunWriter
from hvs_ros.evaluation.run_files import read_records
from hvs_ros.evaluation.runner import Job
from hvs_ros.evaluation.schedule import ByPanorama, InOrder
from hvs_ros.evaluation.workers import ChildEngine

VIEW = ViewConfig(64, 36)


class Place:
    """What a schedule knows of an episode: its panorama."""

    def __init__(self, panorama: int) -> None:
        self.panorama = panorama


def jobs_of(sizes: list[int], repeats: int = 1) -> list[Job]:
    return [
        Job(Place(number), repeat, 1)  # type: ignore[arg-type]
        for repeat in range(repeats) for number, size in enumerate(sizes) for _ in range(size)]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 9), max_size=12), st.integers(1, 5), st.data())
@pytest.mark.parametrize('kind', [InOrder, ByPanorama])
def test_every_job_is_handed_out_once_whoever_asks_when(
        kind: type, sizes: list[int], workers: int, data: st.DataObject) -> None:
    jobs = jobs_of(sizes, repeats=2)
    schedule = kind(jobs)
    taken = []
    for _ in jobs:
        job = schedule.take(data.draw(st.integers(0, workers - 1)))
        assert job is not None
        taken.append(id(job))
    assert sorted(taken) == sorted(map(id, jobs))
    assert schedule.take(0) is None


def test_a_panorama_stays_with_one_worker_until_the_others_have_nothing_left() -> None:
    schedule = ByPanorama(jobs_of([4, 4, 4, 4]))
    seen: dict[int, list[int]] = {0: [], 1: []}
    for step in range(16):
        worker = step % 2
        job = schedule.take(worker)
        assert job is not None
        seen[worker].append(job.episode.panorama)  # type: ignore[arg-type]
    assert seen == {0: [0] * 4 + [2] * 4, 1: [1] * 4 + [3] * 4}
    schedule = ByPanorama(jobs_of([4]))
    assert schedule.take(0) is not None
    helped = [schedule.take(1) for _ in range(3)]
    assert None not in helped and schedule.take(0) is None


def test_nothing_is_handed_out_after_clearing() -> None:
    for schedule in (InOrder(jobs_of([3, 3])), ByPanorama(jobs_of([3, 3]))):
        schedule.take(0)
        schedule.clear()
        assert schedule.take(0) is None and schedule.take(1) is None


def run(config: EvalConfig, out: Path, on_record: object = lambda record: None) -> list[dict]:
    episodes, planner = load_selected(config), planner_for(config)
    with RunWriter.open(out, build_manifest(config, episodes, planner)) as writer:
        run_direct(writer, episodes, planner, on_record)  # type: ignore[arg-type]
    return read_records(out)


def children() -> list[int]:
    """Return the worker processes of this process."""
    found = []
    for task in Path('/proc/self/task').iterdir():
        found += [int(pid) for pid in (task / 'children').read_text().split()]
    return [
        pid for pid in found
        if b'multiprocessing.spawn' in Path(f'/proc/{pid}/cmdline').read_bytes()]


def test_a_worker_that_is_killed_costs_no_episode(tmp_path: Path, dataset: Path) -> None:
    config = EvalConfig(str(dataset), 'sweep', view=ViewConfig(640, 360), workers=2)
    alone = run(replace(config, workers=1), tmp_path / 'alone')
    kills = []

    def kill(record: dict) -> None:
        if not kills:
            kills.extend(children())
            for pid in kills:
                os.kill(pid, signal.SIGKILL)

    records = run(config, tmp_path / 'run', kill)
    assert len(kills) == 2
    assert list(map(comparable, records)) == list(map(comparable, alone))


@contextmanager
def killer(engine: ChildEngine, kills: int) -> Iterator[list[int]]:
    """Kill every process the engine starts, so many of them."""
    killed: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while len(killed) < kills and not over.wait(0.002):
            child = engine._child
            if child is not None and child.pid is not None and child.pid not in killed:
                child.kill()
                killed.append(child.pid)

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield killed
    finally:
        over.set()
        thread.join()


def test_a_search_that_costs_two_workers_is_an_error_and_the_next_one_runs(
        dataset: Path) -> None:
    config = EvalConfig(str(dataset), 'sweep', view=VIEW, workers=2)
    episodes = load_selected(config)
    engine = ChildEngine(config, planner_for(config))
    try:
        with killer(engine, 2) as killed:
            finished = engine.run(Job(episodes[0], 0, 1))
        assert len(killed) == 2
        assert finished.record['outcome'] == 'error' and finished.planner_failed
        assert finished.record['reason'] == 'the worker process died 2 times (exit code -9)'
        assert engine.run(Job(episodes[1], 0, 1)).record['outcome'] in ('success', 'failure')
    finally:
        engine.close()


class Together(Completions):
    """A slow model: answers nobody before so many ask at once."""

    reply = '<think>there</think><answer>submit(110,0)</answer>'
    barrier: threading.Barrier

    def before_answering(self) -> None:
        self.barrier.wait(30)


def test_as_many_requests_are_in_flight_as_there_are_workers_with_one_panorama_cache(
        tmp_path: Path, large_dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: Counter[str] = Counter()
    before = panorama_module.load_panorama

    def counted(source: object, name: str | None = None) -> object:
        decoded[source.name] += 1  # type: ignore[attr-defined]
        time.sleep(0.02)
        return before(source, name)  # type: ignore[arg-type]

    monkeypatch.setattr(panorama_module, 'load_panorama', counted)
    Together.barrier = threading.Barrier(64)
    with serving(Together) as url:
        config = EvalConfig(
            str(large_dataset), f'openai:tiny@{url}', view=VIEW, workers=64, limit=128,
            give_up_after=60)
        records = run(config, tmp_path / 'run')
    assert len(records) == 128 and {r['model'] for r in records} == {'tiny'}
    assert not any(r['outcome'] == 'error' for r in records)
    assert children() == []
    assert set(decoded.values()) == {1}
