# SPDX-License-Identifier: Apache-2.0
"""Training the built-in grounder: views in, a network that answers sentences out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
import math
from pathlib import Path
import time

import numpy as np
import torch
from torch.nn import functional

from hvs_ros.learning.disturb import disturb
from hvs_ros.learning.grounder_model import GrounderNet
from hvs_ros.learning.questions import Question, ask, cover, spoil_words
from hvs_ros.learning.views import Shard, read_shard
from hvs_ros.planners.words import FIRST_WORD, encode
from hvs_ros.scenes.splits import Allowed


@dataclass(frozen=True)
class Recipe:
    """
    Say how the grounder is trained; ``minutes`` bounds the time of all epochs.

    The rate rises over the first ``warm_up`` steps.
    """

    epochs: float = 8.0
    minutes: float = 40.0
    batch: int = 24
    questions: int = 2
    rate: float = 3e-3
    warm_up: int = 200
    weight_decay: float = 0.01
    seed: int = 0
    threads: int = 2


@dataclass
class Views:
    """Hold the views of many shards in memory and hand them out."""

    shards: Sequence[Shard]
    index: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        """Number the views of all shards."""
        self.index = np.array([
            (k, j) for k, shard in enumerate(self.shards) for j in range(len(shard.images))])

    @classmethod
    def of(cls, files: Sequence[Path]) -> Views:
        """Read the shards."""
        return cls([read_shard(file) for file in files])

    def __len__(self) -> int:
        return len(self.index)

    def view(self, number: int) -> tuple[np.ndarray, np.ndarray, list]:  # type: ignore[type-arg]
        """Return (image, owners, labels) of one view."""
        k, j = self.index[number]
        shard = self.shards[k]
        return shard.images[j], shard.owners[j], shard.labels[shard.scene_of[j]]


def questions_of(
        rng: np.random.Generator, views: Views, number: int, count: int,
        allowed: Allowed) -> list[Question]:
    """Return so many questions of one view."""
    _, owners, labels = views.view(number)
    found: list[Question] = []
    while len(found) < count:
        question = ask(rng, allowed, owners, labels)
        if question is not None:
            found.append(question)
    return found


def batches(
        rng: np.random.Generator, views: Views, recipe: Recipe,
        vocabulary: Sequence[str]) -> Iterator[tuple[torch.Tensor, ...]]:
    """Yield (images, words, targets) of one epoch in random order."""
    allowed = Allowed('train')
    order = rng.permutation(len(views))
    for begin in range(0, len(order) - recipe.batch + 1, recipe.batch):
        images, words, targets = [], [], []
        for number in order[begin:begin + recipe.batch]:
            images.append(disturb(rng, views.view(number)[0]))
            for question in questions_of(rng, views, number, recipe.questions, allowed):
                words.append(spoil_words(rng, question.sentence, vocabulary))
                targets.append(question.target)
        yield (torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float(),
               torch.from_numpy(np.stack(words)),
               torch.from_numpy(np.stack(targets).astype(np.float32)))


def train(
        views: Views, validation: Views, vocabulary: Sequence[str], recipe: Recipe,
        tell: Callable[[str], None] = print) -> GrounderNet:
    """
    Return the running average of the network; ``tell`` gets a line now and then.

    Validation views are only looked at, for those lines.
    """
    recipe = replace(recipe, batch=min(recipe.batch, len(views)))  # else no batch were full
    torch.manual_seed(recipe.seed)
    torch.set_num_threads(recipe.threads)
    rng = np.random.default_rng(recipe.seed)
    net = GrounderNet(FIRST_WORD + len(vocabulary))
    optimiser = torch.optim.AdamW(
        net.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay)
    total = max(1, round(recipe.epochs * (len(views) // recipe.batch)))
    begun, step, over, losses = time.monotonic(), 0, False, []
    averaged = {key: value.clone() for key, value in net.state_dict().items()}
    while not over:
        for images, words, targets in batches(rng, views, recipe, vocabulary):
            # the time that is left counts as much as the steps, so that the rate always ends low
            done = max(step / total, (time.monotonic() - begun) / (60 * recipe.minutes))
            over = step >= total or done >= 1.0
            if over:
                break
            _set_rate(optimiser, recipe.rate * min(1.0, (step + 1) / recipe.warm_up)
                      * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done))))
            cells = net.trunk(images).repeat_interleave(recipe.questions, 0)
            loss = -(targets * functional.log_softmax(net.heat(cells, words), 1)).sum(1).mean()
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(net.parameters(), 2.0)
            optimiser.step()
            _average(averaged, net, min(0.998, (step + 1) / (step + 20)))
            losses.append(loss.item())
            step += 1
            if step % 250 == 0:
                tell(f'step {step}/{total}, {(time.monotonic() - begun) / 60:.1f} min, '
                     f'loss {np.mean(losses[-250:]):.3f}')
            if step % 1500 == 0:
                tell(f'  {scores(net, validation, vocabulary, limit=300)}')
    net.load_state_dict(averaged)
    net.eval()
    tell(f'finished after {step} steps, {(time.monotonic() - begun) / 60:.1f} min: '
         f'{scores(net, validation, vocabulary)}')
    return net


def _set_rate(optimiser: torch.optim.Optimizer, rate: float) -> None:
    for group in optimiser.param_groups:
        group['lr'] = rate


def _average(averaged: dict[str, torch.Tensor], net: GrounderNet, share: float) -> None:
    for key, value in net.state_dict().items():
        if value.dtype.is_floating_point:
            averaged[key].mul_(share).add_(value, alpha=1 - share)
        else:
            averaged[key].copy_(value)


def scores(
        net: GrounderNet, views: Views, vocabulary: Sequence[str], limit: int = 0,
        seed: int = 7) -> dict[str, float]:
    """
    Return how the network answers questions of views it was not trained on.

    ``there``: share of things in view whose hottest cell shows them, when it is asked where;
    ``seen`` and ``missed``: rates of "in view" said rightly and of "not in view" said wrongly.
    """
    rng = np.random.default_rng(seed)
    net.eval()
    hits, sure_there, sure_gone = [], [], []
    with torch.inference_mode():
        for number in range(0, len(views), max(1, len(views) // limit) if limit else 1):
            image, owners, _ = views.view(number)
            asked = questions_of(rng, views, number, 2, Allowed('val'))
            words = torch.from_numpy(np.stack(
                [encode(question.sentence, vocabulary) for question in asked]))
            view = torch.from_numpy(image).permute(2, 0, 1)[None].float()
            logits = net.heat(net.trunk(view).repeat_interleave(len(asked), 0), words)
            shares = torch.softmax(logits, 1).numpy()
            for question, share in zip(asked, shares, strict=True):
                if question.target[-1]:
                    sure_gone.append(share[-1])
                else:
                    sure_there.append(share[-1])
                    hits.append(bool(cover(owners, question.owners).ravel()[
                        int(share[:-1].argmax())]))
    net.train()
    gone, there = np.array(sure_gone), np.array(sure_there)
    return {'there': round(float(np.mean(hits)), 3), 'seen': round(float((there < 0.5).mean()), 3),
            'gone': round(float((gone > 0.5).mean()), 3)}
