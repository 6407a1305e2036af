# SPDX-License-Identifier: Apache-2.0
"""The time a simulated body lives by: its own, told as /clock, or that of the graph."""

from __future__ import annotations

from collections.abc import Callable

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rosgraph_msgs.msg import Clock as ClockMessage

from hvs_ros.ros.conversions import to_stamp
from hvs_ros.ros.qos import RELIABLE

_LONGEST_STEP_S = 0.1  # a step that comes late must not throw the body across the room


class BodyTime:
    """
    Call ``on_step`` at a rate and say how much time has passed for the body.

    As a clock, time starts at the wall's and advances by one period a step, ``speed_factor``
    times as fast as the steady clock: the source of ``/clock`` cannot wait for ``/clock``.
    Otherwise the body lives by ROS time.
    """

    def __init__(
            self, node: Node, on_step: Callable[[], None], rate: float, as_clock: bool,
            speed_factor: float) -> None:
        """Start stepping."""
        self._node, self._as_clock = node, as_clock
        self._period_ns = round(1e9 / rate)
        if as_clock:
            # absolute, because rclpy's own subscription to it is
            self._clock = node.create_publisher(ClockMessage, '/clock', RELIABLE)
        wall = Clock(clock_type=ClockType.SYSTEM_TIME)
        self.stamp_ns = int((wall if as_clock else node.get_clock()).now().nanoseconds)
        pace = Clock(clock_type=ClockType.STEADY_TIME) if as_clock else node.get_clock()
        speed = speed_factor if as_clock else 1.0
        node.create_timer(1.0 / (rate * speed), on_step, clock=pace)

    def advance(self) -> float:
        """Move ``stamp_ns`` on and return the seconds that passed."""
        before_ns = self.stamp_ns
        if not self._as_clock:
            self.stamp_ns = int(self._node.get_clock().now().nanoseconds)
            return max(0.0, min(_LONGEST_STEP_S, (self.stamp_ns - before_ns) / 1e9))
        self.stamp_ns += self._period_ns
        self._clock.publish(ClockMessage(clock=to_stamp(self.stamp_ns)))
        return self._period_ns / 1e9
