# SPDX-License-Identifier: Apache-2.0
"""
Kill a run at random moments, resume it each time, and compare it with an undisturbed one.

    python bench/kill_resume.py                     # 100 kills of a 300-episode run
    python bench/kill_resume.py --kills 5 --workers 2 --driver graph

Half of the kills hit the start of a sitting (opening, locking, writing the manifest), half its
middle; where a run ends before enough kills, another one begins. SIGKILL goes to the command
alone, as from an operator or the kernel: its workers must notice by themselves.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
import json
import os
from pathlib import Path
import random
import subprocess
import sys
import tempfile
import time
from typing import Any

import cv2
import numpy as np

EPISODES, SCENES = 300, 25
RUN_TIMES = ('latency_s', 'wall_s', 'attempt')


def make_dataset(root: Path, seed: int) -> Path:
    """Write 300 small episodes in 25 scenes."""
    draw = np.random.default_rng(seed)
    for scene in range(SCENES):
        folder = root / 'hos' / f'scene_{scene:02}'
        folder.mkdir(parents=True)
        items = [
            {'task': f'Find object {item}', 'yaw': [100.0 + item, 120.0 + item],
             'pitch': [-5.0, 15.0], 'level': item % 3}
            for item in range(EPISODES // SCENES // 4)]
        (folder / 'annotation.json').write_text(json.dumps(items))
        coarse = draw.integers(0, 255, (8, 16, 3), dtype=np.uint8)
        cv2.imwrite(str(folder / 'pano_0.jpg'), cv2.resize(coarse, (256, 128)))
    return root


def lines_of(run: Path) -> int:
    """Return how many lines the run has on disk."""
    path = run / 'episodes.jsonl'
    return path.read_bytes().count(b'\n') if path.exists() else 0


class Harness:
    """Start, kill and finish sittings of one command."""

    def __init__(self, dataset: Path, options: argparse.Namespace) -> None:
        self._words = [
            sys.executable, '-m', 'hvs_ros.cli.main', 'eval', str(dataset), '--planner', 'random',
            '--seed', '3', '--view', '64x36', '--driver', options.driver, '--workers',
            str(options.workers)]
        self._draw = random.Random(options.seed)
        self.startup_s = self.episode_s = 0.0
        self.moments: Counter[str] = Counter()

    def finish(self, run: Path) -> float:
        """Let a sitting come to its end and return how long it took, in seconds."""
        begun = time.monotonic()
        done = subprocess.run(
            [*self._words, '--out', str(run)], capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(f'{run}: exit code {done.returncode}: {done.stderr[-2000:]}')
        return time.monotonic() - begun

    def kill_once(self, run: Path, kills_left: int) -> bool:
        """
        Start a sitting and kill it at a random moment; return whether that came in time.

        The moments in its middle are drawn so that one run lasts for all the kills.
        """
        before = lines_of(run)
        longest_s = self.episode_s * (EPISODES - before) / max(1, kills_left)
        with subprocess.Popen(
                [*self._words, '--out', str(run)], stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE, text=True) as process:
            if self._draw.random() < 0.5:
                self._wait(process, self._draw.uniform(0, 1.3 * self.startup_s))
                moment = 'start'
            else:
                while process.poll() is None and lines_of(run) == before:
                    time.sleep(0.001)
                self._wait(process, self._draw.uniform(0, longest_s))
                moment = 'middle'
            in_time = process.poll() is None
            process.kill()
            _, complaints = process.communicate()
        # A worker that was being started as its parent died may say so; nobody else may.
        if not in_time and 'Traceback' in complaints:
            raise SystemExit(complaints)
        self.moments[moment] += in_time
        return in_time

    @staticmethod
    def _wait(process: subprocess.Popen[str], seconds: float) -> None:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            return


def differences(run: Path, undisturbed: Path) -> list[str]:
    """Return what is wrong with a run that was killed, one sentence each."""
    found = []
    lines = [json.loads(line) for line in (run / 'episodes.jsonl').read_text().splitlines()]
    keys = Counter((line['id'], line['repeat']) for line in lines)
    if len(keys) != EPISODES:
        found.append(f'{EPISODES - len(keys)} episodes lost')
    if max(keys.values()) > 1:
        found.append(f'{sum(count > 1 for count in keys.values())} episodes doubled')
    if _plain(_records(run)) != _plain(_records(undisturbed)):
        found.append('records differ')
    metrics = [json.loads((folder / 'metrics.json').read_text()) for folder in (run, undisturbed)]
    if _plain(metrics[0]) != _plain(metrics[1]):
        found.append('metrics differ')
    leftover = sorted(
        path.name for path in run.iterdir() if path.name not in (
            'run.json', 'episodes.jsonl', 'metrics.json', 'report.html'))
    if leftover:
        found.append(f'left behind: {", ".join(leftover)}')
    return found


def _records(run: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (run / 'episodes.jsonl').read_text().splitlines()]
    return sorted(lines, key=lambda line: (line['id'], line['repeat']))


def _plain(value: Any) -> Any:
    """Return a value without what a clock decides."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items() if key not in RUN_TIMES}
    return [_plain(inner) for inner in value] if isinstance(value, list) else value


def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparison; 0 when nothing was lost, doubled or changed."""
    parser = argparse.ArgumentParser(description=__doc__.strip().splitlines()[0])
    parser.add_argument('--kills', type=int, default=100)
    parser.add_argument('--workers', type=int, default=1)
    parser.add_argument('--driver', choices=('direct', 'graph'), default='direct')
    parser.add_argument('--seed', type=int, default=0)
    options = parser.parse_args(argv)
    os.environ.setdefault('OMP_NUM_THREADS', '1')
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        harness = Harness(make_dataset(folder / 'data', options.seed), options)
        undisturbed = folder / 'undisturbed'
        whole_s = harness.finish(undisturbed)
        # a sitting that finds nothing to do takes about as long as starting does
        harness.startup_s = harness.finish(undisturbed)
        harness.episode_s = max(0.0, whole_s - harness.startup_s) / EPISODES
        runs = problems = kills = 0
        while kills < options.kills:
            run = folder / f'killed_{runs}'
            while kills < options.kills and lines_of(run) < EPISODES:
                kills += harness.kill_once(run, options.kills - kills)
            harness.finish(run)
            runs += 1
            found = differences(run, undisturbed)
            problems += len(found)
            for sentence in found:
                print(f'run {runs}: {sentence}')
    told = ', '.join(f'{count} {moment}' for moment, count in sorted(harness.moments.items()))
    print(f'{kills} kills ({told}) of {runs} runs of {EPISODES} episodes, driver '
          f'{options.driver}, {options.workers} worker(s); undisturbed {whole_s:.1f} s; '
          f'{"nothing lost, doubled or changed" if not problems else f"{problems} problems"}')
    return 1 if problems else 0


if __name__ == '__main__':
    sys.exit(main())
