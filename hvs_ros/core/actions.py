# SPDX-License-Identifier: Apache-2.0
"""Model text to an action: Rotate, Submit or Invalid, per profile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
import math
import re
import sys
from typing import Union

from hvs_ros.core.errors import InputError


@dataclass(frozen=True)
class Rotate:
    """
    Turn by so many degrees: ``dyaw`` positive to the right, ``dpitch`` positive up.

    Whole numbers stay ``int``; a ``dyaw`` of any size is exact modulo 360, and overflows only
    when it is added to a yaw that has decimals.
    """

    dyaw: float
    dpitch: float


@dataclass(frozen=True)
class Submit:
    """Answer with an absolute direction in benchmark degrees."""

    yaw: float
    pitch: float


@dataclass(frozen=True)
class Invalid:
    """Say why a text is not an action; the turn is spent."""

    reason: str


Action = Union[Rotate, Submit, Invalid]
ANSWER_FORMATS = ('free_think', 'no_think', 'grounding')


@dataclass(frozen=True)
class ParsedReply:
    """
    Hold what a reply was understood as.

    ``action_text`` is the content of the answer, ``action_texts`` the actions taken from it (at
    most one), ``format_correct`` whether the whole reply has the shape that was asked for.
    ``wasted`` marks a reply that is understood and reported as executed, yet not executed: the
    2025 harness does so with text around an observation + reasoning answer.
    """

    action: Action
    thought: str
    action_text: str
    action_texts: tuple[str, ...]
    format_correct: bool
    observation: str = ''
    reasoning: str = ''
    wasted: bool = False

    @property
    def acknowledged(self) -> bool:
        """Return whether the feedback reports the turn as executed."""
        return self.wasted or not isinstance(self.action, Invalid)


@dataclass(frozen=True)
class AnswerRules:
    """
    Hold what the trainers of the published family may set about answers.

    ``tags`` are deleted from the contents of a reply (None: the four answer tags; none at all
    keeps the white space, too). Of several actions the first ``most_actions`` are kept, and only
    a single one can be carried out. The strict parser heeds neither.
    """

    tags: tuple[str, ...] | None = None
    most_actions: int = 1


PUBLISHED_RULES = AnswerRules()


@dataclass(frozen=True)
class _Blocks:
    """Hold the contents of the tags of one reply."""

    thought: str
    answer: str
    observation: str = ''
    reasoning: str = ''


IMAGE_TAG = '<image>'
ANSWER_TAGS = ('<think>', '</think>', '<answer>', '</answer>')
ACTION_SEPARATOR = '|'
FAR_BEYOND = 10**9

# What stands between the contents of a reply, in order; the contents are whatever is in between.
JOINTS: dict[str, tuple[str, ...]] = {
    'free_think': (r'<think>', r'</think>\s*<answer>', r'</answer>'),
    'no_think': (r'<answer>', r'</answer>'),
    'grounding': (
        r'<think>\s*<observation>', r'</observation>\s*<reasoning>',
        r'</reasoning>\s*</think>\s*<answer>', r'</answer>'),
}


def parse(
        text: str | None, parser: str, answer_format: str,
        rules: AnswerRules = PUBLISHED_RULES) -> ParsedReply:
    """
    Return what the text means to the parser of a profile.

    Any text is accepted, None counts as empty. Raise ``InputError`` for an unknown parser or
    answer format.
    """
    if answer_format not in ANSWER_FORMATS:
        known = ', '.join(ANSWER_FORMATS)
        raise InputError(f'unknown answer format {answer_format!r}: it is one of {known}')
    if parser not in PARSERS:
        raise InputError(f'unknown parser {parser!r}: it is one of {", ".join(PARSERS)}')
    return PARSERS[parser](text or '', answer_format, rules)


def _parse_2025(
        text: str, answer_format: str, rules: AnswerRules = PUBLISHED_RULES) -> ParsedReply:
    text = text.replace(IMAGE_TAG, '')
    correct = is_whole(text, answer_format)
    blocks = tagged(text, answer_format)
    if answer_format != 'grounding' and not correct:
        blocks = None
    return _published(blocks, correct, executes=correct, rules=rules)


def _parse_2026(
        text: str, answer_format: str, rules: AnswerRules = PUBLISHED_RULES) -> ParsedReply:
    text = text.replace(IMAGE_TAG, '')
    correct = is_whole(text, answer_format)
    if answer_format == 'free_think':
        blocks = lenient(text)
    elif answer_format == 'no_think' and not correct:
        blocks = None
    else:
        blocks = tagged(text, answer_format)
    return _published(blocks, correct, executes=True, rules=rules)


def is_whole(text: str, answer_format: str) -> bool:
    """Return whether the whole text, but for white space around it, has the asked shape."""
    text = text.strip()
    first, *inner, last = JOINTS[answer_format]
    opening = re.match(first, text)
    if opening is None or not text.endswith(last):
        return False
    end = opening.end()
    for joint in inner:
        found = re.compile(joint).search(text, end)
        if found is None:
            return False
        end = found.end()
    return end <= len(text) - len(last)


def tagged(text: str, answer_format: str) -> _Blocks | None:
    """Return the contents of the first run of the format's tags, whatever stands around it."""
    contents = _between(text, JOINTS[answer_format])
    if contents is None:
        return None
    if answer_format == 'no_think':
        return _Blocks('', contents[0])
    if answer_format == 'free_think':
        return _Blocks(contents[0], contents[1])
    observation, reasoning, answer = contents
    thought = f'<observation>{observation}</observation><reasoning>{reasoning}</reasoning>'
    return _Blocks(thought, answer, observation, reasoning)


def lenient(text: str) -> _Blocks | None:
    """
    Return the first answer after a thought that opens the text, else the first one anywhere.

    A thought opens the text at character 0 only: after so much as a newline, an answer inside
    the thought comes first.
    """
    if text.startswith('<think>'):
        contents = _between(text, (r'<think>', r'</think>', r'<answer>', r'</answer>'))
        if contents is not None:
            return _Blocks(contents[0], contents[2])
    contents = _between(text, JOINTS['no_think'])
    return None if contents is None else _Blocks('', contents[0])


def _between(text: str, joints: tuple[str, ...]) -> list[str] | None:
    # Taking the first place for each joint in turn finds the same as a lazy pattern over all of
    # them would, in linear time for any text.
    contents, end = [], None
    for joint in joints:
        found = re.compile(joint).search(text, end or 0)
        if found is None:
            return None
        if end is not None:
            contents.append(text[end:found.start()])
        end = found.end()
    return contents


def _published(
        blocks: _Blocks | None, correct: bool, *, executes: bool,
        rules: AnswerRules = PUBLISHED_RULES) -> ParsedReply:
    if blocks is None:
        return ParsedReply(Invalid('no answer in the asked format'), '', '', (), correct)
    content = without_tags(blocks.answer, rules.tags)
    texts = split_actions(content)
    if len(texts) > rules.most_actions:
        texts = texts[:rules.most_actions]
        content = f' {ACTION_SEPARATOR} '.join(texts)
    action: Action = Invalid('the answer is empty')
    wasted = len(texts) == 1 and not executes
    if wasted:
        action = Invalid('text stands around the asked format')
    elif len(texts) == 1:
        action = published_action(texts[0])
    elif texts:
        action = Invalid('the answer holds more than one action')
    return ParsedReply(
        action, without_tags(blocks.thought, rules.tags), content, texts, correct,
        without_tags(blocks.observation, rules.tags),
        without_tags(blocks.reasoning, rules.tags), wasted)


def without_tags(content: str, tags: tuple[str, ...] | None = None) -> str:
    """
    Return the content without the tags (default: the four of answers) and without white space.

    Where there are no tags to delete, the white space around the content stays, too.
    """
    for tag in ANSWER_TAGS if tags is None else tags:
        content = content.replace(tag, '').strip()
    return content


def split_actions(content: str) -> tuple[str, ...]:
    """Return the actions of an answer, blank ones left out."""
    parts = (part.strip() for part in content.split(ACTION_SEPARATOR))
    return tuple(part for part in parts if part)


def published_action(text: str) -> Action:
    """Return the action as the published harness reads it (quirk Q4)."""
    for word, read in (('rotate', _read_rotate), ('submit', _read_submit)):
        if text.startswith(word):
            try:
                return read(*number_texts(text.replace(word, '')))
            except ValueError:
                return Invalid('the numbers are not two whole numbers')
    return Invalid('the answer is neither rotate nor submit')


def number_texts(text: str) -> tuple[str, str]:
    """Return the first two comma parts; more are ignored, fewer are a ``ValueError``."""
    yaw, pitch, *_ = strip_parentheses(text).split(',')
    return yaw, pitch


def strip_parentheses(text: str) -> str:
    """Return the text without parentheses at its ends, however many."""
    return text.strip('()')


def published_number(text: str) -> int:
    """Return the whole number as ``int`` reads it: signs, underscores and any script's digits."""
    return int(text)


# Beyond the range of a float, numbers are brought back to where they mean the same, so that every
# reader may compute with them. A rotation's yaw is left: there the published harness overflows
# for some poses and not for others.
def _read_rotate(yaw: str, pitch: str) -> Rotate:
    # Only here is white space taken off first: it includes separators that int() refuses.
    return Rotate(published_number(yaw.strip()), _bounded_pitch(published_number(pitch.strip())))


def _read_submit(yaw: str, pitch: str) -> Submit:
    number = published_number(yaw)
    return Submit(
        number % 360 if abs(number) > sys.float_info.max else number,
        _bounded_pitch(published_number(pitch)))


def _bounded_pitch(pitch: int) -> int:
    if abs(pitch) <= sys.float_info.max:
        return pitch
    return FAR_BEYOND if pitch > 0 else -FAR_BEYOND


_LEADING_THOUGHT = re.compile(r'\s*<think>', re.IGNORECASE)
_THOUGHT_END = re.compile(r'</think>', re.IGNORECASE)
_ANSWER_TAG = re.compile(r'<(/?)answer>', re.IGNORECASE)
_STRICT_ACTION = re.compile(
    r'(rotate|submit)\s*\(\s*(?:yaw\s*=\s*)?([^\s,()=°]+)\s*°?\s*,'
    r'\s*(?:pitch\s*=\s*)?([^\s,()=°]+)\s*°?\s*\)', re.IGNORECASE | re.ASCII)
_DECIMAL = re.compile(r'[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?', re.IGNORECASE | re.ASCII)
_ACTION_WORD = re.compile(r'\b(?:rotate|submit)\s*\(', re.IGNORECASE | re.ASCII)


def _parse_strict(
        text: str, answer_format: str, rules: AnswerRules = PUBLISHED_RULES) -> ParsedReply:
    split = after_thought(text)
    if split is None:
        return ParsedReply(Invalid('the think block is not closed'), text.strip(), '', (), False)
    thought, rest = split
    content = last_answer(rest)
    if content is None:
        content = rest.strip()
    action = strict_action(content)
    valid = not isinstance(action, Invalid)
    observation, reasoning = '', ''
    if answer_format == 'grounding':
        observation, reasoning = _block(thought, 'observation'), _block(thought, 'reasoning')
    return ParsedReply(
        action, thought, content, (content,) if content else (), valid, observation, reasoning)


def after_thought(text: str) -> tuple[str, str] | None:
    """Return the leading thought and what follows it; None when the thought never ends."""
    opening = _LEADING_THOUGHT.match(text)
    if opening is None:
        return '', text
    end = _THOUGHT_END.search(text, opening.end())
    if end is None:
        return None
    return text[opening.end():end.start()].strip(), text[end.end():]


def last_answer(text: str) -> str | None:
    """Return the content of the last complete answer tag, the innermost one when nested."""
    content, start = None, None
    for tag in _ANSWER_TAG.finditer(text):
        if not tag.group(1):
            start = tag.end()
        elif start is not None:
            content, start = text[start:tag.start()].strip(), None
    return content


def strict_action(content: str) -> Action:
    """Return the one action that the content is, or why it is none."""
    if not content:
        return Invalid('the answer is empty')
    match = _STRICT_ACTION.fullmatch(content)
    if match is None:
        if len(_ACTION_WORD.findall(content)) > 1:
            return Invalid('the answer holds more than one action')
        return Invalid('the answer is not rotate(yaw, pitch) or submit(yaw, pitch)')
    word, *texts = match.groups()
    numbers = []
    for name, number in zip(('yaw', 'pitch'), texts, strict=True):
        if not _DECIMAL.fullmatch(number):
            return Invalid(f'the {name} {_short(number)} is not a number')
        value = float(number)
        if not math.isfinite(value):
            return Invalid(f'the {name} {_short(number)} is not finite')
        # Whole degrees stay whole numbers: it is what the planner is told back.
        numbers.append(int(value) if value.is_integer() and abs(value) < 1e15 else value)
    return (Rotate if word.lower() == 'rotate' else Submit)(*numbers)


def _short(text: str) -> str:
    return repr(text if len(text) <= 20 else f'{text[:17]}...')


def _block(text: str, name: str) -> str:
    contents = _between(text, (f'<{name}>', f'</{name}>'))
    return '' if contents is None else contents[0].strip()


PARSERS: dict[str, Callable[[str, str, AnswerRules], ParsedReply]] = {
    'published-2025': _parse_2025, 'published-2026': _parse_2026, 'strict': _parse_strict}
