# SPDX-License-Identifier: Apache-2.0
"""ROS 2 node that is the body when there is no robot."""

from __future__ import annotations

from typing import Any

from geometry_msgs.msg import PoseWithCovarianceStamped, Twist, TwistStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from hvs_ros.core.body import Body
from hvs_ros.humanoid.kinematics import KinematicBody, KinematicLimits
from hvs_ros.ros.body_time import BodyTime
from hvs_ros.ros.health import OK, Health, Report
from hvs_ros.ros.motion_messages import (
    from_velocity,
    last_positions,
    to_joint_states,
    to_odometry,
    to_placing,
    velocity_type,
)
from hvs_ros.ros.motion_parameters import HumanoidSimulatorParameters
from hvs_ros.ros.node import run_node
from hvs_ros.ros.parameters import declare
from hvs_ros.ros.qos import EVENTS


class HumanoidSimulator(Node):
    """
    Step a body, tell its joints and odometry, and be the clock when asked to.

    ``BodyTime`` paces the steps. One executor thread touches everything.
    """

    def __init__(self, body: Body | None = None, **options: Any) -> None:
        """Declare parameters, then publishers, then everything that can call back."""
        super().__init__('humanoid_simulator', **options)
        self._p = p = declare(self, HumanoidSimulatorParameters)
        self._body = body or _kinematic(p)
        self._names = (p.neck_yaw_joint, p.neck_pitch_joint)
        self._joint_states = self.create_publisher(JointState, 'joint_states', 10)
        self._odom = self.create_publisher(Odometry, 'odom', 10)
        self.create_service(Trigger, '~/reset', self._on_reset)
        self.create_subscription(
            velocity_type(p.stamped_cmd_vel), 'cmd_vel', self._on_cmd_vel, EVENTS)
        self.create_subscription(
            JointTrajectory, 'head_controller/joint_trajectory', self._on_trajectory, EVENTS)
        self.create_subscription(
            PoseWithCovarianceStamped, 'initialpose', self._on_initialpose, EVENTS)
        self._time = BodyTime(self, self._on_step, p.rate, p.publish_clock, p.speed_factor)
        self._health = Health(self, self._describe)

    def _on_step(self) -> None:
        self._body.step(self._time.advance())
        stamp_ns, state = self._time.stamp_ns, self._body.state
        self._joint_states.publish(to_joint_states(state, self._names, stamp_ns))
        self._odom.publish(to_odometry(state, stamp_ns, self._p.body_frame))

    def _on_cmd_vel(self, velocity: Twist | TwistStamped) -> None:
        self._body.command_velocity(*from_velocity(velocity))

    def _on_trajectory(self, trajectory: JointTrajectory) -> None:
        self._body.command_neck(*last_positions(trajectory, self._names))

    def _on_initialpose(self, pose: PoseWithCovarianceStamped) -> None:
        place = to_placing(pose)
        self._body.place(place.x, place.y, place.yaw)

    def _on_reset(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._body.reset()
        response.success, response.message = True, 'standing at the origin'
        return response

    def _describe(self) -> Report:
        state = self._body.state
        return OK, f'{self._p.body} body', {
            'x': state.x, 'y': state.y, 'yaw': state.yaw, 'linear': state.linear,
            'angular': state.angular, 'neck yaw': state.neck_yaw, 'neck pitch': state.neck_pitch}


def _kinematic(p: HumanoidSimulatorParameters) -> KinematicBody:
    yaw, pitch = p.yaw_limits, p.pitch_limits
    return KinematicBody(KinematicLimits(
        (yaw[0], yaw[1]), (pitch[0], pitch[1]), p.head_velocity, p.command_timeout))


def main() -> int:
    """Run the node."""
    return run_node(HumanoidSimulator)
