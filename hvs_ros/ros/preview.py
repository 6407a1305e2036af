# SPDX-License-Identifier: Apache-2.0
"""The stream for people: what the humanoid sees now, small, which no planner reads."""

from __future__ import annotations

from dataclasses import replace

from rclpy.node import Node

from hvs_ros.core.camera_models import CameraModel
from hvs_ros.core.gaze import Gaze
from hvs_ros.core.mounts import PanoramaMount
from hvs_ros.core.renderer import Renderer, ViewSpec
from hvs_ros.ros.gaze_tracker import GazeTracker
from hvs_ros.ros.node_parameters import ViewRendererParameters
from hvs_ros.ros.panorama_feed import PanoramaFeed
from hvs_ros.ros.view_publisher import ViewPublisher


class Preview:
    """Render the present gaze at ``preview_rate`` while someone watches."""

    def __init__(
            self, node: Node, parameters: ViewRendererParameters, feed: PanoramaFeed,
            tracker: GazeTracker, views: ViewPublisher, mount: PanoramaMount,
            model: CameraModel | None = None) -> None:
        """Start the timer when the rate is above zero."""
        self._node, self._feed, self._gaze = node, feed, tracker
        self._views, self._mount, self._model = views, mount, model
        if parameters.preview_rate <= 0.0:
            return
        width = parameters.preview_width
        height = max(16, round(width * parameters.height / parameters.width))
        self._renderer = Renderer(ViewSpec(
            width, height, parameters.horizontal_fov, reticle=False, jpeg_quality=70))
        node.create_timer(1.0 / parameters.preview_rate, self._on_timer)

    def _on_timer(self) -> None:
        frame, known_ns = self._feed.newest, self._gaze.history.known_until_ns
        if frame is None or not self._views.preview_wanted:
            return
        panorama = self._feed.panorama(frame)
        if panorama is None:
            return
        now_ns = known_ns or 0
        gaze = self._gaze.gaze_at(now_ns, Gaze(0.0, 0.0))
        direction, roll = self._mount.in_panorama(
            gaze, self._gaze.history.body_at(now_ns), self._gaze.history.neck_at(now_ns))
        view = self._renderer.view(panorama, direction, roll=roll, model=self._model)
        stamp_ns = self._node.get_clock().now().nanoseconds
        self._views.publish_preview(replace(view, gaze=gaze, stamp_ns=stamp_ns))
