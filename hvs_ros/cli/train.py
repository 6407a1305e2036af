# SPDX-License-Identifier: Apache-2.0
"""
`hvs train`: train a grounder on procedural scenes, and score it.

    hvs train grounder --cache views --out grounder.onnx
    hvs train table --model grounder.onnx --json table.json
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from hvs_ros.cli.output import writable


def add_parser(subparsers: Any) -> None:
    """Add `hvs train`."""
    parser = subparsers.add_parser(
        'train', help='train a grounder on procedural scenes, and score it',
        description='Train a small grounder (spec grounder:learned:FILE) on procedural scenes of '
        'the split train, or score one on scenes of the split test. Training needs the extra '
        '[train].')
    steps = parser.add_subparsers(dest='step', metavar='STEP', required=True)
    grounder = steps.add_parser('grounder', help='draw views, train, calibrate, write ONNX')
    grounder.add_argument('--cache', type=Path, default=Path('runs/views'), metavar='DIR',
                          help='where views are kept; what is there is used '
                          '(default: %(default)s)')
    grounder.add_argument('--out', type=Path, default=Path('grounder.onnx'), metavar='FILE',
                          help='model to write (default: %(default)s)')
    grounder.add_argument('--scenes', type=int, default=2000, metavar='N',
                          help='training scenes (default: %(default)s)')
    grounder.add_argument('--minutes', type=float, default=40.0, metavar='M',
                          help='training ends after so long (default: %(default)s)')
    grounder.add_argument('--seed', type=int, default=0, metavar='S')
    grounder.add_argument('--threads', type=int, default=2, metavar='N')
    grounder.add_argument('--blank', action='store_true',
                          help='train on views of nothing: what words alone give away')
    grounder.set_defaults(run=train_grounder)
    table = steps.add_parser('table', help='score every planner on every set')
    table.add_argument('--model', type=Path, metavar='FILE', required=True, help='what is scored')
    table.add_argument('--blank-model', type=Path, metavar='FILE',
                       help='the same network trained with --blank')
    table.add_argument('--scenes', type=int, default=250, metavar='N',
                       help='scenes a set, four searches in each (default: %(default)s)')
    table.add_argument('--json', type=Path, metavar='FILE', required=True,
                       help='write the rows here')
    table.add_argument('--only', action='append', default=[], metavar='SET',
                       help='this set alone; may be given several times')
    table.set_defaults(run=score)


def train_grounder(args: argparse.Namespace) -> int:
    """Draw what is missing, train, write the model and its manifest."""
    from hvs_ros.core.errors import InputError
    from hvs_ros.learning.train import Plan, train_and_write
    if args.scenes < 1 or args.minutes <= 0 or args.threads < 1:
        raise InputError('--scenes, --minutes and --threads must be above 0')
    writable('--out', args.out)
    manifest = train_and_write(Plan(
        args.cache, args.out, args.scenes, args.minutes, args.seed, args.threads, args.blank))
    print(f'{args.out}: {manifest["bytes"] / 1e6:.2f} MB, {manifest["scores"]}')
    return 0


def score(args: argparse.Namespace) -> int:
    """Write the rows of the table, printing each as it is known."""
    from hvs_ros.learning.table import build, line, write_rows
    writable('--json', args.json)
    rows = []
    for row in build(args.scenes, args.model, args.blank_model, args.only):
        rows.append(row)
        write_rows(rows, args.json)
        print(line(row), flush=True)
    return 0
