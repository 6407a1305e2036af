# SPDX-License-Identifier: Apache-2.0
"""The newest panorama, kept as it came and decoded only when a view is due."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage, Image

from hvs_ros.core.camera_models import CameraModel
from hvs_ros.core.errors import InputError
from hvs_ros.core.panorama import Panorama, decode
from hvs_ros.core.renderer import fitted_model
from hvs_ros.ros.conversions import image_to_bgr, to_ns
from hvs_ros.ros.node_parameters import ViewRendererParameters
from hvs_ros.ros.qos import camera, image_topic

SECOND_NS = 1_000_000_000
_LOOK_S = 1.0


@dataclass
class Frame:
    """Hold one panorama message and when it was captured."""

    message: CompressedImage | Image
    captured_ns: int
    panorama: Panorama | None = None


class PanoramaFeed:
    """
    Keep the newest panorama; older ones are dropped undecoded and counted.

    ``on_frame`` is called for each frame that is neither too old nor from the future. A still
    source is exempt from both: its picture counts as captured at every moment.

    Where frames come compressed, the raw topic is left: listening to it would make a camera
    decode and send each frame a second time, twenty times as large.
    """

    def __init__(
            self, node: Node, parameters: ViewRendererParameters, model: CameraModel | None,
            on_frame: Callable[[], None]) -> None:
        """Subscribe to the compressed and the raw topic of the camera."""
        self._node, self._parameters, self._on_frame = node, parameters, on_frame
        self._model, self._topic = model, image_topic(model)
        self.newest: Frame | None = None
        self.received = self.dropped = self.passed_over = self.corrupt = self.decoded = 0
        self.last_error = ''
        self._decoded: tuple[bytes, Panorama] | None = None
        self._pixels: np.ndarray | None = None
        self._listen(CompressedImage, f'{self._topic}/compressed')
        self._raw: Subscription | None = self._listen(Image, self._topic)
        node.create_timer(
            _LOOK_S, self._on_look, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def _listen(self, kind: type, topic: str) -> Subscription:
        return self._node.create_subscription(
            kind, topic, self._on_panorama, camera(self._parameters.panorama_reliability),
            qos_overriding_options=QoSOverridingOptions.with_default_policies())

    def _on_look(self) -> None:
        """Listen to the raw topic again once nobody sends compressed frames any more."""
        if self._raw is None and not self._node.count_publishers(f'{self._topic}/compressed'):
            self._raw = self._listen(Image, self._topic)

    def panorama(self, frame: Frame) -> Panorama | None:
        """Return the decoded frame, or None (counted, named in diagnostics) when it is broken."""
        try:
            if frame.panorama is None and isinstance(frame.message, Image):
                frame.panorama = Panorama(image_to_bgr(frame.message), self._topic, '')
            elif frame.panorama is None:
                frame.panorama = self._decode(bytes(frame.message.data))
            fitted_model(frame.panorama, self._model)  # a frame of another camera is no panorama
            return frame.panorama
        except (InputError, ValueError) as error:
            self.corrupt += 1
            self.last_error = str(error)
            if frame is self.newest:
                self.newest = None
            return None

    def _decode(self, content: bytes) -> Panorama:
        # a still source repeats itself; comparing costs a hundredth of decoding
        if self._decoded is None or self._decoded[0] != content:
            self.decoded += 1
            # the picture before is out of use; half of a new one must not pass for it
            self._decoded = None
            self._pixels = decode(content, self._topic, self._pixels)
            self._decoded = (content, Panorama(self._pixels, self._topic, ''))
        return self._decoded[1]

    def _on_panorama(self, message: CompressedImage | Image) -> None:
        self.received += 1
        if self._raw is not None and isinstance(message, CompressedImage):
            self._node.destroy_subscription(self._raw)
            self._raw = None
        delay_ns = int(self._parameters.capture_delay * SECOND_NS)
        frame = Frame(message, to_ns(message.header.stamp) - delay_ns)
        if not self._parameters.still_panorama and not self._timely(frame):
            self.dropped += 1
            return
        if self.newest is not None and self.newest.panorama is None:
            self.passed_over += 1  # a newer one came before any view asked for its pixels
        self.newest = frame
        self._on_frame()

    def _timely(self, frame: Frame) -> bool:
        age_ns = self._node.get_clock().now().nanoseconds - frame.captured_ns
        return -0.1 * SECOND_NS <= age_ns <= self._parameters.max_age * SECOND_NS
