# SPDX-License-Identifier: Apache-2.0
"""What an instruction asks for, as the short noun phrases that grounders are given."""

from __future__ import annotations

import re

from hvs_ros.core.search import SearchKind

_OPENING = re.compile(
    r'^(please|now|ok|can you|could you|you (want|need|have) to|i (want|need) (you )?to|try to|'
    r'go and|find|look (for|at)|search (for)?|locate|show (me|us)|point (to|at)|where is|'
    r'spot|see|get|the|a|an|some|my|your|any|one)\b\s*', re.IGNORECASE)
# What follows these words says where the thing is, not what it is.
_WHERE = re.compile(
    r'\b(on|in|inside|at|by|near|nearest|next to|beside|besides|behind|below|under|underneath|'
    r'above|over|between|against|along|from|that|which|who|with|standing|hanging|lying|leaning|'
    r'in front of|to the (left|right))\b', re.IGNORECASE)
_WAY = re.compile(
    r'\b(through|to|towards?|into|onto|out of|up|down|via|across|along|by|for|at|past|follow|'
    r'take|use|enter|climb|cross)\b\s*', re.IGNORECASE)
_VERB = re.compile(
    r'^(go|walk|head|leave|exit|step|move|get|reach|proceed|follow|take|use|enter|climb|cross|'
    r'descend|catch|board)\b(?=\s+\S)', re.IGNORECASE)


def phrases_of(instruction: str, kind: SearchKind) -> list[str]:
    """
    Return the noun phrases to look for, the most telling first; never empty.

    An object search names one thing; a path search names a way by what stands there, and the
    last of those is the goal: 'leave the room through the wooden door' -> 'wooden door'.
    """
    text = ' '.join(re.sub(r'[^\w\s\'-]', ' ', instruction).lower().split())
    found = _way_phrases(text) if kind == 'path' else [_head(_strip_opening(text))]
    kept = [phrase for phrase in found if phrase]
    return kept or [text]


def _way_phrases(text: str) -> list[str]:
    rest = _strip_opening(text)
    whole = _head(_strip_opening(_VERB.sub('', rest).strip()))
    ways = [_head(_strip_opening(part)) for part in _WAY.split(rest)[2::2]]
    phrases = [phrase for phrase in reversed(ways) if phrase]
    return phrases if phrases else [whole]


def _strip_opening(text: str) -> str:
    previous = None
    while previous != text:
        previous, text = text, _OPENING.sub('', text, count=1).strip()
    return text


def _head(text: str) -> str:
    """Return what comes before the words that say where the thing is."""
    head = _WHERE.split(text, maxsplit=1)[0].strip()
    return head or text
