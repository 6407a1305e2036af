# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

from dataclasses import replace
import math

import numpy as np
import pytest

from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.learning import views
from hvs_ros.learning.train import training_names
from hvs_ros.learning.views import ZOOM, make_views, read_shard, scene_seed, write_cache
from hvs_ros.scenes.scene import draw_scene
from hvs_ros.scenes.splits import Allowed, split_of, split_of_seed
from hvs_ros.scenes.things import style_name


@pytest.fixture(scope='module')
def painted():
    """Return a scene whose panorama's grey level says which owner each pixel shows."""
    scene = draw_scene('room', scene_seed('train', 0), Allowed('train'), (1536, 768))
    owners = scene.owner_of_pixel
    levels = (owners * 3 % 256).astype(np.uint8)
    image = np.repeat(levels[:, :, None], 3, axis=2)
    return scene, replace(scene, picture=replace(scene.picture, image=image))


@pytest.mark.parametrize('zoom', [1, ZOOM])
@pytest.mark.parametrize(('yaw', 'pitch', 'roll'), [
    (0, 0, 0), (137, -20, 0), (250, 30, 8), (359, -60, -12)])
def test_the_map_of_owners_is_the_view_of_what_stands_there(painted, yaw, pitch, roll, zoom):
    """The renderer, looking at a panorama that is painted by owner, is the judge."""
    scene, by_owner = painted
    looking = BenchmarkAngles(yaw, pitch), math.radians(roll), zoom
    owners = views._owners(scene, *looking)
    seen = views._image(by_owner, *looking)[:, :, 0]
    assert owners.shape == (90, 160)
    # the four pixels around a spot, where they agree: elsewhere is an edge
    spots = seen.reshape(90, 2, 160, 2).transpose(0, 2, 1, 3).reshape(90, 160, 4)
    clear = spots.min(axis=2) == spots.max(axis=2)
    assert clear.mean() > 0.7
    right = (owners.astype(int) * 3 % 256 == spots[:, :, 0])[clear]
    assert right.mean() > 0.995


def test_the_same_numbers_give_the_same_views(shard):
    again = make_views('train', [0])
    count = len(again.images)
    assert (again.images == shard.images[:count]).all()
    assert (again.owners == shard.owners[:count]).all()
    assert again.labels == shard.labels[:1]


def test_views_are_small_pictures_of_every_scene_wide_and_close(shard):
    assert shard.images.shape == (20, 180, 320, 3) and shard.images.dtype == np.uint8
    assert shard.owners.shape == (20, 90, 160) and shard.owners.dtype == np.uint8
    assert shard.scene_of.tolist() == [0] * 10 + [1] * 10
    assert len(np.unique(shard.images.reshape(20, -1), axis=0)) == 20
    assert (shard.images.reshape(20, -1).std(axis=1) > 5).all()


def test_close_views_show_something_that_has_a_name(shard):
    for k, (owners, scene) in enumerate(zip(shard.owners, shard.scene_of, strict=True)):
        named = {label.owner for label in shard.labels[scene]}
        if k % 10 >= 5 and named & set(np.unique(owners).tolist()):
            break
    else:
        pytest.fail('nothing with a name in any close view')


def test_owners_are_scenery_or_have_a_name_and_names_are_of_the_split(shard):
    for labels in shard.labels:
        assert len({label.owner for label in labels}) == len(labels)
        for label in labels:
            assert 1 <= label.owner <= 255
            assert bool(label.kind) != bool(label.place)
            if label.kind:
                assert split_of('style', style_name(label.kind, label.style)) == 'train'
                assert split_of('pair', f'{label.colour} {label.kind}') == 'train'
            if label.word:
                assert split_of('word', label.word) == 'train'
    named = set(training_names()['pair'])
    assert {f'{label.colour} {label.kind}' for labels in shard.labels
            for label in labels if label.kind} <= named


def test_a_thing_said_to_be_left_of_another_is(shard):
    scene = draw_scene('room', scene_seed('train', 0), Allowed('train'), (1536, 768))
    middle = {thing.owner: seen.middle for thing, seen in scene.things.items()}
    by_pair: dict[str, list[float]] = {}
    for thing in scene.things:
        by_pair.setdefault(thing.pair, []).append(middle[thing.owner])
    told = 0
    for label in shard.labels[0]:
        for relation, landmark in label.beside:
            gaps = [(at - middle[label.owner] + 180) % 360 - 180 for at in by_pair[landmark]]
            if relation == 'left of':
                assert any(0 < gap <= 25 for gap in gaps)
            elif relation == 'right of':
                assert any(-25 <= gap < 0 for gap in gaps)
            else:
                assert any(abs(gap) <= 25 for gap in gaps)
            told += 1
    assert told > 0


@pytest.mark.parametrize('split', ['train', 'val', 'test'])
def test_scenes_to_train_with_are_of_their_split_and_of_no_order(split):
    seeds = [scene_seed(split, number) for number in (0, 1999, 100_000)]
    assert {split_of_seed(seed) for seed in seeds} == {split}
    from hvs_ros.scenes.generator import MOST_SCENES, Order, Size
    last = Order(1, Size(512, 256), 0, allowed=Allowed(split)).seed_of(0) + MOST_SCENES
    assert min(seeds) > last


def test_views_on_file_are_those_that_were_drawn_and_are_drawn_once(tmp_path, monkeypatch, shard):
    monkeypatch.setattr(views, 'make_views', lambda split, numbers: shard)
    file, = write_cache(tmp_path, 'train', 2)
    read = read_shard(file)
    assert (read.images == shard.images).all() and (read.owners == shard.owners).all()
    assert (read.scene_of == shard.scene_of).all() and read.labels == shard.labels

    def never(split, numbers):
        raise AssertionError('drawn again')

    monkeypatch.setattr(views, 'make_views', never)
    assert list(write_cache(tmp_path, 'train', 2)) == [file]
    assert sorted(path.name for path in tmp_path.iterdir()) == [file.name]


def test_a_cache_of_a_few_scenes_does_not_pass_for_one_of_more(tmp_path, monkeypatch, shard):
    drawn = []

    def draw(split, numbers):
        drawn.append(len(numbers))
        return shard

    monkeypatch.setattr(views, 'make_views', draw)
    whole = views.SCENES_A_SHARD
    for scenes in (2, 3, whole, whole + 3, whole + 3):
        files = list(write_cache(tmp_path, 'train', scenes))
    assert drawn == [2, 3, whole, 3]
    assert [file.name for file in files] == ['train_000000.npz', f'train_{whole:06d}_3.npz']
