# SPDX-License-Identifier: Apache-2.0
"""
`hvs convert`: a dual fisheye frame or a cubemap as an equirectangular panorama.

    hvs convert frame.jpg panorama.jpg --camera config/cameras/dual_fisheye.yaml
    hvs convert cross.png panorama.png --cubemap --size 4096x2048
"""

from __future__ import annotations

import argparse
from pathlib import Path
import re
from typing import TYPE_CHECKING, Any

from hvs_ros.core.errors import InputError

if TYPE_CHECKING:
    import numpy as np

    from hvs_ros.core.camera_models import CameraModel
    from hvs_ros.core.panorama import Panorama

_FORMATS = ('.jpg', '.jpeg', '.png', '.webp')
_JPEG_QUALITY = 95


def add_parser(subparsers: Any) -> None:
    """Add `hvs convert`."""
    parser = subparsers.add_parser(
        'convert', help="write any camera's frame as an equirectangular panorama",
        description='Write the frame of a calibrated camera, or a cubemap, as an '
        'equirectangular panorama. Searches do not need it: they read such frames directly.')
    parser.add_argument(
        'source', metavar='SOURCE', type=Path,
        help='image; with --cubemap a cross, a strip, or a folder with the six faces front, '
        'right, back, left, up and down')
    parser.add_argument(
        'out', metavar='OUT', type=Path, help='image to write, by its ending: JPEG, PNG or WebP')
    camera = parser.add_mutually_exclusive_group()
    camera.add_argument(
        '--camera', metavar='CALIBRATION', type=Path,
        help='calibration of the camera (default: SOURCE is a whole panorama)')
    camera.add_argument('--cubemap', action='store_true', help='SOURCE is a cubemap')
    parser.add_argument(
        '--size', metavar='WxH', help='size of the panorama (default: what SOURCE resolves)')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the panorama and name it."""
    from hvs_ros.core.conversion import natural_size, to_equirectangular

    size = _size(args.size) if args.size else None
    if args.out.suffix.lower() not in _FORMATS:
        raise InputError(f'{args.out}: OUT must end in one of {", ".join(_FORMATS)}')
    if args.out.exists():
        raise InputError(f'{args.out} exists already and is not overwritten')
    source, model = _source(args)
    width, height = size or natural_size(model)
    _write(args.out, to_equirectangular(source, model, width, height))
    print(f'{args.out}: {width} x {height} pixels')
    return 0


def _source(args: argparse.Namespace) -> tuple[Panorama, CameraModel]:
    """Return the image and the model of its camera, at the image's size."""
    from hvs_ros.core.calibration import load_camera_model, load_cubemap
    from hvs_ros.core.panorama import load_panorama
    from hvs_ros.core.renderer import fitted_model

    if args.cubemap:
        return load_cubemap(args.source)
    model = load_camera_model(args.camera) if args.camera else None
    source = load_panorama(args.source)
    try:
        return source, fitted_model(source, model)
    except InputError as error:
        raise InputError(f'{args.source}: {error} ({args.camera})') from error


def _size(text: str) -> tuple[int, int]:
    """Return (width, height) of a WxH text."""
    from hvs_ros.core.panorama import MAX_PIXELS, MAX_SIDE

    match = re.fullmatch(r'([0-9]{1,5})[xX]([0-9]{1,5})', text)
    width, height = (int(match[1]), int(match[2])) if match else (0, 0)
    if min(width, height) < 2 or max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
        raise InputError(
            f'--size {text!r} must be WxH, such as 4096x2048: 2 to {MAX_SIDE} pixels a side and '
            f'{MAX_PIXELS} in all')
    return width, height


def _write(path: Path, image: np.ndarray) -> None:
    """Write the image, whole or not at all, over nothing."""
    import cv2

    ending = path.suffix.lower()
    # OpenCV warns of parameters that are another format's
    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY] if ending in ('.jpg', '.jpeg') else []
    try:
        written, content = cv2.imencode(ending, image, quality)
    except cv2.error:
        written = False
    if not written:
        raise InputError(
            f'{path}: {image.shape[1]} x {image.shape[0]} pixels do not fit its format')
    try:
        with path.open('xb') as out:
            try:
                out.write(content.tobytes())
                out.flush()
            except OSError:
                path.unlink()
                raise
    except OSError as error:
        raise InputError(f'{path} cannot be written: {error.strerror}') from error
