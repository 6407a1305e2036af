# SPDX-License-Identifier: Apache-2.0
"""The whole graph in one process, watched from outside while it plays an episode."""

from __future__ import annotations

from collections.abc import Callable
import json
from pathlib import Path

from evaluation_fixtures import write_scene
from flow_partner import Partner
import pytest
from std_msgs.msg import String

from hvs_ros.evaluation.run_files import read_records
from hvs_ros.ros.bringup import assemble
from hvs_ros.ros.conversions import to_ns
from hvs_ros.ros.graph import deployment_of
from hvs_ros.ros.qos import EVENTS, LATCHED

ITEM = {'task': 'Find the lamp', 'yaw': [201.5, 213.25], 'pitch': [-17.75, 15.5],
        'initial yaw': [30, 120], 'level': [1, 1]}
SECRETS = ('201.5', '213.25', '-17.75', '15.5')


class Onlooker(Partner):
    """Keep every String of the graph, and who publishes the view."""

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.texts: list[tuple[str, str]] = []
        self.viewers: dict[tuple[int, ...], str] = {}
        for topic, qos in (
                ('find_object', EVENTS), ('find_path', EVENTS), ('search_planner/turn', EVENTS),
                ('search_planner/result', LATCHED), ('benchmark_replay/progress', EVENTS),
                ('humanoid_controller/state', LATCHED)):
            self.create_subscription(
                String, topic, lambda text, topic=topic: self.texts.append((topic, text.data)),
                qos)
        self.create_timer(0.05, self._look_round)

    def _look_round(self) -> None:
        for topic in ('image/compressed', 'image', 'camera_info', 'gaze', 'preview/compressed'):
            for publisher in self.get_publishers_info_by_topic(f'view/{topic}'):
                # an endpoint is discovered a moment before the name of its node
                self.viewers[tuple(publisher.endpoint_gid)] = publisher.node_name


@pytest.fixture
def played(
        context: object, domain_id: int, spin: Callable, wait_until: Callable,
        tmp_path: Path) -> tuple[Onlooker, list[dict]]:
    """Play two episodes five times with the graph of ``hvs up replay``."""
    write_scene(tmp_path / 'data', 'room', [ITEM])
    onlooker = Onlooker(context=context)
    spin(onlooker)
    bringup = assemble(deployment_of('replay'), {
        'episodes': str(tmp_path / 'data'), 'out': str(tmp_path / 'run'), 'planner': 'sweep',
        'repeats': '5'},
        overrides=['view_renderer.width:=64', 'view_renderer.height:=36',
                   'benchmark_replay.width:=64', 'benchmark_replay.height:=36'])
    bringup._domain_id = domain_id
    try:
        bringup.start()
        wait_until(lambda: not bringup.poll(), 30)
    finally:
        bringup.stop()
    return onlooker, read_records(tmp_path / 'run')


def test_a_played_episode_keeps_the_contract(played: tuple[Onlooker, list[dict]]) -> None:
    onlooker, records = played
    assert [record['outcome'] for record in records] == ['failure'] * 10
    assert set(onlooker.viewers.values()) == {'view_renderer'}, 'nothing else publishes on view/*'
    told = ' '.join(text for _, text in onlooker.texts)
    assert onlooker.texts and not any(secret in told for secret in SECRETS), (
        'no target is published where a planner can read it')
    ids = {json.loads(text)['id'] for topic, text in onlooker.texts
           if topic.startswith('search_planner')}
    assert ids <= {record['id'] for record in records}
    views = [to_ns(part.header.stamp) for part in onlooker.views['gaze']]
    assert views == sorted(set(views))
    for stamp in onlooker.whole_views:
        assert stamp in onlooker.stamps, 'a still view is stamped as its goal is'
