# SPDX-License-Identifier: Apache-2.0
"""Open-vocabulary models through transformers: OWLv2, Grounding DINO, CLIPSeg, SigLIP on crops."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
import json
import threading
from typing import Any

import numpy as np

from hvs_ros.core.errors import InputError
from hvs_ros.planners.base import PlannerUnavailable
from hvs_ros.planners.detections import hits_of_boxes, hits_of_heat, sigmoid
from hvs_ros.planners.engine import EngineOptions
from hvs_ros.planners.plugged import over
from hvs_ros.planners.presets import shipped_thresholds
from hvs_ros.planners.sightings import Hit, Thresholds
from hvs_ros.planners.transformers_weights import device_of, find_weights, one_line

MOST_TOKENS = 256
_SPOTS = (64, 36)
_SPEC = 'grounder:huggingface'


@dataclass(frozen=True)
class Kind:
    """
    Say how a family of models is loaded, spoken to and understood.

    ``model`` and ``images`` are the names of its classes, ``phrase`` is what a phrase is said in,
    ``preset`` the file in config/planners that holds its thresholds.
    """

    model: str
    images: str
    phrase: str
    preset: str
    look: Callable[[HuggingFaceGrounder, np.ndarray, Sequence[str]], list[Hit]]


class HuggingFaceGrounder:
    """
    Find phrases with a model that is on this machine; nothing is ever downloaded.

    Its scores are the model's own shares within [0, 1]; what they are worth differs from family
    to family. Threads may share it: they take turns.
    """

    reads_instructions = False

    def __init__(
            self, path: str, engine: EngineOptions | None = None,
            wishes: Mapping[str, float] | None = None, phrase: str = '') -> None:
        """Raise ``InputError`` when weights or packages are missing, or of another kind."""
        engine = engine or EngineOptions()
        engine.refuse_all_but(('device', 'dtype', 'attention'), _SPEC)
        self._folder = find_weights(path, _SPEC)
        family = json.loads((self._folder / 'config.json').read_text('utf-8'))['model_type']
        if family not in KINDS:
            raise InputError(
                f"{self._folder / 'config.json'}: field 'model_type' is {family!r}, which is no "
                f'grounder known here; known are: {", ".join(KINDS)}')
        self._kind = KINDS[family]
        self.files = sorted(
            path for path in self._folder.iterdir()
            if path.suffix in ('.json', '.safetensors', '.bin') and path.is_file())
        self._phrase = phrase or self._kind.phrase
        self.thresholds: Thresholds = over(
            path, shipped_thresholds(self._kind.preset), wishes or {})
        self._turn = threading.Lock()
        self._load(path, engine)

    def locate(self, image: np.ndarray, phrases: Sequence[str]) -> list[Hit]:
        """Return the hits in a (h, w, 3) uint8 BGR view, best first."""
        picture = np.ascontiguousarray(image[:, :, ::-1])
        with self._turn:
            try:
                hits = self._kind.look(self, picture, phrases)
            except (RuntimeError, ValueError, MemoryError) as error:
                raise PlannerUnavailable(f'{self._folder} failed: {one_line(error)}') from error
        return sorted(hits, key=lambda hit: -hit.score)

    def _load(self, path: str, engine: EngineOptions) -> None:
        try:
            import torch
            import transformers
        except ImportError as error:
            raise InputError(
                f'planner {_SPEC}:{path} needs the package {error.name!r}: '
                "pip install 'hvs_ros[transformers]'") from error
        self._torch = torch
        device = device_of(torch, engine.device)
        dtype = engine.dtype if engine.dtype == 'auto' else getattr(torch, engine.dtype)
        chosen = {'attn_implementation': engine.attention} if engine.attention else {}
        quiet = transformers.utils.logging
        shown = quiet.is_progress_bar_enabled()
        quiet.disable_progress_bar()
        try:
            model, report = getattr(transformers, self._kind.model).from_pretrained(
                self._folder, local_files_only=True, output_loading_info=True, dtype=dtype,
                **chosen)
            missing = sorted(map(str, report['missing_keys']))
            if missing:  # it would answer from random numbers
                raise InputError(f'{self._folder}: the weights do not hold {missing[0]}')
            self._model = model.to(device).eval()
            self._tokenizer = transformers.AutoTokenizer.from_pretrained(
                self._folder, local_files_only=True)
            # the form that needs no torchvision; its pixels are the same everywhere
            images = f'{self._kind.images}ImageProcessor'
            pil = f'{images}Pil'
            self._images = getattr(
                transformers, pil if hasattr(transformers, pil) else images,
            ).from_pretrained(self._folder, local_files_only=True)
        except InputError:
            raise
        except Exception as error:  # the libraries raise whatever a broken file brings about
            raise InputError(f'{self._folder}: cannot be loaded: {one_line(error)}') from error
        finally:
            if shown:
                quiet.enable_progress_bar()

    def run(self, **given: Any) -> Any:
        """Return the model's outputs; arrays go to its device, pictures in its number format."""
        torch, model = self._torch, self._model
        moved = {
            name: value.to(model.device, model.dtype if value.is_floating_point() else None)
            for name, value in given.items()}
        # parts of Grounding DINO stay in single precision, whatever it is loaded in
        mixed = torch.autocast(
            model.device.type, model.dtype, enabled=model.dtype != torch.float32)
        with torch.inference_mode(), mixed:
            return model(**moved)

    def words(self, phrases: Sequence[str], **how: Any) -> Any:
        """Return the tokens of phrases as tensors, cut where the model's text ends."""
        text = getattr(self._model.config, 'text_config', None)
        length = min(
            MOST_TOKENS, self._tokenizer.model_max_length,
            getattr(text, 'max_position_embeddings', MOST_TOKENS))
        return self._tokenizer(
            [self._phrase.format(phrase) for phrase in phrases], return_tensors='pt',
            truncation=True, max_length=length, **how)

    def pictures(self, pictures: Sequence[np.ndarray]) -> Any:
        """Return (h, w, 3) RGB pictures as the model's tensors."""
        return self._images(images=list(pictures), return_tensors='pt')


def _numbers(tensor: Any) -> np.ndarray:
    return np.asarray(tensor.float().cpu().numpy())


def _corners(boxes: np.ndarray, wide: float, high: float) -> np.ndarray:
    """Return left, top, right, bottom in pixels of boxes given by middle and size in shares."""
    middle, half = boxes[:, :2], boxes[:, 2:] / 2
    return np.hstack([middle - half, middle + half]) * [wide, high, wide, high]


def _owl(grounder: HuggingFaceGrounder, picture: np.ndarray, phrases: Sequence[str]) -> list[Hit]:
    """Read OWLv2: shares are of the square that the view was padded to, below or to the right."""
    high, wide = picture.shape[:2]
    found = grounder.run(
        **grounder.words(phrases, padding='max_length'), **grounder.pictures([picture]))
    side = max(high, wide)
    boxes = _corners(_numbers(found.pred_boxes[0]), side, side)
    scores = sigmoid(_numbers(found.logits[0]))
    return [hit for k, phrase in enumerate(phrases)
            for hit in hits_of_boxes(phrase, boxes, scores[:, k], (wide, high))]


def _dino(grounder: HuggingFaceGrounder, picture: np.ndarray, phrases: Sequence[str]) -> list[Hit]:
    """Read Grounding DINO, one phrase at a time: a box counts as much as its best token."""
    high, wide = picture.shape[:2]
    seen, hits = grounder.pictures([picture]), []
    for phrase in phrases:
        found = grounder.run(**grounder.words([phrase.lower()]), **seen)
        scores = sigmoid(_numbers(found.logits[0])).max(axis=1)
        hits += hits_of_boxes(
            phrase, _corners(_numbers(found.pred_boxes[0]), wide, high), scores, (wide, high))
    return hits


def _clipseg(
        grounder: HuggingFaceGrounder, picture: np.ndarray, phrases: Sequence[str]) -> list[Hit]:
    """Read CLIPSeg: heat over the view, squeezed into a square and out of it again."""
    found = grounder.run(
        **grounder.words(phrases, padding=True), **grounder.pictures([picture] * len(phrases)))
    heat = sigmoid(_numbers(found.logits)).reshape(len(phrases), *found.logits.shape[-2:])
    return [hit for one, phrase in zip(heat, phrases, strict=True)
            for hit in hits_of_heat(phrase, one, (picture.shape[1], picture.shape[0]))]


def _siglip(
        grounder: HuggingFaceGrounder, picture: np.ndarray, phrases: Sequence[str]) -> list[Hit]:
    """Read SigLIP on crops: where crops that look like the phrase overlap, it is likeliest."""
    size = picture.shape[1], picture.shape[0]
    crops = windows(*size)
    words = grounder.words(phrases, padding='max_length')
    found = grounder.run(
        input_ids=words['input_ids'],  # it was trained without a mask
        **grounder.pictures([picture[top:bottom, left:right]
                             for left, top, right, bottom in crops]))
    scores = sigmoid(_numbers(found.logits_per_image))
    return [hit for k, phrase in enumerate(phrases)
            for hit in hits_of_crops(phrase, crops, scores[:, k], size)]


def windows(width: int, height: int) -> list[tuple[int, int, int, int]]:
    """Return squares as high as the view and half as high, in steps of half their side."""
    found = []
    for side in (min(width, height), max(1, min(width, height) // 2)):
        tops, lefts = _steps(height, side), _steps(width, side)
        found += [(left, top, left + side, top + side) for top in tops for left in lefts]
    return found


def _steps(length: int, side: int) -> list[int]:
    count = 1 + -(-(length - side) // max(1, side // 2))
    return [round(k * (length - side) / max(1, count - 1)) for k in range(count)]


def hits_of_crops(
        phrase: str, crops: Sequence[tuple[int, int, int, int]], scores: np.ndarray,
        size: tuple[int, int]) -> list[Hit]:
    """Return the places most of whose crops score, each with the score of its best crop."""
    spots = np.stack(np.meshgrid(
        (np.arange(_SPOTS[0]) + 0.5) * size[0] / _SPOTS[0],
        (np.arange(_SPOTS[1]) + 0.5) * size[1] / _SPOTS[1]), axis=-1)
    heat, count = np.zeros(spots.shape[:2]), np.zeros(spots.shape[:2])
    for (left, top, right, bottom), score in zip(crops, scores, strict=True):
        inside = ((spots >= (left, top)) & (spots <= (right, bottom))).all(axis=-1)
        heat[inside] += score
        count[inside] += 1
    found = hits_of_heat(phrase, heat / np.maximum(count, 1), size)
    return [Hit(phrase, _best_at(hit.box.centre, crops, scores), hit.box) for hit in found]


def _best_at(spot: tuple[float, float], crops: Sequence[tuple[int, int, int, int]],
             scores: np.ndarray) -> float:
    x, y = spot
    return max((float(score) for (left, top, right, bottom), score in zip(
        crops, scores, strict=True) if left <= x <= right and top <= y <= bottom), default=0.0)


KINDS = {
    'owlv2': Kind(
        'Owlv2ForObjectDetection', 'Owlv2', 'a photo of a {}', 'owlv2', _owl),
    'grounding-dino': Kind(
        'GroundingDinoForObjectDetection', 'GroundingDino', '{}.', 'grounding-dino', _dino),
    'clipseg': Kind(
        'CLIPSegForImageSegmentation', 'ViT', 'a photo of a {}', 'clipseg', _clipseg),
    'siglip': Kind('SiglipModel', 'Siglip', 'This is a photo of {}.', 'siglip', _siglip)}

__all__ = ['KINDS', 'HuggingFaceGrounder', 'hits_of_crops', 'windows']
