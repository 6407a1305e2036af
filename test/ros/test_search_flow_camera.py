# SPDX-License-Identifier: Apache-2.0
"""The camera that stands in for a 360 degree camera: a file's own bytes, at its own pace."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

from flow_partner import overrides, panorama_jpeg
import pytest
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage, Image

from hvs_ros.core.errors import InputError
from hvs_ros.nodes.panorama_camera import PanoramaCamera
from hvs_ros.ros.conversions import to_ns
from hvs_ros.ros.qos import RELIABLE, SENSOR


@pytest.fixture
def film(context: object, spin: Callable) -> Callable[..., list[Any]]:
    """Return a function that shows a source and gives the list of what comes."""
    def show(source: Path, raw: bool = False, qos: Any = RELIABLE, **parameters: Any) -> list[Any]:
        seen: list[Any] = []
        watcher = Node('watcher', context=context)
        topic = 'equirectangular/image' + ('' if raw else '/compressed')
        watcher.create_subscription(Image if raw else CompressedImage, topic, seen.append, qos)
        spin(watcher)
        spin(PanoramaCamera(context=context, parameter_overrides=overrides(
            source=str(source), **{'rate': 20.0, **parameters})))
        return seen
    return show


def test_a_file_is_shown_again_and_again_with_its_own_bytes(
        film: Callable, wait_until: Callable, tmp_path: Path) -> None:
    (tmp_path / 'a.png').write_bytes(panorama_jpeg())
    seen = film(tmp_path / 'a.png')
    wait_until(lambda: len(seen) >= 3)
    assert {bytes(message.data) for message in seen} == {panorama_jpeg()}
    assert seen[0].format == 'png'
    stamps = [to_ns(message.header.stamp) for message in seen]
    assert stamps == sorted(set(stamps))


@pytest.mark.parametrize('loop', [True, False])
def test_a_folder_is_shown_in_order_of_names(
        film: Callable, wait_until: Callable, tmp_path: Path, loop: bool) -> None:
    pictures = [panorama_jpeg(seed) for seed in range(3)]
    for name, picture in zip(('c.png', 'a.png', 'b.png'), pictures, strict=True):
        (tmp_path / name).write_bytes(picture)
    seen = film(tmp_path, loop=loop)
    wait_until(lambda: len(seen) >= 8)
    order = [pictures.index(bytes(message.data)) for message in seen]
    steps = {(before, after) for before, after in pairwise(order) if before != after}
    assert steps <= {(1, 2), (2, 0), (0, 1)}
    assert ((0, 1) in steps) is loop, 'after the last one'
    assert loop or order[-1] == 0


def test_a_newcomer_need_not_wait_for_the_next_frame(
        film: Callable, wait_until: Callable, tmp_path: Path) -> None:
    (tmp_path / 'a.png').write_bytes(panorama_jpeg())
    seen = film(tmp_path / 'a.png', rate=0.01)
    wait_until(lambda: seen)


def test_pixels_are_sent_while_someone_wants_them(
        film: Callable, wait_until: Callable, tmp_path: Path) -> None:
    (tmp_path / 'a.png').write_bytes(panorama_jpeg())
    seen = film(tmp_path / 'a.png', raw=True, qos=SENSOR)
    wait_until(lambda: seen)
    assert (seen[0].width, seen[0].height, seen[0].encoding) == (512, 256, 'bgr8')
    assert set(seen[0].data) == {40}


@pytest.mark.parametrize('name', ['', 'missing.png', 'empty', 'broken.png'])
def test_a_source_without_a_picture_is_refused_by_name(
        context: object, tmp_path: Path, name: str) -> None:
    (tmp_path / 'empty').mkdir()
    (tmp_path / 'broken.png').write_bytes(panorama_jpeg()[:100])
    source = str(tmp_path / name) if name else ''
    with pytest.raises(InputError, match=name or 'no image there'):
        PanoramaCamera(context=context, parameter_overrides=overrides(source=source))
