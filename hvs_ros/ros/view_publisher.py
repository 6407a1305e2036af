# SPDX-License-Identifier: Apache-2.0
"""A view as its four messages, all with the same stamp."""

from __future__ import annotations

from geometry_msgs.msg import PoseStamped
import numpy as np
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from hvs_ros.core.view import View
from hvs_ros.ros.conversions import bgr_image, camera_info, compressed, gaze_pose
from hvs_ros.ros.qos import RELIABLE, SENSOR

FRAME = 'gaze'


class ViewPublisher:
    """Publish views for planners on ``view/*``, and the stream for people beside them."""

    def __init__(self, node: Node) -> None:
        """Create the publishers."""
        self._image = node.create_publisher(CompressedImage, 'view/image/compressed', RELIABLE)
        self._raw = node.create_publisher(Image, 'view/image', RELIABLE)
        self._info = node.create_publisher(CameraInfo, 'view/camera_info', RELIABLE)
        self._gaze = node.create_publisher(PoseStamped, 'view/gaze', RELIABLE)
        self._preview = node.create_publisher(
            CompressedImage, 'view/preview/compressed', SENSOR)
        self.published = 0

    def publish(self, view: View) -> None:
        """Publish one view."""
        stamp = view.stamp_ns
        self._gaze.publish(gaze_pose(view.gaze, stamp))
        self._info.publish(camera_info(view, stamp, FRAME))
        self._image.publish(compressed(view.jpeg, 'jpeg', stamp, FRAME))
        self.published += 1

    @property
    def raw_wanted(self) -> bool:
        """Return whether anyone listens to the raw view."""
        return bool(self._raw.get_subscription_count())

    def publish_raw(self, pixels: np.ndarray, stamp_ns: int) -> None:
        """Publish the (h, w, 3) BGR pixels of the view with that stamp."""
        self._raw.publish(bgr_image(pixels, stamp_ns, FRAME))

    @property
    def preview_wanted(self) -> bool:
        """Return whether anyone watches the preview."""
        return bool(self._preview.get_subscription_count())

    def publish_preview(self, view: View) -> None:
        """Publish one picture of the stream for people."""
        self._preview.publish(compressed(view.jpeg, 'jpeg', view.stamp_ns, FRAME))
