# SPDX-License-Identifier: Apache-2.0
"""Any open-vocabulary detector or heat model as a folder: model.onnx, grounder.yaml, tokenizer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hvs_ros.core.errors import InputError
from hvs_ros.planners.base import PlannerUnavailable
from hvs_ros.planners.detections import hits_of_boxes, hits_of_heat, sigmoid
from hvs_ros.planners.engine import EngineOptions
from hvs_ros.planners.onnx_contract import MODEL, Contract, ImageInput
from hvs_ros.planners.onnx_session import open_session
from hvs_ros.planners.plugged import over
from hvs_ros.planners.sightings import Hit, Thresholds

_GREY = 127
_TYPES = {'tensor(float)': np.float32, 'tensor(float16)': np.float16, 'tensor(uint8)': np.uint8,
          'tensor(int64)': np.int64, 'tensor(int32)': np.int32, 'tensor(bool)': np.bool_}


class OnnxFolderGrounder:
    """
    Ask a model for one phrase at a time, and tell what it answers as hits.

    What the model takes and gives stands in the folder's grounder.yaml, see
    ``planners.onnx_contract``. It is tried once as it is loaded. Threads may share it.
    """

    def __init__(
            self, path: str, engine: EngineOptions | None = None,
            wishes: Mapping[str, float] | None = None, phrase: str = '') -> None:
        """Raise ``InputError`` when the folder and its model do not fit together."""
        engine = engine or EngineOptions()
        engine.refuse_all_but(('device',), 'grounder:onnx')
        self._folder = Path(path).expanduser()
        if not self._folder.is_dir():
            raise InputError(f'{self._folder}: no such folder; grounder:onnx:FOLDER names one')
        self._told = told = Contract.read(self._folder)
        self.files = tuple(
            self._folder / name for name in (MODEL, told.file.name, told.text.tokenizer))
        self.reads_instructions = told.reads_instructions
        self.thresholds = over(path, Thresholds(**told.thresholds), wishes or {})
        self._phrase = phrase or told.phrase
        self._tokenizer = _tokenizer(self._folder / told.text.tokenizer, told.text.length)
        self._session = open_session(self._folder / MODEL, device=engine.device)
        self._types = self._check_names()
        self._try()

    def locate(self, image: np.ndarray, phrases: Sequence[str]) -> list[Hit]:
        """Return the hits in a (h, w, 3) uint8 BGR view, best first."""
        picture, scale = fitted(image, self._told.image)
        hits = [hit for phrase in phrases
                for hit in self._hits(phrase, self._answer(picture, phrase), image, scale)]
        return sorted(hits, key=lambda hit: -hit.score)

    def _answer(self, picture: np.ndarray, phrase: str) -> list[np.ndarray]:
        try:
            found: list[np.ndarray] = self._session.run(
                self._told.output.names, self._given(picture, phrase))
        except Exception as error:  # onnxruntime's own classes are not public
            reason = ' '.join(str(error).split())
            raise PlannerUnavailable(f'{self._folder / MODEL} failed: {reason:.200}') from error
        return found

    def _given(self, picture: np.ndarray, phrase: str) -> dict[str, np.ndarray]:
        image, text = self._told.image, self._told.text
        tokens = self._tokenizer.encode(self._phrase.format(phrase))
        given = {
            image.input: picture,
            image.mask: np.ones((1, image.height, image.width)),
            text.ids: np.array([tokens.ids]), text.mask: np.array([tokens.attention_mask]),
            text.types: np.array([tokens.type_ids])}
        return {name: value.astype(self._types[name]) for name, value in given.items() if name}

    def _hits(self, phrase: str, answer: list[np.ndarray], image: np.ndarray,
              scale: tuple[float, float]) -> list[Hit]:
        size = image.shape[1], image.shape[0]
        told, output = self._told.image, self._told.output
        level = sigmoid if output.through == 'sigmoid' else np.asarray
        if output.kind == 'heat':
            heat = level(_last(answer[0], 2)).astype(np.float64)
            # what was padded is no part of the view
            rows = max(1, round(heat.shape[0] * size[1] * scale[1] / told.height))
            columns = max(1, round(heat.shape[1] * size[0] * scale[0] / told.width))
            return hits_of_heat(phrase, heat[:rows, :columns], size)
        boxes: np.ndarray = answer[0].reshape(-1, 4).astype(np.float64)
        scores = level(answer[1]).reshape(len(boxes), -1).max(axis=1)
        if output.form == 'cxcywh':
            middle, half = boxes[:, :2], boxes[:, 2:] / 2
            boxes = np.hstack([middle - half, middle + half])
        if output.unit == 'share':
            boxes = boxes * [told.width, told.height, told.width, told.height]
        return hits_of_boxes(phrase, boxes / [*scale, *scale], scores, size)

    def _check_names(self) -> dict[str, Any]:
        """Return the number format of each input, whose names are those that the file tells."""
        taken = {entry.name: entry.type for entry in self._session.get_inputs()}
        given = [entry.name for entry in self._session.get_outputs()]
        for there, told, what in ((list(taken), self._told.inputs, 'input'),
                                  (given, self._told.outputs, 'output')):
            for field, name in told.items():
                if name not in there:
                    raise InputError(
                        f"{self._told.file}: field '{field}' names no {what} of {MODEL}: "
                        f'{name!r}; it has {", ".join(there)}')
        untold = sorted(set(taken) - set(self._told.inputs.values()))
        if untold:
            raise InputError(
                f'{self._told.file}: no field names the input {untold[0]!r} of {MODEL}')
        strange = [name for name, kind in taken.items() if kind not in _TYPES]
        if strange:
            raise InputError(
                f'{self._folder / MODEL}: its input {strange[0]!r} is a {taken[strange[0]]}, '
                'which no picture and no text becomes')
        return {name: _TYPES[kind] for name, kind in taken.items()}

    def _try(self) -> None:
        """Ask once, so that what does not fit is found before a search and not in one."""
        try:
            self.locate(np.full((90, 160, 3), _GREY, np.uint8), ['thing'])
        except (PlannerUnavailable, ValueError, IndexError) as error:
            reason = ' '.join(str(error).split())
            raise InputError(f'{self._told.file}: does not fit {MODEL}: {reason:.240}') from error


def fitted(image: np.ndarray, told: ImageInput) -> tuple[np.ndarray, tuple[float, float]]:
    """
    Return the model's picture of a (h, w, 3) BGR view, and its pixels per pixel of the view.

    The picture is (1, 3, height, width) or (1, height, width, 3) float64.
    """
    height, width = image.shape[:2]
    across, down = told.width / width, told.height / height
    if told.fit == 'pad':
        across = down = min(across, down)
    size = max(1, round(width * across)), max(1, round(height * down))
    shrunk = across < 1
    resized = cv2.resize(
        image, size, interpolation=cv2.INTER_AREA if shrunk else cv2.INTER_LINEAR)
    canvas = np.full((told.height, told.width, 3), _GREY, np.uint8)
    canvas[:size[1], :size[0]] = resized
    ordered = canvas[:, :, ::-1] if told.colours == 'rgb' else canvas
    picture = (ordered * told.scale - np.array(told.mean)) / np.array(told.std)
    if told.layout == 'nchw':
        picture = picture.transpose(2, 0, 1)
    return np.ascontiguousarray(picture)[None], (size[0] / width, size[1] / height)


def _tokenizer(path: Path, length: int) -> Any:
    try:
        import tokenizers
    except ModuleNotFoundError as error:
        raise InputError(
            f"{path} needs the package 'tokenizers': pip install 'hvs_ros[grounders]'") from error
    try:
        held = path.read_text(encoding='utf-8')
        tokenizer = tokenizers.Tokenizer.from_str(held)
    except OSError as error:
        raise InputError(f'{path}: cannot be read ({error.strerror})') from error
    except Exception as error:  # the library raises bare Exceptions
        raise InputError(f'{path}: not a tokenizer ({error!s:.120})') from error
    pad = tokenizer.padding or {}
    tokenizer.enable_truncation(length)
    tokenizer.enable_padding(
        length=length, pad_id=pad.get('pad_id', 0), pad_token=pad.get('pad_token', '[PAD]'))
    return tokenizer


def _last(answer: np.ndarray, axes: int) -> np.ndarray:
    """Return the answer without its leading axes, which must be of length one."""
    return answer.reshape(answer.shape[-axes:])
