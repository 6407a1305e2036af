# SPDX-License-Identifier: Apache-2.0
"""The stage a layout is built on: shapes with owners, free places for things, tasks to ask for."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from hvs_ros.scenes.lighting import Lighting
from hvs_ros.scenes.materials import Image
from hvs_ros.scenes.shapes import Shape, Vector, turn_y
from hvs_ros.scenes.splits import Allowed
from hvs_ros.scenes.textures import Random
from hvs_ros.scenes.things import COLOURS, KINDS, Kind, style_name

EYE_HEIGHT = 1.5


@dataclass(frozen=True)
class Thing:
    """
    Name an object of the scene by colour, kind and drawing style; `owner` marks its shapes.

    position: where it stands, metres.
    """

    colour: str
    kind: str
    style: str
    owner: int
    position: Vector

    @property
    def pair(self) -> str:
        """Return colour and kind as people, and ``scenes.splits``, say them."""
        return f'{self.colour} {self.kind}'


@dataclass(frozen=True)
class Way:
    """
    Name a way to go, such as 'the exit' or 'gate B7'; `owner` marks the shapes that bound it.

    level: 0 a text names it where it is, 1 no text does, 2 a text hangs elsewhere and points
    there, 3 a text hangs elsewhere and misleads.
    """

    place: str
    owner: int
    level: int
    word: str = ''


@dataclass(frozen=True)
class Spot:
    """Mark a place for one thing: metres; `yaw` (rad) is the direction of the wall behind it."""

    position: Vector
    reach: float
    yaw: float | None = None


@dataclass
class Stage:
    """
    Collect what a layout puts into a scene.

    A layout adds shapes and spots, blocks ground, names ways, sets the light; things are placed
    last, on what is left.
    """

    rng: Random
    allowed: Allowed = field(default_factory=Allowed)
    plan: str = ''
    eye: tuple[float, float] = (0.0, 0.0)
    shapes: list[Shape] = field(default_factory=list)
    owners: list[int] = field(default_factory=list)
    things: list[Thing] = field(default_factory=list)
    ways: list[Way] = field(default_factory=list)
    surfaces: list[Spot] = field(default_factory=list)
    hooks: list[Spot] = field(default_factory=list)
    floors: list[tuple[float, float, float, float]] = field(default_factory=list)
    outdoors: bool = False
    reach: float = 6.0
    lighting: Lighting | None = None
    sky: Image | None = None
    _taken: list[tuple[float, float, float]] = field(default_factory=list)
    _arcs: list[tuple[float, float, float]] = field(default_factory=list)
    _owner: int = 0

    def new_owner(self) -> int:
        """Return a number that no shape carries yet."""
        self._owner += 1
        return self._owner

    def add(self, shapes: Iterable[Shape], owner: int = 0) -> None:
        """Add shapes given in world coordinates; owner 0 is the scenery."""
        for shape in shapes:
            self.shapes.append(shape)
            self.owners.append(owner)

    def put(self, shapes: Iterable[Shape], yaw: float, offset: Vector, owner: int = 0,
            scale: float = 1.0) -> None:
        """Add shapes given around their own origin."""
        self.add([shape.moved(yaw, offset, scale) for shape in shapes], owner)

    def mount(self, shapes: Iterable[Shape], wall: float, distance: float, along: float,
              owner: int = 0) -> None:
        """Add shapes whose back is z = 0 to the wall at direction `wall` (rad), `along` it."""
        x, y, z = turn_y(wall) @ np.array([along, 0.0, distance])
        self.put(shapes, wall, (float(x), float(y), float(z)), owner)

    def block(self, x: float, z: float, reach: float) -> None:
        """Keep things away from a circle of ground."""
        self._taken.append((x, z, reach))

    def block_box(self, x: float, z: float, wide: float, deep: float, yaw: float = 0.0) -> None:
        """Keep things away from a rectangle of ground, by a row of circles."""
        long, short = max(wide, deep), min(wide, deep)
        count = max(1, int(np.ceil(long / max(short, 0.2))))
        axis = turn_y(yaw) @ np.array([1.0, 0, 0] if wide >= deep else [0, 0, 1.0])
        for step in (np.arange(count) + 0.5) / count - 0.5:
            centre = axis * step * long
            self.block(x + float(centre[0]), z + float(centre[2]), short * 0.62)

    def _free(self, x: float, z: float, reach: float) -> bool:
        return all(np.hypot(x - a, z - b) > reach + r for a, b, r in self._taken)

    def _apart(self, x: float, z: float, reach: float) -> bool:
        """Return whether things seen from the eye would not hide one another."""
        away, angle = self._polar(x, z)
        half = np.arctan2(reach, away)
        return all(abs(np.angle(np.exp(1j * (angle - a)))) > 0.75 * (half + h)
                   for a, h, _ in self._arcs)

    def _polar(self, x: float, z: float) -> tuple[float, float]:
        dx, dz = x - self.eye[0], z - self.eye[1]
        return float(np.hypot(dx, dz)), float(np.arctan2(dx, dz))

    def _ground_spot(self, reach: float) -> Spot | None:
        for _ in range(60):
            x0, z0, x1, z1 = self.floors[int(self.rng.integers(len(self.floors)))]
            x, z = float(self.rng.uniform(x0, x1)), float(self.rng.uniform(z0, z1))
            away, _ = self._polar(x, z)
            if not 1.5 + reach <= away <= self.reach:
                continue
            if self._free(x, z, reach) and self._apart(x, z, reach):
                return Spot((x, 0.0, z), reach)
        return None

    def _taken_from(self, spots: list[Spot], reach: float) -> Spot | None:
        fitting = [k for k, spot in enumerate(spots) if spot.reach >= reach]
        return spots.pop(fitting[int(self.rng.integers(len(fitting)))]) if fitting else None

    def _spot(self, kind: Kind) -> Spot | None:
        places = kind.places
        if 'wall' in places:
            return self._taken_from(self.hooks, kind.reach)
        if 'surface' in places and not (places & self._ground() and self.rng.random() < 0.5):
            spot = self._taken_from(self.surfaces, kind.reach)
            if spot is not None:
                return spot
        return self._ground_spot(kind.reach) if places & self._ground() else None

    def _ground(self) -> frozenset[str]:
        return frozenset({'street'} if self.outdoors else {'floor'})

    def kinds(self) -> list[str]:
        """Return the names of kinds that have a place on this stage."""
        open_places = set(self._ground())
        if len(self.surfaces) > 1:
            open_places.add('surface')
        if len(self.hooks) > 1:
            open_places.add('wall')
        return [name for name, kind in KINDS.items() if kind.places & open_places]

    def place(self, colour: str, name: str, style: str) -> bool:
        """Put a thing where it fits; return whether a place was found."""
        spot = self._spot(KINDS[name])
        if spot is not None:
            self._place_at(colour, name, style, spot)
        return spot is not None

    def _place_at(self, colour: str, name: str, style: str, spot: Spot) -> None:
        kind = KINDS[name]
        x, y, z = spot.position
        away, angle = self._polar(x, z)
        yaw = angle + float(self.rng.uniform(-0.7, 0.7)) if spot.yaw is None else spot.yaw
        owner = self.new_owner()
        self.put(kind.styles[style](COLOURS[colour]), yaw, (x, y + kind.height, z), owner,
                 float(self.rng.uniform(0.85, 1.15)) if spot.yaw is None else 1.0)
        self.things.append(Thing(colour, name, style, owner, (x, y + kind.height, z)))
        if y == 0.0 and spot.yaw is None:
            self.block(x, z, spot.reach)
        self._arcs.append((angle, float(np.arctan2(kind.reach, away)), away))

    def place_beside(self, pairs: Sequence[tuple[str, str]]) -> bool:
        """Put things on the ground side by side, from the left; return whether there was room."""
        reach = max(KINDS[kind].reach for _, kind in pairs)
        styles = [self._style(*pair) for pair in pairs]
        for _ in range(80 if all(styles) else 0):
            angle = float(self.rng.uniform(-np.pi, np.pi))
            away = float(self.rng.uniform(2.0 + reach, self.reach))
            step = 2.4 * reach / away
            places = [(self.eye[0] + away * float(np.sin(angle + k * step)),
                       self.eye[1] + away * float(np.cos(angle + k * step)))
                      for k in range(len(pairs))]
            if all(self._is_floor(x, z) and self._free(x, z, reach) and self._apart(x, z, reach)
                   for x, z in places):
                for (colour, kind), style, (x, z) in zip(pairs, styles, places, strict=True):
                    self._place_at(colour, kind, style, Spot((x, 0.0, z), reach))
                return True
        return False

    def _is_floor(self, x: float, z: float) -> bool:
        return any(x0 <= x <= x1 and z0 <= z <= z1 for x0, z0, x1, z1 in self.floors)

    def furnish(self, count: int) -> None:
        """
        Place about `count` things in unique pairs of colour and kind.

        Pairs come from few kinds and few colours, so that most things have two of their kind and
        two of their colour beside them, never both in one. What the scene wants to ask for
        comes first, as long as there is room for it.
        """
        few = max(4, round(count / 3))
        kinds = self._few_kinds(few)
        colours = self.rng.permutation(list(COLOURS))[:few].tolist()
        choices = [(colour, kind) for colour in colours for kind in kinds]
        choices = [choices[k] for k in self.rng.permutation(len(choices)).tolist()]
        choices.sort(key=lambda pair: not self._is_wanted(*pair))
        taken = {thing.pair for thing in self.things}
        for colour, kind in choices:
            if len(self.things) >= count:
                return
            if f'{colour} {kind}' in taken:
                continue
            style = self._style(colour, kind)
            if style:
                self.place(colour, kind, style)

    def _few_kinds(self, count: int) -> list[str]:
        """Return kinds in random order, those with a style the scene wants first."""
        kinds = self.rng.permutation(self.kinds()).tolist()
        if 'style' in self.allowed.held_out:
            kinds.sort(key=lambda kind: not any(
                self.allowed.wants('style', style_name(kind, style))
                for style in KINDS[kind].styles))
        return list(kinds[:count])

    def _is_wanted(self, colour: str, kind: str) -> bool:
        return self.allowed.wants('pair', f'{colour} {kind}') and any(
            self.allowed.wants('style', style_name(kind, style)) for style in KINDS[kind].styles)

    def _style(self, colour: str, kind: str) -> str:
        """Return a drawing style that the pair may have, empty when it may not be drawn."""
        if not self.allowed.may('pair', f'{colour} {kind}'):
            return ''
        names = [name for name in KINDS[kind].styles
                 if self.allowed.may('style', style_name(kind, name))]
        wanted = [name for name in names if self.allowed.wants('style', style_name(kind, name))]
        return self.one_of(wanted or names) if names else ''

    def one_of(self, options: Sequence[str]) -> str:
        """Return one of the options."""
        return options[int(self.rng.integers(len(options)))]

    def word(self, words: Sequence[str], target: bool = False) -> str:
        """Return a word for a sign; one that the scene wants when it is to be asked for."""
        if target:
            return self.one_of(self.allowed.choose('word', words))
        return self.one_of([word for word in words if self.allowed.may('word', word)])
