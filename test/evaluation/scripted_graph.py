# SPDX-License-Identifier: Apache-2.0
"""A stand-in for a live graph in a process of its own: plays a run folder, or dies at it."""

from __future__ import annotations

import os
from pathlib import Path
import signal
import time

from hvs_ros.core.errors import HvsError
from hvs_ros.core.panorama import PanoramaCache
from hvs_ros.evaluation.config import load_selected
from hvs_ros.evaluation.manifest import planner_for
from hvs_ros.evaluation.records import RunWriter
from hvs_ros.evaluation.runner import EpisodeRunner, Job


def play(
        run: Path, on_record: object, on_turn: object = None, *, place: int = 0,
        deadly: tuple[str, ...] = (), dies_once_at: str = '', gives_up_at: str = '',
        slow: float = 0.0, seen: str = '') -> int:
    """Search what the folder lacks; be killed at an episode, once or always."""
    if seen:
        Path(seen, f'{place}-{os.getpid()}').write_text('')
    with RunWriter.reopen(run) as writer:
        config = writer.config
        runner = EpisodeRunner(config, planner_for(config), PanoramaCache())
        for episode, repeat in writer.pending(load_selected(config)):
            mark = run / 'died'
            if episode.id in deadly or (episode.id == dies_once_at and not mark.exists()):
                mark.write_text('')
                os.kill(os.getpid(), signal.SIGKILL)
            if episode.id == gives_up_at:
                raise HvsError('the scripted graph gave up')
            time.sleep(slow)
            job = Job(episode, repeat, writer.attempt((episode.id, repeat)))
            writer.append(runner.run(job).record)
    return 0
