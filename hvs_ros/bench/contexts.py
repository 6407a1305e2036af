# SPDX-License-Identifier: Apache-2.0
"""What each context policy costs at a model's server: tokens, bytes, time and cache hits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
import re
import statistics
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

from hvs_ros.core.episode import Episode, load_episodes
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.panorama import load_panorama
from hvs_ros.core.profile import get_profile
from hvs_ros.core.renderer import Renderer
from hvs_ros.core.search import Decision, Feedback, Observation, Task, Turn
from hvs_ros.core.share import share_path
from hvs_ros.planners.asking import CONTEXTS
from hvs_ros.planners.registry import PlannerContext, make_planner
from hvs_ros.planners.vlm import VlmPlanner

STEP = 36
_PREFIX = re.compile(
    r'^vllm:(?:gpu_)?prefix_cache_(queries|hits)(?:_total)?(?:\{[^}]*\})? (\S+)$', re.MULTILINE)
_METRICS_S = 3.0


@dataclass
class PolicyCost:
    """
    Hold what searches under one policy cost.

    ``prompt_tokens`` and ``cached_tokens`` are those that the server tells, ``image_bytes`` those
    of all pictures in all requests. ``prefix_queries`` and ``prefix_hits`` are tokens in the
    server's own count, None where it tells no metrics.
    """

    policy: str
    turns: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    images: int = 0
    image_bytes: int = 0
    image_sent: str = ''
    latencies_s: list[float] = field(default_factory=list)
    first_tokens_s: list[float] = field(default_factory=list)
    prefix_queries: float | None = None
    prefix_hits: float | None = None

    @property
    def cells(self) -> tuple[str, ...]:
        """Return the row of the table."""
        turns = max(1, self.turns)
        hits = '–'
        if self.prefix_hits is not None and self.prefix_queries:
            hits = f'{100 * self.prefix_hits / self.prefix_queries:.0f}%'
        cached = f'{100 * self.cached_tokens / self.prompt_tokens:.0f}%' if (
            self.prompt_tokens and self.cached_tokens) else '–'
        first = f'{statistics.median(self.first_tokens_s):.3f}' if self.first_tokens_s else '–'
        return (
            self.policy, f'{self.prompt_tokens / turns:.0f}', f'{self.images / turns:.1f}',
            f'{self.image_bytes / turns / 1000:.0f}', cached, hits, first,
            f'{statistics.median(self.latencies_s):.3f}')

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            name: value for name, value in vars(self).items() if not name.endswith('_s')} | {
            'latency_s_p50': statistics.median(self.latencies_s),
            'first_token_s_p50': (
                statistics.median(self.first_tokens_s) if self.first_tokens_s else None)}


HEADER = ('policy', 'prompt tokens/turn', 'images/turn', 'image kB/turn', 'cached (reply)',
          'prefix hits (server)', 'first words s', 'turn s')


def costs(
        spec: str, context: PlannerContext, turns: int, searches: int) -> Iterator[PolicyCost]:
    """
    Yield the cost of each policy, the same views shown in the same order under all of them.

    The model's own words stand in the dialogue, as in any search; where it looks is fixed. Each
    policy gets instructions of its own, so that none finds another's prompts in the cache.
    """
    episode = load_episodes(share_path('sim/episodes'))[0]
    views = _views(episode, turns)
    for policy in CONTEXTS:
        planner = make_planner(spec, context=replace(
            context, wishes={**context.wishes, 'context': policy}))
        assert isinstance(planner, VlmPlanner)
        cost = PolicyCost(policy)
        before = prefix_counts(planner)
        for number in range(searches):
            task = Task(
                f'bench {policy} {number}', 'object',
                f'{episode.instruction} ({policy} {number})', episode.start)
            _search(planner, task, views, cost)
        after = prefix_counts(planner)
        if before is not None and after is not None:
            cost.prefix_queries, cost.prefix_hits = (
                new - old for new, old in zip(after, before, strict=True))
        yield cost


def _views(episode: Episode, turns: int) -> list[Any]:
    panorama, renderer = load_panorama(episode.panorama), Renderer()
    return [renderer.view(panorama, BenchmarkAngles(STEP * turn % 360, 0).to_gaze())
            for turn in range(turns)]


def _search(planner: VlmPlanner, task: Task, views: list[Any], cost: PolicyCost) -> None:
    """Play one search whose every turn is taken as a rotation that was done."""
    profile = get_profile('strict')
    history: list[Turn] = []
    search = planner.begin(task)
    try:
        for index, view in enumerate(views):
            told = BenchmarkAngles(STEP * index % 360, 0)
            feedback = Feedback(True, told) if index else None
            seen = Observation(
                index, view, told, feedback, tuple(history), len(views) - index)
            pictures = [part for message in search.messages(seen) for part in message.parts
                        if isinstance(part, bytes)]
            decision = search.act(seen)
            _add(cost, decision, pictures)
            history.append(Turn(
                index, view, told, told, decision,
                profile.parse(decision.reply, planner.answer_format), told, feedback))
    finally:
        search.close()


def _add(cost: PolicyCost, decision: Decision, pictures: list[bytes]) -> None:
    cost.turns += 1
    cost.prompt_tokens += decision.prompt_tokens
    cost.completion_tokens += decision.completion_tokens
    cost.cached_tokens += decision.cached_tokens
    cost.images += len(pictures)
    cost.image_bytes += sum(map(len, pictures))
    cost.image_sent = decision.image_sent
    cost.latencies_s.append(decision.latency_s)
    if decision.first_token_s is not None:
        cost.first_tokens_s.append(decision.first_token_s)


def prefix_counts(planner: VlmPlanner) -> tuple[float, float] | None:
    """Return (tokens looked up, tokens found) of vLLM's prefix cache, None where not told."""
    url = re.search(r'https?://\S+', ' '.join(planner.describe()))
    if url is None:
        return None
    root = url[0].removesuffix('/v1')
    try:
        with build_opener(ProxyHandler({})).open(f'{root}/metrics', timeout=_METRICS_S) as page:
            text = page.read(8 << 20).decode('utf-8', 'replace')
    except (OSError, URLError, ValueError):
        return None
    found = {'queries': 0.0, 'hits': 0.0}
    seen = set()
    for name, value in _PREFIX.findall(text):
        found[name] += float(value)
        seen.add(name)
    return (found['queries'], found['hits']) if len(seen) == 2 else None
