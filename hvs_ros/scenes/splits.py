# SPDX-License-Identifier: Apache-2.0
"""
Which names and seeds belong to training, validation and test: pure functions, all in this module.

A name is a drawing style of a kind, a colour with a kind, a layout's plan, a sentence template or
a word on a sign. What a training scene may hold, anywhere in it, is decided here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
import hashlib
from typing import Literal

from hvs_ros.core.errors import InputError

Split = Literal['train', 'val', 'test']
Factor = Literal['style', 'pair', 'layout', 'template', 'word']
SPLITS: tuple[Split, ...] = ('train', 'val', 'test')
FACTORS: tuple[Factor, ...] = ('style', 'pair', 'layout', 'template', 'word')
SEEDS_EACH = 1_000_000_000
"""Seeds 0 to this belong to train, as many more to val, the next to test."""
# of each factor's names: (held out for test, held out for val)
SHARES: dict[Factor, tuple[float, float]] = {
    'style': (0.25, 0.10), 'pair': (0.15, 0.08), 'layout': (0.25, 0.12), 'template': (0.25, 0.12),
    'word': (0.20, 0.10)}
_SALT = 'scenes 344483'  # leaves each kind two styles to train with, and most kinds one to test
WORDS_OF_ALL = frozenset((
    'EXIT', 'LIFT', 'STAIRS', 'GATE', 'ROOM', 'PLATFORM', 'BUS', 'INFORMATION', 'TOILETS'))
"""What signs say of every place: all splits need them. Names and numbers are held out."""


@lru_cache(maxsize=4096)
def split_of(factor: Factor, name: str) -> Split:
    """
    Return the split that a name belongs to, whatever other names there are.

    Names read 'chair/ladderback' (style), 'red chair' (pair), 'room/bay' (layout), the template
    itself, or the word as it stands on a sign.
    """
    if factor == 'word' and name in WORDS_OF_ALL:
        return 'train'
    digest = hashlib.sha256(f'{_SALT}/{factor}/{name}'.encode()).digest()
    place = int.from_bytes(digest[:6], 'big') / float(1 << 48)
    test, val = SHARES[factor]
    if place < test:
        return 'test'
    return 'val' if place < test + val else 'train'


def split_of_seed(seed: int) -> Split:
    """Return the split that a scene's seed belongs to; raise ``InputError`` beyond the last."""
    if not 0 <= seed < len(SPLITS) * SEEDS_EACH:
        raise InputError(f'seed {seed} is not within 0 to {len(SPLITS) * SEEDS_EACH - 1}')
    return SPLITS[seed // SEEDS_EACH]


def first_seed(split: Split) -> int:
    """Return the lowest seed of a split."""
    return SPLITS.index(split) * SEEDS_EACH


@dataclass(frozen=True)
class Allowed:
    """
    Say which names a scene may hold, and which one it must ask for.

    A scene of ``train`` holds training names alone, anywhere. One of ``val`` or ``test`` holds
    those and, of the factors in ``held_out``, the names of its own split too: those it then asks
    for (``wants``). With nothing held out only the seed is new.
    """

    split: Split = 'train'
    held_out: frozenset[Factor] = frozenset()

    def __post_init__(self) -> None:
        """Refuse factors that do not exist and training on what is held out."""
        for factor in self.held_out:
            if factor not in FACTORS:
                raise InputError(
                    f'factor {factor!r} is not one of {", ".join(FACTORS)}')
        if self.split not in SPLITS:
            raise InputError(f'split {self.split!r} is not one of {", ".join(SPLITS)}')
        if self.held_out and self.split == 'train':
            raise InputError('nothing is held out of the split train')

    def may(self, factor: Factor, name: str) -> bool:
        """Return whether a scene may hold the name, as target, clutter or sign."""
        split = split_of(factor, name)
        return split == 'train' or (factor in self.held_out and split == self.split)

    def wants(self, factor: Factor, name: str) -> bool:
        """Return whether the name may be what the scene is about: its target, plan or sentence."""
        return split_of(factor, name) == (self.split if factor in self.held_out else 'train')

    def choose(self, factor: Factor, names: Iterable[str]) -> Sequence[str]:
        """Return the names that ``wants`` lets through; raise ``InputError`` when none is left."""
        left = [name for name in names if self.wants(factor, name)]
        if not left:
            raise InputError(f'no {factor} of the split {self.split} is left to choose from')
        return left
