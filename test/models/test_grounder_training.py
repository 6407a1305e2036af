# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import json
import re

import numpy as np
import pytest

torch = pytest.importorskip('torch')
onnx = pytest.importorskip('onnx')
pytest.importorskip('onnxruntime')

from hvs_ros.learning.grounder_export import beliefs, best_temperature, calibration_error, export
from hvs_ros.learning.grounder_model import GrounderNet
from hvs_ros.learning.grounder_training import (
    Recipe,
    Views,
    batches,
    questions_of,
    scores,
    train,
)
from hvs_ros.learning.train import Plan, train_and_write
from hvs_ros.learning.views import make_views
from hvs_ros.learning.vocabulary import VOCABULARY
from hvs_ros.planners.grounder_onnx import CELLS, SIZE, OnnxGrounder
from hvs_ros.planners.words import FIRST_WORD, LENGTH, encode
from hvs_ros.scenes.splits import Allowed

# training takes as long as the machine is busy
pytestmark = pytest.mark.timeout(900)
THRESHOLDS = {'striking': 0.8, 'likely': 0.3, 'confirmed': 0.5, 'least': 0.3}
OUTPUTS = CELLS[0] * CELLS[1] + 1


@pytest.fixture(scope='module')
def net():
    torch.manual_seed(0)
    return GrounderNet(FIRST_WORD + len(VOCABULARY)).eval()


@pytest.fixture(scope='module')
def shard():
    return make_views('train', [0, 7])


@pytest.fixture(scope='module')
def views(shard):
    return Views([shard])


def asked(*sentences):
    return torch.from_numpy(np.stack([encode(text, VOCABULARY) for text in sentences]))


def seen(views, number=0):
    return torch.from_numpy(views.view(number)[0]).permute(2, 0, 1)[None].float()


def test_a_view_and_words_become_heat_over_cells_and_not_in_view(net, views):
    with torch.inference_mode():
        cells = net.trunk(seen(views))
        logits = net(seen(views), asked('Find the red cup'))
        several = net.heat(cells.repeat_interleave(2, 0), asked('the red cup', 'the lift'))
    assert cells.shape[2:] == CELLS
    assert logits.shape == (1, OUTPUTS) and several.shape == (2, OUTPUTS)
    assert torch.isfinite(logits).all()


def test_the_network_is_small_enough_to_commit(net, tmp_path):
    export(net, tmp_path / 'x.onnx', VOCABULARY, 1.0, THRESHOLDS, {})
    assert (tmp_path / 'x.onnx').stat().st_size <= 2_000_000


@pytest.mark.parametrize(('one', 'other'), [
    ('the red cup left of the blue box', 'the blue cup left of the red box'),
    ('the red cup left of the blue box', 'the blue box left of the red cup'),
    ('the red cup', 'the red box'), ('not the red cup: the blue cup', 'the blue cup'),
    ('the red cup left of the box', 'the red cup right of the box')])
def test_words_and_their_order_change_what_is_seen(net, views, one, other):
    with torch.inference_mode():
        first, second = (net(seen(views), asked(text)) for text in (one, other))
    assert not torch.allclose(first, second, atol=1e-4)


def test_the_view_changes_what_is_seen(net, views):
    words = asked('the red cup')
    with torch.inference_mode():
        shown = net(seen(views), words)
        nothing = net(torch.full((1, 3, *SIZE[::-1]), 127.0), words)
        mirrored = net(seen(views).flip(3), words)
    assert not torch.allclose(shown, nothing, atol=1e-3)
    assert not torch.allclose(shown, mirrored, atol=1e-3)


def test_the_exported_network_answers_as_the_trained_one(net, views, tmp_path):
    file = tmp_path / 'x.onnx'
    export(net, file, VOCABULARY, 1.7, THRESHOLDS, {'scenes': 2})
    grounder = OnnxGrounder(file)
    assert grounder.thresholds.striking == 0.8
    told = {entry.key: entry.value for entry in onnx.load(str(file)).metadata_props}
    assert json.loads(told['about']) == {'scenes': 2} and told['temperature'] == '1.7000'
    for number, sentence in ((0, 'Find the red cup'), (12, 'Go to the lift'), (5, '')):
        image = views.view(number)[0]
        given = {'view': image.transpose(2, 0, 1)[None].astype(np.float32),
                 'words': encode(sentence, VOCABULARY)[None]}
        answer, = grounder._session.run(None, given)
        with torch.inference_mode():
            expected = net(seen(views, number), asked(sentence)).numpy()
        assert np.abs(answer - expected).max() < 1e-3
        odds = torch.tensor(expected[0])
        gone = torch.sigmoid((odds[-1] - odds[:-1].logsumexp(0)) / 1.7)
        belief = grounder.belief(image, encode(sentence, VOCABULARY))
        assert belief.sum() == pytest.approx(1 - float(gone), abs=1e-4)


def test_a_batch_holds_each_views_questions_in_order(views):
    recipe = Recipe(batch=4, questions=2)
    rng = np.random.default_rng(0)
    made = list(batches(rng, views, recipe, VOCABULARY))
    assert len(made) == len(views) // 4
    for images, words, targets in made:
        assert images.shape == (4, 3, *SIZE[::-1]) and images.dtype == torch.float32
        assert words.shape == (8, LENGTH) and targets.shape == (8, OUTPUTS)
        assert torch.allclose(targets.sum(1), torch.ones(8))


def test_questions_of_a_view_are_as_many_as_are_wanted(views):
    rng = np.random.default_rng(0)
    assert len(questions_of(rng, views, 3, 5, Allowed('train'))) == 5


def log_odds(shares):
    shares = np.array(shares)
    return np.log(shares / (1 - shares))


@pytest.mark.parametrize(('in_view', 'there', 'error'), [
    # sure and right; sure and wrong; unsure of a coin; half sure of what always is
    ([0.999999] * 10, [True] * 10, 0.0), ([0.999999] * 10, [False] * 10, 1.0),
    ([0.5] * 10, [True, False] * 5, 0.0), ([0.5] * 10, [True] * 10, 0.5),
    # one bin is right, the other a fifth off: each counts by its size
    ([0.9] * 10 + [0.3] * 30, [True] * 9 + [False] + [True] * 15 + [False] * 15, 0.15)])
def test_the_calibration_error_of_known_cases(in_view, there, error):
    odds = log_odds(in_view)
    assert calibration_error(odds, np.array(there), 1.0) == pytest.approx(error, abs=1e-3)


def test_the_temperature_that_made_overconfident_odds_is_found_and_mends_them():
    rng = np.random.default_rng(0)
    true_odds = rng.normal(0, 2, 20_000)
    there = rng.random(20_000) < 1 / (1 + np.exp(-true_odds))
    found = best_temperature(2.5 * true_odds, there)
    assert found == pytest.approx(2.5, rel=0.08)
    assert calibration_error(2.5 * true_odds, there, 1.0) > 0.08
    assert calibration_error(2.5 * true_odds, there, found) < 0.02


def test_log_odds_of_beliefs_come_with_whether_it_is_there(net, views):
    odds, there = beliefs(net, views, VOCABULARY)
    assert odds.shape == there.shape == (2 * len(views),)
    assert there.dtype == bool and 0.2 < there.mean() < 0.9
    again, _ = beliefs(net, views, VOCABULARY)
    assert (odds == again).all()


def test_training_on_a_few_views_learns_them_by_heart(views):
    recipe = Recipe(epochs=15, minutes=10, batch=4, rate=3e-3, warm_up=10, threads=1)
    told = []
    net = train(views, views, VOCABULARY, recipe, tell=told.append)
    before = scores(GrounderNet(FIRST_WORD + len(VOCABULARY)), views, VOCABULARY)
    after = scores(net, views, VOCABULARY)
    print(before, after, told)
    assert after['there'] > max(0.2, 2 * before['there'])


def test_training_twice_is_the_same_training(views):
    recipe = Recipe(epochs=1, minutes=10, batch=10, threads=1)
    one, other = (train(views, views, VOCABULARY, recipe, tell=lambda line: None).state_dict()
                  for _ in range(2))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_time_allowed_ends_training_and_the_steps_told_are_those_that_were_made(views):
    told = []
    recipe = Recipe(epochs=10_000, minutes=0.05, batch=4, threads=1)
    train(views, views, VOCABULARY, recipe, tell=told.append)
    steps = int(re.search(r'finished after (\d+) steps', told[-1])[1])
    assert 1 <= steps < 2000


def test_fewer_views_than_a_batch_are_trained_on_too(views):
    told = []
    train(views, views, VOCABULARY, Recipe(epochs=2, batch=64, threads=1), tell=told.append)
    assert 'finished after 2 steps' in told[-1]


def test_the_command_writes_a_model_and_what_it_was_made_of(tmp_path):
    plan = Plan(tmp_path / 'views', tmp_path / 'out/grounder.onnx', scenes=2, minutes=0.05,
                threads=1)
    from hvs_ros.learning import train as training
    before = training.VALIDATION_SCENES
    training.VALIDATION_SCENES = 2
    try:
        told = train_and_write(plan)
    finally:
        training.VALIDATION_SCENES = before
    assert json.loads((tmp_path / 'out/grounder.json').read_text()) == json.loads(
        json.dumps(told))
    assert told['scenes'] == 2 and told['bytes'] == plan.out.stat().st_size
    OnnxGrounder(plan.out).locate(np.zeros((540, 960, 3), np.uint8), ['Find the red cup'])
