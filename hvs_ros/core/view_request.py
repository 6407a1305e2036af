# SPDX-License-Identifier: Apache-2.0
"""Each new goal asks for exactly one view: when that view may be taken."""

from __future__ import annotations

from dataclasses import dataclass

from hvs_ros.core.gaze import Gaze

SECOND_NS = 1_000_000_000
# sensor noise and a controller's last twitches; a tenth of the default settle tolerance
REST_TOLERANCE = 0.002


@dataclass(frozen=True)
class SettleRule:
    """Hold when a head counts as there: ``settle_tolerance`` in radians, times in seconds."""

    settle_tolerance: float = 0.02
    settle_time: float = 0.3
    arrive_timeout: float = 3.0


class RestDetector:
    """Find since when the gaze has not moved."""

    def __init__(self) -> None:
        self.gaze: Gaze | None = None
        self.since_ns = 0
        self.until_ns = 0
        self._anchor = Gaze(0.0, 0.0)

    def feed(self, stamp_ns: int, gaze: Gaze) -> None:
        """Take the gaze measured at ``stamp_ns``."""
        moved = self.gaze is None or gaze.off_by(self._anchor) > REST_TOLERANCE
        if moved or stamp_ns < self.until_ns:
            self._anchor, self.since_ns = gaze, stamp_ns
        self.gaze, self.until_ns = gaze, stamp_ns


@dataclass
class ViewRequest:
    """
    Decide for one goal which capture is its view; served once, then silent.

    ``stamp_ns`` is the goal's identity and the earliest capture that may answer it.
    """

    stamp_ns: int
    gaze: Gaze
    served: bool = False

    def due_virtual(self) -> int:
        """Return the earliest capture stamp when the view is cut out of the panorama."""
        return self.stamp_ns

    def due_settled(
            self, rest: RestDetector, rule: SettleRule, shown: Gaze | None = None) -> int | None:
        """
        Return the earliest capture stamp once the head is known to stand, else None.

        Within ``settle_tolerance`` of the goal a rest of ``settle_time`` is enough; elsewhere
        (out of reach) ``arrive_timeout`` since the goal must have passed too. A capture after
        ``rest.until_ns`` is not known to be at rest yet: the caller must wait for that. ``shown``
        is the gaze a view would have now, where the body's own is not all of it (hybrid).
        """
        if rest.gaze is None:
            return None
        due = max(self.stamp_ns, rest.since_ns + int(rule.settle_time * SECOND_NS))
        if (shown or rest.gaze).off_by(self.gaze) > rule.settle_tolerance:
            due = max(due, self.stamp_ns + int(rule.arrive_timeout * SECOND_NS))
        return due


class ViewRequests:
    """
    Hold the newest goal's request; a goal that was seen before asks for nothing.

    ``last_view_ns`` keeps view stamps strictly increasing.
    """

    def __init__(self) -> None:
        self.current: ViewRequest | None = None
        self.last_view_ns = -1

    def goal(self, stamp_ns: int, gaze: Gaze) -> bool:
        """Take a goal as received; return whether it is newer and so asks for a view."""
        if self.current is not None and stamp_ns <= self.current.stamp_ns:
            return False
        self.current = ViewRequest(stamp_ns, gaze)
        return True

    @property
    def open(self) -> ViewRequest | None:
        """Return the request that still waits for its view."""
        return None if self.current is None or self.current.served else self.current

    def serve(self, stamp_ns: int) -> int:
        """Mark the request served and return the view's stamp, later than every one before."""
        assert self.current is not None
        self.current.served = True
        self.last_view_ns = max(stamp_ns, self.last_view_ns + 1)
        return self.last_view_ns
