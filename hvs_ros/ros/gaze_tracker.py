# SPDX-License-Identifier: Apache-2.0
"""Where the body looks, from joint_states and odom."""

from __future__ import annotations

from collections.abc import Callable
import math

from nav_msgs.msg import Odometry
from rclpy.node import Node
from sensor_msgs.msg import JointState

from hvs_ros.core.gaze import Gaze
from hvs_ros.core.gaze_history import GazeHistory
from hvs_ros.core.view_request import RestDetector
from hvs_ros.ros.conversions import body_pose, to_ns
from hvs_ros.ros.node_parameters import ViewRendererParameters
from hvs_ros.ros.qos import SENSOR


class GazeTracker:
    """
    Follow neck and body, and know since when they rest.

    ``on_motion`` is called after each measurement. Measurements that are not finite are dropped
    and counted; a joint_states message may hold one neck joint or none.
    """

    def __init__(
            self, node: Node, parameters: ViewRendererParameters,
            on_motion: Callable[[], None]) -> None:
        """Subscribe to joint_states and odom."""
        self._parameters, self._on_motion = parameters, on_motion
        self.history = GazeHistory(has_neck=parameters.gaze == 'physical')
        self.rest = RestDetector()
        self.dropped = 0
        self._neck: dict[str, float] = {}
        node.create_subscription(JointState, 'joint_states', self._on_joint_states, SENSOR)
        node.create_subscription(Odometry, 'odom', self._on_odom, SENSOR)

    def _on_joint_states(self, joints: JointState) -> None:
        p = self._parameters
        signs = {p.neck_yaw_joint: p.neck_yaw_sign, p.neck_pitch_joint: p.neck_pitch_sign}
        for name, position in zip(joints.name, joints.position, strict=False):
            if name in signs:
                self._neck[name] = signs[name] * position
        if not all(math.isfinite(self._neck.get(name, math.nan)) for name in signs):
            self.dropped += 1
            return
        yaw, pitch = self._neck[p.neck_yaw_joint], self._neck[p.neck_pitch_joint]
        self.history.add_neck(to_ns(joints.header.stamp), yaw, pitch)
        self._measured()

    def _on_odom(self, odometry: Odometry) -> None:
        try:
            _, _, yaw = body_pose(odometry)
        except ValueError:
            self.dropped += 1
            return
        self.history.add_body(to_ns(odometry.header.stamp), yaw)
        self._measured()

    def _measured(self) -> None:
        known_ns = self.history.known_until_ns
        if known_ns is None or known_ns <= self.rest.until_ns:
            if known_ns is not None and known_ns < self.rest.until_ns:
                self.rest = RestDetector()  # time ran backwards
            return
        self.rest.feed(known_ns, self.history.at(known_ns))
        self._on_motion()

    def gaze_at(self, stamp_ns: int, goal: Gaze) -> Gaze:
        """Return the gaze at a moment; a hybrid body's pitch is the goal's, by the renderer."""
        measured = self.history.at(stamp_ns)
        return Gaze(measured.yaw, goal.pitch) if self._parameters.gaze == 'hybrid' else measured
