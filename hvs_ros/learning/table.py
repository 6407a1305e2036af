# SPDX-License-Identifier: Apache-2.0
"""The table of the built-in planner: every planner on every set, intervals clustered by scene."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
import json
from pathlib import Path
import statistics
from typing import Any

from hvs_ros.core.scoring import chance_rate
from hvs_ros.evaluation.statistics import rate
from hvs_ros.learning.trials import (
    Arena,
    Disturb,
    Outcome,
    Trial,
    absent_trials,
    blank,
    contrast_trials,
    disturbances,
    is_apart,
    ordered,
    trials_of,
)
from hvs_ros.planners.base import Planner
from hvs_ros.planners.oracle import OraclePlanner
from hvs_ros.planners.registry import make_planner
from hvs_ros.scenes.generator import Order, Size
from hvs_ros.scenes.splits import Allowed, Factor

PANORAMA = Size(1536, 768)
SEED = 7
NAMES: dict[str, tuple[Factor, ...]] = {
    'held-out drawing styles': ('style',), 'held-out pairs of colour and kind': ('pair',),
    'held-out floor plans': ('layout',), 'all of these at once': ('style', 'pair', 'layout'),
    'held-out sentences': ('template',)}


@dataclass(frozen=True)
class Row:
    """Say how a planner did on a set; rates are shares, with intervals clustered by scene."""

    set: str
    planner: str
    kind: str
    n: int
    success: dict[str, Any]
    other: float
    not_found: float
    inside: float
    error: float | None
    turns: float
    by_level: dict[str, float]

    @classmethod
    def of(cls, name: str, planner: str, kind: str, outcomes: Sequence[Outcome]) -> Row:
        """Add the outcomes of a set up."""
        errors = [outcome.error for outcome in outcomes if outcome.error is not None]
        levels = sorted({outcome.level for outcome in outcomes if outcome.level is not None})
        return cls(
            name, planner, kind, len(outcomes),
            rate([outcome.success for outcome in outcomes],
                 [outcome.scene for outcome in outcomes]).to_dict(),
            _share(outcome.other for outcome in outcomes),
            _share(outcome.not_found for outcome in outcomes),
            _share(outcome.inside for outcome in outcomes),
            statistics.median(errors) if errors else None,
            statistics.fmean(outcome.turns for outcome in outcomes),
            {str(level): _share(o.success for o in outcomes if o.level == level)
             for level in levels})


def _share(flags: Any) -> float:
    listed = list(flags)
    return sum(listed) / len(listed) if listed else 0.0


def build(scenes: int, model: Path, blank_model: Path | None,
          only: Sequence[str] = (), tell: Callable[[str], None] = print) -> Iterator[Row]:
    """
    Yield the rows of the table; so many scenes a set, four searches in each.

    ``only`` names the parts that are wanted: new, held-out, words.
    """
    from hvs_ros.planners.grounder_learned import LearnedGrounder
    from hvs_ros.planners.grounding import GroundingPlanner

    learned = GroundingPlanner(LearnedGrounder(model), name='learned')
    for kind in ('object', 'path') if not only or 'new' in only else ():
        trials = list(_trials(Order(scenes, PANORAMA, SEED, kind, 2, Allowed('test'))))
        tell(f'{kind}: {len(trials)} searches in new scenes')
        yield Row('new scenes', 'chance', kind, len(trials), {
            'value': statistics.fmean(
                chance_rate(trial.target, 'strict') for trial in trials if trial.target)},
            0.0, 0.0, 0.0, None, 1.0, {})
        for name in ('random', 'sweep', 'builtin'):
            yield _row('new scenes', name, kind, make_planner(name), trials)
        if blank_model is not None:
            blind = GroundingPlanner(LearnedGrounder(blank_model), name='blank')
            yield _row('new scenes', 'learned on blank views', kind, blind, trials, blank)
        yield _row('new scenes', 'learned', kind, learned, trials)
        yield _row('new scenes', 'oracle', kind, OraclePlanner({
            trial.task.id: trial.target for trial in trials if trial.target}), trials)
        for name, disturb in disturbances().items():
            yield _row(name, 'learned', kind, learned, trials, disturb)
        yield Row.of('10° roll', 'learned', kind, _run(learned, trials, roll=10.0))
        if kind == 'object':
            yield _row('told of another thing', 'learned', kind, learned, [
                trial for trial in trials if is_apart(trial)])
    if not only or 'held-out' in only:
        yield from _held_out(scenes, learned, tell)
    if not only or 'words' in only:
        yield from _hard_words(scenes, learned, tell)


def _held_out(scenes: int, learned: Planner, tell: Callable[[str], None]) -> Iterator[Row]:
    for name, factors in NAMES.items():
        allowed = Allowed('test', frozenset(factors))
        for kind in ('object', 'path') if factors != ('pair',) and factors != ('style',) else (
                'object',):
            trials = list(_trials(Order(scenes, PANORAMA, SEED + 1, kind, 1, allowed)))
            tell(f'{name}, {kind}: {len(trials)} searches')
            yield _row(name, 'learned', kind, learned, trials)
    allowed = Allowed('test', frozenset({'word'}))
    trials = list(_trials(Order(scenes, PANORAMA, SEED + 1, 'path', 1, allowed)))
    yield _row('held-out words on signs', 'learned', 'path', learned, trials)


def _hard_words(scenes: int, learned: Planner, tell: Callable[[str], None]) -> Iterator[Row]:
    order = Order(scenes, PANORAMA, SEED + 2, 'object', 1, Allowed('test'))
    absent = [trial for made in ordered(order) for trial in absent_trials(made)]
    tell(f'absent: {len(absent)} searches')
    yield _row('target absent', 'learned', 'object', learned, absent)
    pairs = [trial for index in range(scenes // 2)
             for trial in contrast_trials(order, index) if is_apart(trial)]
    outcomes = _run(learned, pairs)
    tell(f'contrast pairs: {len(pairs)} searches')
    yield Row.of('contrast pairs, each', 'learned', 'object', outcomes)
    yield Row.of('contrast pairs, both right', 'learned', 'object', _both(pairs, outcomes))


def _both(trials: Sequence[Trial], outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Return an outcome for each pair: success where both of its sentences were understood."""
    by_key: dict[tuple[str, float], list[Outcome]] = {}
    for trial, outcome in zip(trials, outcomes, strict=True):
        by_key.setdefault((trial.scene, trial.task.start.yaw), []).append(outcome)
    return [
        Outcome(pair[0].scene, all(one.success for one in pair), False, False, False, None,
                sum(one.turns for one in pair), None)
        for pair in by_key.values() if len(pair) == 2]


def _trials(order: Order) -> Iterator[Trial]:
    """Yield the searches for the first thing of each scene; at most four a scene."""
    for made in ordered(order):
        yield from (trial for trial in trials_of(made) if trial.task.id.split('/')[1] == '0')


def _run(planner: Planner, trials: Sequence[Trial], disturb: Disturb | None = None,
         roll: float = 0.0) -> list[Outcome]:
    arena = Arena(planner, disturb=disturb, roll_deg=roll)
    return [arena.run(trial) for trial in trials]


def _row(name: str, label: str, kind: str, planner: Planner, trials: Sequence[Trial],
         disturb: Disturb | None = None) -> Row:
    return Row.of(name, label, kind, _run(planner, trials, disturb))


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """Write the rows as JSON, from which the tables of the documents are made."""
    path.write_text(json.dumps([asdict(row) for row in rows], indent=1) + '\n', encoding='utf-8')


def line(row: Row) -> str:
    """Return a row as a line of a terminal."""
    success = row.success
    low, high = success.get('low'), success.get('high')
    interval = '' if low is None or high is None else f' [{100 * low:.1f}, {100 * high:.1f}]'
    error = '' if row.error is None else f', {row.error:.1f}° off'
    return (f'{row.set:<34} {row.kind:<7} {row.planner:<22} {100 * success["value"]:5.1f}%'
            f'{interval}, other {100 * row.other:.1f}%, not found {100 * row.not_found:.1f}%, '
            f'inside {100 * row.inside:.1f}%{error}, {row.turns:.2f} turns, n {row.n}')
