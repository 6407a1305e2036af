# SPDX-License-Identifier: Apache-2.0
"""
`hvs bench`: how fast views, searches and the live graph are here, mostly as ratios.

    hvs bench --json bench.json
    hvs bench --only render_vs_published_3840
    hvs bench planner --planner openai:MODEL@URL
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
import json
import shlex
import signal
import threading
from typing import Any

from hvs_ros.cli.output import writable


def add_parser(subparsers: Any) -> None:
    """Add `hvs bench`."""
    parser = subparsers.add_parser(
        'bench', help='measure rendering, turns and the live graph',
        description='Measure each figure in a process of its own and print it with what it '
        'must reach. A ratio says how many times as long the reference takes, interleaved in '
        'one process. Takes some minutes; single times mean little on a machine that is busy.')
    parser.add_argument(
        'what', nargs='?', choices=('planner',),
        help="planner: what each context policy costs at a model's server, and nothing else")
    parser.add_argument(
        '--planner', metavar='SPEC', help='for planner: openai:MODEL@URL or a planner file')
    parser.add_argument(
        '--turns', type=int, metavar='N', default=10,
        help='for planner: turns of a search (default: %(default)s)')
    parser.add_argument(
        '--searches', type=int, metavar='N', default=3,
        help='for planner: searches under each policy (default: %(default)s)')
    parser.add_argument(
        '--allow-remote-images', action='store_true',
        help='for planner: its server may be beyond this machine and private networks')
    parser.add_argument('--json', metavar='FILE', help='write the figures here, too')
    parser.add_argument(
        '--only', metavar='NAME', action='append', default=[],
        help='measure this figure alone; may be given several times')
    parser.add_argument(
        '--quick', action='store_true',
        help='tiny pictures and few rounds: tries the commands, measures nothing')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Measure, print and write; 0 whether or not what must be reached is."""
    if args.what == 'planner':
        from hvs_ros.cli.bench_planner import run_planner
        return run_planner(args, writable('--json', args.json) if args.json else None)
    from hvs_ros.bench.figures import chosen
    from hvs_ros.bench.scale import FULL, QUICK
    from hvs_ros.bench.sitting import document, measure_all, row
    from hvs_ros.evaluation.run_files import write_atomically
    figures, scale = chosen(args.only), QUICK if args.quick else FULL
    file = writable('--json', args.json) if args.json else None
    missing = {figure.name: figure.missing for figure in figures if figure.missing}
    _refuse_missing(args.only, missing)
    for name, reason in missing.items():
        print(f'{name:<32} {reason}', flush=True)
    results = {}
    possible = [figure for figure in figures if figure.name not in missing]
    with _tidy_when_terminated():
        for figure, measured in measure_all(possible, scale):
            results[figure.name] = measured
            print(row(figure, measured, scale), flush=True)
    if scale is QUICK:
        print('Quick: tiny pictures, so these figures say nothing about speed.')
    if file is not None:
        report = document(results, missing, scale, _command(args))
        write_atomically(file, json.dumps(report, indent=1) + '\n')
    return 0


@contextmanager
def _tidy_when_terminated() -> Iterator[None]:
    """Let SIGTERM unwind as Ctrl-C does, so that no process and no panorama is left behind."""
    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _command(args: argparse.Namespace) -> str:
    words = ['hvs', 'bench', *(['--json', args.json] if args.json else [])]
    words += [word for name in args.only for word in ('--only', name)]
    return shlex.join([*words, *(['--quick'] if args.quick else [])])


def _refuse_missing(only: list[str], missing: dict[str, str]) -> None:
    """Refuse a figure that was asked for by name; others are left out when they cannot be."""
    from hvs_ros.core.errors import InputError
    for name in only:
        if name in missing:
            raise InputError(f'{name} {missing[name]}')
