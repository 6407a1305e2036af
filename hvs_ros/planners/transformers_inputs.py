# SPDX-License-Identifier: Apache-2.0
"""Dialogues as the tensors a transformers model reads: Qwen-VL by hand, others by processor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
import io
import json
from pathlib import Path
import re
from typing import Any, Protocol

from hvs_ros.core.errors import InputError
from hvs_ros.planners.base import ChatMessage

QWEN_VL = ('qwen2_vl', 'qwen2_5_vl', 'qwen3_vl', 'qwen3_vl_moe')
LEGACY_TEMPLATE = 'chat_template.json'
ZERO_WIDTH = '\u200b'


class Inputs(Protocol):
    """Turn dialogues into a model's inputs; ``tokenizer`` reads its answers back."""

    tokenizer: Any

    def tensors(
            self, messages: Sequence[ChatMessage], words: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """
        Return what ``generate`` takes, on the CPU; ``input_ids`` is (1, tokens).

        ``words`` are further arguments of the chat template.
        """


def make_inputs(folder: Path, model_type: str, max_pixels: int | None) -> Inputs:
    """Return the inputs of the model in ``folder``; ``max_pixels`` bounds an image."""
    if model_type in QWEN_VL:
        return QwenInputs(folder, max_pixels)
    if max_pixels is not None:
        raise InputError(
            f"{folder}: the option 'engine.max_pixels' is for Qwen-VL models; bound the image "
            'size that the client sends instead')
    return ProcessorInputs(folder)


class QwenInputs:
    """
    Prepare dialogues for Qwen2-VL, Qwen2.5-VL and Qwen3-VL without torchvision.

    Their processor also loads a video processor, which needs torchvision. Images need only the
    PIL image processor: each image token of the rendered template is repeated once for each
    ``merge_size`` x ``merge_size`` block of the image's patches.
    """

    def __init__(self, folder: Path, max_pixels: int | None = None) -> None:
        from transformers import AutoTokenizer
        from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import (
            Qwen2VLImageProcessorPil,
        )
        self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._images = Qwen2VLImageProcessorPil.from_pretrained(folder, local_files_only=True)
        if max_pixels is not None:
            smallest = dict(self._images.size)['shortest_edge']
            self._images.size = {
                'shortest_edge': min(smallest, max_pixels), 'longest_edge': max_pixels}
        self._template = _template_of(folder, self.tokenizer)
        self._image_token = '<|image_pad|>'
        self._image_id = self.tokenizer.convert_tokens_to_ids(self._image_token)
        self._specials = specials_of(self.tokenizer, self._image_token)

    def tensors(
            self, messages: Sequence[ChatMessage], words: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return input_ids, attention_mask, mm_token_type_ids, pixel_values, image_grid_thw."""
        import torch
        text = self.tokenizer.apply_chat_template(
            _conversation(messages, self._specials), chat_template=self._template,
            tokenize=False, add_generation_prompt=True, **(words or {}))
        pictures = _pictures(messages)
        seen: dict[str, Any] = {}
        if pictures:
            seen = dict(self._images(images=pictures, return_tensors='pt'))
            text = self._expanded(text, seen['image_grid_thw'])
        encoded = self.tokenizer(text, add_special_tokens=False, return_tensors='pt')
        ids = encoded['input_ids']
        return {
            'input_ids': ids, 'attention_mask': encoded['attention_mask'],
            'mm_token_type_ids': (ids == self._image_id).to(torch.int32), **seen}

    def _expanded(self, text: str, grids: Any) -> str:
        pieces = text.split(self._image_token)
        if len(pieces) != len(grids) + 1:
            raise InputError(
                f'{self.tokenizer.name_or_path}: the chat template writes {len(pieces) - 1} image '
                f'tokens for {len(grids)} images; it is not one for images')
        blocks = [int(grid.prod()) // self._images.merge_size ** 2 for grid in grids]
        return pieces[0] + ''.join(
            self._image_token * count + piece
            for count, piece in zip(blocks, pieces[1:], strict=True))


class ProcessorInputs:
    """Prepare dialogues with the processor that the model's family brings."""

    def __init__(self, folder: Path) -> None:
        from transformers import AutoProcessor
        try:
            self._processor = AutoProcessor.from_pretrained(folder, local_files_only=True)
        except ImportError as error:
            missing = re.search(r'requires the (\w+) library', str(error))
            package = missing.group(1).lower() if missing else 'a package that is not here'
            raise InputError(
                f"{folder}: this model's processor needs {package}; install it, or serve the "
                'model and name it openai:MODEL@URL') from error
        self.tokenizer: Any = getattr(self._processor, 'tokenizer', None)
        if self.tokenizer is None or not getattr(self._processor, 'chat_template', None):
            raise InputError(f'{folder}: not a chat model for images: it has no chat template')
        self._specials = specials_of(
            self.tokenizer, str(getattr(self._processor, 'image_token', None) or '<image>'))

    def tensors(
            self, messages: Sequence[ChatMessage], words: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        """Return what the processor makes of the dialogue and its images."""
        text = self._processor.apply_chat_template(
            _conversation(messages, self._specials), tokenize=False, add_generation_prompt=True,
            **(words or {}))
        # A template that begins with the tokenizer's first token must not get a second one.
        first = self.tokenizer.bos_token
        pictures = _pictures(messages)
        return dict(self._processor(
            text=[text], images=pictures or None, return_tensors='pt',
            add_special_tokens=not (first and text.startswith(first))))


def _template_of(folder: Path, tokenizer: Any) -> str:
    """Return the chat template; older checkpoints keep the one for images in a JSON file."""
    legacy = folder / LEGACY_TEMPLATE
    if not (folder / 'chat_template.jinja').is_file() and legacy.is_file():
        try:
            template = json.loads(legacy.read_text(encoding='utf-8'))['chat_template']
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(f'{legacy}: not a readable chat template') from error
        return str(template)
    if not tokenizer.chat_template:
        raise InputError(f'{folder}: not a chat model: it has no chat template')
    return str(tokenizer.chat_template)


def specials_of(tokenizer: Any, image_token: str) -> re.Pattern[str]:
    """Return what matches any token that steers the model: words must never become one."""
    words = {image_token, *(
        token.content for token in tokenizer.added_tokens_decoder.values() if token.special)}
    return re.compile('|'.join(re.escape(word) for word in sorted(words, key=len, reverse=True)))


def _conversation(
        messages: Sequence[ChatMessage], specials: re.Pattern[str]) -> list[dict[str, Any]]:
    """Return the dialogue as chat templates read it; blank texts are dropped, as on the wire."""
    conversation = []
    for message in messages:
        parts: list[dict[str, str]] = []
        for part in message.parts:
            if isinstance(part, bytes):
                parts.append({'type': 'image'})
            elif part.strip():
                parts.append({'type': 'text', 'text': harmless(part, specials)})
        conversation.append(
            {'role': message.role, 'content': parts or [{'type': 'text', 'text': ''}]})
    return conversation


def harmless(text: str, specials: re.Pattern[str]) -> str:
    """Return the text with a zero-width space in whatever the tokenizer would obey."""
    return specials.sub(lambda found: found[0][0] + ZERO_WIDTH + found[0][1:], text)


def _pictures(messages: Sequence[ChatMessage]) -> list[Any]:
    from PIL import Image
    return [
        Image.open(io.BytesIO(part)).convert('RGB')
        for message in messages for part in message.parts if isinstance(part, bytes)]
