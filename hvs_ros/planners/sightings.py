# SPDX-License-Identifier: Apache-2.0
"""Where things were seen: pixels of views turned into directions, and kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import math
from typing import Protocol

import cv2
import numpy as np
import simplejpeg

from hvs_ros.core.gaze import BenchmarkAngles, wrap_degrees
from hvs_ros.core.renderer import RETICLE_ARM, view_rotation
from hvs_ros.core.view import View

LOOK_WIDTH = 960
MERGE_DEGREES = 5.0


@dataclass(frozen=True)
class Box:
    """Hold a box in a view, in pixels from its top left corner."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def centre(self) -> tuple[float, float]:
        """Return the middle of the box (x, y)."""
        return (self.left + self.right) / 2, (self.top + self.bottom) / 2


@dataclass(frozen=True)
class Hit:
    """Say where a phrase may be seen; ``score`` within [0, 1]."""

    phrase: str
    score: float
    box: Box


@dataclass(frozen=True)
class Thresholds:
    """
    Say what a grounder's scores are worth, each within [0, 1].

    striking: leave the scan for it at once. likely: centre on it before looking up and down.
    confirmed: submit it once it is centred. least: less is no sighting at all.
    """

    striking: float = 0.85
    likely: float = 0.35
    confirmed: float = 0.6
    least: float = 0.0


class Grounder(Protocol):
    """
    Find phrases in a view: the seam where detectors plug in.

    One whose ``reads_instructions`` is true is given the whole instruction, not noun phrases.
    """

    @property
    def thresholds(self) -> Thresholds:
        """Return what its scores are worth."""

    @property
    def reads_instructions(self) -> bool:
        """Return whether it is given the instruction as it stands."""

    def locate(self, image: np.ndarray, phrases: Sequence[str]) -> list[Hit]:
        """Return the hits in a (h, w, 3) uint8 BGR view."""


@dataclass
class Sighting:
    """
    Remember a thing by its direction.

    ``off_centre`` (degrees) says how far from the middle of the view it was when best seen;
    ``looked_at`` that the gaze has been centred on it.
    """

    phrase: str
    direction: BenchmarkAngles
    score: float
    radius: float
    off_centre: float
    looked_at: bool = False


def read_view(view: View) -> np.ndarray:
    """Return the view as (h, w, 3) BGR, at most 960 wide, without the reticle."""
    width = min(LOOK_WIDTH, view.width)
    height = max(1, round(view.height * width / view.width))
    image = simplejpeg.decode_jpeg(view.jpeg, 'BGR', min_height=height, min_width=width)
    if image.shape[:2] != (height, width):
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return _without_reticle(image, width / view.width)


def _without_reticle(image: np.ndarray, scale: float) -> np.ndarray:
    """Paint over the cross, which would otherwise be the greenest thing of many views."""
    row, column = image.shape[0] // 2, image.shape[1] // 2
    arm = math.ceil(RETICLE_ARM * scale) + 1
    top, left = max(0, row - arm - 3), max(0, column - arm - 3)
    patch = image[top:row + arm + 4, left:column + arm + 4]
    cross = np.zeros(patch.shape[:2], np.uint8)
    cross[max(0, row - top - 1):row - top + 2, 3:-3] = 255
    cross[3:-3, max(0, column - left - 1):column - left + 2] = 255
    image[top:row + arm + 4, left:column + arm + 4] = cv2.inpaint(
        patch, cross, 3, cv2.INPAINT_TELEA)
    return image


def direction_of(view: View, told: BenchmarkAngles, x: float, y: float) -> BenchmarkAngles:
    """
    Return the direction of a pixel of the full-size view taken at ``told``.

    It inverts the renderer: pixel (x, y) looks along ((x - w/2) / f, (y - h/2) / f, 1).
    """
    focal = view.width / (2.0 * math.tan(view.horizontal_fov / 2.0))
    ray = np.array([(x - view.width / 2) / focal, (y - view.height / 2) / focal, 1.0])
    right, down, ahead = view_rotation(told.to_gaze()) @ (ray / np.linalg.norm(ray))
    return BenchmarkAngles(
        math.degrees(math.atan2(right, ahead)) % 360.0,
        -math.degrees(math.asin(max(-1.0, min(1.0, down)))))


def apart(a: BenchmarkAngles, b: BenchmarkAngles) -> float:
    """Return the angle between two directions in degrees."""
    return math.degrees(a.to_gaze().angle_to(b.to_gaze()))


class Sightings:
    """Keep what was seen, one entry per thing, in the order it was first seen."""

    def __init__(self) -> None:
        self.all: list[Sighting] = []

    def see(self, view: View, told: BenchmarkAngles, hits: Sequence[Hit], width: int) -> None:
        """Take the hits of a view ``width`` pixels wide that was taken at ``told``."""
        scale = view.width / width
        for hit in hits:
            x, y = hit.box.centre
            direction = direction_of(view, told, x * scale, y * scale)
            corner = direction_of(view, told, hit.box.left * scale, hit.box.top * scale)
            self._keep(Sighting(
                hit.phrase, direction, hit.score, apart(direction, corner),
                apart(direction, told)))

    def near(self, direction: BenchmarkAngles, within: float) -> Sighting | None:
        """Return the best sighting within so many degrees of a direction."""
        close = [s for s in self.all if apart(s.direction, direction) <= within]
        return max(close, key=lambda sighting: sighting.score, default=None)

    def best(self, unseen_only: bool = False) -> Sighting | None:
        """Return the sighting with the highest score (of those not yet looked at)."""
        chosen = [s for s in self.all if not (unseen_only and s.looked_at)]
        return max(chosen, key=lambda sighting: sighting.score, default=None)

    def _keep(self, new: Sighting) -> None:
        for k, old in enumerate(self.all):
            reach = max(MERGE_DEGREES, 0.7 * old.radius, 0.7 * new.radius)
            if old.phrase == new.phrase and apart(old.direction, new.direction) <= reach:
                if new.off_centre < old.off_centre - 1.0:
                    new.looked_at = old.looked_at
                    self.all[k] = new
                elif new.score > old.score and abs(new.off_centre - old.off_centre) <= 1.0:
                    self.all[k] = new
                return
        self.all.append(new)


def turn_words(told: BenchmarkAngles, direction: BenchmarkAngles) -> str:
    """Return where a direction lies as people say it: '12° right, 4° down'."""
    yaw = round(wrap_degrees(direction.yaw - told.yaw))
    pitch = round(direction.pitch - told.pitch)
    side = f'{abs(yaw)}° {"right" if yaw > 0 else "left"}' if yaw else ''
    rise = f'{abs(pitch)}° {"up" if pitch > 0 else "down"}' if pitch else ''
    return ', '.join(word for word in (side, rise) if word) or 'straight ahead'
