# SPDX-License-Identifier: Apache-2.0
"""The renderer's panoramas: each frame travels once, and only whole ones are looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
from flow_partner import overrides
import numpy as np
import pytest
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from hvs_ros.core.renderer import encode_jpeg
from hvs_ros.ros.conversions import bgr_image, compressed
from hvs_ros.ros.node_parameters import ViewRendererParameters
from hvs_ros.ros.panorama_feed import PanoramaFeed
from hvs_ros.ros.parameters import declare
from hvs_ros.ros.qos import RELIABLE

RAW, COMPRESSED = 'equirectangular/image', 'equirectangular/image/compressed'


def shade(grey: int, size: tuple[int, int] = (64, 128)) -> bytes:
    return encode_jpeg(np.full((*size, 3), grey, np.uint8))


def torn(content: bytes) -> bytes:
    """Return a JPEG whose header and end are fine and whose pixels are not."""
    start = content.index(b'\xff\xda') + 14
    return content[:start] + b'\xff\xfe\x00' * 10 + content[start + 30:]


@pytest.fixture
def feed(context: object, spin: Callable) -> PanoramaFeed:
    node = Node('renderer', context=context, parameter_overrides=overrides(
        still_panorama=True, panorama_reliability='reliable'))
    made = PanoramaFeed(node, declare(node, ViewRendererParameters), None, lambda: None)
    spin(node)
    return made


@pytest.fixture
def driver(context: object, spin: Callable) -> Node:
    node = Node('driver', context=context)
    spin(node)
    return node


def brightness(feed: PanoramaFeed) -> float | None:
    panorama = None if feed.newest is None else feed.panorama(feed.newest)
    return None if panorama is None else float(panorama.image.mean())


def test_the_raw_topic_is_left_while_frames_come_compressed(
        feed: PanoramaFeed, driver: Node, wait_until: Callable) -> None:
    raw = driver.create_publisher(Image, RAW, RELIABLE)
    wait_until(lambda: raw.get_subscription_count() == 1)
    raw.publish(bgr_image(np.full((64, 128, 3), 90, np.uint8), 1, 'panorama'))
    wait_until(lambda: brightness(feed) == 90)

    jpegs = driver.create_publisher(CompressedImage, COMPRESSED, RELIABLE)
    wait_until(jpegs.get_subscription_count)
    jpegs.publish(compressed(shade(200), 'jpeg', 2, 'panorama'))
    wait_until(lambda: raw.get_subscription_count() == 0)
    assert brightness(feed) == pytest.approx(200, abs=2)

    driver.destroy_publisher(jpegs)
    wait_until(lambda: raw.get_subscription_count() == 1)
    raw.publish(bgr_image(np.full((64, 128, 3), 30, np.uint8), 3, 'panorama'))
    wait_until(lambda: brightness(feed) == 30)


@pytest.mark.parametrize('middle, shown', [
    (shade(160), 160), (shade(160, (32, 64)), 160), (shade(160, (128, 256)), 160),
    (cv2.imencode('.png', np.full((64, 128, 3), 160, np.uint8))[1].tobytes(), 160),
    (torn(shade(160)), None), (shade(160)[:-40], None)],
    ids=['same size', 'smaller', 'larger', 'png', 'torn', 'cut'])
def test_a_frame_decoded_into_the_last_ones_memory_is_itself(
        feed: PanoramaFeed, driver: Node, wait_until: Callable, middle: bytes,
        shown: int | None) -> None:
    jpegs = driver.create_publisher(CompressedImage, COMPRESSED, RELIABLE)
    wait_until(jpegs.get_subscription_count)
    seen: list[Any] = []
    for count, content in enumerate((shade(40), middle, shade(40), shade(220)), start=1):
        jpegs.publish(compressed(content, 'jpeg', count, 'panorama'))
        wait_until(lambda: feed.received == count)  # noqa: B023 - waited for in this turn
        seen.append(brightness(feed))
    assert seen[1] == (None if shown is None else pytest.approx(shown, abs=2))
    assert [seen[0], *seen[2:]] == pytest.approx([40, 40, 220], abs=2)


def test_a_still_picture_that_repeats_itself_is_decoded_once(
        feed: PanoramaFeed, driver: Node, wait_until: Callable) -> None:
    jpegs = driver.create_publisher(CompressedImage, COMPRESSED, RELIABLE)
    wait_until(jpegs.get_subscription_count)
    for count in range(1, 4):
        jpegs.publish(compressed(shade(70), 'jpeg', count, 'panorama'))
        wait_until(lambda: feed.received == count)  # noqa: B023 - waited for in this turn
        assert brightness(feed) == pytest.approx(70, abs=2)
    assert feed.decoded == 1
