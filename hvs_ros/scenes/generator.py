# SPDX-License-Identifier: Apache-2.0
"""Make scenes from seeds and write them as benchmark episodes."""
from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hvs_ros.core.errors import InputError
from hvs_ros.scenes import indoor, outdoor
from hvs_ros.scenes.annotation import Mask, object_item, path_item, pitch_window, yaw_window
from hvs_ros.scenes.materials import Image
from hvs_ros.scenes.stage import EYE_HEIGHT, Stage, Thing
from hvs_ros.scenes.tracer import Picture, Tracer

LAYOUTS: dict[str, Callable[[Stage], None]] = {
    'room': indoor.room, 'lobby': indoor.lobby, 'street': outdoor.street,
    'corridor': indoor.corridor, 'park': outdoor.park,
}
OBJECT_LAYOUTS = ('room', 'street', 'lobby', 'park', 'room', 'corridor')
PATH_LAYOUTS = ('lobby', 'street', 'corridor')
KINDS = ('object', 'path', 'both')
USES = ('test', 'train')
DECLARATION = 'dataset.json'
JPEG_QUALITY = 90

# Numbers of their own for training; those for testing are as they always were.
_STREAMS: dict[str, tuple[int, ...]] = {'test': (), 'train': (1,)}
_THINGS = 14
_ITEMS = 3
_MIN_WIDTH_DEG = 3.0
_MIN_HEIGHT_DEG = 3.0
# Below this share of the thing left in sight, people would not agree that it is there.
_MIN_SHARE = 0.6


@dataclass(frozen=True)
class Size:
    """Give a panorama's width and height in pixels."""

    width: int
    height: int

    @classmethod
    def parse(cls, text: str) -> Size:
        """Read a size such as 2048x1024."""
        width, cross, height = text.lower().partition('x')
        if not (cross and width.isdecimal() and height.isdecimal()):
            raise InputError(f'size {text!r} is not WIDTHxHEIGHT, such as 2048x1024')
        size = cls(int(width), int(height))
        if not (256 <= size.width <= 16384 and size.width == 2 * size.height):
            raise InputError(f'size {text!r} must be twice as wide as high, 256 to 16384 wide')
        return size


@dataclass(frozen=True)
class Made:
    """Hold one finished scene: its panorama (BGR) and its annotation items."""

    split: str
    name: str
    image: Image
    items: list[dict[str, Any]]


def make_scene(
        layout: str, seed: int, index: int, path: bool, size: Size,
        split_of_use: str = 'test') -> Made:
    """
    Return the scene that these numbers stand for, always the same one.

    ``split_of_use`` is test or train; no scene of one is a scene of the other.

    A scene that offers nothing to ask for is made again from the next number of its own row.
    """
    split = 'hps' if path else 'hos'
    for attempt in range(20):
        rng = np.random.default_rng(
            [seed, index, int(path), attempt, *_STREAMS[split_of_use]])
        stage = Stage(rng)
        LAYOUTS[layout](stage)
        stage.furnish(_THINGS if not path else _THINGS // 2)
        assert stage.lighting is not None
        origin = (stage.eye[0], EYE_HEIGHT, stage.eye[1])
        yaw = float(rng.uniform(-np.pi, np.pi))
        tracer = Tracer(stage.shapes, stage.lighting, origin, yaw, stage.sky)
        picture = tracer.draw(size.width, size.height)
        items = (_path_items if path else _object_items)(stage, picture, tracer)
        if items:
            return Made(split, f'{layout}_{index:04d}', picture.image, items)
    raise InputError(f'no {layout} with seed {seed} offers anything to search at this size')


def _mask(stage: Stage, picture: Picture, owner: int) -> Mask:
    numbers = np.flatnonzero(np.array(stage.owners) == owner)
    low, high = int(numbers.min()), int(numbers.max())
    mask: Mask = (picture.shape >= low) & (picture.shape <= high)
    return mask


def _extent(mask: Mask) -> tuple[float, float]:
    low, high = yaw_window(mask)
    bottom, top = pitch_window(mask)
    return (high - low) % 360, top - bottom


def _object_items(stage: Stage, picture: Picture, tracer: Tracer) -> list[dict[str, Any]]:
    """Ask for things that are in clear sight and have a rival in kind and one in colour."""
    seen = {thing: _mask(stage, picture, thing.owner) for thing in stage.things}
    height, width = picture.shape.shape[:2]
    clear = [thing for thing, mask in seen.items() if mask.any() and _is_clear(
        mask, tracer.area([k for k, o in enumerate(stage.owners) if o == thing.owner],
                          (height, width)))]
    wanted = [thing for thing in clear if _has_rivals(thing, clear)]
    chosen: list[Thing] = []
    for k in stage.rng.permutation(len(wanted)).tolist():
        if all(wanted[k].kind != other.kind for other in chosen):
            chosen.append(wanted[k])
    return [object_item(f'Find the {thing.colour} {thing.kind}', seen[thing])
            for thing in chosen[:_ITEMS]]


def _is_clear(mask: Mask, whole: int) -> bool:
    wide, high = _extent(mask)
    return (wide >= _MIN_WIDTH_DEG and high >= _MIN_HEIGHT_DEG
            and int(mask.sum()) >= _MIN_SHARE * whole)


def _has_rivals(thing: Thing, others: list[Thing]) -> bool:
    same_kind = any(o.kind == thing.kind and o.colour != thing.colour for o in others)
    same_colour = any(o.colour == thing.colour and o.kind != thing.kind for o in others)
    return same_kind and same_colour


def _path_items(stage: Stage, picture: Picture, tracer: Tracer) -> list[dict[str, Any]]:
    items = []
    for k in stage.rng.permutation(len(stage.ways)).tolist():
        way = stage.ways[k]
        mask = _mask(stage, picture, way.owner)
        if mask.any() and _MIN_WIDTH_DEG <= _extent(mask)[0] <= 60:
            items.append(path_item(way.instruction, mask, way.level))
    return items[:2]


def _plan(count: int, kind: str) -> Iterator[tuple[str, int, bool]]:
    for index in range(count):
        path = kind == 'path' or (kind == 'both' and index % 3 == 2)
        row = index // 3 if kind == 'both' and path else (
            index - (index + 1) // 3 if kind == 'both' else index)
        layouts = PATH_LAYOUTS if path else OBJECT_LAYOUTS
        yield layouts[row % len(layouts)], index, path


def _check_empty(out: Path) -> None:
    for split in ('hos', 'hps'):
        if any((out / split).glob('*/annotation.json')):
            raise InputError(f'{out / split} already holds episodes; name an empty folder')


def write_scene(out: Path, made: Made) -> Path:
    """Write the panorama and its annotation below `out` and return the scene's folder."""
    folder = out / made.split / made.name
    ok, jpeg = cv2.imencode('.jpg', made.image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY,
                                                 cv2.IMWRITE_JPEG_OPTIMIZE, 1])
    if not ok:
        raise InputError(f'{folder}: the panorama cannot be encoded as JPEG')
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f'pano_{made.name}.jpg').write_bytes(jpeg.tobytes())
        text = json.dumps(made.items, indent=1) + '\n'
        (folder / 'annotation.json').write_text(text, encoding='utf-8')
    except OSError as error:
        raise InputError(f'cannot write {folder}: {error.strerror}') from error
    return folder


def generate(
        out: Path, count: int, size: Size, seed: int, kind: str,
        use: str = 'test') -> Iterator[Path]:
    """
    Write `count` scenes below `out` and yield each scene's folder as it is finished.

    kind: object, path, or both (one scene in three is a path scene). use: test or train; sets for
    training say so in a ``dataset.json`` beside their scenes. The same arguments write the same
    bytes on the same machine.
    """
    if kind not in KINDS:
        raise InputError(f'kind {kind!r} is not one of {", ".join(KINDS)}')
    if use not in USES:
        raise InputError(f'use {use!r} is not one of {", ".join(USES)}')
    if count < 1:
        raise InputError(f'count {count} must be at least 1')
    if seed < 0:
        raise InputError(f'seed {seed} must not be negative')
    _check_empty(out)
    for layout, index, path in _plan(count, kind):
        folder = write_scene(out, make_scene(layout, seed, index, path, size, use))
        if use == 'train':
            _declare(folder.parent / DECLARATION, use)
        yield folder


def _declare(path: Path, use: str) -> None:
    try:
        path.write_text(json.dumps({'split': use}) + '\n', encoding='utf-8')
    except OSError as error:
        raise InputError(f'cannot write {path}: {error.strerror}') from error
