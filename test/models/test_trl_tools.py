# SPDX-License-Identifier: Apache-2.0
"""GRPO with TRL on tool calls: the real trainer, real searches, a tiny model that can call."""

from __future__ import annotations

from dataclasses import replace
import json
import os

import pytest

os.environ.setdefault('TRL_EXPERIMENTAL_SILENCE', '1')
for package in ('torch', 'transformers', 'trl', 'datasets', 'PIL'):
    pytest.importorskip(package, reason=f'{package} is not installed: pip install hvs_ros[train]')

from datasets import Dataset
from search_fixtures import VIEW, learn_by_heart, write_searches
from tiny_models import load_qwen, make_qwen
from trl import GRPOConfig, GRPOTrainer
from trl.chat_template_utils import is_chat_template_prefix_preserving, supports_tool_calling
from trl_spies import GROUP, Spy, TwoSteps, image_tokens

from hvs_ros.core.panorama import PanoramaCache, PanoramaError
from hvs_ros.environments.training import NO_TURNS_LEFT
from hvs_ros.environments.trl_tools import SearchTools, search_tools, tool_rows, use_tools
from hvs_ros.environments.views import Views

RIGHT, WRONG = (90, 0), (270, 0)


@pytest.fixture(scope='module')
def factory(tmp_path_factory):
    return search_tools(
        write_searches(tmp_path_factory.mktemp('episodes') / 'object'), config=VIEW, max_turns=3)


@pytest.fixture(scope='module')
def trained(tmp_path_factory, factory):
    """Return the spy on two steps of training of a model that rotates, then submits either way."""
    folder = make_qwen(tmp_path_factory.mktemp('model'))
    model, processor = load_qwen(folder)
    use_tools(processor)
    rows = list(tool_rows(factory))
    tools = [factory().rotate, factory().submit]
    dialogues = [
        called(factory, row, answer) for row in rows for answer in (RIGHT, WRONG)]
    assert learn_by_heart(model, processor, dialogues, steps=110, tools=tools) < 0.03
    spy = Spy()
    trainer = GRPOTrainer(
        model=model, processing_class=processor, train_dataset=Dataset.from_list(rows),
        environment_factory=factory, args=GRPOConfig(
            output_dir=str(tmp_path_factory.mktemp('out')), max_steps=2, learning_rate=1e-5,
            per_device_train_batch_size=2 * GROUP, num_generations=GROUP,
            max_completion_length=400, max_tool_calling_iterations=3, temperature=0.5,
            logging_steps=1, save_strategy='no', report_to='none', use_cpu=True, seed=3,
            disable_tqdm=True, gradient_checkpointing=False))
    spy.watch(trainer)
    trainer.train()
    return spy


def called(factory, row, answer):
    """Return the dialogue of a search that turns right by 90 and then submits."""
    search = factory()
    first = [{'type': 'text', 'text': ''}, *search.reset(**row)]
    seen = search.rotate(90, 0)
    return [
        {'role': 'system', 'content': [{'type': 'text', 'text': row['prompt'][0]['content']}]},
        {'role': 'user', 'content': first}, call('rotate', 90, 0),
        {'role': 'tool', 'name': 'rotate', 'content': seen}, call('submit', *answer),
        {'role': 'tool', 'name': 'submit', 'content': search.submit(*answer)},
        {'role': 'assistant', 'content': [{'type': 'text', 'text': 'Done.'}]}]


def call(name, yaw, pitch):
    function = {'name': name, 'arguments': {'yaw': yaw, 'pitch': pitch}}
    return {'role': 'assistant', 'content': [{'type': 'text', 'text': ''}],
            'tool_calls': [{'type': 'function', 'function': function}]}


def test_every_environment_is_stepped_at_least_twice_in_every_step(trained):
    assert len(trained.batches) == 2
    for batch in trained.batches:
        assert len(batch.turns) == 2 * GROUP
        assert min(batch.turns) >= 2


def test_image_tokens_equal_image_features_for_the_first_view_and_each_tool_reply(trained):
    for batch in trained.batches:
        for ids, views in zip(batch.sequences, batch.views, strict=True):
            assert len(views) >= 2
            assert image_tokens(trained.processor, ids) == [8] * len(views)
        features = (batch.inputs['image_grid_thw'].prod(-1) // 4).sum()
        assert features == sum(map(sum, (
            image_tokens(trained.processor, ids) for ids in batch.sequences)))
        assert batch.inputs['pixel_values'].shape[0] == 4 * features
    for tokens, features in trained.forwards:  # what the loss saw
        assert tokens == features > 0


class TestTwoSteps(TwoSteps):
    """What any two steps of GRPO owe."""


def test_tool_tokens_are_masked_from_the_loss(trained):
    for batch in trained.batches:
        for ids, mask in zip(batch.completions, batch.masks, strict=True):
            told = trained.text(ids, mask, 0)
            said = trained.text(ids, mask, 1)
            assert told.count('<tool_response>') >= 2 and '<tool_call>' not in told
            assert said.count('<tool_call>') >= 2 and '<tool_response>' not in said
            assert '<|image_pad|>' not in said
    for gradient, mask in trained.token_gradients:
        assert (gradient[mask == 0] == 0).all()
        assert (gradient[mask == 1] != 0).any()


def test_the_shipped_chat_template_calls_tools_and_keeps_their_images(tmp_path, factory):
    _, processor = load_qwen(make_qwen(tmp_path))
    assert not supports_tool_calling(processor)
    use_tools(processor)
    assert supports_tool_calling(processor)
    assert is_chat_template_prefix_preserving(processor)
    row = next(tool_rows(factory))
    search = factory()
    text = processor.apply_chat_template(
        called(factory, row, RIGHT), tools=[search.rotate, search.submit], tokenize=False)
    assert text.count('<|image_pad|>') == 2
    assert text.index('<tool_response>\n') < text.rindex('<|image_pad|>')
    schema = json.loads(text.split('<tools>\n')[1].split('\n')[0])['function']
    assert schema['name'] == 'rotate'
    assert {name: spec['type'] for name, spec in schema['parameters']['properties'].items()} == {
        'yaw': 'integer', 'pitch': 'integer'}


@pytest.mark.parametrize('calls, status, reward', [
    ([('rotate', 90, 0), ('submit', 90, 0)], 'success', 0.5),
    ([('submit', 200, 0)], 'failure', 0.0),
    ([('rotate', 30, 0)] * 3, 'truncated', 0.0),
    ([('rotate', '30.5', 0), ('rotate', None, 0), ('submit', 85, 5)], 'success', 0.5),
])
def test_calls_are_answers_under_the_profile(factory, calls, status, reward):
    search = factory()
    search.reset(**next(tool_rows(factory)))
    for name, yaw, pitch in calls:
        shown = getattr(search, name)(yaw, pitch)
    assert (search.search.status, search.get_reward()) == (status, reward)
    assert all(part['type'] == 'text' for part in shown)
    assert status != 'truncated' or shown[0]['text'] == NO_TURNS_LEFT
    with pytest.raises(ValueError, match='ended'):
        search.rotate(1, 1)


def test_a_view_that_cannot_be_made_is_no_score(tmp_path):
    whole = search_tools(write_searches(tmp_path), config=VIEW)
    search = SearchTools(replace(whole.args[0], views=Views(PanoramaCache(max_bytes=1))))
    search.reset(**next(tool_rows(whole)))
    next(tmp_path.rglob('*.png')).unlink()
    with pytest.raises(PanoramaError, match='pano_0'):
        search.rotate(10, 0)
    assert search.get_reward() is None


def test_only_the_two_calls_are_tools():
    public = {name for name in vars(SearchTools) if not name.startswith('_')}
    functions = {name for name in public if callable(vars(SearchTools)[name])}
    assert functions == {'reset', 'rotate', 'submit', 'get_reward'}
