# SPDX-License-Identifier: Apache-2.0
"""What the README says about commands, parameters, nodes and topics is what the code does."""

from __future__ import annotations

from collections.abc import Iterator
import importlib.util
import os
from pathlib import Path
import re
import types

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
README = (REPOSITORY / 'README.md').read_text()
PLUMBING = ('/rosout', '/parameter_events', '/diagnostics')
# A listener that only some robots have is made where its parameter asks for it.
EVERYTHING = {
    'humanoid_controller': {
        'deadman': True, 'obstacle': True, 'emergency_stop': True, 'simulated': True},
    'panorama_camera': {'source': str(REPOSITORY / 'sim/episodes/hos/room_0000')},
    'benchmark_replay': {
        'episodes': str(REPOSITORY / 'sim/episodes'), 'planner': 'oracle'}}
Interface = dict[str, dict[str, str]]


@pytest.fixture(scope='module')
def make_tables() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(
        'make_tables', REPOSITORY / 'docs/make_tables.py')
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize('name', ['commands', 'arguments', 'parameters'])
def test_a_table_is_what_the_code_makes_of_it(make_tables, name):
    if name == 'parameters':
        pytest.importorskip('rclpy')
    assert f'<!-- table: {name} -->' in README
    assert make_tables.fill(README, [name]) == README, 'run: make tables'


def test_a_table_that_is_out_of_date_is_made_anew(make_tables):
    stale = README.replace('`hvs demo`', '`hvs dmeo`')
    assert make_tables.fill(stale) == README


@pytest.fixture(scope='module')
def live(tmp_path_factory) -> Iterator[dict[str, Interface]]:
    """Yield (kind of interface -> its name -> its type) of each real node."""
    rclpy = pytest.importorskip('rclpy')
    from importlib import import_module

    from rclpy.context import Context
    from rclpy.parameter import Parameter

    from hvs_ros.ros.graph import NODES
    context = Context()
    rclpy.init(args=[], context=context, domain_id=1 + os.getpid() % 100)
    found = {}
    try:
        for name, kind in NODES.items():
            given = dict(EVERYTHING.get(name, {}))
            if name == 'benchmark_replay':
                given['out'] = str(tmp_path_factory.mktemp('runs') / 'run')
            node = getattr(import_module(f'hvs_ros.nodes.{name}'), kind)(
                context=context, use_global_arguments=False, parameter_overrides=[
                    Parameter(key, value=value) for key, value in given.items()])
            found[name] = _interface(node)
            getattr(node, 'on_exit', lambda: None)()
            node.destroy_node()
        yield found
    finally:
        context.shutdown()


def _interface(node) -> Interface:
    asked = {
        'subscribes': node.get_subscriber_names_and_types_by_node,
        'publishes': node.get_publisher_names_and_types_by_node,
        'services': node.get_service_names_and_types_by_node}
    name = node.get_name()
    return {
        kind: {
            topic: types[0] for topic, types in ask(name, '/')
            if topic not in PLUMBING
            and not types[0].startswith(('rcl_interfaces', 'type_description_interfaces'))}
        for kind, ask in asked.items()}


def _rows(table: str) -> list[list[str]]:
    body = re.search(rf'<!-- checked: {table} -->\n(.*?)<!-- end -->', README, re.DOTALL)
    assert body is not None
    lines = body[1].strip().splitlines()[2:]
    return [[cell.strip() for cell in line.strip('|').split('|')] for line in lines]


def _names(cell: str, node: str = '') -> set[str]:
    words = re.findall(r'`([^`]+)`', cell)
    return {'/' + word.replace('~/', f'{node}/').lstrip('/') for word in words}


def test_every_node_has_the_topics_and_services_of_its_row(live):
    told = {
        row[0].strip('`'): dict(zip(
            ('subscribes', 'publishes', 'services'),
            (_names(cell, row[0].strip('`')) for cell in row[1:]), strict=True))
        for row in _rows('nodes')}
    real = {
        node: {kind: set(names) for kind, names in kinds.items()}
        for node, kinds in live.items()}
    assert told == real


def test_every_topic_and_service_has_the_type_of_its_row(live):
    told = {
        name: row[1].strip('`') for row in _rows('topics') for name in _names(row[0])}
    told.pop('/diagnostics')
    real = {
        name: kind for node in live.values() for names in node.values()
        for name, kind in names.items()}
    assert told == real


@pytest.mark.parametrize('link', sorted(set(re.findall(r'\]\(([^)#]+)', README))))
def test_what_the_readme_links_to_is_there(link):
    assert (REPOSITORY / link).exists()
