# SPDX-License-Identifier: Apache-2.0
"""
`hvs merge`: put the runs of shards together.

    hvs eval hos_bench.zip --planner SPEC --shard 1/2 --out runs/one    # on one machine
    hvs eval hos_bench.zip --planner SPEC --shard 2/2 --out runs/two    # on another
    hvs merge runs/both runs/one runs/two
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_parser(subparsers: Any) -> None:
    """Add `hvs merge`."""
    parser = subparsers.add_parser(
        'merge', help='put the runs of shards together',
        description='Write the run that shards (hvs eval --shard I/N) make up to a new folder, '
        'with its tables and report. Shards that differ, lack, or contradict each other are '
        'refused.')
    parser.add_argument('out', metavar='OUT', help='new run folder')
    parser.add_argument('runs', metavar='RUN', nargs='+', help='run folder of a shard')
    parser.add_argument(
        '--allow-incomplete', action='store_true',
        help='merge although searches are missing or ended in error')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Merge, derive and print the tables; 0 when every episode is scored."""
    from hvs_ros.evaluation.merge import merge_runs
    from hvs_ros.evaluation.report import REPORT, derive
    from hvs_ros.evaluation.tables import text_tables
    count = merge_runs(args.out, args.runs, allow_incomplete=args.allow_incomplete)
    metrics = derive(args.out)
    print(f'{count} searches of {len(set(args.runs))} runs')
    print(text_tables(metrics))
    print(f'Report: {Path(args.out) / REPORT}')
    return 0 if metrics['status'] == 'complete' else 1
