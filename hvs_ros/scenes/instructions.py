# SPDX-License-Identifier: Apache-2.0
"""Sentences that ask for a thing or a way: templates, other words, relations, filler words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hvs_ros.scenes.splits import Allowed
from hvs_ros.scenes.textures import Random

OBJECT_TEMPLATES = (
    'Find the {thing}', 'Look for the {thing}', 'Where is the {thing}?', 'Search for the {thing}',
    'Show me the {thing}', 'Can you spot the {thing}?', 'Turn to the {thing}',
    'Locate the {thing}', 'I need the {thing}', 'Point at the {thing}', 'Face the {thing}',
    'Look at the {thing}', 'Bring the {thing} into view', 'Help me find the {thing}',
    'Which way is the {thing}?', 'I lost the {thing}, where is it?', 'Fetch the {thing}',
    'Keep your eyes on the {thing}', 'Have you seen the {thing}?', 'Get me the {thing}',
    'There is a {thing} somewhere: look at it', 'Pick out the {thing}',
    'Of all the things here, find the {thing}', 'Where did I leave the {thing}?',
    'Among the {kinds}, find the {colour} one', 'Which of the {kinds} is {colour}? Look at it',
    'Find the {kind} that is {colour}', 'Show me the {kind} in {colour}',
    'Not the {other}: the {thing}', 'Look past the {other} and find the {thing}')
WAY_TEMPLATES = (
    'Go to {place}', 'Walk to {place}', 'Take me to {place}', 'How do I get to {place}?',
    'Head for {place}', 'Lead the way to {place}', 'Find the way to {place}',
    'I want to get to {place}',
    'Which way to {place}?', 'Set off for {place}', 'Bring me to {place}', 'Move towards {place}',
    'Make your way to {place}', 'Guide me to {place}', 'We have to reach {place}',
    'Show me where {place} is')
OPENINGS = ('Please', 'Hey robot,', 'Now', 'Quickly,', 'OK,', 'Could you help:', 'Hello,', 'Next,')
CLOSINGS = ('please', 'now', 'thanks', 'if you can', 'for me', 'right away', 'will you')
"""Said around a sentence; one in three has some. What a grounder must not stumble over."""
RELATIONS = ('next to', 'beside', 'near', 'close to', 'left of', 'right of')
_FILLED = 0.3
_RELATED = 0.3


@dataclass(frozen=True)
class Named:
    """Name a thing in words: its colour and its kind, and other words for the kind."""

    colour: str
    kind: str
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return it as people say it."""
        return f'{self.colour} {self.kind}'


@dataclass(frozen=True)
class Beside:
    """Say where a thing is: ``relation`` (of ``RELATIONS``) and what it stands by."""

    relation: str
    landmark: str


def plural(kind: str) -> str:
    """Return the plural of a kind's name."""
    if kind.endswith(('x', 's', 'ch')):
        return f'{kind}es'
    return f'{kind}s'


def object_sentence(
        rng: Random, allowed: Allowed, thing: Named, other: Named | None = None,
        beside: Sequence[Beside] = ()) -> str:
    """
    Return a sentence that asks for a thing, its template one that ``allowed`` wants.

    ``other`` is something that is not meant; ``beside`` are true places, one of which may be
    told.
    """
    usable = [text for text in OBJECT_TEMPLATES if other is not None or '{other}' not in text]
    template = _pick(rng, allowed.choose('template', usable))
    kind = thing.kind
    if thing.others and rng.random() < 0.2:
        kind = _pick(rng, thing.others)
    whole = f'{thing.colour} {kind}'
    if beside and rng.random() < _RELATED and '{thing}' in template:
        place = beside[int(rng.integers(len(beside)))]
        whole = f'{whole} {place.relation} the {place.landmark}'
    text = template.format(
        thing=whole, kind=kind, kinds=plural(kind), colour=thing.colour, other=other)
    return _with_filler(rng, text)


def way_sentence(rng: Random, allowed: Allowed, place: str) -> str:
    """Return a sentence that asks for the way to ``place`` ('the exit', 'gate B7')."""
    template = _pick(rng, allowed.choose('template', WAY_TEMPLATES))
    return _with_filler(rng, template.format(place=place))


def _with_filler(rng: Random, text: str) -> str:
    if rng.random() >= _FILLED:
        return text
    body = text[0].lower() + text[1:] if not text.startswith('I ') else text
    if rng.random() < 0.5:
        return f'{_pick(rng, OPENINGS)} {body}'
    stop = '?' if body.endswith('?') else ''
    return f'{text[:1]}{body[1:].rstrip("?")} {_pick(rng, CLOSINGS)}{stop}'


def _pick(rng: Random, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]
