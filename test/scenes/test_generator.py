# SPDX-License-Identifier: Apache-2.0
"""Scenes come out the same from the same seed, in the benchmark's format, fair to the searcher."""
from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
import re

import cv2
import numpy as np
import pytest

from hvs_ros.cli import scenes as command
from hvs_ros.core.episode import load_episodes
from hvs_ros.core.errors import InputError
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.renderer import Renderer, ViewSpec
from hvs_ros.scenes import LAYOUTS, Order, Size, generate, make_scene
from hvs_ros.scenes.generator import LEAST_THINGS, OBJECT_LAYOUTS, PATH_LAYOUTS, Made
from hvs_ros.scenes.splits import Allowed
from hvs_ros.scenes.things import COLOURS, KINDS

SMALL = Size(512, 256)
BUNDLED = Path(__file__).parents[2] / 'sim' / 'episodes'


def digest(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob('*'))
            if path.is_file() and path.name != 'dataset.json'}


def hue_of(colour: str) -> int:
    pixel = np.array([[COLOURS[colour]]], np.uint8)
    return int(cv2.cvtColor(pixel, cv2.COLOR_BGR2HSV)[0, 0, 0])


@pytest.fixture(scope='module')
def written(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp('scenes')
    list(generate(out, Order(3, SMALL, 3)))
    return out


def test_the_same_seed_writes_the_same_bytes_and_another_seed_does_not(written, tmp_path):
    list(generate(tmp_path / 'again', Order(3, SMALL, 3)))
    list(generate(tmp_path / 'other', Order(1, SMALL, 4)))
    assert digest(tmp_path / 'again') == digest(written)
    assert not set(digest(tmp_path / 'other').values()) & set(digest(written).values())


def test_what_is_written_reads_as_episodes_of_both_splits(written):
    episodes = load_episodes(written)
    assert {episode.split for episode in episodes} == {'hos', 'hps'}
    assert len(episodes) % 4 == 0
    assert {episode.start.yaw for episode in episodes} == {0, 90, 180, 270}
    assert all(episode.level in (0, 1, 2, 3) for episode in episodes)
    for folder in (path for path in written.glob('h*s/*') if path.is_dir()):
        assert len(list(folder.glob('pano_*.jpg'))) == 1


def test_a_folder_with_episodes_is_refused_and_left_alone(written):
    before = digest(written)
    with pytest.raises(InputError, match='already holds episodes'):
        list(generate(written, Order(1, SMALL, 9, 'path')))
    assert digest(written) == before


@pytest.mark.parametrize(('numbers', 'says'), [
    ({'count': 0}, 'count 0'), ({'count': 10_001}, 'count 10001'), ({'seed': -1}, 'seed -1'),
    ({'seed': 100_000}, 'seed 100000'), ({'kind': 'sound'}, "kind 'sound'"),
    ({'items': 0}, 'items 0'), ({'items': 5}, 'items 5')])
def test_bad_numbers_are_named(numbers, says):
    with pytest.raises(InputError, match=says):
        Order(**{'count': 1, 'size': SMALL, **numbers})


@pytest.mark.parametrize('text', ['', '2048', '2048x', 'x1024', '2048x1025', '64x32', 'axb',
                                  '-2048x-1024', '40000x20000'])
def test_bad_sizes_are_named(text):
    with pytest.raises(InputError, match='size'):
        Size.parse(text)


def test_a_size_is_read():
    assert Size.parse('512X256') == SMALL


def test_there_are_enough_kinds_and_colours():
    assert len(KINDS) >= 24
    assert all(len(kind.styles) >= 4 for kind in KINDS.values())
    assert len(COLOURS) >= 8


def made(layout: str, seed: int, path: bool = False, **order) -> Made:
    return make_scene(Order(1, SMALL, seed, **order), 0, layout, path)


@pytest.mark.parametrize('layout', sorted(LAYOUTS))
@pytest.mark.parametrize('seed', range(3))
def test_no_two_things_share_both_kind_and_colour(layout, seed):
    scene = made(layout, seed).scene
    pairs = [thing.pair for thing in scene.stage.things]
    assert len(scene.things) >= LEAST_THINGS
    assert len(set(pairs)) == len(pairs)
    owners = np.array(scene.stage.owners)
    for thing in scene.stage.things:
        numbers = np.flatnonzero(owners == thing.owner)
        assert numbers.size == numbers[-1] - numbers[0] + 1


@pytest.mark.parametrize(('name', 'style'), [
    (name, style) for name, kind in sorted(KINDS.items()) for style in kind.styles])
def test_a_thing_shows_its_colour(name, style):
    from hvs_ros.scenes.lighting import Lighting
    from hvs_ros.scenes.tracer import Tracer
    light = Lighting((0.3, -1.0, 0.6), (1.3, 1.3, 1.3), (0.8,) * 3, (0.5,) * 3, (0, 0, 0), 8.0)
    shapes = [shape.moved(0.0, (0.0, 0.0, 2.5))
              for shape in KINDS[name].styles[style](COLOURS['purple'])]
    picture = Tracer(shapes, light, (0.0, 1.0, 0.0), 0.0).draw(512, 256)
    seen = cv2.cvtColor(picture.image, cv2.COLOR_BGR2HSV)[picture.shape >= 0]
    hue = hue_of('purple')
    own = (np.abs(seen[:, 0].astype(int) - hue) < 8) & (seen[:, 1] > 110)
    assert own.mean() > 0.06  # a bass drum shows its head


def test_the_renderer_looking_at_a_window_sees_the_thing():
    one = made('park', 5)
    renderer = Renderer(ViewSpec(width=320, height=180, reticle=False))
    for item in one.items:
        # the last colour named is that of the thing, or of what it stands beside
        named = [word for word in re.findall(r'[a-z]+', item['task']) if word in COLOURS]
        low, high = item['yaw']
        yaw = low + (high - low) % 360 / 2
        view = renderer.render(one.image, BenchmarkAngles(yaw, sum(item['pitch']) / 2).to_gaze())
        middle = view[70:110, 140:180].reshape(-1, 3).astype(int)
        near = [np.abs(middle / (middle.sum(axis=1, keepdims=True) + 1) - np.array(COLOURS[c]) / (
            sum(COLOURS[c]) + 1)).max(axis=1) < 0.12 for c in named]
        assert np.any(near, axis=0).sum() > 15, item


@pytest.mark.parametrize('layout', PATH_LAYOUTS)
def test_a_way_is_asked_for_in_words_and_bounded_in_yaw_alone(layout):
    one = made(layout, 8, path=True)
    assert one.split == 'hps'
    places = [way.place for way in one.scene.ways]
    for item in one.items:
        assert 'pitch' not in item
        assert 3 <= (item['yaw'][1] - item['yaw'][0]) % 360 <= 60
        assert item['level'] in ([0] * 4, [1] * 4, [2] * 4, [3] * 4)
        assert any(place in item['task'] for place in places)


@pytest.mark.parametrize('layout', OBJECT_LAYOUTS)
def test_every_target_has_two_rivals_in_kind_and_two_in_colour(layout):
    one = made(layout, 4)
    assert one.items
    asked = [thing for thing, seen in one.scene.things.items()
             if any(list(seen.yaw) == item['yaw'] for item in one.items)]
    assert len(asked) == len(one.items)
    for thing in asked:
        kind, colour = one.scene.rivals(thing)
        assert kind >= 2 and colour >= 2


def test_the_command_writes_and_reports(tmp_path, capsys):
    parser = argparse.ArgumentParser()
    command.add_parser(parser.add_subparsers())
    args = parser.parse_args(['scenes', str(tmp_path / 'out'), '--count', '1', '--size', '512x256',
                              '--seed', '2', '--kind', 'path'])
    assert args.run(args) == 0
    assert capsys.readouterr().out.startswith('1/1 ')
    assert len(load_episodes(tmp_path / 'out')) >= 4


def test_the_bundled_episodes_are_small_varied_and_whole():
    pictures = sorted(BUNDLED.glob('h*s/*/pano_*.jpg'))
    assert len(pictures) >= 8
    assert sum(p.stat().st_size for p in BUNDLED.rglob('*') if p.is_file()) < 4_000_000
    assert all(cv2.imread(str(p), cv2.IMREAD_REDUCED_GRAYSCALE_8).shape == (128, 256)
               for p in pictures)
    episodes = load_episodes(BUNDLED)
    assert {episode.scene.split('_')[0] for episode in episodes} <= set(LAYOUTS)
    assert {episode.split for episode in episodes} == {'hos', 'hps'}


def test_a_test_set_is_as_hard_as_promised():
    order = Order(28, Size(768, 384), 5, 'object', 1, Allowed('test'))
    one_each = [make_scene(order, index, layout, path) for index, layout, path in order.plan()]
    assert all(len(one.scene.things) >= LEAST_THINGS for one in one_each)
    widths = [(one.items[0]['yaw'][1] - one.items[0]['yaw'][0]) % 360 for one in one_each]
    assert np.median(widths) <= 12
    assert np.mean(np.array(widths) < 5) >= 0.1
    out_of_view = [level == 2 for one in one_each for level in one.items[0]['level']]
    assert np.mean(out_of_view) >= 0.55
    assert all(len(one.items) == 1 and len(one.items[0]['initial yaw']) <= 4 for one in one_each)


def test_the_same_place_is_seen_from_another_yaw_in_every_scene():
    yaws = [made('room', seed).scene.tracer.yaw for seed in range(3)]
    assert len(set(yaws)) == 3 and np.ptp(yaws) > 0.3
