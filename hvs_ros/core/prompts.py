# SPDX-License-Identifier: Apache-2.0
"""Prompt packs: every word a model is told, read from one YAML file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
import hashlib
import json
import os
from pathlib import Path
import re
from typing import Any

import yaml

from hvs_ros.core.actions import ANSWER_FORMATS
from hvs_ros.core.errors import InputError
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.plain_yaml import load_plain_yaml
from hvs_ros.core.search import Feedback, Task
from hvs_ros.core.share import share_path

IMAGE = '{image}'
KINDS = ('object', 'path')
TURN_FIELDS = ('first_turn', 'next_turn', 'invalid_turn', 'invalid_turn_told')
FIELDS = ('name', 'answer_format', 'system', *TURN_FIELDS, 'example')
_PLACEHOLDER = re.compile(r'\{([a-z_]+)\}')
_SYSTEM_WORDS = ('example',)
_TURN_WORDS = {
    'first_turn': ('image', 'instruction', 'yaw', 'pitch', 'turns_left'),
    'next_turn': ('image', 'instruction', 'yaw', 'pitch', 'action', 'turns_left'),
    'invalid_turn': ('image', 'instruction', 'turns_left'),
    'invalid_turn_told': ('image', 'instruction', 'yaw', 'pitch', 'reason', 'turns_left')}


class PromptError(InputError):
    """Name the prompt pack and the field that cannot be used."""


@dataclass(frozen=True)
class PromptPack:
    """
    Hold the texts of a dialogue: system text per search kind, per-turn templates, an example.

    Templates name what is filled in by ``{word}``; ``{image}`` stands where the model sees the
    view. ``invalid_turn_told`` is used where the profile tells the direction after an invalid
    answer, ``invalid_turn`` where it keeps silent. ``sha256`` is the hash of the file.
    """

    name: str
    answer_format: str
    system: Mapping[str, str]
    first_turn: str
    next_turn: str
    invalid_turn: str
    invalid_turn_told: str
    example: str
    sha256: str = ''

    @property
    def texts_sha256(self) -> str:
        """Return a hash of what a model is told, whatever the pack is called and laid out like."""
        told = [self.answer_format, dict(self.system), self.example, *(
            getattr(self, name) for name in TURN_FIELDS)]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def system_text(self, task: Task) -> str:
        """Return the system prompt for the task's kind of search."""
        return _fill(self.system[task.kind], {'example': self.example.strip()})

    def turn_parts(
            self, task: Task, told: BenchmarkAngles, feedback: Feedback | None, jpeg: bytes,
            turns_left: int | None) -> list[str | bytes]:
        """
        Return the user's message of one turn as text parts and JPEG bytes in reading order.

        The template is split at the image before anything is filled in, so that no instruction
        can smuggle in an image; white space is kept, blank parts are dropped. ``turns_left``
        is None where nobody counts them.
        """
        words = {
            'instruction': task.instruction,
            'turns_left': 'any number' if turns_left is None else str(turns_left),
            'yaw': degrees_text(told.yaw), 'pitch': degrees_text(told.pitch),
            'reason': (feedback.reason or '') if feedback else '',
            'action': feedback.action if feedback else ''}
        before, after = self._turn_template(feedback).split(IMAGE)
        texts = [_fill(before, words), _fill(after, words)]
        return [part for part in (texts[0], jpeg, texts[1])
                if isinstance(part, bytes) or part.strip()]

    def _turn_template(self, feedback: Feedback | None) -> str:
        if feedback is None:
            return self.first_turn
        if feedback.valid:
            return self.next_turn
        return self.invalid_turn if feedback.direction is None else self.invalid_turn_told


def sample_texts(
        pack: PromptPack, kind: str, instruction: str, view: str) -> Iterator[tuple[str, str]]:
    """Yield (what it is, text as sent) of everything a pack says; ``view`` marks the image."""
    task = Task(
        'sample', 'object' if kind == 'object' else 'path', instruction, BenchmarkAngles(90, 0))
    yield 'system', pack.system_text(task)
    shown = (
        ('first turn', BenchmarkAngles(90, 0), None, 10),
        ('turn after rotate(30,-10)', BenchmarkAngles(120, -10), Feedback(
            True, BenchmarkAngles(120, -10), action='rotate(30,-10)'), 9),
        ('turn after an invalid answer (published profiles)', BenchmarkAngles(120, -10),
         Feedback(False, None), 8),
        ('turn after an invalid answer (profile strict)', BenchmarkAngles(120, -10), Feedback(
            False, BenchmarkAngles(120, -10), 'the answer is empty'), 8))
    for title, told, feedback, left in shown:
        parts = pack.turn_parts(task, told, feedback, b'', left)
        yield title, ''.join(part if isinstance(part, str) else view for part in parts)


def degrees_text(angle: float) -> str:
    """Return an angle as a prompt writes it: whole degrees without a decimal point."""
    return str(int(angle)) if angle == int(angle) else f'{angle:.2f}'.rstrip('0').rstrip('.')


def load_prompts(name: str | Path = 'default') -> PromptPack:
    """Return the pack called ``name`` in config/prompts, or the pack in a YAML file."""
    path = Path(name)
    if path.suffix not in ('.yaml', '.yml'):
        packs = share_path('config/prompts')
        path = packs / f'{name}.yaml'
        if not os.path.exists(path):
            known = ', '.join(sorted(entry.stem for entry in packs.glob('*.yaml')))
            raise PromptError(
                f'unknown prompt pack {str(name)!r:.80}; known are {known}, or name a .yaml file')
    try:
        content = path.read_bytes()
        pack = load_plain_yaml(content)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise PromptError(f'{path}: not a readable prompt pack ({why})') from error
    return _checked(path, pack, hashlib.sha256(content).hexdigest())


def _checked(path: Path, pack: Any, sha256: str) -> PromptPack:
    if not isinstance(pack, dict):
        raise PromptError(f'{path}: a prompt pack holds a mapping, not {type(pack).__name__}')
    for field in pack:
        if field not in FIELDS:
            raise PromptError(f'{path}: unknown field {field!r}')
    texts = {field: _text(path, field, pack.get(field)) for field in FIELDS if field != 'system'}
    if texts['answer_format'] not in ANSWER_FORMATS:
        raise PromptError(
            f"{path}: field 'answer_format' must be one of {', '.join(ANSWER_FORMATS)}, "
            f"not {texts['answer_format']!r}")
    system = pack.get('system')
    if not isinstance(system, dict) or set(system) != set(KINDS):
        raise PromptError(f"{path}: field 'system' must hold a text for object and for path")
    for kind in KINDS:
        _known_words(path, f'system.{kind}', _text(path, f'system.{kind}', system[kind]),
                     _SYSTEM_WORDS)
    for field in TURN_FIELDS:
        _known_words(path, field, texts[field], _TURN_WORDS[field])
        if texts[field].count(IMAGE) != 1:
            raise PromptError(f"{path}: field '{field}' must hold {IMAGE} exactly once")
    return PromptPack(system=dict(system), sha256=sha256, **texts)


def _text(path: Path, field: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise PromptError(f"{path}: field '{field}' must be a text, not {value!r}")
    return value


def _known_words(path: Path, field: str, template: str, known: Sequence[str]) -> None:
    for word in _PLACEHOLDER.findall(template):
        if word not in known:
            raise PromptError(f"{path}: field '{field}' has the unknown placeholder {{{word}}}")


def _fill(template: str, words: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: words.get(match.group(1), match.group(0)), template)
