# SPDX-License-Identifier: Apache-2.0
"""A controller and a kinematic body in one loop, with time as a number."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hvs_ros.core.gaze import Gaze
from hvs_ros.core.goal_gate import SECOND_NS, GoalOffer
from hvs_ros.core.motion import Command, Motion
from hvs_ros.core.motion_inputs import BodyPose
from hvs_ros.core.motion_limits import MotionLimits
from hvs_ros.humanoid.kinematics import KinematicBody, KinematicLimits

JOINTS = ('head_yaw', 'head_pitch')
PERIOD_NS = SECOND_NS // 50
START_NS = 1_700_000_000 * SECOND_NS
SOMEWHERE = Gaze(0.5, 0.1)
DEFAULTS: dict[str, Any] = {
    'gaze': 'physical', 'neck_yaw_joint': JOINTS[0], 'neck_pitch_joint': JOINTS[1],
    'neck_yaw_sign': 1.0, 'neck_pitch_sign': 1.0, 'yaw_limits': (-1.396, 1.396),
    'pitch_limits': (-0.698, 0.873), 'max_head_velocity': 2.0, 'max_head_acceleration': 10.0,
    'max_linear': 0.35, 'max_angular': 0.6, 'max_linear_acceleration': 0.3,
    'max_angular_acceleration': 0.8, 'stop_deceleration': 0.0, 'max_walk_distance': 2.0,
    'goal_timeout': 0.3, 'max_goal_age': 1.0, 'input_timeout': 0.3, 'settle_tolerance': 0.02,
    'follow_gaze': True, 'simulated': True, 'emergency_stop': False, 'deadman': False,
    'obstacle': False, 'obstacle_distance': 0.6}
# as replay drives a body that obeys at once
QUICK: dict[str, Any] = {
    'max_head_velocity': 50.0, 'max_head_acceleration': 5000.0, 'max_angular': 6.0,
    'max_angular_acceleration': 60.0, 'max_linear_acceleration': 3.0}


def limits(**changes: Any) -> MotionLimits:
    return MotionLimits(**{**DEFAULTS, **changes})


def offer(
        kind: str = 'gaze', gaze: Gaze = SOMEWHERE, stamp_ns: int = START_NS,
        position: tuple[float, float] = (0.0, 0.0), **changes: Any) -> GoalOffer:
    values = {'frame': 'odom', 'quaternion': gaze.quaternion(), 'position': position, **changes}
    return GoalOffer(kind, stamp_ns, **values)


class Loop:
    """Run controller and body at 50 Hz; measurements reach the controller ``delay`` ticks late."""

    def __init__(self, motion_limits: MotionLimits, delay: int = 2, enabled: bool = True) -> None:
        self.limits = motion_limits
        self.motion = Motion(motion_limits, enabled=enabled)
        self.body = KinematicBody(KinematicLimits(
            yaw_limits=motion_limits.yaw_limits, pitch_limits=motion_limits.pitch_limits))
        self.now_ns = START_NS
        self.goal: GoalOffer | None = None
        self.hears_joints = self.hears_odom = True
        self.commands: list[Command] = []
        self.states: list[str] = []
        self._delay, self._measured = delay, [self.body.state]
        self._ticks = 0

    def tick(self) -> Command:
        state = self._measured[max(0, len(self._measured) - 1 - self._delay)]
        if self.hears_joints:
            signs = (self.limits.neck_yaw_sign, self.limits.neck_pitch_sign)
            self.motion.hear_joints(self.now_ns, self.now_ns, JOINTS, (
                state.neck_yaw * signs[0], state.neck_pitch * signs[1]))
        if self.hears_odom:
            self.motion.odometry.hear(
                self.now_ns, self.now_ns, BodyPose(state.x, state.y, state.yaw))
        if self.goal is not None and self._ticks % 5 == 0:
            self.motion.hear_goal(self.now_ns, self.goal)
        self.motion.watch(self.now_ns / SECOND_NS, self.now_ns)
        command = self.motion.step(self.now_ns)
        self._obey(command)
        self.now_ns += PERIOD_NS
        self._ticks += 1
        self.commands.append(command)
        if not self.states or self.states[-1] != self.motion.state.state:
            self.states.append(self.motion.state.state)
        return command

    def run(self, seconds: float) -> list[Command]:
        """Return the commands of these seconds."""
        return [self.tick() for _ in range(round(seconds * 50))]

    def until(self, condition: Callable[[], bool], seconds: float = 30.0) -> float:
        """Run until the condition holds; return the seconds it took."""
        for count in range(round(seconds * 50)):
            if condition():
                return count / 50
            self.tick()
        raise AssertionError(f'not within {seconds} s: {self.motion.state}')

    def reached(self) -> bool:
        state = self.motion.state
        return state.reached and state.goal_stamp == self.goal.stamp_ns

    def new_goal(self, kind: str, gaze: Gaze, position: tuple[float, float] | None = None) -> None:
        here = (self.body.state.x, self.body.state.y)
        self.goal = offer(kind, gaze, self.now_ns, position or here)
        self._ticks = 0

    def _obey(self, command: Command) -> None:
        signs = (self.limits.neck_yaw_sign, self.limits.neck_pitch_sign)
        if command.velocity is not None:
            self.body.command_velocity(*command.velocity)
        if command.neck is not None:
            self.body.command_neck(command.neck[0] * signs[0], command.neck[1] * signs[1])
        self.body.step(0.02)
        self._measured.append(self.body.state)
