# SPDX-License-Identifier: Apache-2.0
"""The rest of the graph for one node under test: it hears everything and says what it is told."""

from __future__ import annotations

from collections.abc import Sequence
import json
import math
import time
from typing import Any

import cv2
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Odometry
import numpy as np
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, JointState
from std_msgs.msg import String
from std_srvs.srv import Trigger

from hvs_ros.core.gaze import Gaze
from hvs_ros.core.messages import ResultLine, TurnLine
from hvs_ros.core.view import View
from hvs_ros.ros.conversions import (
    camera_info,
    compressed,
    gaze_pose,
    to_gaze,
    to_ns,
    to_quaternion,
    to_stamp,
)
from hvs_ros.ros.qos import EVENTS, LATCHED, RELIABLE, SENSOR

SECOND_NS = 1_000_000_000


def overrides(**values: Any) -> list[Parameter]:
    return [Parameter(name, value=value) for name, value in values.items()]


def panorama_jpeg(
        seed: int = 0, spot: Gaze | None = None, size: tuple[int, int] = (512, 256)) -> bytes:
    """Return a grey panorama of the seed's own shade, with a red spot in one direction."""
    width, height = size
    pixels = np.full((height, width, 3), 40 + 30 * (seed % 6), np.uint8)
    if spot is not None:
        x = (0.5 - spot.yaw / (2 * math.pi)) % 1.0 * width
        y = (0.5 + spot.pitch / math.pi) * height
        for wrapped in (x - width, x, x + width):
            cv2.circle(pixels, (round(wrapped), round(y)), 8, (0, 0, 255), -1)
    return cv2.imencode('.png', pixels)[1].tobytes()


class Partner(Node):
    """Keep every goal, view, turn and result heard, with the steady time it came at."""

    def __init__(self, **options: Any) -> None:
        super().__init__('partner', **options)
        self.answers_goals = False
        self.goals: list[tuple[float, PoseStamped]] = []
        self.headings: list[tuple[float, PoseStamped]] = []
        self.turns: list[TurnLine] = []
        self.results: list[ResultLine] = []
        self.heard: list[str] = []
        self.views: dict[str, list[Any]] = {
            'image/compressed': [], 'camera_info': [], 'gaze': [], 'preview/compressed': []}
        self._senders: dict[str, Any] = {}
        self.cancel = self.create_client(Trigger, 'search_planner/cancel')
        self.create_subscription(PoseStamped, 'gaze_goal', self._on_goal, EVENTS)
        self.create_subscription(PoseStamped, 'heading_goal', self._on_heading, EVENTS)
        self.create_subscription(String, 'search_planner/turn', self._on_turn, EVENTS)
        self.create_subscription(String, 'search_planner/result', self._on_result, LATCHED)
        for name, kind in (
                ('image/compressed', CompressedImage), ('camera_info', CameraInfo),
                ('gaze', PoseStamped), ('preview/compressed', CompressedImage)):
            qos = SENSOR if name.startswith('preview') else EVENTS
            self.create_subscription(kind, f'view/{name}', self.views[name].append, qos)

    # -- what was heard -----------------------------------------------------------------------
    @property
    def stamps(self) -> list[int]:
        """Return the identities of the gaze goals in order, each once."""
        return list(dict.fromkeys(to_ns(goal.header.stamp) for _, goal in self.goals))

    @property
    def gazes(self) -> list[Gaze]:
        """Return the gaze of each identity."""
        by_stamp = {to_ns(goal.header.stamp): goal for _, goal in self.goals}
        return [to_gaze(by_stamp[stamp].pose.orientation) for stamp in self.stamps]

    @property
    def whole_views(self) -> list[int]:
        """Return the stamps of the views whose three parts have all come."""
        parts = [[to_ns(part.header.stamp) for part in self.views[name]]
                 for name in ('image/compressed', 'camera_info', 'gaze')]
        return [stamp for stamp in parts[0] if stamp in parts[1] and stamp in parts[2]]

    def centre(self, index: int = -1) -> tuple[int, int, int]:
        """Return the colour (B, G, R) at the centre of a view."""
        data = np.frombuffer(bytes(self.views['image/compressed'][index].data), np.uint8)
        pixels = cv2.imdecode(data, cv2.IMREAD_COLOR)
        blue, green, red = pixels[pixels.shape[0] // 2, pixels.shape[1] // 2]
        return int(blue), int(green), int(red)

    def _on_goal(self, goal: PoseStamped) -> None:
        new = to_ns(goal.header.stamp) not in self.stamps
        self.goals.append((time.monotonic(), goal))
        if new and self.answers_goals:
            self.view(to_ns(goal.header.stamp), to_gaze(goal.pose.orientation))

    def _on_heading(self, goal: PoseStamped) -> None:
        self.headings.append((time.monotonic(), goal))
        self.heard.append('heading_goal')

    def _on_turn(self, message: String) -> None:
        self.turns.append(TurnLine.from_json(message.data))

    def _on_result(self, message: String) -> None:
        self.results.append(ResultLine.from_json(message.data))
        self.heard.append('result')

    # -- what is said -------------------------------------------------------------------------
    def sender(self, kind: type, topic: str, qos: Any = RELIABLE) -> Any:
        """Return a publisher that somebody listens to."""
        if topic not in self._senders:
            self._senders[topic] = self.create_publisher(kind, topic, qos)
        deadline = time.monotonic() + 5
        while not self._senders[topic].get_subscription_count():
            assert time.monotonic() < deadline, f'nobody listens to {topic}'
            time.sleep(0.005)
        return self._senders[topic]

    def find(self, text: str = 'a cup', topic: str = 'find_object', **payload: Any) -> None:
        """Give an instruction: a bare sentence, or JSON when there is more to say."""
        if payload:
            text = json.dumps({'instruction': text, **payload})
        self.sender(String, topic, EVENTS).publish(String(data=text))

    def odom(self, x: float = 0.0, y: float = 0.0, yaw: float = 0.0, stamp_ns: int = 0) -> None:
        message = Odometry()
        message.header.stamp = to_stamp(stamp_ns or self.now())
        message.pose.pose.position.x, message.pose.pose.position.y = x, y
        message.pose.pose.orientation = to_quaternion(Gaze(yaw, 0.0))
        self.sender(Odometry, 'odom', 10).publish(message)

    def joints(
            self, yaw: float = 0.0, pitch: float = 0.0, stamp_ns: int = 0,
            names: Sequence[str] = ('head_yaw', 'head_pitch')) -> None:
        message = JointState(name=list(names), position=[yaw, pitch][:len(names)])
        message.header.stamp = to_stamp(stamp_ns or self.now())
        self.sender(JointState, 'joint_states', 10).publish(message)

    def panorama(self, content: bytes, stamp_ns: int = 0) -> None:
        self.sender(CompressedImage, 'equirectangular/image/compressed').publish(
            compressed(content, 'png', stamp_ns or self.now(), 'panorama'))

    def raw_panorama(self, message: Image) -> None:
        self.sender(Image, 'equirectangular/image').publish(message)

    def goal(self, stamp_ns: int, gaze: Gaze) -> None:
        self.sender(PoseStamped, 'gaze_goal').publish(gaze_pose(gaze, stamp_ns))

    def view(self, stamp_ns: int, gaze: Gaze) -> None:
        view = View(b'jpeg', gaze, 64, 36, math.radians(100), stamp_ns)
        self.sender(PoseStamped, 'view/gaze').publish(gaze_pose(gaze, stamp_ns))
        self.sender(CameraInfo, 'view/camera_info').publish(camera_info(view, stamp_ns, 'gaze'))
        self.sender(CompressedImage, 'view/image/compressed').publish(
            compressed(view.jpeg, 'jpeg', stamp_ns, 'gaze'))

    def now(self) -> int:
        return int(self.get_clock().now().nanoseconds)
