# SPDX-License-Identifier: Apache-2.0
"""A planner's place in the graph: goals that stand, and ears for what the body is told."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped, Twist, TwistStamped
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.parameter import Parameter
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger
from trajectory_msgs.msg import JointTrajectory

from hvs_ros.core.gaze import Gaze
from hvs_ros.ros.conversions import gaze_pose
from hvs_ros.ros.motion_messages import from_velocity, velocity_type
from hvs_ros.ros.qos import EVENTS, LATCHED, RELIABLE

QUICK = {
    'max_head_velocity': 50.0, 'max_head_acceleration': 5000.0, 'max_angular': 2.0,
    'max_angular_acceleration': 40.0}


def overrides(**values: Any) -> list[Parameter]:
    return [Parameter(name, value=value) for name, value in values.items()]


class Bench(Node):
    """Stand goals at 10 Hz and keep everything heard, with the steady time it came at."""

    def __init__(self, name: str = 'planner', stamped: bool = True, **options: Any) -> None:
        super().__init__(name, **options)
        self.goal: PoseStamped | None = None
        self.velocities: list[tuple[float, tuple[float, float]]] = []
        self.trajectories: list[tuple[float, JointTrajectory]] = []
        self.states: list[dict[str, Any]] = []
        self.diagnostics: list[Any] = []
        self._goals = {
            topic: self.create_publisher(PoseStamped, topic, RELIABLE)
            for topic in ('gaze_goal', 'heading_goal')}
        self._topic = 'gaze_goal'
        self._enable = self.create_client(SetBool, 'humanoid_controller/enable')
        self._stop = self.create_client(Trigger, 'humanoid_controller/stop')
        self.reset = self.create_client(Trigger, 'humanoid_simulator/reset')
        self.create_subscription(
            velocity_type(stamped), 'cmd_vel', self._on_cmd_vel, EVENTS)
        self.create_subscription(
            JointTrajectory, 'head_controller/joint_trajectory', self._on_trajectory, EVENTS)
        self.create_subscription(String, 'humanoid_controller/state', self._on_state, LATCHED)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, EVENTS)
        self.create_timer(0.1, self._republish, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def stand(self, gaze: Gaze, topic: str = 'gaze_goal', x: float = 0.0, y: float = 0.0) -> None:
        self._topic = topic
        self.goal = gaze_pose(gaze, self.get_clock().now().nanoseconds, x, y)

    @property
    def state(self) -> dict[str, Any]:
        return self.states[-1] if self.states else {'state': 'unknown', 'reason': ''}

    @property
    def velocity(self) -> tuple[float, float] | None:
        return self.velocities[-1][1] if self.velocities else None

    def enable(self, on: bool) -> SetBool.Response:
        return self.call(self._enable, SetBool.Request(data=on))

    def stop(self) -> Trigger.Response:
        return self.call(self._stop, Trigger.Request())

    def call(self, client: Any, request: Any) -> Any:
        """Call a service from the test's thread while another one spins this node."""
        assert client.wait_for_service(5.0)
        done = threading.Event()
        future = client.call_async(request)
        future.add_done_callback(lambda _: done.set())
        assert done.wait(5.0)
        return future.result()

    def _republish(self) -> None:
        if self.goal is not None:
            self._goals[self._topic].publish(self.goal)

    def _on_cmd_vel(self, message: Twist | TwistStamped) -> None:
        self.velocities.append((time.monotonic(), from_velocity(message)))

    def _on_trajectory(self, message: JointTrajectory) -> None:
        self.trajectories.append((time.monotonic(), message))

    def _on_state(self, message: String) -> None:
        self.states.append(json.loads(message.data))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        self.diagnostics.extend(
            status for status in message.status if status.name == 'humanoid_controller')
