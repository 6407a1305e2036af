# SPDX-License-Identifier: Apache-2.0
"""The quality of service of every kind of topic, and the camera's topic, in one place."""

from __future__ import annotations

from rclpy.qos import (
    DurabilityPolicy,
    HistoryPolicy,
    QoSProfile,
    ReliabilityPolicy,
    qos_profile_sensor_data,
)

from hvs_ros.core.camera_models import CameraModel
from hvs_ros.core.fisheye import DualFisheye

LATCHED = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL)
RELIABLE = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=1, reliability=ReliabilityPolicy.RELIABLE)
# every turn of a search matters to whoever records it, however fast the planner is
EVENTS = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=100, reliability=ReliabilityPolicy.RELIABLE)
# what happened, also for who begins to listen a moment late
HISTORY = QoSProfile(
    history=HistoryPolicy.KEEP_LAST, depth=1000, reliability=ReliabilityPolicy.RELIABLE,
    durability=DurabilityPolicy.TRANSIENT_LOCAL)
SENSOR = qos_profile_sensor_data


def camera(reliability: str) -> QoSProfile:
    """Return the profile of a panorama topic: 'best_effort' for drivers, 'reliable' for replay."""
    return RELIABLE if reliability == 'reliable' else SENSOR


def image_topic(model: CameraModel | None) -> str:
    """Return the topic a camera of that model publishes on; its JPEG is on <topic>/compressed."""
    return 'dual_fisheye/image' if isinstance(model, DualFisheye) else 'equirectangular/image'
