# SPDX-License-Identifier: Apache-2.0
"""How long the live planner takes from a model's reply to the gaze goal that follows from it."""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
import time
from typing import Any

from geometry_msgs.msg import PoseStamped
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import CameraInfo, CompressedImage
from std_msgs.msg import String

from hvs_ros.bench.measured import BenchError, Measured, median_of
from hvs_ros.bench.model_server import ModelServer
from hvs_ros.bench.pictures import panorama_file
from hvs_ros.bench.scale import Scale
from hvs_ros.core.gaze import Gaze
from hvs_ros.core.panorama import PanoramaCache, PanoramaFile
from hvs_ros.core.renderer import Renderer
from hvs_ros.core.share import share_path
from hvs_ros.core.view import View
from hvs_ros.ros.bringup import Isolated
from hvs_ros.ros.conversions import camera_info, compressed, gaze_pose, to_gaze, to_ns
from hvs_ros.ros.evaluate import private_domain
from hvs_ros.ros.graph import NodeEntry
from hvs_ros.ros.qos import EVENTS, RELIABLE

THINK_S = 0.05
_JOIN_S, _TURN_S = 30.0, 10.0
_WARM_UP = 5
_WORDS = '<think>Nothing here yet, so I go on looking.</think><answer>rotate(7,0)</answer>'


class TimingRenderer(Node):
    """Answer every new gaze goal with the same view at once, and note when the goal came."""

    def __init__(self, view: View, **options: Any) -> None:
        super().__init__('timing_renderer', use_global_arguments=False, **options)
        self.came_at: list[float] = []
        self._view, self._last_ns = view, 0
        self._images = self.create_publisher(CompressedImage, 'view/image/compressed', RELIABLE)
        self._infos = self.create_publisher(CameraInfo, 'view/camera_info', RELIABLE)
        self._gazes = self.create_publisher(PoseStamped, 'view/gaze', RELIABLE)
        self._orders = self.create_publisher(String, 'find_object', EVENTS)
        self.create_subscription(PoseStamped, 'gaze_goal', self._on_goal, EVENTS)

    @property
    def joined(self) -> bool:
        """Return whether the planner hears everything that is said here."""
        return all(publisher.get_subscription_count() for publisher in (
            self._images, self._infos, self._gazes, self._orders))

    def find(self) -> None:
        """Give the instruction."""
        self._orders.publish(String(data=json.dumps(
            {'instruction': 'the lamp', 'start': [0, 0]})))

    def _on_goal(self, goal: PoseStamped) -> None:
        now, stamp_ns = time.monotonic(), to_ns(goal.header.stamp)
        if stamp_ns <= self._last_ns:
            return  # the one that stands, again
        self._last_ns = stamp_ns
        self.came_at.append(now)
        gaze = to_gaze(goal.pose.orientation)
        self._gazes.publish(gaze_pose(gaze, stamp_ns))
        self._infos.publish(camera_info(self._view, stamp_ns, 'gaze'))
        self._images.publish(compressed(self._view.jpeg, 'jpeg', stamp_ns, 'gaze'))


def reply_to_goal(folder: Path, scale: Scale, streamed: bool) -> Measured:
    """
    Return the median milliseconds from a model's reply leaving its server to the next gaze goal.

    The planner's node has a process of its own; the server thinks 50 ms. A goal counts when it
    has arrived at another node, so that the trip through the middleware is in it.
    """
    file = PanoramaFile(panorama_file(folder, *scale.size(3840)))
    view = Renderer(scale.view).view(PanoramaCache().get(file), Gaze(0.0, 0.0))
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    namespace, domain_id = f'hvs_bench_{os.getpid()}', private_domain()
    with ModelServer(_WORDS, THINK_S) as server:
        graph = Isolated([NodeEntry('search_planner', {
            'planner': server.spec, 'profile': 'strict', 'max_turns': 100,
            'stream': 'always' if streamed else 'never'})], [
                str(share_path('config/replay.yaml'))], namespace, domain_id, log_level='error')
        context = Context()
        rclpy.init(args=[], context=context, domain_id=domain_id,
                   signal_handler_options=SignalHandlerOptions.NO)
        renderer = TimingRenderer(view, context=context, namespace=namespace)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(renderer)
        try:
            graph.start()
            _turns(renderer, server, executor, graph, scale.turns)
        finally:
            graph.stop()
            executor.remove_node(renderer)
            renderer.destroy_node()
            executor.shutdown(timeout_sec=0.5)
            context.shutdown()
    return median_of(_added_ms(server.left_at, renderer.came_at)[_WARM_UP:])


def _turns(
        renderer: TimingRenderer, server: ModelServer, executor: SingleThreadedExecutor,
        graph: Isolated, wanted: int) -> None:
    """Search again and again until there are enough turns."""
    deadline = time.monotonic() + _JOIN_S
    while not renderer.joined:
        executor.spin_once(timeout_sec=0.05)
        if time.monotonic() > deadline or not graph.poll():
            raise BenchError('the planner did not join')
    asked, at_s = -1, math.inf
    while len(server.left_at) < wanted + _WARM_UP:
        if asked != len(server.left_at):
            asked, at_s = len(server.left_at), time.monotonic()
            if asked % 100 == 0:  # the turn limit has ended the search, or none has begun
                renderer.find()
        executor.spin_once(timeout_sec=0.05)
        if time.monotonic() > at_s + _TURN_S or not graph.poll():
            raise BenchError(f'no turn within {_TURN_S:g} s')
    for _ in range(4):
        executor.spin_once(timeout_sec=0.05)


def _added_ms(left_at: list[float], came_at: list[float]) -> list[float]:
    """Return the time from each reply to the goal after it; a search's last has none."""
    added = []
    for left, following in zip(left_at, [*left_at[1:], math.inf], strict=True):
        came = [at for at in came_at if left <= at < following]
        if came and came[0] - left < THINK_S:
            added.append(1e3 * (came[0] - left))
    return added
