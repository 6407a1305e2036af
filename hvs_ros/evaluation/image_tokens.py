# SPDX-License-Identifier: Apache-2.0
"""How many tokens a picture is to a family of models: estimates, each with its source."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
import math
import re

Rule = Callable[[int, int], int]


@dataclass(frozen=True)
class Family:
    """Name models that count a picture's tokens alike; ``pattern`` finds them by their names."""

    name: str
    pattern: str
    rule: Rule
    source: str


def merged_patches(width: int, height: int, *, side: int, least: int, most: int) -> int:
    """
    Return the tokens of a Qwen-VL model: ``side`` x ``side`` pixels each, and two around them.

    Both sides of the picture are rounded to multiples of ``side``; a picture of fewer than
    ``least`` or more than ``most`` pixels is scaled into them.
    """
    columns, rows = (max(side, round(length / side) * side) for length in (width, height))
    if columns * rows > most:
        scale = math.sqrt(width * height / most)
        columns, rows = (
            max(side, math.floor(length / scale / side) * side) for length in (width, height))
    elif columns * rows < least:
        scale = math.sqrt(least / (width * height))
        columns, rows = (
            math.ceil(length * scale / side) * side for length in (width, height))
    return columns * rows // side ** 2 + 2


def tiles(width: int, height: int, *, base: int, tile: int) -> int:
    """
    Return the tokens of an OpenAI model that counts tiles of 512 x 512 pixels (detail high).

    The picture is first scaled down into 2048 x 2048, then to a short side of 768.
    """
    scale = min(1.0, 2048 / max(width, height))
    scale *= min(1.0, 768 / (min(width, height) * scale))
    across, down = (math.ceil(round(length * scale, 6) / 512) for length in (width, height))
    return base + tile * across * down


def capped_patches(width: int, height: int, *, factor: float) -> int:
    """Return the tokens of an OpenAI model that counts up to 1536 patches of 32 x 32 pixels."""
    patches = math.ceil(width / 32) * math.ceil(height / 32)
    return math.ceil(min(patches, 1536) * factor)


def crops(width: int, height: int) -> int:
    """Return the tokens of a Gemini model: 258 a crop, whose side follows from the short one."""
    if max(width, height) <= 384:
        return 258
    side = max(1, math.floor(min(width, height) / 1.5))
    return 258 * math.ceil(width / side) * math.ceil(height / side)


def internvl_tiles(width: int, height: int) -> int:
    """
    Return the tokens of an InternVL model: 256 a tile of 448 x 448, and a thumbnail.

    Of the grids of up to 12 tiles the one nearest in shape is taken, the larger one where the
    picture has pixels for at least half of it.
    """
    grids = sorted(
        ((across, down) for across in range(1, 13) for down in range(1, 13)
         if across * down <= 12), key=lambda grid: grid[0] * grid[1])
    best, nearest = (1, 1), math.inf
    for across, down in grids:
        distance = abs(width / height - across / down)
        enough = width * height > 0.5 * 448 ** 2 * across * down
        if distance < nearest or (distance == nearest and enough):
            best, nearest = (across, down), distance
    count = best[0] * best[1]
    return 256 * (count + 1 if count > 1 else 1)


def by_area(width: int, height: int, *, pixels: int, longest: int | None = None) -> int:
    """Return one token for so many pixels, of a picture scaled down to a longest side."""
    scale = 1.0 if longest is None else min(1.0, longest / max(width, height))
    return math.ceil(width * height * scale ** 2 / pixels)


def fixed(width: int, height: int, *, tokens: int) -> int:
    """Return the same number for every picture."""
    return tokens


_QWEN2 = partial(merged_patches, side=28, least=56 ** 2, most=12845056)
_QWEN3 = partial(merged_patches, side=32, least=65536, most=16777216)
_OPENAI = 'OpenAI, Images and vision: calculating costs'
FAMILIES = (
    Family('Qwen3-VL', r'qwen-?3|hvs-[48]b', _QWEN3,
           'preprocessor_config.json of Qwen3-VL: 16-pixel patches merged 2 x 2'),
    Family('Qwen2-VL and Qwen2.5-VL', r'qwen|hvs', _QWEN2,
           'preprocessor_config.json of Qwen2.5-VL: 14-pixel patches merged 2 x 2'),
    Family('GPT-4o mini', r'gpt-4o-mini', partial(tiles, base=2833, tile=5667), _OPENAI),
    Family('GPT-4.1 mini, GPT-5 mini', r'gpt-(4\.1|5[\d.]*)-mini',
           partial(capped_patches, factor=1.62), _OPENAI),
    Family('GPT-4.1 nano, GPT-5 nano', r'gpt-(4\.1|5[\d.]*)-nano',
           partial(capped_patches, factor=2.46), _OPENAI),
    Family('o4-mini', r'\bo4-mini', partial(capped_patches, factor=1.72), _OPENAI),
    Family('GPT-5', r'gpt-5', partial(tiles, base=70, tile=140), _OPENAI),
    Family('o1, o3', r'\bo[13]\b', partial(tiles, base=75, tile=150), _OPENAI),
    Family('GPT-4', r'gpt-4', partial(tiles, base=85, tile=170), _OPENAI),
    Family('Gemini', r'gemini', crops, 'Gemini API, Image understanding: token calculation'),
    Family('Claude', r'claude', partial(by_area, pixels=750, longest=1568),
           'Anthropic, Vision: image costs'),
    Family('InternVL', r'intern-?vl', internvl_tiles,
           'dynamic_preprocess of InternVL: up to 12 tiles of 448 pixels and a thumbnail'),
    Family('Gemma 3', r'gemma-?3', partial(fixed, tokens=256), 'Gemma 3 model card'),
)
GENERIC = Family(
    'models in general', '', partial(by_area, pixels=28 ** 2),
    'one token for 28 x 28 pixels; this model is not known here')


def family_of(model: str) -> Family:
    """Return the family of a model by its name, ``GENERIC`` when it is not known."""
    name = model.lower()
    return next((family for family in FAMILIES if re.search(family.pattern, name)), GENERIC)
