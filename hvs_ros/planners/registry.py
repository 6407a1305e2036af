# SPDX-License-Identifier: Apache-2.0
"""Planner specs: the one place that turns a user's short text into a planner."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from hvs_ros.core.errors import InputError
from hvs_ros.planners.base import ChatModel, ChatOptions, Planner

KNOWN_SPECS = (
    'builtin', 'oracle[:EPISODES]', 'sweep', 'random', 'openai:MODEL@URL', 'recorded:FILE',
    'recorded:FILE|openai:MODEL@URL', 'a YAML file in config/planners/')
LATER_SPECS = ('transformers', 'vllm')


@dataclass(frozen=True)
class PlannerContext:
    """
    Hold what a planner needs beside its spec.

    ``give_up_after`` is the total time in seconds a model may take for one answer: 10 in
    evaluation, 60 on robots. ``episodes`` is the dataset that ``oracle`` reads when its spec
    names none. ``prompts`` names a prompt pack (a name in config/prompts or a YAML file).
    ``history_turns`` counts the observations a model is shown, the present one included.
    """

    give_up_after: float = 10.0
    seed: int = 0
    episodes: str | Path | None = None
    prompts: str = 'default'
    history_turns: int = 5
    chat: ChatOptions = field(default_factory=ChatOptions)


def make_planner(spec: str, *, context: PlannerContext | None = None) -> Planner:
    """Return the planner that ``spec`` names; raise ``InputError`` for one that does not exist."""
    context = PlannerContext() if context is None else context
    kind, _, rest = spec.strip().partition(':')
    build = _BUILDERS.get(kind)
    if build is not None:
        return build(rest, context)
    if kind in LATER_SPECS:
        raise InputError(f'planner {spec!r}: {kind} models are not available in this version yet')
    if _is_file_spec(spec):
        from hvs_ros.planners.presets import planner_from_file
        return planner_from_file(spec, context)
    raise InputError(f'unknown planner {spec!r}; known are: {", ".join(KNOWN_SPECS)}')


def connect_chat(spec: str, context: PlannerContext) -> Callable[[], ChatModel]:
    """Return what connects one search to the chat model that ``spec`` names."""
    kind, _, rest = spec.partition(':')
    if kind == 'openai':
        return _connect_openai(rest, context)
    if kind == 'recorded':
        return _connect_recorded(rest, context)
    raise InputError(f'{spec!r} is not a chat model; known are: openai:MODEL@URL, recorded:FILE')


def _is_file_spec(spec: str) -> bool:
    from hvs_ros.planners.presets import find_preset
    return find_preset(spec) is not None


def _oracle(rest: str, context: PlannerContext) -> Planner:
    from hvs_ros.planners.oracle import OraclePlanner
    episodes = rest or context.episodes
    if not episodes:
        raise InputError("planner 'oracle' needs a dataset: write oracle:EPISODES")
    return OraclePlanner.of_dataset(episodes)


def _sweep(rest: str, context: PlannerContext) -> Planner:
    from hvs_ros.planners.baselines import SweepPlanner
    _refuse_rest('sweep', rest)
    return SweepPlanner()


def _random(rest: str, context: PlannerContext) -> Planner:
    from hvs_ros.planners.baselines import RandomPlanner
    _refuse_rest('random', rest)
    return RandomPlanner(context.seed)


def _builtin(rest: str, context: PlannerContext) -> Planner:
    from hvs_ros.planners.grounder_shape import ShapeGrounder
    from hvs_ros.planners.grounding import GroundingPlanner
    _refuse_rest('builtin', rest)
    return GroundingPlanner(ShapeGrounder(), name='builtin')


def _chat(kind: str) -> Callable[[str, PlannerContext], Planner]:
    def build(rest: str, context: PlannerContext) -> Planner:
        from hvs_ros.core.prompts import load_prompts
        from hvs_ros.planners.vlm import VlmPlanner
        spec = f'{kind}:{rest}'
        return VlmPlanner(
            connect_chat(spec, context), load_prompts(context.prompts), name=spec,
            history_turns=context.history_turns)
    return build


def _connect_openai(rest: str, context: PlannerContext) -> Callable[[], ChatModel]:
    from hvs_ros.planners.chat_openai import OpenAiChat, Server
    server = Server.of_spec(rest)
    return lambda: OpenAiChat(server, context.chat, context.give_up_after)


def _connect_recorded(rest: str, context: PlannerContext) -> Callable[[], ChatModel]:
    from hvs_ros.planners.chat_recorded import RecordedChat, Recording
    file, _, live_spec = rest.partition('|')
    if not file:
        raise InputError("planner 'recorded' needs a file: write recorded:FILE")
    recording = Recording(Path(file), must_exist=not live_spec)
    live = connect_chat(live_spec, context) if live_spec else None
    return lambda: RecordedChat(recording, live() if live else None)


def _refuse_rest(kind: str, rest: str) -> None:
    if rest:
        raise InputError(f'planner {kind!r} takes nothing after the colon, not {rest!r}')


_BUILDERS: dict[str, Callable[[str, PlannerContext], Planner]] = {
    'builtin': _builtin, 'oracle': _oracle, 'sweep': _sweep, 'random': _random,
    'openai': _chat('openai'), 'recorded': _chat('recorded')}
