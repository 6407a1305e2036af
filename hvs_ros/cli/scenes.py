# SPDX-License-Identifier: Apache-2.0
"""`hvs scenes`: write procedural benchmark episodes."""
from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

_DESCRIPTION = """\
Draw procedural panoramas (rooms, corridors, lobbies, streets, parks) and write them with exact
answers in the benchmark's folder format: OUT/{hos,hps}/SCENE/annotation.json and a JPEG beside it.
The same arguments write the same files.
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
    parser.add_argument('--split', default='test', choices=('test', 'train'),
                        help='what they are for; the two never hold the same scene, and only '
                        'train may be exported for training (default: %(default)s)')
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Write the scenes, naming each folder as it is finished; return the exit code."""
    from hvs_ros.scenes import Size, generate

    scenes = generate(
        args.out, args.count, Size.parse(args.size), args.seed, args.kind, args.split)
    for written, folder in enumerate(scenes, start=1):
        print(f'{written}/{args.count} {folder}', flush=True)
    return 0
