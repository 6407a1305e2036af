# SPDX-License-Identifier: Apache-2.0
"""ROS 2 node that plays benchmark episodes to the graph and writes down how they end."""

from __future__ import annotations

from dataclasses import asdict
import time
from typing import Any

from rclpy.clock import Clock
from rclpy.clock_type import ClockType
from rclpy.node import Node
from std_msgs.msg import String
from std_srvs.srv import Trigger

from hvs_ros.core.errors import InputError
from hvs_ros.core.messages import MessageError, ResultLine, TurnLine
from hvs_ros.evaluation.replay import ReplayRun, open_run
from hvs_ros.ros.conversions import to_json
from hvs_ros.ros.health import OK, Health, Report
from hvs_ros.ros.node import run_node
from hvs_ros.ros.node_parameters import BenchmarkReplayParameters
from hvs_ros.ros.parameters import declare
from hvs_ros.ros.qos import HISTORY, LATCHED
from hvs_ros.ros.stage import Stage


class BenchmarkReplay(Node):
    """
    Show one episode after another, listen for its turns and its result, record it.

    The one writer of the run's records. The executor's thread alone touches state. ``done`` and
    ``failure`` tell whoever spins the node that the run is over.
    """

    def __init__(self, **options: Any) -> None:
        """Declare parameters, then publishers, then everything that can call back."""
        super().__init__('benchmark_replay', **options)
        self.done, self.failure = False, ''
        self._p = declare(self, BenchmarkReplayParameters)
        self._run = ReplayRun(open_run(self._p), self._p.result_timeout)
        self._waiting_since = time.monotonic()
        self._stage = Stage(self)
        self._progress = self.create_publisher(String, '~/progress', HISTORY)
        self.create_service(Trigger, '~/skip', self._on_skip)
        self.create_subscription(String, 'search_planner/turn', self._on_turn, HISTORY)
        self.create_subscription(String, 'search_planner/result', self._on_result, LATCHED)
        steady = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(0.05, self._on_tick, clock=steady)
        self.create_timer(1.0, self._on_second, clock=steady)
        self._health = Health(self, self._describe)

    def _on_tick(self) -> None:
        if self.done:
            return
        if self._run.watch is None:
            self._begin_next()
            return
        self._stage.show_newcomers()
        reason = self._run.overdue(time.monotonic())
        if reason:
            self._conclude(reason=reason)

    def _begin_next(self) -> None:
        missing = self._stage.missing
        if not self._run.pending:
            self.done = True
        elif missing and time.monotonic() - self._waiting_since > self._p.planner_timeout:
            self.done, self.failure = True, (
                f'no {missing} has joined within {self._p.planner_timeout:g} s')
        elif not missing:
            episode, seed, order = self._run.begin(time.monotonic())
            try:
                self._stage.set(episode, seed, order)
            except InputError as error:
                self._conclude(reason=str(error), planner_failed=False)

    def _on_second(self) -> None:
        if self._run.watch is not None:
            self._stage.show()
            self._stage.tell()

    def _on_turn(self, message: String) -> None:
        self._hear(TurnLine, message)

    def _on_result(self, message: String) -> None:
        self._hear(ResultLine, message)

    def _hear(self, kind: type[TurnLine] | type[ResultLine], message: String) -> None:
        try:
            complete = self._run.hear(kind, message.data, time.monotonic())
        except MessageError as error:
            self.get_logger().warning(str(error))
            return
        if complete:
            self._conclude()
            self._on_tick()

    def _conclude(self, reason: str = '', planner_failed: bool = True) -> None:
        progress, self.failure = self._run.conclude(reason, planner_failed)
        self._progress.publish(to_json(asdict(progress)))
        self.get_logger().info(str(progress))
        self._waiting_since = time.monotonic()
        self.done = bool(self.failure) or not self._run.pending

    def _on_skip(self, _: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = self._run.watch is not None
        response.message = 'skipped' if response.success else 'no episode is running'
        if response.success:
            self._conclude(reason='skipped by request', planner_failed=False)
        return response

    def _describe(self) -> Report:
        return OK, 'running' if self._run.watch is not None else 'waiting', self._run.describe()

    def on_exit(self) -> None:
        """Let go of the run folder; every finished episode is in it already."""
        self._run.close()
        self.get_logger().info(f'hvs report {self._run.folder} makes tables and pictures of it')


def main() -> int:
    """Run the node."""
    return run_node(BenchmarkReplay)
