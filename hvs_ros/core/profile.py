# SPDX-License-Identifier: Apache-2.0
"""The three profiles: what counts as an answer and what counts as success."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hvs_ros.core import actions, scoring
from hvs_ros.core.actions import PUBLISHED_RULES, AnswerRules, Invalid, ParsedReply, Submit
from hvs_ros.core.errors import InputError
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.scoring import Rule, Target


@dataclass(frozen=True)
class Profile:
    """
    Pair a parser with a rule of success.

    ``tells_direction_after_invalid``: after an invalid answer the feedback names the reason and
    the current direction; the published profiles leave both out. ``answers`` is what a trainer
    may set about them; an evaluation never does.
    """

    name: str
    rule: Rule
    tells_direction_after_invalid: bool
    answers: AnswerRules = PUBLISHED_RULES

    def parse(self, text: str | None, answer_format: str = 'free_think') -> ParsedReply:
        """Return what the reply means under this profile."""
        return actions.parse(text, self.name, answer_format, self.answers)

    def succeeds(self, target: Target, answer: Submit | None, pose: BenchmarkAngles) -> bool:
        """Return whether the answer, given while looking at ``pose``, succeeds."""
        if answer is None:
            return False
        if self.rule == 'strict':
            return scoring.strict_success(target, pose)
        return scoring.published_success(target, answer)

    def heading(self, answer: Submit, pose: BenchmarkAngles) -> BenchmarkAngles:
        """Return where the body faces after a submit: what was scored, as a direction."""
        if self.rule == 'strict':
            return pose
        return BenchmarkAngles(answer.yaw % 360, max(-90, min(90, answer.pitch)))


PROFILES: dict[str, Profile] = {
    'published-2025': Profile('published-2025', 'published', False),
    'published-2026': Profile('published-2026', 'published', False),
    'strict': Profile('strict', 'strict', True),
}


def get_profile(name: str) -> Profile:
    """Return the profile of that name; raise ``InputError`` naming the known ones."""
    if name not in PROFILES:
        raise InputError(f'unknown profile {name!r}: it is one of {", ".join(PROFILES)}')
    return PROFILES[name]


def transferable(
        driving: Profile, other: Profile, replies: Sequence[str | None],
        answer_format: str = 'free_think') -> bool:
    """
    Return whether an episode run under ``driving`` would have gone the same under ``other``.

    On every turn both must read the same action and numbers, or both Invalid; where their
    feedback after an invalid turn differs, no turn may be Invalid.
    """
    for reply in replies:
        mine = driving.parse(reply, answer_format)
        theirs = other.parse(reply, answer_format)
        if isinstance(mine.action, Invalid) and isinstance(theirs.action, Invalid):
            if not _same_feedback(driving, mine, other, theirs):
                return False
        elif mine.action != theirs.action:
            return False
    return True


def _same_feedback(a: Profile, mine: ParsedReply, b: Profile, theirs: ParsedReply) -> bool:
    return (a.tells_direction_after_invalid == b.tells_direction_after_invalid
            and mine.acknowledged == theirs.acknowledged)
