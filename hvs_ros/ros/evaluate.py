# SPDX-License-Identifier: Apache-2.0
"""The graph driver of an evaluation: a live graph plays what a run folder still lacks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
import json
import math
from multiprocessing import parent_process
import os
from pathlib import Path
import time
from typing import Any

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from std_msgs.msg import String

from hvs_ros.core.errors import HvsError
from hvs_ros.core.messages import MessageError, TurnLine
from hvs_ros.evaluation.config import EvalConfig
from hvs_ros.evaluation.records import read_manifest, read_records
from hvs_ros.ros.bringup import Composed, Isolated, SignalWatch
from hvs_ros.ros.graph import NodeEntry, deployment_of, graph, parameter_files
from hvs_ros.ros.node import leaving
from hvs_ros.ros.qos import HISTORY

OnTurn = Callable[[TurnLine], None]
OnRecord = Callable[[Mapping[str, Any]], None]
Key = tuple[str, int]
_LAST_WORDS_S = 0.1
_LEAVE_S = 10.0  # far more than stopping takes: only a middleware that hangs needs it
MOST_DOMAIN = 101
"""The highest domain whose ports no system gives away to others."""
LOG_LEVEL = 'fatal'
"""What goes wrong is in the records; log lines would only tear the progress bar apart."""


def private_domain(place: int = 0) -> int:
    """
    Return the domain of ``ROS_DOMAIN_ID``, or one that other graphs here hardly use.

    Of graphs started by one process each ``place`` has a domain of its own, from that one on.
    """
    given = os.environ.get('ROS_DOMAIN_ID', '')
    parent = parent_process()
    pid = os.getpid() if parent is None else parent.pid or 0
    first = int(given) if given.isdigit() else 1 + pid % 100
    return (first + place) % (MOST_DOMAIN + 1) if place else first


def run_graph(
        run: Path, on_record: OnRecord, on_turn: OnTurn | None = None, *,
        isolate: bool = False, gaze: str = 'virtual',
        extra: Mapping[str, Mapping[str, Any]] | None = None, place: int = 0) -> int:
    """
    Run what the folder still lacks through the replay deployment.

    ``isolate`` gives each node a process of its own, ``extra`` sets parameters by node, ``place``
    tells graphs apart that one process started. Return the number of the signal that ended it,
    or 0; raise ``HvsError`` when the graph gives up.
    """
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    config = EvalConfig.from_dict(read_manifest(run)['config'])
    deployment = deployment_of('replay')
    given = {'out': str(run), 'planner': config.planner, 'profile': config.profile, 'gaze': gaze,
             'max_turns': str(config.max_turns), 'seed': str(config.seed)}
    entries = [
        _configured(entry, config, (extra or {}).get(entry.name, {}))
        for entry in graph(deployment, given)]
    namespace, domain_id = f'hvs_{os.getpid()}', private_domain(place)
    kind = Isolated if isolate else Composed
    bringup = kind(
        entries, parameter_files(deployment, given), namespace, domain_id, LOG_LEVEL)
    with SignalWatch() as watch, _Observer(
            run, namespace, domain_id, on_record, on_turn) as observer:
        try:
            bringup.start()
            while not watch.number and bringup.poll():
                observer.listen(0.05)
        finally:
            with leaving(_LEAVE_S):
                bringup.stop()
            observer.catch_up()
    return watch.number


def _configured(entry: NodeEntry, config: EvalConfig, extra: Mapping[str, Any]) -> NodeEntry:
    """Return the entry with what the run's configuration says beyond the launch arguments."""
    view = config.view
    by_node: dict[str, dict[str, Any]] = {
        'view_renderer': {
            'width': view.width, 'height': view.height, 'reticle': view.reticle,
            'horizontal_fov': math.radians(view.horizontal_fov),
            'jpeg_quality': view.jpeg_quality},
        'search_planner': {
            'give_up_after': config.give_up_after, 'history_turns': config.history_turns,
            'prompts': config.prompts, 'episodes': config.episodes,
            'allow_remote_images': config.allow_remote_images, **_as_parameters(config)},
        'benchmark_replay': {'result_timeout': max(120.0, 3 * config.give_up_after)}}
    return NodeEntry(
        entry.name, {**entry.parameters, **by_node.get(entry.name, {}), **extra},
        entry.essential)


def _as_parameters(config: EvalConfig) -> dict[str, Any]:
    """Return how the model is asked, as parameters of the planner."""
    asking = {
        name: ('always' if value else 'never') if isinstance(value, bool) else value
        for name, value in config.asking.items()}
    return {**asking, **{f'{name}_timeout': float(s) for name, s in config.waits.items()}}


def _key(record: Mapping[str, Any]) -> Key:
    return record['id'], record['repeat']


class _Observer:
    """
    Hear turns and finished episodes from outside the graph, on the caller's thread.

    What was said before it listened, or as the graph left, is in the records: every record is
    told, and every turn of it before it.
    """

    def __init__(
            self, run: Path, namespace: str, domain_id: int, on_record: OnRecord,
            on_turn: OnTurn | None) -> None:
        self._run, self._on_record, self._on_turn = run, on_record, on_turn
        self._before = {_key(record): record['attempt'] for record in read_records(run)}
        self._told: set[Key] = set()
        self._heard: set[tuple[str, str, int]] = set()
        self._over: dict[str, str] = {}
        self._context = Context()
        rclpy.init(
            args=['--ros-args', '--log-level', LOG_LEVEL], context=self._context,
            domain_id=domain_id,
            signal_handler_options=SignalHandlerOptions.NO)
        self._node = Node(
            'eval_observer', context=self._context, namespace=namespace,
            use_global_arguments=False, start_parameter_services=False)
        self._node.create_subscription(
            String, 'benchmark_replay/progress', self._on_progress, HISTORY)
        if on_turn is not None:
            self._node.create_subscription(
                String, 'search_planner/turn', self._on_turn_message, HISTORY)
        self._executor = SingleThreadedExecutor(context=self._context)
        self._executor.add_node(self._node)

    def listen(self, seconds: float) -> None:
        """Take what has arrived, waiting for it up to ``seconds``."""
        self._executor.spin_once(timeout_sec=seconds)

    def catch_up(self) -> None:
        """Take what is still under way, then tell the records that nothing was heard of."""
        end = time.monotonic() + _LAST_WORDS_S
        while time.monotonic() < end:
            self.listen(_LAST_WORDS_S / 10)
        for record in read_records(self._run):
            new = record['attempt'] != self._before.get(_key(record))
            if new and _key(record) not in self._told:
                self._end(record)

    def __enter__(self) -> _Observer:
        return self

    def __exit__(self, *_: object) -> None:
        self._executor.remove_node(self._node)
        self._node.destroy_node()
        self._executor.shutdown(timeout_sec=0.5)
        self._context.shutdown()

    def _on_progress(self, message: String) -> None:
        progress = json.loads(message.data)
        self._told.add(_key(progress))
        self._end(progress)

    def _end(self, ended: Mapping[str, Any]) -> None:
        """Tell an episode's end, and before it the turns that nothing was heard of."""
        name = ended['id']
        order = next((order for known, order, _ in self._heard if known == name), '')
        self._over[name] = order
        if self._on_turn is not None:
            record = next(
                line for line in read_records(self._run) if _key(line) == _key(ended))
            for turn in record['turns']:
                if (name, order, turn['index']) not in self._heard:
                    self._on_turn(TurnLine.from_dict({**turn, 'id': name, 'view_stamp': 0}))
        self._heard = {key for key in self._heard if key[0] != name}
        self._on_record(ended)

    def _on_turn_message(self, message: String) -> None:
        assert self._on_turn is not None
        try:
            turn = TurnLine.from_json(message.data)
        except MessageError as error:
            raise HvsError(f'the graph sent a turn that is none: {error}') from error
        if self._over.get(turn.id) in ('', turn.order):
            return  # late: its episode's record has told it
        self._heard.add((turn.id, turn.order, turn.index))
        self._on_turn(turn)
