# SPDX-License-Identifier: Apache-2.0
"""When the body may move and what it is told: the pure state machine of the controller."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from hvs_ros.core.gaze import Gaze, wrap_radians
from hvs_ros.core.goal_gate import SECOND_NS, Goal, GoalGate, GoalOffer
from hvs_ros.core.motion_inputs import (
    BodyPose,
    ClockWatch,
    Guards,
    JointWatch,
    OdometryWatch,
    shared_topics,
)
from hvs_ros.core.motion_limits import LEAD_S, MotionLimits, clip, turn_rate
from hvs_ros.core.motion_outputs import Drive, NeckAngles, NeckStream
from hvs_ros.core.motion_tasks import GazeSplit, HeadingTask

_LONGEST_STEP_S = 0.1  # a loop that was held up must not catch up in one leap
StateName = Literal['disabled', 'stopped', 'fault', 'walking', 'turning', 'idle']


@dataclass(frozen=True)
class MotionState:
    """
    Tell what the body does: the payload of ``humanoid_controller/state``.

    ``goal_stamp`` is the standing goal's identity in nanoseconds (0 = none yet). ``reached``: the
    body rests as near to that goal as it can come; ``limited``: that is not the goal itself.
    """

    state: StateName
    reason: str = ''
    goal_stamp: int = 0
    reached: bool = False
    walked_m: float = 0.0
    limited: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Return the payload."""
        return {**asdict(self), 'walked_m': round(self.walked_m, 3)}

    def differs(self, other: MotionState) -> bool:
        """Return whether there is news: the way walked so far alone is none."""
        return replace(self, walked_m=other.walked_m) != other


@dataclass(frozen=True)
class Command:
    """
    Hold what is sent now; None means that nothing is.

    ``velocity`` is (m/s, rad/s); ``neck`` the (yaw, pitch) joint positions in radians, in the
    joints' own signs, to be reached ``LEAD_S`` seconds from now.
    """

    velocity: tuple[float, float] | None = None
    neck: tuple[float, float] | None = None
    lead_s: float = LEAD_S


@dataclass(frozen=True)
class Situation:
    """Hold everything the state follows from."""

    enabled: bool = False
    latch: str = ''
    problem: str = ''
    walking: bool = False
    turning: bool = False


@dataclass(frozen=True)
class Rule:
    """Name a state, when it holds, and what is sent in it."""

    state: StateName
    holds: Callable[[Situation], bool]
    when: str
    sends: str


# the first rule that holds gives the state, so that every row outranks those below it
RULES: tuple[Rule, ...] = (
    Rule('disabled', lambda s: not s.enabled, 'not enabled', 'nothing'),
    Rule('stopped', lambda s: bool(s.latch),
         '~/stop or emergency_stop, until ~/enable false then true',
         'zero velocity at 50 Hz; the neck is held where it was measured for 1 s'),
    Rule('fault', lambda s: bool(s.problem),
         'an input is stale, jumps or is not a number, ROS time stands still or runs backwards, '
         'two publishers share a goal topic, the dead-man is released, an obstacle is near a '
         'walk; until that is over',
         'zero velocity for 1 s, then nothing; the neck is held for 1 s'),
    Rule('walking', lambda s: s.walking, 'a fresh heading goal lies ahead of a body that faces it',
         'velocity within the limits; the neck faces the goal'),
    Rule('turning', lambda s: s.turning,
         'a fresh goal lies outside what the neck reaches, or is a heading',
         'turning velocity within the limits; the neck makes up for it'),
    Rule('idle', lambda s: True, 'no fresh goal, or the body need not move for it',
         'neck points while a goal is fresh; zero velocity for 1 s after motion, then nothing'),
)


class Motion:
    """
    Turn goals, measurements and guards into commands that are safe at any moment.

    Times are nanoseconds of ROS time passed in; ``step`` is called at 50 Hz and returns what to
    send. One thread calls it. Every rule of "Safety" lives here or in the parts it owns.
    """

    def __init__(self, limits: MotionLimits, enabled: bool = False) -> None:
        self.limits = limits
        self.gate = GoalGate(limits.goal_timeout, limits.max_goal_age)
        self.odometry = OdometryWatch(limits)
        self.guards = Guards(limits)
        self.refusals = 0
        self.last_refusal = ''
        names = (limits.neck_yaw_joint, limits.neck_pitch_joint) if limits.has_neck else ()
        self._joints = tuple(
            JointWatch(name, limits.max_head_velocity, limits.input_timeout) for name in names)
        self._signs = (limits.neck_yaw_sign, limits.neck_pitch_sign)
        self._drive, self._neck = Drive(limits), NeckStream(limits)
        self._clock, self._clock_problem = ClockWatch(), ''
        self._publishers: Mapping[str, Sequence[str]] = {}
        self._enabled, self._latch, self._emergency = enabled, '', False
        self._goal: Goal | None = None
        self._split = GazeSplit(limits)
        self._task: HeadingTask | None = None
        self.state = MotionState('idle' if enabled else 'disabled')
        self._told = MotionState('idle')
        self._stepped_ns: int | None = None

    def hear_goal(self, now_ns: int, offer: GoalOffer) -> str:
        """Take a goal; return why it is refused, or nothing."""
        reason = self.gate.offer(now_ns, offer)
        if reason:
            self.refusals += 1
            self.last_refusal = f'{offer.kind}_goal refused: {reason}'
        return reason

    def hear_joints(
            self, now_ns: int, stamp_ns: int, names: Sequence[str], positions: Sequence[float]
    ) -> None:
        """Take measured joint positions; joints that are not the neck's do not matter."""
        measured = dict(zip(names, positions, strict=False))
        for joint in self._joints:
            if joint.name in measured:
                joint.hear(now_ns, stamp_ns, measured[joint.name])

    def hear_publishers(self, publishers: Mapping[str, Sequence[str]]) -> None:
        """Take the names of who publishes each goal topic."""
        self._publishers = publishers

    def hear_emergency(self, pressed: bool) -> None:
        """Take the emergency stop: pressing it latches."""
        self._emergency = pressed

    def stop(self) -> None:
        """Latch a stop; only ``enable`` false then true releases it."""
        self._latch = self._latch or 'stop was called'

    def enable(self, now_ns: int, on: bool) -> Command | None:
        """Enable or disable; return the stop that a body in motion still has to be told."""
        if on:
            if not self._enabled:
                self._enabled = True
                self.gate.refuse_before(now_ns)
            return None
        farewell = self.farewell() if self._enabled else None
        self._enabled, self._latch = False, ''
        self.state = replace(self._told, state='disabled', reason='')
        return farewell

    def farewell(self) -> Command | None:
        """Return the last command before silence, None when the last one was a stop already."""
        neck = self._neck.hold(self._measured_neck())
        talking = self._drive.command() is not None or bool(self._latch)
        self._drive, self._task, self._goal = Drive(self.limits), None, None
        self._neck.release()
        if not self._enabled or not (talking or neck):
            return None
        return Command((0.0, 0.0) if talking else None, self._to_joints(neck))

    def watch(self, steady_s: float, now_ns: int) -> bool:
        """Compare ROS time with a steady clock; return whether somebody else must ``step`` now."""
        self._clock_problem = self._clock.feed(steady_s, now_ns)
        if self._clock.ran_backwards:
            self.gate.forget(now_ns)
            self.odometry.forget()
            for joint in self._joints:
                joint.forget()
            self._goal = self._task = self._stepped_ns = None
        return self._clock.ran_backwards or self._clock_problem == ClockWatch.STILL

    def step(self, now_ns: int) -> Command:
        """Return what to send now."""
        dt = self._elapsed(now_ns)
        lost_ns = self.odometry.lost_ns(now_ns)
        if lost_ns is not None:
            self.gate.refuse_before(lost_ns)
        if self._emergency:
            self._latch = 'emergency stop'
        situation = Situation(self._enabled, self._latch, self._problem(now_ns))
        target: NeckAngles | None = None
        if situation.enabled and not situation.latch and not situation.problem:
            situation, target = self._pursue(now_ns, situation, dt)
        rule = next(rule for rule in RULES if rule.holds(situation))
        return self._command(rule, situation, target, dt)

    def _command(
            self, rule: Rule, situation: Situation, target: NeckAngles | None, dt: float
    ) -> Command:
        reason = {'stopped': situation.latch, 'fault': situation.problem}.get(rule.state, '')
        if rule.state == 'idle':
            reason = self.last_refusal or self._told.reason
        self.state = replace(self._told, state=rule.state, reason=reason)
        if rule.state == 'disabled':
            return Command()
        if rule.state in ('stopped', 'fault'):
            self._drive.brake()
        measured = self._measured_neck()
        if target is not None and measured is not None and rule.state not in ('stopped', 'fault'):
            neck: NeckAngles | None = self._neck.toward(target, measured, dt)
        else:
            neck = self._neck.hold(measured, insist=rule.state == 'stopped')
        velocity = self._drive.command(keep_talking=rule.state == 'stopped')
        return Command(velocity, self._to_joints(neck))

    def _pursue(
            self, now_ns: int, situation: Situation, dt: float
    ) -> tuple[Situation, NeckAngles | None]:
        """Follow the fresh goal, if there is one; return where the neck shall go."""
        goal, pose = self.gate.fresh(now_ns), self.odometry.pose
        if goal is None or pose is None:
            self._drive.brake()
            if self._told.reached:
                self.gate.finish()
            return self._in_motion(situation), None
        if goal != self._goal:
            self._take(now_ns, goal, pose)
        if goal.kind == 'heading':
            return self._pursue_heading(now_ns, goal, pose, situation, dt)
        if self.limits.gaze == 'virtual':
            self._drive.brake()
            self._told = replace(self._told, reached=True)
            return self._in_motion(situation), None
        split = self._split.step(goal.gaze.yaw, pose.yaw)
        self._drive.toward(0.0, turn_rate(self.limits, split.turn_left), dt)
        resting = not split.turn_left and not self._drive.moving
        target = self._face(goal.gaze, split.neck_yaw, resting, split.limited)
        return self._in_motion(situation, turning=split.turn_left != 0.0), target

    def _pursue_heading(
            self, now_ns: int, goal: Goal, pose: BodyPose, situation: Situation, dt: float
    ) -> tuple[Situation, NeckAngles | None]:
        task = self._task
        assert task is not None
        step = task.step(now_ns, pose)
        blocked = self.guards.against_walking(now_ns) if step.walking else ''
        if blocked:
            return replace(situation, problem=blocked), None
        late = step.over.endswith(task.LATE)
        if late:
            self._drive.brake()
        else:
            self._drive.toward(step.linear, step.angular, dt)
        self._told = replace(self._told, walked_m=task.walked_m, reason=task.limit)
        resting = bool(step.over) and not self._drive.moving
        neck_yaw = clip(wrap_radians(goal.gaze.yaw - pose.yaw), *self.limits.yaw_limits)
        target = self._face(goal.gaze, neck_yaw, resting, limited=bool(task.limit))
        if late:
            self._told = replace(self._told, reached=False, reason=step.over)
        if resting and (late or self._told.reached):
            self.gate.finish()
        turning = not step.over and not step.walking
        return self._in_motion(situation, turning, step.walking), target

    def _face(
            self, gaze: Gaze, neck_yaw: float, resting: bool, limited: bool
    ) -> NeckAngles | None:
        """Tell whether the goal is reached; return where a body with a neck turns it."""
        measured = self._measured_neck()
        if not self.limits.has_neck or measured is None:
            self._told = replace(self._told, reached=resting, limited=limited)
            return None
        tolerance = self.limits.settle_tolerance
        target = NeckAngles(neck_yaw, clip(gaze.pitch, *self.limits.pitch_limits))
        there = (abs(measured.yaw - target.yaw) <= tolerance
                 and abs(measured.pitch - target.pitch) <= tolerance)
        limited = limited or abs(target.pitch - gaze.pitch) > tolerance
        self._told = replace(self._told, reached=resting and there, limited=limited)
        return target

    def _take(self, now_ns: int, goal: Goal, pose: BodyPose) -> None:
        self._goal, self.last_refusal = goal, ''
        self._told = MotionState('idle', goal_stamp=goal.stamp_ns)
        measured = self._measured_neck()
        self._split = GazeSplit(self.limits, side=measured.yaw if measured else 0.0)
        self._task = HeadingTask(
            self.limits, goal, pose, now_ns) if goal.kind == 'heading' else None

    def _in_motion(
            self, situation: Situation, turning: bool = False, walking: bool = False
    ) -> Situation:
        # a body that still slows down is not idle yet
        return replace(
            situation, walking=walking or self._drive.linear != 0.0,
            turning=turning or self._drive.angular != 0.0)

    def _problem(self, now_ns: int) -> str:
        problem = (self._clock_problem or shared_topics(self._publishers)
                   or self.odometry.problem(now_ns) or self.guards.against_moving(now_ns))
        goal = self.gate.fresh(now_ns)
        if problem or not (
                self.limits.gaze == 'physical' or (goal and goal.kind == 'heading')):
            return problem
        return next(filter(None, (joint.problem(now_ns) for joint in self._joints)), '')

    def _measured_neck(self) -> NeckAngles | None:
        yaw, pitch = (joint.position for joint in self._joints) if self._joints else (None, None)
        if yaw is None or pitch is None:
            return None
        return NeckAngles(yaw * self._signs[0], pitch * self._signs[1])

    def _to_joints(self, neck: NeckAngles | None) -> tuple[float, float] | None:
        if neck is None:
            return None
        return neck.yaw * self._signs[0], neck.pitch * self._signs[1]

    def _elapsed(self, now_ns: int) -> float:
        before, self._stepped_ns = self._stepped_ns, now_ns
        if before is None:
            return 0.0
        return clip((now_ns - before) / SECOND_NS, 0.0, _LONGEST_STEP_S)
