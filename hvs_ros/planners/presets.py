# SPDX-License-Identifier: Apache-2.0
"""
Planner files: a spec, its prompt pack, and how the model is asked, as YAML.

    planner: openai:MODEL@URL[,URL]
    prompts: default                  # brings the answer format
    context: append                   # published, append, two-round
    history_turns: 5                  # observations shown with context published
    most_images: 10                   # images in a request with context append
    image: {width: 1280, height: 720, format: jpeg, quality: 85}
    chat: {max_tokens: 1024, temperature: 0, omit: [seed], extra: {top_k: 1}}
    reply: {stream: true, early_stop: true, structured_output: true, reask: true}
    waits: {connect: 5, first_token: 20, reply: 60}
    key_from: OPENAI_API_KEY          # the environment variable that holds the key
    thresholds: {striking: 0.45, likely: 0.15, confirmed: 0.25, least: 0.08}   # a grounder's
    phrase: 'a photo of a {}'         # what a grounder's phrases are said in
    engine: {device: auto, dtype: bfloat16, quantization: 4bit}   # a model in this process
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
import re
from typing import Any

import yaml

from hvs_ros.core.errors import InputError
from hvs_ros.core.plain_yaml import load_plain_yaml
from hvs_ros.core.share import share_path
from hvs_ros.planners.asking import SWITCHES, Asking, Waits
from hvs_ros.planners.base import SAMPLING, ChatOptions, Planner
from hvs_ros.planners.engine import EngineOptions
from hvs_ros.planners.plugged import check_phrase, check_thresholds
from hvs_ros.planners.registry import PlannerContext, make_planner
from hvs_ros.planners.sightings import Thresholds

FIELDS = (
    'planner', 'prompts', 'context', 'history_turns', 'most_images', 'image', 'chat', 'reply',
    'waits', 'key_from', 'engine', 'thresholds', 'phrase')
IMAGE = ('width', 'height', 'format', 'quality')


def find_preset(name: str) -> Path | None:
    """Return the planner file called ``name`` (a path, or a name in config/planners), if any."""
    given = Path(name)
    if given.suffix in ('.yaml', '.yml') and given.is_file():
        return given
    if given.name != name:
        return None
    try:
        shipped = share_path('config/planners') / f"{name.removesuffix('.yaml')}.yaml"
    except InputError:
        return None
    return shipped if shipped.is_file() else None


def planner_from_file(name: str, context: PlannerContext) -> Planner:
    """Return the planner that a file describes; raise ``InputError`` naming file and field."""
    path = find_preset(name)
    if path is None:
        raise InputError(f'{name}: no such planner file')
    preset = _read(path)
    spec = preset.get('planner')
    if not isinstance(spec, str) or not spec:
        raise InputError(f"{path}: field 'planner' must be a planner spec, not {spec!r}")
    if find_preset(spec) is not None:
        raise InputError(f"{path}: field 'planner' must not name another planner file: {spec!r}")
    prompts = preset.get('prompts', context.prompts)
    if not isinstance(prompts, str) or not prompts:
        raise InputError(f"{path}: field 'prompts' must name a prompt pack, not {prompts!r}")
    _check_for_grounders(path, preset, spec)
    return make_planner(spec, context=replace(
        context, prompts=prompts, asking=_asking(path, preset, context.asking),
        chat=_chat(path, preset, context.chat), waits=context.waits.over(_waits(path, preset)),
        key_from=_key_from(path, preset, context.key_from),
        engine=EngineOptions.from_mapping(path, preset.get('engine', {})),
        thresholds=check_thresholds(str(path), preset.get('thresholds', {})),
        phrase=check_phrase(str(path), preset['phrase']) if 'phrase' in preset else ''))


def shipped_thresholds(name: str) -> Thresholds:
    """Return the thresholds of a planner file in config/planners."""
    path = share_path('config/planners') / f'{name}.yaml'
    return Thresholds(**check_thresholds(str(path), _read(path).get('thresholds', {})))


def _check_for_grounders(path: Path, preset: dict[str, Any], spec: str) -> None:
    for field in ('thresholds', 'phrase'):
        if field in preset and spec.partition(':')[0] != 'grounder':
            raise InputError(
                f'{path}: field {field!r} is for planners grounder:KIND:PATH, not {spec!r}')


def _read(path: Path) -> dict[str, Any]:
    try:
        preset = load_plain_yaml(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f'{path}: not a readable YAML file ({_first_line(error)})') from error
    if not isinstance(preset, dict):
        raise InputError(f'{path}: a planner file holds a mapping, not {type(preset).__name__}')
    for key in preset:
        if key not in FIELDS:
            raise InputError(f'{path}: unknown field {key!r}; known are: {", ".join(FIELDS)}')
    return preset


def _asking(path: Path, preset: dict[str, Any], default: Asking) -> Asking:
    found: dict[str, Any] = {
        name: value for name, value in preset.items()
        if name in ('context', 'history_turns', 'most_images')}
    found |= {
        f'image_{name}': value for name, value in _mapping(path, preset, 'image', IMAGE).items()}
    found |= _mapping(path, preset, 'reply', SWITCHES)
    return default.with_wishes(found, str(path))


def _waits(path: Path, preset: dict[str, Any]) -> Waits:
    chosen = _mapping(path, preset, 'waits', [entry.name for entry in fields(Waits)])
    for key, value in chosen.items():
        if not _is_number(value) or not 0 < value <= 3600:
            raise InputError(f"{path}: field 'waits.{key}' must be 0 to 3600 s, not {value!r}")
    return Waits(**chosen)


def _key_from(path: Path, preset: dict[str, Any], default: str) -> str:
    name = preset.get('key_from', default)
    if not isinstance(name, str) or not re.fullmatch(r'[A-Z][A-Z0-9_]*', name):
        raise InputError(
            f"{path}: field 'key_from' must name an environment variable, like OPENAI_API_KEY")
    return name


def _chat(path: Path, preset: dict[str, Any], default: ChatOptions) -> ChatOptions:
    chosen = _mapping(path, preset, 'chat', [entry.name for entry in fields(ChatOptions)])
    for key, value in chosen.items():
        if key == 'omit':
            if not isinstance(value, list) or not set(map(str, value)) <= set(SAMPLING):
                raise InputError(
                    f"{path}: field 'chat.omit' must list some of {', '.join(SAMPLING)}, "
                    f'not {value!r}')
            chosen = {**chosen, 'omit': tuple(value)}
        elif key == 'extra':
            if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
                raise InputError(f"{path}: field 'chat.extra' must be a mapping, not {value!r}")
        elif not _is_number(value) and not (key == 'seed' and value is None):
            raise InputError(f"{path}: field 'chat.{key}' must be a number, not {value!r}")
    return replace(default, **chosen)


def _mapping(
        path: Path, preset: dict[str, Any], field: str, known: Sequence[str]) -> dict[str, Any]:
    chosen = preset.get(field, {})
    if not isinstance(chosen, dict):
        raise InputError(f"{path}: field '{field}' must be a mapping, not {chosen!r}")
    for key in chosen:
        if key not in known:
            raise InputError(
                f"{path}: unknown field '{field}.{key}'; known are: {', '.join(known)}")
    return chosen


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
