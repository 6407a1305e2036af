# SPDX-License-Identifier: Apache-2.0
"""Publish numbered frames at a rate, as a camera driver in a process of its own would."""

from __future__ import annotations

from array import array
import sys
import time

import rclpy
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import CompressedImage, Image


def main(kind: str, count: int, rate: float, ended: float) -> None:
    rclpy.init()
    node = rclpy.create_node('large_frame_publisher')
    message: Image | CompressedImage
    if kind == 'raw':
        message = Image(height=1920, width=3840, encoding='bgr8', step=3840 * 3)
        message.data = array('B', bytes(range(256)) * (3840 * 1920 * 3 // 256))
    else:
        message = CompressedImage(format='jpeg')
        message.data = array('B', bytes(range(256)) * 4096)
    publisher = node.create_publisher(type(message), 'frames', qos_profile_sensor_data)
    deadline = time.monotonic() + 10.0
    while not publisher.get_subscription_count() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    begun = time.monotonic()
    for index in range(count):
        message.header.frame_id = str(index)
        publisher.publish(message)
        time.sleep(max(0.0, begun + (index + 1) / rate - time.monotonic()))
    time.sleep(ended)  # the last frames still have to be read out of our segment
    node.destroy_node()
    rclpy.shutdown()


if __name__ == '__main__':
    main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), 2.0)
