# SPDX-License-Identifier: Apache-2.0
"""One finished search to one line of a run: judged once, the same way for every driver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from hvs_ros.core.actions import Submit
from hvs_ros.core.episode import Episode
from hvs_ros.core.errors import InputError
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.messages import ResultLine, TurnLine
from hvs_ros.core.panorama import PanoramaFile
from hvs_ros.core.profile import PROFILES, get_profile, transferable
from hvs_ros.core.scoring import Target, angular_errors
from hvs_ros.evaluation.config import panorama_name

SCORED = ('success', 'failure', 'truncated', 'not_found')
UNSCORED = ('cancelled', 'replaced', 'error')
OUTCOMES = SCORED + UNSCORED
# A turn's line leaves out what the record says once, and what differs between drivers.
_LEFT_OUT = ('id', 'view_stamp', 'order')


def episode_record(
        episode: Episode, repeat: int, turns: Sequence[TurnLine], result: ResultLine, *,
        seed: int, wall_s: float, attempt: int = 1) -> dict[str, Any]:
    """
    Return the line of one finished episode, as JSON can hold it.

    ``seed`` is the search's own (``config.episode_seed``), ``wall_s`` the time the whole episode
    took. ``turns`` come in order; the result decides the outcome, never the number of turns.
    """
    answer = None if result.answer is None else Submit(*result.answer)
    gaze = BenchmarkAngles(*result.gaze)
    success = _success(episode.target, turns, result, answer, gaze)
    outcome = _outcome(result.status, success[result.profile])
    if outcome not in SCORED:
        success = dict.fromkeys(success)
    return {
        'id': episode.id, 'repeat': repeat, 'legacy_seed': episode.legacy_seed,
        'split': episode.split, 'scene': episode.scene, 'item': episode.item,
        'level': episode.level, 'instruction': episode.instruction,
        'start': [episode.start.yaw, episode.start.pitch],
        'target': target_to_dict(episode.target),
        'panorama': panorama_name(episode), 'panorama_sha256': panorama_hash(episode.panorama),
        'outcome': outcome, 'reason': result.reason,
        'profile': result.profile, 'success': success, 'answer': result.answer,
        'gaze': result.gaze, 'errors': _errors(episode.target, answer, gaze),
        'turns': [_turn(line) for line in turns], 'planner': result.planner,
        'answer_format': result.answer_format,
        'model': next((line.model for line in reversed(turns) if line.model), ''),
        'seed': seed, 'wall_s': round(wall_s, 3), 'attempt': attempt}


def target_to_dict(target: Target) -> dict[str, Any]:
    """Return the annotated window as a record holds it."""
    return {
        'kind': target.kind, 'yaw': list(target.yaw),
        'pitch': None if target.pitch is None else list(target.pitch)}


def target_from_dict(values: dict[str, Any]) -> Target:
    """Return the target a record holds."""
    yaw, pitch = values['yaw'], values['pitch']
    return Target(
        values['kind'], (yaw[0], yaw[1]), None if pitch is None else (pitch[0], pitch[1]))


def panorama_hash(file: PanoramaFile) -> str | None:
    """Return the hash of a panorama's file, None where it cannot be read."""
    try:
        return _hashed(file)
    except InputError:
        return None


@lru_cache(maxsize=4096)
def _hashed(file: PanoramaFile) -> str:
    return file.sha256()


def _success(
        target: Target, turns: Sequence[TurnLine], result: ResultLine, answer: Submit | None,
        gaze: BenchmarkAngles) -> dict[str, bool | None]:
    driving = get_profile(result.profile)
    replies = [line.reply for line in turns if not line.not_found]
    return {
        name: profile.succeeds(target, answer, gaze)
        if profile is driving or transferable(driving, profile, replies, result.answer_format)
        else None
        for name, profile in PROFILES.items()}


def _outcome(status: str, success: bool | None) -> str:
    if status != 'submitted':
        return status
    return 'success' if success else 'failure'


def _errors(
        target: Target, answer: Submit | None, gaze: BenchmarkAngles) -> dict[str, Any]:
    """Return how far off the final gaze and the submitted numbers are, in degrees."""
    return {
        'gaze': _rounded(target, gaze),
        'answer': None if answer is None else _rounded(
            target, BenchmarkAngles(answer.yaw % 360, answer.pitch))}


def _rounded(target: Target, direction: BenchmarkAngles) -> dict[str, float]:
    return {
        name: round(value, 6)
        for name, value in asdict(angular_errors(target, direction)).items()}


def _turn(line: TurnLine) -> dict[str, Any]:
    return {name: value for name, value in line.to_dict().items() if name not in _LEFT_OUT}
