# SPDX-License-Identifier: Apache-2.0
"""The parameters of the nodes that move and that are moved; README's table is made from these."""

from __future__ import annotations

from dataclasses import dataclass, fields
import math

from hvs_ros.core.errors import InputError
from hvs_ros.core.motion_limits import MotionLimits
from hvs_ros.ros.node_parameters import GAZE_MODES
from hvs_ros.ros.parameters import parameter

_YAW, _PITCH = [-1.396, 1.396], [-0.698, 0.873]


@dataclass
class HumanoidControllerParameters:
    """Parameters of ``humanoid_controller``."""

    gaze: str = parameter(
        'physical', 'what turns to a gaze goal: the renderer alone (virtual), neck and body '
        '(physical), or the body in yaw and the renderer in pitch (hybrid)', choices=GAZE_MODES)
    enabled_at_start: bool = parameter(
        False, 'move without waiting for ~/enable (replay and simulation only)')
    simulated: bool = parameter(
        False, 'the body is simulated: initialpose may move it, and it walks without dead-man '
        'or obstacle topic')
    neck_yaw_joint: str = parameter(
        'head_yaw', "name of the neck's yaw joint; both names empty: no neck")
    neck_pitch_joint: str = parameter('head_pitch', "name of the neck's pitch joint")
    neck_yaw_sign: float = parameter(
        1.0, '1 when the yaw joint is positive to the left, else -1', bounds=(-1, 1))
    neck_pitch_sign: float = parameter(
        1.0, '1 when the pitch joint is positive down, else -1', bounds=(-1, 1))
    yaw_limits: list[float] = parameter(
        _YAW, 'how far the neck turns, right and left', unit='rad', bounds=(-math.pi, math.pi))
    pitch_limits: list[float] = parameter(
        _PITCH, 'how far the neck nods, up and down', unit='rad', bounds=(-1.5708, 1.5708))
    max_head_velocity: float = parameter(
        2.0, 'velocity of each neck joint', unit='rad/s', bounds=(0, 1000))
    max_head_acceleration: float = parameter(
        10.0, 'acceleration of each neck joint', unit='rad/s^2', bounds=(0.01, 1e6))
    max_linear: float = parameter(0.35, 'walking velocity', unit='m/s', bounds=(0, 5))
    max_angular: float = parameter(0.6, 'turning velocity', unit='rad/s', bounds=(0, 50))
    max_linear_acceleration: float = parameter(
        0.3, 'slew of the walking velocity', unit='m/s^2', bounds=(0.01, 1e3))
    max_angular_acceleration: float = parameter(
        0.8, 'slew of the turning velocity', unit='rad/s^2', bounds=(0.01, 1e4))
    stop_deceleration: float = parameter(
        0.0, 'slew of a stop, 0 for none: zero velocity at once', unit='m/s^2 and rad/s^2',
        bounds=(0, 1e3))
    max_walk_distance: float = parameter(
        2.0, 'no heading goal walks farther', unit='m', bounds=(0, 100))
    goal_timeout: float = parameter(
        0.3, 'a goal not repeated for so long moves nothing', unit='s', bounds=(0.05, 2))
    max_goal_age: float = parameter(
        1.0, 'a goal older than this when first heard is refused', unit='s', bounds=(0.05, 60))
    input_timeout: float = parameter(
        0.3, 'a neck joint or odometry not heard for so long stops the body', unit='s',
        bounds=(0.02, 2))
    settle_tolerance: float = parameter(
        0.02, 'how near the goal counts as there', unit='rad', bounds=(0.0001, 0.5))
    follow_gaze: bool = parameter(
        True, 'the body turns for a gaze that the neck cannot reach')
    emergency_stop: bool = parameter(
        False, 'listen to emergency_stop (Bool): true latches a stop')
    deadman: bool = parameter(
        False, 'move only while deadman (Bool) is true and heard within 0.3 s')
    obstacle: bool = parameter(
        False, 'walk only while obstacle (LaserScan) is heard and shows nothing near ahead')
    obstacle_distance: float = parameter(
        0.6, 'how near is near', unit='m', bounds=(0.05, 10))
    stamped_cmd_vel: bool = parameter(True, 'cmd_vel is TwistStamped, not Twist')
    body_frame: str = parameter('base_link', 'frame of a stamped cmd_vel')

    def limits(self) -> MotionLimits:
        """Return what the core needs; raise ``InputError`` when parameters contradict."""
        if self.enabled_at_start and not self.simulated:
            raise InputError(
                'enabled_at_start is for simulated bodies only: a robot waits for ~/enable')
        return MotionLimits(**{
            field.name: getattr(self, field.name) for field in fields(MotionLimits)})


@dataclass
class HumanoidSimulatorParameters:
    """Parameters of ``humanoid_simulator``."""

    body: str = parameter('kinematic', 'what is simulated', choices=('kinematic',))
    rate: float = parameter(
        50.0, 'steps, joint_states and odom a second', unit='Hz', bounds=(20, 500))
    publish_clock: bool = parameter(
        True, 'publish /clock and live by it; false: live by ROS time')
    speed_factor: float = parameter(
        1.0, 'simulated seconds a second, with publish_clock', bounds=(0.2, 20))
    head_velocity: float = parameter(
        0.0, 'velocity of the neck joints, 0 for an instant neck', unit='rad/s',
        bounds=(0, 1000))
    yaw_limits: list[float] = parameter(
        _YAW, 'how far the neck turns, right and left', unit='rad', bounds=(-math.pi, math.pi))
    pitch_limits: list[float] = parameter(
        _PITCH, 'how far the neck nods, up and down', unit='rad', bounds=(-1.5708, 1.5708))
    command_timeout: float = parameter(
        0.5, 'the base stands still when cmd_vel has not come for so long', unit='s',
        bounds=(0.02, 10))
    neck_yaw_joint: str = parameter('head_yaw', "name of the neck's yaw joint, positive left")
    neck_pitch_joint: str = parameter(
        'head_pitch', "name of the neck's pitch joint, positive down")
    stamped_cmd_vel: bool = parameter(True, 'cmd_vel is TwistStamped, not Twist')
    body_frame: str = parameter('base_link', 'child frame of odom')
