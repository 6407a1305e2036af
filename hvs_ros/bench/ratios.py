# SPDX-License-Identifier: Apache-2.0
"""Ratios: ours and a reference in turn, in one process, medians of both."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
import statistics
import time

import cv2
import pybase64

from hvs_ros.bench.measured import Measured
from hvs_ros.bench.pictures import panorama_file
from hvs_ros.bench.scale import Scale, gazes
from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.panorama import PanoramaCache, PanoramaFile
from hvs_ros.core.renderer import Renderer

Contender = Callable[[BenchmarkAngles], object]


def interleaved(ours: Contender, reference: Contender, rounds: int) -> Measured:
    """
    Return how many times as long the reference takes, by medians over ``rounds``.

    Both get the same gaze in every round, in alternating order; a first round is not counted,
    as it warms caches and buffers up.
    """
    times: dict[Contender, list[float]] = {ours: [], reference: []}
    for number, gaze in zip(range(rounds + 1), gazes(), strict=False):
        for contender in (ours, reference) if number % 2 else (reference, ours):
            begin = time.process_time()
            contender(gaze)
            if number:
                times[contender].append(1e3 * (time.process_time() - begin))
    ours_ms, reference_ms = (statistics.median(times[each]) for each in (ours, reference))
    return Measured(reference_ms / ours_ms, {
        'ours_ms': round(ours_ms, 2), 'reference_ms': round(reference_ms, 2), 'rounds': rounds})


def turn_ratio(folder: Path, scale: Scale, width: int, kind: str) -> Measured:
    """Compare whole turns, panorama to base64, ours with the panorama in the cache."""
    from hvs_ros.bench.published import published_turn
    cv2.setNumThreads(1)
    path = panorama_file(folder, *scale.size(width))
    file, panoramas, renderer = PanoramaFile(path), PanoramaCache(), Renderer(scale.view)

    def ours(gaze: BenchmarkAngles) -> str:
        view = renderer.view(panoramas.get(file), gaze.to_gaze())
        return pybase64.b64encode(view.jpeg).decode('ascii')

    return interleaved(
        ours, lambda gaze: published_turn(path, gaze, scale.view, kind), scale.rounds)


def render_ratio(folder: Path, scale: Scale, width: int, reference: str) -> Measured:
    """
    Compare rendering alone, from decoded panorama to pixels.

    ``reference`` is 'published' or a library that ``bench.peers`` knows.
    """
    cv2.setNumThreads(1)
    file = PanoramaFile(panorama_file(folder, *scale.size(width)))
    panorama, renderer = PanoramaCache().get(file), Renderer(scale.view)
    if reference == 'published':
        from hvs_ros.bench.published import published_render
        project: Contender = partial(published_render, panorama.image, spec=scale.view)
    else:
        from hvs_ros.bench.peers import prepared
        project = prepared(reference, panorama.image, scale.view)
    return interleaved(
        lambda gaze: renderer.render(panorama, gaze.to_gaze()), project, scale.rounds)
