# SPDX-License-Identifier: Apache-2.0
"""How a model in this process is loaded: the field `engine` of a planner file."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from hvs_ros.core.errors import InputError
from hvs_ros.planners.engine import EngineOptions
from hvs_ros.planners.presets import planner_from_file
from hvs_ros.planners.registry import PlannerContext

FILE = Path('mine.yaml')


def test_an_empty_engine_leaves_every_choice_to_the_library():
    assert EngineOptions.from_mapping(FILE, {}) == EngineOptions()


def test_what_a_file_says_is_taken():
    said = {
        'device': 'cuda:1', 'dtype': 'bfloat16', 'quantization': '4bit', 'attention': 'sdpa',
        'max_pixels': 1003520, 'max_model_len': 20480, 'tensor_parallel_size': 2,
        'gpu_memory_utilization': 0.5, 'kv_cache_dtype': 'fp8'}
    options = EngineOptions.from_mapping(FILE, said)
    assert {name: getattr(options, name) for name in said} == said


@pytest.mark.parametrize(('said', 'refusal'), [
    ('fast', "field 'engine' must be a mapping, not 'fast'"),
    ({'speed': 1}, "unknown field 'engine.speed'; known are: device, dtype"),
    ({'dtype': 'int3'}, "'engine.dtype' must be one of auto, float32, bfloat16, float16"),
    ({'device': None}, "'engine.device' must be a name, not None"),
    ({'quantization': 4}, "'engine.quantization' must be a name, not 4"),
    ({'max_pixels': 12.5}, "'engine.max_pixels' must be a whole number from 1024 to"),
    ({'max_model_len': True}, "'engine.max_model_len' must be a whole number from 256 to"),
    ({'tensor_parallel_size': 0}, "'engine.tensor_parallel_size' must be a whole number from 1"),
    ({'gpu_memory_utilization': 2}, "'engine.gpu_memory_utilization' must be a number from 0.05"),
])
def test_what_cannot_be_meant_is_refused_by_file_field_and_value(said, refusal):
    with pytest.raises(InputError) as caught:
        EngineOptions.from_mapping(FILE, said)
    assert str(caught.value).startswith(f'{FILE}: ')
    assert refusal in str(caught.value)


def test_a_planner_file_is_refused_for_its_engine(tmp_path):
    file = tmp_path / 'mine.yaml'
    file.write_text(yaml.safe_dump({'planner': 'transformers:x', 'engine': {'dtype': 'int3'}}))
    with pytest.raises(InputError, match=r"mine\.yaml: field 'engine\.dtype'"):
        planner_from_file(str(file), PlannerContext())


def test_an_option_of_the_other_library_is_not_silently_left_out():
    EngineOptions(dtype='float16').refuse_all_but(('dtype',), 'transformers')
    with pytest.raises(InputError, match=r"planner 'vllm': the option 'engine\.device'"):
        EngineOptions(device='cpu').refuse_all_but(('dtype',), 'vllm')
