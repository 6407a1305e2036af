# SPDX-License-Identifier: Apache-2.0
"""
`hvs up`: run a deployment without the launch packages.

    hvs up replay episodes:=sim/episodes planner:=builtin
    hvs up simulation                       # then: hvs find "the red fire extinguisher"
    hvs up robot --isolate params_file:=my_robot.yaml
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

EPILOG = 'Arguments are written as for ros2 launch. hvs up DEPLOYMENT --show-args lists them.'


def add_parser(subparsers: Any) -> None:
    """Add `hvs up`."""
    parser = subparsers.add_parser(
        'up', help='run a deployment', description='Run a deployment until Ctrl-C.',
        epilog=EPILOG)
    parser.add_argument('deployment', metavar='DEPLOYMENT', help='replay, simulation or robot')
    parser.add_argument(
        'arguments', metavar='NAME:=VALUE', nargs='*', help='launch arguments')
    parser.add_argument(
        '--isolate', action='store_true', help='one process a node, instead of all in this one')
    parser.add_argument(
        '-p', '--parameter', metavar='NODE.NAME:=VALUE', action='append', default=[],
        help='set a parameter of a node; may be given several times')
    parser.add_argument(
        '-s', '--show-args', action='store_true', help='list the launch arguments and leave')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the graph; 0 after a signal or when its work is done."""
    from hvs_ros.ros.graph import deployment_of
    deployment = deployment_of(args.deployment)
    if args.show_args:
        _show(deployment)
        return 0
    from hvs_ros.ros.bringup import SignalWatch, assemble
    from hvs_ros.ros.node import leaving
    bringup = assemble(
        deployment, _given(args.arguments), isolate=args.isolate, overrides=args.parameter)
    with SignalWatch() as watch:
        try:
            bringup.start()
            print(f'{deployment.name} is up ({deployment.summary}); Ctrl-C ends it', flush=True)
            while not watch.number and bringup.poll():
                time.sleep(0.05)
        finally:
            with leaving(10.0):  # far more than stopping takes
                bringup.stop()
    return 0


def _given(words: list[str]) -> dict[str, str]:
    from hvs_ros.core.errors import InputError
    given = {}
    for word in words:
        name, separator, value = word.partition(':=')
        if not separator or not name:
            raise InputError(f'argument {word!r} is not NAME:=VALUE')
        given[name] = value
    return given


def _show(deployment: Any) -> None:
    from hvs_ros.ros.graph import COMMON
    for argument in (*deployment.arguments, *COMMON):
        choices = f' One of: {", ".join(argument.choices)}.' if argument.choices else ''
        default = f' (default: {argument.default})' if argument.default else ''
        sys.stdout.write(f'  {argument.name}:=\n      {argument.description}{default}.{choices}\n')
