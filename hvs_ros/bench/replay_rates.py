# SPDX-License-Identifier: Apache-2.0
"""How many turns a second a replay makes, in one loop and through the live graph."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
import time
from typing import Any

from hvs_ros.bench.measured import BenchError, Measured
from hvs_ros.bench.pictures import panorama_file, write_scene
from hvs_ros.bench.scale import Scale
from hvs_ros.evaluation.config import EvalConfig, ViewConfig, load_selected
from hvs_ros.evaluation.direct import run_direct
from hvs_ros.evaluation.manifest import build_manifest, planner_for
from hvs_ros.evaluation.records import RunWriter

WORKERS = 2
PLANNER = 'sweep'
"""Scripted: it turns three times and submits, whatever it is shown."""
_SCENES = 2
_WARM_UP_SHARE = 0.2


class TurnRate:
    """
    Count turns from the moment everything is up: processes started, panoramas decoded.

    Feed it each finished search; the first fifth of ``expected`` only starts the clock.
    """

    def __init__(self, expected: int) -> None:
        self._warm_up = max(1, int(expected * _WARM_UP_SHARE))
        self._heard = 0
        self._turns = 0
        self._began = self._ended = 0.0

    def add(self, record: Mapping[str, Any]) -> None:
        """Take a record, or the progress that stands for one."""
        self._heard += 1
        if self._heard == self._warm_up:
            self._began = time.perf_counter()
        elif self._heard > self._warm_up:
            turns = record['turns']
            self._turns += turns if isinstance(turns, int) else len(turns)
            self._ended = time.perf_counter()

    def measured(self) -> Measured:
        """Return the turns a second."""
        if not self._turns:
            raise BenchError('no search came to an end')
        seconds = self._ended - self._began
        return Measured(self._turns / seconds, {
            'turns': self._turns, 'seconds': round(seconds, 2), 'planner': PLANNER})


def direct_rate(folder: Path, scale: Scale) -> Measured:
    """Return the rate of the direct driver with two workers."""
    config = _config(folder, scale, 'direct', scale.starts, WORKERS)
    planner, episodes = planner_for(config), load_selected(config)
    rate = TurnRate(len(episodes))
    with _writer(config, folder / 'run') as writer:
        ending = run_direct(writer, episodes, planner, rate.add)
    _check(ending.signal_number or 0)
    return rate.measured()


def graph_rate(folder: Path, scale: Scale) -> Measured:
    """Return the rate of the replay deployment, all nodes in this process."""
    from hvs_ros.ros.evaluate import run_graph
    config = _config(folder, scale, 'graph', max(3, scale.starts // 3), 1)
    rate = TurnRate(len(load_selected(config)))
    _writer(config, folder / 'run').close()
    _check(run_graph(folder / 'run', rate.add))
    return rate.measured()


def _config(
        folder: Path, scale: Scale, driver: str, starts: int, workers: int) -> EvalConfig:
    """Return the run over scenes of our own, as many searches as ``starts`` in all."""
    jpeg = panorama_file(folder, *scale.size(3840)).read_bytes()
    each = max(1, starts // _SCENES)
    for number in range(_SCENES):
        yaws = [(360 * index // each + 45 * number) % 360 for index in range(each)]
        write_scene(folder / 'episodes' / f'scene_{number}', jpeg, yaws)
    view = ViewConfig(scale.view.width, scale.view.height)
    return EvalConfig(
        str(folder / 'episodes'), PLANNER, driver, view=view, workers=workers)


def _writer(config: EvalConfig, run: Path) -> RunWriter:
    manifest = build_manifest(config, load_selected(config), planner_for(config))
    return RunWriter.open(run, manifest)


def _check(signal_number: int) -> None:
    if signal_number:
        raise KeyboardInterrupt
