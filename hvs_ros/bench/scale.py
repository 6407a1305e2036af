# SPDX-License-Identifier: Apache-2.0
"""How large and how long a benchmark is: the real thing, or a trial of the commands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
import random

from hvs_ros.core.gaze import BenchmarkAngles
from hvs_ros.core.renderer import ViewSpec

TIMEOUT_S = 900.0
"""No figure takes longer, not even on a slow and busy machine."""


@dataclass(frozen=True)
class Scale:
    """
    Hold sizes and repeats.

    ``shrink`` divides the sides of panoramas and views. ``rounds`` are those of a ratio,
    ``turns`` those of the graph's times, ``starts`` the searches of the replays (four turns
    each), ``panoramas`` those whose memory is measured.
    """

    name: str
    shrink: int
    rounds: int
    turns: int
    starts: int
    panoramas: int

    @property
    def view(self) -> ViewSpec:
        """Return the benchmark's view."""
        return ViewSpec(1920 // self.shrink, 1080 // self.shrink)

    def size(self, width: int) -> tuple[int, int]:
        """Return (width, height) of the panorama that a figure calls ``width`` wide."""
        return width // self.shrink, width // self.shrink // 2


FULL = Scale('full', 1, 21, 200, 120, 500)
QUICK = Scale('quick', 8, 3, 8, 6, 6)
SCALES = {scale.name: scale for scale in (FULL, QUICK)}


def gazes(seed: int = 0) -> Iterator[BenchmarkAngles]:
    """Yield whole-degree directions without end, a new yaw and pitch each time."""
    draw = random.Random(seed)
    while True:
        yield BenchmarkAngles(draw.randrange(360), draw.randint(-60, 60))
