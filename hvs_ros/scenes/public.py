# SPDX-License-Identifier: Apache-2.0
"""Layouts where people pass: a shop with shelves and a till, a station platform under a roof."""

from __future__ import annotations

import numpy as np

from hvs_ros.scenes import furniture, signs, textures
from hvs_ros.scenes.indoor import (
    EAST,
    NORTH,
    SOUTH,
    WALLS,
    WEST,
    ceiling_lights,
    light_of,
    on_top,
    shell,
    wall_point,
)
from hvs_ros.scenes.lighting import Lamp, Lighting
from hvs_ros.scenes.materials import Material, picture, plain
from hvs_ros.scenes.shapes import Box, Panel, Shape, Vector
from hvs_ros.scenes.stage import Spot, Stage, Way
from hvs_ros.scenes.textures import Random

SHOP_PLANS: dict[str, Vector] = {
    'market': (12.0, 3.4, 10.0), 'kiosk': (9.0, 3.0, 8.4), 'arcade': (14.0, 4.2, 10.0),
    'passage': (9.4, 3.2, 12.6), 'loft': (11.0, 4.6, 11.0), 'corner': (10.4, 3.0, 9.2)}
# name of the plan -> width of the platform between its tracks, metres
PLATFORM_PLANS = {'island': 9.0, 'narrow': 7.4, 'central': 11.0, 'suburban': 8.2, 'metro': 9.8,
                  'terminus': 10.4}
SECTIONS = ('BREAD', 'BOOKS', 'GARDEN', 'SPORT', 'MUSIC', 'LIGHTS', 'PAPER', 'TOOLS', 'DAIRY',
             'FRUIT', 'SHOES', 'TOYS', 'COFFEE', 'GIFTS')
_LONG = 34.0


def shop(stage: Stage) -> None:
    """Build a shop: shelves along the walls, tables, a till, an entrance, toilets, a lift."""
    rng = stage.rng
    w, h, d = size = SHOP_PLANS[stage.plan]
    stage.eye = (float(rng.uniform(-0.6, 0.6)), float(rng.uniform(-0.6, 0.6)))
    floor = Material(texture=textures.tiles(rng, (190, 198, 204), 0.85, 4), tile=(2.4, 2.4),
                     gloss=0.2, mirror=0.2)
    tint = WALLS[int(rng.integers(len(WALLS)))]
    shell(stage, size, floor, Material(texture=textures.plaster(rng, tint), tile=(2.0, 2.0)),
          Material(texture=textures.ceiling_grid(rng), tile=(0.6, 0.6)), (96, 100, 104))
    lights = [(float(x), float(z)) for x in (-w / 4, w / 4) for z in (-d / 4, d / 4)]
    ceiling_lights(stage, h, lights, (1.4, 0.3))
    side = EAST if rng.random() < 0.5 else WEST
    _shelves(stage, -side, w / 2, d, h)
    _till(stage, side, w, d)
    for x, z in ((-w / 4, d / 4), (w / 4, -d / 4)):
        stage.put(furniture.table(rng, 1.7, 0.9, 0.8), 0.0, (x, 0, z))
        stage.block_box(x, z, 1.8, 1.0)
        on_top(stage, x, z, 0.0, 0.80, [(-0.55, 0.1), (0.0, -0.15), (0.55, 0.1)], 0.34)
    _shop_doors(stage, w, d)
    for along in (-2.4, 2.8):
        x, z = wall_point(side, w / 2, along)
        stage.hooks.append(Spot((x, 0.2, z), 0.4, side))
    stage.floors.append((-w / 2 + 1.0, -d / 2 + 1.2, w / 2 - 1.0, d / 2 - 1.2))
    stage.reach = 5.4
    lamps = tuple(Lamp((x, h - 0.5, z), (0.36, 0.38, 0.40), 2.4) for x, z in lights[::3])
    stage.lighting = light_of(size, (0.3, -1.3, 0.4), float(rng.uniform(0.4, 0.8)), lamps, 0.74)


def _shelves(stage: Stage, wall: float, away: float, long: float, high: float) -> None:
    """Fill a wall with shelves under the names of what they hold."""
    rng = stage.rng
    places = np.arange(-long / 2 + 1.6, long / 2 - 1.4, 2.2)
    for along in places.tolist():
        stage.mount(furniture.bookcase(rng), wall, away, along)
        stage.block_box(*wall_point(wall, away - 0.3, along), 1.4, 0.6, wall)
        if high > 2.9:
            label = signs.sign(stage.word(SECTIONS), signs.SLATE)
            stage.mount(furniture.plate(label, 0.3, 2.25, 0.05, 0.35), wall, away, along)


def _till(stage: Stage, wall: float, w: float, d: float) -> None:
    rng = stage.rng
    away = w / 2 - 1.1
    along = float(rng.uniform(-0.2, 0.2)) * d
    owner = stage.new_owner()
    stage.mount(furniture.counter(rng, 2.4), wall, away, along, owner)
    x, z = wall_point(wall, away, along)
    stage.block_box(x, z, 2.6, 0.9, wall)
    on_top(stage, x, z, wall, 1.105, [(-0.7, 0), (0.0, 0), (0.7, 0)], 0.34)
    told = rng.random() < 0.6
    if told:
        stage.mount(furniture.plate(signs.sign('INFORMATION'), 0.3, 2.3, 0.05, 0.4), wall, w / 2,
                    along)
    stage.ways.append(Way('the counter', owner, 0 if told else 1))


def _shop_doors(stage: Stage, w: float, d: float) -> None:
    rng = stage.rng
    out, other = (NORTH, SOUTH) if rng.random() < 0.5 else (SOUTH, NORTH)
    owner = stage.new_owner()
    along = float(rng.uniform(-0.2, 0.2)) * w
    stage.mount(furniture.glass_door(textures.outlook(rng), 2.2, 2.3), out, d / 2, along, owner)
    told = rng.random() < 0.6
    if told:
        label = signs.sign('EXIT', signs.GREEN, pictogram='runner')
        stage.mount(furniture.plate(label, 0.3, 2.5, 0.08, 0.85), out, d / 2, along)
    stage.ways.append(Way('the exit', owner, 0 if told else 1, 'EXIT'))
    stage.block(*wall_point(out, d / 2 - 0.6, along), 1.2)
    for place, word, pictogram, fitting, at in (
            ('the toilets', 'TOILETS', 'toilets', furniture.door(), -w / 4),
            ('the lift', 'LIFT', 'lift', furniture.lift(), w / 4)):
        owner = stage.new_owner()
        stage.mount(fitting, other, d / 2, at, owner)
        stage.block(*wall_point(other, d / 2 - 0.5, at), 0.8)
        spoken = word if rng.random() < 0.7 else ''
        label = signs.sign(spoken, pictogram=pictogram)
        stage.mount(furniture.plate(label, 0.26, 2.36, 0.05, 0.5), other, d / 2, at)
        stage.ways.append(Way(place, owner, 0 if spoken else 1, word))


def platform(stage: Stage) -> None:
    """Build a station platform: a roof on pillars, a train, tracks, stairs, a lift, signs."""
    rng = stage.rng
    wide = PLATFORM_PLANS[stage.plan]
    stage.eye = (float(rng.uniform(-0.6, 0.6)), float(rng.uniform(-1.0, 1.0)))
    slab = Material(texture=textures.paving(rng, (168, 176, 182)), tile=(2.4, 2.4))
    gravel = Material(texture=textures.asphalt(rng), tile=(3, 3))
    stage.add([
        Panel((-wide / 2, 0, -_LONG), (wide, 0, 0), (0, 0, 2 * _LONG), slab),
        Panel((-60, -1.0, -60), (120, 0, 0), (0, 0, 120), gravel),
        Box((0, 4.0, 0), (wide - 1.0, 0.16, 2 * _LONG), plain((214, 218, 220)), casts=False),
        *[Box((x, -0.5, 0), (0.1, 1.0, 2 * _LONG), plain((150, 156, 160)))
          for x in (-wide / 2, wide / 2)],
        *[Panel((x - 0.2, 0.004, -_LONG), (0.4, 0, 0), (0, 0, 2 * _LONG), plain(
            (150, 206, 220)), casts=False) for x in (-wide / 2 + 0.6, wide / 2 - 0.6)]])
    for z in np.arange(-21.0, 21.1, 7.0).tolist():
        stage.put(furniture.pillar(4.0, 0.22), 0.0, (0.0 if abs(z) > 1 else wide / 2 - 1.4, 0, z))
        stage.block(0.0, z, 0.4)
    ceiling_lights(stage, 3.92, [(0.0, float(z)) for z in np.arange(-17.5, 18, 7.0)], (0.3, 2.2))
    side = 1.0 if rng.random() < 0.5 else -1.0
    _train(stage, side * (wide / 2 + 1.7), rng)
    _tracks(stage, -side * (wide / 2 + 1.7))
    _platform_ends(stage, wide)
    _platform_signs(stage, wide)
    for z in (-4.4, 4.4):
        stage.put(furniture.bench(1.8), np.pi / 2, (0.9, 0, z))
        stage.block_box(0.9, z, 0.6, 2.0)
        stage.surfaces.append(Spot((0.9, 0.46, z + 0.5), 0.34))
    stage.floors.append((-wide / 2 + 1.1, -8.0, wide / 2 - 1.1, 8.0))
    stage.reach = 6.4
    stage.sky = textures.sky(rng)
    turn = float(rng.uniform(0, 2 * np.pi))
    stage.lighting = Lighting(
        (float(np.cos(turn)) * 0.9, -0.8, float(np.sin(turn)) * 0.5), (1.1, 1.2, 1.3),
        (0.72, 0.69, 0.66), (0.62, 0.64, 0.66), (0, 0, 0), 44.0, softness=0.12,
        lamps=tuple(Lamp((0, 3.5, z), (0.30, 0.32, 0.33), 3.0) for z in (-6.0, 6.0)))


def _train(stage: Stage, x: float, rng: Random) -> None:
    """Put a train with bright windows beside the platform."""
    paint = furniture.MUTED[int(rng.integers(len(furniture.MUTED)))]
    body, glass = plain(paint, gloss=0.4), plain((96, 92, 84), gloss=0.9)
    inner = -1.0 if x > 0 else 1.0
    for k in range(-2, 3):
        z = k * 12.2
        shapes: list[Shape] = [
            Box((x, 1.2, z), (2.8, 3.0, 12.0), body), Box((x, 2.8, z), (2.5, 0.3, 11.9), plain(
                (120, 122, 124))),
            *[Box((x + inner * 1.41, 1.7, z + step), (0.02, 0.8, 1.5), glass)
              for step in (-3.6, -1.8, 0.0, 1.8, 3.6)],
            *[Box((x + inner * 1.42, 1.05, z + step), (0.02, 2.0, 1.1), plain(
                (paint[0] * 0.6, paint[1] * 0.6, paint[2] * 0.6))) for step in (-5.2, 5.2)]]
        stage.add(shapes)


def _tracks(stage: Stage, x: float) -> None:
    rail = plain((128, 132, 134), gloss=0.6)
    stage.add([Box((x + step, -0.88, 0), (0.08, 0.16, 2 * _LONG), rail) for step in (-0.72, 0.72)])
    stage.add([Box((x, -0.96, float(z)), (2.4, 0.1, 0.26), plain((96, 104, 112)))
               for z in np.arange(-20, 21, 2.0)])
    stage.add([Box((x * 1.9, 1.6, 0), (0.3, 5.2, 2 * _LONG), Material(
        texture=textures.bricks(stage.rng), tile=(2.0, 2.0)))])


def _platform_ends(stage: Stage, wide: float) -> None:
    """Put stairs at one end of the platform and a lift at the other."""
    rng = stage.rng
    out, other = (NORTH, SOUTH) if rng.random() < 0.5 else (SOUTH, NORTH)
    owner = stage.new_owner()
    stage.mount(furniture.stairs(min(3.0, wide - 4.0)), out, 9.5, 0.0, owner)
    told = rng.random() < 0.5
    if told:
        label = signs.sign('EXIT', signs.GREEN, arrow='ahead', pictogram='stairs')
        stage.mount(furniture.plate(label, 0.36, 3.1, 0.05, 0.7), out, 8.0, 0.0)
        stage.ways.append(Way('the exit', owner, 0, 'EXIT'))
    stage.ways.append(Way('the stairs', owner, 1, 'STAIRS'))
    owner = stage.new_owner()
    stage.put([Box((0, 1.5, 0.9), (2.2, 3.0, 1.8), plain((166, 168, 168), gloss=0.5))], other, (
        0.0, 0.0, (11.0 if other == NORTH else -11.0)))
    stage.mount(furniture.lift(), other, 11.0, 0.0, owner)
    told = rng.random() < 0.5
    label = signs.sign('LIFT' if told else '', pictogram='lift')
    stage.mount(furniture.plate(label, 0.28, 2.5, 0.05, 0.6), other, 11.0, 0.0)
    stage.ways.append(Way('the lift', owner, 0 if told else 1, 'LIFT'))


def _platform_signs(stage: Stage, wide: float) -> None:
    """Hang a sign with the number of each track over its edge."""
    numbers = [str(number) for number in range(1, 24)]
    usable = [number for number in numbers if stage.allowed.may('word', number)]
    first = int(stage.rng.integers(len(usable) - 1))
    board = textures.outlook(stage.rng)
    for number, side in zip(usable[first:first + 2], (-1.0, 1.0), strict=True):
        owner = stage.new_owner()
        label = signs.sign(f'PLATFORM {number}')
        wall = EAST if side > 0 else WEST
        along = float(stage.rng.uniform(-2.0, 2.0))
        stage.mount(furniture.plate(label, 0.5, 2.6, 0.06, 0.6), wall, wide / 2 - 0.5, along,
                    owner)
        stage.ways.append(Way(f'platform {number}', owner, 0, number))
        poster = [Panel((-0.6, 0.9, -0.02), (1.2, 0, 0), (0, 0.8, 0), picture(board, 1.2, 0.8))]
        stage.mount(poster, wall, wide / 2 + 0.2, along + 5.0)
