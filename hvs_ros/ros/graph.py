# SPDX-License-Identifier: Apache-2.0
"""
The graph, once: per deployment the nodes, parameter files and arguments.

``ros2 launch`` (through ``ros/launch_description.py``) and ``hvs up`` (through ``ros/bringup.py``)
both run what this module lists; there is no second list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
import os
from pathlib import Path
from typing import Any

import yaml

from hvs_ros.core.errors import InputError
from hvs_ros.core.motion_limits import check_walking
from hvs_ros.core.plain_yaml import load_plain_yaml
from hvs_ros.core.share import share_path

PROFILES = ('published-2025', 'published-2026', 'strict')
PARENT = 'HVS_PARENT_PID'
"""Environment variable that names the process a node must not outlive."""
# Fast DDS 3 still reads the name that Fast DDS 2 needs, but every process complains about it
SHARED_MEMORY = (
    'FASTRTPS_DEFAULT_PROFILES_FILE' if os.environ.get('ROS_DISTRO') in ('humble', 'iron', 'jazzy')
    else 'FASTDDS_DEFAULT_PROFILES_FILE')
"""Environment variable that this distribution's Fast DDS reads its profile from."""
GAZES = ('virtual', 'physical', 'hybrid')
NODES = {
    'panorama_camera': 'PanoramaCamera', 'view_renderer': 'ViewRenderer',
    'search_planner': 'SearchPlanner', 'humanoid_controller': 'HumanoidController',
    'humanoid_simulator': 'HumanoidSimulator', 'benchmark_replay': 'BenchmarkReplay'}


@dataclass(frozen=True)
class Argument:
    """
    Declare one launch argument.

    ``sets`` lists the parameters it goes to, as ``node.parameter``; an empty value leaves them
    to the parameter files.
    """

    name: str
    default: str
    description: str
    sets: tuple[str, ...] = ()
    kind: Callable[[str], Any] = str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class NodeEntry:
    """Name one node of the graph; the graph ends when an ``essential`` one does."""

    name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    essential: bool = False

    @property
    def factory(self) -> str:
        """Return where its class is, as ``module:Class``."""
        return f'hvs_ros.nodes.{self.name}:{NODES[self.name]}'


@dataclass(frozen=True)
class Deployment:
    """List what one deployment runs and what a user may set."""

    name: str
    summary: str
    nodes: tuple[str, ...]
    arguments: tuple[Argument, ...]
    essential: tuple[str, ...] = ()

    @property
    def parameter_file(self) -> str:
        """Return the share path of the deployment's own parameters."""
        return f'config/{self.name}.yaml'


def _flag(text: str) -> bool:
    if text.lower() in ('true', '1', 'yes'):
        return True
    if text.lower() in ('false', '0', 'no'):
        return False
    raise ValueError('true or false')


_IN_WORDS: dict[Any, str] = {
    int: 'a whole number', float: 'a number', _flag: 'true or false'}
_PLANNER = Argument(
    'planner', 'builtin', 'who decides: builtin, oracle, sweep, random, openai:MODEL@URL, '
    'grounder:KIND:PATH, recorded:FILE or a YAML file',
    ('search_planner.planner', 'benchmark_replay.planner'))
_MAX_TURNS = Argument(
    'max_turns', '', 'turns of a search at most',
    ('search_planner.max_turns', 'benchmark_replay.max_turns'), int)


_REMOTE = Argument(
    'allow_remote_images', '', 'views may leave for servers beyond this machine and private '
    'networks',
    ('search_planner.allow_remote_images', 'benchmark_replay.allow_remote_images'), _flag)


def _profile(default: str) -> Argument:
    return Argument(
        'profile', default, 'what counts as an answer and as success',
        ('search_planner.profile', 'benchmark_replay.profile'), choices=PROFILES)


def _gaze(default: str) -> Argument:
    return Argument(
        'gaze', default, 'what turns to a goal: the renderer inside the panorama (virtual), neck '
        'and body (physical), the body in yaw and the renderer in pitch (hybrid)',
        ('view_renderer.gaze', 'humanoid_controller.gaze'), choices=GAZES)


_WALK = Argument(
    'walk_distance', '', 'metres to walk after a path search; 0 turns only',
    ('search_planner.walk_distance',), float)
_PANORAMA = Argument(
    'panorama', '', 'image file or folder that stands in for the 360 degree camera',
    ('panorama_camera.source',))
_CAMERA = Argument(
    'camera_model', '', 'calibration file of a camera that is not equirectangular',
    ('view_renderer.camera_model', 'panorama_camera.camera_model'))
_STILL = Argument(
    'still_panorama', '', 'the panorama does not change: true for image files',
    ('view_renderer.still_panorama',), _flag)

COMMON = (
    Argument('namespace', '', 'namespace of every node'),
    Argument('params_file', '',
             "parameter file read after the deployment's own; arguments win over it"),
    Argument('use_sim_time', '', 'take the time from /clock', kind=_flag))

DEPLOYMENTS: dict[str, Deployment] = {
    deployment.name: deployment for deployment in (
        Deployment(
            'replay', 'benchmark panoramas, scored',
            ('humanoid_simulator', 'humanoid_controller', 'view_renderer', 'search_planner',
             'benchmark_replay'),
            (Argument('episodes', '', 'benchmark folder or zip (default: the bundled episodes)',
                      ('benchmark_replay.episodes', 'search_planner.episodes')),
             Argument('out', '', 'run folder (default: runs/<time>-replay)',
                      ('benchmark_replay.out',)),
             _PLANNER, _REMOTE, _profile('published-2026'), _gaze('virtual'), _MAX_TURNS,
             Argument('limit', '', 'episodes at most', ('benchmark_replay.limit',), int),
             Argument('repeats', '', 'searches an episode', ('benchmark_replay.repeats',), int),
             Argument('seed', '', 'seed of the run',
                      ('benchmark_replay.seed', 'search_planner.seed'), int)),
            essential=('benchmark_replay',)),
        Deployment(
            'simulation', 'a kinematic humanoid inside a panorama; send it instructions',
            ('humanoid_simulator', 'panorama_camera', 'humanoid_controller', 'view_renderer',
             'search_planner'),
            (_PANORAMA, _CAMERA, _PLANNER, _REMOTE, _profile('strict'), _gaze('physical'),
             _MAX_TURNS, _WALK,
             Argument('speed_factor', '', 'simulated seconds a second',
                      ('humanoid_simulator.speed_factor',), float))),
        Deployment(
            'robot', 'a real humanoid; camera driver and joint controllers run elsewhere',
            ('humanoid_controller', 'view_renderer', 'search_planner'),
            (_PLANNER, _REMOTE, _profile('strict'), _gaze('physical'), _MAX_TURNS, _WALK,
             _PANORAMA, _CAMERA, _STILL,
             Argument('deadman', '', 'move only while the Bool topic deadman is true and fresh',
                      ('humanoid_controller.deadman',), _flag),
             Argument('obstacle', '', 'walk only while the LaserScan topic obstacle is clear',
                      ('humanoid_controller.obstacle',), _flag),
             Argument('emergency_stop', '', 'listen to the Bool topic emergency_stop',
                      ('humanoid_controller.emergency_stop',), _flag))),
    )}


def deployment_of(name: str) -> Deployment:
    """Return the deployment; raise ``InputError`` naming the known ones."""
    if name not in DEPLOYMENTS:
        raise InputError(
            f'unknown deployment {name!r}: it is one of {", ".join(DEPLOYMENTS)}')
    return DEPLOYMENTS[name]


def read_values(deployment: Deployment, given: Mapping[str, str]) -> dict[str, Any]:
    """Return every argument's typed value, None where nothing was set; raise ``InputError``."""
    known = {argument.name: argument for argument in (*deployment.arguments, *COMMON)}
    for name in given:
        if name not in known:
            raise InputError(
                f'{deployment.name} has no argument {name!r}; it has {", ".join(sorted(known))}')
    values: dict[str, Any] = {}
    for name, argument in known.items():
        text = given.get(name, argument.default)
        try:
            values[name] = argument.kind(text) if text != '' else None
        except ValueError as error:
            raise InputError(
                f'argument {name} cannot be {text!r}: it must be {_IN_WORDS[argument.kind]}'
            ) from error
        if text and argument.choices and text not in argument.choices:
            raise InputError(
                f'argument {name} cannot be {text!r}: it is one of {", ".join(argument.choices)}')
    return values


def graph(
        deployment: Deployment, given: Mapping[str, str],
        overrides: Mapping[str, Mapping[str, Any]] | None = None) -> list[NodeEntry]:
    """
    Return the nodes of a deployment with the parameters its arguments set.

    ``overrides`` (parameters by node) win over arguments. Raise ``InputError``, also for a robot
    that would walk with nobody and nothing to stop it, wherever that is configured.
    """
    values = read_values(deployment, given)
    names = list(deployment.nodes)
    if deployment.name == 'robot' and values['panorama']:
        names.insert(0, 'panorama_camera')
    if deployment.name == 'simulation' and not values['panorama']:
        values['panorama'] = _bundled_panorama()
    if deployment.name == 'replay' and not values['episodes'] and not _begun(values['out']):
        values['episodes'] = str(share_path('sim/episodes'))
    parameters: dict[str, dict[str, Any]] = {name: {} for name in names}
    for argument in deployment.arguments:
        for target in argument.sets:
            node, _, parameter = target.partition('.')
            if node in parameters and values[argument.name] is not None:
                parameters[node][parameter] = values[argument.name]
    for name in names:
        if values['use_sim_time'] is not None and name != 'humanoid_simulator':
            parameters[name]['use_sim_time'] = values['use_sim_time']
    entries = [
        NodeEntry(
            name, {**parameters[name], **(overrides or {}).get(name, {})},
            name in deployment.essential)
        for name in names]
    _refuse_blind_walk(deployment, entries, parameter_files(deployment, given))
    return entries


def _refuse_blind_walk(
        deployment: Deployment, entries: Sequence[NodeEntry], files: Sequence[str]) -> None:
    if deployment.name != 'robot':
        return
    by_node = {
        entry.name: {**in_files(files, entry.name), **entry.parameters} for entry in entries}
    planner, controller = by_node['search_planner'], by_node['humanoid_controller']
    check_walking(
        deployment.name, float(planner.get('walk_distance', 0.0)),
        deadman=bool(controller.get('deadman')), obstacle=bool(controller.get('obstacle')))


def in_files(files: Sequence[str], node: str) -> dict[str, Any]:
    """
    Return what parameter files set for a node, the last one winning.

    A section is for the node when its key is ``/**``, or ends with the node's name as in
    ``node``, ``/**/node`` or ``/namespace/node``. Raise ``InputError`` for a file that cannot
    be read.
    """
    found: dict[str, Any] = {}
    for file in files:
        for key, section in _sections(file).items():
            if key == '/**' or key.rpartition('/')[2] == node:
                found.update(section.get('ros__parameters') or {})
    return found


def _sections(file: str) -> dict[str, dict[str, Any]]:
    try:
        content = load_plain_yaml(Path(file).read_text(encoding='utf-8')) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error).splitlines()[0]
        raise InputError(f'{file}: not a readable parameter file ({reason})') from error
    if not isinstance(content, dict) or not all(
            isinstance(section, dict) for section in content.values()):
        raise InputError(f'{file}: a parameter file holds sections named after nodes')
    return content


def _begun(out: str | None) -> bool:
    """Return whether the folder holds a run, which knows its episodes itself."""
    return out is not None and Path(out, 'run.json').exists()


def _bundled_panorama() -> str:
    return str(sorted(share_path('sim/episodes/hos').glob('room_*/*.jpg'))[0])


def parameter_files(deployment: Deployment, given: Mapping[str, str]) -> list[str]:
    """Return the parameter files in reading order; the last one wins."""
    files = [str(share_path(deployment.parameter_file))]
    return files + ([given['params_file']] if given.get('params_file') else [])


def known_parameters(node: str) -> list[str]:
    """Return the names of a node's own parameters."""
    from hvs_ros.ros import motion_parameters, node_parameters
    kind = f'{NODES[node]}Parameters'
    module = motion_parameters if hasattr(motion_parameters, kind) else node_parameters
    return sorted(entry.name for entry in fields(getattr(module, kind)))


def read_overrides(texts: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return parameters by node from ``node.name:=value`` texts, values read as YAML."""
    overrides: dict[str, dict[str, Any]] = {}
    for text in texts:
        target, separator, value = text.partition(':=')
        node, dot, name = target.partition('.')
        if not separator or not dot or not name or node not in NODES:
            raise InputError(
                f'parameter {text!r} is not NODE.NAME:=VALUE with a node of {", ".join(NODES)}')
        known = known_parameters(node)
        if name not in known:
            raise InputError(f'{node} has no parameter {name!r}; it has {", ".join(known)}')
        try:
            overrides.setdefault(node, {})[name] = load_plain_yaml(value)
        except yaml.YAMLError as error:
            raise InputError(f'parameter {text!r}: the value is not YAML') from error
    return overrides
