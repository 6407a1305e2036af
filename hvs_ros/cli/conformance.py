# SPDX-License-Identifier: Apache-2.0
"""
The scoring rules against recorded cases.

    hvs conformance TURNS.jsonl --episodes DIR --profile published-2026
"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add ``hvs conformance``."""
    parser = subparsers.add_parser(
        'conformance', help='the scoring rules against recorded cases',
        description='Replay the texts of recorded searches and compare validity, pose, reward '
                    'and success with the recorded ones, turn by turn. Exit code 1 when any '
                    'episode disagrees.')
    parser.add_argument('turns', type=Path, metavar='TURNS.jsonl', help='the recorded searches')
    parser.add_argument(
        '--episodes', type=Path, required=True, metavar='DIR',
        help='the folder or zip with the annotations that the searches were recorded on')
    parser.add_argument(
        '--profile', default='published-2026',
        help='published-2025, published-2026 (default) or strict')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Print what agrees and each first disagreement; return 1 when any episode disagrees."""
    from hvs_ros.core.conformance import check_file

    agreement = check_file(args.turns, args.episodes, args.profile)
    for found in agreement.disagreements:
        print(f'{args.turns}, {found}')
    print(f'{agreement.agreeing} of {agreement.episodes} episodes agree')
    return 1 if agreement.disagreements else 0
