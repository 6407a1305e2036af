# SPDX-License-Identifier: Apache-2.0
"""The in-process vLLM model with a real engine; slow to start."""

from __future__ import annotations

from chat_fixtures import REPLY
import pytest

pytest.importorskip('torch')
pytest.importorskip('transformers')
pytest.importorskip('vllm')

from hvs_ros.planners.answer_form import PATTERNS, keeps_to
from hvs_ros.planners.base import (
    ChatMessage,
    ChatOptions,
    ContextOverflow,
    PlannerUnavailable,
)
from hvs_ros.planners.chat_transformers import LocalModel, TransformersChat
from hvs_ros.planners.chat_vllm import VllmChat, VllmModel
from hvs_ros.planners.engine import EngineOptions

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope='module')
def model(make_model):
    folder = str(make_model('qwen', REPLY))
    return VllmModel(folder, EngineOptions(dtype='float32', max_model_len=4096), images=5)


def test_the_engine_answers_as_transformers_does(model, make_model, dialogue):
    reply = VllmChat(model, give_up_after=60).complete(dialogue)
    other = TransformersChat(LocalModel(str(make_model('qwen', REPLY)))).complete(dialogue)
    assert (reply.text, reply.finish_reason) == (other.text, other.finish_reason) == (
        REPLY, 'stop')
    assert (reply.prompt_tokens, reply.completion_tokens) == (
        other.prompt_tokens, other.completion_tokens)
    again = VllmChat(model, give_up_after=60).complete(dialogue)
    assert again.cached_tokens > 0


def test_the_token_limit_and_the_form_are_kept(model, dialogue):
    cut = VllmChat(model, ChatOptions(max_tokens=6), give_up_after=60).complete(dialogue)
    assert (cut.finish_reason, cut.completion_tokens) == ('length', 6)
    held = VllmChat(
        model, ChatOptions(temperature=2.0, seed=1), give_up_after=60,
        pattern=PATTERNS['no_think']).complete(dialogue)
    assert keeps_to(PATTERNS['no_think'], held.text)
    assert held.shortcut == 'structured output'


def test_what_does_not_fit_the_context_is_our_fault(model, dialogue):
    with pytest.raises(ContextOverflow):
        VllmChat(model, give_up_after=60).complete(
            [ChatMessage('user', ['lamp ' * 9000]), *dialogue[1:]])


def test_more_images_than_the_engine_was_loaded_for_are_named(model, dialogue):
    with pytest.raises(PlannerUnavailable, match='image'):
        VllmChat(model, give_up_after=60).complete([*dialogue] * 3)
