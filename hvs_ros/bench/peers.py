# SPDX-License-Identifier: Apache-2.0
"""Other libraries that render a perspective view of a panorama, each called as it likes best."""

from __future__ import annotations

from collections.abc import Callable
import math
from typing import Any

import numpy as np

from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.renderer import ViewSpec

Project = Callable[[BenchmarkAngles], Any]
"""Renders one view; (h, w, 3) BGR in whatever the library answers with, see ``as_image``."""


def prepared(name: str, image: np.ndarray, view: ViewSpec) -> Project:
    """
    Return what renders views of the (H, W, 3) uint8 BGR ``image`` with the library ``name``.

    What a library needs once a panorama (axes, tensors, float32) is done here, outside the
    time that counts; so is turning its answer into pixels, which ``as_image`` does.
    """
    return _PEERS[name](image, view)


def as_image(answer: Any) -> np.ndarray:
    """Return a library's answer as (h, w, 3) uint8."""
    pixels = np.asarray(answer)
    if pixels.shape[-1] != 3:
        pixels = pixels.transpose(1, 2, 0)
    return np.clip(np.rint(pixels), 0, 255).astype(np.uint8)


def _py360convert(image: np.ndarray, view: ViewSpec) -> Project:
    import py360convert
    fov = (math.degrees(view.horizontal_fov), math.degrees(_vertical_fov(view)))
    return lambda gaze: py360convert.e2p(
        image, fov, gaze.yaw, gaze.pitch, (view.height, view.width))


def _equilib(image: np.ndarray, view: ViewSpec) -> Project:
    import equilib
    channels = np.ascontiguousarray(image.transpose(2, 0, 1))
    fov = math.degrees(view.horizontal_fov)
    return lambda gaze: equilib.equi2pers(
        channels, {'roll': 0.0, 'pitch': -math.radians(gaze.pitch),
                   'yaw': -math.radians(gaze.yaw)},
        view.height, view.width, fov, mode='bilinear')


def _pytorch360convert(image: np.ndarray, view: ViewSpec) -> Project:
    import pytorch360convert
    import torch
    torch.set_num_threads(1)
    channels = torch.from_numpy(image.transpose(2, 0, 1).astype(np.float32))
    fov = (math.degrees(view.horizontal_fov), math.degrees(_vertical_fov(view)))
    return lambda gaze: pytorch360convert.e2p(
        channels, fov, gaze.yaw, gaze.pitch, (view.height, view.width))


def _vertical_fov(view: ViewSpec) -> float:
    return 2.0 * math.atan(math.tan(view.horizontal_fov / 2.0) * view.height / view.width)


_PEERS: dict[str, Callable[[np.ndarray, ViewSpec], Project]] = {
    'py360convert': _py360convert, 'equilib': _equilib, 'pytorch360convert': _pytorch360convert}
