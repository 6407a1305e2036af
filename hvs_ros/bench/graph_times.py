# SPDX-License-Identifier: Apache-2.0
"""How long the live graph takes from a gaze goal, or a capture, to the view at the planner."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
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

from hvs_ros.bench.measured import BenchError, Measured, median_of
from hvs_ros.bench.pictures import panorama_file, with_comment
from hvs_ros.bench.scale import Scale, gazes
from hvs_ros.core.gaze import Gaze
from hvs_ros.core.share import share_path
from hvs_ros.core.view import View
from hvs_ros.ros.bringup import Composed, Isolated
from hvs_ros.ros.conversions import gaze_pose
from hvs_ros.ros.evaluate import private_domain
from hvs_ros.ros.goals import PERIOD_S
from hvs_ros.ros.graph import NodeEntry
from hvs_ros.ros.qos import RELIABLE
from hvs_ros.ros.view_subscription import ViewSubscription

STREAM_HZ = 10.0
_WARM_UP = 5
_JOIN_S = 30.0
_VIEW_S = 10.0


class TimingPlanner(Node):
    """
    Ask for views as a planner does and remember when each was whole.

    It takes the planner's place on the same topics: goals are republished at 10 Hz while they
    stand, and a view counts once image, camera info and gaze have come.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__('timing_planner', use_global_arguments=False, **options)
        self.view: View | None = None
        self._goal: PoseStamped | None = None
        self._stamp_ns = 0
        self._goals = self.create_publisher(PoseStamped, 'gaze_goal', RELIABLE)
        self._views = ViewSubscription(self, self._on_view)
        self.create_timer(PERIOD_S, self._republish)

    def ask(self, gaze: Gaze) -> None:
        """Let a new goal stand."""
        self.view = None
        self._stamp_ns = max(self.now_ns(), self._stamp_ns + 1)
        self._goal = gaze_pose(gaze, self._stamp_ns)
        self._goals.publish(self._goal)

    def now_ns(self) -> int:
        """Return the time that stamps are compared with."""
        return int(self.get_clock().now().nanoseconds)

    def _republish(self) -> None:
        if self._goal is not None and self.view is None:
            self._goals.publish(self._goal)

    def _on_view(self, view: View) -> None:
        if view.stamp_ns >= self._stamp_ns:
            self.view = view


def goal_to_view(folder: Path, scale: Scale, isolate: bool) -> Measured:
    """
    Return the median milliseconds from publishing a goal to having its whole view.

    The graph is that of a replay (simulator, controller, renderer), its panorama still and
    decoded before the first round that counts.
    """
    panorama = panorama_file(folder, *scale.size(3840))
    entries = [
        NodeEntry('humanoid_simulator'),
        NodeEntry('humanoid_controller', {'gaze': 'virtual'}),
        NodeEntry('panorama_camera', {
            'source': str(panorama), 'rate': 1.0, 'reliability': 'reliable'}),
        _renderer(scale, still_panorama=True, panorama_reliability='reliable')]
    with _running(entries, isolate) as (planner, wait):
        times_ms = []
        for _, gaze in zip(range(scale.turns + _WARM_UP), gazes(), strict=False):
            begin = time.perf_counter()
            planner.ask(gaze.to_gaze())
            wait()
            times_ms.append(1e3 * (time.perf_counter() - begin))
    return median_of(times_ms[_WARM_UP:])


def capture_to_view(folder: Path, scale: Scale) -> Measured:
    """
    Return the median milliseconds from a panorama's capture stamp to its whole view.

    The camera streams files of different bytes, so that every view needs a frame decoded.
    """
    jpeg = panorama_file(folder, *scale.size(3840)).read_bytes()
    stream = folder / 'stream'
    stream.mkdir(exist_ok=True)
    for number in range(5):
        (stream / f'{number}.jpg').write_bytes(with_comment(jpeg, f'frame {number}'))
    entries = [
        NodeEntry('panorama_camera', {'source': str(stream), 'rate': STREAM_HZ}),
        _renderer(scale, still_panorama=False)]
    with _running(entries, isolate=False) as (planner, wait):
        times_ms = []
        for _, gaze in zip(range(scale.turns // 2 + _WARM_UP), gazes(), strict=False):
            planner.ask(gaze.to_gaze())
            captured_ns = wait().stamp_ns
            times_ms.append(1e-6 * (planner.now_ns() - captured_ns))
    return median_of(times_ms[_WARM_UP:])


def _renderer(scale: Scale, **parameters: Any) -> NodeEntry:
    view = scale.view
    return NodeEntry('view_renderer', {
        'gaze': 'virtual', 'width': view.width, 'height': view.height, **parameters})


@contextmanager
def _running(
        entries: list[NodeEntry], isolate: bool
) -> Iterator[tuple[TimingPlanner, Callable[[], View]]]:
    """Run the nodes beside a planner; give it and what waits for its view."""
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    namespace, domain_id = f'hvs_bench_{os.getpid()}', private_domain()
    kind = Isolated if isolate else Composed
    graph = kind(
        entries, [str(share_path('config/replay.yaml'))], namespace, domain_id,
        log_level='error')
    context = Context()
    rclpy.init(
        args=[], context=context, domain_id=domain_id,
        signal_handler_options=SignalHandlerOptions.NO)
    planner = TimingPlanner(context=context, namespace=namespace)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(planner)

    def wait(timeout_s: float = _VIEW_S) -> View:
        deadline = time.monotonic() + timeout_s
        while planner.view is None:
            executor.spin_once(timeout_sec=0.1)
            if time.monotonic() > deadline:
                raise BenchError(f'no view came within {timeout_s:g} s')
            if planner.view is None and not graph.poll():
                raise BenchError('the graph ended before its views had come')
        return planner.view

    try:
        graph.start()
        planner.ask(Gaze(0.0, 0.0))
        wait(_JOIN_S)
        yield planner, wait
    finally:
        graph.stop()
        executor.remove_node(planner)
        planner.destroy_node()
        executor.shutdown(timeout_sec=0.5)
        context.shutdown()
