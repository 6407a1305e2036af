# SPDX-License-Identifier: Apache-2.0
"""One sitting of the benchmark: every figure in a process of its own, then the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
import json
import os
from pathlib import Path
import platform
import resource
import subprocess
import sys
import tempfile
from typing import Any

from hvs_ros.bench.figures import FIGURES, Figure
from hvs_ros.bench.measured import BenchError, Measured
from hvs_ros.bench.scale import QUICK, TIMEOUT_S, Scale
from hvs_ros.core.share import share_path
from hvs_ros.evaluation import manifest
from hvs_ros.evaluation.hardware import processor
from hvs_ros.evaluation.run_files import now

PACKAGES = (
    'numpy', 'opencv-python-headless', 'simplejpeg', 'pybase64', 'pillow', 'py360convert',
    'pyequilib', 'pytorch360convert', 'torch', 'rclpy', 'ros-rclpy')
# What is compared must not spread over cores while its reference does not.
_ONE_THREAD = {name: '1' for name in (
    'OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS')}


def measure_all(figures: Sequence[Figure], scale: Scale) -> Iterator[tuple[Figure, Measured]]:
    """Measure each figure and yield it as it is known; raise ``HvsError`` when one cannot be."""
    with tempfile.TemporaryDirectory(prefix='hvs_bench_') as pictures:
        for figure in figures:
            yield figure, _in_child(figure, scale, Path(pictures))


def measure_here(name: str, scale: Scale, pictures: Path, answer: Path) -> None:
    """Measure one figure in this process and write it to ``answer``: the body of a child."""
    # beside the pictures, so that whoever made those removes it even when we are killed
    with tempfile.TemporaryDirectory(dir=pictures) as folder:
        for picture in pictures.glob('panorama_*.jpg'):
            Path(folder, picture.name).symlink_to(picture)
        measured = FIGURES[name].measure(Path(folder), scale)
        _keep_pictures(Path(folder), pictures)
    answer.write_text(
        json.dumps({'value': measured.value, 'detail': measured.detail}), encoding='utf-8')


def _keep_pictures(folder: Path, pictures: Path) -> None:
    """Save the next figure from drawing the same panorama again."""
    for picture in folder.glob('panorama_*.jpg'):
        if not picture.is_symlink():
            (pictures / picture.name).write_bytes(picture.read_bytes())


def _in_child(figure: Figure, scale: Scale, pictures: Path) -> Measured:
    """Measure where no other figure has warmed, filled or broken anything."""
    answer, others = pictures / f'{figure.name}.json', OthersShare()
    # the profile that launch and `hvs up --isolate` give their processes
    from hvs_ros.ros.graph import SHARED_MEMORY
    profile = {SHARED_MEMORY: str(share_path('config/fastdds_shared_memory.xml'))}
    try:
        done = subprocess.run(
            [sys.executable, '-m', 'hvs_ros.bench', figure.name, scale.name, str(pictures),
             str(answer)],
            env={**profile, **os.environ, **_ONE_THREAD}, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors='replace',
            timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired as error:
        raise BenchError(
            f'{figure.name} took longer than {TIMEOUT_S:g} s and was given up') from error
    if done.returncode or not answer.exists():
        raise BenchError(f'{figure.name} could not be measured: {_reason(done)}')
    found = json.loads(answer.read_text(encoding='utf-8'))
    return Measured(found['value'], {**found['detail'], **others.detail()})


class OthersShare:
    """Tell what share of the processors went to other programs since it was made."""

    def __init__(self) -> None:
        self._before = self._now()

    def detail(self) -> dict[str, float]:
        """Return the share as a detail of a figure; nothing where the system does not tell."""
        after = self._now()
        if self._before is None or after is None or after[0] <= self._before[0]:
            return {}
        passed, busy, ours = (new - old for new, old in zip(after, self._before, strict=True))
        return {'others_cpu': round(min(1.0, max(0.0, (busy - ours) / passed)), 2)}

    @staticmethod
    def _now() -> tuple[float, float, float] | None:
        """Return the seconds of all processors that passed, were used, and were our children's."""
        try:
            words = Path('/proc/stat').read_text(encoding='utf-8').split('\n', 1)[0].split()[1:9]
        except OSError:
            return None
        ticks = [int(word) for word in words]
        passed, idle = sum(ticks), ticks[3] + ticks[4]
        hertz = os.sysconf('SC_CLK_TCK')
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (
            passed / hertz, (passed - idle) / hertz, children.ru_utime + children.ru_stime)


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    last = lines[-1].strip() if lines else f'its process ended with code {done.returncode}'
    return last.removeprefix('hvs: error: ')


def document(
        results: Mapping[str, Measured], skipped: Mapping[str, str], scale: Scale,
        command: str) -> dict[str, Any]:
    """Return what the JSON file holds: one flat object of figures, and what they rest on."""
    return {
        'figures': {
            **{name: round(measured.value, 3) for name, measured in results.items()},
            **dict.fromkeys(skipped)},
        'details': {name: measured.detail for name, measured in results.items()},
        'skipped': dict(skipped), 'scale': scale.name, 'command': command, 'time': now(),
        'machine': {
            'processor': processor(), 'cores': os.cpu_count(),
            'architecture': platform.machine(), 'system': platform.platform(),
            'load_average': [round(part, 2) for part in os.getloadavg()]},
        'versions': {'python': platform.python_version(), **manifest.versions(PACKAGES)},
        'git': manifest.git_state(Path(manifest.__file__).parent)}


def row(figure: Figure, measured: Measured, scale: Scale) -> str:
    """Return the table's line of a figure; a trial run is held to no promise."""
    reached = figure.reached(measured.value) if scale is not QUICK else None
    promise = '' if figure.bound is None else f'{"≥" if figure.more else "≤"} {figure.bound:g}'
    verdict = {None: '', True: 'reached', False: 'short'}[reached]
    detail = ', '.join(f'{key} {value}' for key, value in measured.detail.items())
    return (f'{figure.name:<32} {measured.value:>8.1f} {figure.unit:<8} {promise:<7} '
            f'{verdict:<8} {detail}').rstrip()
