# SPDX-License-Identifier: Apache-2.0
"""Scenes come out the same from the same seed, in the benchmark's format, fair to the searcher."""
from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from hvs_ros.cli import scenes as command
from hvs_ros.core.episode import load_episodes
from hvs_ros.core.errors import InputError
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.renderer import Renderer, ViewSpec
from hvs_ros.scenes import LAYOUTS, Size, generate, make_scene
from hvs_ros.scenes.objects import COLOURS, KINDS
from hvs_ros.scenes.stage import Stage

SMALL = Size(512, 256)
BUNDLED = Path(__file__).parents[2] / 'sim' / 'episodes'


def digest(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob('*')) if path.is_file()}


def hue_of(colour: str) -> int:
    pixel = np.array([[COLOURS[colour]]], np.uint8)
    return int(cv2.cvtColor(pixel, cv2.COLOR_BGR2HSV)[0, 0, 0])


def bundled_seed() -> int:
    words = (BUNDLED / 'README.md').read_text(encoding='utf-8').split()
    return int(words[words.index('--seed') + 1])


@pytest.fixture(scope='module')
def written(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp('scenes')
    list(generate(out, 3, SMALL, 3, 'both'))
    return out


def test_the_same_seed_writes_the_same_bytes_and_another_seed_does_not(written, tmp_path):
    list(generate(tmp_path / 'again', 3, SMALL, 3, 'both'))
    list(generate(tmp_path / 'other', 1, SMALL, 4, 'both'))
    assert digest(tmp_path / 'again') == digest(written)
    assert not set(digest(tmp_path / 'other').values()) & set(digest(written).values())


def test_what_is_written_reads_as_episodes_of_both_splits(written):
    episodes = load_episodes(written)
    assert {episode.split for episode in episodes} == {'hos', 'hps'}
    assert len(episodes) % 4 == 0
    assert {episode.start.yaw for episode in episodes} == {0, 90, 180, 270}
    assert all(episode.level in (0, 1, 2, 3) for episode in episodes)
    for folder in (*written.glob('h*s/*'),):
        assert len(list(folder.glob('pano_*.jpg'))) == 1


def test_a_folder_with_episodes_is_refused_and_left_alone(written):
    before = digest(written)
    with pytest.raises(InputError, match='already holds episodes'):
        list(generate(written, 1, SMALL, 9, 'path'))
    assert digest(written) == before


@pytest.mark.parametrize(('count', 'seed', 'kind', 'says'), [
    (0, 1, 'object', 'count 0'), (1, -1, 'object', 'seed -1'), (1, 1, 'sound', "kind 'sound'")])
def test_bad_numbers_are_named(tmp_path, count, seed, kind, says):
    with pytest.raises(InputError, match=says):
        list(generate(tmp_path, count, SMALL, seed, kind))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('text', ['', '2048', '2048x', 'x1024', '2048x1025', '64x32', 'axb',
                                  '-2048x-1024', '40000x20000'])
def test_bad_sizes_are_named(text):
    with pytest.raises(InputError, match='size'):
        Size.parse(text)


def test_a_size_is_read():
    assert Size.parse('512X256') == SMALL


def test_there_are_enough_kinds_and_colours():
    assert len(KINDS) >= 10
    assert len(COLOURS) >= 8


@pytest.mark.parametrize('layout', sorted(LAYOUTS))
@pytest.mark.parametrize('seed', range(6))
def test_no_two_things_share_both_kind_and_colour(layout, seed):
    stage = Stage(np.random.default_rng([seed, 1]))
    LAYOUTS[layout](stage)
    stage.furnish(14)
    pairs = [(thing.colour, thing.kind) for thing in stage.things]
    assert len(pairs) >= 6
    assert len(set(pairs)) == len(pairs)
    owners = np.array(stage.owners)
    for thing in stage.things:
        numbers = np.flatnonzero(owners == thing.owner)
        assert numbers.size == numbers[-1] - numbers[0] + 1


@pytest.mark.parametrize('name', sorted(KINDS))
def test_the_middle_of_a_thing_shows_its_colour(name):
    from hvs_ros.scenes.lighting import Lighting
    from hvs_ros.scenes.tracer import Tracer
    light = Lighting((0.3, -1.0, 0.6), (1.3, 1.3, 1.3), (0.8,) * 3, (0.5,) * 3, (0, 0, 0), 8.0)
    colour = COLOURS['purple']
    shapes = [shape.moved(0.0, (0.0, 0.0, 2.5)) for shape in KINDS[name].make(colour)]
    picture = Tracer(shapes, light, (0.0, 1.0, 0.0), 0.0).draw(512, 256)
    seen = cv2.cvtColor(picture.image, cv2.COLOR_BGR2HSV)[picture.shape >= 0]
    hue = hue_of('purple')
    own = (np.abs(seen[:, 0].astype(int) - hue) < 8) & (seen[:, 1] > 110)
    assert own.mean() > 0.25


def test_the_renderer_looking_at_a_window_sees_the_thing():
    made = make_scene('park', 5, 0, False, SMALL)
    renderer = Renderer(ViewSpec(width=320, height=180, reticle=False))
    for item in made.items:
        colour = next(word for word in item['task'].split() if word in COLOURS)
        low, high = item['yaw']
        yaw = low + (high - low) % 360 / 2
        view = renderer.render(made.image, BenchmarkAngles(yaw, sum(item['pitch']) / 2).to_gaze())
        hsv = cv2.cvtColor(view[60:120, 130:190], cv2.COLOR_BGR2HSV)
        hue = hue_of(colour)
        near = np.abs((hsv[..., 0].astype(int) - hue + 90) % 180 - 90) < 10
        assert (near & (hsv[..., 1] > 120)).sum() > 15, item


@pytest.mark.parametrize('layout', ['lobby', 'street', 'corridor'])
def test_a_way_is_asked_for_in_words_and_bounded_in_yaw_alone(layout):
    made = make_scene(layout, 8, 0, True, SMALL)
    assert made.split == 'hps'
    for item in made.items:
        assert 'pitch' not in item
        assert 3 <= (item['yaw'][1] - item['yaw'][0]) % 360 <= 60
        assert item['level'] in ([0] * 4, [1] * 4, [2] * 4)
        assert item['task'].split()[0] in ('Go', 'Take', 'Leave', 'Walk', 'Cross')


@pytest.mark.parametrize('layout', sorted(LAYOUTS))
def test_every_target_has_a_rival_in_kind_and_one_in_colour(layout):
    made = make_scene(layout, 4, 0, False, SMALL)
    # The stage of the first attempt; its things are known before anything is drawn.
    stage = Stage(np.random.default_rng([4, 0, 0, 0]))
    LAYOUTS[layout](stage)
    stage.furnish(14)
    pairs = {(thing.colour, thing.kind) for thing in stage.things}
    assert made.items
    for item in made.items:
        colour, kind = item['task'].removeprefix('Find the ').split(' ', 1)
        assert (colour, kind) in pairs
        assert any(c == colour and k != kind for c, k in pairs)
        assert any(c != colour and k == kind for c, k in pairs)


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
    assert {episode.scene.split('_')[0] for episode in episodes} == set(LAYOUTS)
    assert {episode.split for episode in episodes} == {'hos', 'hps'}


def test_a_bundled_scene_comes_again_from_its_seed():
    folder = sorted(BUNDLED.glob('hos/*'))[0]
    layout, index = folder.name.split('_')
    made = make_scene(layout, bundled_seed(), int(index), False, Size(2048, 1024))
    known = json.loads((folder / 'annotation.json').read_text(encoding='utf-8'))
    assert [item['task'] for item in made.items] == [item['task'] for item in known]
    for ours, theirs in zip(made.items, known, strict=True):
        # Another processor may round a ray to the other side of an edge: one pixel, 0.18 degrees.
        assert ours['yaw'] == pytest.approx(theirs['yaw'], abs=0.2)
        assert ours['pitch'] == pytest.approx(theirs['pitch'], abs=0.2)
        assert ours['level'] == theirs['level']
    stored = cv2.imread(str(next(folder.glob('pano_*.jpg'))))
    difference = np.abs(stored.astype(int) - made.image)
    assert difference.mean() < 3
