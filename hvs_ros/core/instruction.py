# SPDX-License-Identifier: Apache-2.0
"""What arrives on find_object and find_path: a bare sentence, or JSON that says more."""

from __future__ import annotations

from dataclasses import dataclass
import json
import sys
from typing import Any

from hvs_ros.core.errors import InputError
from hvs_ros.core.gaze import BenchmarkAngles

MAX_CHARACTERS = 10_000  # an instruction is a sentence; more is a mistake or an attack


@dataclass(frozen=True)
class Instruction:
    """
    Hold one instruction.

    ``id`` is empty when the sender gave none. With ``start`` (benchmark degrees) angles are
    absolute in odom; without it yaw 0 is the body's present heading. ``order`` names this giving
    of the instruction: copies of one message share it, and turns and results tell it back.
    """

    text: str
    id: str = ''
    seed: int | None = None
    start: BenchmarkAngles | None = None
    order: str = ''

    def to_json(self) -> str:
        """Return the JSON form."""
        payload: dict[str, Any] = {'instruction': self.text, 'id': self.id}
        if self.seed is not None:
            payload['seed'] = self.seed
        if self.start is not None:
            payload['start'] = [self.start.yaw, self.start.pitch]
        if self.order:
            payload['order'] = self.order
        return json.dumps(payload)


def read_instruction(text: str) -> Instruction:
    """Return the instruction; raise ``InputError`` naming the field that cannot be used."""
    if len(text) > MAX_CHARACTERS:
        raise InputError(
            f'the instruction has {len(text)} characters; {MAX_CHARACTERS} are allowed')
    payload: Any = None
    if text.lstrip().startswith('{'):
        try:
            payload = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f'the instruction is broken JSON: {error}') from error
    if payload is None:
        payload = {'instruction': text}
    sentence = payload.get('instruction')
    if not isinstance(sentence, str) or not sentence.strip():
        raise InputError(f'the instruction cannot be {sentence!r:.60}: it must be a sentence')
    seed = payload.get('seed')
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, int)):
        raise InputError(f"the instruction's seed cannot be {seed!r:.60}: it must be an integer")
    return Instruction(
        sentence.strip(), _name(payload, 'id'), seed, _start(payload.get('start')),
        _name(payload, 'order'))


def _name(payload: dict[str, Any], field: str) -> str:
    value = payload.get(field, '')
    if not isinstance(value, str):
        raise InputError(f"the instruction's {field} cannot be {value!r:.60}: it must be a string")
    return value


def _start(value: Any) -> BenchmarkAngles | None:
    if value is None:
        return None
    fine = isinstance(value, list) and len(value) == 2 and all(
        isinstance(number, (int, float)) and not isinstance(number, bool)
        and abs(number) <= sys.float_info.max for number in value)
    if not fine or not -90 <= value[1] <= 90:
        raise InputError(
            f"the instruction's start cannot be {value!r:.60}: it must be [yaw, pitch] in "
            'degrees with pitch in [-90, 90]')
    return BenchmarkAngles(value[0] % 360, value[1])
