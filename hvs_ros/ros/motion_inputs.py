# SPDX-License-Identifier: Apache-2.0
"""What the controller listens to besides goals, handed on to the core with its time of arrival."""

from __future__ import annotations

from geometry_msgs.msg import PoseWithCovarianceStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from sensor_msgs.msg import JointState, LaserScan
from std_msgs.msg import Bool

from hvs_ros.core.motion import Motion
from hvs_ros.ros.conversions import to_ns
from hvs_ros.ros.motion_messages import nearest_obstacle, to_body_pose
from hvs_ros.ros.qos import EVENTS, SENSOR


class MotionInputs:
    """Subscribe to measurements and guards; what is not configured is not listened to."""

    def __init__(self, node: Node, motion: Motion) -> None:
        """Subscribe on the node."""
        self._node, self._motion = node, motion
        limits = motion.limits
        # best effort takes drivers of either reliability
        node.create_subscription(JointState, 'joint_states', self._on_joint_states, SENSOR)
        node.create_subscription(Odometry, 'odom', self._on_odom, SENSOR)
        if limits.simulated:
            node.create_subscription(
                PoseWithCovarianceStamped, 'initialpose', self._on_initialpose, EVENTS)
        if limits.emergency_stop:
            node.create_subscription(Bool, 'emergency_stop', self._on_emergency_stop, EVENTS)
        if limits.deadman:
            node.create_subscription(Bool, 'deadman', self._on_deadman, SENSOR)
        if limits.obstacle:
            node.create_subscription(LaserScan, 'obstacle', self._on_obstacle, SENSOR)

    def _now_ns(self) -> int:
        return int(self._node.get_clock().now().nanoseconds)

    def _on_joint_states(self, joints: JointState) -> None:
        self._motion.hear_joints(
            self._now_ns(), to_ns(joints.header.stamp), joints.name, joints.position)

    def _on_odom(self, odometry: Odometry) -> None:
        self._motion.odometry.hear(
            self._now_ns(), to_ns(odometry.header.stamp), to_body_pose(odometry))

    def _on_initialpose(self, _: PoseWithCovarianceStamped) -> None:
        self._motion.odometry.place(self._now_ns())

    def _on_emergency_stop(self, pressed: Bool) -> None:
        self._motion.hear_emergency(pressed.data)

    def _on_deadman(self, held: Bool) -> None:
        self._motion.guards.hear_deadman(self._now_ns(), held.data)

    def _on_obstacle(self, scan: LaserScan) -> None:
        self._motion.guards.hear_obstacle(self._now_ns(), nearest_obstacle(scan))
