# SPDX-License-Identifier: Apache-2.0
"""The JSON payloads that tell a search's turns and its end, on topics and in records alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import MISSING, asdict, dataclass, fields
import json
import math
from typing import Any, TypeVar

from hvs_ros.core.actions import Action, Invalid, Rotate, Submit
from hvs_ros.core.errors import InputError
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.search import Decision, SearchResult, Task, Turn

Line = TypeVar('Line', bound='_Line')


class MessageError(InputError):
    """Name the field of a payload that cannot be used."""


@dataclass(frozen=True)
class _Line:
    """Turn a payload into JSON and back; unknown keys are ignored so that schemas may grow."""

    def to_dict(self) -> dict[str, Any]:
        """Return plain lists, numbers, strings and dicts."""
        return asdict(self)

    def to_json(self) -> str:
        """Return one line of ASCII JSON: replies may hold characters that UTF-8 cannot."""
        return json.dumps(self.to_dict(), separators=(',', ':'))

    @classmethod
    def from_dict(cls: type[Line], payload: Mapping[str, Any]) -> Line:
        """Return the line; raise ``MessageError`` naming the field that is missing or wrong."""
        if not isinstance(payload, Mapping):
            raise MessageError(f'{cls.__name__}: expected a JSON object, got {payload!r:.60}')
        values = {}
        for spec in fields(cls):
            if spec.name not in payload:
                if spec.default is not MISSING:
                    continue
                raise MessageError(f'{cls.__name__}: field "{spec.name}" is missing')
            value = payload[spec.name]
            if not _ACCEPTS[spec.name](value):
                raise MessageError(
                    f'{cls.__name__}: field "{spec.name}" cannot be {value!r:.60}')
            values[spec.name] = value
        return cls(**values)

    @classmethod
    def from_json(cls: type[Line], text: str) -> Line:
        """Return the line a JSON text holds."""
        try:
            payload = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise MessageError(f'{cls.__name__}: broken JSON ({error})') from error
        return cls.from_dict(payload)


def _is_number(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number_or_none(value: object) -> bool:
    return value is None or _is_number(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))


def _is_pair_or_none(value: object) -> bool:
    return value is None or _is_pair(value)


def _is_action(value: object) -> bool:
    try:
        action_from_dict(value)
    except MessageError:
        return False
    return True


def _is_tokens(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_count, value.values()))


_ACCEPTS: dict[str, Callable[[object], bool]] = {
    **dict.fromkeys((
        'id', 'reply', 'thought', 'finish_reason', 'model', 'request_sha256', 'image_sha256',
        'task', 'instruction', 'profile', 'status', 'reason', 'planner', 'answer_format',
        'order', 'server', 'shortcut', 'image_sent'),
        _is_text),
    **dict.fromkeys(('gaze_told', 'gaze_measured', 'gaze_after', 'gaze'), _is_pair),
    **dict.fromkeys(
        ('index', 'view_stamp', 'turns', 'attempts', 'image_bytes'), _is_count),
    'action': _is_action, 'valid': _is_flag, 'not_found': _is_flag, 'latency_s': _is_number,
    'first_token_s': _is_number_or_none, 'tokens': _is_tokens, 'answer': _is_pair_or_none,
}


@dataclass(frozen=True)
class TurnLine(_Line):
    """
    Tell one turn: the payload of ``search_planner/turn``.

    ``action`` is ``{"type": "rotate", "dyaw", "dpitch"}``, ``{"type": "submit", "yaw",
    "pitch"}`` or ``{"type": "invalid", "reason"}``. ``gaze_told`` and ``gaze_measured`` are
    [yaw, pitch] in benchmark degrees at the moment of the view, ``gaze_after`` the direction the
    answer leads to. ``view_stamp`` is in nanoseconds, ``tokens`` is {"prompt", "completion"} and,
    where a server found any in its cache, "cached". ``not_found`` says that the planner gave up
    here, which is no invalid answer. ``order`` is the instruction's. ``first_token_s``,
    ``server``, ``attempts``, ``shortcut``, ``image_sent`` and ``image_bytes`` are those of
    ``Decision``.
    """

    id: str
    index: int
    reply: str
    thought: str
    action: dict[str, Any]
    valid: bool
    gaze_told: list[float]
    gaze_measured: list[float]
    gaze_after: list[float]
    view_stamp: int
    latency_s: float
    tokens: dict[str, int]
    finish_reason: str = 'stop'
    model: str = ''
    request_sha256: str = ''
    image_sha256: str = ''
    not_found: bool = False
    order: str = ''
    first_token_s: float | None = None
    server: str = ''
    attempts: int = 1
    shortcut: str = ''
    image_sent: str = ''
    image_bytes: int = 0


@dataclass(frozen=True)
class ResultLine(_Line):
    """
    Tell how a search ended: the payload of ``search_planner/result``.

    ``task`` is ``object`` or ``path``; ``answer`` the submitted [yaw, pitch] verbatim, None when
    nothing was submitted; ``gaze`` the direction at the end, in benchmark degrees; ``turns`` the
    number of turns. ``planner`` and ``answer_format`` say who answered and in which format, for
    records; ``order`` is the instruction's.
    """

    id: str
    task: str
    instruction: str
    profile: str
    status: str
    reason: str
    answer: list[float] | None
    gaze: list[float]
    turns: int
    planner: str = ''
    answer_format: str = 'free_think'
    order: str = ''


def action_to_dict(action: Action) -> dict[str, Any]:
    """Return the action as JSON can hold it."""
    if isinstance(action, Rotate):
        return {'type': 'rotate', 'dyaw': action.dyaw, 'dpitch': action.dpitch}
    if isinstance(action, Submit):
        return {'type': 'submit', 'yaw': action.yaw, 'pitch': action.pitch}
    return {'type': 'invalid', 'reason': action.reason}


def action_from_dict(payload: Any) -> Action:
    """Return the action a payload tells; raise ``MessageError`` when it tells none."""
    kind = payload.get('type') if isinstance(payload, Mapping) else None
    if kind == 'rotate' and all(_is_number(payload.get(key)) for key in ('dyaw', 'dpitch')):
        return Rotate(payload['dyaw'], payload['dpitch'])
    if kind == 'submit' and all(_is_number(payload.get(key)) for key in ('yaw', 'pitch')):
        return Submit(payload['yaw'], payload['pitch'])
    if kind == 'invalid' and _is_text(payload.get('reason')):
        return Invalid(payload['reason'])
    raise MessageError(f'{payload!r:.60} is no action')


def turn_line(task: Task, turn: Turn) -> TurnLine:
    """Return the payload that tells this turn of the task's search."""
    decision = turn.decision
    return TurnLine(
        id=task.id, index=turn.index, reply=decision.reply, thought=turn.parsed.thought,
        action=action_to_dict(turn.action), valid=turn.valid, gaze_told=_pair(turn.told),
        gaze_measured=_pair(turn.measured), gaze_after=_pair(turn.pose),
        view_stamp=turn.view.stamp_ns, latency_s=decision.latency_s,
        tokens=_tokens(decision),
        finish_reason=decision.finish_reason, model=decision.model,
        request_sha256=decision.request_sha256, image_sha256=turn.view.sha256(),
        not_found=decision.not_found, order=task.order, first_token_s=decision.first_token_s,
        server=decision.server, attempts=decision.attempts, shortcut=decision.shortcut,
        image_sent=decision.image_sent, image_bytes=decision.image_bytes)


def _tokens(decision: Decision) -> dict[str, int]:
    counts = {'prompt': decision.prompt_tokens, 'completion': decision.completion_tokens}
    return {**counts, 'cached': decision.cached_tokens} if decision.cached_tokens else counts


def result_line(
        task: Task, profile: str, result: SearchResult, planner: str = '',
        answer_format: str = 'free_think') -> ResultLine:
    """Return the payload that tells how the task's search, judged by ``profile``, ended."""
    answer = None if result.answer is None else [result.answer.yaw, result.answer.pitch]
    return ResultLine(
        id=task.id, task=task.kind, instruction=task.instruction, profile=profile,
        status=result.status, reason=result.reason, answer=answer, gaze=_pair(result.pose),
        turns=result.turns, planner=planner, answer_format=answer_format, order=task.order)


def _pair(angles: BenchmarkAngles) -> list[float]:
    return [angles.yaw, angles.pitch]
