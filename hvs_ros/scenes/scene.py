# SPDX-License-Identifier: Apache-2.0
"""One drawn scene: its picture, and what of it can be seen, named and asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hvs_ros.core.errors import InputError
from hvs_ros.scenes import indoor, outdoor, public
from hvs_ros.scenes.annotation import Mask, pitch_window, yaw_window
from hvs_ros.scenes.instructions import Beside, Named
from hvs_ros.scenes.splits import Allowed
from hvs_ros.scenes.stage import EYE_HEIGHT, Stage, Thing, Way
from hvs_ros.scenes.things import KINDS
from hvs_ros.scenes.tracer import Picture, Tracer

LAYOUTS: dict[str, tuple[Callable[[Stage], None], Mapping[str, object]]] = {
    'room': (indoor.room, indoor.ROOM_PLANS), 'lobby': (indoor.lobby, indoor.LOBBY_PLANS),
    'street': (outdoor.street, outdoor.STREET_PLANS),
    'corridor': (indoor.corridor, indoor.CORRIDOR_PLANS),
    'park': (outdoor.park, outdoor.PARK_PLANS), 'shop': (public.shop, public.SHOP_PLANS),
    'platform': (public.platform, public.PLATFORM_PLANS)}
THINGS = 18
# Below this share of a thing left in sight, people would not agree that it is there.
MIN_SHARE = 0.5
MIN_WIDTH_DEG = 2.4
MIN_HEIGHT_DEG = 2.4
WAY_WIDTH_DEG = (3.0, 60.0)
_BESIDE_DEG = 25.0


@dataclass(frozen=True)
class Seen:
    """Hold what is seen of something: its mask in the panorama and its windows in degrees."""

    mask: Mask
    yaw: tuple[float, float]
    pitch: tuple[float, float]

    @property
    def wide(self) -> float:
        """Return its width in degrees."""
        return (self.yaw[1] - self.yaw[0]) % 360

    @property
    def high(self) -> float:
        """Return its height in degrees."""
        return self.pitch[1] - self.pitch[0]

    @property
    def middle(self) -> float:
        """Return the yaw of its middle."""
        return (self.yaw[0] + self.wide / 2) % 360


@dataclass(frozen=True)
class Scene:
    """Hold a stage and its picture (BGR, with the number of the shape that each pixel shows)."""

    layout: str
    stage: Stage
    picture: Picture
    tracer: Tracer

    @cached_property
    def owner_of_pixel(self) -> NDArray[np.int16]:
        """Return the owner seen at each pixel: 0 the scenery, then things and ways."""
        owners = np.array([*self.stage.owners, 0], np.int16)  # -1, the sky, is the last
        return owners[self.picture.shape]

    @cached_property
    def things(self) -> dict[Thing, Seen]:
        """Return the things of which anything is seen."""
        return {thing: seen for thing in self.stage.things
                if (seen := self.seen(thing.owner)) is not None}

    @cached_property
    def clear(self) -> list[Thing]:
        """Return the things that anyone would call in sight: large enough, not much hidden."""
        height, width = self.picture.shape.shape
        return [thing for thing, seen in self.things.items()
                if seen.wide >= MIN_WIDTH_DEG and seen.high >= MIN_HEIGHT_DEG
                and seen.mask.sum() >= MIN_SHARE * self.tracer.area(
                    [k for k, owner in enumerate(self.stage.owners) if owner == thing.owner],
                    (height, width))]

    @cached_property
    def ways(self) -> dict[Way, Seen]:
        """Return the ways in sight that can be pointed at."""
        low, high = WAY_WIDTH_DEG
        return {way: seen for way in self.stage.ways
                if (seen := self.seen(way.owner)) is not None and low <= seen.wide <= high}

    def seen(self, owner: int) -> Seen | None:
        """Return what is seen of an owner's shapes, None when nothing is."""
        mask = self.owner_of_pixel == owner
        return Seen(mask, yaw_window(mask), pitch_window(mask)) if mask.any() else None

    def rivals(self, thing: Thing) -> tuple[int, int]:
        """Return how many other things in sight share its kind, and how many its colour."""
        others = [other for other in self.things if other is not thing]
        return (sum(other.kind == thing.kind for other in others),
                sum(other.colour == thing.colour for other in others))

    def beside(self, thing: Thing) -> list[Beside]:
        """Return true words on where a thing is, by what else is in clear sight near it."""
        words = []
        for other in self.clear:
            gap = self._gap(thing, other)
            if other is thing or other.kind == thing.kind or other.colour == thing.colour:
                continue
            if abs(gap) <= _BESIDE_DEG:
                words += [Beside(near, other.pair) for near in (
                    'next to', 'beside', 'near', 'close to', 'left of' if gap > 0 else 'right of')]
        return words

    def _gap(self, thing: Thing, other: Thing) -> float:
        """Return how many degrees to the right of a thing another one is, -180 to 180."""
        here, there = self.things[thing].middle, self.things[other].middle
        return (there - here + 180) % 360 - 180


def named(thing: Thing) -> Named:
    """Return a thing's name in words."""
    return Named(thing.colour, thing.kind, KINDS[thing.kind].others)


def draw_scene(
        layout: str, seed: int, allowed: Allowed, size: tuple[int, int], *, attempt: int = 0,
        things: int = THINGS, arrange: Callable[[Stage], None] | None = None) -> Scene:
    """
    Return the scene that these numbers stand for, always the same one.

    ``size`` is the panorama's (width, height) in pixels, ``things`` how many are put in about.
    ``arrange`` furnishes it instead.
    """
    if layout not in LAYOUTS:
        raise InputError(f'layout {layout!r} is not one of {", ".join(LAYOUTS)}')
    build, plans = LAYOUTS[layout]
    rng = np.random.default_rng([seed, attempt])
    names = allowed.choose('layout', [f'{layout}/{plan}' for plan in plans])
    plan = names[int(rng.integers(len(names)))].partition('/')[2]
    stage = Stage(rng, allowed, plan)
    build(stage)
    if arrange is None:
        stage.furnish(things)
    else:
        arrange(stage)
    assert stage.lighting is not None
    origin = (stage.eye[0], EYE_HEIGHT, stage.eye[1])
    yaw = float(rng.uniform(-np.pi, np.pi))
    tracer = Tracer(stage.shapes, stage.lighting, origin, yaw, stage.sky)
    return Scene(layout, stage, tracer.draw(*size), tracer)

