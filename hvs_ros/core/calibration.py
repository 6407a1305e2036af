# SPDX-License-Identifier: Apache-2.0
"""Camera models from files: calibrations, and cubemaps as one image or as six."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import math
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from hvs_ros.core.camera_models import CameraModel, Equirectangular
from hvs_ros.core.cubemap import FACES, LAYOUTS, Cubemap, join_faces, layout_of
from hvs_ros.core.errors import InputError
from hvs_ros.core.fisheye import DualFisheye, FisheyeLens, dual_fisheye
from hvs_ros.core.panorama import MAX_SIDE, Panorama, load_panorama
from hvs_ros.core.plain_yaml import load_plain_yaml

MAX_LENS_FIELD = 230.0
"""Degrees; no fisheye lens sees more."""
_IMAGES = ('.jpg', '.jpeg', '.png', '.webp')


class CalibrationError(InputError):
    """Name the file, the field and the value that describe no camera."""


class _Fields:
    """Read the fields of one mapping of a file; angles leave in radians."""

    def __init__(self, path: Path, content: Any, prefix: str = '') -> None:
        self._path, self._prefix = path, prefix
        self._content = content
        if not isinstance(content, dict):
            what = f"field '{prefix.rstrip('.')}'" if prefix else 'a calibration'
            raise CalibrationError(
                f'{path}: {what} must hold a mapping, not {_shown(content)}')

    def only(self, *known: str) -> None:
        """Refuse fields of other names."""
        for name in self._content:
            if name not in known:
                raise CalibrationError(
                    f"{self._path}: unknown field '{self._prefix}{name}'; known are "
                    f"{', '.join(known)}")

    def wrong(self, name: str, must: str) -> CalibrationError:
        """Return the error for a field that is missing or not what it must be."""
        if name not in self._content:
            return CalibrationError(
                f"{self._path}: field '{self._prefix}{name}' is missing; it must be {must}")
        return CalibrationError(
            f"{self._path}: field '{self._prefix}{name}' must be {must}, not "
            f'{_shown(self._content[name])}')

    def below(self, name: str) -> _Fields:
        """Return the fields of the mapping called ``name``."""
        if name not in self._content:
            raise self.wrong(name, 'a mapping')
        return _Fields(self._path, self._content[name], f'{self._prefix}{name}.')

    def number(self, name: str, low: float, high: float, default: float | None = None) -> float:
        """Return a number above ``low`` and at most ``high``."""
        value = self._content.get(name, default)
        if not _is_number(value) or not low < value <= high:
            raise self.wrong(name, f'a number above {low:g} and at most {high:g}')
        return float(value)

    def angle(self, name: str, limit: float, default: float | None = None) -> float:
        """Return an angle of at most ``limit`` degrees either way, in radians."""
        value = self._content.get(name, default)
        if not _is_number(value) or abs(value) > limit:
            raise self.wrong(name, f'an angle of {-limit:g} to {limit:g} degrees')
        return math.radians(value)

    def whole(self, name: str) -> int:
        """Return a number of pixels."""
        value = self._content.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 2 <= value <= MAX_SIDE:
            raise self.wrong(name, f'a whole number of pixels from 2 to {MAX_SIDE}')
        return value

    def choice(self, name: str, known: Mapping[str, Any]) -> str:
        """Return one of the known words."""
        value = self._content.get(name)
        if not isinstance(value, str) or value not in known:
            raise self.wrong(name, f"one of {', '.join(known)}")
        return value

    def numbers(
            self, name: str, least: int, most: int, default: list[float] | None = None
            ) -> tuple[float, ...]:
        """Return a list of finite numbers."""
        value = self._content.get(name, default)
        if (not isinstance(value, list) or not least <= len(value) <= most
                or not all(_is_number(part) for part in value)):
            count = str(least) if least == most else f'{least} to {most}'
            raise self.wrong(name, f'a list of {count} numbers')
        return tuple(float(part) for part in value)

    def has(self, name: str) -> bool:
        """Return whether the field is there."""
        return name in self._content


def _is_number(value: Any) -> bool:
    return (isinstance(value, (int, float)) and not isinstance(value, bool)
            and abs(value) <= 1e9)  # which NaN is not


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f'{text[:57]}...'


def load_camera_model(path: Path | str) -> CameraModel:
    """
    Return the camera model that a calibration file describes.

    The files in config/cameras explain every field. Raise ``CalibrationError``.
    """
    path = Path(path)
    try:
        content = load_plain_yaml(path.read_bytes())
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
        raise CalibrationError(f'{path}: not a readable calibration ({reason})') from error
    fields = _Fields(path, content)
    return _MODELS[fields.choice('model', _MODELS)](fields)


def _equirectangular(fields: _Fields) -> Equirectangular:
    fields.only('model', 'width', 'height', 'vertical_field_of_view', 'centre_pitch')
    field = fields.number('vertical_field_of_view', 0.0, 180.0, 180.0)
    room = (180.0 - field) / 2.0
    pitch = fields.angle('centre_pitch', room, 0.0)
    return Equirectangular(
        fields.whole('width'), fields.whole('height'), math.radians(field), pitch)


def _cubemap(fields: _Fields) -> Cubemap:
    fields.only('model', 'width', 'height', 'layout')
    layout = fields.choice('layout', LAYOUTS)
    width, height = fields.whole('width'), fields.whole('height')
    shape = LAYOUTS[layout]
    if width * shape.rows != height * shape.columns:
        raise fields.wrong('height', f'{width} x {shape.rows} / {shape.columns}, as a {layout} '
                                     f'of square faces is')
    return Cubemap(width, height, layout)


def _dual_fisheye(fields: _Fields) -> DualFisheye:
    fields.only('model', 'width', 'height', 'blend', 'lenses')
    width, height = fields.whole('width'), fields.whole('height')
    blend = fields.angle('blend', 90.0, 6.0)
    if blend < 0:
        raise fields.wrong('blend', 'an angle of 0 to 90 degrees')
    lenses = fields.below('lenses')
    lenses.only('front', 'back')
    pair = [_lens(lenses.below(name), width, height) for name in ('front', 'back')]
    return dual_fisheye(width, height, pair, blend)


def _lens(fields: _Fields, width: int, height: int) -> FisheyeLens:
    fields.only('centre', 'radius', 'field_of_view', 'distortion', 'mount')
    across, down = fields.numbers('centre', 2, 2)
    if not (-0.5 <= across <= width - 0.5 and -0.5 <= down <= height - 0.5):
        raise fields.wrong('centre', f'a [column, row] within {width} x {height} pixels')
    mount = (0.0, 0.0, 0.0)
    if fields.has('mount'):
        turned = fields.below('mount')
        turned.only('roll', 'pitch', 'yaw')
        mount = (turned.angle('roll', 360.0, 0.0), turned.angle('pitch', 90.0, 0.0),
                 turned.angle('yaw', 360.0, 0.0))
    lens = FisheyeLens(
        (across, down), fields.number('radius', 0.0, 2.0 * MAX_SIDE),
        math.radians(fields.number('field_of_view', 0.0, MAX_LENS_FIELD)),
        fields.numbers('distortion', 0, 8, []), mount)
    if not lens.grows():
        raise fields.wrong('distortion', 'coefficients with which larger angles lie farther out')
    return lens


_MODELS: Mapping[str, Callable[[_Fields], CameraModel]] = MappingProxyType({
    'equirectangular': _equirectangular, 'dual_fisheye': _dual_fisheye, 'cubemap': _cubemap})


def load_cubemap(source: Path | str) -> tuple[Panorama, Cubemap]:
    """
    Return a cubemap's image and model.

    ``source`` is a cross or a strip, told by its shape, or a folder with the six faces as
    front, right, back, left, up and down (.jpg, .jpeg, .png or .webp). Raise ``InputError``.
    """
    source = Path(source)
    if not source.is_dir():
        image = load_panorama(source)
        height, width = image.image.shape[:2]
        layout = layout_of(width, height)
        if layout is None:
            raise CalibrationError(
                f'{source}: a cubemap of {width} x {height} pixels is neither a cross (4:3 or '
                f'3:4) nor a strip (6:1)')
        return image, Cubemap(width, height, layout)
    faces = [load_panorama(_face_file(source, face)).image for face in FACES]
    side = faces[0].shape[0]
    for face, pixels in zip(FACES, faces, strict=True):
        if pixels.shape[:2] != (side, side):
            raise CalibrationError(
                f'{source}: the face {face} has {pixels.shape[1]} x {pixels.shape[0]} pixels, '
                f'not {side} x {side} as a square front face asks for')
    return Panorama(join_faces(faces), str(source), ''), Cubemap(6 * side, side, 'strip')


def _face_file(folder: Path, face: str) -> Path:
    """Return the file of a face."""
    for suffix in _IMAGES:
        if (folder / f'{face}{suffix}').is_file():
            return folder / f'{face}{suffix}'
    raise CalibrationError(
        f'{folder}: the face {face} is missing; six files called {", ".join(FACES)} are needed, '
        f'as {", ".join(_IMAGES)}')
