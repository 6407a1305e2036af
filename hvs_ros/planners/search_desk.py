# SPDX-License-Identifier: Apache-2.0
"""Where instructions become searches: one at a time, each begun once, each ended once."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
import math
from typing import Any, Protocol, Union
import uuid

from hvs_ros.core.errors import HvsError
from hvs_ros.core.gaze import BenchmarkAngles, Gaze
from hvs_ros.core.instruction import Instruction, read_instruction
from hvs_ros.core.messages import ResultLine, TurnLine, result_line, turn_line
from hvs_ros.core.profile import Profile, get_profile
from hvs_ros.core.search import SearchSession, Task, Turn
from hvs_ros.core.standing_goal import GoalPatience, StandingGoal
from hvs_ros.planners.asking import Asking, Waits, wishes_of
from hvs_ros.planners.base import Planner
from hvs_ros.planners.registry import PlannerContext, make_planner
from hvs_ros.planners.running_search import MAX_ABANDONED, Abandoned, RunningSearch

Body = tuple[float, float, float]
Giving = tuple[str, Union[int, None], str]  # one instruction given once: (id, seed, order)


@dataclass
class Started:
    """Say what an instruction led to: results to publish, whether a search began, or why not."""

    results: list[ResultLine] = field(default_factory=list)
    begun: bool = False
    refusal: str = ''


@dataclass(frozen=True)
class Ended:
    """Say how a search ended; ``heading`` in odom is set when the body shall face it."""

    line: ResultLine
    kind: str
    heading: Gaze | None


def final_heading(
        ended: Ended, body: Body | None, walk_distance: float) -> tuple[Gaze, float, float]:
    """
    Return (facing, x, y) of the heading goal in odom, for a search that has a heading.

    An object is faced from here, pitch included. A path is faced level, ``walk_distance`` metres
    ahead. A body without odometry stands at the origin.
    """
    assert ended.heading is not None
    x, y, _ = body or (0.0, 0.0, 0.0)
    yaw = ended.heading.yaw
    if ended.kind == 'object':
        return ended.heading, x, y
    return (
        Gaze(yaw, 0.0), x + walk_distance * math.cos(yaw), y + walk_distance * math.sin(yaw))


class SearchSettings(Protocol):
    """
    Name what a search depends on; times in seconds, ``settle_tolerance`` in radians.

    How a model is asked (``asking.WISHES``) is among it.
    """

    planner: str
    profile: str
    max_turns: int
    history_turns: int
    prompts: str
    episodes: str
    seed: int
    settle_tolerance: float
    arrive_timeout: float
    view_timeout: float
    view_asks: int
    give_up_after: float
    connect_timeout: float
    first_token_timeout: float
    reply_timeout: float
    allow_remote_images: bool


class SearchDesk:
    """
    Own the running search and what is remembered between searches.

    An instruction that repeats the running or a finished (id, seed, order) is a duplicate and
    changes nothing; any other replaces the running search.
    """

    def __init__(
            self, planner: Planner, profile: Profile, patience: GoalPatience,
            max_turns: int = 10) -> None:
        self._planner, self._profile = planner, profile
        self._patience, self._max_turns = patience, max_turns
        self.search: RunningSearch | None = None
        self._abandoned = Abandoned()
        self._finished: deque[Giving] = deque(maxlen=1000)
        self._ended: dict[str, int] = {}
        self._last_error = ''
        self._stamp_ns = 0

    @classmethod
    def of(
            cls, settings: SearchSettings, planner: Planner | None = None,
            warn: Callable[[str], object] | None = None) -> SearchDesk:
        """
        Return the desk that a node's parameters describe; ``planner`` replaces their spec.

        ``warn`` is told what must be read where the planner is used.
        """
        made = planner or make_planner(settings.planner, context=PlannerContext(
            give_up_after=settings.give_up_after, seed=settings.seed,
            episodes=settings.episodes or None, prompts=settings.prompts,
            profile=settings.profile, asking=Asking(history_turns=settings.history_turns),
            wishes=wishes_of(settings), allow_remote_images=settings.allow_remote_images,
            waits=Waits(
                settings.connect_timeout or None, settings.first_token_timeout or None,
                settings.reply_timeout or None)))
        notice = getattr(made, 'notice', '')
        if notice and warn is not None:
            warn(notice)
        patience = GoalPatience(
            settings.settle_tolerance, settings.arrive_timeout, settings.view_timeout,
            settings.view_asks)
        return cls(made, get_profile(settings.profile), patience, settings.max_turns)

    def begin(self, kind: str, order: str, body: Body | None) -> Started:
        """Begin the search an instruction asks for; ``body`` is (x, y, yaw) in odom if known."""
        try:
            instruction = read_instruction(order)
        except HvsError as error:
            self._last_error = str(error)
            return Started(refusal=str(error))
        if self._is_duplicate(instruction):
            return Started()
        started = Started()
        if self.search is not None:
            started.results.append(self.finish('replaced', 'another instruction arrived').line)
        task = Task(
            instruction.id or uuid.uuid4().hex, 'path' if kind == 'path' else 'object',
            instruction.text, instruction.start or BenchmarkAngles(0, 0), instruction.seed,
            instruction.order)
        session = SearchSession(
            task, self._profile, self._planner.answer_format, self._max_turns)
        try:
            origin = self._origin(instruction, body)
            self._refuse_when_hanging()
            goal = StandingGoal(self._patience, stamp_ns=self._stamp_ns)
            search = self._planner.begin(task)
            self.search = RunningSearch(session, search, goal, origin)
            started.begun = True
        except Exception as error:  # whatever a planner raises ends its search, not the node
            known = isinstance(error, HvsError)
            started.refusal = _printable(
                str(error) if known else f'{type(error).__name__}: {error}')
            started.results.append(self._end(session, 'error', started.refusal))
        return started

    def finish(self, status: str, reason: str) -> Ended:
        """End the running search, as its session did or else as ``status`` says."""
        assert self.search is not None
        search, self.search = self.search, None
        self._last_error = _printable(search.close(self._abandoned)) or self._last_error
        self._stamp_ns = search.goal.stamp_ns
        line = self._end(search.session, status, reason)
        result = search.session.result
        heading = result.heading if result is not None else None
        return Ended(
            line, search.session.task.kind,
            None if heading is None else search.in_odom(heading))

    def next_stamp(self, now_ns: int) -> int:
        """Return a goal's identity later than every one before, whatever the clock says."""
        self._stamp_ns = max(now_ns, self._stamp_ns + 1)
        return self._stamp_ns

    def turn_line(self, turn: Turn) -> TurnLine:
        """Return the payload of a turn of the running search."""
        assert self.search is not None
        return turn_line(self.search.session.task, turn)

    @property
    def hanging(self) -> bool:
        """Return whether so many calls hang in the planner that no search may begin."""
        return self._abandoned.alive > MAX_ABANDONED

    @property
    def trouble(self) -> str:
        """Return which model server the running search waits for and why, '' for none."""
        return _printable(self.search.trouble) if self.search is not None else ''

    @property
    def state(self) -> str:
        """Return what the desk is doing, for people."""
        if self.hanging:
            return 'planner calls hang'
        if self.search is None:
            return 'idle'
        if self.trouble:
            return f'waiting: {self.trouble}'
        return 'thinking' if self.search.thinking else 'waiting for a view'

    def report(self) -> tuple[bytes, str, dict[str, Any]]:
        """Return (level, state, what diagnostics say); the level is 0 well, 1 warning, 2 error."""
        severity = 2 if self.hanging else 1 if self.trouble else 0
        return bytes([severity]), self.state, self.describe()

    def describe(self) -> dict[str, Any]:
        """Return what diagnostics say."""
        servers: dict[str, Any] = getattr(self._planner, 'describe', dict)()
        return {
            **servers, 'planner': self._planner.name, 'profile': self._profile.name,
            'abandoned calls': self._abandoned.alive, 'last error': self._last_error,
            **{f'ended {status}': count for status, count in sorted(self._ended.items())}}

    def _end(self, session: SearchSession, status: Any, reason: str) -> ResultLine:
        result = session.result or session.end(status, _printable(reason))
        task = session.task
        if task.seed is not None or task.order:
            self._finished.append((task.id, task.seed, task.order))
        self._ended[result.status] = self._ended.get(result.status, 0) + 1
        if result.status == 'error':
            self._last_error = result.reason
        return result_line(
            task, self._profile.name, result, self._planner.name, self._planner.answer_format)

    def _is_duplicate(self, instruction: Instruction) -> bool:
        if not instruction.id:
            return False
        giving = (instruction.id, instruction.seed, instruction.order)
        running = self.search.session.task if self.search is not None else None
        if running is not None and (running.id, running.seed, running.order) == giving:
            return True
        return giving in self._finished

    def _origin(self, instruction: Instruction, body: Body | None) -> float:
        """Return where yaw 0 points in odom: absolute with a start, else the present heading."""
        if instruction.start is not None:
            return 0.0
        if body is None or not all(map(math.isfinite, body)):
            raise HvsError("no odometry: the body's present heading is not known")
        return body[2]

    def _refuse_when_hanging(self) -> None:
        if self.hanging:
            raise HvsError(
                f'{self._abandoned.alive} calls of earlier searches still hang in the planner')


def _printable(sentence: str) -> str:
    """Return the sentence with what UTF-8 cannot hold escaped: topics and logs carry no less."""
    return sentence.encode('utf-8', 'backslashreplace').decode('utf-8')
