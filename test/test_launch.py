# SPDX-License-Identifier: Apache-2.0
"""Launch files, `hvs up` and the one list of the graph agree; and real launches, with ros2."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from importlib import import_module
import json
import os
from pathlib import Path
import re
import shutil
import signal
import subprocess
import sys
import time
from typing import get_type_hints

import pytest

from hvs_ros.cli.main import main as hvs
from hvs_ros.core.errors import InputError
from hvs_ros.ros.graph import COMMON, DEPLOYMENTS, NODES, deployment_of, graph, parameter_files

REPOSITORY = Path(__file__).resolve().parents[1]
EPISODES = REPOSITORY / 'sim/episodes'
NAMES = sorted(DEPLOYMENTS)


def arguments(name: str):
    return (*DEPLOYMENTS[name].arguments, *COMMON)


def test_every_deployment_has_a_launch_file_and_no_other_has():
    files = {path.name.partition('.')[0] for path in (REPOSITORY / 'launch').glob('*.launch.py')}
    assert files == set(NAMES)


@pytest.mark.parametrize('name', NAMES)
def test_a_launch_file_holds_nothing_but_the_name_of_its_deployment(name):
    tree = ast.parse((REPOSITORY / f'launch/{name}.launch.py').read_text())
    statements = [
        node for node in tree.body if not isinstance(node, (ast.ImportFrom, ast.Expr))]
    assert [node.name for node in statements] == [  # type: ignore[attr-defined]
        'generate_launch_description']
    assert [ast.unparse(node) for node in statements[0].body] == [  # type: ignore[attr-defined]
        f"return describe('{name}')"]


@pytest.mark.parametrize('name', NAMES)
def test_hvs_up_lists_the_arguments_of_the_graph(name, capsys):
    assert hvs(['up', name, '--show-args']) == 0
    listed = re.findall(r'^  (\w+):=$', capsys.readouterr().out, re.MULTILINE)
    assert listed == [argument.name for argument in arguments(name)]


@pytest.mark.parametrize('name', NAMES)
def test_every_argument_sets_a_parameter_that_exists_with_its_type(name):
    pytest.importorskip('rclpy')
    modules = [
        import_module(f'hvs_ros.ros.{part}') for part in ('node_parameters', 'motion_parameters')]
    types = {'_flag': bool}
    nodes = {*DEPLOYMENTS[name].nodes, 'panorama_camera'}
    for argument in DEPLOYMENTS[name].arguments:
        if argument.sets:
            assert nodes & {target.partition('.')[0] for target in argument.sets}, argument.name
        for target in argument.sets:
            node, _, parameter = target.partition('.')
            kind = next(
                getattr(module, f'{NODES[node]}Parameters') for module in modules
                if hasattr(module, f'{NODES[node]}Parameters'))
            assert parameter in {field.name for field in fields(kind)}
            wanted = types.get(argument.kind.__name__, argument.kind)
            assert get_type_hints(kind)[parameter] is wanted, target


@pytest.mark.parametrize('out, episodes', [('', True), ('new', True), ('begun', False)])
def test_replay_plays_the_bundled_episodes_unless_a_run_is_taken_up(tmp_path, out, episodes):
    (tmp_path / 'begun').mkdir()
    (tmp_path / 'begun/run.json').write_text('{}')
    given = {'out': str(tmp_path / out)} if out else {}
    replay = {entry.name: entry for entry in graph(deployment_of('replay'), given)}
    assert ('episodes' in replay['benchmark_replay'].parameters) is episodes


@pytest.mark.parametrize('given, sentence', [
    ({'walk_distance': '1.0'}, r'walk_distance 1 .*needs a dead-man or an obstacle topic'),
    ({'gaze': 'sideways'}, r"gaze cannot be 'sideways'"),
    ({'max_turns': 'many'}, r"max_turns cannot be 'many'"),
    ({'speed': '1'}, r"robot has no argument 'speed'"),
])
def test_a_robot_is_not_started_with_arguments_that_cannot_be(given, sentence):
    with pytest.raises(InputError, match=sentence):
        graph(deployment_of('robot'), given)


@pytest.mark.parametrize('content, overrides, refused', [
    ('search_planner: {ros__parameters: {walk_distance: 1.5}}', {}, True),
    ('/**: {ros__parameters: {walk_distance: 1.5}}', {}, True),
    ('/a/search_planner: {ros__parameters: {walk_distance: 1}}', {}, True),
    ('{}', {'search_planner': {'walk_distance': 1.0}}, True),
    ('search_planner: {ros__parameters: {walk_distance: 0.0}}', {}, False),
    ('/**/search_planner: {ros__parameters: {walk_distance: 1.5}}\n'
     'humanoid_controller: {ros__parameters: {deadman: true}}', {}, False),
    ('humanoid_controller: {ros__parameters: {obstacle: true}}',
     {'search_planner': {'walk_distance': 1.0}}, False),
])
def test_a_robot_never_walks_blind_wherever_that_is_configured(
        tmp_path, content, overrides, refused):
    file = tmp_path / 'robot.yaml'
    file.write_text(content)
    given = {'params_file': str(file)}
    if not refused:
        assert graph(deployment_of('robot'), given, overrides)
        return
    with pytest.raises(InputError, match='needs a dead-man or an obstacle topic'):
        graph(deployment_of('robot'), given, overrides)


@pytest.mark.parametrize('content', ['- a', 'a: b', 'a: [', None])
def test_a_broken_parameter_file_is_named(tmp_path, content):
    file = tmp_path / 'robot.yaml'
    if content is not None:
        file.write_text(content)
    with pytest.raises(InputError, match=str(file)):
        graph(deployment_of('robot'), {'params_file': str(file)})


# What follows needs the launch packages, which pip does not have.

@pytest.mark.parametrize('name', NAMES)
def test_ros2_launch_is_offered_the_arguments_of_the_graph(name):
    pytest.importorskip('launch_ros', reason='the launch packages are not installed')
    from hvs_ros.ros.launch_description import describe
    offered = {
        argument.name: (
            ''.join(part.text for part in argument.default_value), tuple(argument.choices or ()))
        for argument in describe(name).get_launch_arguments()}
    assert offered == {
        argument.name: (argument.default, argument.choices) for argument in arguments(name)}


@pytest.mark.parametrize('name', NAMES)
def test_ros2_launch_starts_the_nodes_and_parameters_of_the_graph(name):
    pytest.importorskip('launch_ros', reason='the launch packages are not installed')
    from launch import LaunchContext
    from launch.actions import OpaqueFunction
    from launch_ros.utilities import evaluate_parameters

    from hvs_ros.ros.launch_description import describe
    given = {argument.name: argument.default for argument in arguments(name)} | {'seed': '3'}
    given = {key: value for key, value in given.items() if key in {
        argument.name for argument in arguments(name)}}
    context = LaunchContext()
    context.launch_configurations.update(given)
    opaque = next(
        entity for entity in describe(name).entities if isinstance(entity, OpaqueFunction))
    started = {}
    for node in opaque.execute(context) or []:
        *files, last = evaluate_parameters(context, node._Node__parameters)
        assert [str(file) for file in files] == parameter_files(deployment_of(name), given)
        started[node.node_executable] = dict(last)
    assert started == {
        entry.name: dict(entry.parameters) for entry in graph(deployment_of(name), given)}


class Launch:
    """Run `ros2 launch hvs_ros` in a session and a DDS domain of its own."""

    def __init__(self, name: str, *words: str) -> None:
        environment = {
            **os.environ, 'ROS_DOMAIN_ID': str(1 + os.getpid() % 100),
            'ROS_AUTOMATIC_DISCOVERY_RANGE': 'LOCALHOST'}
        self.process = subprocess.Popen(
            ['ros2', 'launch', 'hvs_ros', f'{name}.launch.py', *words], env=environment,
            start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.text = ''

    def read_until(self, pattern: str, times: int) -> None:
        """Read the output until the pattern has come so often; pytest's timeout ends the wait."""
        assert self.process.stdout is not None
        while len(re.findall(pattern, self.text)) < times:
            line = self.process.stdout.readline()
            assert line, self.text
            self.text += line

    def end(self) -> int:
        """Read the rest of the output and return the exit code."""
        self.text += self.process.communicate(timeout=60)[0]
        return self.process.returncode

    def left_over(self) -> list[str]:
        """Return the processes of the session that still live after up to two seconds."""
        for _ in range(20):
            listed = subprocess.run(
                ['ps', '-o', 'args=', '-s', str(self.process.pid)], capture_output=True,
                text=True).stdout.splitlines()
            alive = [line for line in listed if 'defunct' not in line]
            if not alive:
                return []
            time.sleep(0.1)
        return alive


@pytest.fixture
def launch() -> Iterator[type[Launch]]:
    if shutil.which('ros2') is None:
        pytest.skip('ros2 launch is not installed')
    found = subprocess.run(
        ['ros2', 'pkg', 'prefix', 'hvs_ros'], capture_output=True, text=True)
    if found.returncode:
        pytest.skip('hvs_ros is not in AMENT_PREFIX_PATH: install it, not editable')
    begun: list[Launch] = []

    class Kept(Launch):
        def __init__(self, *words: str) -> None:
            super().__init__(*words)
            begun.append(self)

    yield Kept
    for one in begun:
        with suppress(ProcessLookupError):
            os.killpg(one.process.pid, signal.SIGKILL)


@pytest.mark.ros
def test_replay_runs_to_its_end_and_leaves_records(launch, tmp_path):
    run = launch(
        'replay', f'episodes:={EPISODES}', f'out:={tmp_path / "run"}', 'planner:=oracle',
        'limit:=4')
    assert run.end() == 0, run.text
    lines = (tmp_path / 'run/episodes.jsonl').read_text().splitlines()
    assert [json.loads(line)['outcome'] for line in lines] == ['success'] * 4
    assert run.left_over() == []


@pytest.mark.ros
@pytest.mark.parametrize('name, words, sentence', [
    ('robot', ['walk_distance:=1.0'], 'needs a dead-man or an obstacle topic'),
    ('replay', ['episodes:=/nowhere', 'out:=runs/none'], '/nowhere: no such folder or zip'),
    ('simulation', ['planner:=nobody'], "'nobody'"),
])
def test_what_cannot_run_ends_with_a_sentence_and_an_error(launch, name, words, sentence):
    run = launch(name, *words)
    assert run.end() == 1
    assert sentence in run.text
    assert 'Traceback' not in run.text
    assert run.left_over() == []


@pytest.mark.ros
@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGKILL])
def test_no_process_outlives_the_launch(launch, number):
    run = launch('simulation', 'namespace:=alex')
    run.read_until(r'process started with pid', len(DEPLOYMENTS['simulation'].nodes))
    time.sleep(3)  # long enough for every node to be at work
    os.kill(run.process.pid, number)
    assert run.process.wait(timeout=20) == (0 if number == signal.SIGINT else -number)
    assert run.left_over() == []


@pytest.mark.ros
@pytest.mark.skipif(sys.platform != 'linux', reason='sessions are read from ps')
def test_a_search_is_started_by_hand_in_a_launched_simulation(launch):
    rclpy = pytest.importorskip('rclpy')
    from rclpy.context import Context
    from std_msgs.msg import String

    from hvs_ros.ros.qos import EVENTS, LATCHED
    run = launch('simulation', 'namespace:=alex', 'planner:=sweep', 'max_turns:=2')
    context = Context()
    rclpy.init(args=[], context=context, domain_id=1 + os.getpid() % 100)
    node = rclpy.create_node('person', namespace='alex', context=context)
    results: list[str] = []
    node.create_subscription(
        String, 'search_planner/result', lambda message: results.append(message.data), LATCHED)
    instruction = node.create_publisher(String, 'find_object', EVENTS)
    executor = rclpy.executors.SingleThreadedExecutor(context=context)
    executor.add_node(node)
    try:
        deadline, told = time.monotonic() + 90, False
        while not results and time.monotonic() < deadline:
            executor.spin_once(timeout_sec=0.1)
            if not told and instruction.get_subscription_count():
                instruction.publish(String(data='the red fire extinguisher'))
                told = True
        assert results, 'no result came'
        assert json.loads(results[0])['instruction'] == 'the red fire extinguisher'
    finally:
        executor.shutdown()
        context.shutdown()
        os.kill(run.process.pid, signal.SIGINT)
    run.process.wait(timeout=20)
    assert run.left_over() == []
