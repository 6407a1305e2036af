# SPDX-License-Identifier: Apache-2.0
"""Read a run folder to work with, checked: every complaint names file, line, field and value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
import math
from pathlib import Path
from typing import Any

from hvs_ros.core.messages import MessageError, action_from_dict
from hvs_ros.core.profile import PROFILES
from hvs_ros.evaluation.config import ViewConfig
from hvs_ros.evaluation.groups import GROUPINGS, LEVELS
from hvs_ros.evaluation.outcomes import OUTCOMES, SCORED
from hvs_ros.evaluation.run_files import LINES, MANIFEST, RunError, read_manifest, read_records

Check = Callable[[Any], bool]


def read_run(run: Path | str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """
    Return (manifest, records) of a run folder.

    Raise ``RunError`` for a folder that is none, and for a field that is missing or cannot be
    what it says, so that whoever computes with them need not ask again.
    """
    folder = Path(run)
    manifest, records = read_manifest(folder), read_records(folder)
    _check_manifest(folder / MANIFEST, manifest)
    for record in records:
        where = f'{folder / LINES}: {record["id"]!r:.80} (repeat {record["repeat"]!r:.20})'
        _check(where, record, _RECORD)
        for turn in record['turns']:
            _check(f'{where}: a turn', turn, _TURN)
        _check_judgement(where, record, manifest['config']['profile'])
    _check_count(folder, manifest, len(records))
    return manifest, records


def _check_manifest(path: Path, manifest: Mapping[str, Any]) -> None:
    _check(f'{path}: config', manifest['config'], {
        'profile': PROFILES.__contains__, 'repeats': _is_positive, 'max_turns': _is_positive})
    _check(f'{path}: config', manifest['config'], {
        name: check for name, check in _CONFIG.items() if name in manifest['config']})
    for name in ('planner', 'prompts'):
        if not isinstance(manifest.get(name, {}), dict):
            raise RunError(f'{path}: field "{name}" cannot be {manifest[name]!r:.60}')
    if 'groups' in manifest['episodes']:
        _check(f'{path}: episodes', manifest['episodes'], {'groups': _is_object})
        _check(f'{path}: episodes.groups', manifest['episodes']['groups'], dict.fromkeys(
            GROUPINGS, _is_counts))


def _check_judgement(where: str, record: Mapping[str, Any], driving: str) -> None:
    if record['profile'] != driving:
        raise RunError(
            f'{where}: profile is {record["profile"]} in a run driven by {driving}')
    verdict = None if record['outcome'] not in SCORED else record['outcome'] == 'success'
    if record['success'][driving] is not verdict:
        raise RunError(
            f'{where}: the outcome is {record["outcome"]}, but success under {driving} is '
            f'{record["success"][driving]}')


def _check_count(folder: Path, manifest: Mapping[str, Any], found: int) -> None:
    expected = manifest['episodes']['count'] * manifest['config']['repeats']
    if found > expected:
        raise RunError(
            f'{folder / LINES}: holds {found} searches, more than the {expected} of {MANIFEST}')


def _check(where: str, values: Any, checks: Mapping[str, Check]) -> None:
    if not isinstance(values, Mapping):
        raise RunError(f'{where} is {values!r:.60} where an object belongs')
    for name, check in checks.items():
        if name not in values:
            raise RunError(f'{where}: field "{name}" is missing')
        if not _passes(check, values[name]):
            raise RunError(f'{where}: field "{name}" cannot be {values[name]!r:.60}')


def _passes(check: Check, value: Any) -> bool:
    try:
        return check(value)
    except TypeError:  # an unhashable value looked up by name
        return False


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return _is_whole(value) and value >= 0


def _is_positive(value: Any) -> bool:
    return _is_whole(value) and value >= 1


def _is_number(value: Any) -> bool:
    return _is_whole(value) or (isinstance(value, float) and math.isfinite(value))


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_counts(value: Any) -> bool:
    return _is_object(value) and all(map(_is_positive, value.values()))


def _is_success(value: Any) -> bool:
    return _is_object(value) and set(PROFILES) <= set(value) and all(
        flag is None or _is_flag(flag) for flag in value.values())


def _is_target(value: Any) -> bool:
    return (_is_object(value) and value.get('kind') in ('object', 'path')
            and _is_pair(value.get('yaw')) and (
                value.get('pitch') is None or _is_pair(value['pitch'])))


def _is_errors(value: Any) -> bool:
    return _is_object(value) and _is_distances(value.get('gaze')) and (
        value.get('answer') is None or _is_distances(value['answer']))


def _is_distances(value: Any) -> bool:
    return _is_object(value) and all(
        _is_number(value.get(name)) for name in ('centre', 'window'))


def _is_action(value: Any) -> bool:
    try:
        action_from_dict(value)
    except MessageError:
        return False
    return True


def _is_tokens(value: Any) -> bool:
    return _is_object(value) and all(map(_is_count, value.values()))


def _or_none(check: Check) -> Check:
    return lambda value: value is None or check(value)


def _is_view(value: Any) -> bool:
    return _is_object(value) and all(
        _is_flag(value.get(field.name)) if field.name == 'reticle'
        else _is_number(value.get(field.name)) for field in fields(ViewConfig))


_CONFIG: dict[str, Check] = {
    'episodes': _is_text, 'planner': _is_text, 'prompts': _or_none(_is_text), 'view': _is_view,
    'limit': _or_none(_is_positive)}
_RECORD: dict[str, Check] = {
    'repeat': _is_count, 'split': LEVELS.__contains__, 'scene': _is_text,
    'level': _or_none(_is_whole), 'instruction': _is_text, 'start': _is_pair,
    'target': _is_target, 'panorama': _is_text, 'outcome': OUTCOMES.__contains__,
    'reason': _is_text, 'profile': PROFILES.__contains__, 'success': _is_success,
    'answer': _or_none(_is_pair), 'gaze': _is_pair, 'errors': _is_errors,
    'turns': _is_list, 'model': _is_text, 'attempt': _is_positive}
_TURN: dict[str, Check] = {
    'reply': _is_text, 'thought': _is_text, 'action': _is_action, 'valid': _is_flag,
    'not_found': _is_flag, 'gaze_told': _is_pair, 'gaze_measured': _is_pair,
    'tokens': _is_tokens, 'latency_s': _is_number, 'finish_reason': _is_text}
