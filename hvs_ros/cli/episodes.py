# SPDX-License-Identifier: Apache-2.0
"""
`hvs episodes`: check, describe, sample and compare benchmark folders.

    hvs episodes check hos_bench.zip --decode
    hvs episodes stats DATA/hos
    hvs episodes lite DATA --count 500 --out lite.txt
    hvs episodes overlap DATA/hos_train DATA/hos
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hvs_ros.core.episode_check import Findings


def add_parser(subparsers: Any) -> None:
    """Add `hvs episodes` with its own subcommands."""
    parser = subparsers.add_parser(
        'episodes', help='check, describe, sample and compare benchmark folders',
        description='Look into folders and zips in the format of the benchmark.')
    commands = parser.add_subparsers(
        dest='action', metavar='ACTION', required=True, title='actions')
    for add in (_add_check, _add_stats, _add_lite, _add_overlap):
        add(commands)


def _add_check(commands: Any) -> None:
    parser = commands.add_parser(
        'check', help='name everything that is wrong with a folder',
        description='Name every problem of a folder or zip in one pass, with its file and field. '
        'Exit code 1 when there are problems; notes alone do not count.')
    parser.add_argument('episodes', metavar='DIR', help='split root, parent of them, or zip')
    parser.add_argument('--decode', action='store_true', help='decode every panorama whole')
    parser.add_argument('--json', action='store_true', help='print one JSON object')
    parser.set_defaults(run=check)


def _add_stats(commands: Any) -> None:
    parser = commands.add_parser(
        'stats', help='count and describe the episodes of a folder',
        description='Describe a folder or zip: episodes by split, level and scene, panoramas, '
        "windows, starts, chance; and compare its counts with the benchmark's.")
    parser.add_argument('episodes', metavar='DIR', help='split root, parent of them, or zip')
    parser.add_argument('--json', action='store_true', help='print one JSON object')
    parser.set_defaults(run=stats)


def _add_lite(commands: Any) -> None:
    parser = commands.add_parser(
        'lite', help='draw a smaller set that estimates the whole',
        description='Draw episodes, stratified by split and level, at most one start an item '
        'until every item has one. Writes the ids, which hvs eval --ids reads, and their weights '
        'beside them, with which a run on the ids estimates the whole set without bias.')
    parser.add_argument('episodes', metavar='DIR', help='split root, parent of them, or zip')
    parser.add_argument(
        '--count', type=int, default=500, metavar='N', help='episodes (default: %(default)s)')
    parser.add_argument(
        '--seed', type=int, default=0, metavar='S', help='seed (default: %(default)s)')
    parser.add_argument(
        '--out', type=Path, metavar='FILE', default=Path('lite.txt'),
        help='file of ids to write (default: %(default)s)')
    parser.set_defaults(run=lite)


def _add_overlap(commands: Any) -> None:
    parser = commands.add_parser(
        'overlap', help='find panoramas that two folders share',
        description='Find panoramas of A that B holds, too: the same file, the same pixels, or '
        'the same picture after recompression, resizing, turning in yaw or mirroring. Exit code '
        '1 when there are any.')
    parser.add_argument('first', metavar='A', help='folder or zip of episodes or of pictures')
    parser.add_argument('second', metavar='B', help='folder or zip of episodes or of pictures')
    parser.add_argument('--json', action='store_true', help='print one JSON object')
    parser.set_defaults(run=overlap)


def check(args: argparse.Namespace) -> int:
    """Print every problem; 1 when there are any."""
    from tqdm import tqdm

    from hvs_ros.core.episode_check import check_episodes
    with tqdm(unit='panorama', leave=False, disable=not args.decode or None) as bar:
        def show(done: int, total: int) -> None:
            bar.total = total
            bar.update()

        findings = check_episodes(args.episodes, decode_all=args.decode, on_panorama=show)
    if args.json:
        print(json.dumps({
            'problems': [vars(problem) for problem in findings.problems],
            'count': len(findings.wrong), 'scenes': findings.scenes,
            'episodes': findings.episodes, 'panoramas': findings.panoramas}, indent=1))
    else:
        _print_findings(findings)
    return 1 if findings.wrong else 0


def _print_findings(findings: Findings) -> None:
    for problem in findings.problems:
        print(f'{"note: " if problem.weight == "note" else ""}{problem.sentence}')
    notes = len(findings.problems) - len(findings.wrong)
    files = len({problem.file for problem in findings.wrong})
    beside = f' and {_counted(notes, "note")}' if notes else ''
    summary = f'{_counted(len(findings.wrong), "problem")} in {_counted(files, "file")}'
    print(f'{summary if files else "no problems"}{beside}; '
          f'{_counted(findings.episodes, "episode")} in {_counted(findings.scenes, "scene")} can '
          'be used')


def _counted(count: int, thing: str) -> str:
    return f'{count} {thing}{"" if count == 1 else "s"}'


def stats(args: argparse.Namespace) -> int:
    """Print the description of a dataset."""
    from hvs_ros.core.episode import load_episodes
    from hvs_ros.evaluation.dataset_stats import describe, stats_text
    found = describe(load_episodes(args.episodes))
    print(json.dumps(found, indent=1) if args.json else stats_text(found))
    return 0


def lite(args: argparse.Namespace) -> int:
    """Write the ids of a smaller set and their weights."""
    from hvs_ros.core.episode import load_episodes
    from hvs_ros.evaluation.lite import draw_lite, weights_path, write_lite
    episodes = load_episodes(args.episodes)
    drawn = draw_lite(episodes, args.count, args.seed)
    write_lite(args.out, drawn, args.episodes, episodes.dataset_sha256, args.seed)
    by = f', stratified by {", ".join(drawn.strata)}' if drawn.strata else ''
    print(f'{len(drawn.weights)} of {len(episodes)} episodes{by}: {args.out}, '
          f'weights {weights_path(args.out)}')
    print(f'run them with: hvs eval {args.episodes} --ids {args.out}')
    return 0


def overlap(args: argparse.Namespace) -> int:
    """Print the shared panoramas; 1 when there are any."""
    from tqdm import tqdm

    from hvs_ros.evaluation.overlap import find_overlap, overlap_text
    with tqdm(unit='panorama', leave=False, disable=None, file=sys.stderr) as bar:
        found = find_overlap(args.first, args.second, bar.update)
    print(json.dumps(found.to_dict(), indent=1) if args.json
          else overlap_text(found, args.first, args.second))
    return 1 if found.shared else 0
