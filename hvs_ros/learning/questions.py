# SPDX-License-Identifier: Apache-2.0
"""What is asked of a view in training: sentences, and where in the view their answer lies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from hvs_ros.learning.views import SUB, Label
from hvs_ros.planners.grounder_onnx import CELL, CELLS
from hvs_ros.planners.words import CODE, PAD, UNKNOWN, encode
from hvs_ros.scenes.instructions import Beside, Named, object_sentence, way_sentence
from hvs_ros.scenes.splits import Allowed
from hvs_ros.scenes.things import COLOURS, KINDS

Item = TypeVar('Item')
LEAST_SPOTS = 5
"""A thing of which fewer spots of the owners' map are seen is not asked for: who could tell?"""
PRESENT_SHARE = 0.58
_DROPPED = 0.06
_INSERTED = 0.25
_CONTENT = frozenset(
    word for name in (*COLOURS, *KINDS, *(other for kind in KINDS.values()
                                          for other in kind.others)) for word in name.split())


@dataclass(frozen=True)
class Question:
    """Hold a sentence and the answer: (23 * 40 + 1,) shares, the last for "not in view"."""

    sentence: str
    target: np.ndarray
    owners: tuple[int, ...]


def cover(owners: np.ndarray, wanted: Sequence[int]) -> np.ndarray:
    """Return (23, 40) counts of the spots in each cell that show one of the wanted owners."""
    mask = np.isin(owners, wanted)
    rows, columns = CELLS
    part = CELL // SUB
    padded = np.zeros((rows * part, columns * part), bool)
    padded[:mask.shape[0], :mask.shape[1]] = mask
    return padded.reshape(rows, part, columns, part).sum(axis=(1, 3)).astype(np.float32)


def ask(rng: np.random.Generator, allowed: Allowed, owners: np.ndarray,
        labels: Sequence[Label]) -> Question | None:
    """
    Return something to ask of a view, ``None`` when the draw is one nobody could answer.

    A little more than half of the answers are in view; the others are elsewhere in the scene,
    or nowhere: a colour of one thing with the kind of another.
    """
    things = [label for label in labels if label.kind]
    ways = [label for label in labels if label.place]
    if ways and (not things or rng.random() < 0.22):
        return _ask_way(rng, allowed, owners, ways)
    counts = np.bincount(owners.ravel(), minlength=256)
    shown = [label for label in things if counts[label.owner] >= LEAST_SPOTS]
    if shown and rng.random() < PRESENT_SHARE:
        return _ask_thing(rng, allowed, owners, _one(rng, shown), things)
    hidden = [label for label in things if counts[label.owner] == 0]
    if hidden and rng.random() < 0.5:
        return _ask_thing(rng, allowed, owners, _one(rng, hidden), things)
    return _ask_absent(rng, allowed, things)


def _ask_thing(rng: np.random.Generator, allowed: Allowed, owners: np.ndarray, label: Label,
               things: Sequence[Label]) -> Question:
    others = [other for other in things if other.kind == label.kind and other is not label]
    other = _named(_one(rng, others)) if others else None
    sentence = object_sentence(
        rng, allowed, _named(label), other, [Beside(*words) for words in label.beside])
    return Question(sentence, _target(cover(owners, [label.owner])), (label.owner,))


def _ask_absent(
        rng: np.random.Generator, allowed: Allowed, things: Sequence[Label]) -> Question | None:
    """Ask for a pair that the scene does not hold; half of the time of parts that it does."""
    there = {(label.colour, label.kind) for label in things}
    colours = sorted({colour for colour, _ in there}) if rng.random() < 0.6 else list(COLOURS)
    kinds = sorted({kind for _, kind in there}) if rng.random() < 0.6 else list(KINDS)
    colour, kind = _one(rng, colours), _one(rng, kinds)
    if (colour, kind) in there or not allowed.may('pair', f'{colour} {kind}'):
        return None
    rivals = [label for label in things if label.kind == kind]
    other = _named(_one(rng, rivals)) if rivals else None
    near = _one(rng, things)
    beside = [] if near.kind == kind else [Beside('next to', f'{near.colour} {near.kind}')]
    sentence = object_sentence(
        rng, allowed, Named(colour, kind, KINDS[kind].others), other, beside)
    return Question(sentence, _target(np.zeros(CELLS, np.float32)), ())


def _ask_way(rng: np.random.Generator, allowed: Allowed, owners: np.ndarray,
             ways: Sequence[Label]) -> Question | None:
    """Ask for a way; those that differ by a name on a sign alone all count as its answer."""
    if rng.random() < 0.2:
        asked = _one(rng, ('the lift', 'the stairs', 'the exit', 'the toilets',
                           'the zebra crossing', 'gate B7', 'platform 3', 'room 214',
                           'the counter'))
        wanted: tuple[int, ...] = tuple(
            way.owner for way in ways if way_class(way.place) == way_class(asked))
    else:
        way = _one(rng, ways)
        asked = way.place
        wanted = tuple(
            other.owner for other in ways if way_class(other.place) == way_class(way.place))
    counts = cover(owners, wanted)
    if 0 < counts.sum() < LEAST_SPOTS:
        return None
    return Question(way_sentence(rng, allowed, asked), _target(counts), wanted)


def way_class(place: str) -> str:
    """Return what a place is, without its own name or number: 'gate B7' is a 'gate'."""
    if place.startswith('the door of'):
        return 'the door of'
    return ' '.join(word for word in place.split() if not any(c.isdigit() for c in word))


def _target(counts: np.ndarray) -> np.ndarray:
    total = float(counts.sum())
    return np.append(counts.ravel() / total if total else counts.ravel(), 0.0 if total else 1.0)


def spoil_words(
        rng: np.random.Generator, sentence: str, vocabulary: Sequence[str]) -> np.ndarray:
    """Return the encoded sentence with unknown words put in and in place of those of no weight."""
    numbers = encode(sentence, vocabulary).tolist()
    kept = [number for number in numbers if number != PAD]
    content = {k for k, number in enumerate(kept)
               if number == CODE or (number > CODE and vocabulary[number - 3] in _CONTENT)}
    spoilt = [number if k in content or rng.random() > _DROPPED else UNKNOWN
              for k, number in enumerate(kept)]
    if rng.random() < _INSERTED:
        for _ in range(int(rng.integers(1, 4))):
            at = int(rng.integers(len(spoilt) + 1))
            spoilt.insert(at, UNKNOWN)
    spoilt = spoilt[:len(numbers)]
    return np.array(spoilt + [PAD] * (len(numbers) - len(spoilt)), np.int64)


def _named(label: Label) -> Named:
    return Named(label.colour, label.kind, KINDS[label.kind].others)


def _one(rng: np.random.Generator, options: Sequence[Item]) -> Item:
    return options[int(rng.integers(len(options)))]
