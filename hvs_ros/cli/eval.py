# SPDX-License-Identifier: Apache-2.0
"""
`hvs eval`: score a planner on a benchmark folder.

    hvs eval sim/episodes --planner builtin --driver direct --out runs/builtin
    hvs eval hos_bench.zip --planner openai:HVS-3B@http://localhost:8000/v1 --workers 8
    hvs eval hos_bench.zip --planner openai:HVS-3B@http://localhost:8000/v1 --dry-run
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
import re
import sys
from typing import TYPE_CHECKING, Any

from hvs_ros.cli.run_options import add_options, config_of

if TYPE_CHECKING:
    from hvs_ros.evaluation.session import GraphDriver


def add_parser(subparsers: Any) -> None:
    """Add `hvs eval`."""
    parser = subparsers.add_parser(
        'eval', help='score a planner on a benchmark folder',
        description='Score a planner on a folder or zip in the format of the benchmark. The same '
        'command again takes an unfinished run up where it stopped.')
    parser.add_argument('episodes', metavar='EPISODES', help='split root, parent of them, or zip')
    add_options(parser)
    parser.add_argument(
        '--out', metavar='RUN', help='run folder (default: runs/<time>-<planner>)')
    parser.add_argument(
        '--dry-run', action='store_true',
        help='only say what the run would ask for at most: searches, requests, tokens, cost')
    parser.set_defaults(run=run)


def default_out(planner: str) -> Path:
    """Return the folder of a run that was given none: its time and its planner."""
    name = re.sub(r'[^A-Za-z0-9.]+', '-', planner).strip('-')[:40]
    return Path('runs') / f'{datetime.now():%Y%m%d-%H%M%S}-{name}'


def run(args: argparse.Namespace) -> int:
    """Run the evaluation; 0 when every episode is scored."""
    from hvs_ros.evaluation.session import evaluate
    config = config_of(args)
    if args.dry_run:
        from hvs_ros.evaluation.estimate import dry_run
        dry_run(config, Path(args.out) if args.out else None, stream=sys.stdout)
        return 0
    graph = graph_of(args.driver, args.isolate, args.gaze, args.parameter)
    out = Path(args.out) if args.out else default_out(args.planner)
    return evaluate(config, out, stream=sys.stdout, graph=graph)


def graph_of(
        driver: str, isolate: bool = False, gaze: str = 'virtual',
        parameters: Sequence[str] = ()) -> GraphDriver | None:
    """Return what runs the live graph, None for the direct driver."""
    from hvs_ros.core.errors import InputError
    if driver == 'direct':
        if isolate or gaze != 'virtual' or parameters:
            raise InputError('--isolate, --gaze and --parameter need --driver graph')
        return None
    from hvs_ros.ros.evaluate import run_graph
    from hvs_ros.ros.graph import read_overrides
    return partial(run_graph, isolate=isolate, gaze=gaze, extra=read_overrides(parameters))
