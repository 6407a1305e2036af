# SPDX-License-Identifier: Apache-2.0
"""
`hvs report`: the tables and the page of a run, made anew from its lines.

    hvs report runs/builtin
    hvs report runs/builtin --episodes /data/hos_bench.zip
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any


def add_parser(subparsers: Any) -> None:
    """Add `hvs report`."""
    parser = subparsers.add_parser(
        'report', help='rebuild the tables and the HTML report of a run',
        description='Rebuild metrics.json and report.html from the lines of a run, finished or '
        'not, and print its tables.')
    parser.add_argument('run_folder', metavar='RUN', help='run folder')
    parser.add_argument(
        '--episodes', metavar='EPISODES', help='where the dataset lies now, if it has moved')
    parser.add_argument(
        '--strips', type=int, metavar='N', default=200,
        help='episodes shown with a film strip at most (default: %(default)s)')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write the derived files and print the tables."""
    from hvs_ros.evaluation.report import REPORT, derive
    from hvs_ros.evaluation.tables import text_tables
    metrics = derive(args.run_folder, args.episodes, max(0, args.strips))
    print(text_tables(metrics))
    print(f'Report: {Path(args.run_folder) / REPORT}')
    return 0
