# SPDX-License-Identifier: Apache-2.0
"""The words the grounder is taught: those of training sentences, and no others."""

from __future__ import annotations

from hvs_ros.planners.words import split_words
from hvs_ros.scenes.instructions import (
    CLOSINGS,
    OBJECT_TEMPLATES,
    OPENINGS,
    RELATIONS,
    WAY_TEMPLATES,
)
from hvs_ros.scenes.splits import split_of
from hvs_ros.scenes.things import COLOURS, KINDS

PLACES = ('gate', 'room', 'platform', 'the lift', 'the exit', 'the stairs', 'the toilets',
          'the counter', 'the zebra crossing', 'the stop of bus', 'the door of the')


def _words() -> list[str]:
    templates = [text for text in (*OBJECT_TEMPLATES, *WAY_TEMPLATES)
                 if split_of('template', text) == 'train']
    names = [word for kind in KINDS.values() for word in (kind.name, *kind.others)]
    texts = [*templates, *OPENINGS, *CLOSINGS, *RELATIONS, *PLACES, *COLOURS, *names]
    fields = {'thing', 'kind', 'kinds', 'colour', 'other', 'place'}
    found = {word for text in texts for word in split_words(text)} - fields
    return sorted(word for word in found if not (word.endswith('s') and word[:-1] in found))


VOCABULARY: tuple[str, ...] = tuple(_words())
