# SPDX-License-Identifier: Apache-2.0
"""TRL, tool calls: the environment class whose methods rotate and submit are a model's tools."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from hvs_ros.core.errors import HvsError
from hvs_ros.core.share import share_path
from hvs_ros.environments.training import Dialogue, Searches, open_searches

CHAT_TEMPLATE = 'config/chat_templates/qwen2.5-vl-tools.jinja'
PROMPTS = 'config/training/tools.yaml'


class SearchTools:
    """
    Hold one search at a time for ``GRPOTrainer(environment_factory=...)``.

    The trainer makes one for each rollout it runs at once and resets it often. Its public
    methods, but for ``reset`` and ``get_reward``, are the tools; their docstrings and types are
    what the model is told about them.
    """

    def __init__(self, searches: Searches) -> None:
        self._dialogue = searches.dialogue()
        self._searches = searches

    def reset(self, episode: str, **row: Any) -> list[dict[str, Any]]:
        """Begin the row's episode and return what the prompt's last message ends with."""
        return self._dialogue.begin(self._searches.episode(episode))[1]['content']

    def rotate(self, yaw: int, pitch: int) -> list:
        """
        Turn the head, and see the view there.

        Args:
            yaw: Degrees to turn, positive to the right, negative to the left.
            pitch: Degrees to tilt, positive up, negative down.

        """
        return self._answer('rotate', yaw, pitch)

    def submit(self, yaw: int, pitch: int) -> list:
        """
        Report the direction that was asked for, and end the search.

        Args:
            yaw: Absolute direction in degrees, 0 to 359.
            pitch: Absolute height in degrees, -90 to 90, 0 is level.

        """
        return self._answer('submit', yaw, pitch)

    def get_reward(self) -> float | None:
        """Return what the search earned; None when a view could not be made, which is no score."""
        return None if self._dialogue.status == 'error' else self._dialogue.reward

    @property
    def search(self) -> Dialogue:
        """Return the search as it stands."""
        return self._dialogue

    def _answer(self, name: str, yaw: object, pitch: object) -> list[dict[str, Any]]:
        if self._dialogue.status != 'running':
            raise ValueError('the search has ended')
        try:
            # A call is an answer like any other: whether its numbers count, the profile says.
            return self._dialogue.answer(f'<answer>{name}({yaw},{pitch})</answer>')
        except HvsError:
            self._dialogue.status = 'error'  # the trainer shows it to the model and goes on
            raise


def search_tools(
        root: str | Path, *, prompts: str | Path | None = None,
        **options: Any) -> partial[SearchTools]:
    """
    Return the ``environment_factory`` of a folder of episodes.

    ``options`` are those of ``open_searches``. The prompt pack must ask for bare answers
    (``answer_format: no_think``): a call holds no thought.
    """
    pack = share_path(PROMPTS) if prompts is None else prompts
    return partial(SearchTools, open_searches(root, prompts=pack, **options))


def tool_rows(factory: partial[SearchTools]) -> Iterator[dict[str, Any]]:
    """Yield one row per episode for ``datasets.Dataset.from_list``; ``reset`` adds the view."""
    searches: Searches = factory.args[0]
    for episode in searches.root.episodes:
        yield {
            'prompt': [
                {'role': 'system', 'content': searches.system_text(episode)},
                {'role': 'user', 'content': ''}],
            'episode': episode.id}


def use_tools(processor: Any) -> Any:
    """
    Return the processor of a Qwen2-VL or Qwen2.5-VL model, able to call tools.

    The template these models are released with knows no tools. The family's newer one, which TRL
    knows by heart, reads calls of the same form: its rules for reading replies are used.
    """
    from trl import chat_template_utils
    processor.chat_template = chat_template_utils.qwen3_vl_chat_template
    chat_template_utils.add_response_schema(processor)
    processor.chat_template = share_path(CHAT_TEMPLATE).read_text()
    return processor
