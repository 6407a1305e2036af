# SPDX-License-Identifier: Apache-2.0
"""Check one item of an annotation file and say what it asks, start by start."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
import json
import math
from typing import Any, Union

from hvs_ros.core.problems import Problem, Report, Weight
from hvs_ros.core.scoring import Target
from hvs_ros.core.storage import is_text, refuse

START_YAWS = (0, 90, 180, 270)
"""Where an item starts that lists no yaws of its own, in degrees."""
LEVELS = (0, 1, 2, 3)
KEYS = ('task', 'yaw', 'pitch', 'initial yaw', 'level', 'overlap_rate')
Number = Union[int, float]
_SHOWN = 80


@dataclass(frozen=True)
class Start:
    """Hold one start of an item: ``yaw`` as the file writes it, and what is said about it."""

    yaw: Number
    level: int | None
    overlap_rate: float | None

    @property
    def text(self) -> str:
        """Return the yaw as an id prints it: 90, 37.5."""
        return repr(self.yaw)


@dataclass(frozen=True)
class Item:
    """Hold a checked item: one instruction, one target, its starts."""

    instruction: str
    target: Target
    starts: tuple[Start, ...]

    @property
    def split(self) -> str:
        """Return ``hos`` or ``hps``, which the item's own target decides."""
        return 'hos' if self.target.kind == 'object' else 'hps'


def parse_annotation(content: bytes, name: str) -> list[Item]:
    """Return the items of an annotation file; raise ``EpisodeError`` naming the field at fault."""
    return [item for item in read_annotation(content, name, refuse) if item is not None]


def read_annotation(content: bytes, name: str, report: Report) -> list[Item | None]:
    """
    Return the items of an annotation file called ``name``, None for one that cannot be used.

    ``report`` is told everything that is wrong, in the order of the file.
    """
    doubled: list[str] = []

    def paired(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        doubled.extend(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        return dict(pairs)

    try:
        items = json.loads(content.decode('utf-8-sig'), object_pairs_hook=paired)
    except (ValueError, RecursionError) as error:
        report(Problem(name, '', f'{name} is not JSON: {error}'))
        return []
    for key in dict.fromkeys(doubled):
        report(Problem(
            name, key, f'{name}: {key!r} stands twice in one item, and only the last counts',
            'wrong'))
    if not isinstance(items, list):
        report(Problem(name, '', f'{name} holds {_kind(items)} where a list of items belongs'))
        return []
    if not items:
        report(Problem(name, '', f'{name} holds no items', 'wrong'))
    return [_Fields(item, name, index, report).item() for index, item in enumerate(items)]


class _Fields:
    """Read the fields of one item, naming file, item, field and value in every complaint."""

    def __init__(self, item: Any, name: str, index: int, report: Report) -> None:
        self._name, self._where = name, f'{name}: item {index}'
        self._report = report
        self._usable = True
        self._item: dict[str, Any] | None = item if isinstance(item, dict) else None
        if self._item is None:
            self._say('', f'{self._where} is {_kind(item)} where an object belongs')

    def item(self) -> Item | None:
        """Return the checked item, None when it cannot be used."""
        if self._item is None:
            return None
        task = self._item.get('task')
        if not isinstance(task, str) or not task.strip():
            self._wrong('task', 'must be a sentence')
        elif not is_text(task):
            self._wrong('task', 'must be text, without half a surrogate pair')
        yaw = self._window('yaw')
        if yaw is not None and not all(0 <= end <= 360 for end in yaw):
            self._wrong('yaw', 'should lie within 0 and 360 degrees', 'wrong')
        has_pitch = self._item.get('pitch') is not None
        pitch = self._window('pitch') if has_pitch else None
        if pitch is not None and not -90 <= pitch[0] <= pitch[1] <= 90:
            self._wrong('pitch', 'must be [low, high] within -90 and 90 degrees')
        if 'pitch' in self._item and not has_pitch:
            self._wrong('pitch', 'should be left out of a path search', 'note')
        starts = self._starts()
        self._check_keys()
        if not self._usable or yaw is None or not isinstance(task, str):
            return None
        return Item(task, Target('object' if has_pitch else 'path', yaw, pitch), starts)

    def _starts(self) -> tuple[Start, ...]:
        yaws: Any = self._fields.get('initial yaw')
        count: int | None
        if yaws is None:
            yaws, count = START_YAWS, len(START_YAWS)
        elif not isinstance(yaws, list) or not yaws or not all(map(_is_number, yaws)):
            self._wrong('initial yaw', 'must be a list of finite numbers')
            yaws, count = (), len(yaws) if isinstance(yaws, list) and yaws else None
        else:
            count = len(yaws)
            self._check_yaws(yaws)
        levels = self._parallel('level', count, _is_whole, 'must be whole numbers')
        rates = self._parallel('overlap_rate', count, _is_number, 'must be finite numbers')
        # levels beyond the benchmark's 0 to 3 are kept: dropping them would change the total
        if not all(level is None or level in LEVELS for level in levels):
            self._wrong('level', f'should be {LEVELS[0]} to {LEVELS[-1]}', 'wrong')
        if not all(rate is None or 0 <= rate <= 1 for rate in rates):
            self._wrong('overlap_rate', 'should lie within 0 and 1', 'wrong')
        if not self._usable:
            return ()
        return tuple(
            Start(_whole(yaw), None if level is None else int(level),
                  None if rate is None else float(rate))
            for yaw, level, rate in zip(yaws, levels, rates, strict=True))

    def _check_yaws(self, yaws: Sequence[Number]) -> None:
        if not all(0 <= yaw < 360 for yaw in yaws):
            self._wrong('initial yaw', 'should be 0 to less than 360 degrees', 'wrong')
        # the very same number twice is told where ids are compared
        if len({float(yaw) % 360 for yaw in yaws}) < len(set(map(float, yaws))):
            self._wrong('initial yaw', 'should name each direction once', 'wrong')

    def _parallel(
            self, field: str, count: int | None, fits: Callable[[Any], bool],
            rule: str) -> Sequence[Any]:
        """Return the field's value for each start, of a list parallel to them or of a scalar."""
        value = self._fields.get(field)
        listed = value if isinstance(value, list) else [value] * (count or 1)
        if count is not None and len(listed) != count:
            self._wrong(field, f'must list {count} values, one for each start yaw')
        if not all(entry is None or fits(entry) for entry in listed):
            self._wrong(field, rule)
            return ()
        return listed

    def _window(self, field: str) -> tuple[float, float] | None:
        value = self._fields.get(field)
        if not isinstance(value, list) or len(value) != 2 or not all(map(_is_number, value)):
            self._wrong(field, 'must be two finite numbers in degrees')
            return None
        return float(value[0]), float(value[1])

    def _check_keys(self) -> None:
        """Tell keys that look like a slip of the pen for one that is missing."""
        missing = [key for key in KEYS if key not in self._fields]
        for key in self._fields:
            meant = [] if key in KEYS else get_close_matches(
                key.lower().replace('_', ' '), missing, 1, 0.8)
            if meant:
                self._say(key, f'{self._where}: the unknown key {key!r} is not read; '
                               f'{meant[0]!r} is missing', 'wrong')

    @property
    def _fields(self) -> dict[str, Any]:
        return self._item or {}

    def _wrong(self, field: str, rule: str, weight: Weight = 'refused') -> None:
        if field not in self._fields:
            self._say(field, f'{self._where}: {field!r} is missing; it {rule}', weight)
            return
        shown = json.dumps(self._fields[field])
        shown = shown if len(shown) <= _SHOWN else f'{shown[:_SHOWN]}...'
        self._say(field, f'{self._where}: {field!r} {rule}, not {shown}', weight)

    def _say(self, field: str, sentence: str, weight: Weight = 'refused') -> None:
        self._usable = self._usable and weight != 'refused'
        self._report(Problem(self._name, field, sentence, weight))


def _is_whole(value: Any) -> bool:
    return _is_number(value) and value == int(value)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    try:
        return math.isfinite(float(value))
    except OverflowError:
        return False


def _whole(value: Number) -> Number:
    """Return 90 for 90.0, so that ids and prompts print whole degrees as such."""
    return int(value) if float(value).is_integer() else value


def _kind(value: Any) -> str:
    names = {dict: 'an object', list: 'a list', str: 'a string', type(None): 'null'}
    return names.get(type(value), repr(value))
