# SPDX-License-Identifier: Apache-2.0
"""What the trainers' adapters share: searches as dialogues of a few turns, and what they earn."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hvs_ros.core.episode import Episode
from hvs_ros.core.errors import InputError
from hvs_ros.core.profile import Profile, get_profile
from hvs_ros.core.prompts import PromptPack, load_prompts
from hvs_ros.core.search import Task
from hvs_ros.environments.config import EnvConfig
from hvs_ros.environments.environment import Environment, Observation
from hvs_ros.environments.index import EpisodeIndex, EpisodeRoot
from hvs_ros.environments.packs import OWN
from hvs_ros.environments.views import Views

if TYPE_CHECKING:
    from PIL.Image import Image

Message = dict[str, Any]
Part = dict[str, Any]

MAX_TURNS = 5
"""Turns of a search in training, as published; the benchmark allows ten."""
RESOLUTION = 720
NO_TURNS_LEFT = 'No turns are left. The search has ended.'


@dataclass(frozen=True)
class Searches:
    """
    Make dialogues about the episodes of one folder, under one profile, in one pack's words.

    ``max_turns`` ends a search without an answer; nothing is earned then.
    """

    root: EpisodeRoot
    config: EnvConfig
    profile: Profile
    pack: PromptPack
    views: Views
    max_turns: int = MAX_TURNS

    def dialogue(self) -> Dialogue:
        """Return a dialogue that has not begun; each belongs to one thread at a time."""
        return Dialogue(self)

    @cached_property
    def by_id(self) -> Mapping[str, Episode]:
        """Return the episodes by their ids."""
        return {episode.id: episode for episode in self.root.episodes}

    def episode(self, episode_id: str) -> Episode:
        """Return the episode of that id; raise ``InputError`` when there is none."""
        if episode_id not in self.by_id:
            raise InputError(f'{self.root.path} holds no episode {episode_id!r:.80}')
        return self.by_id[episode_id]

    def system_text(self, episode: Episode) -> str:
        """Return the system prompt of an episode, which need not have begun."""
        task = Task(episode.id, episode.target.kind, episode.instruction, episode.start)
        return self.pack.system_text(task).replace(self.config.image_placeholder, '')


class Dialogue:
    """
    Hold one search as a trainer needs it: messages in, a model's text back, rewards.

    ``views`` are the images shown so far, ``rewards`` what each turn earned. ``status`` is
    ``running``, ``success``, ``failure`` (a wrong answer), ``truncated`` (out of turns) or
    ``cut`` (out of tokens, which only the trainer can know).
    """

    def __init__(self, searches: Searches) -> None:
        self._searches = searches
        self._environment = Environment(
            searches.config, searches.profile, searches.pack, searches.views, searches.max_turns)
        self.views: list[Image] = []
        self.rewards: list[float] = []
        self.status = 'running'

    @property
    def turns(self) -> int:
        """Return how many answers were taken."""
        return len(self.rewards)

    @property
    def reward(self) -> float:
        """Return what all turns earned together."""
        return float(sum(self.rewards))

    @property
    def success(self) -> bool:
        """Return whether a right answer was submitted."""
        return self.status == 'success'

    def begin(self, episode: Episode) -> list[Message]:
        """Begin the episode anew and return the system's and the first user's message."""
        self.views, self.rewards, self.status = [], [], 'running'
        observation = self._environment.reset(episode)
        return [
            {'role': 'system', 'content': [_text(self._searches.system_text(episode))]},
            {'role': 'user', 'content': self._parts(observation)}]

    def answer(self, text: str) -> list[Part]:
        """
        Take the model's text and return what it is shown next.

        Without an image once the search has ended. Raise ``OrderError`` after that.
        """
        if self.status != 'running':
            self._environment.check(steps=True)
            raise InputError(f'the search has ended ({self.status}); no answer is taken')
        step = self._environment.step(text)
        self.rewards.append(float(step.reward))
        if step.done:
            self.status = 'success' if step.info['task_success'] else 'failure'
            return [_text(step.observation.text)]
        if self.turns >= self._searches.max_turns:
            self.status = 'truncated'
            return [_text(NO_TURNS_LEFT)]
        return self._parts(step.observation)

    def cut(self, shown: int | None = None) -> None:
        """
        Note that no token is left for another answer.

        ``shown`` is the number of views that found room; the others are forgotten.
        """
        if self.status == 'running':
            self.status = 'cut'
        if shown is not None:
            del self.views[shown:]

    def _parts(self, observation: Observation) -> list[Part]:
        """Return the observation in reading order, its image between the texts around it."""
        from PIL import Image
        image = Image.fromarray(observation.image())
        self.views.append(image)
        before, _, after = observation.text.partition(self._searches.config.image_placeholder)
        parts = [_text(before), {'type': 'image', 'image': image}, _text(after)]
        return [part for part in parts if part['type'] == 'image' or part['text'].strip()]


def _text(text: str) -> Part:
    return {'type': 'text', 'text': text}


def open_searches(
        root: str | Path, *, profile: str = 'published-2026',
        prompts: str | Path | None = None, max_turns: int = MAX_TURNS,
        config: Mapping[str, Any] | None = None) -> Searches:
    """
    Return the searches of a folder or zip of episodes.

    ``config`` takes the keys of ``env_config``; its ``resolution`` is 720 and its
    ``prompt_format`` the pack's unless it says so. Without ``prompts`` the words are the
    package's own for that format. Raise ``InputError`` for what cannot be used.
    """
    return searches_for(
        {'data_path': str(root), **(config or {})}, roots=(str(root),), profile=profile,
        prompts=None if prompts is None else str(prompts), max_turns=max_turns)


def searches_for(
        env_config: Mapping[str, Any], *, roots: Iterable[str] = (),
        profile: str = 'published-2026', prompts: str | None = None,
        max_turns: int = MAX_TURNS) -> Searches:
    """
    Return the searches that a row's ``env_config`` means, the same object for the same row.

    Its ``data_path`` is the path or the name (``NAME=PATH``) of one of the roots; without roots
    it is a path.
    """
    if max_turns < 1:
        raise InputError(f'max_turns must be at least 1, not {max_turns}')
    return _searches(
        json.dumps(dict(env_config), sort_keys=True, default=str), tuple(roots), profile,
        prompts, max_turns)


@lru_cache(maxsize=64)
def _searches(
        env_config: str, roots: tuple[str, ...], profile: str, prompts: str | None,
        max_turns: int) -> Searches:
    given: dict[str, Any] = {'resolution': RESOLUTION}
    if prompts is not None:
        given['prompt_format'] = load_prompts(prompts).answer_format
    config = EnvConfig.from_dict({**given, **json.loads(env_config)})
    pack = load_prompts(prompts or OWN[config.prompt_format])
    if pack.answer_format != config.prompt_format:
        raise InputError(
            f'prompt_format {config.prompt_format} does not fit the prompt pack {pack.name}, '
            f'which asks for {pack.answer_format} answers')
    index = _index(roots or (config.data_path,))
    return Searches(
        index.resolve(config.data_path), config, get_profile(profile), pack, _views(), max_turns)


@lru_cache(maxsize=16)
def _index(roots: tuple[str, ...]) -> EpisodeIndex:
    return EpisodeIndex(roots)


@lru_cache(maxsize=1)
def _views() -> Views:
    """Return the one cache of panoramas of this process."""
    return Views()
