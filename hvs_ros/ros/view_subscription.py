# SPDX-License-Identifier: Apache-2.0
"""Views put together again from the topics that share their stamp."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
import math
from typing import Union

from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage

from hvs_ros.core.view import View
from hvs_ros.ros.conversions import to_gaze, to_ns
from hvs_ros.ros.qos import RELIABLE

Part = Union[CameraInfo, CompressedImage, PoseStamped]
_KEPT = 8


class ViewSubscription:
    """
    Call ``on_view`` with each whole view, whichever order its parts arrive in.

    The field of view comes from ``view/camera_info``, so that no second parameter can disagree
    with the renderer's.
    """

    def __init__(self, node: Node, on_view: Callable[[View], None]) -> None:
        """Subscribe to the three topics."""
        self._on_view = on_view
        self._parts: OrderedDict[int, dict[type, Part]] = OrderedDict()
        for kind, topic in (
                (PoseStamped, 'view/gaze'), (CameraInfo, 'view/camera_info'),
                (CompressedImage, 'view/image/compressed')):
            node.create_subscription(kind, topic, self._on_part, RELIABLE)

    def _on_part(self, part: Part) -> None:
        stamp_ns = to_ns(part.header.stamp)
        parts = self._parts.setdefault(stamp_ns, {})
        parts[type(part)] = part
        if len(parts) == 3:
            del self._parts[stamp_ns]
            view = _view(parts, stamp_ns)
            if view is not None:
                self._on_view(view)
        while len(self._parts) > _KEPT:
            self._parts.popitem(last=False)


def _view(parts: dict[type, Part], stamp_ns: int) -> View | None:
    """Return the view its parts make, None when they make none."""
    image, info, pose = parts[CompressedImage], parts[CameraInfo], parts[PoseStamped]
    if info.k[0] <= 0 or not image.data:
        return None
    try:
        gaze = to_gaze(pose.pose.orientation)
    except ValueError:
        return None
    fov = 2.0 * math.atan(info.width / (2.0 * info.k[0]))
    return View(bytes(image.data), gaze, info.width, info.height, fov, stamp_ns)
