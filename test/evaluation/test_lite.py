# SPDX-License-Identifier: Apache-2.0
"""A drawn set: spread as promised, the same for the same seed, and without bias by its weights."""

from __future__ import annotations

from collections import Counter
import json
from pathlib import Path

from evaluation_fixtures import SMALL_VIEW
from hypothesis import given, settings
from hypothesis import strategies as st
import numpy as np
import pytest

from hvs_ros.cli.main import main
from hvs_ros.core.episode import Episode, load_episodes
from hvs_ros.core.errors import InputError
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.panorama import PanoramaFile
from hvs_ros.core.scoring import Target
from hvs_ros.evaluation.lite import draw_lite, read_weights, weighted_rate, weights_path

TARGETS = {'hos': Target('object', (1, 2), (3, 4)), 'hps': Target('path', (1, 2), None)}


def episode(split: str, scene: int, item: int, start: int, level: int | None) -> Episode:
    return Episode(
        f'{split}/s{scene}/{item}/{start}', split, f's{scene}', item, BenchmarkAngles(start, 0),
        'Find it', TARGETS[split], PanoramaFile(Path(f's{scene}.jpg')), level)


def population(seed: int, scenes: int = 20) -> list[Episode]:
    """Return items of one to five starts whose levels differ from start to start."""
    rng = np.random.default_rng(seed)
    made = []
    for scene in range(scenes):
        split = 'hos' if scene % 3 else 'hps'
        for item in range(int(rng.integers(1, 4))):
            starts = int(rng.choice([1, 2, 4, 4, 4, 5]))
            for start in range(starts):
                level = int(rng.choice(3, p=[0.25, 0.1, 0.65]))
                made.append(episode(split, scene, item, 72 * start, level))
    return made


def items_of(ids) -> Counter[str]:
    return Counter(name.rpartition('/')[0] for name in ids)


@given(seed=st.integers(0, 50), draw=st.integers(0, 10**6), share=st.floats(0.01, 1))
@settings(max_examples=150, deadline=None)
def test_any_drawn_set_keeps_the_promises(seed, draw, share):
    whole = population(seed)
    count = max(1, round(share * len(whole)))
    lite = draw_lite(whole, count, draw)
    taken, offered = items_of(lite.weights), items_of(e.id for e in whole)
    assert len(lite.weights) == count and all(w > 0 for w in lite.weights.values())
    most = max(taken.values())
    # nobody gives one more start before everybody has given all that come before it
    assert all(taken[item] >= min(most - 1, held) for item, held in offered.items())
    assert list(lite.weights) == [e.id for e in whole if e.id in lite.weights]
    if lite.strata in ((), ('split', 'level', 'starts')):
        assert sum(lite.weights.values()) == pytest.approx(len(whole)) or not lite.strata
    assert draw_lite(whole, count, draw) == lite


def test_the_weights_of_the_whole_set_are_one():
    whole = population(1)
    assert set(draw_lite(whole, len(whole), 3).weights.values()) == {1.0}


def test_a_set_of_the_benchmarks_shape_is_spread_like_it():
    rng = np.random.default_rng(0)
    whole = []
    for split, items, shares in (
            ('hos', 600, (615, 176, 1609)), ('hps', 400, (500, 456, 428, 216))):
        levels = rng.permutation(np.repeat(range(len(shares)), shares))
        whole += [episode(split, item // 4, item % 4, 90 * start, int(levels[4 * item + start]))
                  for item in range(items) for start in range(4)]
    lite = draw_lite(whole, 500, 0)
    chosen = [e for e in whole if e.id in lite.weights]
    assert Counter(e.split for e in chosen) == {'hos': 300, 'hps': 200}
    assert max(items_of(lite.weights).values()) == 1
    for split, share in (('hos', 176 / 2400), ('hps', 216 / 1600)):
        rare = 1 if split == 'hos' else 3
        got = sum(e.level == rare for e in chosen if e.split == split)
        assert got / (300 if split == 'hos' else 200) == pytest.approx(share, abs=0.035)
    for split, size in (('hos', 2400), ('hps', 1600)):
        assert sum(lite.weights[e.id] for e in chosen if e.split == split) == pytest.approx(size)


@pytest.mark.parametrize('count', [25, 60, 75])
def test_the_weighted_estimate_is_unbiased_where_the_plain_mean_is_not(count):
    whole = population(7)
    # Success hangs together with level, with the number of starts and with the item itself.
    starts = items_of(e.id for e in whole)
    luck = np.random.default_rng(5)
    success = {
        e.id: float(luck.random() < (0.9, 0.6, 0.2)[e.level]
                    * (0.4 if starts[e.id.rpartition('/')[0]] > 2 else 1)) for e in whole}
    truth = {
        part: np.mean([success[e.id] for e in whole if part in ('all', e.split)])
        for part in ('all', 'hos', 'hps')}
    splits = {e.id: e.split for e in whole}
    estimates, plain = {part: [] for part in truth}, []
    for seed in range(1500):
        weights = draw_lite(whole, count, seed).weights
        for part in truth:
            mine = {n: w for n, w in weights.items() if part in ('all', splits[n])}
            estimates[part].append(
                sum(success[n] * w for n, w in mine.items()) / sum(mine.values()))
        plain.append(np.mean([success[n] for n in weights]))
    for part, values in estimates.items():
        error = np.std(values) / np.sqrt(len(values))
        assert abs(np.mean(values) - truth[part]) < 4 * error, part
    if count == 25:
        assert abs(np.mean(plain) - truth['all']) > 10 * np.std(plain) / np.sqrt(len(plain))


@pytest.mark.parametrize('count', [0, -1, 10**6])
def test_a_count_that_cannot_be_is_refused(count):
    with pytest.raises(InputError, match=f'not {count}$'):
        draw_lite(population(0), count, 0)


def test_a_weighted_rate_is_between_its_bounds_and_plain_weights_change_nothing():
    rng = np.random.default_rng(0)
    flags = (rng.random(200) < 0.3).astype(float)
    panoramas = [f'p{place % 40}' for place in range(200)]
    even = weighted_rate(flags, [2.0] * 200, panoramas)
    assert even['value'] == pytest.approx(flags.mean()) and even['clusters'] == 40
    assert even['low'] < even['value'] < even['high'] and 'bootstrap' in even['method']
    uneven = weighted_rate(flags, np.where(flags, 3.0, 1.0), panoramas)
    assert uneven['value'] > even['high']
    few = weighted_rate([1, 1, 1], [1, 2, 3], ['a', 'b', 'b'])
    assert few['value'] == 1 and 0 < few['low'] < 1 and few['high'] == 1 and 'Wilson' in (
        few['method'])
    assert weighted_rate([], [], [])['value'] is None


def test_a_run_on_a_drawn_set_speaks_for_the_whole(dataset, tmp_path, capsys):
    ids = tmp_path / 'lite.txt'
    assert main(['episodes', 'lite', str(dataset), '--count', '9', '--out', str(ids)]) == 0
    weights = read_weights(ids)
    assert len(weights) == 9 and set(weights) <= {e.id for e in load_episodes(dataset)}
    run = tmp_path / 'run'
    assert main(['eval', str(dataset), '--ids', str(ids), '--planner', 'sweep', '--out', str(run),
                 *SMALL_VIEW]) == 0
    records = [json.loads(line) for line in (run / 'episodes.jsonl').read_text().splitlines()]
    assert {record['id'] for record in records} == set(weights)
    weighted = json.loads((run / 'metrics.json').read_text())['weighted']
    total = sum(weights.values())
    share = sum(weights[r['id']] for r in records if r['outcome'] == 'success') / total
    assert weighted['overall']['value'] == pytest.approx(share)
    assert set(weighted['by_split']) == {'hos', 'hps'}
    told = capsys.readouterr().out
    assert 'By weight, for the set that these episodes were drawn from' in told
    assert f'; by weight {100 * share:.1f}% (' in told.partition('\n\n')[0].partition('success')[2]


def test_a_plain_file_of_ids_has_no_weights(tmp_path):
    (tmp_path / 'ids.txt').write_text('a/b/0/0\n')
    assert read_weights(tmp_path / 'ids.txt') is None


@pytest.mark.parametrize(('content', 'said'), [
    (None, 'lite.weights.json: cannot be read'), ('{', 'not a file of weights'),
    ('[]', 'not a file of weights'), ('{"weights": {"x": -1}}', 'not a file of weights'),
    ('{"weights": {"x": true}}', 'not a file of weights'),
    ('{"weights": {}}', 'hold none for')])
def test_weights_that_cannot_be_used_are_named(dataset, tmp_path, capsys, content, said):
    ids = tmp_path / 'lite.txt'
    main(['episodes', 'lite', str(dataset), '--count', '3', '--out', str(ids)])
    weights_path(ids).unlink()
    if content is not None:
        weights_path(ids).write_text(content)
    capsys.readouterr()
    assert main(['eval', str(dataset), '--ids', str(ids), '--out', str(tmp_path / 'run')]) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / 'run').exists()
