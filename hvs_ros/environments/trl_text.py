# SPDX-License-Identifier: Apache-2.0
"""TRL, text answers: whole dialogues with think and answer tags through a rollout function."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

try:
    from trl import GRPOTrainer
except ImportError as error:
    raise ImportError(f'TRL cannot be imported ({error}): pip install "hvs_ros[train]"') from error

from hvs_ros.environments.training import Dialogue, Message, Searches

Rollout = Callable[[list[list[Message]], Any], dict[str, Any]]


def text_rows(searches: Searches) -> Iterator[dict[str, Any]]:
    """Yield one row per episode for ``datasets.Dataset.from_list``; the prompt names it."""
    for episode in searches.root.episodes:
        yield {'prompt': [{'role': 'user', 'content': episode.id}]}


def search_reward(completions: Sequence[Any], reward: Sequence[float], **row: Any) -> list[float]:
    """Return what each search earned, as ``text_rollout`` reports it."""
    return list(reward)


def text_rollout(searches: Searches) -> Rollout:
    """
    Return the ``rollout_func`` that searches in dialogues, for a ``TextSearchTrainer``.

    All searches of a batch take their turns together. A completion is every token after the
    first prompt: replies, which the loss sees, and what they are answered with, which ``env_mask``
    hides from it. A dialogue ends with its search, or where ``max_completion_length`` has no room
    for another view.
    """
    def rollout(prompts: list[list[Message]], trainer: Any) -> dict[str, Any]:
        sequences = [
            _Sequence(trainer, searches.dialogue(), searches, prompt[-1]['content'])
            for prompt in prompts]
        running = sequences
        while running:
            replies, logprobs = _generate(trainer, running)
            for place, sequence in enumerate(running):
                scores = logprobs[place] if logprobs else [0.0] * len(replies[place])
                sequence.take(replies[place], scores)
            running = [one for one in running if one.search.status == 'running']
        return {
            'prompt_ids': [one.prompt for one in sequences],
            'completion_ids': [one.completion for one in sequences],
            'logprobs': [one.logprobs for one in sequences] if trainer.use_vllm else None,
            'env_mask': [one.mask for one in sequences],
            'images': [one.search.views for one in sequences],
            'reward': [one.search.reward for one in sequences],
            'status': [one.search.status for one in sequences],
            'turns': [one.search.turns for one in sequences]}

    return rollout


class TextSearchTrainer(GRPOTrainer):
    """
    Train with GRPO on dialogues whose every turn shows an image.

    The trainer beneath hands a rollout function's tokens on, but no images beyond a prompt's own;
    images it takes from tools alone. So the rollout's images go the way of a tool's.
    """

    def _generate(self, prompts: list[list[Message]]) -> tuple[Any, ...]:
        self.tools: list[Any] = []
        *tokens, reported, _, _ = super()._generate(prompts)
        images = reported.pop('images')
        self.tools = [text_rollout]  # nobody calls it: it says that completions hold images
        return (*tokens, reported, images, images)


class _Sequence:
    """Hold the tokens of one dialogue: the first prompt, then replies and what follows each."""

    def __init__(
            self, trainer: Any, search: Dialogue, searches: Searches, episode_id: str) -> None:
        self._trainer = trainer
        self._processor = trainer.processing_class
        self.search = search
        messages = search.begin(searches.episode(episode_id))
        self.prompt = self._tokens(self._render(messages, True), search.views)
        self.completion: list[int] = []
        self.mask: list[int] = []
        self.logprobs: list[float] = []

    @property
    def ids(self) -> list[int]:
        """Return every token so far."""
        return self.prompt + self.completion

    def take(self, reply: list[int], logprobs: list[float]) -> None:
        """Add a reply and, where the search goes on, what the model is shown next."""
        tokenizer, longest = self._processor.tokenizer, self._trainer.max_completion_length
        room = longest - len(self.completion)
        ended = bool(reply) and reply[-1] in self._trainer.eos_token_ids
        self._add(reply[:room], logprobs[:room], 1)
        if len(reply) > room or (len(reply) == room and not ended):
            self.search.cut()  # nobody can be trained on an answer that is not all there
            return
        parts = self.search.answer(tokenizer.decode(reply, skip_special_tokens=True))
        if self.search.status != 'running':
            return
        shown = self._tokens(self._next_turn(parts), self.search.views[-1:])
        if not ended:
            shown = [tokenizer.eos_token_id, *shown]
        if len(self.completion) + len(shown) >= longest:
            self.search.cut(len(self.search.views) - 1)
            return
        self._add(shown, [0.0] * len(shown), 0)

    def _add(self, tokens: list[int], logprobs: list[float], mask: int) -> None:
        self.completion += tokens
        self.logprobs += logprobs
        self.mask += [mask] * len(tokens)

    def _render(self, messages: list[Message], prompt: bool) -> str:
        return self._processor.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=prompt,
            **self._trainer.chat_template_kwargs)

    def _next_turn(self, parts: list[dict[str, Any]]) -> str:
        """Return what a chat template writes after the end of a reply, up to the next reply."""
        before: list[Message] = [
            {'role': 'user', 'content': [{'type': 'text', 'text': '-'}]},
            {'role': 'assistant', 'content': [{'type': 'text', 'text': '-'}]}]
        end = self._processor.tokenizer.eos_token
        told = self._render(before, False)
        told = told[:told.rindex(end) + len(end)]
        whole = self._render([*before, {'role': 'user', 'content': parts}], True)
        if not whole.startswith(told):
            raise ValueError('the chat template changes what it wrote before: dialogues need '
                             'one that only adds')
        return whole[len(told):]

    def _tokens(self, text: str, images: Sequence[Any]) -> list[int]:
        """Return the text's tokens, each image's placeholder as many times as it has features."""
        made = self._processor(text=[text], images=list(images), add_special_tokens=False)
        return [int(token) for token in made['input_ids'][0]]


def _generate(
        trainer: Any, sequences: Sequence[_Sequence]) -> tuple[list[list[int]], Any]:
    """Return one reply for each dialogue, sampled together, and its log probabilities or None."""
    images = [one.search.views for one in sequences]
    ids = [one.ids for one in sequences]
    fields = dict(trainer.processing_class.image_processor(
        images=[image for views in images for image in views], return_tensors='pt'))
    pad = trainer.processing_class.image_token_id
    kind = 'mm_token_type_ids' if 'image_grid_thw' in fields else 'token_type_ids'
    fields[kind] = [[int(token == pad) for token in tokens] for tokens in ids]
    return trainer._generate_single_turn(ids, images, fields, num_generations=1)
