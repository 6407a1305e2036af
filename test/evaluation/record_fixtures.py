# SPDX-License-Identifier: Apache-2.0
"""Lines of a run as real searches leave them, made from a script of replies."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hvs_ros.core.episode import Episode
from hvs_ros.core.gaze import BenchmarkAngles, Gaze
from hvs_ros.core.messages import result_line, turn_line
from hvs_ros.core.panorama import PanoramaFile
from hvs_ros.core.profile import get_profile
from hvs_ros.core.scoring import Target
from hvs_ros.core.search import Decision, SearchSession, Task
from hvs_ros.core.view import View
from hvs_ros.evaluation.config import EvalConfig
from hvs_ros.evaluation.metrics import compute_metrics
from hvs_ros.evaluation.outcomes import episode_record

PLAIN = Target('object', (100.0, 120.0), (-5.0, 15.0))
ACROSS_ZERO = Target('object', (350.0, 20.0), (30.0, 50.0))
FULL_CIRCLE = Target('object', (0.0, 360.0), (-20.0, 20.0))
VIEW = View(b'x', Gaze(0.0, 0.0), 4, 2, 1.0)


def say(action: str) -> str:
    return f'<think>so</think><answer>{action}</answer>'


def record(
        target: Target, *replies: str | None, scene: str = 'a', number: int = 0,
        profile: str = 'published-2026', end: str = '', level: int | None = 1,
        repeat: int = 0) -> dict[str, Any]:
    """Play replies through a real search and return its line; None is giving up."""
    start = BenchmarkAngles(90, 0)
    episode = Episode(
        f'hos/{scene}/{number}/90', 'hos', scene, number, start, 'Find it', target,
        PanoramaFile(Path(f'{scene}/pano.jpg')), level)
    task = Task(episode.id, 'object', 'Find it', start)
    session = SearchSession(task, get_profile(profile))
    for reply in replies:
        session.observe(VIEW)
        session.decide(Decision(
            reply or '', reply is None, latency_s=0.5, prompt_tokens=100, completion_tokens=10))
    if end:
        session.end(end, 'told so')  # type: ignore[arg-type]
    assert session.result is not None
    return episode_record(
        episode, repeat, [turn_line(task, turn) for turn in session.turns],
        result_line(task, profile, session.result), seed=0, wall_s=1.0)


def metrics_of(records: list[dict[str, Any]], total: int | None = None, **changes: Any) -> dict:
    manifest = {
        'config': EvalConfig('x', **changes).to_dict(),
        'episodes': {'count': len(records) if total is None else total}}
    return compute_metrics(manifest, sorted(records, key=lambda line: line['id']))
