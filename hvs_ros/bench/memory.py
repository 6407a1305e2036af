# SPDX-License-Identifier: Apache-2.0
"""How much memory a long run over many large panoramas takes."""

from __future__ import annotations

from multiprocessing import get_context
from pathlib import Path
import resource
import sys

from hvs_ros.bench.measured import BenchError, Measured
from hvs_ros.bench.pictures import panorama_file, with_comment, write_scene
from hvs_ros.bench.replay_rates import PLANNER
from hvs_ros.bench.scale import Scale
from hvs_ros.core.episode import load_episodes
from hvs_ros.core.panorama import PanoramaCache
from hvs_ros.evaluation.config import EvalConfig, ViewConfig
from hvs_ros.evaluation.manifest import planner_for
from hvs_ros.evaluation.runner import EpisodeRunner, Job

_BATCH = 20
"""So many panoramas lie on disk at once: all of them would take gigabytes."""


def peak_rss_mb() -> float:
    """Return the most memory this program has held at once, in MB of 1e6 bytes."""
    try:
        status = Path('/proc/self/status').read_text(encoding='utf-8')
        # getrusage would count what the program that started us held
        return int(status.partition('VmHWM:')[2].split()[0]) * 1024 / 1e6
    except (OSError, IndexError):
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak * (1.0 if sys.platform == 'darwin' else 1024.0) / 1e6


def _drawn_elsewhere(folder: Path, width: int, height: int) -> Path:
    """Return the panorama, drawn by another process: drawing takes more memory than searching."""
    artist = get_context('spawn').Process(target=panorama_file, args=(folder, width, height))
    artist.start()
    artist.join()
    return panorama_file(folder, width, height)


def rss_over_panoramas(folder: Path, scale: Scale) -> Measured:
    """
    Return the peak resident memory in MB over one search on each of many panoramas.

    They are different files with different bytes: one picture with a comment of its own each.
    One runner of the direct driver and one panorama cache with its default bound see them all.
    """
    jpeg = _drawn_elsewhere(folder, *scale.size(7680)).read_bytes()
    begun_mb = peak_rss_mb()
    view = ViewConfig(scale.view.width, scale.view.height)
    config = EvalConfig(str(folder / 'episodes'), PLANNER, view=view, max_turns=2)
    panoramas = PanoramaCache()
    runner = EpisodeRunner(config, planner_for(config), panoramas)
    seen = 0
    while seen < scale.panoramas:
        batch = folder / f'batch_{seen}'
        numbers = range(seen, min(seen + _BATCH, scale.panoramas))
        for number in numbers:
            content = with_comment(jpeg, f'panorama {number}')
            write_scene(batch / f'scene_{number:04d}', content, [number % 360])
        for episode in load_episodes(batch):
            record = runner.run(Job(episode, 0, 0)).record
            if record['outcome'] == 'error':
                raise BenchError(f'{episode.id}: {record["reason"]}')
            episode.panorama.source.unlink()
        seen = numbers.stop
    return Measured(peak_rss_mb(), {
        'before_mb': round(begun_mb), 'cache_mb': round(panoramas.nbytes / 1e6),
        'panoramas': seen})
