# SPDX-License-Identifier: Apache-2.0
"""The whole graph with a simulated body and a model server that has one fault at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
import math
import time
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from fault_server import FAULTS, Fault, FaultServer
from flow_partner import Partner
from geometry_msgs.msg import TwistStamped
from nav_msgs.msg import Odometry
import numpy as np
import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.parameter import Parameter
from rclpy.signals import SignalHandlerOptions
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger
from trajectory_msgs.msg import JointTrajectory

from hvs_ros.core.messages import ResultLine
from hvs_ros.core.search import Task
from hvs_ros.nodes.search_planner import SearchPlanner
from hvs_ros.planners.asking import Waits
from hvs_ros.planners.registry import PlannerContext, make_planner
from hvs_ros.ros.bringup import Composed
from hvs_ros.ros.conversions import to_gaze
from hvs_ros.ros.graph import deployment_of, graph, parameter_files, read_overrides
from hvs_ros.ros.motion_parameters import HumanoidControllerParameters
from hvs_ros.ros.qos import RELIABLE

ROBOT = {'stream': True, 'early_stop': True, 'structured_output': True, 'reask': True}
"""What config/robot.yaml turns on."""
MOST_TURNS = 3
STILL = 1e-6


@dataclass
class Seen:
    """Hold what one search came to while the fault lasted, and after it had passed."""

    outcome: str = ''
    reason: str = ''
    turns: int = 0
    took_s: float = 0.0
    neck_rad: float = 0.0
    body_rad: float = 0.0
    inside_limits: bool = True
    goals_after_trouble: int = 0
    told: list[str] = field(default_factory=list)
    recovered_by: str = ''
    recovery_s: float = math.nan
    crashed: str = ''


class PlannerOfTheDay:
    """Begin every search with whichever planner is inside at the time."""

    name, answer_format, notice = 'fault', 'free_think', ''

    def __init__(self) -> None:
        self.inner: Any = None

    def begin(self, task: Task) -> Any:
        return self.inner.begin(task)

    def describe(self) -> dict[str, str]:
        return self.inner.describe() if self.inner is not None else {}


class Composition(Composed):
    """Compose the graph with a search planner that is handed in."""

    planner: PlannerOfTheDay

    def _make(self, entry: Any) -> Any:
        if entry.name != 'search_planner':
            return super()._make(entry)
        words = [word for file in self._files for word in ('--params-file', file)]
        return SearchPlanner(
            self.planner, context=self._context, use_global_arguments=False,
            cli_args=['--ros-args', *words], parameter_overrides=[
                Parameter(key, value=value) for key, value in entry.parameters.items()])


class Watcher(Partner):
    """Hear the body, its commands and the diagnostics, too."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.limits = HumanoidControllerParameters()
        self.neck: list[tuple[float, float]] = []
        self.body: list[float] = []
        self.breaches: list[str] = []
        self.commands = 0
        self.troubles: list[tuple[float, str]] = []
        self.create_subscription(JointState, 'joint_states', self._on_joints, 10)
        self.create_subscription(Odometry, 'odom', self._on_odom, 10)
        self.create_subscription(TwistStamped, 'cmd_vel', self._on_velocity, RELIABLE)
        self.create_subscription(
            JointTrajectory, 'head_controller/joint_trajectory', self._on_points, RELIABLE)
        self.create_subscription(DiagnosticArray, '/diagnostics', self._on_diagnostics, 50)

    def forget(self) -> None:
        for kept in (self.goals, self.headings, self.turns, self.results, self.neck, self.body,
                     self.breaches, self.troubles):
            kept.clear()

    @property
    def travel(self) -> tuple[float, float]:
        """Return by how much neck and body have turned, in rad."""
        neck = max((max(side) - min(side) for side in zip(*self.neck, strict=True)), default=0.0)
        turned = np.unwrap(self.body) if self.body else np.zeros(1)
        return neck, float(turned.max() - turned.min())

    def _on_joints(self, state: JointState) -> None:
        self.neck.append((state.position[0], state.position[1]))
        self._check_neck('joint', *state.position[:2])

    def _on_odom(self, odom: Odometry) -> None:
        self.body.append(to_gaze(odom.pose.pose.orientation).yaw)

    def _on_velocity(self, command: TwistStamped) -> None:
        linear, angular = command.twist.linear, command.twist.angular
        self.commands += bool(linear.x or angular.z)
        if abs(linear.x) > self.limits.max_linear or linear.y or (
                abs(angular.z) > self.limits.max_angular + STILL):
            self.breaches.append(f'cmd_vel {linear.x} {angular.z}')

    def _on_points(self, trajectory: JointTrajectory) -> None:
        for point in trajectory.points:
            self._check_neck('command', *point.positions)

    def _check_neck(self, what: str, yaw: float, pitch: float) -> None:
        for value, (low, high) in (
                (yaw, self.limits.yaw_limits), (pitch, self.limits.pitch_limits)):
            if not low - 1e-3 <= value <= high + 1e-3:
                self.breaches.append(f'{what} {yaw} {pitch}')

    def _on_diagnostics(self, array: DiagnosticArray) -> None:
        self.troubles += [
            (time.monotonic(), status.message) for status in array.status
            if status.name == 'search_planner' and status.level != b'\x00']


class FaultGraph:
    """Play faults to a running graph and say what came of each."""

    def __init__(
            self, server: FaultServer, watcher: Watcher, planner: PlannerOfTheDay,
            bringup: Composition, give_up_after: float, waits: Waits) -> None:
        self.server, self.watcher, self._planner = server, watcher, planner
        self._bringup, self._give_up_after, self._waits = bringup, give_up_after, waits
        self._searches = 0

    def play(self, fault: Fault) -> Seen:
        """
        Let the fault last for one search, then pass in the middle of another.

        The body rests with a level head before and after: the searches in which the fault passes
        submit where they stand.
        """
        seen = Seen()
        self._use(fault)
        self._lasting(fault, seen)
        if fault.valid:
            self.rest()
        else:
            self._passing(fault, seen)
        self._bringup.poll()  # raises when a node broke
        return seen

    def _lasting(self, fault: Fault, seen: Seen) -> None:
        watcher = self.watcher
        self.server.begin(fault.name)
        begun = self._find()
        self.wait(lambda: watcher.results, self._give_up_after + 20)
        result = watcher.results[0]
        seen.outcome, seen.reason, seen.turns = result.status, result.reason, result.turns
        seen.took_s = time.monotonic() - begun
        time.sleep(0.2)  # what was on its way
        if fault.valid:
            self._until_idle()
        seen.neck_rad, seen.body_rad = watcher.travel
        seen.inside_limits = not watcher.breaches
        seen.told = [message for _, message in watcher.troubles]
        if watcher.troubles:
            since = watcher.troubles[0][0] + 0.25
            seen.goals_after_trouble = sum(at > since for at, _ in watcher.goals)

    def _passing(self, fault: Fault, seen: Seen) -> None:
        watcher = self.watcher
        self.server.begin(fault.name)
        self._find()
        self.wait(lambda: watcher.results or (not fault.refused and (
            watcher.troubles or watcher.turns)), 20)
        answered = len(watcher.turns)
        self.server.reply_of = lambda request: '<think>ok</think><answer>submit(0,0)</answer>'
        self._use(None if fault.url != Fault.url else fault, only_new=True)
        self.server.begin('')
        passed = time.monotonic()
        if not watcher.results:
            self.wait(lambda: watcher.results or len(watcher.turns) > answered, 20)
            self.wait(lambda: watcher.results, 20)
        seen.recovered_by = 'the same search'
        if watcher.results[0].status != 'submitted':
            seen.recovered_by = 'the next search'
            passed = self._find()
            self.wait(lambda: watcher.results, 20)
        seen.recovery_s = time.monotonic() - passed
        if watcher.results[0].status != 'submitted':
            seen.crashed = f'did not recover: {watcher.results[0].reason}'
        self.server.reply_of = None

    def where(self, fault: Fault) -> str:
        """Return the URL that searches ask at under the fault."""
        return fault.url.format(port=self.server.port)

    @staticmethod
    def another_url(fault: Fault) -> bool:
        """Return whether the fault is in the URL, which a search under way keeps."""
        return fault.url != Fault.url

    def cancel_during(self, name: str) -> ResultLine:
        """Cancel a search while the fault has its model away."""
        self._use(None)
        self.server.closed_by_client.clear()
        self.server.arrived.clear()
        self.server.begin(name)
        self._find()
        self.wait(self.server.arrived.is_set, 10)
        self.watcher.cancel.call_async(Trigger.Request())
        self.wait(lambda: self.watcher.results, 10)
        return self.watcher.results[0]

    def replace_during(self, name: str) -> list[str]:
        """Replace a search while the fault has its model away; the fault passes then."""
        self._use(None)
        self.server.begin(name)
        self._find()
        self.wait(lambda: self.watcher.troubles, 10)
        self.server.reply_of = lambda request: '<think>ok</think><answer>submit(0,0)</answer>'
        self.server.begin('')
        self.watcher.find('the lamp', id='another')
        self.wait(lambda: len(self.watcher.results) == 2, 10)
        self.server.reply_of = None
        return [result.status for result in self.watcher.results]

    def rest(self) -> None:
        """Let the body come to rest with a level head, looking ahead."""
        self.server.begin('')
        self._use(None)
        self.server.reply_of = lambda request: '<think>ok</think><answer>submit(0,0)</answer>'
        for _ in range(2):  # the first levels the head, the second finds it level
            self._find()
            self.wait(lambda: self.watcher.results, 20)
            self._until_idle()
            if max(map(abs, self.watcher.neck[-1])) < 0.01:
                break
        self.server.reply_of = None

    def _use(self, fault: Fault | None, only_new: bool = False) -> None:
        """Have searches that begin from now on ask at the fault's URL."""
        if fault is not None and only_new:
            return
        url = (fault or Fault('', '')).url.format(port=self.server.port)
        self._planner.inner = make_planner(
            f'openai:{self.server.model}@{url}', context=PlannerContext(
                give_up_after=self._give_up_after, profile='strict', wishes=ROBOT,
                waits=self._waits))

    def _find(self) -> float:
        self.watcher.forget()
        self._searches += 1
        self.watcher.find('the lamp', id=f'search {self._searches}')
        return time.monotonic()

    def _until_idle(self) -> None:
        """Wait until nothing has moved for a while."""
        still_since, last = time.monotonic(), None
        deadline = still_since + 20
        while time.monotonic() - still_since < 0.4 and time.monotonic() < deadline:
            now = (self.watcher.neck[-1:], self.watcher.body[-1:])
            if now != last:
                still_since, last = time.monotonic(), now
            time.sleep(0.02)

    def wait(self, condition: Callable[[], object], timeout_s: float) -> None:
        deadline = time.monotonic() + timeout_s
        while not condition():
            self._bringup.poll()
            assert time.monotonic() < deadline, f'nothing within {timeout_s:g} s'
            time.sleep(0.005)


@contextmanager
def running(
        domain_id: int, give_up_after: float, first_token_s: float) -> Iterator[FaultGraph]:
    """Run the simulation deployment, in one process, beside a fault server."""
    import threading
    deployment = deployment_of('simulation')
    given = {'max_turns': str(MOST_TURNS), 'speed_factor': '4'}
    entries = graph(deployment, given, read_overrides([
        'view_renderer.width:=64', 'view_renderer.height:=36',
        'search_planner.view_timeout:=30.0']))
    bringup = Composition(entries, parameter_files(deployment, given), '', domain_id, 'fatal')
    planner = bringup.planner = PlannerOfTheDay()
    server = FaultServer()
    server.honours = 'structured_outputs'
    context = Context()
    rclpy.init(args=[], context=context, domain_id=domain_id,
               signal_handler_options=SignalHandlerOptions.NO)
    watcher = Watcher(context=context)
    executor = SingleThreadedExecutor(context=context)
    executor.add_node(watcher)
    leaving = threading.Event()

    def spin() -> None:
        while not leaving.is_set():
            executor.spin_once(timeout_sec=0.05)

    spinning = threading.Thread(target=spin, daemon=True)
    try:
        bringup.start()
        spinning.start()
        play = FaultGraph(
            server, watcher, planner, bringup, give_up_after,
            Waits(connect=0.5, first_token=first_token_s, reply=2 * first_token_s))
        play.wait(lambda: watcher.body and watcher.neck, 20)
        play.rest()
        yield play
    finally:
        server.stop()
        bringup.stop()
        leaving.set()
        spinning.join(2)
        executor.shutdown(timeout_sec=0.5)
        watcher.destroy_node()
        context.shutdown()


__all__ = ['FAULTS', 'STILL', 'FaultGraph', 'Seen', 'running']
