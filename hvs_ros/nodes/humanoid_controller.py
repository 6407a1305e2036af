# SPDX-License-Identifier: Apache-2.0
"""ROS 2 node that turns goals into neck and walking commands inside safety limits."""

from __future__ import annotations

import time
from typing import Any

from geometry_msgs.msg import PoseStamped
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from std_srvs.srv import SetBool, Trigger

from hvs_ros.core.goal_gate import GoalKind
from hvs_ros.core.motion import Motion
from hvs_ros.core.motion_limits import PERIOD_S
from hvs_ros.ros.health import ERROR, OK, WARN, Health, Report
from hvs_ros.ros.motion_inputs import MotionInputs
from hvs_ros.ros.motion_messages import publishers_of, to_offer
from hvs_ros.ros.motion_outputs import MotionOutputs
from hvs_ros.ros.motion_parameters import HumanoidControllerParameters
from hvs_ros.ros.node import run_node
from hvs_ros.ros.parameters import declare
from hvs_ros.ros.qos import RELIABLE

GOAL_TOPICS = ('gaze_goal', 'heading_goal')
_LOOK_ROUND_S = 0.2  # how often the graph is asked who publishes goals


class HumanoidController(Node):
    """
    Let the body look, turn and walk only while that is safe.

    Every rule lives in ``core.motion``; this node brings it messages and time. One executor
    thread touches it. The control loop runs on ROS time; a second timer on the steady clock,
    always running, takes over when ROS time stands still or runs backwards.
    """

    def __init__(self, **options: Any) -> None:
        """Declare parameters, then publishers, then everything that can call back."""
        super().__init__('humanoid_controller', **options)
        p = declare(self, HumanoidControllerParameters)
        self._motion = Motion(p.limits(), enabled=p.enabled_at_start)
        self._outputs = MotionOutputs(self, p, self._motion)
        self.create_service(SetBool, '~/enable', self._on_enable)
        self.create_service(Trigger, '~/stop', self._on_stop)
        self._inputs = MotionInputs(self, self._motion)
        self.create_subscription(PoseStamped, 'gaze_goal', self._on_gaze_goal, RELIABLE)
        self.create_subscription(PoseStamped, 'heading_goal', self._on_heading_goal, RELIABLE)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(PERIOD_S, self._on_control)
        self.create_timer(PERIOD_S, self._on_watch, clock=steady)
        self.create_timer(_LOOK_ROUND_S, self._on_look_round, clock=steady)
        self._health = Health(self, self._describe)

    def on_exit(self) -> None:
        """Leave with a stop as the last command."""
        self._outputs.send(self._motion.farewell())

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _on_control(self) -> None:
        self._outputs.send(self._motion.step(self._now_ns()))

    def _on_watch(self) -> None:
        if self._motion.watch(time.monotonic(), self._now_ns()):
            self._on_control()

    def _on_look_round(self) -> None:
        self._motion.hear_publishers(publishers_of(self, GOAL_TOPICS))

    def _on_gaze_goal(self, goal: PoseStamped) -> None:
        self._take('gaze', goal)

    def _on_heading_goal(self, goal: PoseStamped) -> None:
        self._take('heading', goal)

    def _take(self, kind: GoalKind, goal: PoseStamped) -> None:
        self._motion.hear_goal(self._now_ns(), to_offer(kind, goal))

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._outputs.send(self._motion.enable(self._now_ns(), request.data))
        response.success, response.message = True, 'enabled' if request.data else 'disabled'
        return response

    def _on_stop(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        self._motion.stop()
        self._on_control()
        response.success, response.message = True, 'stopped until ~/enable false then true'
        return response

    def _describe(self) -> Report:
        state, motion = self._motion.state, self._motion
        level = {'fault': ERROR, 'stopped': WARN, 'disabled': WARN}.get(state.state, OK)
        values = {
            **state.to_dict(), 'goals refused': motion.refusals,
            'last refusal': motion.last_refusal}
        text = ': '.join(filter(None, (state.state, state.reason)))
        return WARN if level == OK and motion.last_refusal else level, text, values


def main() -> int:
    """Run the node."""
    return run_node(HumanoidController)
