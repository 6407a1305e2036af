# SPDX-License-Identifier: Apache-2.0
"""The direct driver: panorama, view, planner and session in one loop, without ROS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
import math
import os
import platform
from queue import LifoQueue
import threading
import time
from typing import Any

from hvs_ros.core.episode import Episode
from hvs_ros.core.errors import HvsError
from hvs_ros.core.messages import TurnLine, result_line, turn_line
from hvs_ros.core.panorama import Panorama, PanoramaCache, PanoramaError
from hvs_ros.core.profile import get_profile
from hvs_ros.core.renderer import Renderer, ViewSpec
from hvs_ros.core.search import Decision, Observation, SearchKind, SearchSession, Task
from hvs_ros.evaluation.budget import Purse
from hvs_ros.evaluation.config import EvalConfig, ViewConfig, episode_seed
from hvs_ros.evaluation.outcomes import episode_record
from hvs_ros.planners.base import Planner, Search

OnTurn = Callable[[TurnLine], None]


@dataclass(frozen=True)
class Job:
    """
    Name one search to run: an episode, which repeat of it, and which attempt.

    ``panorama_sha256`` is the hash that the panorama must have where the job is run, empty where
    that is the machine that knows it.
    """

    episode: Episode
    repeat: int
    attempt: int
    panorama_sha256: str = ''


@dataclass(frozen=True)
class Finished:
    """
    Hold what a job came to.

    ``planner_failed`` tells the errors that speak against going on (a model that never answered,
    a planner that broke) from those of one episode's own files.
    """

    record: dict[str, Any]
    planner_failed: bool = False


class StoppedError(HvsError):
    """Say that the search was given up because the run is being stopped."""


class BudgetSpentError(HvsError):
    """Say that the next request would cost more than the run may."""


def view_spec(view: ViewConfig) -> ViewSpec:
    """Return the renderer's own form of a run's view settings."""
    return ViewSpec(
        view.width, view.height, math.radians(view.horizontal_fov), view.reticle,
        view.jpeg_quality)


def episode_task(episode: Episode, seed: int) -> Task:
    """Return what a planner is told of an episode: never its target."""
    kind: SearchKind = episode.target.kind
    return Task(episode.id, kind, episode.instruction, episode.start, seed)


class Renderers:
    """
    Lend renderers to threads, no more at once than the machine has cores.

    Many searches that wait for a server then need neither many workspaces nor more cores than
    there are to make their views.
    """

    def __init__(self, view: ViewConfig, count: int | None = None) -> None:
        self._idle: LifoQueue[Renderer] = LifoQueue()
        for _ in range(count or len(os.sched_getaffinity(0))):
            self._idle.put(Renderer(view_spec(view)))

    @contextmanager
    def lend(self) -> Iterator[Renderer]:
        """Wait for a renderer and have it back at the end."""
        renderer = self._idle.get()
        try:
            yield renderer
        finally:
            self._idle.put(renderer)


@dataclass
class EpisodeRunner:
    """
    Run searches one after another for one worker.

    ``run`` belongs to one thread; ``close`` may come from any other and aborts the search in
    flight. Whatever goes wrong in an episode becomes that episode's outcome ``error``.
    ``renderers`` are shared by the runners of a process, ``purse`` limits what requests cost.
    """

    config: EvalConfig
    planner: Planner
    panoramas: PanoramaCache
    on_turn: OnTurn | None = None
    renderers: Renderers | None = None
    purse: Purse | None = None
    _closed: threading.Event = field(default_factory=threading.Event)
    _search: Search | None = None

    def __post_init__(self) -> None:
        """Prepare what every episode uses."""
        self._renderers = self.renderers or Renderers(self.config.view, 1)
        self._profile = get_profile(self.config.profile)

    def run(self, job: Job) -> Finished:
        """
        Run one search to its end.

        Raise ``StoppedError`` once the runner has been closed or the budget is spent. A search
        whose budget ends in its middle is an error that tells what it has cost.
        """
        if self.purse is not None and not self.purse.is_open():
            raise StoppedError('the budget is spent')
        started = time.monotonic()
        seed = episode_seed(self.config.seed, job.episode.id, job.repeat)
        task = episode_task(job.episode, seed)
        session = SearchSession(
            task, self._profile, self.planner.answer_format, self.config.max_turns)
        lines: list[TurnLine] = []
        planner_failed = False
        try:
            self._search_through(job, session, lines)
        except Exception as error:
            out_of_money = isinstance(error, BudgetSpentError)
            if self._closed.is_set() or (out_of_money and not lines):
                raise StoppedError('the run was stopped') from error
            planner_failed = not isinstance(error, (PanoramaError, BudgetSpentError))
            session.end('error', reason_of(error))
        assert session.result is not None
        result = result_line(
            task, self._profile.name, session.result, self.planner.name,
            self.planner.answer_format)
        record = episode_record(
            job.episode, job.repeat, lines, result, seed=seed,
            wall_s=time.monotonic() - started, attempt=job.attempt)
        return Finished(record, planner_failed)

    def close(self) -> None:
        """Abort the search in flight and start no other; safe from any thread."""
        self._closed.set()
        search = self._search
        if search is not None:
            search.close()

    def _search_through(
            self, job: Job, session: SearchSession, lines: list[TurnLine]) -> None:
        with self._renderers.lend():
            panorama = self._panorama(job)
        search = self._search = self.planner.begin(session.task)
        try:
            while session.result is None:
                # Checked after the search is known to close(), so that neither can miss it.
                if self._closed.is_set():
                    raise StoppedError('the run was stopped')
                with self._renderers.lend() as renderer:
                    view = renderer.view(panorama, session.goal.to_gaze())
                turn = session.decide(self._ask(search, session.observe(view)))
                lines.append(turn_line(session.task, turn))
                if self.on_turn is not None:
                    self.on_turn(lines[-1])
        finally:
            self._search = None
            search.close()

    def _panorama(self, job: Job) -> Panorama:
        panorama = self.panoramas.get(job.episode.panorama)
        if job.panorama_sha256 not in ('', panorama.sha256):
            raise PanoramaError(
                f'{panorama.name} is another picture here, on {platform.node()}: its sha256 is '
                f'{panorama.sha256:.12}…, not {job.panorama_sha256:.12}…')
        return panorama

    def _ask(self, search: Search, observation: Observation) -> Decision:
        if self.purse is None:
            return _timed(search, observation)
        if not self.purse.is_open():
            raise BudgetSpentError('the budget was spent before the search had ended')
        decision = _timed(search, observation)
        if decision.model:
            self.purse.pay(decision.prompt_tokens, decision.completion_tokens)
        return decision


def _timed(search: Search, observation: Observation) -> Decision:
    """Return the decision with its latency, measured here where the planner did not."""
    begun = time.monotonic()
    decision = search.act(observation)
    return decision if decision.latency_s else replace(
        decision, latency_s=time.monotonic() - begun)


def failed(config: EvalConfig, planner: Planner, job: Job, reason: str) -> Finished:
    """Return what a job came to whose worker died before it could say."""
    seed = episode_seed(config.seed, job.episode.id, job.repeat)
    task = episode_task(job.episode, seed)
    result = SearchSession(task, get_profile(config.profile)).end('error', reason)
    line = result_line(task, config.profile, result, planner.name, planner.answer_format)
    return Finished(episode_record(
        job.episode, job.repeat, [], line, seed=seed, wall_s=0.0, attempt=job.attempt), True)


def reason_of(error: BaseException) -> str:
    """Return one sentence on an error: our own say it themselves, others with their type."""
    if isinstance(error, HvsError):
        return str(error)
    return f'{type(error).__name__}: {error}'
