# SPDX-License-Identifier: Apache-2.0
"""verl's own agent loop, on CPU, with scripted replies: what it is given to train on."""

from __future__ import annotations

import asyncio
from itertools import groupby
import os
from pathlib import Path
import re

import pytest

os.environ.setdefault('RAY_DEDUP_LOGS', '0')
for package in ('torch', 'transformers', 'verl', 'ray', 'tensordict', 'hydra', 'PIL'):
    pytest.importorskip(package, reason=f'{package} is not installed: pip install hvs_ros[verl]')

import hydra
import numpy as np
from omegaconf import OmegaConf
from search_fixtures import write_searches
from tiny_models import load_processor, make_qwen
import verl
from verl.experimental.agent_loop.agent_loop import (
    AgentLoopBase,
    AgentLoopWorker,
    DictConfigWrap,
    _agent_loop_registry,
)
from verl.protocol import DataProto
from verl.utils.dataset.rl_dataset import RLHFDataset
from verl.workers.rollout.replica import TokenOutput

from hvs_ros.cli.main import main
from hvs_ros.core.errors import InputError
from hvs_ros.core.share import share_path
from hvs_ros.environments.verl_loop import NAME, SearchAgentLoop

REPOSITORY = Path(__file__).resolve().parents[2]
END = '<|im_end|>'
TURN = '<think>turn</think><answer>rotate(90,0)</answer>'
RIGHT, WRONG = (f'<think>there</think><answer>submit({yaw},0)</answer>' for yaw in (90, 270))
VIEW_TOKENS = 8


class Scripted:
    """A server that replies what it is told to, in every conversation from the beginning."""

    def __init__(self, tokenizer, replies, logprobs=False, gathers=0):
        self.tokenizer, self.replies, self.logprobs = tokenizer, replies, logprobs
        self.requests, self.gathers, self.all_here = [], gathers, asyncio.Event()

    async def generate(self, request_id, *, prompt_ids, sampling_params, image_data, **more):
        turn = sum(one['request_id'] == request_id for one in self.requests)
        self.requests.append({
            'request_id': request_id, 'ids': list(prompt_ids), 'images': list(image_data),
            'sampling_params': sampling_params})
        if len(self.requests) == self.gathers:
            self.all_here.set()
        if self.gathers:
            await asyncio.wait_for(self.all_here.wait(), 60)
        said = self.replies
        if callable(said):
            said = said(self.tokenizer.decode(prompt_ids))
        ids = self.tokenizer(said[turn])['input_ids']
        return TokenOutput(
            token_ids=ids, log_probs=[-0.5] * len(ids) if self.logprobs else None,
            extra_fields={'min_global_steps': turn, 'max_global_steps': turn})


@pytest.fixture(scope='module')
def processor(tmp_path_factory):
    return load_processor(make_qwen(tmp_path_factory.mktemp('model')))


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    return write_searches(tmp_path_factory.mktemp('episodes') / 'object')


def config_of(room):
    return OmegaConf.create({
        'actor_rollout_ref': {'rollout': {
            'prompt_length': 2000, 'response_length': room, 'temperature': 0.7, 'top_p': 1.0,
            'top_k': -1, 'calculate_log_probs': False, 'full_determinism': False,
            'agent': {'default_agent_loop': NAME}}},
        'data': {}})


def row_of(root, seed=0, **config):
    return {'split': 'train', 'env_name': 'hstar', 'seed': seed, 'env_config': {
        'data_path': str(root), 'resolution': 63, 'prompt_format': 'free_think', **config}}


def search(processor, server, extra_info, room=2000, **options):
    async def run():
        loop = SearchAgentLoop(
            trainer_config=DictConfigWrap(config_of(room)), server_manager=server,
            tokenizer=processor.tokenizer, processor=processor, dataset_cls=RLHFDataset,
            data_config=DictConfigWrap(OmegaConf.create({})), hf_model_type='qwen2_5_vl',
            **options)
        assert isinstance(loop, AgentLoopBase)
        return await loop.run(
            {'temperature': 0.7}, raw_prompt=[{'role': 'user', 'content': ''}],
            extra_info=extra_info)

    return asyncio.run(run())


def image_runs(processor, ids):
    return [len(list(run)) for is_image, run in groupby(
        ids, lambda token: token == processor.image_token_id) if is_image]


def test_tokens_are_the_dialogue_that_the_chat_template_writes(processor, root):
    server = Scripted(processor.tokenizer, [TURN + END, RIGHT + END])
    output = search(processor, server, row_of(root))
    ids = output.prompt_ids + output.response_ids
    text = processor.tokenizer.decode(ids)
    assert text.startswith('<|im_start|>system\nYou steer the head')
    assert text.count('<|im_start|>user\n') == 2
    assert text.endswith(f'<|im_start|>assistant\n{RIGHT}{END}')
    assert processor.tokenizer.decode(output.prompt_ids).endswith('<|im_start|>assistant\n')
    again = processor(
        text=[text.replace('<|image_pad|>' * VIEW_TOKENS, '<|image_pad|>')],
        images=output.multi_modal_data['images'])
    assert list(again['input_ids'][0]) == ids
    assert server.requests[1]['ids'] == ids[:-len(processor.tokenizer(RIGHT + END)['input_ids'])]


def test_the_mask_holds_replies_and_nothing_else(processor, root):
    output = search(
        processor, Scripted(processor.tokenizer, [TURN + END, RIGHT + END]), row_of(root))
    assert len(output.response_mask) == len(output.response_ids)
    said, told = (
        processor.tokenizer.decode([
            token for token, mask in zip(output.response_ids, output.response_mask, strict=True)
            if mask == kind]) for kind in (1, 0))
    assert said == TURN + END + RIGHT + END
    assert told.count('<|vision_start|>') == 1 and '<answer>' not in told


def test_images_are_the_views_and_have_their_tokens(processor, root):
    server = Scripted(processor.tokenizer, [TURN + END, TURN + END, RIGHT + END])
    output = search(processor, server, row_of(root))
    views = output.multi_modal_data['images']
    assert [view.size for view in views] == [(112, 63)] * 3
    assert image_runs(processor, output.prompt_ids) == [VIEW_TOKENS]
    assert image_runs(processor, output.response_ids) == [VIEW_TOKENS] * 2
    assert [len(request['images']) for request in server.requests] == [1, 2, 3]
    assert not np.array_equal(np.asarray(views[0]), np.asarray(views[1]))


@pytest.mark.parametrize('replies, reward, status, turns', [
    ([TURN + END, RIGHT + END], 0.5, 'success', 2),
    ([WRONG + END], 0.0, 'failure', 1),
    (['no idea' + END] * 5, 0.0, 'truncated', 5),
    ([TURN + END, 'oh' + END, RIGHT + END], 0.5, 'success', 3),
])
def test_reward_and_turns(processor, root, replies, reward, status, turns):
    output = search(processor, Scripted(processor.tokenizer, replies), row_of(root))
    assert (output.reward_score, output.extra_fields['status']) == (reward, status)
    assert output.num_turns == 2 * turns  # the first view, then replies and views in turn
    assert len(output.extra_fields['turn_scores']) == turns
    told = output.extra_fields['reward_extra_info']
    assert told == {
        'success': float(status == 'success'), 'turns': float(turns),
        'truncated': float(status == 'truncated'), 'cut': 0.0}
    assert output.extra_fields['min_global_steps'] == 0
    assert output.extra_fields['max_global_steps'] == turns - 1
    assert output.metrics.generate_sequences > 0 and output.metrics.tool_calls > 0


def test_a_turn_that_comes_nearer_earns_what_the_row_says(processor, root):
    server = Scripted(processor.tokenizer, [TURN + END, WRONG + END])
    output = search(processor, server, row_of(
        root, effective_reward_weight=1.0, traj_fail_penalty=-1.0))
    first, last = output.extra_fields['turn_scores']
    assert first > 0 and last == -1.0
    assert output.reward_score == pytest.approx(first - 1.0)


@pytest.mark.parametrize('replies, room, turns, views', [
    ([TURN + ' and so on'], 10, 0, 1),  # the reply is not all there
    ([TURN + END], 40, 1, 1),  # no room for the next view
    ([TURN + END, RIGHT + ' but no end'], 120, 1, 2),
])
def test_a_dialogue_without_room_is_cut_off(processor, root, replies, room, turns, views):
    if room == 120:  # exactly where the second reply stands without its end
        whole = search(processor, Scripted(processor.tokenizer, [TURN + END, replies[1]]),
                       row_of(root))
        room = len(whole.response_ids) - 1
    output = search(
        processor, Scripted(processor.tokenizer, replies), row_of(root), room=room)
    assert output.extra_fields['status'] == 'cut'
    assert output.extra_fields['reward_extra_info']['cut'] == 1.0
    assert output.reward_score == 0.0
    assert len(output.extra_fields['turn_scores']) == turns
    assert len(output.response_ids) == len(output.response_mask) <= room
    assert len(output.multi_modal_data['images']) == views
    assert image_runs(processor, output.prompt_ids + output.response_ids) == [VIEW_TOKENS] * views


def test_log_probabilities_follow_the_tokens(processor, root):
    server = Scripted(processor.tokenizer, [TURN, RIGHT + END], logprobs=True)
    output = search(processor, server, row_of(root), max_reply_tokens=50)
    assert output.response_logprobs == [-0.5 * mask for mask in output.response_mask]
    assert all(one['sampling_params'] == {'temperature': 0.7, 'max_tokens': 50}
               for one in server.requests)


def test_a_reply_without_an_end_gets_one_that_nobody_is_trained_on(processor, root):
    output = search(processor, Scripted(processor.tokenizer, [TURN, RIGHT + END]), row_of(root))
    ended = [mask for token, mask in zip(output.response_ids, output.response_mask, strict=True)
             if token == processor.tokenizer.eos_token_id]
    assert ended == [0, 0, 1]  # the reply's, the view's, the last reply's own


def test_the_example_registers_the_loop_and_makes_it(processor, root):
    example, = OmegaConf.load(share_path('config/training/verl_agent_loop.yaml'))
    assert example.name == NAME
    assert _agent_loop_registry[NAME]['_target_'] == example._target_
    example.roots = [f'home={root}']

    async def make():
        return hydra.utils.instantiate(
            example, trainer_config=DictConfigWrap(config_of(100)), server_manager=None,
            tokenizer=processor.tokenizer, processor=processor, dataset_cls=RLHFDataset,
            data_config=DictConfigWrap(OmegaConf.create({})), hf_model_type='qwen2_5_vl')

    loop = asyncio.run(make())
    assert isinstance(loop, SearchAgentLoop)
    assert loop._begin(row_of('home'))[0].views[0].size == (112, 63)


def test_32_searches_at_once_through_verls_own_worker(processor, root):
    def says(prompt):
        return [TURN + END, (RIGHT if 'Find the lamp' in prompt else WRONG) + END]

    async def run():
        server = Scripted(processor.tokenizer, says, gathers=32)
        worker = object.__new__(AgentLoopWorker)  # without the model that only a server needs
        worker.config = config_of(400)
        worker.rollout_config = worker.config.actor_rollout_ref.rollout
        worker.rollout_config.prompt_length = 700
        worker.llm_client, worker.teacher_client = server, None
        worker.tokenizer, worker.processor = processor.tokenizer, processor
        worker.hf_model_type, worker.dataset_cls, worker.tools = 'qwen2_5_vl', RLHFDataset, []
        worker.mm_processor_kwargs, worker.reward_loop_worker_handles = {}, None
        worker.distillation_enabled = False
        rows = np.array([row_of(root, seed) for seed in range(32)], dtype=object)
        prompts = np.empty(32, dtype=object)
        prompts[:] = [[{'role': 'user', 'content': ''}]] * 32
        return server, await worker.generate_sequences(DataProto(non_tensor_batch={
            'raw_prompt': prompts, 'extra_info': rows, 'index': np.arange(32)}))

    server, batch = asyncio.run(run())
    assert len(server.requests) == 64
    assert len({request['request_id'] for request in server.requests}) == 32
    scores = batch.batch['rm_scores'].sum(-1)
    assert sorted(scores.tolist()) == [0.0] * 16 + [0.5] * 16
    assert scores[::2].unique().numel() == 1  # seeds alternate between the two searches
    assert set(batch.non_tensor_batch['__num_turns__']) == {4}
    for ids, inputs, mask, response in zip(
            batch.batch['input_ids'], batch.non_tensor_batch['multi_modal_inputs'],
            batch.batch['response_mask'], batch.batch['responses'], strict=True):
        features = int((inputs['image_grid_thw'].prod(-1) // 4).sum())
        assert int((ids == processor.image_token_id).sum()) == features == 2 * VIEW_TOKENS
        assert not (response[mask == 1] == processor.image_token_id).any()


@pytest.mark.parametrize('extra_info, sentence', [
    (None, 'env_config'),
    ({'seed': 0}, 'env_config'),
    ({'env_config': {'data_path': '/nowhere'}, 'seed': 0}, '/nowhere'),
    ({'env_config': {'data_path': 'DATA', 'colour': 1}, 'seed': 0}, 'colour'),
    ({'env_config': {'data_path': 'DATA', 'prompt_format': 'verse'}}, 'prompt_format'),
    ({'env_config': {'data_path': 'DATA'}, 'seed': 'first'}, 'seed'),
])
def test_a_row_that_cannot_be_used_stops_with_a_sentence(processor, root, extra_info, sentence):
    if extra_info and extra_info.get('env_config', {}).get('data_path') == 'DATA':
        extra_info['env_config']['data_path'] = str(root)
    with pytest.raises(InputError, match=sentence):
        search(processor, Scripted(processor.tokenizer, []), extra_info)


def test_rows_may_come_from_a_table_that_fills_its_gaps(processor, root):
    info = row_of(root)
    info['env_config'] |= {
        'special_token_list': np.array(['<think>', '</think>', '<answer>', '</answer>']),
        'eval_set': None, 'yaw_tolerance': np.float64(30.0)}
    output = search(processor, Scripted(processor.tokenizer, [WRONG + END]), info)
    assert output.extra_fields['status'] == 'failure'


def test_the_rows_of_the_export_are_read_by_verls_own_dataset(processor, root, tmp_path):
    (root / 'dataset.json').write_text('{"split": "train"}')
    file = tmp_path / 'train.parquet'
    assert main(['export', 'rl', str(root), '--out', str(file), '--set', 'resolution=63']) == 0
    dataset = RLHFDataset(
        data_files=str(file), tokenizer=processor.tokenizer, processor=processor,
        config=OmegaConf.create({
            'cache_dir': str(tmp_path), 'filter_overlong_prompts': False,
            'max_prompt_length': 100}))
    assert len(dataset) == 2
    instructions = set()
    for row in dataset:
        server = Scripted(processor.tokenizer, [WRONG + END])
        output = search(processor, server, row['extra_info'])
        assert output.extra_fields['status'] == 'failure'
        text = processor.tokenizer.decode(output.prompt_ids)
        instructions.add(re.search(r'Find the (lamp|door)', text).group())
    assert instructions == {'Find the lamp', 'Find the door'}


def test_the_documented_command_sets_options_that_verl_has():
    text = (REPOSITORY / 'docs' / 'training.md').read_text()
    command = re.search(r'python -m verl\.trainer\.main_ppo(.*?)```', text, re.DOTALL).group(1)
    words = command.replace('\\\n', ' ').split()
    folder = Path(verl.__file__).parent / 'trainer' / 'config'
    with hydra.initialize_config_dir(str(folder), version_base=None):
        config = hydra.compose('ppo_trainer', overrides=words)
    agent = config.actor_rollout_ref.rollout.agent
    assert agent.default_agent_loop == NAME
    assert (REPOSITORY / agent.agent_loop_config_path).is_file()
    assert config.actor_rollout_ref.rollout.n == 8
