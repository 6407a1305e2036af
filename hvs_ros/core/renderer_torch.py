# SPDX-License-Identifier: Apache-2.0
"""The renderer on a GPU: positions and samples of a view through torch, the same pixels."""

from __future__ import annotations

from collections.abc import Callable
import math
from typing import Any
import weakref

import numpy as np

from hvs_ros.core.band_maps import STEPS, BandMaps
from hvs_ros.core.camera_models import ARCTAN, TINY, CameraModel, Equirectangular
from hvs_ros.core.errors import InputError
from hvs_ros.core.gaze import Gaze
from hvs_ros.core.panorama import Panorama
from hvs_ros.core.renderer import (
    Image,
    Renderer,
    ViewSpec,
    draw_reticle,
    fitted_model,
    image_of,
    view_rotation,
)

KINDS = ('cpu', 'cuda')
POSITIONS = 32
"""Source positions per pixel that OpenCV 4 samples at; finer ones would differ on sharp edges."""
Tensor = Any
"""A ``torch.Tensor``: torch is optional, so its types are not known here."""


def make_renderer(kind: str, spec: ViewSpec | None = None) -> Renderer:
    """
    Return the renderer of a kind: 'cpu', or 'cuda' for a GPU.

    Raise ``InputError`` when this machine cannot have it.
    """
    if kind not in KINDS:
        raise InputError(f'renderer cannot be {kind!r}: it must be one of {", ".join(KINDS)}')
    return Renderer(spec) if kind == 'cpu' else TorchRenderer(spec)


def _load_torch(device: str) -> Any:
    """Return torch, once it is certain that it has such a device; raise ``InputError``."""
    refusal = f'renderer cannot be {device!r}: '
    try:
        import torch
    except ModuleNotFoundError as error:
        raise InputError(
            f"{refusal}torch is not installed (pip install 'hvs_ros[cuda]')") from error
    except (ImportError, OSError) as error:
        raise InputError(f'{refusal}torch cannot be loaded ({error})') from error
    if device.startswith('cuda') and not torch.cuda.is_available():
        raise InputError(f'{refusal}torch {torch.__version__} finds no CUDA device here')
    return torch


class TorchRenderer(Renderer):
    """
    Render views of one ``ViewSpec`` on a GPU, within 2 grey levels of ``Renderer``.

    The panorama last seen stays on the device. What the GPU has no code for, other cameras than
    whole panoramas and views that need anti-aliasing, ``Renderer`` does. Belongs to one thread.
    """

    def __init__(self, spec: ViewSpec | None = None, device: str = 'cuda') -> None:
        """Raise ``InputError`` when torch or the device is missing; 'cpu' is for tests."""
        super().__init__(spec)
        self._torch = _load_torch(device)
        self._device = device
        self._positions = _Positions(self._torch, device, self._maps_of(1))
        self._held: Callable[[], Panorama | None] = lambda: None
        self._texture: Tensor = None
        if device.startswith('cuda'):  # a page-locked view comes back from the device faster
            self._view = self._torch.empty(
                self._view.shape, dtype=self._torch.uint8, pin_memory=True).numpy()

    def render(
            self, source: Image, gaze: Gaze, roll: float = 0.0,
            out: np.ndarray | None = None, model: CameraModel | None = None) -> np.ndarray:
        """Return the view as ``Renderer.render`` does; the same arguments and errors."""
        model = fitted_model(source, model)
        if not isinstance(model, Equirectangular) or not model.is_whole or (
                self.spec.samples(model) != (1, 0)):
            return super().render(source, gaze, roll, out, model)
        view = self._canvas(out)
        with self._torch.inference_mode():
            positions = self._positions.of(model, gaze, roll)
            shown = self._sample(self._texture_of(source), positions, model)
            self._torch.from_numpy(view).copy_(shown)
        if self.spec.reticle:
            draw_reticle(view)
        return view

    def _sample(self, texture: Tensor, positions: Tensor, model: Equirectangular) -> Tensor:
        """Return (h, w, 3) uint8 pixels at (2, h, w) columns and rows."""
        positions = (positions * POSITIONS).round_()
        for axis, last in enumerate((model.width, model.height - 1)):
            positions[axis] *= 2.0 / (POSITIONS * max(1, last))
        positions -= 1.0
        # No position lies outside, and any other padding may go to a coarser kernel of cuDNN's.
        shown = self._torch.nn.functional.grid_sample(
            texture, positions.permute(1, 2, 0)[None], mode='bilinear', padding_mode='border',
            align_corners=True)
        return shown[0].add_(0.5).to(self._torch.uint8).permute(1, 2, 0).contiguous()

    def _texture_of(self, source: Image) -> Tensor:
        """Return the (1, 3, H, W + 1) float32 pixels on the device, the first column last too."""
        if isinstance(source, Panorama) and self._held() is source:
            return self._texture
        self._held, self._texture = lambda: None, None  # room for one panorama is enough
        image = np.require(image_of(source), requirements=['C', 'W'])
        height, width = image.shape[:2]
        texture = self._torch.empty(
            (height, width + 1, 3), dtype=self._torch.float32, device=self._device)
        texture[:, :width] = self._torch.from_numpy(image).to(self._device)
        texture[:, width] = texture[:, 0]
        texture = texture.permute(2, 0, 1)[None]
        if isinstance(source, Panorama):  # other arrays may be written to between two views
            self._held, self._texture = weakref.ref(source), texture
        return texture


class _Positions:
    """
    Compute the source positions of every pixel of a view on a device.

    Each step of ``BandMaps`` is done in the same order in float32, rows in between included: a
    position that is off by less than it resolves may still fall to the next of 1/32 px.
    """

    def __init__(self, torch: Any, device: str, maps: BandMaps) -> None:
        self._torch, self._device, self._maps = torch, device, maps
        focal, (centre, _) = maps.grid.focal_length, maps.grid.centre
        across = (np.arange(maps.grid.width) - centre) / focal
        self._across = across.astype(np.float32)
        self._offsets = self._sent(np.abs(across))
        self._offsets_squared = self._sent(across * across)
        self._sides = self._sent(np.where(across < 0, -1.0, 1.0))

    def of(self, model: Equirectangular, gaze: Gaze, roll: float) -> Tensor:
        """Return (2, h, w) float32 columns in [0, width] and rows in [0, height - 1]."""
        positions = self._rolled(model, gaze, roll) if roll else self._upright(model, gaze)
        columns = positions[0]
        self._torch.where(columns > model.width, columns - model.width, columns, out=columns)
        self._torch.where(columns < 0, columns + model.width, columns, out=columns)
        return positions

    def _rolled(self, model: Equirectangular, gaze: Gaze, roll: float) -> Tensor:
        """Return positions as ``Equirectangular.project`` writes them, columns not wrapped."""
        torch = self._torch
        turned: np.ndarray = view_rotation(gaze, roll).astype(np.float32)
        down = self._maps.down(0, self._maps.grid.height).astype(np.float32)
        x, y, z = self._sent(turned[:, :1] * self._across)[:, None] + self._sent(
            np.stack([axis[1] * down + axis[2] for axis in turned]))
        level = self._root(x * x + z * z)
        columns = self._arctan(x.abs() / (level + z.abs() + float(TINY)))
        columns *= _single(model.width / math.pi)
        columns = torch.where(z < 0, _single(model.width / 2) - columns, columns).copysign_(x)
        columns += _single(model.width / 2 + model.phase[0])
        rows = self._arctan(y / (level + self._root(level * level + y * y) + float(TINY)))
        return torch.stack([columns, self._to_rows(model, rows)])

    def _upright(self, model: Equirectangular, gaze: Gaze) -> Tensor:
        """Return positions without roll, columns not wrapped; as ``BandMaps.of_upright``."""
        spans = list(self._maps.upright_spans(model, gaze))
        down = np.concatenate([self._maps.down(*span) for span in spans])
        forward = down * -math.sin(gaze.pitch) + math.cos(gaze.pitch)
        drop = down * math.cos(gaze.pitch) + math.sin(gaze.pitch)
        behind = forward < 0
        per_half = np.where(behind, -model.width / math.pi, model.width / math.pi)
        ahead, nearest, per_half, beyond, drop, reach = self._sent(np.stack([
            forward * forward, np.abs(forward).astype(np.float32) + TINY, per_half,
            np.where(behind, model.width / 2, 0), drop, down * down + 1.0]))
        level = self._root(self._offsets_squared + ahead)
        columns = self._arctan(self._offsets / (level + nearest)).mul_(per_half).add_(beyond)
        turn = (0.5 - gaze.yaw / (2.0 * math.pi)) * model.width + model.phase[0]
        columns = columns.mul_(self._sides).add_(_single(turn % model.width))
        rows = self._arctan(drop / self._root(self._offsets_squared + reach).add_(level))
        return self._spread(
            self._torch.stack([columns, self._to_rows(model, rows)]), spans)

    def _spread(self, nodes: Tensor, spans: list[tuple[int, int, int]]) -> Tensor:
        """Return every row of the view from (2, n, w) computed ones, those between filled in."""
        if all(step == 1 for _, _, step in spans):
            return nodes
        counts = [len(self._maps.down(*span)) for span in spans]
        steps = np.repeat([step for _, _, step in spans], counts)
        starts = np.cumsum([0, *counts[:-1]])
        before = np.concatenate([
            start + np.arange(rows) // step
            for start, (_, rows, step) in zip(starts, spans, strict=True)])
        between = np.concatenate([np.arange(rows) % step for _, rows, step in spans])
        slopes = self._torch.diff(nodes, dim=1, append=nodes[:, -1:])
        slopes *= self._sent(1.0 / steps[:, None])
        chosen = self._torch.from_numpy(before).to(self._device)
        full, slopes = nodes.index_select(1, chosen), slopes.index_select(1, chosen)
        # one addition a row, as on the CPU: a product would round differently
        passed = self._sent(between[:, None] >= np.arange(1, max(STEPS))[:, None, None])
        for part in passed[:int(between.max())]:
            full.addcmul_(slopes, part)
        return full

    def _root(self, squares: Tensor) -> Tensor:
        """Return the square root, rounded as IEEE 754 has it."""
        if self._device == 'cpu':  # torch asks MKL, whose float32 root may be off by one bit
            return squares.double().sqrt_().float()
        return squares.sqrt_()

    def _arctan(self, tangents: Tensor) -> Tensor:
        """Return what ``arctan_unit`` writes."""
        first, *others, last = map(float, ARCTAN)
        squares = tangents * tangents
        angles = squares * first
        for coefficient in others:
            angles.add_(coefficient).mul_(squares)
        return angles.add_(last).mul_(tangents)

    def _to_rows(self, model: Equirectangular, half_latitudes: Tensor) -> Tensor:
        """Return rows, clamped."""
        model.to_rows(half_latitudes)
        return half_latitudes.clamp_(0, model.height - 1)

    def _sent(self, values: np.ndarray) -> Tensor:
        """Return the values as float32 on the device."""
        return self._torch.from_numpy(np.ascontiguousarray(values, np.float32)).to(self._device)


def _single(value: float) -> float:
    """Return the value as float32 has it."""
    return float(np.float32(value))
