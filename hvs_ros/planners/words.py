# SPDX-License-Identifier: Apache-2.0
"""Instructions as the numbers that the built-in grounder reads."""

from __future__ import annotations

from collections.abc import Sequence
import re

import numpy as np

PAD, UNKNOWN, CODE = 0, 1, 2
FIRST_WORD = 3
LENGTH = 24
"""Words of an instruction that are read; what comes after them is not."""
_CODE = re.compile(r'[a-z]?[0-9]+[a-z]?', re.IGNORECASE)
_WORD = re.compile(
    rf'{_CODE.pattern}(?![a-z0-9])|[a-z]+|[0-9]+|[.:,?!]', re.IGNORECASE)


def split_words(text: str) -> list[str]:
    """Return the words of a text in lower case; what divides sentences counts as a word."""
    joined = re.sub(r'\b([A-Za-z])\s?(?=[0-9])', r'\1', text)
    return [word.lower() for word in _WORD.findall(joined)]


def encode(text: str, vocabulary: Sequence[str]) -> np.ndarray:
    """
    Return the instruction as (24,) int64 word numbers.

    A word that is not in the ``vocabulary`` is ``UNKNOWN``, unless it is a plural of one that is;
    numbers such as 12 and B7 are ``CODE``, whatever they say.
    """
    places = {word: FIRST_WORD + k for k, word in enumerate(vocabulary)}
    numbers = [_number(word, places) for word in split_words(text)][:LENGTH]
    return np.array(numbers + [PAD] * (LENGTH - len(numbers)), np.int64)


def _number(word: str, places: dict[str, int]) -> int:
    if _CODE.fullmatch(word):
        return CODE
    for form in (word, word.removesuffix('s'), word.removesuffix('es')):
        if form in places:
            return places[form]
    return UNKNOWN
