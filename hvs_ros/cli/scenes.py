# SPDX-License-Identifier: Apache-2.0
"""
`hvs scenes`: write procedural benchmark episodes.

    hvs scenes episodes --count 20 --kind object
    hvs scenes unseen --split test --hold-out style --hold-out pair --items 1
"""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

_DESCRIPTION = """\
Draw procedural panoramas (rooms, corridors, lobbies, shops, streets, parks, platforms) and write
them with exact answers in the benchmark's folder format: OUT/{hos,hps}/SCENE/annotation.json and a
JPEG beside it. The same arguments write the same files.

The built-in planner is trained on the split train alone. In scenes of val and test the seeds are
new; with --hold-out, what is asked for has a drawing style, a pair of colour and kind, a floor
plan, a sentence or a word on a sign that no training scene holds anywhere.
"""


def add_parser(subparsers: Any) -> argparse.ArgumentParser:
    """Add the command to the subparsers of `hvs` and return its parser."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        'scenes', help='make procedural benchmark episodes', description=_DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('out', metavar='OUT', type=Path, help='folder without episodes in it')
    parser.add_argument('--count', type=int, default=10, metavar='N',
                        help='number of panoramas (default: %(default)s)')
    parser.add_argument('--size', default='2048x1024', metavar='WxH',
                        help='panorama size in pixels (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0, metavar='S',
                        help='seed of the whole set (default: %(default)s)')
    parser.add_argument('--kind', default='both', choices=('object', 'path', 'both'),
                        help='what is searched for (default: %(default)s)')
    parser.add_argument('--items', type=int, default=3, metavar='N',
                        help='things asked for in a scene at most, from four starts each '
                        '(default: %(default)s)')
    parser.add_argument('--split', default='test', choices=('train', 'val', 'test'),
                        help='what they are for: which seeds, and whether they may be exported '
                        'for training (default: %(default)s)')
    parser.add_argument('--hold-out', action='append', default=[], metavar='FACTOR',
                        choices=('style', 'pair', 'layout', 'template', 'word'),
                        help='ask for what training never saw: style, pair, layout, template or '
                        'word; may be given several times')
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Write the scenes, naming each folder as it is finished; return the exit code."""
    from hvs_ros.scenes import Order, Size, generate
    from hvs_ros.scenes.splits import Allowed

    order = Order(args.count, Size.parse(args.size), args.seed, args.kind, args.items,
                  Allowed(args.split, frozenset(args.hold_out)))
    for written, folder in enumerate(generate(args.out, order), start=1):
        print(f'{written}/{args.count} {folder}', flush=True)
    return 0
