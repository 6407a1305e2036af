# SPDX-License-Identifier: Apache-2.0
"""An agent loop for verl: one search as a dialogue, from the rows of ``hvs export rl``."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

try:
    from verl.experimental.agent_loop.agent_loop import (
        AgentLoopBase,
        AgentLoopMetrics,
        AgentLoopOutput,
        register,
    )
    from verl.utils.profiler import simple_timer
    from verl.utils.rollout_trace import rollout_trace_op
except ImportError as error:
    raise ImportError(f'verl cannot be imported ({error}): pip install "hvs_ros[verl]"') from error

from hvs_ros.core.errors import InputError
from hvs_ros.environments.config import ConfigError
from hvs_ros.environments.training import MAX_TURNS, Dialogue, Message, Searches, searches_for

NAME = 'hvs_search'


@register(NAME)
class SearchAgentLoop(AgentLoopBase):
    """
    Search in a dialogue with the model that verl trains.

    A row's ``extra_info`` holds ``env_config`` (whose ``data_path`` says which episodes) and
    ``seed`` (which of them); its prompt is not used. ``roots`` lists the folders or zips that a
    ``data_path`` may name, as PATH or NAME=PATH; without it a ``data_path`` is a path.
    ``max_reply_tokens`` bounds every reply (None: by the room that is left).
    """

    def __init__(
            self, *args: Any, roots: Sequence[str] = (), profile: str = 'published-2026',
            prompts: str | None = None, max_turns: int = MAX_TURNS,
            max_reply_tokens: int | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.roots = tuple(str(root) for root in roots)
        self.profile, self.prompts, self.max_turns = profile, prompts, max_turns
        self.max_reply_tokens = max_reply_tokens
        self.response_length: int = self.rollout_config.response_length

    @rollout_trace_op
    async def run(
            self, sampling_params: dict[str, Any], priority: int = 0,
            **row: Any) -> AgentLoopOutput:
        """Return the finished search: tokens, mask, images, reward."""
        search, messages = await self._off_the_loop(self._begin, row.get('extra_info'))
        self._assert_mm_supported(True)
        ids = await self.ct_build_initial_tokens(messages, images=list(search.views))
        fixed = getattr(self.rollout_config, 'full_determinism', False)
        rollout = _Rollout(f'det-{int(priority)}' if fixed else uuid4().hex, ids)
        if self.max_reply_tokens is not None:
            sampling_params = {**sampling_params, 'max_tokens': self.max_reply_tokens}
        while search.status == 'running':
            text = await self._reply(rollout, search, sampling_params, priority)
            if text is None:
                search.cut()
                break
            with simple_timer('tool_calls', rollout.times):
                parts = await self._off_the_loop(search.answer, text)
            if search.status == 'running':
                messages = await self._show(rollout, search, messages, text, parts)
        return rollout.output(search, self.response_length, self._get_mm_processor_kwargs())

    def _begin(self, extra_info: Any) -> tuple[Dialogue, list[Message]]:
        searches, seed = self._row(extra_info)
        search = searches.dialogue()
        return search, search.begin(searches.root.episode(seed, searches.config.seed))

    def _row(self, extra_info: Any) -> tuple[Searches, int]:
        config = extra_info.get('env_config') if isinstance(extra_info, Mapping) else None
        if not isinstance(config, Mapping):
            raise InputError(f'extra_info must hold an env_config, not {extra_info!r:.80}')
        seed = extra_info.get('seed', 0)
        try:
            seed = int(seed)
        except (TypeError, ValueError) as error:
            raise InputError(f'extra_info: seed must be a whole number, not {seed!r}') from error
        try:
            return searches_for(
                _plain(config), roots=self.roots, profile=self.profile, prompts=self.prompts,
                max_turns=self.max_turns), seed
        except ConfigError as error:
            raise InputError(f'extra_info: {error}') from error

    async def _reply(
            self, rollout: _Rollout, search: Dialogue, sampling_params: dict[str, Any],
            priority: int) -> str | None:
        """Generate a reply and return its text; None where it does not fit or has no end."""
        with simple_timer('generate_sequences', rollout.times):
            output = await self.server_manager.generate(
                request_id=rollout.id, prompt_ids=rollout.ids, sampling_params=sampling_params,
                image_data=list(search.views), priority=int(priority),
                mm_processor_kwargs=self._get_mm_processor_kwargs())
        rollout.note(output)
        merged, rollout.mask, rollout.logprobs = await self.ct_merge_assistant_token(
            rollout.ids, output.token_ids, rollout.mask, rollout.logprobs,
            assistant_logprobs=output.log_probs)
        rollout.ids = merged.token_ids
        ended = bool(output.token_ids) and output.token_ids[-1] == self.tokenizer.eos_token_id
        room = self.response_length - len(rollout.mask)
        if output.stop_reason == 'aborted' or room < 0 or (room == 0 and not ended):
            return None
        if not ended:
            rollout.end_turn(self.tokenizer.eos_token_id)
        return self.tokenizer.decode(output.token_ids, skip_special_tokens=True)

    async def _show(
            self, rollout: _Rollout, search: Dialogue, messages: list[Message], text: str,
            parts: list[dict[str, Any]]) -> list[Message]:
        """Add what the model is shown next, or end the search where it does not fit."""
        said = [*messages, {'role': 'assistant', 'content': text}]
        shown = [*said, {'role': 'user', 'content': parts}]
        merged, mask, logprobs = await self.ct_merge_context_msg(
            said, shown, rollout.ids, rollout.mask, rollout.logprobs)
        if len(mask) >= self.response_length:
            search.cut(len(search.views) - 1)
            return said
        rollout.ids, rollout.mask, rollout.logprobs = merged.token_ids, mask, logprobs
        return shown

    async def _off_the_loop(self, function: Any, *values: Any) -> Any:
        """Render and decode in a thread: many searches share the event loop."""
        return await asyncio.get_running_loop().run_in_executor(None, function, *values)


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration as it was before a table of rows held it: no arrays, no gaps."""
    values = {
        key: value.tolist() if hasattr(value, 'tolist') else value
        for key, value in config.items()}
    return {key: value for key, value in values.items()
            if value is not None or key == 'special_token_list'}


class _Rollout:
    """Hold the tokens of one search and what generating them told."""

    def __init__(self, name: str, prompt: list[int]) -> None:
        self.id = name
        self.prompt_length = len(prompt)
        self.ids = prompt
        self.mask: list[int] = []
        self.logprobs: list[float] | None = None
        self.preempted = -1
        self.fields: dict[str, Any] = {}
        self.replies = 0
        self.times: dict[str, float] = {}

    def note(self, output: Any) -> None:
        """Keep what a reply tells besides its tokens."""
        self.replies += 1
        if output.num_preempted is not None:
            self.preempted = max(self.preempted, 0) + output.num_preempted
        if output.log_probs and self.logprobs is None:
            self.logprobs = [0.0] * len(self.mask)
        self.fields = {**output.extra_fields, **{
            key: value for key, value in self.fields.items() if key == 'min_global_steps'}}

    def end_turn(self, token: int) -> None:
        """Close a reply that its limit cut, with a token nobody is trained on."""
        self.ids = [*self.ids, token]
        self.mask = [*self.mask, 0]
        if self.logprobs is not None:
            self.logprobs = [*self.logprobs, 0.0]

    def output(
            self, search: Dialogue, longest: int, mm_kwargs: dict[str, Any]) -> AgentLoopOutput:
        """Return what verl trains on."""
        told = {
            'success': float(search.success), 'turns': float(search.turns),
            'truncated': float(search.status == 'truncated'),
            'cut': float(search.status == 'cut')}
        return AgentLoopOutput(
            prompt_ids=self.ids[:self.prompt_length],
            response_ids=self.ids[self.prompt_length:][:longest],
            response_mask=self.mask[:longest],
            response_logprobs=None if self.logprobs is None else self.logprobs[:longest],
            multi_modal_data={'images': list(search.views)}, reward_score=search.reward,
            num_turns=self.replies + len(search.views),
            metrics=AgentLoopMetrics(num_preempted=self.preempted, **self.times),
            mm_processor_kwargs=mm_kwargs,
            extra_fields={
                **self.fields, 'turn_scores': list(search.rewards), 'tool_rewards': [],
                'status': search.status, 'reward_extra_info': told})
