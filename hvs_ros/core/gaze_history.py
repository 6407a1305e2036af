# SPDX-License-Identifier: Apache-2.0
"""Where neck and body were when: the measured gaze at any recent moment."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field

from hvs_ros.core.gaze import Gaze, wrap_radians

_KEPT = 500  # ten seconds at 50 Hz


@dataclass
class _Track:
    """Keep one sensor's samples in order of time and read between them."""

    stamps: deque[int] = field(default_factory=lambda: deque(maxlen=_KEPT))
    samples: deque[tuple[float, ...]] = field(default_factory=lambda: deque(maxlen=_KEPT))

    def add(self, stamp_ns: int, sample: tuple[float, ...]) -> None:
        if self.stamps and stamp_ns < self.stamps[-1]:
            self.stamps.clear()  # time ran backwards: a restarted clock makes the past worthless
            self.samples.clear()
        self.stamps.append(stamp_ns)
        self.samples.append(sample)

    def at(self, stamp_ns: int) -> tuple[float, ...] | None:
        if not self.stamps:
            return None
        right = bisect_right(self.stamps, stamp_ns)
        if right == 0:
            return self.samples[0]
        if right == len(self.stamps):
            return self.samples[-1]
        before, after = self.samples[right - 1], self.samples[right]
        span = self.stamps[right] - self.stamps[right - 1]
        share = (stamp_ns - self.stamps[right - 1]) / span if span else 0.0
        return tuple(a + share * wrap_radians(b - a) for a, b in zip(before, after, strict=True))


class GazeHistory:
    """
    Combine neck angles and the body's heading into the gaze in odom.

    A body without a neck (``has_neck`` false) looks where it stands. All angles in radians,
    REP-103.
    """

    def __init__(self, has_neck: bool = True) -> None:
        self._has_neck = has_neck
        self._neck, self._body = _Track(), _Track()

    def add_neck(self, stamp_ns: int, yaw: float, pitch: float) -> None:
        """Take a measurement of the neck joints."""
        self._neck.add(stamp_ns, (yaw, pitch))

    def add_body(self, stamp_ns: int, yaw: float) -> None:
        """Take a measurement of the body's heading."""
        self._body.add(stamp_ns, (yaw,))

    @property
    def known_until_ns(self) -> int | None:
        """Return the latest moment every sensor has spoken for, None before that."""
        tracks = [self._body, self._neck] if self._has_neck else [self._body]
        if not all(track.stamps for track in tracks):
            return None
        return min(track.stamps[-1] for track in tracks)

    def neck_at(self, stamp_ns: int) -> tuple[float, float]:
        """Return neck (yaw, pitch), zero where none was measured."""
        sample = self._neck.at(stamp_ns)
        return (sample[0], sample[1]) if sample else (0.0, 0.0)

    def body_at(self, stamp_ns: int) -> float:
        """Return the body's heading, zero where none was measured."""
        sample = self._body.at(stamp_ns)
        return sample[0] if sample else 0.0

    def at(self, stamp_ns: int) -> Gaze:
        """Return the gaze: the body's heading plus the neck."""
        yaw, pitch = self.neck_at(stamp_ns)
        return Gaze(wrap_radians(self.body_at(stamp_ns) + yaw), pitch)
