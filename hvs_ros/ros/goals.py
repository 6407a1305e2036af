# SPDX-License-Identifier: Apache-2.0
"""Goals that stand: republished unchanged at 10 Hz until withdrawn."""

from __future__ import annotations

from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from std_msgs.msg import String

from hvs_ros.core.gaze import Gaze
from hvs_ros.core.standing_goal import StandingGoal
from hvs_ros.ros.conversions import from_json, gaze_pose, to_ns
from hvs_ros.ros.qos import LATCHED, RELIABLE

PERIOD_S = 0.1


class StandingGoals:
    """
    Publish ``gaze_goal`` and ``heading_goal`` while they stand; never both.

    A goal that is withdrawn or paused is simply not republished: the controller stops when it
    grows stale.
    """

    def __init__(self, node: Node, heading_timeout: float) -> None:
        """Create publishers, the timer, and listen to the controller for what was reached."""
        self._node, self._heading_timeout = node, heading_timeout
        self._gaze = node.create_publisher(PoseStamped, 'gaze_goal', RELIABLE)
        self._heading = node.create_publisher(PoseStamped, 'heading_goal', RELIABLE)
        self._gaze_goal: PoseStamped | None = None
        self._heading_goal: PoseStamped | None = None
        self._paused = ''
        node.create_subscription(
            String, 'humanoid_controller/state', self._on_controller_state, LATCHED)
        node.create_timer(PERIOD_S, self._on_timer)

    def look(self, goal: StandingGoal) -> None:
        """Let a gaze goal stand, whose stamp is its identity."""
        self.pause('')
        self._heading_goal, self._gaze_goal = None, gaze_pose(goal.gaze, goal.stamp_ns)
        self.republish()

    def face(self, heading: Gaze, x: float, y: float, stamp_ns: int) -> None:
        """Let a heading goal stand: stand at (x, y) metres in odom, facing ``heading``."""
        self.pause('')
        self._gaze_goal, self._heading_goal = None, gaze_pose(heading, stamp_ns, x, y)
        self.republish()

    def withdraw(self) -> None:
        """Stop republishing."""
        self._paused = ''
        self._gaze_goal = self._heading_goal = None

    def pause(self, reason: str) -> bool:
        """Republish nothing while there is a reason; return whether it has come or gone."""
        changed = bool(reason) != bool(self._paused)
        if changed:
            log = self._node.get_logger()
            log.warning(f'standing still: {reason}') if reason else log.info('going on')
        self._paused = reason
        return changed

    def republish(self) -> None:
        """Publish what stands, unchanged, unless paused."""
        if self._paused:
            return
        if self._gaze_goal is not None:
            self._gaze.publish(self._gaze_goal)
        if self._heading_goal is not None:
            self._heading.publish(self._heading_goal)

    def _on_timer(self) -> None:
        goal = self._heading_goal
        if goal is not None:
            age_ns = self._node.get_clock().now().nanoseconds - to_ns(goal.header.stamp)
            if age_ns > self._heading_timeout * 1e9:  # nobody is going to execute it
                self._heading_goal = None
        self.republish()

    def _on_controller_state(self, state: String) -> None:
        told, goal = from_json(state) or {}, self._heading_goal
        if goal is not None and told.get('reached') and (
                told.get('goal_stamp') == to_ns(goal.header.stamp)):
            self._heading_goal = None
