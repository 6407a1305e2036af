# SPDX-License-Identifier: Apache-2.0
"""Views of procedural scenes with what stands where in them: what the grounder is trained on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
import json
import math
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from hvs_ros.core.band_maps import PixelGrid
from hvs_ros.core.camera_models import Equirectangular, project
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.renderer import Renderer, ViewSpec, view_rotation
from hvs_ros.planners.grounder_onnx import SIZE, ZOOM
from hvs_ros.scenes.generator import OBJECT_LAYOUTS, PATH_LAYOUTS
from hvs_ros.scenes.scene import LAYOUTS, Scene, draw_scene
from hvs_ros.scenes.splits import SEEDS_EACH, Allowed, Split, first_seed

PANORAMA = (1536, 768)
WIDE_VIEWS = 5
ZOOMED_VIEWS = 5
SCENES_A_SHARD = 50
SUB = 2
"""The owners' map has one pixel for so many of the view, each way."""
_FOV = math.radians(100)
_SEEDS_FROM = SEEDS_EACH // 2
"""Scenes for training lie apart from those of orders (``scenes.generator``) of the same split."""


@dataclass(frozen=True)
class Label:
    """
    Name something of a scene: a thing (colour, kind) or a way (place, word).

    ``owner`` is its value in the owners' maps; ``beside`` are true (relation, landmark) words.
    """

    owner: int
    kind: str = ''
    colour: str = ''
    style: str = ''
    place: str = ''
    word: str = ''
    clear: bool = True
    beside: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Shard:
    """
    Hold the views of some scenes.

    ``images`` is (n, 180, 320, 3) uint8 BGR, ``owners`` (n, 90, 160) uint8: which owner each
    spot shows, 0 none. ``scene_of`` (n,) is the scene's place in ``labels``.
    """

    images: np.ndarray
    owners: np.ndarray
    scene_of: np.ndarray
    labels: list[list[Label]]


def scene_seed(split: Split, number: int) -> int:
    """Return the seed of one scene for training."""
    return first_seed(split) + _SEEDS_FROM + number


def make_views(split: Split, numbers: Sequence[int]) -> Shard:
    """Draw scenes and look around in each; the same numbers give the same views."""
    images, owners, scene_of = [], [], []
    labels: list[list[Label]] = []
    for number in numbers:
        layouts = (*OBJECT_LAYOUTS, *PATH_LAYOUTS)
        scene = draw_scene(
            layouts[number % len(layouts)], scene_seed(split, number), Allowed(split), PANORAMA)
        rng = np.random.default_rng([scene_seed(split, number), 1])
        for gaze, roll, zoom in _looks(scene, rng):
            images.append(_image(scene, gaze, roll, zoom))
            owners.append(_owners(scene, gaze, roll, zoom))
            scene_of.append(len(labels))
        labels.append(scene_labels(scene))
    return Shard(np.stack(images), np.stack(owners), np.array(scene_of), labels)


def scene_labels(scene: Scene) -> list[Label]:
    """Return what of a scene can be named."""
    things = [
        Label(thing.owner, thing.kind, thing.colour, thing.style, clear=thing in scene.clear,
              beside=tuple((where.relation, where.landmark) for where in scene.beside(thing)))
        for thing in scene.things]
    return things + [
        Label(way.owner, place=way.place, word=way.word) for way in scene.ways]


def _looks(scene: Scene, rng: np.random.Generator) -> Iterator[tuple[BenchmarkAngles, float, int]]:
    """Yield (gaze, roll in radians, zoom) as a search looks: around, then close at what it saw."""
    turn = float(rng.uniform(0, 360))
    for k in range(WIDE_VIEWS):
        pitch = float(rng.normal(0, 4)) if rng.random() < 0.75 else float(rng.uniform(-40, 30))
        yaw = turn + k * 360 / WIDE_VIEWS + float(rng.uniform(-20, 20))
        yield BenchmarkAngles(yaw % 360, pitch), _roll(rng), 1
    seen = [*scene.things.values(), *scene.ways.values()]
    for _ in range(ZOOMED_VIEWS):
        at = seen[int(rng.integers(len(seen)))]
        spread = 4.0 if rng.random() < 0.6 else 14.0
        yaw = at.middle + float(rng.normal(0, spread))
        pitch = sum(at.pitch) / 2 + float(rng.normal(0, spread * 0.6))
        yield BenchmarkAngles(yaw % 360, float(np.clip(pitch, -89, 89))), _roll(rng), ZOOM


def _roll(rng: np.random.Generator) -> float:
    return math.radians(float(rng.uniform(-12, 12))) if rng.random() < 0.2 else 0.0


def _spec(zoom: int) -> ViewSpec:
    """Return the view that the grounder sees whole, or whose middle it sees zoomed."""
    fov = 2 * math.atan(math.tan(_FOV / 2) / zoom)
    return ViewSpec(*SIZE, fov, reticle=False)


def _image(scene: Scene, gaze: BenchmarkAngles, roll: float, zoom: int) -> np.ndarray:
    return Renderer(_spec(zoom)).render(scene.picture.image, gaze.to_gaze(), roll)


def _owners(scene: Scene, gaze: BenchmarkAngles, roll: float, zoom: int) -> np.ndarray:
    """Return the owner seen at every second pixel of every second row of the view."""
    spec = _spec(zoom)
    grid: PixelGrid = spec.grid
    x = (np.arange(SUB / 2 - 0.5, grid.width, SUB) - grid.centre[0]) / grid.focal_length
    y = (np.arange(SUB / 2 - 0.5, grid.height, SUB) - grid.centre[1]) / grid.focal_length
    rays = np.stack([*np.meshgrid(x, y), np.ones((len(y), len(x)))], axis=-1).reshape(-1, 3)
    height, width = scene.owner_of_pixel.shape
    pixels, _ = project(
        Equirectangular(width, height), rays @ view_rotation(gaze.to_gaze(), roll).T)
    columns, rows = np.rint(pixels).astype(int).T
    found = scene.owner_of_pixel[rows.clip(0, height - 1), columns % width]
    return np.where(found < 256, found, 0).astype(np.uint8).reshape(len(y), len(x))


def write_cache(folder: Path, split: Split, scenes: int, workers: int = 1) -> Iterator[Path]:
    """Write the views of so many scenes as shards and yield each file; those there are kept."""
    folder.mkdir(parents=True, exist_ok=True)
    begins = range(0, scenes, SCENES_A_SHARD)
    groups = [range(begin, min(begin + SCENES_A_SHARD, scenes)) for begin in begins]
    jobs = [(folder / _shard_name(split, numbers), split, numbers) for numbers in groups]
    missing = [job for job in jobs if not job[0].exists()]
    if workers <= 1:
        for job in missing:
            _write_shard(job)
    else:
        with ProcessPoolExecutor(workers, get_context('spawn')) as pool:
            list(pool.map(_write_shard, missing))
    yield from (job[0] for job in jobs)


def _shard_name(split: Split, numbers: Sequence[int]) -> str:
    """Return a name that tells a shard of fewer scenes, the last of a cache, from a whole one."""
    part = '' if len(numbers) == SCENES_A_SHARD else f'_{len(numbers)}'
    return f'{split}_{numbers[0]:06d}{part}.npz'


def _write_shard(job: tuple[Path, Split, Sequence[int]]) -> None:
    path, split, numbers = job
    shard = make_views(split, numbers)
    labels = json.dumps([[asdict(label) for label in scene] for scene in shard.labels])
    # written beside and renamed, so that a shard that exists is whole
    part = path.with_suffix('.part.npz')
    np.savez(part, images=shard.images, owners=shard.owners, scene_of=shard.scene_of,
             labels=np.array(labels))
    part.replace(path)


def read_shard(path: Path) -> Shard:
    """Return the views of a file that ``write_cache`` wrote."""
    with np.load(path) as held:
        labels = [[_label(entry) for entry in scene] for scene in json.loads(str(held['labels']))]
        return Shard(held['images'], held['owners'], held['scene_of'], labels)


def _label(entry: dict[str, Any]) -> Label:
    return Label(**{**entry, 'beside': tuple(map(tuple, entry['beside']))})


__all__ = ['LAYOUTS', 'Label', 'Shard', 'make_views', 'read_shard', 'write_cache']
