# SPDX-License-Identifier: Apache-2.0
"""A chat model in this process, run by vLLM: the server's engine without the server."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
import os
import threading
import time
from typing import Any

import pybase64

from hvs_ros.core.errors import InputError
from hvs_ros.planners.base import (
    ChatMessage,
    ChatOptions,
    ContextOverflow,
    PlannerClosed,
    PlannerUnavailable,
    Reply,
    request_sha256,
)
from hvs_ros.planners.engine import EngineOptions
from hvs_ros.planners.pictures import media_type
from hvs_ros.planners.transformers_inputs import harmless, specials_of
from hvs_ros.planners.transformers_weights import find_weights, one_line

OPTIONS = (
    'dtype', 'quantization', 'max_pixels', 'max_model_len', 'tensor_parallel_size',
    'gpu_memory_utilization', 'kv_cache_dtype')
EXTRA = ('top_p', 'top_k', 'min_p', 'repetition_penalty', 'chat_template_kwargs')
FORM = 'structured_outputs'
_CLOSED = 'the search was closed'
_POLL_S = 0.02
_OVERFLOW = ('max_model_len', 'maximum model length', 'maximum context length', 'context length')


class VllmModel:
    """
    Hold one vLLM engine, shared by all searches of a planner.

    ``LLM.chat`` blocks and cannot be called off: it runs on the one thread that ever calls it,
    and a search that no longer waits leaves its call to end at ``max_tokens``; the next one
    begins after it. Where that matters, serve the model and name it ``openai:MODEL@URL``.
    """

    def __init__(self, path: str, engine: EngineOptions | None = None, images: int = 10) -> None:
        self.name = path
        engine = EngineOptions() if engine is None else engine
        engine.refuse_all_but(OPTIONS, 'vllm')
        folder = find_weights(path, 'vllm')
        self._library = _library(path)
        try:
            self._llm = self._library.LLM(model=str(folder), **_settings(engine, images))
        except Exception as error:  # the engine raises whatever its parts do
            raise InputError(f'{folder}: vLLM cannot load it: {one_line(error)}') from error
        self._specials = specials_of(self._llm.get_tokenizer(), '<image>')
        self._caller = ThreadPoolExecutor(1, thread_name_prefix='vllm')

    def chat(
            self, messages: Sequence[ChatMessage], sampling: dict[str, Any],
            rest: dict[str, Any]) -> Call:
        """Queue a call of ``LLM.chat`` and return it."""
        dialogue = [self._wire_message(message) for message in messages]
        pattern = sampling.get(FORM)
        if pattern:
            from vllm.sampling_params import StructuredOutputsParams
            sampling = {**sampling, FORM: StructuredOutputsParams(regex=pattern)}
        return Call(self._caller, lambda: self._llm.chat(
            dialogue, self._library.SamplingParams(**sampling), use_tqdm=False, **rest))

    def _wire_message(self, message: ChatMessage) -> dict[str, Any]:
        """Return the message as the server would be sent it; one without parts is ''."""
        content = [
            _wire_image(part) if isinstance(part, bytes)
            else {'type': 'text', 'text': harmless(part, self._specials)}
            for part in message.parts if isinstance(part, bytes) or part.strip()]
        return {'role': message.role, 'content': content or ''}


class Call:
    """One call of the engine: whether it has begun, and what it comes to."""

    def __init__(self, caller: ThreadPoolExecutor, chat: Any) -> None:
        self._chat = chat
        self.begun: float | None = None
        self.answer: Future[Any] = caller.submit(self._run)

    def _run(self) -> Any:
        self.begun = time.monotonic()
        return self._chat()


class VllmChat:
    """
    Complete the dialogues of one search with an engine that is shared with other searches.

    Its answers keep to ``pattern``, where there is one.
    """

    def __init__(
            self, model: VllmModel, options: ChatOptions | None = None,
            give_up_after: float = 10.0, pattern: str = '') -> None:
        self.name = model.name
        self.options = ChatOptions() if options is None else options
        self._sampling, self._rest = _sampling(self.options, pattern)
        self._model = model
        self._shortcut = 'structured output' if pattern else ''
        self._give_up_after = give_up_after
        self._closed = threading.Event()

    def complete(self, messages: Sequence[ChatMessage]) -> Reply:
        """
        Return the model's reply; raise ``PlannerUnavailable`` when it never answered.

        The deadline counts from when the engine is free for this search.
        """
        if self._closed.is_set():
            raise PlannerClosed(_CLOSED)
        call = self._model.chat(messages, self._sampling, self._rest)
        while not call.answer.done():
            self._closed.wait(_POLL_S)
            if self._closed.is_set():
                call.answer.cancel()
                raise PlannerClosed(_CLOSED)
            if call.begun is not None and time.monotonic() - call.begun > self._give_up_after:
                raise PlannerUnavailable(
                    f'{self.name} did not answer: no answer within {self._give_up_after:g} s')
        reply = self._reply(call.answer)
        return replace(reply, request_sha256=request_sha256(
            self.name, messages, self.options.parameters()))

    def close(self) -> None:
        """Stop waiting for the call in flight; later calls are refused."""
        self._closed.set()

    def _reply(self, answer: Future[Any]) -> Reply:
        try:
            found = answer.result()[0]
        except Exception as error:  # the engine raises whatever its parts do
            line = one_line(error)
            if any(words in line for words in _OVERFLOW):
                raise ContextOverflow(f'{self.name}: the request is too long: {line}') from error
            raise PlannerUnavailable(f'{self.name} failed: {line}') from error
        spoken = found.outputs[0]
        asked, said = len(found.prompt_token_ids or ()), len(spoken.token_ids)
        if spoken.finish_reason == 'length' and said < self.options.max_tokens:
            # A server refuses such a request; LLM.chat cuts the answer short without a word.
            raise ContextOverflow(
                f'{self.name}: {asked} tokens leave {said} for an answer of up to '
                f'{self.options.max_tokens}')
        return Reply(
            spoken.text, finish_reason=spoken.finish_reason or 'stop', model=self.name,
            prompt_tokens=asked, completion_tokens=said,
            cached_tokens=getattr(found, 'num_cached_tokens', None) or 0,
            shortcut=self._shortcut)


def _library(path: str) -> Any:
    # Weights come from a folder; nothing shall be looked up or reported on the network.
    for name, value in (
            ('HF_HUB_OFFLINE', '1'), ('VLLM_NO_USAGE_STATS', '1'),
            ('VLLM_LOGGING_LEVEL', 'WARNING')):
        os.environ.setdefault(name, value)
    try:
        import vllm
    except ImportError as error:
        raise InputError(
            f'planner vllm:{path} needs the package {error.name!r}: '
            "pip install 'hvs_ros[vllm]'") from error
    return vllm


def _settings(engine: EngineOptions, images: int) -> dict[str, Any]:
    """Return the arguments of ``LLM`` for the options; what is None is left to vLLM."""
    chosen = {name: getattr(engine, name) for name in OPTIONS if name != 'max_pixels'}
    settings = {name: value for name, value in chosen.items() if value is not None}
    if engine.max_pixels is not None:
        settings['mm_processor_kwargs'] = {'max_pixels': engine.max_pixels}
    # The checkpoint's own sampling habits would come on top of what the request asks for.
    return {**settings, 'limit_mm_per_prompt': {'image': images}, 'generation_config': 'vllm'}


def _sampling(options: ChatOptions, pattern: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the arguments of ``SamplingParams`` and the others of ``LLM.chat``."""
    for name in options.extra:
        if name not in EXTRA:
            raise InputError(
                f"planner 'vllm': the field 'chat.extra.{name}' is not for it; it has "
                f'{", ".join(EXTRA)}')
    sampling, rest = dict(options.parameters()), {}
    if 'chat_template_kwargs' in sampling:
        rest['chat_template_kwargs'] = sampling.pop('chat_template_kwargs')
    if pattern:
        sampling[FORM] = pattern
    return sampling, rest


def _wire_image(part: bytes) -> dict[str, Any]:
    url = f'data:{media_type(part)};base64,{pybase64.b64encode(part).decode("ascii")}'
    return {'type': 'image_url', 'image_url': {'url': url}}
