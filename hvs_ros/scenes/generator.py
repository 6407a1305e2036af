# SPDX-License-Identifier: Apache-2.0
"""Make scenes from seeds and write them as benchmark episodes."""
from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
import json
from pathlib import Path
from typing import Any

import cv2

from hvs_ros.core.errors import InputError
from hvs_ros.scenes.annotation import object_item, path_item
from hvs_ros.scenes.instructions import object_sentence, way_sentence
from hvs_ros.scenes.materials import Image
from hvs_ros.scenes.scene import LAYOUTS, Scene, draw_scene, named
from hvs_ros.scenes.splits import SEEDS_EACH, Allowed, first_seed
from hvs_ros.scenes.stage import Thing
from hvs_ros.scenes.things import style_name

OBJECT_LAYOUTS = ('room', 'street', 'shop', 'lobby', 'park', 'platform', 'corridor')
PATH_LAYOUTS = ('lobby', 'street', 'corridor', 'shop', 'platform')
NAMED_LAYOUTS = ('lobby', 'street', 'corridor', 'platform')
"""Those with ways that have a name or number of their own."""
KINDS = ('object', 'path', 'both')
JPEG_QUALITY = 90
DECLARATION = 'dataset.json'
MOST_SCENES = 10_000
MOST_ITEMS = 4
RIVALS = 2
"""So many other things share the kind of what is asked for, and as many its colour."""
LEAST_THINGS = 12
_ATTEMPTS = 24


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
class Order:
    """
    Say what is made: so many scenes of a kind from a seed, with so many things asked for in each.

    ``kind`` is object, path, or both (one scene in three is a path scene). The seed and the
    split of ``allowed`` together number the scenes, so that no two orders of different splits
    share one.
    """

    count: int
    size: Size
    seed: int = 0
    kind: str = 'both'
    items: int = 3
    allowed: Allowed = field(default_factory=Allowed)

    def __post_init__(self) -> None:
        """Refuse numbers that cannot be."""
        if self.kind not in KINDS:
            raise InputError(f'kind {self.kind!r} is not one of {", ".join(KINDS)}')
        if not 1 <= self.count <= MOST_SCENES:
            raise InputError(f'count {self.count} must be 1 to {MOST_SCENES}')
        if not 1 <= self.items <= MOST_ITEMS:
            raise InputError(f'items {self.items} must be 1 to {MOST_ITEMS}')
        if not 0 <= self.seed < SEEDS_EACH // MOST_SCENES:
            raise InputError(
                f'seed {self.seed} must be 0 to {SEEDS_EACH // MOST_SCENES - 1}')

    def seed_of(self, index: int) -> int:
        """Return the seed of one scene, which ``splits.split_of_seed`` knows the split of."""
        return first_seed(self.allowed.split) + self.seed * MOST_SCENES + index

    def plan(self) -> Iterator[tuple[int, str, bool]]:
        """Yield each scene's number, its layout and whether ways are asked for in it."""
        paths = objects = 0
        ways = NAMED_LAYOUTS if 'word' in self.allowed.held_out else PATH_LAYOUTS
        for index in range(self.count):
            path = self.kind == 'path' or (self.kind == 'both' and index % 3 == 2)
            if path:
                yield index, ways[paths % len(ways)], True
                paths += 1
            else:
                yield index, OBJECT_LAYOUTS[objects % len(OBJECT_LAYOUTS)], False
                objects += 1


@dataclass(frozen=True)
class Made:
    """Hold one finished scene: its panorama (BGR) and its annotation items."""

    split: str
    name: str
    image: Image
    items: list[dict[str, Any]]
    scene: Scene


def make_scene(order: Order, index: int, layout: str, path: bool) -> Made:
    """
    Return one scene of an order, always the same one.

    A scene that offers too little to ask for is made again from the next number of its own row.
    """
    size = order.size.width, order.size.height
    for attempt in range(_ATTEMPTS):
        scene = draw_scene(layout, order.seed_of(index), order.allowed, size, attempt=attempt)
        items = (_path_items if path else _object_items)(scene, order.items)
        if items:
            return Made('hps' if path else 'hos', f'{layout}_{index:04d}', scene.picture.image,
                        items, scene)
    raise InputError(
        f'no {layout} with seed {order.seed} offers anything to search at this size')


def targets(scene: Scene) -> list[Thing]:
    """Return the things that may be asked for, in random order: clear ones with their rivals."""
    if len(scene.things) < LEAST_THINGS:
        return []
    fit = [thing for thing in scene.clear if min(scene.rivals(thing)) >= RIVALS
           and scene.stage.allowed.wants('pair', thing.pair)
           and scene.stage.allowed.wants('style', style_name(thing.kind, thing.style))]
    return [fit[k] for k in scene.stage.rng.permutation(len(fit)).tolist()]


def _object_items(scene: Scene, most: int) -> list[dict[str, Any]]:
    """Ask for things of different kinds."""
    rng, allowed = scene.stage.rng, scene.stage.allowed
    chosen: list[Thing] = []
    for thing in targets(scene):
        if all(thing.kind != other.kind for other in chosen):
            chosen.append(thing)
    items = []
    for thing in chosen[:most]:
        others = [other for other in scene.clear if other.kind == thing.kind and other != thing]
        other = named(others[int(rng.integers(len(others)))]) if others else None
        sentence = object_sentence(rng, allowed, named(thing), other, scene.beside(thing))
        items.append(object_item(sentence, scene.things[thing].mask))
    return items


def _path_items(scene: Scene, most: int) -> list[dict[str, Any]]:
    """Ask for ways; of those with a name or number of their own, only one that is wanted."""
    rng, allowed = scene.stage.rng, scene.stage.allowed
    ways = [way for way in scene.ways if not way.word or allowed.wants('word', way.word)]
    if 'word' in allowed.held_out:
        ways = [way for way in ways if way.word]
    return [path_item(way_sentence(rng, allowed, ways[k].place), scene.ways[ways[k]].mask,
                      ways[k].level)
            for k in rng.permutation(len(ways)).tolist()[:most]]


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


def generate(out: Path, order: Order) -> Iterator[Path]:
    """
    Write the scenes of an order below `out` and yield each one's folder as it is finished.

    The same order writes the same bytes on the same machine.
    """
    _check_empty(out)
    for index, layout, path in order.plan():
        folder = write_scene(out, make_scene(order, index, layout, path))
        _declare(folder.parent / DECLARATION, order.allowed.split)
        yield folder


def _declare(path: Path, split: str) -> None:
    """Say beside the scenes what they are for: only those of train may be exported to train on."""
    try:
        path.write_text(json.dumps({'split': split}) + '\n', encoding='utf-8')
    except OSError as error:
        raise InputError(f'cannot write {path}: {error.strerror}') from error


__all__ = ['LAYOUTS', 'Made', 'Order', 'Size', 'generate', 'make_scene', 'write_scene']
