# SPDX-License-Identifier: Apache-2.0
"""ROS 2 node that publishes panoramas from image files as a 360 degree camera would."""

from __future__ import annotations

from typing import Any

from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from hvs_ros.core.calibration import load_camera_model
from hvs_ros.ros.conversions import bgr_image, compressed
from hvs_ros.ros.health import OK, Health, Report
from hvs_ros.ros.image_source import ImageSource
from hvs_ros.ros.node import run_node
from hvs_ros.ros.node_parameters import PanoramaCameraParameters
from hvs_ros.ros.parameters import declare
from hvs_ros.ros.qos import camera, image_topic


class PanoramaCamera(Node):
    """Publish a file's own bytes at a rate, stamped with the moment of publishing."""

    def __init__(self, **options: Any) -> None:
        """Declare parameters, then publishers, then everything that can call back."""
        super().__init__('panorama_camera', **options)
        self._p = declare(self, PanoramaCameraParameters)
        self._source = ImageSource(self._p.source, self._p.loop)
        topic = image_topic(
            load_camera_model(self._p.camera_model) if self._p.camera_model else None)
        qos = camera(self._p.reliability)
        self._compressed = self.create_publisher(CompressedImage, f'{topic}/compressed', qos)
        self._raw = self.create_publisher(Image, topic, qos)
        self._watchers = 0
        self.create_timer(1.0 / self._p.rate, self._on_frame)
        self.create_timer(0.2, self._on_look_for_newcomers)
        self._health = Health(self, self._describe)
        self._on_frame()

    def _on_frame(self) -> None:
        self._source.advance()
        self._publish()

    def _on_look_for_newcomers(self) -> None:
        joined = self._compressed.get_subscription_count()
        if joined > self._watchers:
            self._publish()
        self._watchers = joined

    def _publish(self) -> None:
        now_ns = self.get_clock().now().nanoseconds
        content, kind = self._source.content, self._source.kind
        self._compressed.publish(compressed(content, kind, now_ns, self._p.frame_id))
        if self._raw.get_subscription_count():
            self._raw.publish(bgr_image(self._source.pixels(), now_ns, self._p.frame_id))

    def _describe(self) -> Report:
        return OK, 'publishing', {'file': self._source.name, 'files': self._source.count}


def main() -> int:
    """Run the node."""
    return run_node(PanoramaCamera)
