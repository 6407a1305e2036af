# SPDX-License-Identifier: Apache-2.0
"""What the controller says: velocities, neck points and its state."""

from __future__ import annotations

from typing import Any

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.publisher import Publisher
from std_msgs.msg import String
from trajectory_msgs.msg import JointTrajectory

from hvs_ros.core.motion import Command, Motion, MotionState
from hvs_ros.ros.conversions import to_json
from hvs_ros.ros.motion_messages import to_trajectory, to_velocity, velocity_type
from hvs_ros.ros.motion_parameters import HumanoidControllerParameters
from hvs_ros.ros.qos import LATCHED, RELIABLE

_STATE_PERIOD_S = 0.5


class MotionOutputs:
    """Publish commands as they come, the state on change and twice a second."""

    def __init__(self, node: Node, p: HumanoidControllerParameters, motion: Motion) -> None:
        """Create the publishers on the node."""
        self._node, self._p, self._motion = node, p, motion
        self._joints = (p.neck_yaw_joint, p.neck_pitch_joint)
        self._told: MotionState | None = None
        self._velocity: Publisher[Any] = node.create_publisher(
            velocity_type(p.stamped_cmd_vel), 'cmd_vel', RELIABLE)
        self._neck = node.create_publisher(
            JointTrajectory, 'head_controller/joint_trajectory', RELIABLE)
        self._state = node.create_publisher(String, '~/state', LATCHED)
        node.create_timer(
            _STATE_PERIOD_S, self._tell, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def send(self, command: Command | None) -> None:
        """Publish a command, and the state when it is news."""
        if command is not None and command.velocity is not None:
            stamp_ns = int(self._node.get_clock().now().nanoseconds)
            self._velocity.publish(to_velocity(
                command.velocity, self._p.stamped_cmd_vel, stamp_ns, self._p.body_frame))
        if command is not None and command.neck is not None:
            self._neck.publish(to_trajectory(self._joints, command.neck, command.lead_s))
        if self._told is None or self._motion.state.differs(self._told):
            self._tell()

    def _tell(self) -> None:
        self._told = self._motion.state
        self._state.publish(to_json(self._told.to_dict()))
