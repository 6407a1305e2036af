# SPDX-License-Identifier: Apache-2.0
"""GRPO with TRL on text answers: think and answer tags, whole dialogues in a rollout function."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest

os.environ.setdefault('TRL_EXPERIMENTAL_SILENCE', '1')
for package in ('torch', 'transformers', 'trl', 'datasets', 'PIL'):
    pytest.importorskip(package, reason=f'{package} is not installed: pip install hvs_ros[train]')

from datasets import Dataset
from search_fixtures import VIEW, learn_by_heart, write_searches
from tiny_models import load_processor, load_qwen, make_qwen
from trl import GRPOConfig
from trl_spies import GROUP, Spy, TwoSteps, image_tokens

from hvs_ros.environments.training import open_searches
from hvs_ros.environments.trl_text import (
    TextSearchTrainer,
    search_reward,
    text_rollout,
    text_rows,
)

TURN = '<think>turn</think><answer>rotate(90,0)</answer>'
RIGHT, WRONG = (f'<think>there</think><answer>submit({yaw},0)</answer>' for yaw in (90, 270))


@pytest.fixture(scope='module')
def searches(tmp_path_factory):
    return open_searches(
        write_searches(tmp_path_factory.mktemp('episodes') / 'object'), config=VIEW, max_turns=3)


@pytest.fixture(scope='module')
def processor(tmp_path_factory):
    return load_processor(make_qwen(tmp_path_factory.mktemp('processor')))


@pytest.fixture(scope='module')
def trained(tmp_path_factory, searches):
    """Return the spy on two steps of training of a model that rotates, then submits either way."""
    model, processor = load_qwen(make_qwen(tmp_path_factory.mktemp('model')))
    dialogues = [
        spoken(searches, episode, answer)
        for episode in searches.root.episodes for answer in (RIGHT, WRONG)]
    assert learn_by_heart(model, processor, dialogues, steps=110) < 0.05
    spy = Spy()
    trainer = TextSearchTrainer(
        model=model, processing_class=processor, reward_funcs=search_reward,
        train_dataset=Dataset.from_list(list(text_rows(searches))),
        rollout_func=text_rollout(searches), args=GRPOConfig(
            output_dir=str(tmp_path_factory.mktemp('out')), max_steps=2, learning_rate=1e-5,
            per_device_train_batch_size=2 * GROUP, num_generations=GROUP,
            max_completion_length=300, temperature=0.5, logging_steps=1, save_strategy='no',
            report_to='none', use_cpu=True, seed=3, disable_tqdm=True,
            gradient_checkpointing=False))
    spy.watch(trainer)
    trainer.train()
    return spy


def spoken(searches, episode, answer):
    """Return the dialogue of a search that turns right by 90 and then submits."""
    search = searches.dialogue()
    messages = search.begin(episode)
    seen = search.answer(TURN)
    return [*messages, said(TURN), {'role': 'user', 'content': seen}, said(answer)]


def said(text):
    return {'role': 'assistant', 'content': [{'type': 'text', 'text': text}]}


def test_every_search_takes_at_least_two_turns_in_every_step(trained):
    assert len(trained.batches) == 2
    for batch in trained.batches:
        assert len(batch.turns) == 2 * GROUP
        assert min(batch.turns) >= 2


def test_image_tokens_equal_image_features_for_every_view(trained):
    for batch in trained.batches:
        for ids, views in zip(batch.sequences, batch.views, strict=True):
            assert len(views) >= 2
            assert image_tokens(trained.processor, ids) == [8] * len(views)
        features = (batch.inputs['image_grid_thw'].prod(-1) // 4).sum()
        assert features == 8 * sum(map(len, batch.views))
        assert batch.inputs['pixel_values'].shape[0] == 4 * features
    for tokens, features in trained.forwards:  # what the loss saw
        assert tokens == features > 0


class TestTwoSteps(TwoSteps):
    """What any two steps of GRPO owe."""


def test_what_the_model_did_not_write_is_masked_from_the_loss(trained):
    for batch in trained.batches:
        for ids, mask, turns in zip(batch.completions, batch.masks, batch.turns, strict=True):
            told, written = trained.text(ids, mask, 0), trained.text(ids, mask, 1)
            assert told.count('<|im_start|>user') == turns - 1
            assert '<|image_pad|>' not in written and '<|im_start|>' not in written
            assert written.count('<|im_end|>') == turns
    for gradient, mask in trained.token_gradients:
        assert (gradient[mask == 0] == 0).all()
        assert (gradient[mask == 1] != 0).any()


class Scripted:
    """A trainer's generation that says what it is told to, turn by turn, to every dialogue."""

    def __init__(self, processor, replies, max_completion_length=4000):
        self.processing_class, self.max_completion_length = processor, max_completion_length
        self.eos_token_ids = [processor.tokenizer.eos_token_id]
        self.chat_template_kwargs, self.use_vllm = {}, False
        self.replies, self.seen = iter(replies), []

    def _generate_single_turn(self, ids, images, fields, num_generations):
        reply = self.processing_class.tokenizer(next(self.replies))['input_ids']
        self.seen.append(SimpleNamespace(ids=ids, images=images, fields=fields))
        return [reply] * len(ids), None


def one_search(searches, trainer):
    prompt = next(text_rows(searches))['prompt']
    output = text_rollout(searches)([prompt], trainer)
    return SimpleNamespace(**{key: value and value[0] for key, value in output.items()})


def test_the_dialogue_is_the_one_that_the_chat_template_writes(searches, processor):
    trainer = Scripted(processor, [f'{TURN}<|im_end|>', f'{RIGHT}<|im_end|>'])
    rolled = one_search(searches, trainer)
    whole = processor.apply_chat_template(
        spoken(searches, searches.root.episodes[0], RIGHT), tokenize=False)
    expected = processor(text=[whole], images=rolled.images)['input_ids'][0]
    assert rolled.prompt_ids + rolled.completion_ids == expected[:-1]  # without the last newline
    assert (rolled.status, rolled.reward, rolled.turns) == ('success', 0.5, 2)
    assert trainer.seen[1].images == [rolled.images]
    grids = trainer.seen[1].fields['image_grid_thw']
    assert sum(map(sum, trainer.seen[1].fields['mm_token_type_ids'])) == grids.prod(-1).sum() // 4


@pytest.mark.parametrize('replies, room, status, turns, views', [
    (['rotate right please<|im_end|>'] * 3, 4000, 'truncated', 3, 3),
    ([f'{TURN}<|im_end|>', f'{WRONG}<|im_end|>'], 4000, 'failure', 2, 2),
    ([f'{TURN} and on and on'], 12, 'cut', 0, 1),  # the answer is not all there
    ([f'{TURN}<|im_end|>'], 40, 'cut', 1, 1),  # no room for the next view
])
def test_a_dialogue_ends_with_its_search_or_with_its_room(
        searches, processor, replies, room, status, turns, views):
    rolled = one_search(searches, Scripted(processor, replies, room))
    assert (rolled.status, rolled.turns, len(rolled.images)) == (status, turns, views)
    assert rolled.reward == 0.0
    assert len(rolled.completion_ids) == len(rolled.env_mask) <= room
    ids = rolled.prompt_ids + rolled.completion_ids
    assert image_tokens(processor, ids) == [8] * views


def test_a_reply_without_an_end_gets_one_that_nobody_is_trained_on(searches, processor):
    rolled = one_search(searches, Scripted(processor, [TURN, f'{RIGHT}<|im_end|>']))
    assert rolled.status == 'success'
    ended = [mask for token, mask in zip(rolled.completion_ids, rolled.env_mask, strict=True)
             if token == processor.tokenizer.eos_token_id]
    assert ended == [0, 0, 1]
