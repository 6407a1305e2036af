# SPDX-License-Identifier: Apache-2.0
"""Panoramas: from a file's bytes to pixels, and a cache bounded in bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
import hashlib
import io
from pathlib import Path
import threading
from typing import ClassVar

import cv2
import numpy as np
import simplejpeg

from hvs_ros.core.errors import InputError
from hvs_ros.core.image_header import (
    HeaderError,
    ImageHeader,
    check_end,
    check_png_chunks,
    read_header,
)
from hvs_ros.core.sampling import halved
from hvs_ros.core.storage import StoredFile

MAX_PIXELS = 1 << 27
"""16384 x 8192, 400 MB decoded."""
MAX_SIDE = 32000
"""OpenCV's remap takes sources below 32767 pixels a side."""
DEFAULT_CACHE_BYTES = 512 << 20


class PanoramaError(InputError):
    """Name the panorama that cannot be used and why."""


@dataclass(frozen=True)
class PanoramaFile(StoredFile):
    """Name the file of a panorama, on disk or in a zip."""

    error: ClassVar[type[InputError]] = PanoramaError

    def header(self, whole: bool = False) -> ImageHeader:
        """
        Return the checked header, reading no more of the file than that takes.

        With ``whole``, also raise ``PanoramaError`` when the end of the file is missing.
        """
        with self.open() as stream:
            try:
                header = read_header(stream)
                _check_size(header)
                if whole:
                    check_end(stream, header, self.size)
            except HeaderError as error:
                raise PanoramaError(f'{self.name} {error}') from error
        return header


@dataclass(frozen=True, eq=False)
class Panorama:
    """
    Hold a decoded 360 degree frame: ``image`` is (H, W, 3) uint8 BGR, equirectangular.

    ``sha256`` is the hash of the file's bytes. Shared between threads; nobody writes to its
    pixels. Smaller levels are made when first asked for and kept with it.
    """

    image: np.ndarray
    name: str
    sha256: str
    _levels: dict[int, np.ndarray] = field(default_factory=dict, repr=False)

    @property
    def nbytes(self) -> int:
        """Return the size of the pixels in memory, smaller levels included."""
        return sum(level.nbytes for level in (self.image, *tuple(self._levels.values())))

    def level(self, halvings: int) -> np.ndarray:
        """Return the pixels with width and height halved so many times."""
        if halvings == 0:
            return self.image
        if halvings not in self._levels:
            # Two threads may both make it; the first to finish is kept.
            self._levels.setdefault(halvings, halved(self.level(halvings - 1)))
        return self._levels[halvings]


def _check_size(header: ImageHeader) -> None:
    """Raise ``HeaderError`` for a size that is no panorama's."""
    width, height = header.width, header.height
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise HeaderError(
            f'is {width} x {height} pixels, more than {MAX_PIXELS} in all or {MAX_SIDE} a side')
    if min(width, height) < 2:
        raise HeaderError(f'is {width} x {height} pixels, too small for a panorama')


def decode(content: bytes, name: str, buffer: np.ndarray | None = None) -> np.ndarray:
    """
    Return the picture as (H, W, 3) uint8 BGR.

    A JPEG is decoded into ``buffer`` (uint8, at least H * W * 3 bytes, C-contiguous) when it is
    large enough. The size is checked before anything is allocated; damage that decoders paper
    over with grey is refused. Raise ``PanoramaError``, a sentence that starts with ``name``.
    """
    try:
        stream = io.BytesIO(content)
        header = read_header(stream)
        _check_size(header)
        check_end(stream, header, len(content))
        if header.kind == 'JPEG':
            return _decode_jpeg(content, header, buffer)
        if header.kind == 'PNG':
            check_png_chunks(content)
        return _decode_opencv(content, header)
    except HeaderError as error:
        raise PanoramaError(f'{name} {error}') from error


def _decode_jpeg(content: bytes, header: ImageHeader, buffer: np.ndarray | None) -> np.ndarray:
    """Decode, refusing what libjpeg merely warns about."""
    fits = buffer is not None and buffer.nbytes >= header.width * header.height * 3
    try:
        return simplejpeg.decode_jpeg(
            content, colorspace='BGR', strict=True, buffer=buffer if fits else None)
    except ValueError as error:
        raise HeaderError(f'is corrupt: {error}') from error


def _decode_opencv(content: bytes, header: ImageHeader) -> np.ndarray:
    """Decode PNG or WebP; neither turns the picture as its EXIF says, as JPEG does not."""
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), flags)
    except cv2.error as error:
        raise HeaderError(f'is corrupt: {error.err}') from error
    if image is None or image.shape[:2] != (header.height, header.width):
        raise HeaderError(f'is corrupt: its {header.kind} picture cannot be decoded')
    return image


def load_panorama(source: StoredFile | Path | str | bytes, name: str | None = None) -> Panorama:
    """
    Return the decoded panorama of a file, or of a file's bytes.

    ``name`` is how messages call it (default: the path). Raise ``PanoramaError``.
    """
    if isinstance(source, (str, Path)):
        source = PanoramaFile(Path(source))
    if isinstance(source, StoredFile):
        content, name = source.read(), name or source.name
    else:
        content, name = bytes(source), name or 'the panorama'
    return Panorama(decode(content, name), name, hashlib.sha256(content).hexdigest())


class PanoramaCache:
    """
    Keep decoded panoramas, least recently used out first, within ``max_bytes``.

    Safe for many threads: a panorama that several ask for at once is loaded once, and loading
    one does not hold up those who want another. One that is larger than the bound is returned
    and not kept.
    """

    def __init__(self, max_bytes: int = DEFAULT_CACHE_BYTES) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[Hashable, Panorama] = OrderedDict()
        self._loading: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Return how many bytes of pixels are kept, levels made since included."""
        with self._lock:
            return self._held()

    def __len__(self) -> int:
        return len(self._kept)

    def get(
            self, key: Hashable, load: Callable[[], Panorama] | None = None) -> Panorama:
        """
        Return the panorama of ``key``, loading it when it is not kept.

        ``key`` is a ``PanoramaFile``, or anything hashable together with ``load``.
        """
        with self._lock:
            kept = self._touch(key)
            if kept is not None:
                return kept
            turn = self._loading.setdefault(key, threading.Lock())
        with turn:
            with self._lock:
                kept = self._touch(key)
            if kept is not None:
                return kept
            try:
                loaded = load() if load is not None else _load_key(key)
                with self._lock:
                    self._keep(key, loaded)
                return loaded
            finally:
                with self._lock:
                    self._loading.pop(key, None)

    def _touch(self, key: Hashable) -> Panorama | None:
        """Return the kept panorama and mark it as used; the lock is held."""
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
        return kept

    def _keep(self, key: Hashable, loaded: Panorama) -> None:
        """Keep it and let the oldest go; the lock is held."""
        if loaded.nbytes > self._max_bytes:
            return
        self._kept.pop(key, None)
        self._kept[key] = loaded
        while self._held() > self._max_bytes:
            self._kept.popitem(last=False)

    def _held(self) -> int:
        """Return the bytes kept, which grow as views ask for smaller levels; the lock is held."""
        return sum(kept.nbytes for kept in self._kept.values())


def _load_key(key: Hashable) -> Panorama:
    """Load what a key names when it names a file."""
    if not isinstance(key, (StoredFile, Path, str)):
        raise TypeError(f'{key!r} is not a file; say how to load it')
    return load_panorama(key)
