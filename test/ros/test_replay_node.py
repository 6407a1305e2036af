# SPDX-License-Identifier: Apache-2.0
"""The replay's side of a search: the stage it sets, and what it makes of what it hears."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
import json
from pathlib import Path
import time
from typing import Any

from evaluation_fixtures import OBJECT_ITEMS, PATH_ITEMS, write_scene
from flow_partner import overrides
from geometry_msgs.msg import PoseWithCovarianceStamped
import pytest
from rclpy.node import Node
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import String
from std_srvs.srv import Trigger

from hvs_ros.core.messages import ResultLine, TurnLine
from hvs_ros.core.search import SHUT_DOWN
from hvs_ros.evaluation.run_files import read_records
from hvs_ros.nodes.benchmark_replay import BenchmarkReplay
from hvs_ros.ros.conversions import to_gaze
from hvs_ros.ros.qos import EVENTS, HISTORY, LATCHED, RELIABLE

ONE = [{'task': 'Find the door', 'yaw': [350.0, 20.0], 'pitch': [30.0, 50.0],
        'initial yaw': [0], 'level': [1]}]


class Searcher(Node):
    """Stand in for planner and renderer; ``reply`` says what to answer an instruction with."""

    def __init__(self, reply: Callable[[dict[str, Any]], Iterable[Any]], **options: Any) -> None:
        super().__init__('searcher', **options)
        self.reply = reply
        self.orders: list[tuple[str, dict[str, Any]]] = []
        self.panoramas: list[bytes] = []
        self.poses: list[PoseWithCovarianceStamped] = []
        self.order_of_things: list[str] = []
        self._turn = self.create_publisher(String, 'search_planner/turn', HISTORY)
        self.result = self.create_publisher(String, 'search_planner/result', LATCHED)
        self.create_subscription(
            CompressedImage, 'equirectangular/image/compressed', self._on_panorama, RELIABLE)
        self.create_subscription(
            PoseWithCovarianceStamped, 'initialpose', self.poses.append, EVENTS)
        for kind in ('object', 'path'):
            self.create_subscription(
                String, f'find_{kind}', lambda order, kind=kind: self._on_find(kind, order),
                EVENTS)
        self.skip = self.create_client(Trigger, 'benchmark_replay/skip')

    def _on_panorama(self, message: CompressedImage) -> None:
        self.panoramas.append(bytes(message.data))

    def _on_find(self, kind: str, message: String) -> None:
        order = json.loads(message.data)
        new = not any(order == known for _, known in self.orders)
        self.orders.append((kind, order))
        if new:
            for line in self.reply(order):
                self.say(line)

    def say(self, line: TurnLine | ResultLine | str) -> None:
        publisher = self.result if isinstance(line, ResultLine) else self._turn
        publisher.publish(String(data=line if isinstance(line, str) else line.to_json()))


def turn(told: dict[str, Any], index: int = 0, **changes: Any) -> TurnLine:
    return TurnLine(**{
        'id': told['id'], 'index': index, 'reply': '<answer>rotate(1,0)</answer>', 'thought': '',
        'action': {'type': 'rotate', 'dyaw': 1, 'dpitch': 0}, 'valid': True, 'gaze_told': [0, 0],
        'gaze_measured': [0, 0], 'gaze_after': [index + 1, 0], 'view_stamp': index,
        'latency_s': 0.0, 'tokens': {}, 'order': told.get('order', ''), **changes})


def result(told: dict[str, Any], turns: int = 1, **changes: Any) -> ResultLine:
    return ResultLine(**{
        'id': told['id'], 'task': 'object', 'instruction': told['instruction'],
        'profile': 'published-2026', 'status': 'submitted', 'reason': '', 'answer': [110, 0],
        'gaze': [1, 0], 'turns': turns, 'order': told.get('order', ''), **changes})


@pytest.fixture
def play(context: object, spin: Callable, wait_until: Callable, tmp_path: Path) -> Callable:
    """Return a function that runs a dataset against a reply to its end."""
    def run(reply: Callable, items: list = ONE, searcher: Searcher | None = None,
            **parameters: Any) -> tuple[BenchmarkReplay, Searcher, list[dict[str, Any]]]:
        if not (tmp_path / 'data').exists():
            write_scene(tmp_path / 'data', 'room', items)
        if searcher is None:
            searcher = Searcher(reply, context=context)
            spin(searcher)
        node = BenchmarkReplay(context=context, parameter_overrides=overrides(**{
            'episodes': str(tmp_path / 'data'), 'out': str(tmp_path / 'run'),
            'planner': 'sweep', **parameters}))
        spin(node)
        wait_until(lambda: node.done, 15)
        return node, searcher, read_records(tmp_path / 'run')
    return run


def test_the_stage_is_the_files_own_bytes_the_start_and_no_target(
        play: Callable, tmp_path: Path) -> None:
    _, searcher, records = play(lambda order: [turn(order), result(order)], PATH_ITEMS[1:])
    assert [record['outcome'] for record in records] == ['failure', 'failure']
    assert set(searcher.panoramas) == {(tmp_path / 'data/room/pano_0.jpg').read_bytes()}
    first = next(order for kind, order in searcher.orders if kind == 'path')
    assert set(first) == {'instruction', 'id', 'seed', 'start', 'order'}
    assert first['instruction'] == 'Go upstairs' and first['start'] == [12.5, 0]
    gaze = to_gaze(searcher.poses[0].pose.pose.orientation)
    assert gaze.yaw == pytest.approx(-0.2181661565)
    assert len({order['order'] for _, order in searcher.orders}) == 2


@pytest.mark.parametrize(('reply', 'turns'), [
    (lambda o: [turn(o), turn(o, 1), result(o, 2)], 2),
    (lambda o: [turn(o), turn(o), turn(o, 1), turn(o), result(o, 2), result(o, 2)], 2),
    (lambda o: [result(o, 2), turn(o, 1), turn(o)], 2),
    (lambda o: [turn({**o, 'id': 'other'}), turn(o), result({**o, 'id': 'other'}), result(o)], 1),
    (lambda o: ['', '{', '[]', '{"id": 5}', turn(o).to_json()[:-9], turn(o), result(o)], 1),
    (lambda o: [turn(o), turn(o, 1), turn(o, view_stamp=9), result(o, 1)], 1),
    (lambda o: [turn(o), result(o, status='cancelled', reason=SHUT_DOWN), result(o)], 1),
    (lambda o: [turn(o, order=''), result(o, order='')], 1),
], ids=['plain', 'doubled', 'out of order', 'of others', 'malformed', 'begun anew',
        'a planner that left and came back', 'a planner that knows no orders'])
def test_an_episode_is_recorded_from_whatever_comes(
        play: Callable, reply: Callable, turns: int) -> None:
    _, _, records = play(reply)
    assert [(record['outcome'], len(record['turns'])) for record in records] == [
        ('failure', turns)]


@pytest.mark.parametrize('when', ['before', 'during'])
def test_a_result_of_an_earlier_run_that_is_still_latched_counts_for_nothing(
        play: Callable, context: object, spin: Callable, when: str) -> None:
    stale = result({'id': 'hos/room/0/0', 'instruction': 'Find the door', 'order': 'an earlier'},
                   0, status='error', reason='stale', answer=None)

    def reply(order: dict[str, Any]) -> Iterator[Any]:
        if when == 'during':
            yield stale
            time.sleep(0.1)  # a topic of depth 1: the next result must not push this one out
        yield from (turn(order), result(order))

    searcher = Searcher(reply, context=context)
    searcher.say(stale)
    spin(searcher)
    _, _, records = play(None, searcher=searcher)
    assert records[0]['id'] == stale.id, 'or it proves nothing'
    assert (records[0]['outcome'], len(records[0]['turns'])) == ('failure', 1)


@pytest.mark.parametrize(('reply', 'outcome', 'reason'), [
    (lambda o: [turn(o)], 'error', 'silent for 1 s'),
    (lambda o: [], 'error', 'silent for 1 s'),
    (lambda o: [turn(o), result(o, 3)], 'error', '1 of 3 turns arrived'),
    (lambda o: [turn(o), result(o, status='error', answer=None, reason='no view')], 'error',
     'no view'),
    (lambda o: [turn(o), result(o, status='truncated', answer=None)], 'truncated', ''),
    (lambda o: [turn(o), result(o, status='cancelled', answer=None, reason='by request')],
     'cancelled', 'by request'),
    (lambda o: [turn(o), result(o, status='not_found', answer=None)], 'not_found', ''),
])
def test_every_episode_ends_with_a_named_outcome(
        play: Callable, reply: Callable, outcome: str, reason: str) -> None:
    timeout = 5.0 if 'turns arrived' in reason else 1.0
    _, _, records = play(reply, result_timeout=timeout)
    assert records[0]['outcome'] == outcome and reason in records[0]['reason']


def test_repeats_of_one_episode_do_not_mix(play: Callable, context: object, spin: Callable,
                                          wait_until: Callable) -> None:
    """The words of the first repeat come when the second is under way."""
    late: list[Any] = []

    def reply(order: dict[str, Any]) -> list[Any]:
        if not late:
            late.append(order)
            return [result(order, 0, status='cancelled', answer=None, reason='x')]
        return [result(late[0], 0, status='replaced', answer=None), turn(order), result(order)]

    _, _, records = play(reply, repeats=2)
    assert [record['outcome'] for record in records] == ['cancelled', 'failure']


def test_skip_ends_the_episode_and_the_run_goes_on(
        play: Callable, context: object, spin: Callable, wait_until: Callable) -> None:
    def reply(order: dict[str, Any]) -> list[Any]:
        if order['id'].endswith('/0'):
            searcher.skip.call_async(Trigger.Request())
            return []
        return [turn(order), result(order)]

    searcher = Searcher(reply, context=context)
    spin(searcher)
    _, _, records = play(reply, OBJECT_ITEMS[:1], searcher)
    assert [record['outcome'] for record in records].count('error') == 1
    assert len(records) == 4
    skipped = next(record for record in records if record['outcome'] == 'error')
    assert skipped['reason'] == 'skipped by request' and skipped['id'].endswith('/0')


def test_a_missing_planner_is_named_in_a_sentence(
        context: object, spin: Callable, wait_until: Callable, tmp_path: Path) -> None:
    write_scene(tmp_path / 'data', 'room', ONE)
    node = BenchmarkReplay(context=context, parameter_overrides=overrides(
        episodes=str(tmp_path / 'data'), out=str(tmp_path / 'run'), planner_timeout=1.0))
    spin(node)
    wait_until(lambda: node.done, 10)
    assert node.failure == 'no search planner has joined within 1 s'
    assert read_records(tmp_path / 'run') == []


def test_a_planner_may_join_late(
        context: object, spin: Callable, wait_until: Callable, tmp_path: Path) -> None:
    write_scene(tmp_path / 'data', 'room', ONE)
    node = BenchmarkReplay(context=context, parameter_overrides=overrides(
        episodes=str(tmp_path / 'data'), out=str(tmp_path / 'run')))
    spin(node)
    time.sleep(0.5)
    spin(Searcher(lambda order: [turn(order), result(order)], context=context))
    wait_until(lambda: node.done, 10)
    assert [record['outcome'] for record in read_records(tmp_path / 'run')] == ['failure']


def test_an_instruction_that_fell_on_deaf_ears_is_given_again(
        play: Callable, context: object, spin: Callable) -> None:
    class Forgetful(Searcher):
        def _on_find(self, kind: str, message: String) -> None:
            self.orders.append((kind, json.loads(message.data)))
            if len(self.orders) == 2:
                for line in (turn(self.orders[1][1]), result(self.orders[1][1])):
                    self.say(line)

    searcher = Forgetful(lambda order: [], context=context)
    spin(searcher)
    _, _, records = play(None, searcher=searcher)
    assert records[0]['outcome'] == 'failure'
    assert searcher.orders[0] == searcher.orders[1], 'the same giving, told again'


def test_panoramas_that_vanish_are_outcomes_of_their_own_and_stop_nothing(
        play: Callable, tmp_path: Path) -> None:
    def reply(order: dict[str, Any]) -> list[Any]:
        for place in range(7):
            (tmp_path / f'data/later_{place}/pano_0.jpg').unlink(missing_ok=True)
        return [turn(order), result(order)]

    for scene in ('early', *(f'later_{place}' for place in range(7)), 'whole'):
        write_scene(tmp_path / 'data', scene, ONE)
    node, _, records = play(reply)
    assert not node.failure, 'a dataset that is broken is no dead planner'
    assert [record['outcome'] for record in records] == ['failure', *['error'] * 7, 'failure']
    assert 'later_0/pano_0.jpg' in records[1]['reason']


def test_five_errors_in_a_row_stop_the_run_with_a_sentence(play: Callable) -> None:
    node, _, records = play(
        lambda o: [result(o, 0, status='error', answer=None, reason='no server')],
        OBJECT_ITEMS + PATH_ITEMS)
    assert 'stopped after 5 errors in a row, the last: no server' in node.failure
    assert [record['outcome'] for record in records] == ['error'] * 5
