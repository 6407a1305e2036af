# SPDX-License-Identifier: Apache-2.0
"""Tiny random models of the families that grounders know, saved as released ones are."""

from __future__ import annotations

from pathlib import Path
import string

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
import torch
import transformers as hf

_BYTES = sorted(pre_tokenizers.ByteLevel.alphabet())
_CLIP_WORDS = [*_BYTES, *(f'{byte}</w>' for byte in _BYTES), '<|startoftext|>', '<|endoftext|>']


def _clip_tokenizer(length: int, pad: str) -> hf.PreTrainedTokenizerBase:
    """Return a tokenizer of the form that CLIP, CLIPSeg and OWL have: bytes, no merges."""
    bare = Tokenizer(models.BPE(
        {token: k for k, token in enumerate(_CLIP_WORDS)}, [], end_of_word_suffix='</w>',
        unk_token='<|endoftext|>'))
    bare.normalizer = normalizers.Lowercase()
    bare.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Whitespace(), pre_tokenizers.ByteLevel(add_prefix_space=False)])
    start, end = len(_CLIP_WORDS) - 2, len(_CLIP_WORDS) - 1
    bare.post_processor = processors.RobertaProcessing(
        ('<|endoftext|>', end), ('<|startoftext|>', start), trim_offsets=False,
        add_prefix_space=False)
    return hf.PreTrainedTokenizerFast(
        tokenizer_object=bare, bos_token='<|startoftext|>', eos_token='<|endoftext|>',
        pad_token=pad, unk_token='<|endoftext|>', model_max_length=length)


def _clip_text(length: int) -> dict[str, object]:
    return {
        'vocab_size': len(_CLIP_WORDS), 'hidden_size': 32, 'intermediate_size': 64,
        'num_hidden_layers': 2, 'num_attention_heads': 2, 'max_position_embeddings': length,
        'bos_token_id': len(_CLIP_WORDS) - 2, 'eos_token_id': len(_CLIP_WORDS) - 1,
        'pad_token_id': 0}


def _vision(size: int) -> dict[str, object]:
    return {
        'hidden_size': 32, 'intermediate_size': 64, 'num_hidden_layers': 2,
        'num_attention_heads': 2, 'image_size': size, 'patch_size': 16}


def make_owlv2(folder: Path) -> None:
    """Save a tiny OWLv2."""
    torch.manual_seed(0)
    hf.Owlv2ForObjectDetection(hf.Owlv2Config(
        text_config=_clip_text(16), vision_config=_vision(128), projection_dim=32,
    )).save_pretrained(folder)
    _clip_tokenizer(16, '!').save_pretrained(folder)
    hf.Owlv2ImageProcessorPil(size={'height': 128, 'width': 128}).save_pretrained(folder)


def make_clipseg(folder: Path) -> None:
    """Save a tiny CLIPSeg."""
    torch.manual_seed(0)
    hf.CLIPSegForImageSegmentation(hf.CLIPSegConfig(
        text_config=_clip_text(77), vision_config=_vision(96), projection_dim=32,
        reduce_dim=16, extract_layers=[0, 1], decoder_num_attention_heads=2,
        decoder_intermediate_size=32, conditional_layer=0)).save_pretrained(folder)
    _clip_tokenizer(77, '<|endoftext|>').save_pretrained(folder)
    hf.ViTImageProcessorPil(size={'height': 96, 'width': 96}).save_pretrained(folder)


def make_siglip(folder: Path) -> None:
    """Save a tiny SigLIP."""
    torch.manual_seed(0)
    hf.SiglipModel(hf.SiglipConfig(
        text_config={**_clip_text(64), 'projection_size': 32}, vision_config=_vision(64),
    )).save_pretrained(folder)
    _clip_tokenizer(64, '<|endoftext|>').save_pretrained(folder)
    hf.SiglipImageProcessorPil(size={'height': 64, 'width': 64}).save_pretrained(folder)


def make_dino(folder: Path) -> None:
    """Save a tiny Grounding DINO with a Swin backbone and a BERT."""
    torch.manual_seed(0)
    words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '.', '?',
             *string.ascii_lowercase, *(f'##{letter}' for letter in string.ascii_lowercase)]
    config = hf.GroundingDinoConfig(
        backbone_config=hf.SwinConfig(
            image_size=64, embed_dim=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2],
            window_size=4, out_features=['stage2', 'stage3', 'stage4']),
        text_config=hf.BertConfig(
            vocab_size=len(words), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=64),
        d_model=32, num_queries=20, encoder_layers=2, encoder_ffn_dim=32, decoder_layers=2,
        decoder_ffn_dim=32, encoder_attention_heads=2, decoder_attention_heads=2,
        num_feature_levels=4, max_text_len=64)
    hf.GroundingDinoForObjectDetection(config).save_pretrained(folder)
    bare = Tokenizer(models.WordPiece(
        {word: k for k, word in enumerate(words)}, unk_token='[UNK]'))
    bare.normalizer = normalizers.BertNormalizer()
    bare.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    bare.decoder = decoders.WordPiece()
    bare.post_processor = processors.BertProcessing(('[SEP]', 3), ('[CLS]', 2))
    hf.PreTrainedTokenizerFast(
        tokenizer_object=bare, pad_token='[PAD]', unk_token='[UNK]', cls_token='[CLS]',
        sep_token='[SEP]', model_max_length=64,
        model_input_names=['input_ids', 'token_type_ids', 'attention_mask'],
    ).save_pretrained(folder)
    hf.GroundingDinoImageProcessorPil(
        size={'shortest_edge': 96, 'longest_edge': 160}).save_pretrained(folder)


MAKERS = {'owlv2': make_owlv2, 'grounding-dino': make_dino, 'clipseg': make_clipseg,
          'siglip': make_siglip}
