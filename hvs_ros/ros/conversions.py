# SPDX-License-Identifier: Apache-2.0
"""Messages to the core's own types and back, as pure functions."""

from __future__ import annotations

from array import array
import json
import math
from typing import Any

from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped, PoseWithCovarianceStamped, Quaternion
from nav_msgs.msg import Odometry
import numpy as np
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import String

from hvs_ros.core.gaze import Gaze, gaze_from_quaternion
from hvs_ros.core.view import View

ODOM = 'odom'


def to_ns(stamp: Time) -> int:
    """Return the stamp in nanoseconds."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def to_stamp(stamp_ns: int) -> Time:
    """Return nanoseconds as a message stamp."""
    return Time(sec=stamp_ns // 1_000_000_000, nanosec=stamp_ns % 1_000_000_000)


def to_quaternion(gaze: Gaze) -> Quaternion:
    """Return the gaze's roll-free orientation."""
    x, y, z, w = gaze.quaternion()
    return Quaternion(x=x, y=y, z=z, w=w)


def parts(quaternion: Quaternion) -> tuple[float, float, float, float]:
    """Return (x, y, z, w)."""
    return (quaternion.x, quaternion.y, quaternion.z, quaternion.w)


def to_gaze(quaternion: Quaternion) -> Gaze:
    """Return the gaze of an orientation; raise ``ValueError`` when it has none."""
    return gaze_from_quaternion(parts(quaternion))[0]


def gaze_pose(
        gaze: Gaze, stamp_ns: int, x: float = 0.0, y: float = 0.0, frame: str = ODOM
) -> PoseStamped:
    """Return the gaze as a pose in ``frame``, standing at (x, y) metres."""
    pose = PoseStamped()
    pose.header.frame_id = frame
    pose.header.stamp = to_stamp(stamp_ns)
    pose.pose.position.x, pose.pose.position.y = float(x), float(y)
    pose.pose.orientation = to_quaternion(gaze)
    return pose


def initial_pose(yaw: float, stamp_ns: int) -> PoseWithCovarianceStamped:
    """Return 'the body stands at the origin facing yaw (radians)'."""
    pose = PoseWithCovarianceStamped()
    pose.header.frame_id = ODOM
    pose.header.stamp = to_stamp(stamp_ns)
    pose.pose.pose.orientation = to_quaternion(Gaze(yaw, 0.0))
    return pose


def body_pose(odometry: Odometry) -> tuple[float, float, float]:
    """Return (x, y, yaw) of the body in metres and radians."""
    pose = odometry.pose.pose
    return (pose.position.x, pose.position.y, to_gaze(pose.orientation).yaw)


def compressed(image: bytes, kind: str, stamp_ns: int, frame: str) -> CompressedImage:
    """Return encoded image bytes as a message, unchanged."""
    message = CompressedImage(format=kind)
    message.header.frame_id = frame
    message.header.stamp = to_stamp(stamp_ns)
    # older message classes look at every byte of anything else
    message.data = array('B', image)
    return message


def camera_info(view: View, stamp_ns: int, frame: str) -> CameraInfo:
    """Return the pinhole model of a view: f = w / (2 tan(fov / 2)), no distortion."""
    focal = view.width / (2.0 * math.tan(view.horizontal_fov / 2.0))
    cx, cy = view.width / 2.0, view.height / 2.0
    info = CameraInfo(width=view.width, height=view.height, distortion_model='plumb_bob')
    info.header.frame_id = frame
    info.header.stamp = to_stamp(stamp_ns)
    info.d = [0.0] * 5
    info.k = [focal, 0.0, cx, 0.0, focal, cy, 0.0, 0.0, 1.0]
    info.r = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]
    info.p = [focal, 0.0, cx, 0.0, 0.0, focal, cy, 0.0, 0.0, 0.0, 1.0, 0.0]
    return info


def to_json(payload: dict[str, Any]) -> String:
    """Return the payload as a JSON string message."""
    return String(data=json.dumps(payload, ensure_ascii=False))


def from_json(message: String) -> dict[str, Any] | None:
    """Return the payload of a JSON string message, or None when it is none."""
    try:
        payload = json.loads(message.data)
    except ValueError:
        return None
    return payload if isinstance(payload, dict) else None


_CHANNELS = {'bgr8': 3, 'rgb8': 3, 'bgra8': 4, 'rgba8': 4, 'mono8': 1, '8UC1': 1, '8UC3': 3}


def image_to_bgr(message: Image) -> np.ndarray:
    """Return a raw image as (H, W, 3) uint8 BGR; raise ``ValueError`` naming what is wrong."""
    channels = _CHANNELS.get(message.encoding)
    if channels is None:
        raise ValueError(
            f'image encoding {message.encoding!r} is not one of {", ".join(_CHANNELS)}')
    row = message.width * channels
    if message.step < row or len(message.data) < message.height * message.step or not row:
        raise ValueError(
            f'image of {message.width} x {message.height} {message.encoding} has '
            f'{len(message.data)} bytes in steps of {message.step}')
    flat = np.frombuffer(message.data, np.uint8)[:message.height * message.step]
    pixels = flat.reshape(message.height, message.step)[:, :row]
    pixels = pixels.reshape(message.height, message.width, channels)
    if channels == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    elif message.encoding.startswith('rgb'):
        pixels = pixels[:, :, 2::-1]
    return np.ascontiguousarray(pixels[:, :, :3])


def bgr_image(pixels: np.ndarray, stamp_ns: int, frame: str) -> Image:
    """Return (H, W, 3) uint8 BGR as a raw image."""
    height, width = pixels.shape[:2]
    message = Image(height=height, width=width, encoding='bgr8', step=width * 3)
    message.header.frame_id = frame
    message.header.stamp = to_stamp(stamp_ns)
    # an array('B') is taken as it is; assigning an ndarray costs a hundred times as much
    message.data = array('B', pixels.tobytes())
    return message
