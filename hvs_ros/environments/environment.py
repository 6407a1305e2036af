# SPDX-License-Identifier: Apache-2.0
"""One search as an environment, pure: reset to an episode, step with a model's text."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace
import sys
from typing import Any, NamedTuple

import numpy as np

from hvs_ros.core.actions import IMAGE_TAG, Rotate, Submit
from hvs_ros.core.episode import Episode
from hvs_ros.core.errors import HvsError
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.profile import Profile
from hvs_ros.core.prompts import IMAGE, TURN_FIELDS, PromptPack
from hvs_ros.core.renderer import ViewSpec
from hvs_ros.core.scoring import approach
from hvs_ros.core.search import Decision, SearchSession, Task, Turn
from hvs_ros.core.view import View
from hvs_ros.environments.config import ConfigError, EnvConfig
from hvs_ros.environments.views import Views

Info = dict[str, Any]


class OrderError(HvsError):
    """Say that an environment cannot be stepped as it stands: not reset, or done."""


@dataclass(frozen=True)
class Observation:
    """
    Hold what is shown: a text with the image's placeholder once, and the view behind it.

    After a submit the text has no placeholder, though the view is still there. The view is
    rendered when it is asked for, from the panorama that all environments share.
    """

    text: str
    episode: Episode
    angles: BenchmarkAngles
    spec: ViewSpec
    views: Views

    def image(self) -> np.ndarray:
        """Return the view as (h, w, 3) uint8 RGB."""
        return np.ascontiguousarray(
            self.views.image(self.episode.panorama, self.angles, self.spec)[:, :, ::-1])

    def png(self) -> bytes:
        """Return the view as PNG, as it travels to trainers."""
        return self.views.png(self.episode.panorama, self.angles, self.spec)

    def jpeg(self) -> bytes:
        """Return the view as the JPEG that an evaluation shows."""
        return self.views.jpeg(self.episode.panorama, self.angles, self.spec)


class Step(NamedTuple):
    """Hold what a step returns; ``done`` comes with a submit only."""

    observation: Observation
    reward: float
    done: bool
    info: Info


class Environment:
    """
    Step searches the way trainers of the published family do.

    There is no turn limit: whoever steps counts. ``max_turns`` is only what the texts tell about
    turns left. Belongs to one thread at a time.
    """

    def __init__(
            self, config: EnvConfig, profile: Profile, pack: PromptPack, views: Views,
            max_turns: int | None = None) -> None:
        if pack.answer_format != config.prompt_format:
            raise ConfigError(
                f'the prompt pack {pack.name} asks for {pack.answer_format} answers, '
                f'not for {config.prompt_format}')
        for name in TURN_FIELDS:
            if config.image_placeholder in getattr(pack, name).replace(IMAGE, ''):
                raise ConfigError(
                    f'image_placeholder {config.image_placeholder!r} is a part of what the prompt '
                    f'pack {pack.name} says')
        self.config = config
        self.profile = replace(profile, answers=config.answers)
        self.pack = pack
        self.max_turns = max_turns
        self.steps = 0
        self._views = views
        self._spec = config.view
        self._episode: Episode | None = None
        self._session: SearchSession | None = None

    @property
    def episode(self) -> Episode | None:
        """Return the episode it was last reset to."""
        return self._episode

    @property
    def done(self) -> bool:
        """Return whether the search has ended."""
        return self._session is not None and self._session.result is not None

    @property
    def angles(self) -> BenchmarkAngles:
        """Return the present direction in benchmark degrees."""
        return self._running()[1].pose

    def reset(self, episode: Episode) -> Observation:
        """Begin the episode and return its first observation."""
        target = episode.target
        if target.kind == 'object':
            target = replace(
                target, yaw_tolerance=self.config.yaw_tolerance,
                pitch_tolerance=self.config.pitch_tolerance)
        self._episode = replace(episode, target=target)
        self._session = SearchSession(
            Task(episode.id, target.kind, episode.instruction, episode.start), self.profile,
            self.config.prompt_format, sys.maxsize)
        self.steps = 0
        return self.observation()

    def step(self, text: str) -> Step:
        """
        Take a model's raw text and return what came of it.

        Raise ``OrderError`` before the first reset and after the search has ended; nothing has
        changed then.
        """
        self._may_step()
        episode, session = self._running()
        width, height = self.config.size
        session.observe(View(
            b'', session.goal.to_gaze(), width, height, self._spec.horizontal_fov))
        turn = session.decide(Decision(text))
        del session.turns[:-1]  # the last one is what feedback speaks of; the rest only grows
        self.steps += 1
        success = self.profile.succeeds(
            episode.target, turn.action if isinstance(turn.action, Submit) else None, turn.pose)
        shrunk = self._approach(episode, turn)
        info = self._info(text, turn, shrunk > 0, success)
        return Step(self.observation(), self._reward(turn, shrunk, success), self.done, info)

    def observation(self) -> Observation:
        """Return what is shown now."""
        episode, session = self._running()
        return Observation(self._text(session), episode, session.pose, self._spec, self._views)

    def system_prompt(self) -> str:
        """Return the system prompt for the present episode's kind of search."""
        return self._clean(self.pack.system_text(self._running()[1].task))

    def saved(self) -> tuple[Any, ...]:
        """Return the state, for ``restore``."""
        session = copy(self._session)
        if session is not None:
            session.turns = list(session.turns)
        return self._episode, session, self.steps

    def restore(self, state: tuple[Any, ...]) -> None:
        """Go back to a saved state, once."""
        self._episode, self._session, self.steps = state

    def check(self, *, steps: bool) -> None:
        """Raise ``OrderError`` unless it was reset and, for ``steps``, has not ended."""
        self._running()
        if steps:
            self._may_step()

    def _may_step(self) -> None:
        if self.done:
            raise OrderError('the search has ended; reset it before the next step')

    def _running(self) -> tuple[Episode, SearchSession]:
        if self._episode is None or self._session is None:
            raise OrderError('it has not been reset to an episode yet')
        return self._episode, self._session

    def _approach(self, episode: Episode, turn: Turn) -> float:
        if not isinstance(turn.action, Rotate):
            return 0.0
        return approach(episode.target, turn.told, turn.pose, self.profile.rule)

    def _reward(self, turn: Turn, shrunk: float, success: bool) -> float:
        if isinstance(turn.action, Submit):
            return self.config.traj_success_reward if success else self.config.traj_fail_penalty
        if not isinstance(turn.action, Rotate):
            return 0.0
        return shrunk * (self.config.effective_reward_weight if shrunk > 0
                         else self.config.ineffective_penalty_weight)

    def _info(self, text: str, turn: Turn, effective: bool, success: bool) -> Info:
        parsed, episode = turn.parsed, self._running()[0]
        answer = f'<answer>{parsed.action_text.strip()}</answer>'
        if self.config.prompt_format != 'no_think':
            answer = f'<think>{parsed.thought.strip()}</think>{answer}'
        info: Info = {
            'llm_raw_response': text.replace(IMAGE_TAG, ''), 'llm_response': answer,
            'think_content': parsed.thought, 'action_content': parsed.action_text,
            'actions': list(parsed.action_texts), 'format_correct': parsed.format_correct}
        if self.config.prompt_format == 'grounding':
            info |= {'observation_content': parsed.observation,
                     'reasoning_content': parsed.reasoning}
        return info | {
            'is_format_rewarded': turn.valid and parsed.format_correct,
            'metrics': {
                'turn_metrics': {'action_is_valid': turn.valid, 'action_is_effective': effective},
                'traj_metrics': {'success': success, 'level': episode.level}},
            'instruction': episode.instruction, 'env_step': self.steps, 'task_success': success,
            'done': self.done, 'level': episode.level, 'env_feedback': self._feedback()}

    def _feedback(self) -> str:
        """Return in a sentence what became of the last answer; numbers are not rounded."""
        feedback = self._running()[1].feedback()
        assert feedback is not None
        at = feedback.direction
        direction = '' if at is None else (
            f' The current direction (yaw,pitch) is ({at.yaw},{at.pitch}).')
        if feedback.valid:
            return f'The action was carried out.{direction}'
        reason = f': {feedback.reason}' if feedback.reason else ''
        return f'The last answer was not a valid action{reason}.{direction}'

    def _text(self, session: SearchSession) -> str:
        if self.done:
            return self._clean(f'The answer was taken. {self._feedback()} The search has ended.')
        left = None if self.max_turns is None else max(0, self.max_turns - self.steps)
        parts = self.pack.turn_parts(session.task, session.pose, session.feedback(), b'', left)
        return ''.join(
            self._clean(part) if isinstance(part, str) else self.config.image_placeholder
            for part in parts)

    def _clean(self, text: str) -> str:
        """Return the text without the placeholder, which stands for an image and nothing else."""
        while self.config.image_placeholder in text:
            text = text.replace(self.config.image_placeholder, '')
        return text
