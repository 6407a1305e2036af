# SPDX-License-Identifier: Apache-2.0
"""Recorded searches replayed through a real SearchSession and compared turn by turn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
import json
import math
from pathlib import Path
from typing import Any

from hvs_ros.core.actions import ANSWER_FORMATS, Invalid, Rotate, Submit
from hvs_ros.core.episode import load_episodes
from hvs_ros.core.errors import InputError
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.profile import Profile, get_profile
from hvs_ros.core.scoring import Target, is_effective, published_window
from hvs_ros.core.search import Decision, SearchSession, Task, Turn
from hvs_ros.core.view import View

MAX_TURNS = 10
SUCCESS_REWARD = 0.5
WINDOW_FIELDS = ('target_yaw', 'target_pitch')
ItemKey = tuple[str, str, int]


class ConformanceError(InputError):
    """Name the line of a conformance file, the field and the value that cannot be used."""


@dataclass(frozen=True)
class RecordedEpisode:
    """
    Hold one line of a conformance file.

    ``turns`` are the recorded turns: ``text`` and whichever expected fields the line has.
    ``unplayed`` are texts that must never be read, because the search has ended before them.
    """

    line: int
    split: str
    scene: str
    item: int
    start_yaw: float
    answer_format: str
    turns: tuple[Mapping[str, Any], ...]
    unplayed: tuple[str | None, ...]
    expected: Mapping[str, Any]


@dataclass(frozen=True)
class Disagreement:
    """Name the first place where a recorded episode and its replay differ; turns count from 1."""

    line: int
    turn: int | None
    field: str
    expected: Any
    got: Any

    def __str__(self) -> str:
        where = '' if self.turn is None else f', turn {self.turn}'
        return (f'line {self.line}{where}: {self.field} expected {json.dumps(self.expected)}, '
                f'got {json.dumps(self.got)}')


@dataclass(frozen=True)
class Agreement:
    """Count the episodes of a conformance file and hold the disagreements, one an episode."""

    episodes: int
    disagreements: tuple[Disagreement, ...]

    @property
    def agreeing(self) -> int:
        """Return how many episodes agree on every turn."""
        return self.episodes - len(self.disagreements)


def check_file(path: Path, episodes: Path, profile_name: str) -> Agreement:
    """Replay a conformance file against the annotations of a folder or zip."""
    profile = get_profile(profile_name)
    recorded = read_episodes(path)
    return check(recorded, load_targets(episodes), profile, str(path))


def check(
        recorded: Iterable[RecordedEpisode], targets: Mapping[ItemKey, Target],
        profile: Profile, name: str = 'the conformance file') -> Agreement:
    """Replay the recorded episodes and return where they disagree."""
    count, found = 0, []
    for episode in recorded:
        count += 1
        first = disagreement(episode, find_target(episode, targets, name), profile)
        if first is not None:
            found.append(first)
    return Agreement(count, tuple(found))


def load_targets(path: Path) -> dict[ItemKey, Target]:
    """Return the targets of a benchmark folder or zip by split, scene and item."""
    return {(episode.split, episode.scene, episode.item): episode.target
            for episode in load_episodes(path)}


def find_target(
        episode: RecordedEpisode, targets: Mapping[ItemKey, Target], name: str) -> Target:
    """Return the episode's target; raise ``ConformanceError`` when the folder has none."""
    key = (episode.split, episode.scene, episode.item)
    if key in targets:
        return targets[key]
    if not any(scene == episode.scene for _, scene, _ in targets):
        problem = f'scene {episode.scene!r} is not among the episodes'
    else:
        problem = (f'scene {episode.scene!r} has no item {episode.item} '
                   f'in split {episode.split!r}')
    raise ConformanceError(f'{name}, line {episode.line}: {problem}')


def disagreement(
        episode: RecordedEpisode, target: Target, profile: Profile) -> Disagreement | None:
    """Return the first difference between the episode as recorded and as replayed."""
    windows = published_window(target)
    for field, window in zip(WINDOW_FIELDS, windows, strict=False):
        wanted = episode.expected.get(field)
        if wanted is not None and list(wanted) != list(window):
            return Disagreement(episode.line, None, field, wanted, list(window))
    replayed = list(replay(episode, target, profile))
    for number, (wanted, got) in enumerate(zip(episode.turns, replayed, strict=False), 1):
        for field, value in got.items():
            if field in wanted and wanted[field] != value:
                return Disagreement(episode.line, number, field, wanted[field], value)
    if len(replayed) != len(episode.turns):
        return Disagreement(
            episode.line, None, 'number of turns', len(episode.turns), len(replayed))
    success = replayed[-1]['success'] if replayed else False
    wanted_success = episode.expected.get('success')
    if wanted_success is not None and wanted_success != success:
        return Disagreement(episode.line, None, 'success', wanted_success, success)
    return None


def replay(
        episode: RecordedEpisode, target: Target, profile: Profile) -> Iterator[dict[str, Any]]:
    """Give the episode's texts to a search, until it ends, and yield what each turn came to."""
    start = BenchmarkAngles(episode.start_yaw, 0)
    session = SearchSession(
        Task('conformance', target.kind, '', start), profile, episode.answer_format, MAX_TURNS)
    for text in (*(turn['text'] for turn in episode.turns), *episode.unplayed):
        if session.result is not None:
            return
        session.observe(View(b'', session.goal.to_gaze(), 0, 0, 0.0))
        # A planner that said nothing and one without a reply are the same turn.
        yield outcome(session, session.decide(Decision(text or '')), target)


def outcome(session: SearchSession, turn: Turn, target: Target) -> dict[str, Any]:
    """Return the turn in the fields of a conformance file."""
    action, profile, feedback = turn.action, session.profile, session.feedback()
    answer = action if isinstance(action, Submit) else None
    success = profile.succeeds(target, answer, turn.pose)
    return {
        'actions': list(turn.parsed.action_texts),
        'format_correct': turn.parsed.format_correct,
        'valid': turn.valid,
        'effective': isinstance(action, Rotate) and is_effective(
            target, turn.told, turn.pose, profile.rule),
        'yaw': turn.pose.yaw,
        'pitch': turn.pose.pitch,
        'reward': SUCCESS_REWARD if success else 0,
        'done': answer is not None,
        'success': success,
        'told_direction': feedback is not None and feedback.direction is not None,
        'reason': action.reason if isinstance(action, Invalid) else None,
    }


def read_episodes(path: Path) -> list[RecordedEpisode]:
    """Return the episodes of a conformance file, one a line; blank lines are left out."""
    try:
        lines = path.read_text(encoding='utf-8').split('\n')
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else 'it is not UTF-8 text'
        raise ConformanceError(f'cannot read {path}: {reason}') from error
    recorded = [_read_line(f'{path}, line {number}', number, line)
                for number, line in enumerate(lines, 1) if line.strip()]
    if not recorded:
        raise ConformanceError(f'{path} holds no episodes')
    return recorded


def _read_line(where: str, number: int, text: str) -> RecordedEpisode:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConformanceError(f'{where} is not JSON: {error}') from error
    if not isinstance(line, dict):
        raise ConformanceError(f'{where} is not a JSON object')
    item = _field(where, line, 'item', int)
    yaw = _field(where, line, 'start_yaw', (int, float))
    if not math.isfinite(yaw):
        raise ConformanceError(f'{where}: start_yaw is {yaw}, it must be finite')
    answer_format = line.get('prompt_format', ANSWER_FORMATS[0])
    if answer_format not in ANSWER_FORMATS:
        raise ConformanceError(
            f'{where}: prompt_format is {answer_format!r}, '
            f'it must be one of {", ".join(ANSWER_FORMATS)}')
    for window in WINDOW_FIELDS:
        if line.get(window) is not None:
            _field(where, line, window, list)
    unplayed = _field(where, line, 'unplayed', list) if 'unplayed' in line else []
    return RecordedEpisode(
        number, _field(where, line, 'split', str), _field(where, line, 'scene', str), item, yaw,
        answer_format, _read_turns(where, line), tuple(unplayed), line)


def _read_turns(where: str, line: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    turns = _field(where, line, 'turns', list)
    if not turns:
        raise ConformanceError(f'{where}: turns is empty, an episode has at least one')
    for number, turn in enumerate(turns, 1):
        if not isinstance(turn, dict):
            raise ConformanceError(f'{where}: turn {number} is not a JSON object')
        if turn.get('text') is not None or 'text' not in turn:
            _field(f'{where}, turn {number}', turn, 'text', str)
    return tuple(turns)


def _field(where: str, line: Mapping[str, Any], name: str, kind: Any) -> Any:
    if name not in line:
        raise ConformanceError(f'{where}: the field {name} is missing')
    value = line[name]
    if isinstance(value, bool) or not isinstance(value, kind):
        raise ConformanceError(f'{where}: {name} is {json.dumps(value)[:60]}, of the wrong type')
    return value
