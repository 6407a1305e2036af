# SPDX-License-Identifier: Apache-2.0
"""The network of the built-in grounder: a view and an instruction to heat over the view."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

CHANNELS = 80
WORD_CHANNELS = 64
BLOCKS = 3


def _conv(inside: int, outside: int, size: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inside, outside, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outside))


class Block(nn.Module):
    """Look around by a depthwise 5x5, mix channels, add; scaled and shifted by the sentence."""

    def __init__(self, channels: int, wide: int) -> None:
        super().__init__()
        self.around = _conv(channels, channels, 5, groups=channels)
        self.widen = nn.Conv2d(channels, wide, 1)
        self.narrow = nn.Conv2d(wide, channels, 1)

    def forward(self, cells: Tensor, film: Tensor | None = None) -> Tensor:
        """Return (n, channels, h, w) cells; ``film`` is (n, 2 * channels)."""
        seen = self.around(cells)
        if film is not None:
            scale, shift = film[:, :, None, None].chunk(2, dim=1)
            seen = seen * (1 + scale) + shift
        return cells + self.narrow(functional.relu(self.widen(seen)))


class Sentence(nn.Module):
    """Read words in their order; answer with what to look for and how to look."""

    def __init__(self, words: int, channels: int) -> None:
        super().__init__()
        self.embed = nn.Embedding(words, WORD_CHANNELS, padding_idx=0)
        self.read = nn.GRU(WORD_CHANNELS, WORD_CHANNELS, batch_first=True, bidirectional=True)
        self.weigh = nn.Linear(2 * WORD_CHANNELS, 2)
        self.tell = nn.Sequential(nn.Linear(6 * WORD_CHANNELS, 128), nn.ReLU())
        self.query = nn.Linear(128, channels)
        self.films = nn.Linear(128, BLOCKS * 2 * channels)

    def forward(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """Return the query (n, channels) and the films (n, blocks * 2 * channels)."""
        embedded = self.embed(words)
        told, _ = self.read(embedded)
        there = (words > 0).float().unsqueeze(2)
        weight = torch.softmax(self.weigh(told) - 1e4 * (1 - there), dim=1)
        pooled = torch.einsum('nlk,nlc->nkc', weight, torch.cat([told, embedded], 2))
        meant = self.tell(pooled.flatten(1))
        return self.query(meant), self.films(meant)


class GrounderNet(nn.Module):
    """
    Answer where in a view a sentence's thing is, and whether it is there at all.

    ``view`` is (n, 3, 180, 320) float BGR in 0..255, ``words`` (n, 24) word numbers. Returns
    (n, 23 * 40 + 1) logits: the cells row by row, eight pixels apart, and last "not in view".
    """

    def __init__(self, words: int, channels: int = CHANNELS) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            _conv(3, 16, 3, 2), nn.ReLU(), _conv(16, 32, 3, 2), nn.ReLU(), Block(32, 48),
            _conv(32, channels, 3, 2), nn.ReLU())
        self.sentence = Sentence(words, channels)
        self.blocks = nn.ModuleList(Block(channels, 2 * channels) for _ in range(BLOCKS))
        self.cells = nn.Conv2d(channels, channels, 1)
        self.beyond = nn.Sequential(nn.Linear(2 * channels, 64), nn.ReLU(), nn.Linear(64, 1))

    def trunk(self, view: Tensor) -> Tensor:
        """Return (n, channels, 23, 40) cells, before any sentence."""
        cells: Tensor = self.stem(view / 127.5 - 1.0)
        return cells

    def heat(self, cells: Tensor, words: Tensor) -> Tensor:
        """Return the logits of sentences over cells, as many of one as of the other."""
        query, films = self.sentence(words)
        for block, film in zip(self.blocks, films.chunk(BLOCKS, dim=1), strict=True):
            cells = block(cells, film)
        cells = self.cells(cells)
        heat = torch.einsum('nchw,nc->nhw', cells, query).flatten(1) / 8.0
        beyond = self.beyond(torch.cat([cells.flatten(2).mean(2), query], 1))
        return torch.cat([heat, beyond], 1)

    def forward(self, view: Tensor, words: Tensor) -> Tensor:
        """Return the logits."""
        return self.heat(self.trunk(view), words)
