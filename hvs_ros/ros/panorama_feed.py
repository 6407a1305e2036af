# SPDX-License-Identifier: Apache-2.0
"""The newest panorama, kept as it came and decoded only when a view is due."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rclpy.node import Node
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CompressedImage, Image

from hvs_ros.core.panorama import Panorama, PanoramaError, load_panorama
from hvs_ros.ros.conversions import image_to_bgr, to_ns
from hvs_ros.ros.node_parameters import ViewRendererParameters
from hvs_ros.ros.qos import camera

SECOND_NS = 1_000_000_000


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
    """

    def __init__(
            self, node: Node, parameters: ViewRendererParameters,
            on_frame: Callable[[], None]) -> None:
        """Subscribe to the compressed and the raw topic."""
        self._node, self._parameters, self._on_frame = node, parameters, on_frame
        self.newest: Frame | None = None
        self.received = self.dropped = self.corrupt = self.decoded = 0
        self.last_error = ''
        self._decoded: tuple[bytes, Panorama] | None = None
        qos = camera(parameters.panorama_reliability)
        overridable = QoSOverridingOptions.with_default_policies()
        node.create_subscription(
            CompressedImage, 'equirectangular/image/compressed', self._on_panorama, qos,
            qos_overriding_options=overridable)
        node.create_subscription(
            Image, 'equirectangular/image', self._on_panorama, qos,
            qos_overriding_options=overridable)

    def panorama(self, frame: Frame) -> Panorama | None:
        """Return the decoded frame, or None (counted, named in diagnostics) when it is broken."""
        try:
            if isinstance(frame.message, Image):
                return Panorama(image_to_bgr(frame.message), 'equirectangular/image', '')
            if frame.panorama is None:
                frame.panorama = self._decode(bytes(frame.message.data))
            return frame.panorama
        except (PanoramaError, ValueError) as error:
            self.corrupt += 1
            self.last_error = str(error)
            if frame is self.newest:
                self.newest = None
            return None

    def _decode(self, content: bytes) -> Panorama:
        # a still source repeats itself; comparing costs a hundredth of decoding
        if self._decoded is None or self._decoded[0] != content:
            self.decoded += 1
            name = 'equirectangular/image/compressed'
            self._decoded = (content, load_panorama(content, name))
        return self._decoded[1]

    def _on_panorama(self, message: CompressedImage | Image) -> None:
        self.received += 1
        delay_ns = int(self._parameters.capture_delay * SECOND_NS)
        frame = Frame(message, to_ns(message.header.stamp) - delay_ns)
        if not self._parameters.still_panorama and not self._timely(frame):
            self.dropped += 1
            return
        self.newest = frame
        self._on_frame()

    def _timely(self, frame: Frame) -> bool:
        age_ns = self._node.get_clock().now().nanoseconds - frame.captured_ns
        return -0.1 * SECOND_NS <= age_ns <= self._parameters.max_age * SECOND_NS
