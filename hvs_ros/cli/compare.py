# SPDX-License-Identifier: Apache-2.0
"""
`hvs compare`: two runs on the same episodes, search by search.

    hvs compare runs/random runs/sweep
    hvs compare runs/base runs/tuned --json comparison.json --format markdown
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

FORMATS = ('text', 'markdown', 'csv')


def add_parser(subparsers: Any) -> None:
    """Add `hvs compare`."""
    parser = subparsers.add_parser(
        'compare', help='compare two runs, search by search',
        description='Compare two runs on the searches that are scored in both: the difference '
        'B - A with an interval and a test that know that searches in one panorama hang '
        'together, by split and level, and the searches that flipped. Profile, view and turn '
        'limit must be the same.')
    add = parser.add_argument
    add('a', metavar='A', help='run folder')
    add('b', metavar='B', help='run folder')
    add('--across', metavar='WHAT', action='append', default=[], choices=('profile',),
        help='compare although this differs, and say so: profile')
    add('--format', choices=FORMATS, default='text',
        help=f'{", ".join(FORMATS)} (default: %(default)s)')
    add('--json', metavar='FILE', help='write everything there, every flipped search included')
    add('--flips', type=int, metavar='N', default=20,
        help='flipped searches shown at most (default: %(default)s)')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print the comparison; 0 whatever it comes to."""
    import json

    from hvs_ros.evaluation import compare_tables
    from hvs_ros.evaluation.compare import compare_runs
    from hvs_ros.evaluation.run_files import write_atomically
    result = compare_runs(args.a, args.b, args.across)
    if args.json:
        write_atomically(Path(args.json), json.dumps(result, indent=1) + '\n')
    if args.format == 'csv':
        print(compare_tables.csv_comparison(result), end='')
        return 0
    tell = (compare_tables.markdown_comparison if args.format == 'markdown'
            else compare_tables.text_comparison)
    print(tell(result, max(0, args.flips)))
    return 0
