# SPDX-License-Identifier: Apache-2.0
"""Indoor layouts, each to several plans: a living room, a corridor, a lobby with gates."""
from __future__ import annotations

import numpy as np

from hvs_ros.scenes import furniture, signs, textures
from hvs_ros.scenes.lighting import Lamp, Lighting, Opening
from hvs_ros.scenes.materials import Colour, Material, plain
from hvs_ros.scenes.shapes import Box, Panel, Vector
from hvs_ros.scenes.stage import Spot, Stage, Way

NORTH, EAST, SOUTH, WEST = 0.0, np.pi / 2, np.pi, -np.pi / 2
WALLS: tuple[Colour, ...] = ((206, 216, 222), (214, 214, 206), (196, 210, 206), (222, 224, 226),
                              (214, 206, 200), (198, 208, 220))


# name of the plan -> (width, height, depth) of the room, metres: least and most
ROOM_PLANS: dict[str, tuple[Vector, Vector]] = {
    'living': ((5.6, 2.75, 5.2), (7.2, 2.75, 6.6)), 'long': ((4.7, 2.6, 7.2), (5.3, 2.6, 8.6)),
    'grand': ((7.6, 3.3, 7.0), (8.8, 3.3, 8.0)), 'studio': ((5.0, 2.9, 5.0), (5.9, 2.9, 5.8)),
    'broad': ((7.6, 2.6, 4.8), (8.8, 2.6, 5.4)), 'attic': ((5.6, 2.45, 6.0), (6.4, 2.45, 7.0))}
CORRIDOR_PLANS: dict[str, Vector] = {
    'school': (3.4, 2.8, 19.0), 'wide': (4.4, 3.2, 17.6), 'long': (3.1, 2.7, 24.0),
    'short': (3.3, 2.6, 16.6), 'tall': (3.6, 3.6, 20.0), 'hotel': (3.0, 2.6, 18.0)}
LOBBY_PLANS: dict[str, Vector] = {
    'hall': (15.0, 4.6, 13.0), 'low': (13.8, 3.7, 12.4), 'grand': (17.0, 5.6, 14.5),
    'deep': (14.6, 4.4, 16.0), 'broad': (18.0, 4.2, 12.6), 'cube': (14.0, 5.0, 14.0)}


def shell(stage: Stage, size: Vector, floor: Material, wall: Material, ceiling: Material,
           baseboard: Colour = (226, 230, 232)) -> None:
    """Add floor, ceiling, four walls with baseboards; `size` is width (x), height, depth (z)."""
    w, h, d = size
    stage.add([Panel((-w / 2, 0, -d / 2), (w, 0, 0), (0, 0, d), floor),
               Panel((-w / 2, h, -d / 2), (w, 0, 0), (0, 0, d), ceiling, casts=False)])
    board = plain(baseboard, gloss=0.2)
    for yaw, wide, away in ((NORTH, w, d / 2), (EAST, d, w / 2), (SOUTH, w, d / 2),
                            (WEST, d, w / 2)):
        stage.mount([Panel((-wide / 2, 0, 0), (wide, 0, 0), (0, h, 0), wall, casts=False),
                     Box((0, 0.05, -0.01), (wide, 0.10, 0.02), board, casts=False)],
                    yaw, away, 0.0)


def _planes(size: Vector) -> tuple[tuple[Vector, Vector], ...]:
    w, h, d = size
    return (((0, 0, 0), (0, 1, 0)), ((0, h, 0), (0, 1, 0)), ((w / 2, 0, 0), (1, 0, 0)),
            ((-w / 2, 0, 0), (1, 0, 0)), ((0, 0, d / 2), (0, 0, 1)), ((0, 0, -d / 2), (0, 0, 1)))


def light_of(size: Vector, direction: Vector, key: float, lamps: tuple[Lamp, ...],
             sky: float, openings: tuple[Opening, ...] = ()) -> Lighting:
    """Return the light of a room of that size, darker towards its corners."""
    return Lighting(direction, (key * 0.84, key * 0.96, key * 1.04), (sky, sky, sky),
                    (sky * 0.92, sky * 0.96, sky * 0.98), (0, 0, 0), max(size[0], size[2]) + 1.5,
                    softness=0.08, walls=_planes(size), lamps=lamps, openings=openings)


def on_top(stage: Stage, x: float, z: float, yaw: float, height: float,
            offsets: list[tuple[float, float]], reach: float) -> None:
    """Offer places on a surface; offsets are in the piece's own axes."""
    c, s = float(np.cos(yaw)), float(np.sin(yaw))
    for dx, dz in offsets:
        stage.surfaces.append(Spot((x + c * dx + s * dz, height, z - s * dx + c * dz), reach))


def wall_point(yaw: float, away: float, along: float) -> tuple[float, float]:
    """Return (x, z) of a place `away` from the middle towards a wall and `along` it."""
    c, s = float(np.cos(yaw)), float(np.sin(yaw))
    return c * along + s * away, -s * along + c * away


def _along_wall(stage: Stage, piece: str, yaw: float, away: float, width: float) -> None:
    """Fill a wall with a piece of furniture, a picture and a hook for a clock."""
    rng = stage.rng
    along = float(rng.uniform(-0.25, 0.25)) * (width - 2.4)
    inner_x, inner_z = wall_point(yaw, away - 0.25, along)
    if piece == 'sideboard':
        stage.mount(furniture.sideboard(rng), yaw, away, along)
        stage.block_box(inner_x, inner_z, 1.6, 0.55, yaw)
        on_top(stage, inner_x, inner_z, yaw, 0.805, [(-0.5, 0), (0.5, 0), (0.0, 0)], 0.34)
    elif piece == 'sofa':
        stage.mount(furniture.sofa(rng), yaw, away - 0.04, along)
        stage.block_box(*wall_point(yaw, away - 0.45, along), 2.1, 1.0, yaw)
    else:
        stage.mount(furniture.bookcase(rng), yaw, away, along)
        stage.block_box(inner_x, inner_z, 1.4, 0.5, yaw)
    beside = along + (1.35 if along < 0 else -1.35)
    if piece != 'bookcase':
        stage.mount(furniture.framed(textures.painting(rng), 0.9, 0.68, 1.72), yaw, away,
                    along)
    hook = wall_point(yaw, away, beside)
    stage.hooks.append(Spot((hook[0], 0.0, hook[1]), 0.4, yaw))


def room(stage: Stage) -> None:
    """Build a living room or office: windows on one wall, a door, furniture, a table, a rug."""
    rng = stage.rng
    least, most = ROOM_PLANS[stage.plan]
    w, h, d = size = (
        float(rng.uniform(least[0], most[0])), least[1], float(rng.uniform(least[2], most[2])))
    stage.eye = (float(rng.uniform(-0.5, 0.5)), float(rng.uniform(-0.5, 0.4)))
    woods: tuple[Colour, ...] = ((122, 150, 176), (92, 116, 140), (144, 164, 182))
    floor = (Material(texture=textures.planks(rng, woods[int(rng.integers(3))]), tile=(2.4, 1.2),
                      gloss=0.1, mirror=0.16) if rng.random() < 0.75 else
             Material(texture=textures.carpet(rng, (138, 140, 142)), tile=(1.2, 1.2)))
    tint = WALLS[int(rng.integers(len(WALLS)))]
    shell(stage, size, floor, Material(texture=textures.plaster(rng, tint), tile=(2.0, 2.0)),
           Material(texture=textures.plaster(rng, (236, 238, 238)), tile=(2.5, 2.5)))
    curtain = Material(texture=textures.fabric(rng, furniture.MUTED[int(rng.integers(6))]),
                       tile=(0.3, 0.3))
    side = EAST if rng.random() < 0.5 else WEST
    view = textures.outlook(rng)
    for along in (-d / 4, d / 4):
        stage.mount(furniture.window(view, 1.5, 1.35, 0.85, curtain), side, w / 2, along)
    stage.mount(furniture.door(), SOUTH, d / 2, w / 2 - 1.1)
    stage.block(*wall_point(SOUTH, d / 2 - 0.4, w / 2 - 1.1), 0.7)
    pieces = rng.permutation(['sideboard', 'sofa', 'bookcase']).tolist()
    _along_wall(stage, pieces[0], NORTH, d / 2, w)
    _along_wall(stage, pieces[1], -side, w / 2, d)
    _along_wall(stage, pieces[2], SOUTH, d / 2, w - 2.5)
    _middle(stage, w, d, side)
    stage.put(furniture.pendant(h), 0.0, (0.0, 0.0, 1.2))
    inset = 0.55
    stage.floors.append((-w / 2 + inset, -d / 2 + inset, w / 2 - inset, d / 2 - inset))
    towards = 1.0 if side == WEST else -1.0
    panes = tuple(Opening((-towards * w / 2, 0.85, along - 0.75), (0, 0, 1.5), 1.35, 0.16)
                  for along in (-d / 4, d / 4))
    stage.lighting = light_of(size, (1.0 * towards, -0.85, float(rng.uniform(-0.35, 0.35))), 2.1,
                            (Lamp((0, h - 1.0, 1.2), (0.20, 0.27, 0.33), 1.8),
                             Lamp((-towards * (w / 2 - 0.3), 1.6, 0), (0.42, 0.41, 0.40), 2.1)),
                            0.72, panes)


def _middle(stage: Stage, w: float, d: float, side: float) -> None:
    """Put a table off the centre, on a rug."""
    rng = stage.rng
    x = (w / 2 - 1.5) * (-1 if side == EAST else 1) * float(rng.uniform(0.55, 0.8))
    z = float(rng.uniform(-0.3, 0.5)) * d * 0.3 + 0.9
    if np.hypot(x - stage.eye[0], z - stage.eye[1]) < 1.9:
        z += 0.9
    rug = Material(texture=textures.carpet(rng, furniture.MUTED[int(rng.integers(6))]),
                   tile=(0.8, 0.8))
    pale = Material(texture=textures.carpet(rng, (196, 202, 206)), tile=(0.8, 0.8))
    stage.add([Box((x, 0.004, z), (2.5, 0.008, 1.8), pale),
               Box((x, 0.0062, z), (2.3, 0.008, 1.6), rug)])
    stage.put(furniture.table(rng, 1.5, 0.85), 0.0, (x, 0, z))
    stage.block_box(x, z, 1.6, 0.95)
    on_top(stage, x, z, 0.0, 0.74, [(-0.5, 0.1), (0.5, -0.1), (0.0, 0.12)], 0.34)


def ceiling_lights(stage: Stage, h: float, places: list[tuple[float, float]],
                   size: tuple[float, float]) -> None:
    """Add flat lamps under a ceiling of height `h`."""
    lit = plain((246, 250, 252), glow=1.25)
    for x, z in places:
        stage.add([Box((x, h - 0.01, z), (size[0], 0.03, size[1]), lit, casts=False)])


def corridor(stage: Stage) -> None:
    """Build a long corridor with numbered doors, an exit at one end and a lift at the other."""
    rng = stage.rng
    w, h, d = size = CORRIDOR_PLANS[stage.plan]
    stage.eye = (float(rng.uniform(-0.3, 0.3)), float(rng.uniform(-2.5, 2.5)))
    floor = Material(texture=textures.tiles(rng, (176, 184, 188), grout=0.86, count=4),
                     tile=(2.4, 2.4), gloss=0.2, mirror=0.30)
    tint = WALLS[int(rng.integers(len(WALLS)))]
    shell(stage, size, floor, Material(texture=textures.plaster(rng, tint), tile=(2, 2)),
           Material(texture=textures.ceiling_grid(rng), tile=(0.6, 0.6)), (92, 96, 100))
    band = plain((tint[0] * 0.72, tint[1] * 0.74, tint[2] * 0.76))
    for wall in (EAST, WEST):
        stage.mount([Box((0, 0.95, -0.012), (d, 0.14, 0.024), band, casts=False)], wall, w / 2, 0)
    lights = [(0.0, float(z)) for z in np.arange(-8, 8.1, 3.2)]
    ceiling_lights(stage, h, lights, (0.6, 1.2))
    _room_doors(stage, w, d)
    _corridor_ends(stage, d, h)
    inset = 0.42
    for left, right in ((-w / 2 + inset, -0.75), (0.75, w / 2 - inset)):
        stage.floors.append((left, -d / 2 + 1.6, right, d / 2 - 1.6))
    stage.reach = 5.2
    lamps = tuple(Lamp((x, h - 0.3, z), (0.36, 0.39, 0.40), 2.0) for x, z in lights[::2])
    stage.lighting = light_of(size, (0.35, -1.3, 0.25), 0.42, lamps, 0.66)


_DOOR_PLACES = (-7.2, -3.6, 0.0, 3.6, 7.2)


def _room_doors(stage: Stage, w: float, d: float) -> None:
    rng = stage.rng
    wooden: Colour = (104, 134, 160)
    count = 2 * len(_DOOR_PLACES)
    storey = int(rng.integers(1, 4)) * 100
    usable = [number for number in range(storey + 1, storey + 60)
              if stage.allowed.may('word', str(number))]
    begin = int(rng.integers(len(usable) - count))
    numbers = usable[begin:begin + count]
    near: list[tuple[float, int, int]] = []
    for k, z in enumerate(_DOOR_PLACES):
        for wall in (EAST, WEST):
            along = float(z) * (-1 if wall == EAST else 1)
            owner = stage.new_owner()
            stage.mount(furniture.door(colour=wooden), wall, w / 2, along, owner)
            number = numbers.pop(0)
            label = signs.sign(str(number), signs.SLATE)
            stage.mount(furniture.plate(label, 0.17, 1.52, 0.02, 0.25), wall, w / 2, along - 0.78)
            near.append((abs(float(z) - stage.eye[1]), owner, number))
        if k < 4:
            wall = EAST if k % 2 else WEST
            along = (float(z) + 1.8) * (-1 if wall == EAST else 1)
            x, y = wall_point(wall, w / 2, along)
            if rng.random() < 0.5:
                stage.mount(furniture.framed(textures.painting(rng), 0.8, 0.6, 1.75), wall,
                            w / 2, along)
            else:
                stage.hooks.append(Spot((x, 0.0, y), 0.4, wall))
    near.sort()
    for _, owner, number in near[1:5]:
        stage.ways.append(Way(f'room {number}', owner, 0, str(number)))


def _corridor_ends(stage: Stage, d: float, h: float) -> None:
    rng = stage.rng
    out, other = (NORTH, SOUTH) if rng.random() < 0.5 else (SOUTH, NORTH)
    owner = stage.new_owner()
    stage.mount(furniture.glass_door(textures.outlook(rng)), out, d / 2, 0.0, owner)
    label = signs.sign('EXIT', signs.GREEN, pictogram='runner')
    stage.mount(furniture.plate(label, 0.28, 2.44, 0.08, 0.85), out, d / 2, 0.0)
    stage.ways.append(Way('the exit', owner, 0, 'EXIT'))
    # A hanging sign near the middle, so that the exit is announced from afar too.
    z = stage.eye[1] + (3.4 if out == NORTH else -3.4)
    sign = signs.sign('EXIT', signs.GREEN, arrow='ahead', pictogram='runner')
    wide = 0.26 * sign.shape[1] / sign.shape[0]
    stage.put([*furniture.plate(sign, 0.26, h - 0.55, 0.04, 0.85),
               Box((-wide * 0.4, h - 0.13, -0.02), (0.015, 0.28, 0.015), furniture.DARK),
               Box((wide * 0.4, h - 0.13, -0.02), (0.015, 0.28, 0.015), furniture.DARK)],
              out, (0.0, 0.0, z))
    owner = stage.new_owner()
    stage.mount(furniture.lift(), other, d / 2, 0.0, owner)
    labelled = rng.random() < 0.5
    if labelled:
        label = signs.sign('LIFT', signs.NAVY, pictogram='lift' if rng.random() < 0.5 else '')
        stage.mount(furniture.plate(label, 0.22, 2.33, 0.04, 0.6), other, d / 2, 0.0)
    stage.ways.append(Way('the lift', owner, 0 if labelled else 1, 'LIFT'))


def lobby(stage: Stage) -> None:
    """Build a station hall: pillars, a stone floor, gates with signs, stairs, a desk."""
    rng = stage.rng
    w, h, d = size = LOBBY_PLANS[stage.plan]
    stage.eye = (float(rng.uniform(-1.5, 1.5)), float(rng.uniform(-1.5, 0.5)))
    floor = Material(texture=textures.tiles(rng, (196, 204, 210), 0.8, 4, marble=0.8),
                     tile=(3.2, 3.2), gloss=0.3, mirror=0.42)
    shell(stage, size, floor,
           Material(texture=textures.plaster(rng, WALLS[int(rng.integers(6))]), tile=(2.5, 2.5)),
           Material(texture=textures.plaster(rng, (232, 234, 234)), tile=(3, 3)), (120, 124, 126))
    lights = [(x, z) for x in (-4.5, 0.0, 4.5) for z in (-4.0, 0.0, 4.0)]
    ceiling_lights(stage, h, lights, (1.6, 0.35))
    for x in (-4.6, 4.6):
        for z in (-2.6, 2.6):
            stage.put(furniture.pillar(h), 0.0, (x, 0, z))
            stage.block(x, z, 0.6)
    _gates(stage, w, d)
    _stairs_and_exit(stage, w, d)
    _hall_fittings(stage, w, d)
    stage.floors.append((-w / 2 + 1.2, -d / 2 + 1.4, w / 2 - 1.2, d / 2 - 1.6))
    stage.reach = 5.6
    lamps = tuple(Lamp((x, h - 0.7, 0.0), (0.34, 0.38, 0.40), 3.2) for x in (-4.5, 4.5))
    stage.lighting = light_of(size, (0.45, -1.3, 0.3), 0.70, lamps, 0.74)


def _gates(stage: Stage, w: float, d: float) -> None:
    rng = stage.rng
    letter = stage.one_of('ABCD')
    known = [f'{letter}{number}' for number in range(1, 25)]
    names = [name for name in known if stage.allowed.may('word', name)]
    first = int(rng.integers(len(names) - 2))
    view = textures.outlook(rng)
    for name, along in zip(names[first:first + 3], (-4.4, 0.0, 4.4), strict=True):
        owner = stage.new_owner()
        stage.mount(furniture.glass_door(view, 2.2, 2.4), NORTH, d / 2, along, owner)
        stage.mount(furniture.plate(signs.sign(f'GATE {name}'), 0.46, 2.66, 0.10, 0.6),
                    NORTH, d / 2, along)
        stage.ways.append(Way(f'gate {name}', owner, 0, name))
    rows = [(f'GATE {name}', f'{8 + 2 * k}:{15 * k + 10}')
            for k, name in enumerate(names[first:first + 3])]
    stage.mount(furniture.framed(signs.board(rows), 1.9, 0.66, 3.0), WEST, w / 2, -2.5)


def _stairs_and_exit(stage: Stage, w: float, d: float) -> None:
    rng = stage.rng
    side = EAST if rng.random() < 0.5 else WEST
    owner = stage.new_owner()
    along = float(rng.uniform(-1.0, 1.0))
    stage.mount(furniture.stairs(), side, w / 2 - 3.5, along, owner)
    stage.block_box(*wall_point(side, w / 2 - 1.6, along), 2.8, 4.4, side)
    stage.ways.append(Way('the stairs', owner, 1, 'STAIRS'))
    owner = stage.new_owner()
    stage.mount(furniture.glass_door(textures.outlook(rng)), SOUTH, d / 2, 2.6, owner)
    label = signs.sign('EXIT', signs.GREEN, pictogram='runner')
    stage.mount(furniture.plate(label, 0.4, 2.55, 0.1, 0.85), SOUTH, d / 2, 2.6)
    stage.ways.append(Way('the exit', owner, 0, 'EXIT'))
    owner = stage.new_owner()
    stage.mount(furniture.lift(), -side, w / 2, 2.2, owner)
    # The word hangs on another wall, if anywhere; only its arrow knows the way, or does not.
    level = int(rng.choice([1, 2, 3], p=[0.4, 0.4, 0.2]))
    stage.ways.append(Way('the lift', owner, level, 'LIFT'))
    if level > 1:
        told, wrong = ('right', 'left') if side == EAST else ('left', 'right')
        label = signs.sign('LIFT', arrow=told if level == 2 else wrong, pictogram='lift')
        stage.mount(furniture.plate(label, 0.36, 3.1, 0.05, 0.5), SOUTH, d / 2, 0.2)


def _hall_fittings(stage: Stage, w: float, d: float) -> None:
    rng = stage.rng
    stage.mount(furniture.counter(rng), SOUTH, d / 2 - 1.0, -2.8)
    x, z = wall_point(SOUTH, d / 2 - 1.0, -2.8)
    stage.block_box(x, z, 3.2, 0.9)
    on_top(stage, x, z, SOUTH, 1.105, [(-1.0, 0), (0.0, 0), (1.0, 0)], 0.34)
    stage.mount(furniture.plate(signs.sign('INFORMATION'), 0.34, 2.6, 0.05, 0.4), SOUTH, d / 2,
                -2.8)
    for x, z in ((-4.6, 0.0), (4.6, 0.0)):
        stage.put(furniture.bench(), np.pi / 2, (x, 0, z))
        stage.block_box(x, z, 0.6, 1.8)
        stage.surfaces.append(Spot((x, 0.46, z + 0.45), 0.34))
    for wall, along in ((NORTH, -2.2), (NORTH, 2.2), (SOUTH, -0.4)):
        x, z = wall_point(wall, d / 2, along)
        stage.hooks.append(Spot((x, 0.35, z), 0.4, wall))
    for along in (-4.0, 4.6):
        stage.mount(furniture.framed(textures.painting(rng), 1.5, 1.1, 2.1), EAST, w / 2, along)
