# SPDX-License-Identifier: Apache-2.0
"""What is held out of training is nowhere in a training scene, and asked for elsewhere."""
from __future__ import annotations

import numpy as np
import pytest

from hvs_ros.core.errors import InputError
from hvs_ros.scenes import outdoor, public
from hvs_ros.scenes.generator import (
    NAMED_LAYOUTS,
    OBJECT_LAYOUTS,
    PATH_LAYOUTS,
    Order,
    Size,
    make_scene,
)
from hvs_ros.scenes.instructions import OBJECT_TEMPLATES, WAY_TEMPLATES
from hvs_ros.scenes.scene import LAYOUTS
from hvs_ros.scenes.splits import (
    FACTORS,
    SEEDS_EACH,
    SPLITS,
    Allowed,
    first_seed,
    split_of,
    split_of_seed,
)
from hvs_ros.scenes.stage import Stage
from hvs_ros.scenes.things import COLOURS, KINDS, style_name

SMALL = Size(512, 256)
NAMES = {*outdoor.SHOPS, *public.SECTIONS}
STYLES = {kind: [style_name(kind, style) for style in entry.styles]
          for kind, entry in KINDS.items()}
PAIRS = [f'{colour} {kind}' for colour in COLOURS for kind in KINDS]


def staged(layout: str, seed: int, allowed: Allowed) -> Stage:
    """Return a furnished stage, not drawn."""
    build, plans = LAYOUTS[layout]
    rng = np.random.default_rng(seed)
    names = allowed.choose('layout', [f'{layout}/{plan}' for plan in plans])
    stage = Stage(rng, allowed, names[int(rng.integers(len(names)))].partition('/')[2])
    build(stage)
    stage.furnish(18)
    return stage


@pytest.mark.parametrize('layout', sorted(LAYOUTS))
def test_a_thousand_training_scenes_hold_no_held_out_name_anywhere(layout, monkeypatch):
    from hvs_ros.scenes import signs
    written: list[str] = []
    draw = signs.sign
    monkeypatch.setattr(
        signs, 'sign', lambda text, *rest, **more: written.append(text) or draw(
            text, *rest, **{**more, 'height': 24}))
    monkeypatch.setattr(signs, 'board', lambda rows: written.extend(
        left for left, _ in rows) or np.zeros((48, 480, 3), np.uint8))
    allowed = Allowed('train')
    for seed in range(143):  # of each of the seven layouts
        stage = staged(layout, seed, allowed)
        assert split_of('layout', f'{layout}/{stage.plan}') == 'train'
        for thing in stage.things:
            assert split_of('pair', thing.pair) == 'train'
            assert split_of('style', style_name(thing.kind, thing.style)) == 'train'
    for text in filter(None, written):
        for word in [text] if text in NAMES else text.split():
            assert split_of('word', word) == 'train', text


@pytest.mark.parametrize('seed, split', [
    (0, 'train'), (SEEDS_EACH - 1, 'train'), (SEEDS_EACH, 'val'), (2 * SEEDS_EACH, 'test'),
    (3 * SEEDS_EACH - 1, 'test')])
def test_a_seed_belongs_to_one_split(seed, split):
    assert split_of_seed(seed) == split


@pytest.mark.parametrize('seed', [-1, 3 * SEEDS_EACH])
def test_a_seed_of_no_split_is_refused(seed):
    with pytest.raises(InputError, match=f'seed {seed} is not within'):
        split_of_seed(seed)


@pytest.mark.parametrize('split', SPLITS)
def test_scenes_are_numbered_within_their_split(split):
    for seed in (0, 99_999):
        order = Order(10_000, SMALL, seed, allowed=Allowed(split))
        assert {split_of_seed(order.seed_of(index)) for index in (0, 9_999)} == {split}
    assert first_seed(split) == Order(1, SMALL, 0, allowed=Allowed(split)).seed_of(0)


def test_every_factor_leaves_enough_to_train_with_and_something_to_test():
    for styles in STYLES.values():
        assert sum(split_of('style', style) == 'train' for style in styles) >= 2
    assert sum(any(split_of('style', style) == 'test' for style in styles)
               for styles in STYLES.values()) >= 20
    for kind in KINDS:
        assert sum(split_of('pair', f'{colour} {kind}') == 'train' for colour in COLOURS) >= 5
    for templates in (OBJECT_TEMPLATES, WAY_TEMPLATES):
        assert {split_of('template', text) for text in templates} >= {'train', 'test'}
    for layout, (_, plans) in LAYOUTS.items():
        splits = [split_of('layout', f'{layout}/{plan}') for plan in plans]
        assert splits.count('train') >= 2, layout


def test_a_name_belongs_to_its_split_whatever_other_names_there_are():
    assert split_of('pair', 'red chair') == split_of('pair', 'red chair')
    assert {split_of('pair', pair) for pair in PAIRS} == set(SPLITS)


@pytest.mark.parametrize('factor, layout', [
    ('style', 'room'), ('pair', 'park'), ('template', 'lobby')])
def test_what_is_held_out_is_what_a_test_scene_asks_for(factor, layout):
    allowed = Allowed('test', frozenset({factor}))
    one = make_scene(Order(1, SMALL, 3, allowed=allowed), 0, layout, False)
    for item in one.items:
        thing = next(thing for thing, seen in one.scene.things.items()
                     if list(seen.yaw) == item['yaw'])
        name = {'style': style_name(thing.kind, thing.style), 'pair': thing.pair}.get(factor)
        if name is not None:
            assert split_of(factor, name) == 'test'
    for thing in one.scene.stage.things:  # nothing of val anywhere
        assert split_of('pair', thing.pair) != 'val'
        assert split_of('style', style_name(thing.kind, thing.style)) != 'val'


@pytest.mark.parametrize('layout', NAMED_LAYOUTS)
def test_held_out_words_are_what_a_test_scene_asks_the_way_to(layout):
    allowed = Allowed('test', frozenset({'word'}))
    one = make_scene(Order(1, SMALL, 1, 'path', allowed=allowed), 0, layout, True)
    asked = [way for way, seen in one.scene.ways.items()
             if any(list(seen.yaw) == item['yaw'] for item in one.items)]
    assert asked and all(split_of('word', way.word) == 'test' for way in asked)


@pytest.mark.parametrize('arguments, says', [
    (('train', frozenset({'style'})), 'nothing is held out of the split train'),
    (('test', frozenset({'mood'})), "factor 'mood' is not one of"),
    (('exam', frozenset()), "split 'exam' is not one of")])
def test_what_cannot_be_allowed_is_refused(arguments, says):
    with pytest.raises(InputError, match=says):
        Allowed(*arguments)


def test_the_factors_are_known():
    assert set(FACTORS) == {'style', 'pair', 'layout', 'template', 'word'}
    assert set(OBJECT_LAYOUTS) | set(PATH_LAYOUTS) == set(LAYOUTS)
