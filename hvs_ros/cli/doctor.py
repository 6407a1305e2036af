# SPDX-License-Identifier: Apache-2.0
"""
`hvs doctor`: what works on this machine, and what to do about what does not.

    hvs doctor
    hvs doctor --planner openai:HVS-3B@http://localhost:8000/v1
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from importlib import metadata
from importlib.util import find_spec
import os
import platform
import shutil
import sys
from typing import Any

from hvs_ros.cli.planner_check import Finding, check_planner

MARKS = {'ok': '✓', 'note': '·', 'bad': '✗'}
EXTRAS = {
    'rclpy': 'ros', 'torch': 'transformers', 'mujoco': 'sim', 'foxglove': 'viz', 'rerun': 'viz'}


def add_parser(subparsers: Any) -> None:
    """Add `hvs doctor`."""
    parser = subparsers.add_parser(
        'doctor', help='show what works on this machine',
        description='Check Python, libraries, ROS, rendering, the bundled episodes and a planner. '
        'Exit code 1 when something that hvs needs does not work.')
    parser.add_argument(
        '--planner', metavar='SPEC', default='builtin',
        help='planner that answers one real view (default: %(default)s)')
    parser.add_argument(
        '--give-up-after', type=float, metavar='S', default=20.0,
        help='seconds each check of a model may take (default: %(default)s)')
    parser.add_argument(
        '--allow-remote-images', action='store_true',
        help='let a view leave for a server beyond this machine and private networks')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run every check; a check that breaks is a finding, not a crash."""
    checks: tuple[tuple[str, Callable[[], list[Finding]]], ...] = (
        ('Python', _python), ('libraries', _libraries), ('ROS 2', _ros), ('GPU', _gpu),
        ('limits', _limits), ('rendering', _rendering),
        ('planner', lambda: check_planner(
            args.planner, args.give_up_after, args.allow_remote_images)))
    worst = 0
    for title, check in checks:
        try:
            findings = check()
        except Exception as error:
            text = str(error) or type(error).__name__
            findings = [('bad', title, text)]
        for level, name, text in findings:
            print(f'{MARKS[level]} {name:<22} {text}', flush=True)
            worst = max(worst, level == 'bad')
    return int(worst)


def _python() -> list[Finding]:
    fine = (3, 10) <= sys.version_info[:2] <= (3, 13)
    text = f'{platform.python_version()} on {platform.system()} {platform.machine()}'
    return [('ok' if fine else 'note', 'Python', text + ('' if fine else ' (tested: 3.10-3.13)'))]


def _libraries() -> list[Finding]:
    findings: list[Finding] = []
    for name in ('numpy', 'opencv-python-headless', 'simplejpeg', 'openai'):
        try:
            findings.append(('ok', name, metadata.version(name)))
        except metadata.PackageNotFoundError:
            found = name == 'opencv-python-headless' and find_spec('cv2') is not None
            findings.append(
                ('ok', name, 'cv2 of the system') if found else ('bad', name, 'not installed'))
    for name, extra in EXTRAS.items():
        if find_spec(name) is None and name != 'rclpy':
            findings.append(('note', name, f'not installed (extra [{extra}])'))
    return findings


def _ros() -> list[Finding]:
    if find_spec('rclpy') is None:
        return [('note', 'rclpy', 'not installed (extra [ros]); --driver direct works without')]
    os.environ.setdefault('ROS_AUTOMATIC_DISCOVERY_RANGE', 'LOCALHOST')
    from hvs_ros.ros.loopback import round_trip_ms
    distribution = os.environ.get('ROS_DISTRO', 'wheels')
    rmw, trip_ms = round_trip_ms()
    missing = [name for name in ('launch', 'launch_ros') if find_spec(name) is None]
    launch = 'ros2 launch and hvs up' if not missing else 'hvs up (launch is not installed)'
    return [
        ('ok', 'rclpy', f'{distribution}, {rmw}'),
        ('ok' if trip_ms is not None else 'bad', 'DDS on this machine',
         'no message arrived on loopback' if trip_ms is None else f'{trip_ms:.1f} ms a hop'),
        ('ok', 'starting the graph', launch)]


def _gpu() -> list[Finding]:
    found = shutil.which('nvidia-smi')
    return [('note', 'GPU', 'NVIDIA driver found' if found else 'none found; nothing needs one')]


def _limits() -> list[Finding]:
    findings: list[Finding] = [('ok', 'cores', str(os.cpu_count()))]
    if os.path.isdir('/dev/shm'):
        free_mb = shutil.disk_usage('/dev/shm').free / 1e6
        level = 'ok' if free_mb > 300 else 'note'
        findings.append((level, 'shared memory', f'{free_mb:.0f} MB free in /dev/shm'))
    return findings


def _rendering() -> list[Finding]:
    import time

    from hvs_ros.core.episode import load_episodes
    from hvs_ros.core.panorama import load_panorama
    from hvs_ros.core.renderer import Renderer
    from hvs_ros.core.share import share_path
    episodes = load_episodes(share_path('sim/episodes'))
    panorama, renderer = load_panorama(episodes[0].panorama), Renderer()
    renderer.view(panorama, episodes[0].start.to_gaze())
    began = time.perf_counter()
    view = renderer.view(panorama, episodes[0].start.to_gaze())
    took_ms = 1e3 * (time.perf_counter() - began)
    return [('ok', 'bundled episodes', f'{len(episodes)} on {len({e.scene for e in episodes})} '
             'panoramas'),
            ('ok', 'rendering', f'{view.width}x{view.height} view as JPEG in {took_ms:.0f} ms')]
