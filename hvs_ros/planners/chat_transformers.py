# SPDX-License-Identifier: Apache-2.0
"""A chat model in this process, run by transformers: Qwen-VL, LLaVA and their kin."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
import threading
import time
from typing import Any

from hvs_ros.core.errors import HvsError, InputError
from hvs_ros.planners.answer_form import end_of_answer
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
from hvs_ros.planners.transformers_weights import (
    context_of,
    ends_of,
    load_model,
    one_line,
)

OPTIONS = ('device', 'dtype', 'quantization', 'attention', 'max_pixels', 'max_model_len')
DRAWING = ('top_p', 'top_k', 'min_p')
REPETITION, TEMPLATE_WORDS = 'repetition_penalty', 'chat_template_kwargs'
EXTRA = (*DRAWING, REPETITION, TEMPLATE_WORDS)
END_OF_ANSWER = '</answer>'
_CLOSED = 'the search was closed'
_POLL_S = 0.05
_TAIL_TOKENS = 16
"""What holds the end of an answer, even spelled out byte by byte."""


class LocalModel:
    """
    Hold one model's weights, shared by all searches of a planner; one generates at a time.

    Nothing is ever downloaded. ``generate`` blocks until the model is free.
    """

    def __init__(self, path: str, engine: EngineOptions | None = None) -> None:
        self.name = path
        engine = EngineOptions() if engine is None else engine
        engine.refuse_all_but(OPTIONS, 'transformers')
        self._model, self._inputs = load_model(path, engine)
        self._tokenizer = self._inputs.tokenizer
        self._ends = ends_of(self._model, self._tokenizer)
        self.context = context_of(self._model, engine.max_model_len)
        self._guard = threading.Lock()

    def generate(
            self, messages: Sequence[ChatMessage], options: ChatOptions,
            stopped: Callable[[], bool], within_s: float, early_stop: bool = False) -> Reply:
        """
        Return the model's reply to the dialogue.

        ``stopped`` is asked before every token. ``within_s`` counts from when the model is free:
        another search's answer is no silence of this one's. Raise ``PlannerUnavailable`` when
        either ends it, or when the model fails.
        """
        import torch
        while not self._guard.acquire(timeout=_POLL_S):
            if stopped():
                raise PlannerClosed(_CLOSED)
        try:
            return self._generate(torch, messages, options, stopped, within_s, early_stop)
        finally:
            self._guard.release()

    def _generate(
            self, torch: Any, messages: Sequence[ChatMessage], options: ChatOptions,
            stopped: Callable[[], bool], within_s: float, early_stop: bool) -> Reply:
        begun = time.monotonic()
        with self._failing(torch):
            tensors = self._inputs.tensors(messages, options.extra.get(TEMPLATE_WORDS))
        asked = int(tensors['input_ids'].shape[1])
        if self.context and asked + options.max_tokens > self.context:
            raise ContextOverflow(
                f'{self.name}: {asked} tokens and an answer of up to {options.max_tokens} are '
                f'more than its context of {self.context}')
        watch = _Watch(
            torch, stopped, begun + within_s, asked,
            self._says_end if early_stop else lambda ids: False)
        with self._failing(torch), _drawing(torch, options.seed), torch.inference_mode():
            output = self._model.generate(
                **{name: self._placed(value) for name, value in tensors.items()},
                generation_config=self._config(options), stopping_criteria=[watch],
                logits_processor=[_Penalties(torch, options, asked)])
        ids = output[0, asked:].tolist()
        ended = bool(ids) and ids[-1] in self._ends
        if watch.why and not ended:
            if watch.why == 'closed':
                raise PlannerClosed(_CLOSED)
            raise PlannerUnavailable(
                f'{self.name} did not answer: no answer within {within_s:g} s')
        text = self._text(ids)
        reason = 'stop' if ended else 'length'
        if watch.said_end:
            text, reason = text[:end_of_answer(text)], 'early_stop'
        return Reply(
            text, finish_reason=reason, model=self.name, prompt_tokens=asked,
            completion_tokens=len(ids),
            first_token_s=None if watch.first is None else watch.first - begun,
            shortcut='early stop' if watch.said_end else '')

    @contextmanager
    def _failing(self, torch: Any) -> Iterator[None]:
        """Say in one sentence that the model failed, whatever its library raised."""
        try:
            yield
        except HvsError:
            raise
        except torch.cuda.OutOfMemoryError as error:
            torch.cuda.empty_cache()
            raise PlannerUnavailable(f'{self.name} ran out of GPU memory') from error
        except Exception as error:
            raise PlannerUnavailable(f'{self.name} failed: {one_line(error)}') from error

    def _config(self, options: ChatOptions) -> Any:
        from transformers import GenerationConfig
        drawn = {name: options.extra[name] for name in DRAWING if name in options.extra}
        draws = options.temperature > 0
        return GenerationConfig(
            max_new_tokens=options.max_tokens, eos_token_id=sorted(self._ends),
            pad_token_id=self._pad(), do_sample=draws,
            repetition_penalty=options.extra.get(REPETITION),
            **({'temperature': float(options.temperature), 'top_k': 0, **drawn} if draws else {}))

    def _pad(self) -> int:
        pad = self._tokenizer.pad_token_id
        return min(self._ends) if pad is None else int(pad)

    def _placed(self, value: Any) -> Any:
        """Return a tensor where the model reads it, pictures in the model's number format."""
        if not hasattr(value, 'to'):
            return value
        value = value.to(self._model.device)
        return value.to(self._model.dtype) if value.is_floating_point() else value

    def _text(self, ids: Any) -> str:
        return str(self._tokenizer.decode(ids, skip_special_tokens=True))

    def _says_end(self, ids: Any) -> bool:
        closing = END_OF_ANSWER in self._text(ids[-_TAIL_TOKENS:])
        return closing and end_of_answer(self._text(ids)) > 0


def check_extra(options: ChatOptions) -> None:
    """Refuse a sampling parameter that would silently be left out."""
    for name in options.extra:
        if name not in EXTRA:
            raise InputError(
                f"planner 'transformers': the field 'chat.extra.{name}' is not for it; it has "
                f'{", ".join(EXTRA)}')


class TransformersChat:
    """Complete the dialogues of one search with a model that is shared with other searches."""

    def __init__(
            self, model: LocalModel, options: ChatOptions | None = None,
            give_up_after: float = 10.0, early_stop: bool = False) -> None:
        self.name = model.name
        self.options = ChatOptions() if options is None else options
        check_extra(self.options)
        self._model = model
        self._early_stop = early_stop
        self._give_up_after = give_up_after
        self._closed = threading.Event()

    def complete(self, messages: Sequence[ChatMessage]) -> Reply:
        """Return the model's reply; raise ``PlannerUnavailable`` when it never answered."""
        if self._closed.is_set():
            raise PlannerClosed(_CLOSED)
        reply = self._model.generate(
            messages, self.options, self._closed.is_set, self._give_up_after, self._early_stop)
        return replace(reply, request_sha256=request_sha256(
            self.name, messages, self.options.parameters()))

    def close(self) -> None:
        """Stop the call in flight before its next token; later calls are refused."""
        self._closed.set()


class _Watch:
    """Stop generating when the search is closed, time is up or the answer is complete."""

    def __init__(
            self, torch: Any, stopped: Callable[[], bool], deadline: float, asked: int,
            says_end: Callable[[Any], bool]) -> None:
        self._torch, self._stopped, self._deadline = torch, stopped, deadline
        self._asked, self._says_end = asked, says_end
        self.first: float | None = None
        self.why, self.said_end = '', False

    def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
        now = time.monotonic()
        self.first = now if self.first is None else self.first
        if self._stopped():
            self.why = 'closed'
        elif now > self._deadline:
            self.why = 'late'
        elif self._says_end(input_ids[0, self._asked:]):
            self.said_end = True
        done = bool(self.why) or self.said_end
        return self._torch.full((len(input_ids),), done, device=input_ids.device)


class _Penalties:
    """Lower the scores of what was said before, as the OpenAI fields of these names do."""

    def __init__(self, torch: Any, options: ChatOptions, asked: int) -> None:
        self._torch, self._asked = torch, asked
        self._presence, self._frequency = options.presence_penalty, options.frequency_penalty

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        said = input_ids[:, self._asked:]
        counts = self._torch.zeros_like(scores).scatter_add_(
            1, said, self._torch.ones(said.shape, dtype=scores.dtype, device=scores.device))
        return scores - self._frequency * counts - self._presence * (counts > 0).to(scores.dtype)


@contextmanager
def _drawing(torch: Any, seed: int | None) -> Iterator[None]:
    """Draw tokens from the seed, if there is one, and leave the process's own dice alone."""
    if seed is None:
        yield
        return
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
