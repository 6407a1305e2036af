# SPDX-License-Identifier: Apache-2.0
"""Goals, measurements and commands of the body: messages to the core's types and back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
import math

from builtin_interfaces.msg import Duration
from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped, Twist, TwistStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node
from sensor_msgs.msg import JointState, LaserScan
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from hvs_ros.core.body import BodyState
from hvs_ros.core.gaze import Gaze
from hvs_ros.core.goal_gate import GoalKind, GoalOffer
from hvs_ros.core.motion_inputs import BodyPose, nearest_ahead
from hvs_ros.ros.conversions import ODOM, body_pose, parts, to_ns, to_quaternion, to_stamp


def to_offer(kind: GoalKind, goal: PoseStamped) -> GoalOffer:
    """Return a goal as it came in."""
    position = goal.pose.position
    return GoalOffer(
        kind, to_ns(goal.header.stamp), goal.header.frame_id, parts(goal.pose.orientation),
        (position.x, position.y))


def to_body_pose(odometry: Odometry) -> BodyPose:
    """Return the body's pose, all NaN when its orientation is none."""
    try:
        return BodyPose(*body_pose(odometry))
    except ValueError:
        return BodyPose(math.nan, math.nan, math.nan)


def to_placing(pose: PoseWithCovarianceStamped) -> BodyPose:
    """Return where an initialpose puts the body, all NaN when its orientation is none."""
    return to_body_pose(Odometry(pose=pose.pose))


def nearest_obstacle(scan: LaserScan) -> float:
    """Return the distance to the nearest thing ahead in metres."""
    return nearest_ahead(scan.ranges, scan.angle_min, scan.angle_increment, scan.range_min)


def velocity_type(stamped: bool) -> type:
    """Return the message type of cmd_vel."""
    return TwistStamped if stamped else Twist


def to_velocity(
        velocity: tuple[float, float], stamped: bool, stamp_ns: int, frame: str
) -> Twist | TwistStamped:
    """Return (m/s, rad/s) as cmd_vel."""
    twist = Twist()
    twist.linear.x, twist.angular.z = velocity
    if not stamped:
        return twist
    message = TwistStamped(twist=twist)
    message.header.frame_id = frame
    message.header.stamp = to_stamp(stamp_ns)
    return message


def from_velocity(message: Twist | TwistStamped) -> tuple[float, float]:
    """Return (m/s, rad/s) of a cmd_vel of either type."""
    twist = message.twist if isinstance(message, TwistStamped) else message
    return twist.linear.x, twist.angular.z


def to_trajectory(
        names: Sequence[str], positions: Sequence[float], lead_s: float) -> JointTrajectory:
    """Return one point ``lead_s`` seconds ahead; the zero stamp means 'from now'."""
    ahead = Duration(sec=int(lead_s), nanosec=round(lead_s % 1.0 * 1e9))
    point = JointTrajectoryPoint(positions=list(positions), time_from_start=ahead)
    return JointTrajectory(joint_names=list(names), points=[point])


def last_positions(trajectory: JointTrajectory, names: Sequence[str]) -> list[float | None]:
    """Return where a trajectory ends for each named joint, None where it says nothing."""
    if not trajectory.points:
        return [None] * len(names)
    ends = dict(zip(
        trajectory.joint_names, trajectory.points[-1].positions, strict=False))
    return [ends.get(name) for name in names]


def to_joint_states(state: BodyState, names: Sequence[str], stamp_ns: int) -> JointState:
    """Return the neck's angles as joint states."""
    message = JointState(name=list(names), position=[state.neck_yaw, state.neck_pitch])
    message.header.stamp = to_stamp(stamp_ns)
    return message


def to_odometry(state: BodyState, stamp_ns: int, frame: str) -> Odometry:
    """Return the body's pose and velocity as odometry."""
    message = Odometry(child_frame_id=frame)
    message.header.frame_id = ODOM
    message.header.stamp = to_stamp(stamp_ns)
    pose, twist = message.pose.pose, message.twist.twist
    pose.position.x, pose.position.y = state.x, state.y
    pose.orientation = to_quaternion(Gaze(state.yaw, 0.0))
    twist.linear.x, twist.angular.z = state.linear, state.angular
    return message


def publishers_of(node: Node, topics: Sequence[str]) -> dict[str, list[str]]:
    """Return the full names of the nodes that publish each topic."""
    return {topic: list(_full_names(node, topic)) for topic in topics}


def _full_names(node: Node, topic: str) -> Iterator[str]:
    for endpoint in node.get_publishers_info_by_topic(topic):
        yield f'{endpoint.node_namespace.rstrip("/")}/{endpoint.node_name}'
