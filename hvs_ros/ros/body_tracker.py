# SPDX-License-Identifier: Apache-2.0
"""Where the body stands, from odom."""

from __future__ import annotations

from nav_msgs.msg import Odometry
from rclpy.node import Node

from hvs_ros.ros.conversions import body_pose
from hvs_ros.ros.qos import SENSOR


class BodyTracker:
    """Keep the body's latest (x, y, yaw) in metres and radians; ``pose`` is None until then."""

    def __init__(self, node: Node) -> None:
        """Subscribe to odom."""
        self.pose: tuple[float, float, float] | None = None
        node.create_subscription(Odometry, 'odom', self._on_odom, SENSOR)

    def _on_odom(self, odometry: Odometry) -> None:
        try:
            self.pose = body_pose(odometry)
        except ValueError:
            self.pose = None  # an orientation that is none: no heading rather than a wrong one
