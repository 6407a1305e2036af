# SPDX-License-Identifier: Apache-2.0
"""One search as pure logic: observe a view, decide, until submitted or out of turns."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from hvs_ros.core.actions import Action, Invalid, ParsedReply, Rotate, Submit
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.profile import Profile
from hvs_ros.core.view import View

SearchKind = Literal['object', 'path']
Status = Literal['submitted', 'truncated', 'not_found', 'cancelled', 'replaced', 'error']
SHUT_DOWN = 'the planner was shut down'
"""The reason of a search that ended because its planner left: no verdict on the search."""

AHEAD = BenchmarkAngles(0, 0)


@dataclass(frozen=True)
class Task:
    """
    Say what to look for and where the search starts.

    ``id`` names the search on every topic and in every record; ``start`` is in benchmark degrees
    relative to the search's yaw 0 (the panorama's centre in replay, the body's heading when the
    instruction arrived on a robot). ``order`` tells apart two searches of the same id.
    """

    id: str
    kind: SearchKind
    instruction: str
    start: BenchmarkAngles = AHEAD
    seed: int | None = None
    order: str = ''


@dataclass(frozen=True)
class Decision:
    """
    Hold what a planner answered, verbatim, and what it cost.

    ``reply`` is only ever parsed. ``not_found`` says that the planner itself gave up: nothing in
    the views matched. ``latency_s`` is the planner's own time in seconds, ``first_token_s`` that
    to a model's first words (None: not seen), ``cached_tokens`` how many of the prompt's were in
    the server's cache. ``server`` answered, after ``attempts`` requests; ``shortcut`` names what
    changed the reply, empty when it was read to its end as the model gave it. ``image_sent``
    describes the picture the model was shown, ``image_bytes`` is its size.
    """

    reply: str
    not_found: bool = False
    finish_reason: str = 'stop'
    model: str = ''
    prompt_tokens: int = 0
    completion_tokens: int = 0
    latency_s: float = 0.0
    request_sha256: str = ''
    first_token_s: float | None = None
    cached_tokens: int = 0
    server: str = ''
    attempts: int = 1
    shortcut: str = ''
    image_sent: str = ''
    image_bytes: int = 0


@dataclass(frozen=True)
class Turn:
    """
    Record one view and one answer.

    ``told`` is the direction the planner was told, in benchmark degrees; ``measured`` what the
    body's sensors said. ``pose`` is the direction after the answer; ``feedback`` is what the
    planner was told about its answer before, together with this view.
    """

    index: int
    view: View
    told: BenchmarkAngles
    measured: BenchmarkAngles
    decision: Decision
    parsed: ParsedReply
    pose: BenchmarkAngles
    feedback: Feedback | None = None

    @property
    def action(self) -> Action:
        """Return what the reply was understood as."""
        return self.parsed.action

    @property
    def valid(self) -> bool:
        """Return whether the turn was reported as executed."""
        return self.parsed.acknowledged


@dataclass(frozen=True)
class Feedback:
    """
    Tell a planner what became of its last answer.

    ``direction`` is the current direction, or None where the profile leaves it out; ``reason``
    says why the answer was invalid, or is None where it was not or the profile keeps silent;
    ``action`` is the text of the action that was carried out, empty when none was.
    """

    valid: bool
    direction: BenchmarkAngles | None
    reason: str | None = None
    action: str = ''


@dataclass(frozen=True)
class Observation:
    """Hold what a planner may know when it decides; ``feedback`` is None on the first turn."""

    index: int
    view: View
    told: BenchmarkAngles
    feedback: Feedback | None
    history: tuple[Turn, ...]
    turns_left: int


@dataclass(frozen=True)
class SearchResult:
    """
    Say how a search ended.

    ``answer`` holds the submitted numbers verbatim; ``pose`` the direction at the end;
    ``heading`` where a submitted search wants the body to face, else None.
    """

    status: Status
    reason: str
    answer: Submit | None
    pose: BenchmarkAngles
    heading: BenchmarkAngles | None
    turns: int


@dataclass
class SearchSession:
    """
    Run one search: turn limit, history, feedback of the direction really reached.

    The caller shows a view taken at ``goal`` with ``observe``, gives the planner's answer to
    ``decide`` and stops when ``result`` is set. It knows no target, no ROS and no clock.
    """

    task: Task
    profile: Profile
    answer_format: str = 'free_think'
    max_turns: int = 10
    turns: list[Turn] = field(default_factory=list)
    result: SearchResult | None = None

    def __post_init__(self) -> None:
        """Stand at the start."""
        self.pose = self.task.start
        self.goal = self.task.start
        self._observation: Observation | None = None
        self._measured = self.task.start

    def observe(
            self, view: View, told: BenchmarkAngles | None = None,
            measured: BenchmarkAngles | None = None) -> Observation:
        """
        Return what the planner is shown for this turn.

        ``told`` is the direction really reached (None: the goal itself), ``measured`` the raw
        sensor value behind it. Both in benchmark degrees.
        """
        if self.result is not None:
            raise RuntimeError('the search has ended')
        self.pose = self.goal if told is None else told
        self._measured = self.pose if measured is None else measured
        self._observation = Observation(
            len(self.turns), view, self.pose, self.feedback(), tuple(self.turns),
            self.max_turns - len(self.turns))
        return self._observation

    def decide(self, decision: Decision) -> Turn:
        """Take the answer to the last observation and return the finished turn."""
        seen, self._observation = self._observation, None
        if seen is None:
            raise RuntimeError('a decision needs an observation before it')
        parsed = self.profile.parse(decision.reply, self.answer_format)
        if isinstance(parsed.action, Rotate) and not decision.not_found:
            try:
                self.pose = self.goal = seen.told.turned(
                    parsed.action.dyaw, parsed.action.dpitch)
            except OverflowError:
                parsed = replace(parsed, action=Invalid('the numbers are too large to turn by'))
        turn = Turn(
            seen.index, seen.view, seen.told, self._measured, decision, parsed, self.pose,
            seen.feedback)
        self.turns.append(turn)
        self._finish_after(turn)
        return turn

    def end(self, status: Status, reason: str = '') -> SearchResult:
        """End the search from outside (cancelled, replaced, error); the first end stands."""
        if self.result is None:
            self.result = SearchResult(status, reason, None, self.pose, None, len(self.turns))
        return self.result

    def _finish_after(self, turn: Turn) -> None:
        if turn.decision.not_found:
            self.end('not_found', 'the planner saw nothing that matches')
        elif isinstance(turn.action, Submit):
            heading = self.profile.heading(turn.action, self.pose)
            self.result = SearchResult(
                'submitted', '', turn.action, self.pose, heading, len(self.turns))
        elif len(self.turns) >= self.max_turns:
            self.end('truncated', f'no answer within {self.max_turns} turns')

    def feedback(self) -> Feedback | None:
        """Return what the planner is told about its last answer; None before the first."""
        if not self.turns:
            return None
        turn = self.turns[-1]
        if turn.valid:
            return Feedback(True, self.pose, action=''.join(turn.parsed.action_texts[:1]))
        if self.profile.tells_direction_after_invalid and isinstance(turn.action, Invalid):
            return Feedback(False, self.pose, turn.action.reason)
        return Feedback(False, None)
