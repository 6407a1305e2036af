# SPDX-License-Identifier: Apache-2.0
"""LLaMA-Factory's own loader on ``hvs export sft``: rows, images, and what the loss sees."""

from __future__ import annotations

import dataclasses
from importlib.machinery import ModuleSpec
import importlib.util
from importlib.util import module_from_spec
import json
import os
from pathlib import Path
import re
import subprocess
import sys

import pytest

# It asks for an older TRL than this environment has, which reading data does not use.
os.environ['DISABLE_VERSION_CHECK'] = '1'
for package in ('torch', 'transformers', 'datasets', 'PIL', 'omegaconf'):
    pytest.importorskip(package, reason=f'{package} is not installed')
if importlib.util.find_spec('llamafactory') is None:
    pytest.skip('llamafactory==0.9.5 is not installed', allow_module_level=True)
without_sound = importlib.util.find_spec('torchaudio') is None
if without_sound:  # it is imported for sound, which no row has
    sys.modules['torchaudio'] = module_from_spec(ModuleSpec('torchaudio', None))
import llamafactory.data

if without_sound:
    del sys.modules['torchaudio']

from llamafactory.extras.constants import IGNORE_INDEX
from llamafactory.hparams import (
    DataArguments,
    FinetuningArguments,
    ModelArguments,
    TrainingArguments,
)
from search_fixtures import write_searches
from tiny_models import load_processor, make_qwen
from transformers import Seq2SeqTrainingArguments
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
NAME = 'searches'
VIEW = (112, 63)
VIEW_TOKENS = 8


def hvs(*words: object) -> None:
    done = subprocess.run(
        [sys.executable, '-m', 'hvs_ros.cli.main', *map(str, words)], check=False, timeout=100,
        env={**os.environ, 'PYTHONPATH': str(REPOSITORY), 'OMP_NUM_THREADS': '1'},
        cwd=REPOSITORY, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope='module')
def exported(tmp_path_factory) -> Path:
    """Return the folder that the command wrote of searches of one to several turns."""
    folder = tmp_path_factory.mktemp('sft')
    dataset = write_searches(folder / 'episodes' / 'object')
    (dataset / 'dataset.json').write_text('{"split": "train"}')
    for planner in ('oracle', 'sweep'):
        run = folder / f'run-{planner}'
        hvs('eval', dataset, '--planner', planner, '--driver', 'direct', '--out', run,
            '--view', f'{VIEW[0]}x{VIEW[1]}', '--repeats', 2)
        hvs('export', 'sft', run, '--only', 'success', '--only', 'failure',
            '--only', 'truncated', '--out', folder / 'out', '--name', f'{NAME}-{planner}')
    return folder / 'out'


@pytest.fixture(scope='module')
def rows(exported):
    return [row for planner in ('oracle', 'sweep')
            for row in json.loads((exported / f'{NAME}-{planner}.json').read_text())]


@pytest.fixture(scope='module')
def processor(tmp_path_factory):
    return load_processor(make_qwen(tmp_path_factory.mktemp('model')))


@pytest.fixture(scope='module')
def loaded(exported, processor, tmp_path_factory):
    """Return what the loader makes of every row, for a model of the Qwen2-VL family."""
    folder = tmp_path_factory.mktemp('cache')
    model = ModelArguments(model_name_or_path=str(folder), cache_dir=str(folder))
    data = DataArguments(
        dataset=f'{NAME}-oracle,{NAME}-sweep', dataset_dir=str(exported), media_dir=str(exported),
        template='qwen2_vl', cutoff_len=8192, overwrite_cache=True)
    for name, value in vars(model).items():  # as its own loading of a processor does
        if name.startswith(('image_', 'video_', 'crop_')):
            setattr(processor, name, value)
    template = llamafactory.data.get_template_and_fix_tokenizer(processor.tokenizer, data)
    training = Seq2SeqTrainingArguments(output_dir=str(folder), use_cpu=True)
    return llamafactory.data.get_dataset(
        template, model, data, training, 'sft', tokenizer=processor.tokenizer,
        processor=processor)['train_dataset']


def spans(row):
    """Return the runs of tokens that the loss sees."""
    runs, inside = [], False
    for token in row['labels']:
        if token != IGNORE_INDEX:
            runs = runs if inside else [*runs, []]
            runs[-1].append(token)
        inside = token != IGNORE_INDEX
    return runs


def test_every_row_is_read_in_order(loaded, rows):
    assert len(loaded) == len(rows) == 8
    assert len({len(row['images']) for row in rows}) > 1  # searches of several lengths
    assert [len(row['images']) for row in loaded] == [len(row['images']) for row in rows]


def test_images_are_as_many_as_placeholders_and_as_their_tokens(loaded, rows, processor):
    for row, read in zip(rows, loaded, strict=True):
        text = ''.join(turn['value'] for turn in row['conversations'])
        assert len(row['images']) == text.count('<image>') == len(row['conversations']) // 2
        assert all(Path(image).is_file() for image in read['images'])
        shown = processor.image_token_id
        assert read['input_ids'].count(shown) == VIEW_TOKENS * len(row['images'])
        assert shown not in read['labels']


def test_the_loss_sees_the_models_turns_and_nothing_else(loaded, rows, processor):
    for row, read in zip(rows, loaded, strict=True):
        assert len(read['labels']) == len(read['input_ids'])
        said = [turn['value'] for turn in row['conversations'] if turn['from'] == 'gpt']
        seen = [processor.tokenizer.decode(run) for run in spans(read)]
        assert seen == [f'{reply}<|im_end|>\n' for reply in said]


def test_the_dialogue_is_the_one_that_was_held(loaded, rows, processor):
    for row, read in zip(rows, loaded, strict=True):
        text = processor.tokenizer.decode(read['input_ids'])
        text = re.sub(r'(<\|image_pad\|>)+', '', text)
        assert text.startswith(f'<|im_start|>system\n{row["system"]}<|im_end|>\n')
        for turn in row['conversations']:
            role = 'user' if turn['from'] == 'human' else 'assistant'
            value = turn['value'].replace('<image>', '<|vision_start|><|vision_end|>')
            assert f'<|im_start|>{role}\n{value}<|im_end|>\n' in text


def test_the_documented_settings_are_ones_that_it_has():
    text = (REPOSITORY / 'docs' / 'training.md').read_text()
    settings = yaml.safe_load(re.search(r'```yaml\n(.*?)```', text, re.DOTALL).group(1))
    known = {
        field.name for kind in (
            ModelArguments, DataArguments, TrainingArguments, FinetuningArguments)
        for field in dataclasses.fields(kind)}
    assert set(settings) <= known
    assert (settings['learning_rate'], settings['num_train_epochs']) == (1e-5, 3)
