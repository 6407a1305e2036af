# SPDX-License-Identifier: Apache-2.0
"""The kinds of things one can be asked to find, each drawn in several styles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hvs_ros.scenes.materials import Colour
from hvs_ros.scenes.things import (
    containers,
    fixtures,
    leisure,
    luggage,
    seating,
    street,
    tableware,
)
from hvs_ros.scenes.things.modelling import Maker

__all__ = ['COLOURS', 'KINDS', 'Kind', 'style_name']

# BGR, saturated enough to be named by anyone; the plain ones lie between the others' lightness.
COLOURS: dict[str, Colour] = {
    'red': (34, 28, 205), 'orange': (14, 120, 245), 'yellow': (20, 205, 248),
    'green': (52, 150, 30), 'turquoise': (188, 190, 16), 'blue': (200, 74, 20),
    'purple': (168, 36, 118), 'pink': (158, 84, 244), 'brown': (32, 62, 104),
    'black': (26, 25, 24),
}


@dataclass(frozen=True)
class Kind:
    """
    Say how a kind of thing is drawn and where it may be put.

    ``name`` is as people say it, ``others`` other words for it. ``places`` are of floor,
    surface, wall and street. ``reach`` is the radius in metres of the free ground it needs;
    ``height``, for what hangs on walls, is that of its origin above the floor.
    """

    name: str
    styles: Mapping[str, Maker]
    places: frozenset[str]
    reach: float
    height: float = 0.0
    others: tuple[str, ...] = ()


def style_name(kind: str, style: str) -> str:
    """Return the name of a drawing style as ``scenes.splits`` knows it."""
    return f'{kind}/{style}'


def _kind(
        name: str, styles: Mapping[str, Maker], places: str, reach: float, height: float = 0.0,
        others: tuple[str, ...] = ()) -> Kind:
    return Kind(name, styles, frozenset(places.split()), reach, height, others)


KINDS: dict[str, Kind] = {kind.name: kind for kind in (
    _kind('fire extinguisher', fixtures.EXTINGUISHERS, 'floor', 0.26, others=('extinguisher',)),
    _kind('chair', seating.CHAIRS, 'floor', 0.40),
    _kind('armchair', seating.ARMCHAIRS, 'floor', 0.50, others=('easy chair',)),
    _kind('stool', seating.STOOLS, 'floor', 0.30),
    _kind('cup', tableware.CUPS, 'surface', 0.15, others=('mug',)),
    _kind('bottle', tableware.BOTTLES, 'surface', 0.13),
    _kind('kettle', tableware.KETTLES, 'surface', 0.22),
    _kind('vase', tableware.VASES, 'surface floor', 0.20),
    _kind('suitcase', luggage.SUITCASES, 'floor street', 0.38, others=('case',)),
    _kind('backpack', luggage.BACKPACKS, 'floor surface street', 0.28, others=('rucksack',)),
    _kind('umbrella', luggage.UMBRELLAS, 'street', 1.05, others=('parasol',)),
    _kind('ball', leisure.BALLS, 'floor street', 0.33),
    _kind('teddy bear', leisure.TEDDY_BEARS, 'floor surface', 0.26, others=('toy bear',)),
    _kind('guitar', leisure.GUITARS, 'floor', 0.26),
    _kind('drum', leisure.DRUMS, 'floor street', 0.34),
    _kind('lamp', fixtures.LAMPS, 'floor', 0.36),
    _kind('lantern', fixtures.LANTERNS, 'surface floor street', 0.22),
    _kind('clock', fixtures.CLOCKS, 'wall', 0.34, 2.0),
    _kind('plant pot', containers.PLANT_POTS, 'floor street', 0.36, others=('flower pot',)),
    _kind('bin', containers.BINS, 'floor street', 0.32, others=('waste bin',)),
    _kind('box', containers.BOXES, 'floor surface street', 0.34, others=('crate',)),
    _kind('bucket', containers.BUCKETS, 'floor street', 0.30, others=('pail',)),
    _kind('basket', containers.BASKETS, 'floor surface street', 0.28, others=('hamper',)),
    _kind('traffic cone', street.TRAFFIC_CONES, 'floor street', 0.32, others=('road cone',)),
    _kind('mailbox', street.MAILBOXES, 'street', 0.36, others=('letter box',)),
    _kind('hydrant', street.HYDRANTS, 'street', 0.28, others=('fire hydrant',)),
)}
