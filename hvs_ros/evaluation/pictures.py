# SPDX-License-Identifier: Apache-2.0
"""Views and panoramas of a run made again from its dataset, small, a panorama at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
import math
import os
import threading
from typing import Any

import cv2

from hvs_ros.core.errors import HvsError
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.panorama import Panorama, PanoramaFile, load_panorama
from hvs_ros.core.renderer import Renderer, ViewSpec, encode_jpeg
from hvs_ros.evaluation.config import ViewConfig
from hvs_ros.evaluation.run_files import Key, record_key

MOST_THREADS = 4
Record = Mapping[str, Any]


@dataclass(frozen=True)
class Sizes:
    """Say how large pictures are: widths in pixels, JPEG quality from 1 to 100."""

    view: int = 320
    panorama: int = 800
    quality: int = 72


FULL = Sizes()
# What a page that must stay small falls back to, step by step.
LADDER = (FULL, Sizes(256, 640, 68), Sizes(208, 512, 64), Sizes(160, 400, 60))


@dataclass(frozen=True)
class Drawn:
    """
    Hold the pictures of one panorama's episodes, as JPEG.

    ``views`` has the turns' views of each record key, in order. Without ``panorama`` the file
    could not be used and ``problem`` says why.
    """

    file: PanoramaFile
    panorama: bytes | None = None
    views: Mapping[Key, Sequence[bytes]] = field(default_factory=dict)
    problem: str = ''


def draw(
        files: Mapping[str, PanoramaFile], records: Sequence[Record], view: ViewConfig,
        sizes: Sizes = FULL, threads: int | None = None) -> Iterator[Drawn]:
    """
    Yield the pictures of the records, panorama by panorama.

    Each panorama is decoded once; as many are in memory as there are ``threads`` (default: one a
    core, at most 4). Records without a file are passed over.
    """
    groups: dict[PanoramaFile, list[Record]] = {}
    for record in records:
        if record['id'] in files:
            groups.setdefault(files[record['id']], []).append(record)
    painter = _Painter(view, sizes)
    count = threads or min(MOST_THREADS, os.cpu_count() or 1)
    if count == 1 or len(groups) == 1:
        yield from (painter.paint(file, members) for file, members in groups.items())
        return
    with ThreadPoolExecutor(count) as pool:
        yield from _ahead(
            (pool.submit(painter.paint, file, members) for file, members in groups.items()),
            2 * count)


def _ahead(jobs: Iterable[Future[Drawn]], most: int) -> Iterator[Drawn]:
    """Yield results in order with at most so many jobs begun and not yet taken."""
    begun = iter(jobs)
    waiting = deque(islice(begun, most))
    while waiting:
        yield waiting.popleft().result()
        waiting.extend(islice(begun, 1))


class _Painter:
    """Draw small views; every thread has a renderer of its own."""

    def __init__(self, view: ViewConfig, sizes: Sizes) -> None:
        width = min(sizes.view, view.width)
        self._spec = ViewSpec(
            width, max(1, round(width * view.height / view.width)),
            math.radians(view.horizontal_fov), view.reticle, sizes.quality)
        self._sizes = sizes
        self._own = threading.local()

    def paint(self, file: PanoramaFile, records: Sequence[Record]) -> Drawn:
        """Return the pictures of one panorama's records."""
        try:
            panorama = load_panorama(file)
        except HvsError as error:
            return Drawn(file, problem=str(error))
        return Drawn(file, self._small(panorama), {
            record_key(record): [
                self._renderer().view(
                    panorama, BenchmarkAngles(*turn['gaze_measured']).to_gaze()).jpeg
                for turn in record['turns']]
            for record in records})

    def _renderer(self) -> Renderer:
        if not hasattr(self._own, 'renderer'):
            self._own.renderer = Renderer(self._spec)
        renderer: Renderer = self._own.renderer
        return renderer

    def _small(self, panorama: Panorama) -> bytes:
        height, width = panorama.image.shape[:2]
        size = (self._sizes.panorama, max(1, round(self._sizes.panorama * height / width)))
        return encode_jpeg(
            cv2.resize(panorama.image, size, interpolation=cv2.INTER_AREA), self._sizes.quality)
