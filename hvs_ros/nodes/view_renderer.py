# SPDX-License-Identifier: Apache-2.0
"""ROS 2 node that renders the view where the humanoid looks, one for each gaze goal."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from geometry_msgs.msg import PoseStamped
from rclpy.node import Node

from hvs_ros.core.calibration import load_camera_model
from hvs_ros.core.mounts import PanoramaMount
from hvs_ros.core.renderer import ViewSpec
from hvs_ros.core.renderer_torch import make_renderer
from hvs_ros.core.view_request import SettleRule, ViewRequests
from hvs_ros.ros.conversions import to_gaze, to_ns
from hvs_ros.ros.gaze_tracker import GazeTracker
from hvs_ros.ros.health import OK, WARN, Health, Report
from hvs_ros.ros.node import run_node
from hvs_ros.ros.node_parameters import ViewRendererParameters
from hvs_ros.ros.panorama_feed import PanoramaFeed
from hvs_ros.ros.parameters import declare
from hvs_ros.ros.preview import Preview
from hvs_ros.ros.qos import RELIABLE
from hvs_ros.ros.view_publisher import ViewPublisher


class ViewRenderer(Node):
    """
    Answer each new gaze goal with exactly one view.

    Everything happens on the executor's thread. When a view may be taken is decided by
    ``core.view_request``; this node only brings goal, panorama and measured gaze together.
    """

    def __init__(self, **options: Any) -> None:
        """Declare parameters, then publishers, then everything that can call back."""
        super().__init__('view_renderer', **options)
        self._p = p = declare(self, ViewRendererParameters)
        self._model = load_camera_model(p.camera_model) if p.camera_model else None
        self._mount = PanoramaMount(p.panorama_mount, tuple(p.mount_rpy), p.gravity_aligned)
        self._rule = SettleRule(p.settle_tolerance, p.settle_time, p.arrive_timeout)
        self._renderer = make_renderer(p.renderer, ViewSpec(
            p.width, p.height, p.horizontal_fov, p.reticle, p.jpeg_quality))
        self._requests = ViewRequests()
        self._views = ViewPublisher(self)
        self._bad_goals = 0
        self._gaze = GazeTracker(self, p, self._serve)
        self._feed = PanoramaFeed(self, p, self._model, self._serve)
        self._asked = self.create_guard_condition(self._serve)
        self.create_subscription(PoseStamped, 'gaze_goal', self._on_gaze_goal, RELIABLE)
        self._preview = Preview(
            self, p, self._feed, self._gaze, self._views, self._mount, self._model)
        self._health = Health(self, self._describe)

    def _on_gaze_goal(self, goal: PoseStamped) -> None:
        try:
            asks = self._requests.goal(
                to_ns(goal.header.stamp), to_gaze(goal.pose.orientation))
        except ValueError:
            self._bad_goals += 1
            return
        if asks:  # served later: a panorama that came before this goal may still wait to be taken
            self._asked.trigger()

    def _serve(self) -> None:
        capture_ns = self._capture()
        if capture_ns is None or self._feed.newest is None or self._requests.current is None:
            return
        panorama = self._feed.panorama(self._feed.newest)
        if panorama is None:
            return
        goal = self._requests.current.gaze
        gaze = goal if self._p.gaze == 'virtual' else self._gaze.gaze_at(capture_ns, goal)
        history = self._gaze.history
        direction, roll = self._mount.in_panorama(
            gaze, history.body_at(capture_ns), history.neck_at(capture_ns))
        view = self._renderer.view(panorama, direction, roll=roll, model=self._model)
        stamp_ns = self._requests.serve(capture_ns)
        self._views.publish(replace(view, gaze=gaze, stamp_ns=stamp_ns))
        if self._views.raw_wanted:
            self._views.publish_raw(
                self._renderer.render(panorama, direction, roll, model=self._model), stamp_ns)

    def _capture(self) -> int | None:
        """Return the capture stamp of the view that is due now, None when none is."""
        request, frame = self._requests.open, self._feed.newest
        if request is None or frame is None:
            return None
        virtual = self._p.gaze == 'virtual'
        due = request.due_virtual() if virtual else self._due_settled()
        known_ns = request.stamp_ns if virtual else self._gaze.rest.until_ns
        if due is None:
            return None
        if self._p.still_panorama:
            return known_ns if known_ns >= due else None
        seen = virtual or frame.captured_ns <= known_ns
        return frame.captured_ns if frame.captured_ns >= due and seen else None

    def _due_settled(self) -> int | None:
        request, rest = self._requests.open, self._gaze.rest
        assert request is not None
        shown = self._gaze.gaze_at(rest.until_ns, request.gaze)
        return request.due_settled(rest, self._rule, shown)

    def _describe(self) -> Report:
        feed = self._feed
        values = {
            'panoramas received': feed.received, 'panoramas dropped': feed.dropped,
            'panoramas passed over undecoded': feed.passed_over,
            'panoramas decoded': feed.decoded, 'panoramas corrupt': feed.corrupt,
            'views published': self._views.published, 'goals refused': self._bad_goals,
            'measurements dropped': self._gaze.dropped, 'last error': feed.last_error}
        if feed.newest is None:
            return WARN, 'no panorama yet', values
        return OK, 'waiting for a goal' if self._requests.open is None else 'view due', values


def main() -> int:
    """Run the node."""
    return run_node(ViewRenderer)
