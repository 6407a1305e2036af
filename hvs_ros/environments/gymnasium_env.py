# SPDX-License-Identifier: Apache-2.0
"""Object and path search as gymnasium environments; their module needs the extra [gym]."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
import os
from typing import Any
import unicodedata

import gymnasium
from gymnasium import spaces
import numpy as np

from hvs_ros.core.errors import InputError
from hvs_ros.core.panorama import PanoramaCache
from hvs_ros.core.profile import get_profile
from hvs_ros.core.prompts import TURN_FIELDS
from hvs_ros.core.share import share_path
from hvs_ros.environments.config import EnvConfig
from hvs_ros.environments.environment import Environment, Observation
from hvs_ros.environments.index import EpisodeIndex, EpisodeRoot
from hvs_ros.environments.live_text import LiveText
from hvs_ros.environments.packs import load_packs
from hvs_ros.environments.views import Views

MAX_ACTION = 4096
_MAX_FEEDBACK = 512
"""Characters that a text has beyond its template and instruction, at most."""
_BLOCKS = ((0x20, 0x7E), (0xA0, 0x24F), (0x370, 0x52F), (0x2010, 0x2027), (0x2030, 0x205E),
           (0x20A0, 0x20C0), (0x2190, 0x22FF), (0x3000, 0x303F), (0xFF01, 0xFF5E))


@lru_cache(maxsize=1)
def action_charset() -> frozenset[str]:
    """
    Return the characters of the action space.

    European letters, punctuation, full-width forms, and every script's decimal digits, which the
    published parsers read as numbers.
    """
    letters = {
        chr(code) for low, high in _BLOCKS for code in range(low, high + 1)
        if unicodedata.category(chr(code)) not in ('Cn', 'Cc', 'Cf')}
    digits = {chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == 'Nd'}
    return frozenset(letters | digits | set('\t\n\r'))


@lru_cache(maxsize=8)
def _root(path: str) -> EpisodeRoot:
    """Return the episodes of a folder or zip, read once in a process."""
    return EpisodeIndex([path]).roots[0]


@lru_cache(maxsize=4)
def _views(cache_mib: int) -> Views:
    """Return the one cache of panoramas of a process."""
    return Views(PanoramaCache(cache_mib << 20), png_bytes=0)


class SearchEnv(gymnasium.Env[dict[str, Any], str]):
    """
    Search for an object or for the way: a view and a text in, a model's text out.

    ``episodes`` is a folder or zip (default: the bundled ones); ``max_turns`` truncates; the
    other keywords are those of ``EnvConfig``, ``resolution`` being 720 where none is given.
    ``reset`` takes ``options={'episode': id or place}``; else the seed draws one. Infos are the
    published ones with the episode's id; the first one holds the system prompt.
    """

    metadata = {'render_modes': ['rgb_array'], 'render_fps': 1}

    def __init__(
            self, kind: str, episodes: str | None = None, profile: str = 'published-2026',
            max_turns: int = 10, prompts: str | None = None, render_mode: str | None = None,
            cache_mib: int = 512, **config: Any) -> None:
        if render_mode not in (None, 'rgb_array'):
            raise InputError(f'render_mode must be None or rgb_array, not {render_mode!r}')
        if max_turns < 1:
            raise InputError(f'max_turns must be at least 1, not {max_turns}')
        self.render_mode = render_mode
        self.max_turns = max_turns
        path = os.path.realpath(episodes or share_path('sim/episodes'))
        self._episodes = tuple(
            episode for episode in _root(path).episodes if episode.target.kind == kind)
        if not self._episodes:
            raise InputError(f'{path} holds no {kind} searches')
        wanted = EnvConfig.from_dict({'resolution': 720, **config}, 'the environment')
        pack = load_packs([prompts] if prompts else [])[wanted.prompt_format]
        self._environment = Environment(
            wanted, get_profile(profile), pack, _views(cache_mib), max_turns)
        self._shown: Observation | None = None
        self._over = True
        width, height = wanted.size
        instructions = [episode.instruction for episode in self._episodes]
        templates = [getattr(pack, name) for name in TURN_FIELDS]
        self._charset = action_charset().union(*instructions, *templates)
        self._longest = _MAX_FEEDBACK + max(map(len, instructions)) * 2 + max(map(len, templates))
        self.action_space = spaces.Text(MAX_ACTION, min_length=0, charset=action_charset())
        self.observation_space = spaces.Dict({
            'image': spaces.Box(0, 255, (height, width, 3), np.uint8),
            'text': LiveText(self._longest, min_length=0, charset=self._charset)})

    def reset(
            self, *, seed: int | None = None, options: dict[str, Any] | None = None
            ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin an episode."""
        super().reset(seed=seed)
        episode = self._episodes[self._place((options or {}).get('episode'))]
        shown = self._environment.reset(episode)
        self._over = False
        info = {
            'episode': episode.id, 'instruction': episode.instruction, 'level': episode.level,
            'system_prompt': self._environment.system_prompt()}
        return self._observed(shown), info

    def step(self, action: str) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Take a model's text; a submit terminates, the turn limit truncates."""
        if self._over:
            raise gymnasium.error.ResetNeeded('the search has ended or not begun; reset it')
        step = self._environment.step(str(action))
        truncated = not step.done and self._environment.steps >= self.max_turns
        self._over = step.done or truncated
        assert self._environment.episode is not None
        return (self._observed(step.observation), float(step.reward), step.done, truncated,
                {'episode': self._environment.episode.id, **step.info})

    def render(self) -> np.ndarray | None:  # type: ignore[override]
        """Return the present view, (h, w, 3) uint8 RGB."""
        if self.render_mode != 'rgb_array' or self._shown is None:
            return None
        return self._shown.image()

    def _observed(self, shown: Observation) -> dict[str, Any]:
        self._shown = shown
        text = ''.join(self._known(shown.text[:self._longest]))
        return {'image': shown.image(), 'text': text}

    def _known(self, text: str) -> Iterator[str]:
        """Yield the characters; one that the space has not becomes a question mark."""
        for character in text:
            yield character if character in self._charset else '?'

    def _place(self, wanted: Any) -> int:
        if wanted is None:
            return int(self.np_random.integers(len(self._episodes)))
        if isinstance(wanted, (int, np.integer)) and not isinstance(wanted, bool):
            return int(wanted) % len(self._episodes)
        for place, episode in enumerate(self._episodes):
            if episode.id == wanted:
                return place
        raise InputError(f'there is no episode {wanted!r:.80} of this kind of search')
