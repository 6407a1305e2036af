# SPDX-License-Identifier: Apache-2.0
"""Vision-language models of some hundred thousand random parameters, made offline in a second."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
import torch
from transformers import (
    AutoModelForImageTextToText,
    AutoTokenizer,
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
    Qwen2_5_VLConfig,
    Qwen2_5_VLForConditionalGeneration,
    Qwen2_5_VLProcessor,
    Qwen2Config,
    Qwen2Tokenizer,
    Qwen2VLImageProcessorPil,
    Qwen3VLConfig,
    Qwen3VLForConditionalGeneration,
)

from hvs_ros.core.prompts import load_prompts
from hvs_ros.core.share import share_path
from hvs_ros.environments.trl_tools import SearchTools

# the tokens that the released models' tokenizer adds to its vocabulary, in its order
SPECIAL = (
    '<|endoftext|>', '<|im_start|>', '<|im_end|>', '<|object_ref_start|>', '<|object_ref_end|>',
    '<|box_start|>', '<|box_end|>', '<|quad_start|>', '<|quad_end|>', '<|vision_start|>',
    '<|vision_end|>', '<|vision_pad|>', '<|image_pad|>', '<|video_pad|>')
UNSEEN = ('<tool_call>', '</tool_call>')
CALLS = ''.join(
    f'\n{{"name": "{name}", "arguments": {{"yaw": 90, "pitch": 0}}}}\n'
    for name in ('rotate', 'submit'))
SCHEMA = (
    '{"type": "function", "function": {"name": "rotate", "description": "", "parameters": '
    '{"type": "object", "properties": {"yaw": {"type": "integer", "description": ""}, "pitch": '
    '{"type": "integer", "description": ""}}, "required": ["yaw", "pitch"]}}}\n')
VOCABULARY = 768

# Says what the released one says of text, images and roles: tools are unknown to it, and a
# message of the role "tool" loses nothing but its name.
QWEN_CHAT_TEMPLATE = (
    "{% for message in messages %}{% if loop.first and message['role'] != 'system' %}"
    '<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n{% endif %}'
    "<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}{% if part['type'] == 'image' %}"
    '<|vision_start|><|image_pad|><|vision_end|>'
    "{% elif 'text' in part %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n"
    '{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}')


class ImageProcessor(Qwen2_5_VLProcessor):
    """The released processor without its video part, which needs torchvision."""

    def check_argument_for_proper_class(self, argument_name, argument):
        if argument_name == 'video_processor':
            return type(argument)
        return super().check_argument_for_proper_class(argument_name, argument)

    def __repr__(self):
        return f'{type(self).__name__}({self.tokenizer.vocab_size} tokens)'


def make_tokenizer() -> Qwen2Tokenizer:
    """Return a byte-level tokenizer with Qwen's special tokens, learned from our own prompts."""
    packs = [load_prompts(), load_prompts(share_path('config/training/tools.yaml'))]
    texts = [CALLS * 40, SCHEMA * 20, SearchTools.rotate.__doc__, SearchTools.submit.__doc__, *(
        text for pack in packs
        for text in (*pack.system.values(), pack.first_turn, pack.next_turn, pack.example))]
    bare = Tokenizer(models.BPE())
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    bare.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=VOCABULARY - len(SPECIAL) - len(UNSEEN), show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    learned = json.loads(bare.to_str())['model']
    tokenizer = Qwen2Tokenizer(
        vocab=learned['vocab'], merges=[tuple(pair) for pair in learned['merges']],
        unk_token=None, eos_token='<|im_end|>', pad_token='<|endoftext|>',
        extra_special_tokens=list(SPECIAL), model_max_length=32768)
    tokenizer.add_tokens(list(UNSEEN))
    tokenizer.chat_template = QWEN_CHAT_TEMPLATE
    return tokenizer


def make_qwen(folder: Path, *, seed: int = 0, hidden: int = 64) -> Path:
    """
    Save a tiny Qwen2.5-VL into the folder: weights, tokenizer, image processor, chat template.

    An image costs one token for every 28x28 pixels, and at least four.
    """
    tokenizer = make_tokenizer()
    images = Qwen2VLImageProcessorPil(size={'shortest_edge': 56 * 56, 'longest_edge': 448 * 448})
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL}
    torch.manual_seed(seed)
    model = Qwen2_5_VLForConditionalGeneration(Qwen2_5_VLConfig(
        text_config={
            'vocab_size': VOCABULARY, 'hidden_size': hidden, 'intermediate_size': 2 * hidden,
            'num_hidden_layers': 2, 'num_attention_heads': hidden // 32,
            'num_key_value_heads': 1, 'max_position_embeddings': 32768,
            'rope_parameters': {
                'rope_type': 'default', 'rope_theta': 10000.0, 'mrope_section': [4, 6, 6]},
            'bos_token_id': ids['<|endoftext|>'], 'eos_token_id': ids['<|im_end|>'],
            'pad_token_id': ids['<|endoftext|>'], 'tie_word_embeddings': True},
        vision_config={
            'depth': 2, 'hidden_size': 32, 'intermediate_size': 64, 'num_heads': 2,
            'out_hidden_size': hidden, 'fullatt_block_indexes': [1], 'patch_size': 14,
            'spatial_merge_size': 2, 'temporal_patch_size': 2, 'window_size': 112},
        image_token_id=ids['<|image_pad|>'], video_token_id=ids['<|video_pad|>'],
        vision_start_token_id=ids['<|vision_start|>'], vision_end_token_id=ids['<|vision_end|>'],
        tie_word_embeddings=True))
    model.generation_config.update(
        eos_token_id=ids['<|im_end|>'], pad_token_id=ids['<|endoftext|>'])
    for part in (model, tokenizer, images):
        part.save_pretrained(folder)
    return folder


def load_qwen(folder: Path) -> tuple[Qwen2_5_VLForConditionalGeneration, ImageProcessor]:
    """Return the model in the folder and its processor, neither of which needs torchvision."""
    model = Qwen2_5_VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    return model, load_processor(folder)


def load_processor(folder: Path) -> ImageProcessor:
    """Return the processor of the tiny Qwen2.5-VL in the folder."""
    tokenizer: PreTrainedTokenizerFast = AutoTokenizer.from_pretrained(folder)
    return ImageProcessor(
        Qwen2VLImageProcessorPil.from_pretrained(folder), tokenizer,
        SimpleNamespace(model_input_names=[]), chat_template=tokenizer.chat_template)


LLAVA_CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}{% if part['type'] == 'image' %}<image>"
    "{% elif part['type'] == 'text' %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}"
    '<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}')
LLAVA_IMAGE = 56
"""Pixels of an image's side, as the model sees it: 16 patches of 14, a token each."""


def make_llava(folder: Path, *, seed: int = 0) -> Path:
    """Save a tiny LLaVA into the folder: CLIP's view of the image before a Qwen2 text model."""
    tokenizer = make_tokenizer()
    tokenizer.add_special_tokens({'additional_special_tokens': [*SPECIAL, '<image>']})
    tokenizer.chat_template = LLAVA_CHAT_TEMPLATE
    image_token = tokenizer.convert_tokens_to_ids('<image>')
    ends = {
        'eos_token_id': tokenizer.eos_token_id, 'pad_token_id': tokenizer.pad_token_id,
        'bos_token_id': tokenizer.pad_token_id}
    torch.manual_seed(seed)
    model = LlavaForConditionalGeneration(LlavaConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
            image_size=LLAVA_IMAGE, patch_size=14, projection_dim=32),
        text_config=Qwen2Config(
            vocab_size=VOCABULARY + 1, hidden_size=64, intermediate_size=128,
            num_hidden_layers=2, num_attention_heads=2, num_key_value_heads=1,
            max_position_embeddings=32768, tie_word_embeddings=True, **ends),
        image_token_index=image_token, image_seq_length=(LLAVA_IMAGE // 14) ** 2,
        vision_feature_layer=-1, tie_word_embeddings=True))
    model.generation_config.update(**ends)
    size = {'height': LLAVA_IMAGE, 'width': LLAVA_IMAGE}
    processor = LlavaProcessor(
        CLIPImageProcessorPil(size={'shortest_edge': LLAVA_IMAGE}, crop_size=size), tokenizer,
        patch_size=14, vision_feature_select_strategy='default',
        num_additional_image_tokens=1, image_token='<image>',
        chat_template=LLAVA_CHAT_TEMPLATE)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def make_qwen3(folder: Path, *, seed: int = 0) -> Path:
    """Save a tiny Qwen3-VL into the folder: patches of 16 pixels, a token for each 32x32."""
    tokenizer = make_tokenizer()
    images = Qwen2VLImageProcessorPil(
        size={'shortest_edge': 64 * 64, 'longest_edge': 512 * 512}, patch_size=16,
        image_mean=[0.5] * 3, image_std=[0.5] * 3)
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL}
    torch.manual_seed(seed)
    model = Qwen3VLForConditionalGeneration(Qwen3VLConfig(
        text_config={
            'vocab_size': VOCABULARY, 'hidden_size': 64, 'intermediate_size': 128,
            'num_hidden_layers': 2, 'num_attention_heads': 2, 'num_key_value_heads': 1,
            'head_dim': 32, 'max_position_embeddings': 32768,
            'rope_parameters': {
                'rope_type': 'default', 'rope_theta': 10000.0, 'mrope_section': [6, 5, 5],
                'mrope_interleaved': True},
            'bos_token_id': ids['<|endoftext|>'], 'eos_token_id': ids['<|im_end|>'],
            'pad_token_id': ids['<|endoftext|>'], 'tie_word_embeddings': True},
        vision_config={
            'depth': 2, 'hidden_size': 32, 'intermediate_size': 64, 'num_heads': 2,
            'out_hidden_size': 64, 'patch_size': 16, 'spatial_merge_size': 2,
            'temporal_patch_size': 2, 'num_position_embeddings': 256,
            'deepstack_visual_indexes': [0]},
        image_token_id=ids['<|image_pad|>'], video_token_id=ids['<|video_pad|>'],
        vision_start_token_id=ids['<|vision_start|>'], vision_end_token_id=ids['<|vision_end|>'],
        tie_word_embeddings=True))
    model.generation_config.update(
        eos_token_id=ids['<|im_end|>'], pad_token_id=ids['<|endoftext|>'])
    for part in (model, tokenizer, images):
        part.save_pretrained(folder)
    return folder


def teach(folder: Path, words: str, steps: int = 150) -> Path:
    """
    Make the model in the folder answer everything with ``words``, and save it.

    Attention is switched off, so that nothing said before matters: the model learns by heart
    which piece of the words follows which.
    """
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    pieces = [words[at:at + 5] for at in range(0, len(words), 5)]
    assert len(set(pieces)) == len(pieces), 'a piece that comes twice has two that follow it'
    tokenizer.add_tokens(pieces)
    model.resize_token_embeddings(len(tokenizer))
    for name, weights in model.named_parameters():
        if name.endswith('o_proj.weight') and 'visual' not in name:
            torch.nn.init.zeros_(weights).requires_grad_(False)
    begin = tokenizer('<|im_start|>assistant\n')['input_ids'][-1]
    chain = [begin, *tokenizer.convert_tokens_to_ids(pieces), tokenizer.eos_token_id]
    ids = torch.tensor([chain])
    labels = ids.clone()
    labels[0, 0] = -100
    optimizer = torch.optim.AdamW(
        [weights for weights in model.parameters() if weights.requires_grad], lr=0.003)
    for _ in range(steps):
        model(input_ids=ids, labels=labels).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
