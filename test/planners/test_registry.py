# SPDX-License-Identifier: Apache-2.0

from __future__ import annotations

import subprocess
import sys

import pytest

from hvs_ros.core.errors import InputError
from hvs_ros.planners.base import Planner
from hvs_ros.planners.plugged import over
from hvs_ros.planners.presets import shipped_thresholds
from hvs_ros.planners.registry import PlannerContext, make_planner


@pytest.mark.parametrize('spec', [
    'builtin', 'sweep', 'random', 'openai:m@http://127.0.0.1:1/v1', 'qwen2.5-vl-7b'])
def test_a_known_spec_makes_a_planner(spec):
    planner = make_planner(spec)
    assert isinstance(planner, Planner)
    assert planner.answer_format == 'free_think'


@pytest.mark.parametrize(('spec', 'says'), [
    ('', 'unknown planner'), ('orakel', 'builtin, oracle'), ('openai', 'needs MODEL@URL'),
    ('oracle', 'needs a dataset'), ('oracle:/nowhere', '/nowhere'),
    ('sweep:7', '7 views do not divide 360'), ('sweep:x', "not 'x'"), ('sweep:0', 'divide'),
    ('recorded', 'needs a file'), ('recorded:/nowhere.sqlite', 'no such recording'),
    ('recorded:x.sqlite|sweep', 'not a chat model'),
    ('transformers:/models/x', 'no such folder'), ('vllm:/models/x', 'no such folder'),
    ('transformers:', 'write transformers:PATH'), ('nowhere.yaml', 'unknown planner'),
])
def test_a_spec_that_names_nothing_is_refused_in_one_sentence(spec, says):
    with pytest.raises(InputError, match=says.replace('[', r'\[')) as caught:
        make_planner(spec)
    assert '\n' not in str(caught.value)


@pytest.mark.parametrize('name', ['owlv2', 'grounding-dino', 'clipseg', 'siglip'])
def test_a_shipped_grounder_has_thresholds_of_its_own_and_is_never_fetched_unasked(
        tmp_path, monkeypatch, name):
    worth = shipped_thresholds(name)
    assert worth == over(name, worth, {}) and worth.least > 0
    pytest.importorskip('huggingface_hub')
    monkeypatch.setattr('huggingface_hub.constants.HF_HUB_CACHE', str(tmp_path))
    with pytest.raises(InputError, match=r'a search never downloads: hf download [\w-]+/'):
        make_planner(name)


def test_a_planner_file_sets_prompts_and_sampling(tmp_path, chat_server, task, first_observation):
    file = tmp_path / 'mine.yaml'
    file.write_text(f'planner: openai:m@{chat_server.url}\nhistory_turns: 2\n'
                    'chat: {max_tokens: 64, temperature: 0.5, seed: 3}\n')
    search = make_planner(str(file)).begin(task)
    search.act(first_observation)
    search.close()
    body = chat_server.requests[0][0]
    assert (body['max_tokens'], body['temperature'], body['seed']) == (64, 0.5, 3)


@pytest.mark.parametrize(('text', 'says'), [
    ('[1]', 'holds a mapping'), ('planner: [', 'not a readable YAML'), ('{}', "field 'planner'"),
    ('planner: sweep\nspeed: 3', "unknown field 'speed'"),
    ('planner: sweep\nhistory_turns: 0', "'history_turns' must be 1 to 100"),
    ('planner: sweep\nchat: {top_q: 1}', r"'chat\.top_q'"),
    ('planner: sweep\nchat: {temperature: hot}', "must be a number, not 'hot'"),
    ('planner: sweep\nprompts: 5', "field 'prompts'"),
    ('planner: qwen2.5-vl-7b', 'must not name another planner file'),
])
def test_a_broken_planner_file_is_refused_by_file_and_field(tmp_path, text, says):
    file = tmp_path / 'mine.yaml'
    file.write_text(text)
    with pytest.raises(InputError, match=says) as caught:
        make_planner(str(file))
    assert 'mine.yaml' in str(caught.value)


def test_heavy_packages_load_only_for_the_planner_that_needs_them():
    code = ('import sys; from hvs_ros.planners.registry import make_planner; '
            'make_planner("sweep"); make_planner("builtin"); sys.exit("openai" in sys.modules)')
    assert subprocess.run([sys.executable, '-c', code], timeout=60, check=False).returncode == 0


def test_the_seed_of_the_context_reaches_random(task, first_observation):
    replies = {make_planner('random', context=PlannerContext(seed=seed)).begin(task).act(
        first_observation).reply for seed in (1, 1, 2)}
    assert len(replies) == 2
