# SPDX-License-Identifier: Apache-2.0
"""Targets, what counts as success under each rule, and how far off a direction is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
import math
from typing import Literal

from hvs_ros.core.actions import Submit
from hvs_ros.core.gaze import BenchmarkAngles, wrap_degrees

Window = tuple[float, float]
Rule = Literal['published', 'strict']

# Half widths in degrees that a window has at least.
OBJECT_HALF_YAW = 30
PATH_HALF_YAW = 10
HALF_PITCH = 20
QUIRKS = ('Q1', 'Q2', 'Q3')


@dataclass(frozen=True)
class Target:
    """
    Hold an annotation's window in degrees, as it stands in the file.

    ``yaw`` may wrap (lo > hi); a path search has no ``pitch``. The tolerances are half of what a
    window is widened to; None is the benchmark's own, and a path's yaw has no other.
    """

    kind: Literal['object', 'path']
    yaw: Window
    pitch: Window | None
    yaw_tolerance: float | None = None
    pitch_tolerance: float | None = None

    @property
    def yaw_width(self) -> float:
        """Return the width of the annotated yaw window in degrees."""
        lo, hi = self.yaw
        return hi + 360 - lo if lo > hi else hi - lo

    @property
    def centre(self) -> BenchmarkAngles:
        """Return the centre of the annotated window; a path's pitch is 0."""
        pitch = 0.0 if self.pitch is None else sum(self.pitch) / 2
        return BenchmarkAngles((self.yaw[0] + self.yaw_width / 2) % 360, pitch)


@dataclass(frozen=True)
class AngularErrors:
    """
    Say how far a direction is from a target, in degrees.

    ``centre_*`` are measured to the centre of the annotated window, ``window_*`` to its nearest
    point, 0 inside; ``centre`` and ``window`` along the great circle. Path targets ignore pitch.
    """

    centre_yaw: float
    centre_pitch: float
    centre: float
    window_yaw: float
    window_pitch: float
    window: float


def circle(angle: float) -> float:
    """Return the yaw in [0, 360), in the published order of operations (it sets the last bit)."""
    return (angle + 360) % 360


def half_yaw(target: Target) -> float:
    """Return the least half width of the target's yaw window."""
    if target.kind == 'path':
        return PATH_HALF_YAW
    return OBJECT_HALF_YAW if target.yaw_tolerance is None else target.yaw_tolerance


def half_pitch(target: Target) -> float:
    """Return the least half width of the target's pitch window."""
    return HALF_PITCH if target.pitch_tolerance is None else target.pitch_tolerance


def yaw_window(target: Target) -> Window:
    """Return the yaw window widened about its centre; lo > hi where it wraps."""
    lo, hi = target.yaw
    if lo > hi:
        hi += 360
    half = half_yaw(target)
    if hi - lo < 2 * half:
        centre = (lo + hi) / 2
        return circle(centre - half), circle(centre + half)
    return circle(lo), circle(hi)


def pitch_window(target: Target) -> Window:
    """Return the pitch window widened about its centre and clamped; all of it for a path."""
    lo, hi = (-90, 90) if target.pitch is None else target.pitch
    half = half_pitch(target)
    if hi - lo < 2 * half:
        centre = (lo + hi) / 2
        return max(-90, centre - half), min(90, centre + half)
    return lo, hi


def published_window(target: Target) -> tuple[Window, Window]:
    """Return the widened (yaw, pitch) windows, equal to the published ones to the last bit."""
    return yaw_window(target), pitch_window(target)


def wraps(window: Window) -> bool:
    """Return whether a yaw window goes through 0 from below."""
    return window[0] > window[1]


def inside(window: Window, value: float) -> bool:
    """Return whether the value is in the window, both ends inclusive."""
    return window[0] <= value <= window[1]


def inside_wrapped(window: Window, yaw: float) -> bool:
    """Return whether the yaw is in a window that wraps, both ends inclusive."""
    return yaw >= window[0] or yaw <= window[1]


def yaw_fits(target: Target, yaw: float) -> bool:
    """Return whether the yaw is in the widened window as published (quirk Q3)."""
    window = yaw_window(target)
    return inside_wrapped(window, circle(yaw)) if wraps(window) else inside(window, circle(yaw))


def strict_yaw_fits(target: Target, yaw: float) -> bool:
    """Return whether the yaw is in the widened window; 360° or more is the full circle."""
    return target.yaw_width >= 360 or yaw_fits(target, yaw)


def pitch_fits(target: Target, pitch: float) -> bool:
    """Return whether the pitch is in the widened window."""
    return inside(pitch_window(target), pitch)


def pitch_is_tested(target: Target) -> bool:
    """Return whether the published rule looks at pitch: not where yaw wraps (quirk Q1)."""
    return not wraps(yaw_window(target))


def published_success(target: Target, answer: Submit) -> bool:
    """Return whether the submitted numbers succeed under the published rule, quirks and all."""
    if not yaw_fits(target, answer.yaw):
        return False
    return not pitch_is_tested(target) or pitch_fits(target, answer.pitch)


def strict_success(target: Target, pose: BenchmarkAngles) -> bool:
    """Return whether the direction looked in at the submit succeeds: yaw and pitch, always."""
    return strict_yaw_fits(target, pose.yaw) and pitch_fits(target, pose.pitch)


def is_effective(
        target: Target, before: BenchmarkAngles, after: BenchmarkAngles,
        rule: Rule = 'published') -> bool:
    """Return whether a rotation brought the gaze nearer to the target's window."""
    return approach(target, before, after, rule) > 0


def approach(
        target: Target, before: BenchmarkAngles, after: BenchmarkAngles,
        rule: Rule = 'published') -> float:
    """
    Return by how much a rotation brought the gaze nearer to the target's window, over 180°.

    Nearer: the circular yaw distances to both ends plus the pitch distances to both ends shrank.
    Under ``strict`` a full circle has no ends in yaw.
    """
    yaw, pitch = published_window(target)
    turned = _to_ends(before.yaw, yaw, _yaw_distance) - _to_ends(after.yaw, yaw, _yaw_distance)
    if rule == 'strict' and target.yaw_width >= 360:
        turned = 0.0
    raised = (_to_ends(before.pitch, pitch, _distance)
              - _to_ends(after.pitch, pitch, _distance))
    # Divided one by one, as published: rounding decides where both nearly cancel.
    return turned / 180 + raised / 180


def _to_ends(value: float, window: Window, distance: Callable[[float, float], float]) -> float:
    return distance(value, window[0]) + distance(value, window[1])


def _distance(a: float, b: float) -> float:
    return abs(a - b)


def _yaw_distance(a: float, b: float) -> float:
    apart = abs(circle(a) - circle(b))
    return 360 - apart if apart > 180 else apart


def quirks_that_matter(
        target: Target, answer: Submit, pose: BenchmarkAngles) -> tuple[str, ...]:
    """
    Return the quirks responsible where the published and the strict rule disagree.

    Responsible are the smallest sets of quirks whose absence alone turns the published result
    into the strict one; where several sets are equally small, all of them. Empty on agreement.
    """
    wanted = strict_success(target, pose)
    for size in range(len(QUIRKS) + 1):
        found: set[str] = set()
        for fixed in combinations(QUIRKS, size):
            if _success_without(fixed, target, answer, pose) == wanted:
                found.update(fixed)
                if not fixed:
                    return ()
        if found:
            return tuple(sorted(found))
    raise AssertionError('without any quirk the published rule is the strict one')


def _success_without(
        fixed: tuple[str, ...], target: Target, answer: Submit, pose: BenchmarkAngles) -> bool:
    yaw, pitch = (pose.yaw, pose.pitch) if 'Q2' in fixed else (answer.yaw, answer.pitch)
    yaw_ok = strict_yaw_fits(target, yaw) if 'Q3' in fixed else yaw_fits(target, yaw)
    tested = 'Q1' in fixed or pitch_is_tested(target)
    return yaw_ok and (not tested or pitch_fits(target, pitch))


def angular_errors(target: Target, direction: BenchmarkAngles) -> AngularErrors:
    """Return the distances of a direction from the target's centre and annotated window."""
    centre = target.centre
    is_path = target.pitch is None
    window = (0.0, 0.0) if target.pitch is None else target.pitch
    pitch = 0.0 if is_path else direction.pitch
    centre_yaw = abs(wrap_degrees(direction.yaw - centre.yaw))
    beyond_yaw = _beyond_yaw(target, direction.yaw)
    beyond_pitch = max(0.0, window[0] - pitch, pitch - window[1])
    return AngularErrors(
        centre_yaw, abs(pitch - centre.pitch),
        _great_circle(centre_yaw, pitch, centre.pitch),
        beyond_yaw, beyond_pitch,
        _great_circle_to_window(target, direction.yaw, pitch, window, beyond_yaw, beyond_pitch))


def _beyond_yaw(target: Target, yaw: float) -> float:
    # By comparison with the ends, not by distance from the centre: exactly 0 on either end.
    lo, hi = (circle(end) for end in target.yaw)
    within = inside_wrapped if lo > hi else inside
    if target.yaw_width >= 360 or within((lo, hi), circle(yaw)):
        return 0.0
    return min(_yaw_distance(yaw, lo), _yaw_distance(yaw, hi))


def _great_circle(dyaw: float, a: float, b: float) -> float:
    """Return the angle between pitches ``a`` and ``b`` at yaws ``dyaw`` apart (haversine)."""
    h = (math.sin(math.radians(a - b) / 2) ** 2
         + math.cos(math.radians(a)) * math.cos(math.radians(b))
         * math.sin(math.radians(dyaw) / 2) ** 2)
    return math.degrees(2 * math.asin(min(1.0, math.sqrt(h))))


def _great_circle_to_window(
        target: Target, yaw: float, pitch: float, window: Window,
        beyond_yaw: float, beyond_pitch: float) -> float:
    if beyond_yaw == 0:
        return beyond_pitch
    nearest = math.inf
    for end in target.yaw:
        apart = abs(wrap_degrees(yaw - end))
        # The point of the end's meridian nearest to the direction, where the window has it.
        foot = math.degrees(math.atan2(
            math.sin(math.radians(pitch)),
            math.cos(math.radians(pitch)) * math.cos(math.radians(apart))))
        candidates = [*window, foot] if inside(window, foot) else window
        nearest = min(nearest, *(_great_circle(apart, pitch, point) for point in candidates))
    return nearest


def chance_rate(target: Target, profile_name: str) -> float:
    """
    Return the probability that a random direction succeeds under a profile.

    The direction has a whole yaw uniform in [0, 360) and, independent of it, a whole pitch
    uniform in [-90, 90], both ends included; the gaze is there when it is submitted.
    """
    return _chance(target, profile_name == 'strict')


@lru_cache(maxsize=65536)
def _chance(target: Target, strict: bool) -> float:
    fits = strict_yaw_fits if strict else yaw_fits
    yaws = sum(fits(target, yaw) for yaw in range(360)) / 360
    if not strict and not pitch_is_tested(target):
        return yaws
    return yaws * sum(pitch_fits(target, pitch) for pitch in range(-90, 91)) / 181
