# SPDX-License-Identifier: Apache-2.0
"""Where and how a model runs in this process: device, number format, quantisation, size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from hvs_ros.core.errors import InputError
from hvs_ros.planners.base import ChatModel

DTYPES = ('auto', 'float32', 'bfloat16', 'float16')
_NUMBERS = {
    'max_pixels': (1024, 1 << 26), 'max_model_len': (256, 1 << 22),
    'tensor_parallel_size': (1, 64), 'gpu_memory_utilization': (0.05, 1.0)}
_WORDS = ('device', 'quantization', 'attention', 'kv_cache_dtype')


@dataclass(frozen=True)
class EngineOptions:
    """
    Hold how a model in this process is loaded; ``None`` leaves the choice to its library.

    ``device``: ``auto`` is the first GPU, or the CPU where there is none; ``balanced`` spreads
    the layers over all GPUs; else a name such as ``cuda:1``. ``quantization``: ``4bit`` or
    ``8bit`` for transformers (through bitsandbytes), any of vLLM's own names for vLLM; a
    checkpoint that is quantised already needs none. ``max_pixels`` bounds an image, in pixels,
    before it becomes tokens. ``max_model_len`` bounds prompt and answer, in tokens. The last
    three are vLLM's alone.
    """

    device: str = 'auto'
    dtype: str = 'auto'
    quantization: str | None = None
    attention: str | None = None
    max_pixels: int | None = None
    max_model_len: int | None = None
    tensor_parallel_size: int | None = None
    gpu_memory_utilization: float | None = None
    kv_cache_dtype: str | None = None

    @classmethod
    def from_mapping(cls, path: Path, chosen: Any) -> EngineOptions:
        """Return the options that a planner file holds; refuse by file, field and value."""
        if not isinstance(chosen, Mapping):
            raise InputError(f"{path}: field 'engine' must be a mapping, not {chosen!r}")
        known = [entry.name for entry in fields(cls)]
        for name, value in chosen.items():
            if name not in known:
                raise InputError(
                    f"{path}: unknown field 'engine.{name}'; known are: {', '.join(known)}")
            said = _refusal(name, value)
            if said:
                raise InputError(f"{path}: field 'engine.{name}' must be {said}, not {value!r}")
        return cls(**chosen)

    def refuse_all_but(self, allowed: tuple[str, ...], kind: str) -> None:
        """Refuse what this kind of planner would silently leave out."""
        for entry in fields(self):
            if entry.name not in allowed and getattr(self, entry.name) != entry.default:
                raise InputError(
                    f"planner {kind!r}: the option 'engine.{entry.name}' is not for it; it has "
                    f'{", ".join(allowed)}')


class LocalConnector:
    """Connect searches to a model that is loaded in this process, and tell records how it is."""

    def __init__(self, make: Callable[[], ChatModel], options: EngineOptions) -> None:
        self._make = make
        self.engine = {
            name: value for name, value in asdict(options).items() if value is not None}

    def __call__(self) -> ChatModel:
        """Return the chat model of one search."""
        return self._make()


def _refusal(name: str, value: Any) -> str:
    """Return what the field must be when the value is not that, else nothing."""
    if name == 'dtype':
        return '' if value in DTYPES else f'one of {", ".join(DTYPES)}'
    if name in _WORDS:
        fine = (isinstance(value, str) and value.strip()) or (value is None and name != 'device')
        return '' if fine else 'a name'
    low, high = _NUMBERS[name]
    whole = isinstance(low, int)
    fine = value is None or (
        isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
        and low <= value <= high)
    return '' if fine else f'{"a whole number" if whole else "a number"} from {low} to {high}'
