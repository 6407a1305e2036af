# SPDX-License-Identifier: Apache-2.0
"""A look into a TRL trainer while it trains: batches, forward passes, gradients."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from transformers import TrainerCallback

GROUP = 6
"""Searches of one episode whose rewards are compared."""


class TwoSteps:
    """Hold two steps of GRPO, which the fixture ``trained`` watched, to what any two owe."""

    def test_rewards_differ_within_a_group(self, trained):
        for batch in trained.batches:
            assert set(batch.rewards) == {0.0, 0.5}
            groups = [batch.rewards[place:place + GROUP] for place in (0, GROUP)]
            assert any(len(set(group)) == 2 for group in groups)

    def test_gradients_are_finite_and_not_zero_and_a_weight_changed(self, trained):
        assert len(trained.gradients) == 2
        for norms in trained.gradients:
            assert all(torch.isfinite(torch.tensor(list(norms.values()))))
            assert any(norm > 0 for name, norm in norms.items() if 'visual' in name)
            assert any(norm > 0 for name, norm in norms.items() if 'visual' not in name)
            assert norms['lm_head.weight' if 'lm_head.weight' in norms else next(iter(norms))] > 0
        assert trained.changed > 0


@dataclass
class Batch:
    """Hold what one round of generation gave: tokens, masks, images, rewards."""

    inputs: dict[str, Any]
    sequences: list[list[int]]
    completions: list[list[int]]
    masks: list[list[int]]
    views: list[list[Any]]
    rewards: list[float]
    turns: list[int]


def image_tokens(processor, ids: list[int]) -> list[int]:
    """Return the length of each run of image tokens."""
    return [
        len(list(run)) for is_image, run in groupby(
            ids, lambda token: token == processor.image_token_id) if is_image]


class Spy(TrainerCallback):
    """Watch a trainer: what it generates, what the loss is computed from, what changes."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.forwards: list[tuple[int, int]] = []
        self.gradients: list[dict[str, float]] = []
        self.token_gradients: list[tuple[torch.Tensor, torch.Tensor]] = []
        self.changed = 0

    def watch(self, trainer) -> None:
        self.processor = trainer.processing_class
        self._before = {
            name: weight.detach().clone() for name, weight in trainer.model.named_parameters()}
        trainer.add_callback(self)
        trainer.model.register_forward_pre_hook(self._forward, with_kwargs=True)
        self._wrap_generation(trainer)
        self._wrap_logprobs(trainer)

    def text(self, ids: list[int], mask: list[int], kind: int) -> str:
        """Return the text of the tokens whose mask is ``kind``."""
        kept = [token for token, bit in zip(ids, mask, strict=True) if bit == kind]
        return self.processor.tokenizer.decode(kept)

    def on_pre_optimizer_step(self, args, state, control, model=None, **kwargs):
        self.gradients.append({
            name: float(weight.grad.norm()) for name, weight in model.named_parameters()
            if weight.grad is not None})

    def on_train_end(self, args, state, control, model=None, **kwargs):
        self.changed = sum(
            not torch.equal(weight, self._before[name])
            for name, weight in model.named_parameters())

    def _forward(self, model, args, kwargs):
        if torch.is_grad_enabled() and kwargs.get('input_ids') is not None:
            ids = kwargs['input_ids']
            tokens = int((ids == self.processor.image_token_id).sum())
            grid = kwargs.get('image_grid_thw')
            self.forwards.append((tokens, 0 if grid is None else int(grid.prod(-1).sum()) // 4))

    def _wrap_generation(self, trainer) -> None:
        generate, score = trainer._generate, trainer._generate_and_score_completions
        seen: dict[str, Any] = {}

        def generated(prompts):
            result = generate(prompts)
            prompt_ids, completion_ids, masks, _, _, reported, images, _ = result
            seen.update(
                sequences=[[*a, *b] for a, b in zip(prompt_ids, completion_ids, strict=True)],
                completions=completion_ids, masks=masks, views=images,
                turns=list(reported.get('turns', [])))
            return result

        def scored(inputs):
            output = score(inputs)
            if trainer.environments:
                searches = [one.search for one in trainer.environments]
                rewards, seen['turns'] = (
                    [one.reward for one in searches], [one.turns for one in searches])
            else:
                rewards = [row['reward'] for row in inputs]
            self.batches.append(Batch(inputs=output, rewards=rewards, **seen))
            return output

        trainer._generate, trainer._generate_and_score_completions = generated, scored

    def _wrap_logprobs(self, trainer) -> None:
        compute, loss = trainer._get_per_token_logps_and_entropies, trainer._compute_loss
        masks: list[torch.Tensor] = []

        def computed(*args, **kwargs):
            result = compute(*args, **kwargs)
            if result[0].requires_grad:
                mask = masks[-1]
                result[0].register_hook(lambda gradient: self.token_gradients.append(
                    (gradient.detach().clone(), mask)))
            return result

        def lost(model, inputs):
            masks.append(inputs['completion_mask'] * inputs['tool_mask'])
            return loss(model, inputs)

        trainer._get_per_token_logps_and_entropies, trainer._compute_loss = computed, lost
