# SPDX-License-Identifier: Apache-2.0
"""Send one instruction to a running graph and follow what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
import time
from types import TracebackType
import uuid

import rclpy
from rclpy.client import Client
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import String
from std_srvs.srv import Trigger

from hvs_ros.core.errors import HvsError
from hvs_ros.core.instruction import Instruction
from hvs_ros.core.messages import MessageError, ResultLine, TurnLine
from hvs_ros.ros.conversions import from_json
from hvs_ros.ros.qos import EVENTS, HISTORY, LATCHED

OnTurn = Callable[[TurnLine], None]


class GraphSilentError(HvsError):
    """Say that no graph answers."""


class SearchClient:
    """
    Give instructions to a graph from outside and hear its turns and results.

    Used on one thread. ``wanted`` is asked several times a second and ends every wait when it
    returns false, so that Ctrl-C is heard at once.
    """

    def __init__(self, namespace: str = '', wanted: Callable[[], bool] = lambda: True) -> None:
        self._wanted = wanted
        self._context = Context()
        rclpy.init(args=[], context=self._context, signal_handler_options=SignalHandlerOptions.NO)
        self._node = Node(
            'hvs_client', context=self._context, namespace=namespace or None,
            use_global_arguments=False, start_parameter_services=False)
        self._finds = {
            kind: self._node.create_publisher(String, f'find_{kind}', EVENTS)
            for kind in ('object', 'path')}
        self._cancel: Client = self._node.create_client(Trigger, 'search_planner/cancel')
        self._id, self._on_turn = '', lambda line: None
        self._result: ResultLine | None = None
        self._controller: dict[str, object] = {}
        for topic, hear, qos in (
                ('search_planner/turn', self._hear_turn, HISTORY),
                ('search_planner/result', self._hear_result, LATCHED),
                ('humanoid_controller/state', self._hear_state, LATCHED)):
            self._node.create_subscription(String, topic, hear, qos)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)

    def search(
            self, kind: str, sentence: str, on_turn: OnTurn, *, join_timeout: float = 5.0,
            timeout: float = 600.0) -> ResultLine | None:
        """
        Return how the search ended, None when it was not ``wanted`` any more (then cancelled).

        Raise ``GraphSilentError`` when no search planner listens within ``join_timeout`` seconds
        or no result comes within ``timeout``.
        """
        find = self._finds[kind]
        if not self._until(lambda: find.get_subscription_count() > 0, join_timeout):
            if not self._wanted():
                return None
            raise GraphSilentError(
                f'no search planner listens to {find.topic_name}; start one with hvs up '
                'simulation, or check ROS_DOMAIN_ID and --namespace')
        self._id, self._on_turn, self._result = uuid.uuid4().hex, on_turn, None
        find.publish(String(data=Instruction(sentence, self._id).to_json()))
        if self._until(lambda: self._result is not None, timeout):
            return self._result
        self.cancel()
        if not self._wanted():
            return None
        raise GraphSilentError(f'no result within {timeout:g} s; the search was cancelled')

    def cancel(self) -> None:
        """Cancel the running search, waiting a second for the word that it is."""
        if self._cancel.service_is_ready():
            done = self._cancel.call_async(Trigger.Request())
            deadline = time.monotonic() + 1.0
            while not done.done() and time.monotonic() < deadline:
                self._executor.spin_once(timeout_sec=0.05)

    def wait_for_body(self, timeout: float = 60.0) -> str:
        """Return the controller's state once the body has done what the result asked."""
        self._until(
            lambda: self._controller.get('state') not in ('turning', 'walking')
            and bool(self._controller.get('reached')), timeout)
        return str(self._controller.get('state', 'unknown'))

    def _until(self, condition: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not condition():
            if not self._wanted() or time.monotonic() > deadline:
                return False
            self._executor.spin_once(timeout_sec=0.05)
        return True

    def _hear_turn(self, message: String) -> None:
        try:
            line = TurnLine.from_json(message.data)
        except MessageError:
            return  # not ours to judge: other publishers may share the topic
        if line.id == self._id:
            self._on_turn(line)

    def _hear_result(self, message: String) -> None:
        try:
            line = ResultLine.from_json(message.data)
        except MessageError:
            return
        if line.id == self._id:
            self._result = line

    def _hear_state(self, message: String) -> None:
        self._controller = from_json(message) or {}

    def __enter__(self) -> SearchClient:
        return self

    def __exit__(
            self, kind: type[BaseException] | None, error: BaseException | None,
            trace: TracebackType | None) -> None:
        self._executor.remove_node(self._node)
        self._node.destroy_node()
        self._executor.shutdown(timeout_sec=0.5)
        self._context.shutdown()
