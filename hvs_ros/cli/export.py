# SPDX-License-Identifier: Apache-2.0
"""
`hvs export`: searches and seeds for trainers.

    hvs export sft runs/teacher --only success --out sft
    hvs export rl DATA/hos_train --out train.parquet --set resolution=720
"""

from __future__ import annotations

import argparse
from pathlib import Path
import sys
from typing import Any


def add_parser(subparsers: Any) -> None:
    """Add `hvs export` with its own subcommands."""
    parser = subparsers.add_parser(
        'export', help="write a run's searches, or a dataset's seeds, for trainers",
        description='Write data for fine-tuning. A dataset that does not say that it is for '
        'training counts as a benchmark and is refused.')
    commands = parser.add_subparsers(
        dest='action', metavar='ACTION', required=True, title='actions')
    _add_sft(commands)
    _add_rl(commands)


def _add_sft(commands: Any) -> None:
    parser = commands.add_parser(
        'sft', help='ShareGPT rows of the searches of a run, for LLaMA-Factory',
        description='Write ShareGPT rows, the images that the model saw (rendered anew and '
        'checked against the hashes in the records) and dataset_info.json.')
    add = parser.add_argument
    add('run_folder', metavar='RUN', help='run folder')
    add('--out', metavar='DIR', type=Path, required=True, help='folder for rows and images')
    add('--only', metavar='OUTCOME', action='append',
        help='searches that ended so, several with commas between (default: success)')
    add('--valid-only', action='store_true', help='leave out searches with an invalid answer')
    add('--name', metavar='NAME', default='hvs_sft',
        help='name of the set (default: %(default)s)')
    add('--episodes', metavar='EPISODES', help='where the dataset lies now, if it has moved')
    add('--prompts', metavar='PACK',
        help='prompt pack to word the dialogues with, for a planner that has none')
    add('--allow-benchmark', action='store_true',
        help='the dataset is no benchmark, or will not be used as one')
    parser.set_defaults(run=sft)


def _add_rl(commands: Any) -> None:
    parser = commands.add_parser(
        'rl', help='rows for the published trainer, one a seed, as parquet',
        description='Write the parquet file that the published trainer reads: one row for each '
        'seed of the environment. Needs the extra [train].')
    add = parser.add_argument
    add('dataset', metavar='DATASET', help='split root, or parent of split roots')
    add('--out', metavar='FILE', type=Path, required=True, help='parquet file to write')
    add('--split', default='train', metavar='S',
        help='train or test, as the rows say (default: %(default)s)')
    add('--count', type=int, metavar='N', help='only the first N seeds of each folder')
    add('--set', metavar='KEY=VALUE', action='append', default=[],
        help='set a key of env_config; may be given several times')
    add('--data-path', metavar='PATH', help="where the trainer's environment finds the folder")
    add('--allow-benchmark', action='store_true',
        help='the dataset is no benchmark, or will not be used as one')
    parser.set_defaults(run=rl)


def sft(args: argparse.Namespace) -> int:
    """Write the rows; 1 when a search could not be told again."""
    from tqdm import tqdm

    from hvs_ros.learning.export import sft_rows, write_sft
    only = tuple(outcome for words in args.only or ('success',) for outcome in words.split(','))
    rows = sft_rows(
        args.run_folder, only=only, episodes=args.episodes, prompts=args.prompts,
        valid_only=args.valid_only, allow_benchmark=args.allow_benchmark)
    summary = write_sft(
        args.out, iter(tqdm(rows, unit='search', leave=False, disable=None)), args.name)
    for left in summary.left_out:
        print(f'left out: {left.id}, repeat {left.repeat}: {left.reason}', file=sys.stderr)
    if not summary.rows:
        print(f'{args.run_folder}: nothing to write, no search that ended in '
              f'{" or ".join(only)}' + (' can be used' if summary.left_out else ''),
              file=sys.stderr)
        return 1
    print(f'{summary.rows} searches with {summary.images} images: '
          f'{args.out / args.name}.json, listed in {args.out / "dataset_info.json"}')
    return 1 if summary.left_out and not args.valid_only else 0


def rl(args: argparse.Namespace) -> int:
    """Write the parquet file."""
    from hvs_ros.environments.config import EnvConfig
    from hvs_ros.learning.export import rl_rows, write_rl
    rows = rl_rows(
        args.dataset, split=args.split, count=args.count, config=_settings(args.set),
        data_path=args.data_path, allow_benchmark=args.allow_benchmark)
    EnvConfig.from_dict(rows[0]['extra_info']['env_config'])
    write_rl(args.out, rows)
    folders = sorted({row['extra_info']['env_config']['data_path'] for row in rows})
    print(f'{len(rows)} rows for {", ".join(folders)}: {args.out}')
    return 0


def _settings(words: list[str]) -> dict[str, Any]:
    import yaml

    from hvs_ros.core.errors import InputError
    from hvs_ros.core.plain_yaml import load_plain_yaml
    settings = {}
    for word in words:
        key, sign, value = word.partition('=')
        if not sign:
            raise InputError(f'--set must be KEY=VALUE, not {word!r}')
        try:
            settings[key] = load_plain_yaml(value)
        except yaml.YAMLError as error:
            raise InputError(f'--set {key}: {value!r} cannot be read') from error
    return settings
