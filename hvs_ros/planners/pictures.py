# SPDX-License-Identifier: Apache-2.0
"""The picture a model is shown of a view: its bytes as they are, or resized and coded anew."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import simplejpeg

from hvs_ros.core.renderer import encode_jpeg
from hvs_ros.core.view import View
from hvs_ros.planners.asking import Asking

DEFAULT_QUALITY = 85
PNG_MAGIC = b'\x89PNG'


@dataclass(frozen=True)
class Picture:
    """Hold the bytes a model is shown and what they are, in words for records."""

    content: bytes
    words: str


def media_type(content: bytes) -> str:
    """Return the media type of an image's bytes, JPEG or PNG."""
    return 'image/png' if content.startswith(PNG_MAGIC) else 'image/jpeg'


def picture_of(view: View, asking: Asking) -> Picture:
    """
    Return the picture of the view that ``asking`` describes.

    The view's own bytes where neither size, format nor quality is asked for. A side that is left
    open follows from the other one.
    """
    width, height = picture_size(view.width, view.height, asking)
    if (width, height) == (view.width, view.height) and asking.image_format != 'png' and (
            not asking.image_quality):
        return Picture(view.jpeg, f'{width}x{height} JPEG as rendered')
    pixels = simplejpeg.decode_jpeg(view.jpeg, 'BGR')
    if (width, height) != (view.width, view.height):
        shrinks = width <= view.width and height <= view.height
        pixels = cv2.resize(
            pixels, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    if asking.image_format == 'png':
        return Picture(cv2.imencode('.png', pixels)[1].tobytes(), f'{width}x{height} PNG')
    quality = asking.image_quality or DEFAULT_QUALITY
    return Picture(encode_jpeg(pixels, quality), f'{width}x{height} JPEG quality {quality}')


def picture_size(view_width: int, view_height: int, asking: Asking) -> tuple[int, int]:
    """Return (width, height) of the picture that a model is shown of a view, in pixels."""
    width, height = asking.image_width, asking.image_height
    if width and not height:
        height = max(1, round(view_height * width / view_width))
    elif height and not width:
        width = max(1, round(view_width * height / view_height))
    return width or view_width, height or view_height
