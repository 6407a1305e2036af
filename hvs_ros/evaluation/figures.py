# SPDX-License-Identifier: Apache-2.0
"""Pictures of a search: film strips re-rendered small, and the gaze path on the panorama."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
import math
from typing import Any

import cv2

from hvs_ros.core.errors import HvsError
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.panorama import Panorama, PanoramaCache, PanoramaFile
from hvs_ros.core.renderer import Renderer, ViewSpec, encode_jpeg
from hvs_ros.core.scoring import Window, published_window
from hvs_ros.evaluation.config import ViewConfig
from hvs_ros.evaluation.outcomes import target_from_dict

STRIP_WIDTH = 320
STRIP_QUALITY = 72
PANORAMA_WIDTH = 800
Record = Mapping[str, Any]
Box = dict[str, float]


class Pictures:
    """
    Re-render what a run saw from its panoramas, as data URIs.

    A panorama that cannot be read yields no pictures; its sentence is kept in ``problems``.
    """

    def __init__(self, files: Mapping[str, PanoramaFile], view: ViewConfig) -> None:
        self._files = files
        height = max(1, round(STRIP_WIDTH * view.height / view.width))
        self._renderer = Renderer(ViewSpec(
            STRIP_WIDTH, height, math.radians(view.horizontal_fov), view.reticle, STRIP_QUALITY))
        self._cache = PanoramaCache()
        self._embedded: dict[str, tuple[int, str]] = {}
        self.problems: list[str] = []

    def strip(self, record: Record) -> list[str]:
        """Return the data URI of each turn's view, empty without the panorama."""
        panorama = self._panorama(record)
        if panorama is None:
            return []
        return [
            _data_uri(self._renderer.view(
                panorama, BenchmarkAngles(*turn['gaze_measured']).to_gaze()).jpeg)
            for turn in record['turns']]

    def panorama_number(self, record: Record) -> int | None:
        """Return the number under which the page embeds the record's panorama, once for all."""
        panorama = self._panorama(record)
        if panorama is None:
            return None
        name = self._files[record['id']].name
        if name not in self._embedded:
            height = max(1, round(
                PANORAMA_WIDTH * panorama.image.shape[0] / panorama.image.shape[1]))
            small = cv2.resize(
                panorama.image, (PANORAMA_WIDTH, height), interpolation=cv2.INTER_AREA)
            uri = _data_uri(encode_jpeg(small, STRIP_QUALITY))
            self._embedded[name] = len(self._embedded), uri
        return self._embedded[name][0]

    def embedded(self) -> list[tuple[int, str]]:
        """Return (number, data URI) of every panorama asked for."""
        return list(self._embedded.values())

    def _panorama(self, record: Record) -> Panorama | None:
        file = self._files.get(record['id'])
        if file is None:
            return None
        try:
            return self._cache.get(file)
        except HvsError as error:
            if str(error) not in self.problems:
                self.problems.append(str(error))
            return None


def gaze_path(record: Record) -> dict[str, Any]:
    """
    Return what is drawn over a panorama of 360 by 180 units, yaw 0 in the middle.

    ``marks`` are the views in order, ``lines`` the way between them (cut at the seam),
    ``windows`` the annotated and the widened target, ``answer`` where the search pointed.
    """
    target = target_from_dict(record['target'])
    yaw, pitch = published_window(target)
    annotated = (-90.0, 90.0) if target.pitch is None else target.pitch
    marks = [_place(*turn['gaze_measured']) for turn in record['turns']]
    end = _place(*(record['answer'] or record['gaze']))
    return {
        'windows': [*_boxes(yaw, pitch, 'widened'), *_boxes(target.yaw, annotated, 'annotated')],
        'lines': list(_lines([*marks, end])),
        'marks': [{'x': x, 'y': y, 'label': n} for n, (x, y) in enumerate(marks, 1)],
        'answer': {'x': end[0], 'y': end[1]} if record['answer'] else None}


def _place(yaw: float, pitch: float) -> tuple[float, float]:
    return (yaw + 180) % 360, 90 - max(-90, min(90, pitch))


def _boxes(yaw: Window, pitch: Window, name: str) -> Iterator[dict[str, Any]]:
    left, top = (yaw[0] + 180) % 360, 90 - max(pitch)
    width = (yaw[1] - yaw[0]) % 360 or (360 if yaw[1] != yaw[0] else 0)
    height = max(pitch) - min(pitch)
    yield {'name': name, 'x': left, 'y': top, 'width': min(width, 360 - left), 'height': height}
    if left + width > 360:
        yield {'name': name, 'x': 0, 'y': top, 'width': left + width - 360, 'height': height}


def _lines(places: Sequence[tuple[float, float]]) -> Iterator[Box]:
    for (x1, y1), (x2, y2) in pairwise(places):
        step = (x2 - x1 + 180) % 360 - 180
        yield {'x1': x1, 'y1': y1, 'x2': x1 + step, 'y2': y2}
        if not 0 <= x1 + step <= 360:
            # The same line once more, coming in from the other side of the seam.
            yield {'x1': x2 - step, 'y1': y1, 'x2': x2, 'y2': y2}


def _data_uri(jpeg: bytes) -> str:
    return 'data:image/jpeg;base64,' + base64.b64encode(jpeg).decode('ascii')
