# SPDX-License-Identifier: Apache-2.0
"""What a page tells of single episodes: which ones in full, and what it says about each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
import json
import random
import re
from typing import Any

from hvs_ros.evaluation.figures import Drawing, action_words, drawings
from hvs_ros.evaluation.groups import level_name
from hvs_ros.evaluation.outcomes import SCORED
from hvs_ros.evaluation.run_files import Key, record_key

MOST_CHARACTERS = 20_000
"""Of one reply: a model that repeats itself for ever must not fill the page."""
EXTREMES = 8
_INVISIBLE = re.compile('[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]')
_DELETE, _CONTROL_PICTURES, _FIRST_SURROGATE = 0x7F, 0x2400, 0xD800
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Chosen:
    """
    Hold the records told in full, the most telling first, and how many were taken why.

    ``errors`` and ``disagreements`` are all there are; ``extremes`` are the worst and the best
    episodes; ``sampled`` is a seeded sample of the others.
    """

    records: tuple[Record, ...]
    errors: int
    disagreements: int
    extremes: int
    sampled: int


def choose_shown(records: Sequence[Record], most: int, seed: int = 0) -> Chosen:
    """
    Return the episodes to be told in full: all of them where they are no more than ``most``.

    Else all that were not scored, all whose profiles or repeats disagree, the worst and the best,
    and a sample of the rest, uniform and seeded, up to ``most``.
    """
    flipping = _flipping(records)
    worst, best = extremes(records)
    telling = {record_key(record) for record in (*worst, *best)}
    kinds: list[list[Record]] = [[], [], [], []]
    for record in records:
        kinds[_rank(record, flipping, telling)].append(record)
    errors, disagreements, ends, rest = kinds
    if len(records) > most:
        ends = ends[:max(0, most - len(errors) - len(disagreements))]
        room = max(0, most - len(errors) - len(disagreements) - len(ends))
        rest = random.Random(seed).sample(rest, min(room, len(rest)))
    return Chosen(
        (*errors, *disagreements, *ends, *rest), len(errors), len(disagreements), len(ends),
        len(rest))


def _rank(record: Record, flipping: set[str], telling: set[Key]) -> int:
    if record['outcome'] not in SCORED:
        return 0
    if profiles_disagree(record) or record['id'] in flipping:
        return 1
    return 2 if record_key(record) in telling else 3


def profiles_disagree(record: Record) -> bool:
    """Return whether two profiles that can both judge the episode judge it differently."""
    return len({value for value in record['success'].values() if value is not None}) > 1


def _flipping(records: Iterable[Record]) -> set[str]:
    """Return the ids whose success changes between repeats."""
    seen: dict[str, set[bool]] = {}
    for record in records:
        if record['outcome'] in SCORED:
            seen.setdefault(record['id'], set()).add(record['outcome'] == 'success')
    return {name for name, values in seen.items() if len(values) > 1}


def extremes(
        records: Iterable[Record], count: int = EXTREMES) -> tuple[list[Record], list[Record]]:
    """
    Return the (worst, best) episodes.

    Worst: not found and farthest off the target at the end. Best: found in the fewest turns, and
    then nearest to the target's centre.
    """
    scored = [record for record in records if record['outcome'] in SCORED]
    lost = [record for record in scored if record['outcome'] != 'success']
    won = [record for record in scored if record['outcome'] == 'success']
    lost.sort(key=lambda record: (-off_target(record), record_key(record)))
    won.sort(key=lambda record: (
        len(record['turns']), record['errors']['gaze']['centre'], record_key(record)))
    return lost[:count], won[:count]


def off_target(record: Record) -> float:
    """Return how far the last gaze was from the annotated window, in degrees."""
    return float(record['errors']['gaze']['window'])


def heading(record: Record, number: int) -> dict[str, Any]:
    """Return what the list of episodes says of a record."""
    split, _, level = level_name(record).partition('/')
    return {
        'number': number, 'record': record, 'anchor': anchor(record), 'split': split,
        'level': level, 'turns': len(record['turns']), 'off': off_target(record),
        'disagrees': profiles_disagree(record),
        'judged': ', '.join(
            f'{name}: {_verdict(value)}' for name, value in record['success'].items()),
        'answer': action_words({
            'type': 'submit', 'yaw': record['answer'][0], 'pitch': record['answer'][1]})
        if record['answer'] else ''}


def anchor(record: Record) -> str:
    """Return the name under which a link finds the record's episode in the page."""
    repeat = f'~{record["repeat"]}' if record['repeat'] else ''
    return visible(f'{record["id"]}{repeat}')


def story(record: Record, picture: Callable[[Drawing], str]) -> dict[str, Any]:
    """
    Return the turns and drawings of a record as its card shows them.

    ``picture`` says where the page finds what lies under a drawing, '' for nothing.
    """
    return {
        'turns': [_turn(turn) for turn in record['turns']],
        'drawings': [_drawing(drawing, picture(drawing)) for drawing in drawings(record)]}


def _turn(turn: Mapping[str, Any]) -> dict[str, Any]:
    thought, reply = turn['thought'], turn['reply']
    before, found, after = reply.partition(thought) if thought else (reply, '', '')
    return {
        'at': [round(angle, 1) for angle in turn['gaze_told']],
        'words': 'gives up' if turn['not_found'] else action_words(turn['action']),
        'invalid': not turn['valid'] and not turn['not_found'],
        'thought': _cut(thought),
        # A reply that holds its thought is told in the parts around it: half the size.
        'reply': [_cut(before), _cut(after)] if found else _cut(reply),
        'latency': round(turn['latency_s'], 3),
        'finish': '' if turn['finish_reason'] == 'stop' else turn['finish_reason']}


def _drawing(drawing: Drawing, picture: str) -> dict[str, Any]:
    return {
        'name': drawing.name, 'title': drawing.title, 'size': list(drawing.size),
        'picture': picture,
        'shapes': [
            {key: round(value, 2) if isinstance(value, float) else value
             for key, value in shape.items()}
            for shape in drawing.shapes]}


def _cut(text: str) -> str:
    left = len(text) - MOST_CHARACTERS
    if left <= 0:
        return text
    return f'{text[:MOST_CHARACTERS]}… ({left} characters more in episodes.jsonl)'


def _verdict(success: bool | None) -> str:
    return 'cannot tell' if success is None else 'success' if success else 'no success'


def visible(text: object) -> str:
    """
    Return text that shows what is in it and does nothing.

    Control characters become pictures of themselves, halves of surrogate pairs the sign for what
    cannot be shown.
    """
    return _INVISIBLE.sub(_shown, str(text))


def _shown(found: re.Match[str]) -> str:
    code = ord(found[0])
    if code >= _FIRST_SURROGATE:
        return '\ufffd'
    return '\u2421' if code == _DELETE else chr(_CONTROL_PICTURES + code)


def inert(value: Any) -> str:
    r"""
    Return JSON that can stand inside a script element, whatever a model wrote.

    ASCII alone, so that lone surrogates survive; < > and & as \u escapes, so that no
    markup can begin or end in it.
    """
    text = json.dumps(value, ensure_ascii=True, separators=(',', ':'), allow_nan=False)
    return text.replace('<', '\\u003c').replace('>', '\\u003e').replace('&', '\\u0026')
