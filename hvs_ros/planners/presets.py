# SPDX-License-Identifier: Apache-2.0
"""Planner files: a spec with its prompt pack and sampling parameters, as YAML."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import yaml

from hvs_ros.core.errors import InputError
from hvs_ros.core.share import share_path
from hvs_ros.planners.base import ChatOptions, Planner
from hvs_ros.planners.registry import PlannerContext, make_planner

FIELDS = ('planner', 'prompts', 'history_turns', 'chat')


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
    return make_planner(spec, context=replace(
        context, prompts=prompts,
        history_turns=_history(path, preset, context), chat=_chat(path, preset, context.chat)))


def _read(path: Path) -> dict[str, Any]:
    try:
        preset = yaml.safe_load(path.read_text(encoding='utf-8'))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f'{path}: not a readable YAML file ({_first_line(error)})') from error
    if not isinstance(preset, dict):
        raise InputError(f'{path}: a planner file holds a mapping, not {type(preset).__name__}')
    for key in preset:
        if key not in FIELDS:
            raise InputError(f'{path}: unknown field {key!r}; known are: {", ".join(FIELDS)}')
    return preset


def _history(path: Path, preset: dict[str, Any], context: PlannerContext) -> int:
    turns = preset.get('history_turns', context.history_turns)
    if not isinstance(turns, int) or isinstance(turns, bool) or not 1 <= turns <= 100:
        raise InputError(f"{path}: field 'history_turns' must be 1 to 100, not {turns!r}")
    return turns


def _chat(path: Path, preset: dict[str, Any], default: ChatOptions) -> ChatOptions:
    chosen = preset.get('chat', {})
    known = [entry.name for entry in fields(ChatOptions)]
    if not isinstance(chosen, dict):
        raise InputError(f"{path}: field 'chat' must be a mapping, not {chosen!r}")
    for key, value in chosen.items():
        if key not in known:
            raise InputError(
                f'{path}: unknown field \'chat.{key}\'; known are: {", ".join(known)}')
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not is_number and not (key == 'seed' and value is None):
            raise InputError(f"{path}: field 'chat.{key}' must be a number, not {value!r}")
    return replace(default, **chosen)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
