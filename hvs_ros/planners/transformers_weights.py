# SPDX-License-Identifier: Apache-2.0
"""A model's weights from a folder or the local cache: found, checked and loaded, offline."""

from __future__ import annotations

import json
from pathlib import Path
import re
from typing import Any

from hvs_ros.core.errors import InputError
from hvs_ros.planners.engine import EngineOptions
from hvs_ros.planners.transformers_inputs import Inputs, make_inputs

QUANTIZATIONS = ('4bit', '8bit')
WEIGHTS = ('*.safetensors', '*.bin')
_REPOSITORY = re.compile(r'[\w.-]+/[\w.-]+')


def load_model(path: str, engine: EngineOptions) -> tuple[Any, Inputs]:
    """
    Return the model and what prepares its inputs; raise ``InputError`` in one sentence.

    ``path`` is a folder, or the name of a model that the Hugging Face cache holds. A checkpoint
    that lacks a part of the model is refused: it would answer from random numbers.
    """
    folder = find_weights(path)
    try:
        import torch
        import transformers
    except ImportError as error:
        raise InputError(
            f'planner transformers:{path} needs the package {error.name!r}: '
            "pip install 'hvs_ros[transformers]'") from error
    settings = _settings(transformers, torch, folder, engine)
    quiet = transformers.utils.logging
    shown = quiet.is_progress_bar_enabled()
    quiet.disable_progress_bar()
    try:
        model, report = transformers.AutoModelForImageTextToText.from_pretrained(
            folder, local_files_only=True, output_loading_info=True, **settings)
        if report['missing_keys'] or report['mismatched_keys']:
            raise InputError(f'{folder}: the weights do not hold {_first(report)}')
        if 'device_map' not in settings:
            model = model.to(device_of(torch, engine.device))
        # The checkpoint's own sampling habits (Qwen's repetition penalty, say) would come on top
        # of what the request asks for; only its special tokens are kept.
        own = model.generation_config
        model.generation_config = transformers.GenerationConfig(
            bos_token_id=own.bos_token_id, eos_token_id=own.eos_token_id,
            pad_token_id=own.pad_token_id)
        return model.eval(), make_inputs(folder, model.config.model_type, engine.max_pixels)
    except InputError:
        raise
    except Exception as error:  # the libraries raise whatever a broken file brings about
        raise InputError(f'{folder}: cannot be loaded: {one_line(error)}') from error
    finally:
        if shown:
            quiet.enable_progress_bar()


def find_weights(path: str, kind: str = 'transformers') -> Path:
    """Return the folder of a model; raise ``InputError`` when it is not on this machine."""
    folder = Path(path).expanduser()
    if not path.strip():
        raise InputError(f'planner {kind!r} needs a folder: write {kind}:PATH')
    if not folder.exists() and _REPOSITORY.fullmatch(path):
        folder = _cached(path)
    if not folder.is_dir():
        raise InputError(f'{folder}: no such folder; {kind}:PATH names one with weights')
    _check_config(folder)
    if not any(file for pattern in WEIGHTS for file in folder.glob(pattern)):
        raise InputError(f'{folder}: holds no weights (*.safetensors)')
    for index in folder.glob('*.index.json'):
        _check_parts(index)
    return folder


def context_of(model: Any, most: int | None) -> int:
    """Return how many tokens prompt and answer may have together, 0 when nothing says so."""
    longest = getattr(model.config.get_text_config(), 'max_position_embeddings', None)
    return min(filter(None, (longest, most)), default=0)


def ends_of(model: Any, tokenizer: Any) -> frozenset[int]:
    """Return the tokens that end an answer."""
    own = model.generation_config.eos_token_id
    named = own if isinstance(own, list) else [own]
    return frozenset(
        token for token in (*named, tokenizer.eos_token_id) if isinstance(token, int))


def one_line(error: Exception) -> str:
    """Return what an error says, in one line of bounded length."""
    line = ' '.join(str(error).split()) or type(error).__name__
    return line if len(line) <= 200 else f'{line[:200]}…'


def _cached(name: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import LocalEntryNotFoundError
    except ImportError as error:
        raise InputError(f'{name}: no such folder, and no Hugging Face cache here') from error
    try:
        return Path(snapshot_download(name, local_files_only=True))
    except LocalEntryNotFoundError as error:
        raise InputError(
            f'{name}: neither a folder nor in the Hugging Face cache of this machine; fetch it '
            f'first, a search never downloads: hf download {name}') from error


def _check_config(folder: Path) -> None:
    file = folder / 'config.json'
    try:
        config = json.loads(file.read_text(encoding='utf-8'))
    except FileNotFoundError as error:
        raise InputError(f'{folder}: holds no model: config.json is missing') from error
    except (OSError, ValueError) as error:
        raise InputError(f'{file}: not a readable model description') from error
    if not isinstance(config, dict) or 'model_type' not in config:
        raise InputError(f"{file}: field 'model_type' is missing")


def _check_parts(index: Path) -> None:
    try:
        parts = set(json.loads(index.read_text(encoding='utf-8'))['weight_map'].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f'{index}: not a readable list of weights') from error
    missing = sorted(part for part in parts if not (index.parent / str(part)).is_file())
    if missing:
        raise InputError(
            f'{index.parent}: {len(missing)} of {len(parts)} weight files are missing, '
            f'{missing[0]} among them')


def _settings(
        transformers: Any, torch: Any, folder: Path, engine: EngineOptions) -> dict[str, Any]:
    """Return the arguments of ``from_pretrained`` for the options."""
    settings: dict[str, Any] = {
        'dtype': engine.dtype if engine.dtype == 'auto' else getattr(torch, engine.dtype)}
    if engine.attention:
        settings['attn_implementation'] = engine.attention
    if engine.device == 'balanced':
        settings['device_map'] = 'balanced'
    if engine.quantization is None:
        return settings
    if engine.quantization not in QUANTIZATIONS:
        raise InputError(
            f"{folder}: the option 'engine.quantization' is one of {', '.join(QUANTIZATIONS)} for "
            f'transformers, not {engine.quantization!r}')
    bits = {f'load_in_{engine.quantization}': True}
    if engine.quantization == '4bit':
        bits['bnb_4bit_compute_dtype'] = (
            torch.bfloat16 if engine.dtype == 'auto' else settings['dtype'])
    settings['quantization_config'] = transformers.BitsAndBytesConfig(**bits)
    if engine.device != 'balanced':
        settings['device_map'] = {'': device_of(torch, engine.device)}
    return settings


def device_of(torch: Any, name: str) -> str:
    """Return torch's name of a device; raise ``InputError`` for a GPU that is not there."""
    if name == 'auto':
        return 'cuda:0' if torch.cuda.is_available() else 'cpu'
    kind = name.partition(':')[0]
    if kind == 'cuda' and not torch.cuda.is_available():
        raise InputError(f"the option 'engine.device' is {name!r}, and torch sees no GPU here")
    return name


def _first(report: dict[str, Any]) -> str:
    names = sorted(map(str, (*report['missing_keys'], *report['mismatched_keys'])))
    more = f' and {len(names) - 1} more' if len(names) > 1 else ''
    return f'{names[0]}{more}'
