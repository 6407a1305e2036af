# SPDX-License-Identifier: Apache-2.0
"""What environments show: views of shared panoramas, rendered when they are asked for."""

from __future__ import annotations

from collections import OrderedDict
import threading

import cv2
import numpy as np

from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.panorama import PanoramaCache, PanoramaFile
from hvs_ros.core.renderer import Renderer, ViewSpec, encode_jpeg

DEFAULT_PNG_BYTES = 64 << 20
_RENDERERS_A_THREAD = 3
# Photographs get little smaller by trying harder, and a trainer waits meanwhile: one filter for
# all rows takes half the time of choosing one a row, where OpenCV is new enough to be told.
_PNG = (
    cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE,
    *((cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP)
      if hasattr(cv2, 'IMWRITE_PNG_FILTER') else ()))
_Key = tuple[PanoramaFile, BenchmarkAngles, ViewSpec]


class Views:
    """
    Render views of panoramas that are decoded once for all environments.

    Safe for many threads, each with renderers of its own. The newest PNGs are kept within
    ``png_bytes``: the searches of a group begin with one view, and a wasted turn or a submit
    shows the last one again.
    """

    def __init__(
            self, panoramas: PanoramaCache | None = None,
            png_bytes: int = DEFAULT_PNG_BYTES) -> None:
        self.panoramas = PanoramaCache() if panoramas is None else panoramas
        self._png_bytes = png_bytes
        self._pngs: OrderedDict[_Key, bytes] = OrderedDict()
        self._held = 0
        self._lock = threading.Lock()
        self._of_thread = threading.local()

    def image(
            self, panorama: PanoramaFile, angles: BenchmarkAngles, spec: ViewSpec) -> np.ndarray:
        """Return the view as (h, w, 3) uint8 BGR; raise ``PanoramaError`` for a broken file."""
        return self._renderer(spec).render(self.panoramas.get(panorama), angles.to_gaze())

    def jpeg(self, panorama: PanoramaFile, angles: BenchmarkAngles, spec: ViewSpec) -> bytes:
        """Return the view as the JPEG that planners see."""
        return encode_jpeg(self.image(panorama, angles, spec), spec.jpeg_quality)

    def png(self, panorama: PanoramaFile, angles: BenchmarkAngles, spec: ViewSpec) -> bytes:
        """Return the view as PNG."""
        key = (panorama, angles, spec)
        with self._lock:
            if key in self._pngs:
                self._pngs.move_to_end(key)
                return self._pngs[key]
        done, encoded = cv2.imencode('.png', self.image(panorama, angles, spec), _PNG)
        if not done:
            raise RuntimeError('OpenCV wrote no PNG')
        png = encoded.tobytes()
        with self._lock:
            self._keep(key, png)
        return png

    def _keep(self, key: _Key, png: bytes) -> None:
        """Keep it and let the oldest go; the lock is held."""
        self._held += len(png) - len(self._pngs.pop(key, b''))
        self._pngs[key] = png
        while self._held > self._png_bytes and self._pngs:
            self._held -= len(self._pngs.popitem(last=False)[1])

    def _renderer(self, spec: ViewSpec) -> Renderer:
        """Return this thread's renderer of such views."""
        mine: OrderedDict[ViewSpec, Renderer] = self._of_thread.__dict__.setdefault(
            'renderers', OrderedDict())
        if spec not in mine:
            mine[spec] = Renderer(spec)
            if len(mine) > _RENDERERS_A_THREAD:
                mine.popitem(last=False)
        mine.move_to_end(spec)
        return mine[spec]
