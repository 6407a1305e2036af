# SPDX-License-Identifier: Apache-2.0
"""
`hvs report`: the tables and the page of a run, made anew from its lines.

    hvs report runs/builtin
    hvs report runs/builtin --episodes /data/hos_bench.zip --assets runs/builtin/assets
    hvs report runs/builtin --no-images --out builtin.html
    hvs report runs/builtin --format latex > table.tex
    hvs report runs/builtin --format submission --out handed_in
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hvs_ros.evaluation.results import Results

FORMATS = ('html', 'markdown', 'latex', 'csv', 'harness', 'submission')
EMBED = 500


def add_parser(subparsers: Any) -> None:
    """Add `hvs report`."""
    parser = subparsers.add_parser(
        'report', help='tables and HTML report of a run, or its results in other forms',
        description='Rebuild metrics.json and report.html from the lines of a run, finished or '
        'not, and print its tables; or write its results in another form.')
    add = parser.add_argument
    add('run_folder', metavar='RUN', help='run folder')
    add('--format', choices=FORMATS, default='html', metavar='F',
        help=f'{", ".join(FORMATS)} (default: %(default)s)')
    add('--out', metavar='PATH',
        help='where to: a file (html: RUN/report.html, others: printed), for submission and the '
        'count files of harness a folder')
    add('--episodes', metavar='EPISODES', help='html: where the dataset lies now, if it has moved')
    add('--embed', type=int, metavar='N', default=EMBED,
        help='html: episodes told in full; of more, all errors and disagreements, the worst and '
        'best, and a sample (default: %(default)s)')
    add('--assets', metavar='DIR',
        help='html: tell all episodes, with everything in files in DIR instead of in the page')
    add('--no-images', action='store_true',
        help='html: without pictures, so that the page can be shared')
    add('--allow-incomplete', action='store_true',
        help='latex, csv, harness, submission: also of a run with unscored episodes, labelled so '
        'and with bounds')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Write what is derived from the run's lines."""
    from hvs_ros.core.errors import InputError
    from hvs_ros.evaluation.results import Results
    if args.embed < 0:
        raise InputError(f'--embed must be at least 0, not {args.embed}')
    if args.assets and args.no_images:
        raise InputError('--assets holds pictures, which --no-images leaves out: choose one')
    results = Results.of(args.run_folder)
    if args.format == 'html':
        _html(results, args)
    elif args.format == 'submission':
        _submission(results, args)
    elif args.format == 'harness' and args.out:
        from hvs_ros.evaluation.formats.harness import write_counts
        for path in write_counts(results, Path(args.out), args.allow_incomplete):
            print(f'Counts: {path}')
    else:
        _text(results, args)
    return 0


def _html(results: Results, args: argparse.Namespace) -> None:
    from hvs_ros.evaluation.report import REPORT, PageOptions, write_metrics, write_page
    from hvs_ros.evaluation.tables import text_tables
    options = PageOptions(
        args.embed, Path(args.assets) if args.assets else None, not args.no_images, args.episodes)
    path = Path(args.out) if args.out else results.folder / REPORT
    if not args.out:
        write_metrics(results)
    write_page(results, path, options)
    print(text_tables(results.metrics))
    print(f'Report: {path}')


def _submission(results: Results, args: argparse.Namespace) -> None:
    from hvs_ros.evaluation.formats.submission import write_submission
    folder = Path(args.out) if args.out else results.folder / 'submission'
    for path in write_submission(results, folder, args.allow_incomplete):
        print(f'Submission: {path}')


def _text(results: Results, args: argparse.Namespace) -> None:
    from hvs_ros.evaluation.formats.harness import harness
    from hvs_ros.evaluation.formats.latex import latex
    from hvs_ros.evaluation.formats.markdown import markdown
    from hvs_ros.evaluation.formats.spreadsheet import spreadsheet
    from hvs_ros.evaluation.run_files import write_atomically
    refusing = {'latex': latex, 'csv': spreadsheet, 'harness': harness}
    if args.format == 'markdown':
        text = markdown(results)
    else:
        text = refusing[args.format](results, args.allow_incomplete)
    if args.out:
        write_atomically(Path(args.out), text)
    else:
        print(text, end='')
