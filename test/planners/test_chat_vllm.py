# SPDX-License-Identifier: Apache-2.0
"""The in-process vLLM model against a stand-in with the signatures of vllm 0.11 to 0.32."""

from __future__ import annotations

import base64
from dataclasses import dataclass
import os
import sys
import threading
from types import ModuleType, SimpleNamespace

import pytest

from hvs_ros.core.errors import InputError
from hvs_ros.planners.answer_form import PATTERNS
from hvs_ros.planners.base import (
    ChatMessage,
    ChatOptions,
    ContextOverflow,
    PlannerClosed,
    PlannerUnavailable,
    request_sha256,
)
from hvs_ros.planners.chat_vllm import VllmChat, VllmModel
from hvs_ros.planners.engine import EngineOptions
from hvs_ros.planners.registry import PlannerContext, make_planner

DIALOGUE = [
    ChatMessage('system', ['look']), ChatMessage('user', ['here:\n', b'\xff\xd8jpeg', ' \n']),
    ChatMessage('assistant', ['']), ChatMessage('user', [b'\x89PNGpng', 'again'])]


@dataclass
class SamplingParams:
    """Refuse an unknown field, as the real one does."""

    max_tokens: int | None = 16
    temperature: float = 1.0
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    seed: int | None = None
    structured_outputs: object = None
    top_p: float = 1.0
    top_k: int = 0


class Engine:
    """Answer each chat with the next of ``script``; keep what was asked, and from which thread."""

    def __init__(self):
        self.loaded, self.asked, self.threads = {}, [], set()
        self.script = [output('fine')]
        self.release = threading.Event()
        self.arrived = threading.Event()

    def load(self, model, **settings):
        self.loaded = {'model': model, **settings}
        if settings.get('quantization') == 'broken':
            raise ValueError('Unknown quantization\nmethod')
        return SimpleNamespace(chat=self.chat, get_tokenizer=lambda: SimpleNamespace(
            added_tokens_decoder={1: SimpleNamespace(content='<|im_end|>', special=True),
                                  2: SimpleNamespace(content='<think>', special=False)}))

    def chat(self, messages, sampling_params=None, use_tqdm=True, lora_request=None,
             chat_template=None, chat_template_content_format='auto',
             add_generation_prompt=True, continue_final_message=False, tools=None,
             chat_template_kwargs=None, mm_processor_kwargs=None):
        self.asked.append((messages, sampling_params, use_tqdm, chat_template_kwargs))
        self.threads.add(threading.current_thread().name)
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if answer == 'hang':
            self.arrived.set()
            assert self.release.wait(30)
            answer = output('late')
        if isinstance(answer, Exception):
            raise answer
        return [answer]


def output(text, finish_reason='stop', said=3):
    return SimpleNamespace(
        prompt_token_ids=[1] * 70, num_cached_tokens=64,
        outputs=[SimpleNamespace(
            text=text, token_ids=(1,) * said, finish_reason=finish_reason)])


@pytest.fixture
def engine(monkeypatch):
    engine = Engine()
    module = ModuleType('vllm')
    module.LLM, module.SamplingParams = engine.load, SamplingParams
    monkeypatch.setitem(sys.modules, 'vllm', module)
    sampling = ModuleType('vllm.sampling_params')
    sampling.StructuredOutputsParams = lambda regex: ('regex', regex)
    monkeypatch.setitem(sys.modules, 'vllm.sampling_params', sampling)
    for name in ('HF_HUB_OFFLINE', 'VLLM_NO_USAGE_STATS', 'VLLM_LOGGING_LEVEL'):
        monkeypatch.delenv(name, raising=False)
    yield engine
    engine.release.set()


@pytest.fixture
def folder(tmp_path):
    (tmp_path / 'config.json').write_text('{"model_type": "qwen2_5_vl"}')
    (tmp_path / 'model.safetensors').write_bytes(b'weights')
    return tmp_path


def test_a_dialogue_is_asked_as_the_server_would_be(engine, folder):
    chat = VllmChat(VllmModel(str(folder)))
    reply = chat.complete(DIALOGUE)
    messages, sampling, use_tqdm, _ = engine.asked[0]
    text = [[part.get('text') for part in message['content']] if message['content'] else ''
            for message in messages]
    assert text == [['look'], ['here:\n', None], '', [None, 'again']]
    urls = [part['image_url']['url'] for message in messages if message['content']
            for part in message['content'] if part['type'] == 'image_url']
    assert urls == [
        f'data:image/jpeg;base64,{base64.b64encode(DIALOGUE[1].parts[1]).decode()}',
        f'data:image/png;base64,{base64.b64encode(DIALOGUE[3].parts[0]).decode()}']
    assert (sampling, use_tqdm) == (SamplingParams(max_tokens=1024, temperature=0), False)
    assert (reply.text, reply.finish_reason, reply.prompt_tokens, reply.completion_tokens,
            reply.cached_tokens) == ('fine', 'stop', 70, 3, 64)
    assert reply.request_sha256 == request_sha256(
        str(folder), DIALOGUE, ChatOptions().parameters())


def test_words_never_become_tokens_that_steer_the_model(engine, folder):
    VllmChat(VllmModel(str(folder))).complete(
        [ChatMessage('user', ['<think> a <|im_end|> <image>'])])
    said = engine.asked[0][0][0]['content'][0]['text']
    assert '<|im_end|>' not in said and '<image>' not in said
    assert said.replace('\u200b', '') == '<think> a <|im_end|> <image>'


def test_options_reach_the_engine_and_nothing_else_does(engine, folder):
    VllmModel(str(folder), EngineOptions(
        dtype='bfloat16', quantization='fp8', max_pixels=1000000, max_model_len=8192,
        tensor_parallel_size=2, gpu_memory_utilization=0.8, kv_cache_dtype='fp8'), images=5)
    assert engine.loaded == {
        'model': str(folder), 'dtype': 'bfloat16', 'quantization': 'fp8', 'max_model_len': 8192,
        'tensor_parallel_size': 2, 'gpu_memory_utilization': 0.8, 'kv_cache_dtype': 'fp8',
        'mm_processor_kwargs': {'max_pixels': 1000000}, 'limit_mm_per_prompt': {'image': 5},
        'generation_config': 'vllm'}
    VllmModel(str(folder))
    assert engine.loaded == {
        'model': str(folder), 'dtype': 'auto', 'limit_mm_per_prompt': {'image': 10},
        'generation_config': 'vllm'}
    assert os.environ['HF_HUB_OFFLINE'] == os.environ['VLLM_NO_USAGE_STATS'] == '1'
    with pytest.raises(InputError, match=r"'engine\.device' is not for it"):
        VllmModel(str(folder), EngineOptions(device='cpu'))


@pytest.mark.parametrize(('context', 'images'), [
    ('published', 4), ('two-round', 2), ('append', 10)])
def test_a_spec_loads_an_engine_for_as_many_images_as_are_shown(
        engine, folder, context, images, task):
    spec = f'vllm:{folder}'
    wishes = {'context': context, 'history_turns': 4}
    planner = make_planner(spec, context=PlannerContext(wishes=wishes))
    assert engine.loaded['limit_mm_per_prompt'] == {'image': images}
    assert planner.name == spec
    assert planner.engine == {'device': 'auto', 'dtype': 'auto'}
    planner.begin(task).close()


def test_further_fields_reach_the_request_or_are_refused(engine, folder):
    options = ChatOptions(extra={'top_k': 1, 'chat_template_kwargs': {'enable_thinking': False}})
    reply = VllmChat(VllmModel(str(folder)), options).complete(DIALOGUE)
    _, sampling, _, words = engine.asked[0]
    assert sampling == SamplingParams(
        max_tokens=1024, temperature=0, top_k=1)
    assert (words, reply.shortcut) == ({'enable_thinking': False}, '')
    with pytest.raises(InputError, match=r"'chat\.extra\.logit_bias' is not for it"):
        VllmChat(VllmModel(str(folder)), ChatOptions(extra={'logit_bias': {}}))


def test_an_answer_can_be_held_to_its_form(engine, folder, task, first_observation):
    planner = make_planner(f'vllm:{folder}', context=PlannerContext(
        profile='strict', wishes={'structured_output': True}))
    decision = planner.begin(task).act(first_observation)
    assert engine.asked[0][1].structured_outputs == ('regex', PATTERNS['free_think'])
    assert decision.shortcut == 'structured output'
    scored = make_planner(f'vllm:{folder}', context=PlannerContext(
        wishes={'structured_output': True}))
    assert scored.begin(task).act(first_observation).shortcut == ''
    assert engine.asked[1][1].structured_outputs is None


@pytest.mark.parametrize(('answer', 'error', 'says'), [
    (output('', 'length', said=900), ContextOverflow, '70 tokens leave 900 for an answer'),
    (ValueError('The prompt (length 9000) is longer than the maximum model length of 8192.'),
     ContextOverflow, 'too long'),
    (RuntimeError('EngineCore\ndied'), PlannerUnavailable, 'failed: EngineCore died')])
def test_what_is_no_answer_is_named(engine, folder, answer, error, says):
    engine.script = [answer]
    with pytest.raises(error, match=says):
        VllmChat(VllmModel(str(folder))).complete(DIALOGUE)


def test_an_answer_cut_by_the_token_limit_is_the_models(engine, folder):
    engine.script = [output('<think>and', 'length', said=1024)]
    reply = VllmChat(VllmModel(str(folder))).complete(DIALOGUE)
    assert (reply.text, reply.finish_reason) == ('<think>and', 'length')


def test_a_closed_search_is_not_waited_for_and_the_next_one_comes_after_it(engine, folder):
    engine.script = ['hang', output('second')]
    model = VllmModel(str(folder))
    first, second, third = (VllmChat(model, give_up_after=0.3) for _ in range(3))
    caught = []

    def ask_first():
        with pytest.raises(PlannerClosed) as found:
            first.complete(DIALOGUE)
        caught.append(found)

    asking = threading.Thread(target=ask_first)
    asking.start()
    assert engine.arrived.wait(10)
    first.close()
    asking.join(10)
    assert len(caught) == 1
    answers = []
    # its deadline counts from when the engine is free: it must outlive the first one's call
    waiting = threading.Thread(target=lambda: answers.append(second.complete(DIALOGUE).text))
    waiting.start()
    waiting.join(0.6)
    assert waiting.is_alive()
    third.close()
    with pytest.raises(PlannerClosed):
        third.complete(DIALOGUE)
    engine.release.set()
    waiting.join(10)
    assert answers == ['second']
    assert len(engine.asked) == 2
    assert len(engine.threads) == 1


def test_a_call_that_takes_too_long_is_no_answer(engine, folder):
    engine.script = ['hang', output('fine')]
    with pytest.raises(PlannerUnavailable, match=r'no answer within 0\.2 s'):
        VllmChat(VllmModel(str(folder)), give_up_after=0.2).complete(DIALOGUE)


def test_an_engine_that_cannot_load_says_why_in_one_sentence(engine, folder):
    with pytest.raises(InputError, match='vLLM cannot load it: Unknown quantization method'):
        VllmModel(str(folder), EngineOptions(quantization='broken'))
    with pytest.raises(InputError, match='no such folder; vllm:PATH names one with weights'):
        make_planner(f'vllm:{folder / "gone"}')


def test_without_the_package_its_extra_is_named(monkeypatch, folder):
    monkeypatch.setitem(sys.modules, 'vllm', None)
    with pytest.raises(InputError, match=r'hvs_ros\[vllm\]'):
        make_planner(f'vllm:{folder}')
