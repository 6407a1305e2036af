# SPDX-License-Identifier: Apache-2.0
"""What is installed: executables, ament index, shared files, package.xml and setup.py agree."""

from __future__ import annotations

import ast
import os
from pathlib import Path
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
import zipfile

import pytest
import yaml

from hvs_ros import __version__
from hvs_ros.ros.graph import DEPLOYMENTS, NODES

REPOSITORY = Path(__file__).resolve().parents[1]
MANIFEST = ElementTree.parse(REPOSITORY / 'package.xml').getroot()
SETUP = (REPOSITORY / 'setup.py').read_text()
PROVIDED = {
    'rclpy', 'launch', 'launch_ros', 'ament_index_python', 'launch_pytest', 'builtin_interfaces',
    'rcl_interfaces', 'rosgraph_msgs', 'std_msgs'}


@pytest.fixture(scope='module')
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    """Build the wheel from a copy of what git would hand out, and open it."""
    folder = tmp_path_factory.mktemp('wheel')
    listed = subprocess.run(
        ['git', 'ls-files', '--cached', '--others', '--exclude-standard'], cwd=REPOSITORY,
        capture_output=True, text=True)
    if listed.returncode:
        pytest.skip('not a git checkout')
    for name in listed.stdout.splitlines():
        if (REPOSITORY / name).is_file() and not name.startswith('test/'):
            target = folder / 'copy' / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((REPOSITORY / name).read_bytes())
            target.chmod((REPOSITORY / name).stat().st_mode)
    subprocess.run(
        [sys.executable, 'setup.py', '-q', 'bdist_wheel', '-d', str(folder)],
        cwd=folder / 'copy', check=True, capture_output=True)
    return zipfile.ZipFile(next(folder.glob('*.whl')))


def installed(wheel: zipfile.ZipFile) -> set[str]:
    """Return the wheel's files below the prefix they are installed into."""
    return {
        name.partition('.data/data/')[2] for name in wheel.namelist() if '.data/data/' in name}


def test_every_node_is_an_executable_that_ros2_run_finds(wheel):
    executables = {name for name in installed(wheel) if name.startswith('lib/')}
    assert executables == {f'lib/hvs_ros/{node}' for node in NODES}


def test_the_package_is_in_the_ament_index(wheel):
    assert {'share/ament_index/resource_index/packages/hvs_ros',
            'share/hvs_ros/package.xml'} <= installed(wheel)


@pytest.mark.parametrize('folder', ['launch', 'config', 'sim'])
def test_every_shared_file_is_installed(wheel, folder):
    wanted = {
        f'share/hvs_ros/{path.relative_to(REPOSITORY).as_posix()}'
        for path in (REPOSITORY / folder).rglob('*')
        if path.is_file() and '__pycache__' not in path.parts}
    got = {name for name in installed(wheel) if name.startswith(f'share/hvs_ros/{folder}/')}
    assert got == wanted


def test_every_module_and_template_is_installed(wheel):
    wanted = {
        path.relative_to(REPOSITORY).as_posix()
        for path in (REPOSITORY / 'hvs_ros').rglob('*')
        if path.suffix in ('.py', '.j2', '.html', '.css', '.js')}
    assert wanted <= set(wheel.namelist())


@pytest.mark.parametrize('node', NODES)
def test_an_executable_runs_the_node_it_is_named_after(node):
    script = REPOSITORY / 'scripts' / node
    assert os.access(script, os.X_OK)
    assert script.read_text() == (REPOSITORY / 'scripts' / 'view_renderer').read_text()


def test_setup_and_graph_list_the_same_nodes():
    listed = next(
        ast.literal_eval(node.value) for node in ast.walk(ast.parse(SETUP))
        if isinstance(node, ast.Assign) and getattr(node.targets[0], 'id', '') == 'NODES')
    assert set(listed) == set(NODES)


def test_the_version_is_one():
    changelog = (REPOSITORY / 'CHANGELOG.rst').read_text()
    assert MANIFEST.findtext('version') == __version__
    assert f"version='{__version__}'" in SETUP
    assert f'\n{__version__} (' in changelog


def test_the_manifest_is_one_that_colcon_takes_for_a_ros_package():
    assert MANIFEST.get('format') == '3'
    assert MANIFEST.findtext('export/build_type') == 'ament_python'
    assert MANIFEST.findtext('license') == 'Apache-2.0'
    email = MANIFEST.find('maintainer').get('email')  # type: ignore[union-attr]
    assert re.fullmatch(r'[-\w.+]+@[-\w]+(\.[-\w]+)+', email or '')


def test_every_ros_package_that_is_imported_is_a_dependency():
    wanted = set()
    for path in (REPOSITORY / 'hvs_ros').rglob('*.py'):
        wanted |= set(re.findall(
            r'^\s*(?:from|import) (rclpy|launch|launch_ros|\w+_msgs|\w+_srvs|\w+_interfaces)\b',
            path.read_text(), re.MULTILINE))
    told = {entry.text for entry in MANIFEST.iter('exec_depend')}
    assert wanted <= told
    wheels = {name.replace('-', '_') for name in re.findall(r"'ros-([\w-]+)", SETUP)}
    assert wanted - wheels <= PROVIDED


@pytest.mark.parametrize('deployment', DEPLOYMENTS.values(), ids=lambda d: d.name)
def test_a_parameter_file_sets_what_its_nodes_have(deployment):
    pytest.importorskip('rclpy')
    from dataclasses import fields
    from importlib import import_module
    modules = [
        import_module(f'hvs_ros.ros.{name}') for name in ('node_parameters', 'motion_parameters')]
    content = yaml.safe_load((REPOSITORY / deployment.parameter_file).read_text())
    for section, body in content.items():
        node = section.removeprefix('/**').lstrip('/')
        known = {'use_sim_time'}
        if node:
            kind = next(
                getattr(module, f'{NODES[node]}Parameters') for module in modules
                if hasattr(module, f'{NODES[node]}Parameters'))
            known |= {field.name for field in fields(kind)}
        assert set(body['ros__parameters']) <= known, section
