# SPDX-License-Identifier: Apache-2.0
"""What a trainer may configure about an environment, under the published names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
import math
from typing import Any

from hvs_ros.core.actions import ANSWER_FORMATS, ANSWER_TAGS, AnswerRules
from hvs_ros.core.errors import InputError
from hvs_ros.core.renderer import ViewSpec

EVAL_SETS = ('object_search', 'navigation', 'mixed')
MAX_RESOLUTION = 2160
MAX_WEIGHT = 1e6
MAX_ACTIONS = 1000
MAX_TEXT = 200
MAX_TAGS = 50


class ConfigError(InputError):
    """Name the key of a configuration and the value that cannot be used."""


@dataclass(frozen=True)
class EnvConfig:
    """
    Hold the configuration of one environment; names and defaults are the published ones.

    ``resolution`` is the height of a view in pixels, ``seed`` that of the shuffled order of
    episodes; tolerances are in degrees and do not touch the yaw of path searches. Without any
    effect, as published: ``eval_set``, ``action_sep``, ``format_reward`` (never paid),
    ``max_action_penalty``, ``step_tolerance`` and the two weights of state rewards.
    """

    data_path: str = ''
    resolution: int = 1080
    prompt_format: str = 'free_think'
    eval_set: str = 'mixed'
    seed: int = 42
    render_mode: str = 'vision'
    max_actions_per_step: int = 1
    traj_success_reward: float = 0.5
    traj_fail_penalty: float = 0
    format_reward: float = 0.5
    effective_reward_weight: float = 0
    ineffective_penalty_weight: float = 0
    yaw_tolerance: float = 30
    pitch_tolerance: float = 20
    max_action_penalty: float = -1
    step_tolerance: float = 5
    use_state_reward: bool = False
    image_placeholder: str = '<image>'
    special_token_list: tuple[str, ...] = ANSWER_TAGS
    action_sep: str = ','
    grounding_reward_weight: float = 0.5
    worldmodeling_reward_weight: float = 0.5

    @property
    def size(self) -> tuple[int, int]:
        """Return the width and height of a view, computed as published."""
        return self.resolution // 9 * 16, self.resolution

    @property
    def view(self) -> ViewSpec:
        """Return how a view is made."""
        width, height = self.size
        return ViewSpec(width, height)

    @property
    def answers(self) -> AnswerRules:
        """Return what is set about answers."""
        return AnswerRules(self.special_token_list, self.max_actions_per_step)

    @classmethod
    def from_dict(
            cls, payload: Any, where: str = 'env_config',
            max_resolution: int = MAX_RESOLUTION) -> EnvConfig:
        """Return the configuration; raise ``ConfigError`` naming the key that cannot be used."""
        if not isinstance(payload, Mapping):
            raise ConfigError(f'{where} must be an object, not {_short(payload)}')
        known = [spec.name for spec in fields(cls)]
        for key in payload:
            if key not in known:
                raise ConfigError(
                    f'{where}: unknown key {_short(key)}; known are {", ".join(known)}')
        for key, value in payload.items():
            problem = _problem(key, value, max_resolution)
            if problem:
                raise ConfigError(f'{where}: {key} must be {problem}, not {_short(value)}')
        values = dict(payload)
        if 'special_token_list' in values:
            values['special_token_list'] = tuple(values['special_token_list'] or ())
        return cls(**values)


_WHOLE = {
    'resolution': (9, MAX_RESOLUTION), 'seed': (-2**63, 2**64),
    'max_actions_per_step': (1, MAX_ACTIONS)}
_NUMBERS = {'yaw_tolerance': (0.0, 179.0), 'pitch_tolerance': (0.0, 180.0)}
_CHOICES = {
    'prompt_format': ANSWER_FORMATS, 'eval_set': EVAL_SETS, 'render_mode': ('vision',)}
_TEXTS = ('data_path', 'action_sep')


def _problem(key: str, value: Any, max_resolution: int) -> str:
    """Return what the key must be where the value is not that, else nothing."""
    if key in _CHOICES:
        return _choice(value, _CHOICES[key])
    if key == 'use_state_reward':
        # A judge compares the thoughts with a state in words, which a panorama does not have.
        return '' if value is False else 'false'
    if key == 'special_token_list':
        return _tags(value)
    if key == 'image_placeholder':
        return _placeholder(value)
    if key in _TEXTS:
        longest = 4096 if key == 'data_path' else MAX_TEXT
        fine = isinstance(value, str) and 0 < len(value) <= longest
        return '' if fine else f'a text of 1 to {longest} characters'
    if key in _WHOLE:
        low, high = _WHOLE[key]
        if key == 'resolution':
            high = max_resolution
        fine = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return '' if fine else f'a whole number from {low} to {high}'
    lowest, highest = _NUMBERS.get(key, (-MAX_WEIGHT, MAX_WEIGHT))
    fine = (isinstance(value, (int, float)) and not isinstance(value, bool)
            and lowest <= value <= highest and math.isfinite(value))
    return '' if fine else f'a number from {lowest:g} to {highest:g}'


def _choice(value: Any, known: tuple[str, ...]) -> str:
    if isinstance(value, str) and value in known:
        return ''
    return known[0] if len(known) == 1 else f'one of {", ".join(known)}'


def _tags(value: Any) -> str:
    fine = value is None or (
        isinstance(value, (list, tuple)) and len(value) <= MAX_TAGS
        and all(isinstance(tag, str) and len(tag) <= MAX_TEXT for tag in value))
    return '' if fine else f'null or a list of at most {MAX_TAGS} texts'


def _placeholder(value: Any) -> str:
    # It is deleted from instructions and feedback: no word and no number may be one.
    fine = isinstance(value, str) and 3 <= len(value) <= MAX_TEXT and not any(
        end.isalnum() or end.isspace() for end in (value[0], value[-1]))
    return '' if fine else (
        f'a text of 3 to {MAX_TEXT} characters that begins and ends with a sign, as <image> does')


def _short(value: Any) -> str:
    """Return the value as a message shows it, whatever it is."""
    try:
        return f'{value!r:.60}'
    except (ValueError, RecursionError):  # a number of thousands of digits has no text
        return f'such a {type(value).__name__}'
