# SPDX-License-Identifier: Apache-2.0
"""What a run would ask for at most, before anything is asked: `hvs eval --dry-run`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math
from pathlib import Path
from typing import Any, TextIO

from hvs_ros.core.episode import Episode, Episodes
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.search import Feedback
from hvs_ros.evaluation.budget import prices_of
from hvs_ros.evaluation.config import EvalConfig, load_selected
from hvs_ros.evaluation.image_tokens import Family, family_of
from hvs_ros.evaluation.manifest import build_manifest, planner_for
from hvs_ros.evaluation.records import refuse_difference
from hvs_ros.evaluation.run_files import MANIFEST, Lines, read_lines, read_manifest
from hvs_ros.evaluation.runner import episode_task
from hvs_ros.planners.base import Planner
from hvs_ros.planners.pictures import picture_size

CHARACTERS_A_TOKEN = 4
"""Of English text, by the rule of thumb that model vendors give."""
DEFAULT_REPLY_TOKENS = 1024


@dataclass(frozen=True)
class Estimate:
    """Hold what some searches would ask of a model at most; tokens are estimates."""

    searches: int
    requests: int
    pictures: int
    picture_tokens: int
    text_tokens: int
    reply_tokens: int
    family: Family | None

    @property
    def image_tokens(self) -> int:
        """Return the tokens of all pictures sent."""
        return self.pictures * self.picture_tokens


def estimate(
        config: EvalConfig, planner: Planner, episodes: Sequence[Episode]) -> Estimate:
    """Return what the searches would take if every one used all of its turns."""
    searches = len(episodes)
    requests = searches * config.max_turns
    asking: Any = getattr(planner, 'asking', None)
    kind, _, rest = planner.name.partition(':')
    if asking is None or kind == 'recorded':
        return Estimate(searches, requests, 0, 0, 0, 0, None)
    again = 2 if asking.reask else 1
    shown = [turn - asking.first_shown(turn) for turn in range(1, config.max_turns + 1)]
    family = family_of(rest.partition('@')[0])
    most = int(getattr(planner, 'sampling', {}).get('max_tokens') or DEFAULT_REPLY_TOKENS)
    texts = [_texts(planner, episode) for episode in episodes]
    replies_read = sum(count - 1 for count in shown) * most * searches
    text = sum(
        len(shown) * system + sum(shown) * turn for system, turn in texts) + replies_read
    return Estimate(
        searches, again * requests, again * sum(shown) * searches,
        family.rule(*picture_size(config.view.width, config.view.height, asking)),
        again * text, again * requests * most, family)


def _texts(planner: Any, episode: Episode) -> tuple[int, int]:
    """Return the tokens of a search's system prompt and of one turn's words."""
    task = episode_task(episode, 0)
    told = BenchmarkAngles(359, -90)
    parts = planner.prompts.turn_parts(task, told, Feedback(True, told), b'', 10)
    words = sum(len(part) for part in parts if isinstance(part, str))
    system = len(planner.prompts.system_text(task))
    return math.ceil(system / CHARACTERS_A_TOKEN), math.ceil(words / CHARACTERS_A_TOKEN)


def dry_run(config: EvalConfig, out: Path | None, *, stream: TextIO) -> Estimate:
    """
    Print what is still to be asked for at most; nothing is asked and nothing written.

    ``out`` may hold the run's beginning. Raise ``InputError`` for whatever would stop the run.
    """
    planner, episodes = planner_for(config), load_selected(config)
    lines = _begun(config, out, planner, episodes)
    done = {key for key, record in lines.by_key.items() if record['outcome'] != 'error'}
    left = [
        episode for repeat in range(config.repeats) for episode in episodes
        if (episode.id, repeat) not in done]
    found = estimate(config, planner, left)
    print('\n'.join(_told(config, episodes, found, lines, len(done))), file=stream)
    return found


def _begun(
        config: EvalConfig, out: Path | None, planner: Planner, episodes: Episodes) -> Lines:
    if out is None or not (out / MANIFEST).exists():
        return Lines()
    refuse_difference(out, read_manifest(out), build_manifest(config, episodes, planner))
    return read_lines(out)


def _told(
        config: EvalConfig, episodes: Episodes, found: Estimate, lines: Lines,
        done: int) -> list[str]:
    places = len({episode.panorama for episode in episodes})
    text = [
        f'episodes: {len(episodes)} in {places} panoramas, {config.repeats} search(es) each',
        f'searches: {found.searches} to run, {done} finished before',
        f'requests: {found.requests} at most ({config.max_turns} turns a search)']
    if found.family is None:
        return [*text, f'tokens: none, {config.planner} asks no model']
    text += [
        f'picture: {found.picture_tokens} tokens, as {found.family.name} count '
        f'({found.family.source}); an estimate',
        f'input: {found.image_tokens} image tokens and {found.text_tokens} text tokens at most',
        f'output: {found.reply_tokens} tokens at most']
    prices = prices_of(config)
    if prices is None:
        return [*text, 'cost: not known without --price-input and --price-output']
    most = prices.cost(found.image_tokens + found.text_tokens, found.reply_tokens)
    spent = prices.cost(lines.prompt_tokens, lines.completion_tokens)
    text.append(
        f'cost: {most:.2f} at most ({prices.prompt:g} and {prices.completion:g} a million tokens)'
        f'; {spent:.2f} spent before')
    if config.max_cost is not None:
        ends = ', where it will stop' if most + spent > config.max_cost else ''
        text.append(f'budget: {config.max_cost:.2f}{ends}')
    return text
