# SPDX-License-Identifier: Apache-2.0
"""A replayed run: which episode is next, how the present one ends, and its records."""

from __future__ import annotations

from dataclasses import dataclass
import math
import time
from typing import Any, Protocol
import uuid

from hvs_ros.core.episode import Episode
from hvs_ros.core.episode_watch import EpisodeWatch
from hvs_ros.core.messages import ResultLine, TurnLine
from hvs_ros.evaluation.config import EvalConfig, ViewConfig
from hvs_ros.evaluation.manifest import build_manifest, planner_for
from hvs_ros.evaluation.records import (
    ErrorStreak,
    RunWriter,
    episode_record,
    episode_seed,
    load_selected,
)
from hvs_ros.evaluation.runner import episode_task
from hvs_ros.planners.asking import wishes_of

LAST_TURNS_S = 2.0
"""How long a result waits for the turns it speaks of."""


@dataclass(frozen=True)
class Progress:
    """Tell how far a run is: the payload of ``benchmark_replay/progress``."""

    done: int
    total: int
    successes: int
    scored: int
    errors: int
    id: str
    repeat: int
    outcome: str
    reason: str
    turns: int

    def __str__(self) -> str:
        """Return a log line."""
        reason = f' ({self.reason})' if self.reason else ''
        return (f'{self.done}/{self.total} {self.id}: {self.outcome}{reason} after {self.turns} '
                f'turns; success {self.successes}/{self.scored}, errors {self.errors}')


class ReplaySettings(Protocol):
    """Name what a replayed run is, as EvalConfig; ``horizontal_fov`` is in radians."""

    episodes: str
    out: str
    planner: str
    profile: str
    max_turns: int
    history_turns: int
    prompts: str
    seed: int
    repeats: int
    limit: int
    max_consecutive_errors: int
    result_timeout: float
    width: int
    height: int
    horizontal_fov: float
    reticle: bool
    jpeg_quality: int
    allow_remote_images: bool


def open_run(settings: ReplaySettings) -> RunWriter:
    """
    Return the writer of the run in ``settings.out`` (empty: runs/<time>-replay).

    Without ``episodes`` the folder's own manifest says what the run is.
    """
    if not settings.episodes:
        return RunWriter.reopen(settings.out)
    view = ViewConfig(
        settings.width, settings.height, round(math.degrees(settings.horizontal_fov), 6),
        settings.reticle, settings.jpeg_quality)
    config = EvalConfig(
        settings.episodes, settings.planner, 'graph', settings.profile, settings.max_turns, view,
        settings.history_turns, settings.prompts, settings.seed, settings.repeats,
        settings.limit or None, max_consecutive_errors=settings.max_consecutive_errors,
        asking=wishes_of(settings), allow_remote_images=settings.allow_remote_images)
    manifest = build_manifest(config, load_selected(config), planner_for(config))
    out = settings.out or f'runs/{time.strftime("%Y%m%d-%H%M%S")}-replay'
    return RunWriter.open(out, manifest)


class ReplayRun:
    """
    Own the run folder and the episode that is being played.

    ``result_timeout`` in seconds: how long an episode may go on without a turn or a result.
    """

    def __init__(self, writer: RunWriter, result_timeout: float) -> None:
        self._writer = writer
        self._result_timeout = result_timeout
        self._config = writer.config
        self.pending: list[tuple[Episode, int]] = self._writer.pending(
            load_selected(self._config))
        self._streak = ErrorStreak(self._config.max_consecutive_errors)
        self.watch: EpisodeWatch | None = None

    @property
    def folder(self) -> str:
        """Return the run folder."""
        return str(self._writer.run)

    def begin(self, now_s: float) -> tuple[Episode, int, str]:
        """Begin the next episode; return it with its search's seed and order."""
        episode, _ = self.pending[0]
        order = uuid.uuid4().hex
        self.watch = EpisodeWatch(episode.id, now_s, order)
        return episode, self._seed(), order

    def hear(self, kind: type[TurnLine] | type[ResultLine], text: str, now_s: float) -> bool:
        """
        Take a turn or a result as topics bring it; return whether the episode is complete.

        Raise ``MessageError`` when the text is none.
        """
        if self.watch is None:
            return False
        self.watch.add(kind.from_json(text), now_s)
        return self.watch.complete

    def overdue(self, now_s: float) -> str:
        """Return why the present episode has no hope left, empty while it has."""
        assert self.watch is not None
        silent_s = self.watch.silent_s(now_s)
        result = self.watch.result
        if result is not None and not self.watch.complete and silent_s > LAST_TURNS_S:
            return f'{len(self.watch.turns)} of {result.turns} turns arrived'
        if silent_s > self._result_timeout:
            return f'the planner was silent for {self._result_timeout:g} s'
        return ''

    def conclude(self, reason: str = '', planner_failed: bool = True) -> tuple[Progress, str]:
        """
        Record the present episode, as its result says or else as ``error: reason``.

        Return the progress and the sentence that stops the run, empty while it may go on.
        """
        assert self.watch is not None
        watch, self.watch = self.watch, None
        episode, repeat = self.pending[0]
        seed, key = self._seed(), (episode.id, repeat)
        result = watch.result
        untold = self._untold(result)
        reason = reason or untold
        if reason or result is None:
            result = watch.given_up(
                reason, self._config.profile, episode_task(episode, seed))
        record = episode_record(
            episode, repeat, watch.in_order, result, seed=seed,
            wall_s=time.monotonic() - watch.started_s, attempt=self._writer.attempt(key))
        self._writer.append(record)
        del self.pending[0]
        stop = self._streak.add(record, planner_failed=planner_failed)
        return self._progress(record), untold or stop

    def describe(self) -> dict[str, Any]:
        """Return what diagnostics say."""
        return {
            'run': str(self._writer.run), 'left': len(self.pending),
            'recorded': len(self._writer.records())}

    def close(self) -> None:
        """Let go of the folder."""
        self._writer.close()

    def _untold(self, result: ResultLine | None) -> str:
        """Return that the planner takes shortcuts which the manifest does not tell, else ''."""
        named = self._writer.manifest['planner']
        told = ', '.join(named.get('shortcuts', ()))
        base = str(named['name']).removesuffix(f' with {told}')
        if result is None or not result.planner.startswith(base):
            return ''
        taken = result.planner.removeprefix(base).removeprefix(' with ')
        if taken == told:
            return ''
        return (f'the planner answers with {taken or "no shortcut"}, but the manifest of this run '
                f'says {told or "none"}: set the same for search_planner and benchmark_replay')

    def _seed(self) -> int:
        episode, repeat = self.pending[0]
        return episode_seed(self._config.seed, episode.id, repeat)

    def _progress(self, record: dict[str, Any]) -> Progress:
        records = self._writer.records()
        outcomes = [line['outcome'] for line in records]
        scored = [line for line in records if line['success'][line['profile']] is not None]
        return Progress(
            len(records), self._writer.expected, outcomes.count('success'), len(scored),
            outcomes.count('error'), record['id'], record['repeat'], record['outcome'],
            record['reason'], len(record['turns']))
