# SPDX-License-Identifier: Apache-2.0
"""Whether messages arrive at all on this machine."""

from __future__ import annotations

import time

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rclpy.utilities import get_rmw_implementation_identifier
from std_msgs.msg import String

from hvs_ros.ros.qos import EVENTS


def round_trip_ms(timeout: float = 5.0) -> tuple[str, float | None]:
    """Return (middleware, milliseconds from publishing to callback), None when none arrived."""
    context = Context()
    heard: list[String] = []
    rclpy.init(args=[], context=context, signal_handler_options=SignalHandlerOptions.NO)
    node = Node('hvs_doctor', context=context, use_global_arguments=False)
    publisher = node.create_publisher(String, '~/loopback', EVENTS)
    node.create_subscription(String, '~/loopback', heard.append, EVENTS)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(node)
    try:
        deadline = time.monotonic() + timeout
        while not publisher.get_subscription_count() and time.monotonic() < deadline:
            executor.spin_once(timeout_sec=0.05)
        began = time.perf_counter()
        publisher.publish(String(data='hello'))
        while not heard and time.monotonic() < deadline:
            executor.spin_once(timeout_sec=0.05)
        took_ms = 1e3 * (time.perf_counter() - began)
    finally:
        executor.remove_node(node)
        node.destroy_node()
        executor.shutdown(timeout_sec=0.5)
        context.shutdown()
    return get_rmw_implementation_identifier(), took_ms if heard else None
