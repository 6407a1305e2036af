# SPDX-License-Identifier: Apache-2.0
"""The form of an answer as a server can be held to it, and where a streamed answer ends."""

from __future__ import annotations

import re
from typing import Any

MOST_THOUGHT = 400
"""Characters of a thought at most: a model that may think without end may never answer."""
_ACTION = (
    r'(rotate\((-?(180|1[0-7][0-9]|[1-9]?[0-9])),(-?(90|[1-8]?[0-9]))\)'
    r'|submit\((3[0-5][0-9]|[12][0-9][0-9]|[1-9]?[0-9]),(-?(90|[1-8]?[0-9]))\))')
_ANSWER = f'<answer>{_ACTION}</answer>'
_WORDS = f'[^<]{{1,{MOST_THOUGHT}}}'
PATTERNS = {
    'free_think': f'<think>{_WORDS}</think>\\n?{_ANSWER}',
    'no_think': _ANSWER,
    'grounding': f'<think><observation>{_WORDS}</observation><reasoning>{_WORDS}</reasoning>'
                 f'</think>\\n?{_ANSWER}'}
"""A regular expression for each answer format, in the dialect that every engine reads."""
FIELDS = ('structured_outputs', 'guided_regex', 'regex')
"""What holds a reply to a regular expression: vLLM's field, its older one, and SGLang's."""


def keeps_to(pattern: str, text: str) -> bool:
    """Return whether the whole reply has the form, white space around it forgiven."""
    return re.fullmatch(pattern, text.strip()) is not None


def request_field(name: str, pattern: str) -> dict[str, Any]:
    """Return the field of a request that asks for the form."""
    return {name: {'regex': pattern} if name == 'structured_outputs' else pattern}


def fields_for(version: str) -> tuple[str, ...]:
    """
    Return the fields worth trying at a server that calls itself so, '' for one that does not say.

    vLLM took ``guided_regex`` until 0.11, takes ``structured_outputs`` since, and later versions
    accept the old one without a word and ignore it.
    """
    numbers = re.match(r'v?(\d+)\.(\d+)', version)
    if numbers is None:
        return FIELDS
    return FIELDS[:1] if (int(numbers[1]), int(numbers[2])) >= (0, 11) else FIELDS[1:2]


def end_of_answer(text: str) -> int:
    """
    Return where the answer of a reply under way ends, 0 while it has not ended.

    It ends at the first closing tag after the thought. Where a reply begins with neither a thought
    nor an answer, a thought may still be closed later, so that nothing but its end is one.
    """
    start = len(text) - len(text.lstrip())
    if text.startswith('<think>', start):
        thought = text.find('</think>', start)
        if thought < 0:
            return 0
        start = thought
    elif not text.startswith('<answer>', start):
        return 0
    end = text.find('</answer>', start)
    return end + len('</answer>') if end >= 0 else 0
