# SPDX-License-Identifier: Apache-2.0
"""Check one item of an annotation file and say what it asks, start by start."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import json
import math
from typing import Any, Union

from hvs_ros.core.scoring import Target
from hvs_ros.core.storage import EpisodeError

START_YAWS = (0, 90, 180, 270)
"""Where an item starts that lists no yaws of its own, in degrees."""
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
    try:
        items = json.loads(content.decode('utf-8-sig'))
    except (ValueError, RecursionError) as error:
        raise EpisodeError(f'{name} is not JSON: {error}') from error
    if not isinstance(items, list):
        raise EpisodeError(f'{name} holds {_kind(items)} where a list of items belongs')
    return [_Fields(item, f'{name}: item {index}').item() for index, item in enumerate(items)]


class _Fields:
    """Read the fields of one item, naming file, item, field and value in every complaint."""

    def __init__(self, item: Any, where: str) -> None:
        self._where = where
        if not isinstance(item, dict):
            raise EpisodeError(f'{where} is {_kind(item)} where an object belongs')
        self._item: dict[str, Any] = item

    def item(self) -> Item:
        """Return the checked item."""
        task = self._item.get('task')
        if not isinstance(task, str) or not task.strip():
            raise self._wrong('task', 'must be a sentence')
        yaw = self._window('yaw')
        pitch = None if self._item.get('pitch') is None else self._window('pitch')
        if pitch is not None and not -90 <= pitch[0] <= pitch[1] <= 90:
            raise self._wrong('pitch', 'must be [low, high] within -90 and 90 degrees')
        target = Target('path' if pitch is None else 'object', yaw, pitch)
        return Item(task, target, self._starts())

    def _starts(self) -> tuple[Start, ...]:
        yaws = self._item.get('initial yaw')
        if yaws is None:
            yaws = START_YAWS
        elif not isinstance(yaws, list) or not yaws or not all(map(_is_number, yaws)):
            raise self._wrong('initial yaw', 'must be a list of finite numbers')
        levels = self._parallel('level', len(yaws))
        rates = self._parallel('overlap_rate', len(yaws))
        return tuple(
            Start(_whole(yaw), self._level(level), self._rate(rate))
            for yaw, level, rate in zip(yaws, levels, rates, strict=True))

    def _parallel(self, field: str, count: int) -> Sequence[Any]:
        """Return the field's value for each start, of a list parallel to them or of a scalar."""
        value = self._item.get(field)
        if not isinstance(value, list):
            return [value] * count
        if len(value) != count:
            raise self._wrong(field, f'must list {count} values, one for each start yaw')
        return value

    def _level(self, level: Any) -> int | None:
        if level is None:
            return None
        # levels beyond the benchmark's 0 to 3 are kept: dropping them would change the total
        if not _is_number(level) or level != int(level):
            raise self._wrong('level', 'must be whole numbers')
        return int(level)

    def _rate(self, rate: Any) -> float | None:
        if rate is None:
            return None
        if not _is_number(rate):
            raise self._wrong('overlap_rate', 'must be finite numbers')
        return float(rate)

    def _window(self, field: str) -> tuple[float, float]:
        value = self._item.get(field)
        if not isinstance(value, list) or len(value) != 2 or not all(map(_is_number, value)):
            raise self._wrong(field, 'must be two finite numbers in degrees')
        return float(value[0]), float(value[1])

    def _wrong(self, field: str, rule: str) -> EpisodeError:
        if field not in self._item:
            return EpisodeError(f'{self._where}: {field!r} is missing; it {rule}')
        shown = json.dumps(self._item[field])
        shown = shown if len(shown) <= _SHOWN else f'{shown[:_SHOWN]}...'
        return EpisodeError(f'{self._where}: {field!r} {rule}, not {shown}')


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
