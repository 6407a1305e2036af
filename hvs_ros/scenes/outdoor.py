# SPDX-License-Identifier: Apache-2.0
"""Outdoor layouts: a street with shops and a crossing, a park square."""
from __future__ import annotations

import numpy as np

from hvs_ros.scenes import furniture, signs, textures
from hvs_ros.scenes.lighting import Lighting
from hvs_ros.scenes.materials import Colour, Image, Material, picture, plain
from hvs_ros.scenes.shapes import Box, Cone, Panel, Shape
from hvs_ros.scenes.stage import Stage, Way

_HOUSES: tuple[Colour, ...] = ((172, 190, 204), (150, 162, 178), (196, 202, 204), (140, 150, 164),
                               (178, 186, 182), (128, 140, 160))
SHOPS = ('BAKERY', 'BOOKS', 'CAFE', 'FLOWERS', 'PHARMACY', 'BARBER', 'MUSIC', 'TAILOR',
          'GROCER', 'SHOES', 'TOYS', 'OPTICIAN', 'GALLERY', 'BANK', 'HOTEL', 'PIZZA', 'TEA ROOM',
          'HARDWARE', 'LIBRARY', 'FLORIST', 'JEWELS', 'BUTCHER', 'CINEMA', 'TICKETS')
_FAR = 60.0
# name of the plan -> where the carriageway begins and ends, metres ahead
STREET_PLANS = {'avenue': (3.0, 9.6), 'lane': (2.6, 7.6), 'boulevard': (3.4, 12.4),
                'market': (3.6, 9.0), 'parade': (2.8, 10.8), 'crescent': (3.2, 8.2)}
# name of the plan -> (number of trees, nearest, farthest), metres
PARK_PLANS = {'square': (26, 9.5, 21.0), 'grove': (42, 8.8, 18.0), 'meadow': (14, 11.0, 22.0),
              'garden': (32, 9.0, 24.0), 'green': (20, 10.0, 16.0), 'wood': (50, 9.2, 23.0)}


def _sunlight(span: float, rng: textures.Random) -> Lighting:
    turn = float(rng.uniform(0, 2 * np.pi))
    direction = (float(np.cos(turn)) * 0.75, -1.1, abs(float(np.sin(turn))) * -0.6)
    return Lighting(direction, (1.30, 1.45, 1.56), (0.84, 0.77, 0.72), (0.30, 0.32, 0.34),
                    (0, 0, 0), span, softness=0.14)


def _house_row(stage: Stage, z: float, facing: float, shops: list[str]) -> None:
    """Add a row of houses along x; `facing` is -1 when their fronts look towards -z."""
    rng = stage.rng
    distant = [textures.facade(rng, tint, 4, 3) for tint in _HOUSES]
    glass = (textures.outlook(rng) * 0.45).astype(np.uint8)
    x = -_FAR
    while x < _FAR:
        wide = float(rng.uniform(7.5, 11.0))
        tall = float(rng.uniform(9.0, 15.0))
        style = int(rng.integers(len(_HOUSES)))
        tint, upper = _HOUSES[style], tall - 4.2
        middle, near = x + wide / 2, abs(x + wide / 2) < 22
        body = Material(texture=textures.bricks(rng), tile=(2.0, 2.0)) if (
            near and rng.random() < 0.25) else plain(tint)
        stage.add([Box((middle, tall / 2, z - facing * 4), (wide - 0.03, tall, 8.0), body)])
        front = distant[style] if not near else textures.facade(
            rng, tint, max(3, round(wide / 2.2)), max(2, round(upper / 2.9)))
        yaw = 0.0 if facing < 0 else np.pi
        stage.put([
            Panel((-wide / 2 + 0.015, 3.9, -0.02), (wide - 0.03, 0, 0), (0, upper, 0),
                  picture(front, wide, upper, gloss=0.1), casts=False),
            Box((0, tall, -0.1), (wide, 0.3, 0.5), plain((190, 194, 196)), casts=False),
            Box((0, 3.75, -0.08), (wide - 0.1, 0.2, 0.2), plain((176, 180, 184))),
        ], yaw, (middle, 0.0, z))
        if near:
            _shop(stage, (middle, z), yaw, wide, shops.pop(), glass)
        x += wide


def _shop(stage: Stage, place: tuple[float, float], yaw: float, wide: float, name: str,
          glass: Image) -> None:
    x, z = place
    owner = stage.new_owner()
    tone = furniture.MUTED[int(stage.rng.integers(len(furniture.MUTED)))]
    pane = picture(glass, wide * 0.28, 1.9, gloss=0.9)
    front = plain((tone[0] * 0.7, tone[1] * 0.7, tone[2] * 0.7), gloss=0.2)
    stage.put([Box((0, 1.75, -0.03), (wide - 0.5, 3.5, 0.08), front)], yaw, (x, 0, z))
    for side in (-1, 1):
        stage.put([Panel((side * wide * 0.28 - wide * 0.14, 0.55, -0.09), (wide * 0.28, 0, 0),
                         (0, 1.9, 0), pane)], yaw, (x, 0, z))
    before = z - 0.06 * float(np.cos(yaw))
    stage.put(furniture.door(1.05, 2.3, (112, 116, 120), tone), yaw, (x, 0, before), owner)
    if abs(x) < 12 and all(way.word != name for way in stage.ways):
        stage.ways.append(Way(f'the door of the {name.lower()}', owner, 0, name))
    label = signs.sign(name, (tone[0] * 0.5, tone[1] * 0.5, tone[2] * 0.5))
    stage.put(furniture.plate(label, 0.46, 2.85, 0.06, 0.2), yaw, (x, 0, before))


def _street_ends(stage: Stage) -> None:
    """Close the view along the street with a house at either end."""
    rng = stage.rng
    front = textures.facade(rng, _HOUSES[int(rng.integers(len(_HOUSES)))], 5, 4)
    for yaw in (np.pi / 2, -np.pi / 2):
        x = _FAR * float(np.sin(yaw))
        stage.put([Box((0, 7.0, 0.1), (26, 14, 0.2), Material(texture=front, tile=(13, 11)),
                       casts=False)], yaw, (x, 0, 6.0))


def _road(stage: Stage, near: float, far: float) -> None:
    """Add the carriageway between z = near and far, its kerbs, its markings, both pavements."""
    rng = stage.rng
    slab = Material(texture=textures.paving(rng), tile=(2.4, 2.4))
    stage.add([Panel((-_FAR, 0, -4.5), (2 * _FAR, 0, 0), (0, 0, near + 4.5), slab),
               Panel((-_FAR, 0, far), (2 * _FAR, 0, 0), (0, 0, 6.0), slab),
               Panel((-_FAR, -0.12, near), (2 * _FAR, 0, 0), (0, 0, far - near),
                     Material(texture=textures.asphalt(rng), tile=(4, 4))),
               Box((0, -0.06, near - 0.08), (2 * _FAR, 0.13, 0.16), plain((176, 180, 182))),
               Box((0, -0.06, far + 0.08), (2 * _FAR, 0.13, 0.16), plain((176, 180, 182)))])
    paint = plain((206, 210, 212))
    for x in np.arange(-34, 35, 4.0):
        stage.add([Panel((float(x), -0.115, (near + far) / 2 - 0.07), (2.0, 0, 0), (0, 0, 0.14),
                         paint, casts=False)])


def _crossing(stage: Stage, x: float, near: float, far: float) -> int:
    """Paint a zebra crossing around x and return its owner."""
    owner = stage.new_owner()
    paint = plain((222, 226, 228))
    count = int((far - near) / 0.9)
    for k in range(count):
        z = near + 0.3 + k * 0.9
        stage.add([Panel((x - 1.5, -0.11, z), (3.0, 0, 0), (0, 0, 0.5), paint, casts=False)],
                  owner)
    for z in (near - 0.35, far + 0.35):
        pole: list[Shape] = [Cone((0, 0, 0), (0, 2.4, 0), 0.04, 0.04, furniture.STEEL),
                Box((0, 2.65, 0), (0.52, 0.52, 0.03), plain((172, 92, 40))),
                Box((0, 2.65, 0), (0.30, 0.34, 0.034), furniture.WHITE)]
        stage.put(pole, 0.0, (x + 1.8, 0.0, z))
    return owner


def street(stage: Stage) -> None:
    """Build a street seen from the pavement: houses, shops, cars, trees, a crossing, a stop."""
    rng = stage.rng
    stage.outdoors = True
    near, far = STREET_PLANS[stage.plan]
    stage.eye = (0.0, float(rng.uniform(-0.8, 0.4)))
    names = [name for name in SHOPS if stage.allowed.may('word', name)]
    shops = rng.permutation(np.array(names * 2)).tolist()
    _road(stage, near, far)
    _house_row(stage, -4.2, 1.0, shops)
    _house_row(stage, far + 4.8, -1.0, shops)
    _street_ends(stage)
    side = 1.0 if rng.random() < 0.5 else -1.0
    cross = side * float(rng.uniform(5.5, 7.0))
    owner = _crossing(stage, cross, near, far)
    stage.block(cross, near - 0.4, 1.2)
    stage.ways.append(Way('the zebra crossing', owner, 1))
    _bus_stop(stage, -side * float(rng.uniform(6.0, 7.0)), near)
    leaf = furniture.foliage(rng)
    for x in (-18.0, -11.5, -3.6, 3.9, 12.0, 19.0):
        if abs(x - cross) > 2.4:
            stage.put(furniture.tree(rng, leaf, float(rng.uniform(4.8, 6.2))), 0.0,
                      (x, 0, near - 0.7))
            stage.block(x, near - 0.7, 0.45)
    for x in (-15.0, 0.8, 15.5):
        stage.put(furniture.street_lamp(), 0.0, (x, 0, near - 0.45))
        stage.block(x, near - 0.45, 0.3)
    for x, z in ((-14.0, near + 1.1), (-19.5, near + 1.1), (13.5, far - 1.1), (19.0, far - 1.1),
                 (-3.4, far - 1.1), (-9.0, far - 1.1), (2.2, far - 1.1), (17.0, near + 1.1)):
        if abs(x - cross) > 4.2:
            paint = furniture.CAR_PAINT[int(rng.integers(len(furniture.CAR_PAINT)))]
            stage.put(furniture.car(paint), 0.0 if z > 6 else np.pi, (x, -0.12, z))
    stage.floors += [(-7.0, -3.4, 7.0, near - 0.5)]
    stage.reach = 7.5
    stage.sky = textures.sky(rng)
    stage.lighting = _sunlight(44.0, rng)


def _bus_stop(stage: Stage, x: float, near: float) -> None:
    owner = stage.new_owner()
    glass = plain((190, 184, 176), gloss=0.8)
    line = stage.word([str(number) for number in range(4, 60)], target=True)
    shapes = [Box((0, 2.35, 0), (3.0, 0.09, 1.4), furniture.DARK),
              Box((0, 1.2, 0.62), (2.9, 2.0, 0.03), glass),
              *[Box((side * 1.42, 1.17, z), (0.07, 2.34, 0.07), furniture.DARK)
                for side in (-1, 1) for z in (-0.6, 0.62)],
              *[shape.moved(0.0, (0, 0, 0.3)) for shape in furniture.bench(1.7)]]
    turn = float(np.arctan2(x, near))
    stage.put(shapes, 0.0, (x, 0, near - 1.0), owner)
    plate = furniture.plate(signs.sign(f'BUS {line}', pictogram='bus'), 0.42, 2.5, 0.05, 0.35)
    stage.put(plate, np.copysign(min(abs(turn), 1.15), turn), (x, 0, near - 1.7), owner)
    stage.block_box(x, near - 1.0, 3.2, 1.7)
    stage.ways.append(Way(f'the stop of bus {line}', owner, 0, line))


def park(stage: Stage) -> None:
    """Build a park square: paving, lawns, trees, benches, a fountain, houses far away."""
    rng = stage.rng
    stage.outdoors = True
    stage.eye = (float(rng.uniform(-0.6, 0.6)), float(rng.uniform(-0.6, 0.6)))
    lawn = Material(texture=textures.grass(rng), tile=(4, 4))
    slab = Material(texture=textures.paving(rng, (168, 180, 188)), tile=(2.8, 2.8))
    stage.add([Panel((-_FAR, 0, -_FAR), (2 * _FAR, 0, 0), (0, 0, 2 * _FAR), lawn),
               Cone((0, 0.001, 0), (0, 0.03, 0), 7.6, 7.6, plain((176, 182, 186))),
               Cone((0, 0.001, 0), (0, 0.034, 0), 7.35, 7.35, slab),
               Box((0, 0.012, 0), (2 * _FAR, 0.03, 2.6), slab),
               Box((0, 0.010, 0), (2.6, 0.03, 2 * _FAR), slab)])
    leaf = furniture.foliage(rng)
    trees, nearest, farthest = PARK_PLANS[stage.plan]
    for k in range(trees):
        turn = k * 2 * np.pi / trees + float(rng.uniform(-0.07, 0.07))
        away = float(rng.uniform(nearest, farthest))
        x, z = away * float(np.sin(turn)), away * float(np.cos(turn))
        if min(abs(x), abs(z)) > 2.6:
            stage.put(furniture.tree(rng, leaf, float(rng.uniform(4.6, 7.4))), 0.0, (x, 0, z))
    for k in range(4):
        turn = np.pi / 4 + k * np.pi / 2 + float(rng.uniform(-0.2, 0.2))
        x, z = 6.4 * float(np.sin(turn)), 6.4 * float(np.cos(turn))
        stage.put(furniture.bench(), turn, (x, 0.03, z))
        stage.block(x, z, 1.0)
    for turn in (0.35, 2.0, 3.6, 5.2):
        x, z = 7.0 * float(np.sin(turn)), 7.0 * float(np.cos(turn))
        stage.put(furniture.street_lamp(), turn, (x, 0, z))
    _skyline(stage)
    stage.floors.append((-6.0, -6.0, 6.0, 6.0))
    stage.reach = 6.2
    stage.sky = textures.sky(rng)
    stage.lighting = _sunlight(44.0, rng)


def _skyline(stage: Stage) -> None:
    rng = stage.rng
    walls = [textures.facade(rng, tint, 3, 4) for tint in _HOUSES]
    for k in range(30):
        turn = k * 2 * np.pi / 30 + float(rng.uniform(-0.05, 0.05))
        wide, tall = float(rng.uniform(8, 13)), float(rng.uniform(8, 19))
        body = Material(texture=walls[int(rng.integers(len(walls)))], tile=(7.0, 12.0))
        block = Box((0, tall / 2, 0), (wide, tall, 8), body, casts=False)
        stage.put([block], turn, (48 * float(np.sin(turn)), 0, 48 * float(np.cos(turn))))
