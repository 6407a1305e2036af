# SPDX-License-Identifier: Apache-2.0
"""
`hvs prompts`: list, show and import prompt packs.

    hvs prompts list
    hvs prompts show answer_only --task path
    hvs prompts import ~/clones/hstar --out prompts
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

_SAMPLES = {'object': 'Find the red fire extinguisher', 'path': 'Go to the exit'}
_VIEW = '<view>'


def add_parser(subparsers: Any) -> None:
    """Add `hvs prompts` with its own subcommands."""
    parser = subparsers.add_parser(
        'prompts', help='list, show and import prompt packs',
        description='A prompt pack holds every word that a model is told.')
    commands = parser.add_subparsers(
        dest='action', metavar='ACTION', required=True, title='actions')
    listing = commands.add_parser('list', help='name the packs that ship with the package')
    listing.set_defaults(run=list_packs)
    showing = commands.add_parser(
        'show', help='print every text of a pack as it is sent',
        description='Print every text of a pack as it is sent, filled in for a sample task; the '
        f'place of the view is marked {_VIEW}.')
    showing.add_argument('pack', metavar='PACK', help='a name in config/prompts, or a YAML file')
    showing.add_argument(
        '--task', choices=tuple(_SAMPLES), help='only this kind of search (default: both)')
    showing.add_argument('--instruction', metavar='TEXT', help='the sample task')
    showing.set_defaults(run=show)
    importing = commands.add_parser(
        'import', help='build packs from your own clone of the published harness',
        description='Read the prompt module of a clone of the published harness, as text: it is '
        'never run. Writes one pack for each answer format. The words stay yours to keep: they '
        'are under the licence of the harness, not under that of this package.')
    importing.add_argument('checkout', metavar='CHECKOUT', type=Path,
                           help='the clone, or its prompt module')
    importing.add_argument('--out', metavar='DIR', type=Path, default=Path('prompts'),
                           help='folder for the packs (default: %(default)s)')
    importing.add_argument('--name', metavar='NAME', default='published',
                           help='their names begin so (default: %(default)s)')
    importing.add_argument('--format', metavar='F', action='append', default=[],
                           help='only this answer format; may be given several times')
    importing.set_defaults(run=import_packs)


def list_packs(args: argparse.Namespace) -> int:
    """Print the packs in config/prompts with their answer formats."""
    from hvs_ros.core.prompts import load_prompts
    from hvs_ros.core.share import share_path
    for path in sorted(share_path('config/prompts').glob('*.yaml')):
        pack = load_prompts(path)
        print(f'{path.stem:<24} {pack.answer_format:<12} {pack.sha256[:12]}  {path}')
    return 0


def show(args: argparse.Namespace) -> int:
    """Print the texts of a pack."""
    from hvs_ros.core.prompts import load_prompts, sample_texts
    pack = load_prompts(args.pack)
    print(f'# {pack.name}: answer format {pack.answer_format}, sha256 {pack.sha256}')
    for kind, instruction in _SAMPLES.items():
        if args.task in (None, kind):
            for title, text in sample_texts(pack, kind, args.instruction or instruction, _VIEW):
                print(f'\n## {kind} search: {title}\n{text}')
    return 0


def import_packs(args: argparse.Namespace) -> int:
    """Write the packs of a clone and check that each can be used."""
    from hvs_ros.core.prompt_import import import_prompts, write_pack
    for pack in import_prompts(args.checkout, args.format):
        path = args.out / f'{args.name}_{pack.answer_format}.yaml'
        written = write_pack(pack, path)
        print(f'{path}: answer format {pack.answer_format}, sha256 {written.sha256[:12]}, '
              f'from {pack.source}')
        for sentence in pack.missing:
            print(f'  not found: {sentence}')
    return 0
