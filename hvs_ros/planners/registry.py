# SPDX-License-Identifier: Apache-2.0
"""Planner specs: the one place that turns a user's short text into a planner."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
import re
from typing import Any

from hvs_ros.core.errors import InputError
from hvs_ros.planners.asking import Asking, Waits
from hvs_ros.planners.base import ChatModel, ChatOptions, Planner
from hvs_ros.planners.engine import EngineOptions, LocalConnector

KNOWN_SPECS = (
    'builtin', 'oracle[:EPISODES]', 'sweep[:VIEWS]', 'random', 'openai:MODEL@URL[,URL]',
    'grounder:huggingface:PATH', 'grounder:onnx:FOLDER', 'grounder:learned:FILE',
    'transformers:PATH', 'vllm:PATH', 'recorded:FILE', 'recorded:FILE|openai:MODEL@URL',
    'a YAML file in config/planners/')


@dataclass(frozen=True)
class PlannerContext:
    """
    Hold what a planner needs beside its spec.

    ``give_up_after`` is the total time in seconds a model may take for one answer: 10 in
    evaluation, 60 on robots; ``waits`` are limits inside it. ``episodes`` is the dataset that
    ``oracle`` reads when its spec names none. ``prompts`` names a prompt pack (a name in
    config/prompts or a YAML file). ``profile`` decides which shortcuts may be taken.

    ``asking`` and ``chat`` hold for what a planner file leaves open; ``wishes`` are fields of
    ``Asking`` that win over the file's. ``allow_remote_images`` lets views leave for servers
    beyond this machine and private networks; ``key_from`` names the environment variable that
    holds their key. ``engine`` says how a model in this process is loaded.

    ``thresholds`` win over a grounder's own; ``phrase`` is what its phrases are said in, such as
    'a photo of a {}', '' for its own.
    """

    give_up_after: float = 10.0
    seed: int = 0
    episodes: str | Path | None = None
    prompts: str = 'default'
    profile: str = 'published-2026'
    asking: Asking = field(default_factory=Asking)
    wishes: Mapping[str, Any] = field(default_factory=dict)
    chat: ChatOptions = field(default_factory=ChatOptions)
    waits: Waits = field(default_factory=Waits)
    key_from: str = 'OPENAI_API_KEY'
    engine: EngineOptions = field(default_factory=EngineOptions)
    thresholds: Mapping[str, float] = field(default_factory=dict)
    phrase: str = ''
    allow_remote_images: bool = False

    def effective_asking(self) -> Asking:
        """Return how a model is really asked: the wishes granted, the profile respected."""
        return self.asking.with_wishes(self.wishes).under(self.profile)


def make_planner(spec: str, *, context: PlannerContext | None = None) -> Planner:
    """Return the planner that ``spec`` names; raise ``InputError`` for one that does not exist."""
    context = PlannerContext() if context is None else context
    kind, _, rest = spec.strip().partition(':')
    build = _BUILDERS.get(kind)
    if build is not None:
        return build(rest, context)
    if _is_file_spec(spec):
        from hvs_ros.planners.presets import planner_from_file
        return planner_from_file(spec, context)
    raise InputError(f'unknown planner {spec!r}; known are: {", ".join(KNOWN_SPECS)}')


def connect_chat(
        spec: str, context: PlannerContext, answer_format: str = 'free_think'
) -> Callable[[], ChatModel]:
    """
    Return what connects one search to the chat model that ``spec`` names.

    ``answer_format`` is the form of the answers, for models that can be held to it.
    """
    kind, _, rest = spec.partition(':')
    connect = _CHATS.get(kind)
    if connect is None:
        raise InputError(
            f'{spec!r} is not a chat model; known are: openai:MODEL@URL, transformers:PATH, '
            'vllm:PATH, recorded:FILE')
    return connect(rest, context, answer_format)


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
    if not rest:
        return SweepPlanner()
    if not re.fullmatch('[0-9]{1,3}', rest):
        raise InputError(f"planner 'sweep' takes a number of views after the colon, not {rest!r}")
    return SweepPlanner(int(rest))


def _random(rest: str, context: PlannerContext) -> Planner:
    from hvs_ros.planners.baselines import RandomPlanner
    _refuse_rest('random', rest)
    return RandomPlanner(context.seed)


def _builtin(rest: str, context: PlannerContext) -> Planner:
    from hvs_ros.planners.grounder_shape import ShapeGrounder
    from hvs_ros.planners.grounding import GroundingPlanner
    _refuse_rest('builtin', rest)
    return GroundingPlanner(ShapeGrounder(), name='builtin')


def _grounder(rest: str, context: PlannerContext) -> Planner:
    from hvs_ros.planners.grounding import GroundingPlanner
    from hvs_ros.planners.plugged import make_grounder
    grounder = make_grounder(rest, context.engine, context.thresholds, context.phrase)
    return GroundingPlanner(grounder, name=f'grounder:{rest}')


def _chat(kind: str) -> Callable[[str, PlannerContext], Planner]:
    def build(rest: str, context: PlannerContext) -> Planner:
        from hvs_ros.core.prompts import load_prompts
        from hvs_ros.planners.vlm import VlmPlanner
        spec, prompts = f'{kind}:{rest}', load_prompts(context.prompts)
        asking = context.effective_asking()
        asked = replace(context, asking=asking, wishes={})
        return VlmPlanner(
            connect_chat(spec, asked, prompts.answer_format), prompts, name=spec, asking=asking,
            sampling=context.chat.parameters())
    return build


def _connect_openai(
        rest: str, context: PlannerContext, answer_format: str) -> Callable[[], ChatModel]:
    from hvs_ros.planners.chat_openai import OpenAiConnector
    return OpenAiConnector(rest, context, answer_format)


def _connect_transformers(
        rest: str, context: PlannerContext, answer_format: str) -> Callable[[], ChatModel]:
    from hvs_ros.planners.chat_transformers import LocalModel, TransformersChat
    model = LocalModel(rest, context.engine)
    return LocalConnector(lambda: TransformersChat(
        model, context.chat, context.give_up_after, context.asking.early_stop), context.engine)


def _connect_vllm(
        rest: str, context: PlannerContext, answer_format: str) -> Callable[[], ChatModel]:
    from hvs_ros.planners.answer_form import PATTERNS
    from hvs_ros.planners.chat_vllm import VllmChat, VllmModel
    asking = context.asking
    model = VllmModel(rest, context.engine, asking.most_shown)
    pattern = PATTERNS[answer_format] if asking.structured_output else ''
    return LocalConnector(
        lambda: VllmChat(model, context.chat, context.give_up_after, pattern), context.engine)


def _connect_recorded(
        rest: str, context: PlannerContext, answer_format: str) -> Callable[[], ChatModel]:
    from hvs_ros.planners.chat_recorded import RecordedConnector, Recording
    file, _, live_spec = rest.partition('|')
    if not file:
        raise InputError("planner 'recorded' needs a file: write recorded:FILE")
    recording = Recording(Path(file), must_exist=not live_spec)
    live = connect_chat(live_spec, context, answer_format) if live_spec else None
    return RecordedConnector(recording, live)


def _refuse_rest(kind: str, rest: str) -> None:
    if rest:
        raise InputError(f'planner {kind!r} takes nothing after the colon, not {rest!r}')


_BUILDERS: dict[str, Callable[[str, PlannerContext], Planner]] = {
    'builtin': _builtin, 'oracle': _oracle, 'sweep': _sweep, 'random': _random,
    'grounder': _grounder,
    **{kind: _chat(kind) for kind in ('openai', 'transformers', 'vllm', 'recorded')}}
_CHATS: dict[str, Callable[[str, PlannerContext, str], Callable[[], ChatModel]]] = {
    'openai': _connect_openai, 'transformers': _connect_transformers, 'vllm': _connect_vllm,
    'recorded': _connect_recorded}
