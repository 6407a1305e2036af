# SPDX-License-Identifier: Apache-2.0
"""Diagnostics: what every node says of itself, once a second (REP-107)."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node

OK, WARN, ERROR = b'\x00', b'\x01', b'\x02'
Report = tuple[bytes, str, Mapping[str, object]]


class Health:
    """
    Publish ``/diagnostics`` for one node from a function that describes it.

    ``describe`` returns (level, message, values). The timer runs on the steady clock so that a
    ``/clock`` that stands still is reported rather than silent.
    """

    def __init__(self, node: Node, describe: Callable[[], Report], period_s: float = 1.0) -> None:
        """Start publishing."""
        self._node = node
        self._describe = describe
        self._publisher = node.create_publisher(DiagnosticArray, '/diagnostics', 10)
        node.create_timer(period_s, self.publish, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def publish(self) -> None:
        """Publish now, out of turn."""
        level, message, values = self._describe()
        status = DiagnosticStatus(
            level=level, message=message, name=self._node.get_fully_qualified_name().lstrip('/'),
            hardware_id='hvs_ros',
            values=[KeyValue(key=key, value=str(value)) for key, value in values.items()])
        array = DiagnosticArray(status=[status])
        array.header.stamp = self._node.get_clock().now().to_msg()
        self._publisher.publish(array)
