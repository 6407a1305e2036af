# SPDX-License-Identifier: Apache-2.0
"""About a minute of training on two idle cores: it must have begun to see."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip('torch')

from hvs_ros.evaluation.statistics import rate
from hvs_ros.learning.grounder_model import GrounderNet
from hvs_ros.learning.grounder_training import Recipe, Views, questions_of, train
from hvs_ros.learning.questions import cover
from hvs_ros.learning.views import write_cache
from hvs_ros.learning.vocabulary import VOCABULARY
from hvs_ros.planners.words import FIRST_WORD, encode
from hvs_ros.scenes.splits import Allowed

SCENES, STEPS = 50, 150
RECIPE = Recipe(minutes=10, batch=6, questions=4, warm_up=20, threads=1)


@pytest.fixture(scope='module')
def views(tmp_path_factory):
    folder = tmp_path_factory.mktemp('smoke')
    return [Views.of(list(write_cache(folder, split, count, 2)))
            for split, count in (('train', SCENES), ('val', 20))]


def pointed_at(net, views):
    """
    Return how often the hottest cell shows what was asked for, and the chance that any cell does.

    Only what is in view is asked for, in views of scenes that training never saw.
    """
    rng, hits, scenes, shares = np.random.default_rng(7), [], [], []
    net.eval()
    for number in range(len(views)):
        image, owners, _ = views.view(number)
        for question in questions_of(rng, views, number, 2, Allowed('val')):
            if question.target[-1]:
                continue
            view = torch.from_numpy(image).permute(2, 0, 1)[None].float()
            words = torch.from_numpy(encode(question.sentence, VOCABULARY))[None]
            with torch.inference_mode():
                heat = net(view, words)[0, :-1]
            shown = cover(owners, question.owners).ravel() > 0
            hits.append(bool(shown[int(heat.argmax())]))
            shares.append(shown.mean())
            shard, place = views.index[number]
            scenes.append(f'{shard}/{views.shards[shard].scene_of[place]}')
    return rate(hits, scenes), float(np.mean(shares))


@pytest.mark.timeout(1200)
def test_a_minute_of_training_sees_more_than_twice_chance_and_none_does_not(views):
    seen, unseen = views
    torch.manual_seed(0)
    before, chance = pointed_at(GrounderNet(FIRST_WORD + len(VOCABULARY)), unseen)
    assert before.low <= 2 * chance
    recipe = Recipe(**{**vars(RECIPE), 'epochs': STEPS / (len(seen) // RECIPE.batch)})
    after, _ = pointed_at(train(seen, unseen, VOCABULARY, recipe), unseen)
    print(f'chance {chance:.3f}, untrained {before.value:.3f}, trained {after.value:.3f} '
          f'[{after.low:.3f}, {after.high:.3f}]')
    assert after.low > 2 * chance
