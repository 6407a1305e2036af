# SPDX-License-Identifier: Apache-2.0
"""The simulated body on its topics: joints, odometry, /clock, placing, and commands that cease."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
import math
import time
from typing import Any

from body_bench import overrides
from geometry_msgs.msg import PoseWithCovarianceStamped, Twist, TwistStamped
from nav_msgs.msg import Odometry
import pytest
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from hvs_ros.core.errors import InputError
from hvs_ros.nodes.humanoid_simulator import HumanoidSimulator
from hvs_ros.ros.conversions import body_pose, initial_pose, to_ns
from hvs_ros.ros.motion_messages import to_trajectory, to_velocity
from hvs_ros.ros.qos import EVENTS

pytestmark = pytest.mark.ros
JOINTS = ('head_yaw', 'head_pitch')


class Driver(Node):
    """Drive the body and keep what it says."""

    def __init__(self, stamped: bool, **options: Any) -> None:
        super().__init__('driver', **options)
        self.joints: list[JointState] = []
        self.odometry: list[Odometry] = []
        self.clock: list[int] = []
        kind = TwistStamped if stamped else Twist
        self.velocity = self.create_publisher(kind, 'cmd_vel', 1)
        self.neck = self.create_publisher(
            JointTrajectory, 'head_controller/joint_trajectory', 1)
        self.place = self.create_publisher(PoseWithCovarianceStamped, 'initialpose', 1)
        self.reset = self.create_client(Trigger, 'humanoid_simulator/reset')
        self.create_subscription(JointState, 'joint_states', self.joints.append, EVENTS)
        self.create_subscription(Odometry, 'odom', self.odometry.append, EVENTS)
        self.create_subscription(
            Clock, '/clock', lambda message: self.clock.append(to_ns(message.clock)), EVENTS)

    @property
    def pose(self) -> tuple[float, float, float] | None:
        return body_pose(self.odometry[-1]) if self.odometry else None

    @property
    def neck_angles(self) -> list[float]:
        return list(self.joints[-1].position) if self.joints else []


@pytest.fixture
def driver(context, spin, wait_until) -> Callable[..., Driver]:
    def start(stamped: bool = True, **parameters: Any) -> Driver:
        simulator = HumanoidSimulator(context=context, parameter_overrides=overrides(
            **{'publish_clock': False, 'stamped_cmd_vel': stamped, **parameters}))
        spin(simulator)
        node = Driver(stamped, context=context)
        spin(node)
        wait_until(lambda: node.pose and node.joints and all(
            publisher.get_subscription_count()
            for publisher in (node.velocity, node.neck, node.place)))
        return node

    return start


def test_joint_states_and_odometry_tell_one_moment_in_the_frames_people_expect(driver):
    node = driver()
    time.sleep(0.2)
    odometry, joints = node.odometry[-1], node.joints[-1]
    assert (odometry.header.frame_id, odometry.child_frame_id) == ('odom', 'base_link')
    assert tuple(joints.name) == JOINTS and len(joints.position) == 2
    stamps = [to_ns(message.header.stamp) for message in node.odometry]
    assert stamps == sorted(set(stamps))
    assert {to_ns(message.header.stamp) for message in node.joints[:-1]} & set(stamps)
    assert not node.clock


def test_the_neck_goes_where_it_is_told_to_the_last_bit(driver, wait_until):
    node = driver(pitch_limits=[-math.pi / 2, math.pi / 2])
    yaw, pitch = math.radians(37.0), math.radians(-90.0)
    node.neck.publish(to_trajectory(JOINTS, (yaw, pitch), 0.1))
    wait_until(lambda: node.neck_angles == [yaw, pitch])
    node.neck.publish(to_trajectory(('head_pitch', 'left_knee'), (0.25, 1.0), 0.1))
    wait_until(lambda: node.neck_angles == [yaw, 0.25])
    node.neck.publish(JointTrajectory(joint_names=list(JOINTS)))
    time.sleep(0.1)
    assert node.neck_angles == [yaw, 0.25]


@pytest.mark.parametrize('stamped', [True, False])
def test_the_base_drives_and_stands_still_when_cmd_vel_ceases(driver, wait_until, stamped):
    node = driver(stamped=stamped, command_timeout=0.2)
    node.velocity.publish(to_velocity((0.5, 0.8), stamped, 0, 'base_link'))
    wait_until(lambda: node.odometry[-1].twist.twist.linear.x == 0.5)
    wait_until(lambda: node.odometry[-1].twist.twist.linear.x == 0.0, 1.0)
    x, _, yaw = node.pose
    assert 0.05 < x < 0.2 and 0.08 < yaw < 0.35


def test_initialpose_places_the_base_and_reset_brings_all_back(driver, wait_until):
    node = driver()
    node.neck.publish(to_trajectory(JOINTS, (0.3, 0.2), 0.1))
    wait_until(lambda: node.neck_angles == [0.3, 0.2])
    node.place.publish(initial_pose(math.radians(120.0), 0))
    wait_until(lambda: node.pose[2] == pytest.approx(math.radians(120.0)))
    assert node.neck_angles == [0.3, 0.2]
    assert node.reset.wait_for_service(3.0)
    node.reset.call_async(Trigger.Request())
    wait_until(lambda: node.pose == (0.0, 0.0, 0.0) and node.neck_angles == [0.0, 0.0])


def test_a_placing_without_direction_is_ignored(driver):
    node = driver()
    nowhere = PoseWithCovarianceStamped()
    nowhere.pose.pose.orientation.w = 0.0
    nowhere.pose.pose.position.x = 3.0
    node.place.publish(nowhere)
    time.sleep(0.2)
    assert node.pose == (0.0, 0.0, 0.0)


def test_as_a_clock_it_runs_as_fast_as_it_is_told(driver):
    node = driver(publish_clock=True, speed_factor=2.0)
    began, first = time.monotonic(), node.clock[-1]
    time.sleep(1.0)
    passed = (node.clock[-1] - first) / 1e9 / (time.monotonic() - began)
    assert 1.2 < passed < 2.3
    assert all(b - a == 20_000_000 for a, b in pairwise(node.clock[-20:]))
    assert to_ns(node.odometry[-1].header.stamp) >= first


def test_parameters_that_make_no_sense_are_refused_at_start(context):
    with pytest.raises(InputError, match='speed_factor cannot be'):
        HumanoidSimulator(context=context, parameter_overrides=overrides(speed_factor=0.0))
