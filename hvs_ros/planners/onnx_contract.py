# SPDX-License-Identifier: Apache-2.0
"""
What a folder with an ONNX grounder says of itself in grounder.yaml.

    schema_version: 1
    reads: phrases                # or instruction: the sentence as it stands
    phrase: 'a photo of a {}'     # what a phrase is said in; left out: as it stands
    image:
      input: pixel_values         # the model's input, float or uint8
      mask: pixel_mask            # left out where there is none: (1, height, width), all ones
      width: 768
      height: 768
      fit: pad                    # squeeze (the default), or pad: top left, grey beyond
      colours: rgb                # or bgr
      layout: nchw                # or nhwc
      scale: 0.00392156862745098  # pixels times this, less mean, over std: 1/255, 0 and 1 if
      mean: [0.48, 0.46, 0.41]    # left out
      std: [0.27, 0.26, 0.28]
    text:
      tokenizer: tokenizer.json   # of the library `tokenizers`
      length: 16                  # cut and padded to so many tokens
      ids: input_ids
      mask: attention_mask        # left out where there is none, as types
      types: token_type_ids
    output:
      kind: boxes
      boxes: pred_boxes           # (1, n, 4)
      form: cxcywh                # or xyxy
      unit: share                 # of the model's picture, or pixels of it
      scores: logits              # (1, n), or (1, n, k) of which the highest of k counts
      through: sigmoid            # or none: they are shares within 0 to 1 already
    thresholds: {striking: 0.45, likely: 0.15, confirmed: 0.25, least: 0.08}

A model that answers with heat over the picture says so instead:

    output:
      kind: heat
      heat: logits                # (h, w), (1, h, w) or (1, 1, h, w) over the model's picture
      through: sigmoid
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from hvs_ros.core.errors import InputError
from hvs_ros.planners.plugged import check_phrase, check_thresholds

FILE = 'grounder.yaml'
MODEL = 'model.onnx'
_REQUIRED = object()


@dataclass(frozen=True)
class ImageInput:
    """Say what the model's picture is like; ``mean`` and ``std`` are of its own colour order."""

    input: str
    mask: str
    width: int
    height: int
    fit: str
    colours: str
    layout: str
    scale: float
    mean: tuple[float, ...]
    std: tuple[float, ...]


@dataclass(frozen=True)
class TextInput:
    """Say how a phrase becomes the model's numbers."""

    tokenizer: str
    length: int
    ids: str
    mask: str
    types: str


@dataclass(frozen=True)
class Output:
    """Say what the model answers: ``kind`` boxes or heat."""

    kind: str
    through: str
    boxes: str = ''
    form: str = ''
    unit: str = ''
    scores: str = ''
    heat: str = ''

    @property
    def names(self) -> list[str]:
        """Return the outputs that are read."""
        return [self.heat] if self.kind == 'heat' else [self.boxes, self.scores]


@dataclass(frozen=True)
class Contract:
    """Hold a folder's grounder.yaml."""

    file: Path
    image: ImageInput
    text: TextInput
    output: Output
    reads_instructions: bool = False
    phrase: str = '{}'
    thresholds: Mapping[str, float] = field(default_factory=dict)

    @property
    def inputs(self) -> dict[str, str]:
        """Return the fields that name inputs of the model, and the names."""
        named = {'image.input': self.image.input, 'image.mask': self.image.mask,
                 'text.ids': self.text.ids, 'text.mask': self.text.mask,
                 'text.types': self.text.types}
        return {field: name for field, name in named.items() if name}

    @property
    def outputs(self) -> dict[str, str]:
        """Return the fields that name outputs of the model, and the names."""
        kinds = ('heat',) if self.output.kind == 'heat' else ('boxes', 'scores')
        return {f'output.{kind}': getattr(self.output, kind) for kind in kinds}

    @classmethod
    def read(cls, folder: Path) -> Contract:
        """Return what the folder says; raise ``InputError`` by file, field and value."""
        file = folder / FILE
        try:
            held = yaml.safe_load(file.read_text(encoding='utf-8'))
        except FileNotFoundError as error:
            raise InputError(f'{folder}: holds no {FILE}, which says what the model reads') \
                from error
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise InputError(f'{file}: not a readable YAML file') from error
        top = _Section(file, '', held)
        if top.number('schema_version', whole=True) != 1:
            raise InputError(f"{file}: field 'schema_version' must be 1")
        told = cls(
            file, _image(top.section('image')), _text(top.section('text')),
            _output(top.section('output')),
            top.word('reads', ('phrases', 'instruction')) == 'instruction',
            check_phrase(str(file), top.take('phrase', '{}')),
            check_thresholds(str(file), top.take('thresholds', {})))
        top.finish()
        return told


class _Section:
    """Take the fields of one mapping, each once, and refuse what is left over."""

    def __init__(self, file: Path, name: str, held: Any) -> None:
        self._file, self._name = file, name
        if not isinstance(held, Mapping):
            what = f"field '{name}'" if name else 'the file'
            raise InputError(f'{file}: {what} must be a mapping, not {held!r}')
        self._held = dict(held)

    def take(self, field: str, default: Any = _REQUIRED) -> Any:
        if field not in self._held and default is _REQUIRED:
            raise InputError(f"{self._file}: field '{self._path(field)}' is missing")
        return self._held.pop(field, default)

    def section(self, field: str) -> _Section:
        return _Section(self._file, self._path(field), self.take(field))

    def name(self, field: str, default: Any = _REQUIRED) -> str:
        found = self.take(field, default)
        if found == default or (isinstance(found, str) and found):
            return str(found)
        raise self._wrong(field, 'a name', found)

    def word(self, field: str, choices: Sequence[str]) -> str:
        """Return one of the choices, the first where the field is left out."""
        found = self.take(field, choices[0])
        if found not in choices:
            raise self._wrong(field, f'one of {", ".join(choices)}', found)
        return str(found)

    def number(self, field: str, default: Any = _REQUIRED, *, whole: bool = False) -> Any:
        found = self.take(field, default)
        kinds = int if whole else (int, float)
        if isinstance(found, bool) or not isinstance(found, kinds) or not 0 < found <= 65536:
            raise self._wrong(field, f'a {"whole " if whole else ""}number above 0', found)
        return found

    def three(self, field: str, default: float, least: float) -> tuple[float, ...]:
        found = self.take(field, [default] * 3)
        if not (isinstance(found, list) and len(found) == 3 and all(
                isinstance(one, (int, float)) and not isinstance(one, bool) and one >= least
                for one in found)):
            raise self._wrong(field, f'three numbers, none below {least:g}', found)
        return tuple(map(float, found))

    def finish(self) -> None:
        if self._held:
            name = self._path(str(next(iter(self._held))))
            raise InputError(f'{self._file}: unknown field {name!r}')

    def _path(self, field: str) -> str:
        return f'{self._name}.{field}' if self._name else field

    def _wrong(self, field: str, must: str, found: Any) -> InputError:
        return InputError(
            f"{self._file}: field '{self._path(field)}' must be {must}, not {found!r}")


def _image(held: _Section) -> ImageInput:
    told = ImageInput(
        held.name('input'), held.name('mask', ''), held.number('width', whole=True),
        held.number('height', whole=True), held.word('fit', ('squeeze', 'pad')),
        held.word('colours', ('rgb', 'bgr')), held.word('layout', ('nchw', 'nhwc')),
        held.number('scale', 1 / 255), held.three('mean', 0.0, -1e4), held.three('std', 1.0, 1e-6))
    held.finish()
    return told


def _text(held: _Section) -> TextInput:
    told = TextInput(
        held.name('tokenizer'), held.number('length', whole=True), held.name('ids'),
        held.name('mask', ''), held.name('types', ''))
    held.finish()
    return told


def _output(held: _Section) -> Output:
    kind, through = held.word('kind', ('boxes', 'heat')), held.word('through', ('none', 'sigmoid'))
    if kind == 'heat':
        told = Output(kind, through, heat=held.name('heat'))
    else:
        told = Output(
            kind, through, held.name('boxes'), held.word('form', ('cxcywh', 'xyxy')),
            held.word('unit', ('share', 'pixels')), held.name('scores'))
    held.finish()
    return told
