# SPDX-License-Identifier: Apache-2.0
"""
The `hvs` command: finds the subcommand, runs it and turns errors into one sentence.

    hvs --help
    hvs eval EPISODES --planner builtin --driver direct --out runs/first
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module
import os
import sys
from types import ModuleType

from hvs_ros import __version__
from hvs_ros.core.errors import HvsError

# A module may serve several commands; its add_parser then adds all of them.
COMMANDS: tuple[tuple[str, str, str], ...] = (
    ('demo', 'demo', 'search the bundled panoramas with a live graph and score the searches'),
    ('up', 'up', 'run a deployment: replay, simulation or robot'),
    ('find', 'find', 'send an object search to a running graph and follow it'),
    ('go', 'find', 'send a path search to a running graph and follow it'),
    ('eval', 'eval', 'score a planner on a benchmark folder'),
    ('report', 'report', 'tables and HTML report of a run, or its results in other forms'),
    ('merge', 'merge', 'put the runs of shards together'),
    ('compare', 'compare', 'compare two runs, search by search'),
    ('convert', 'convert', "write any camera's frame as an equirectangular panorama"),
    ('scenes', 'scenes', 'make procedural benchmark episodes'),
    ('episodes', 'episodes', 'check, describe, sample and compare benchmark folders'),
    ('prompts', 'prompts', 'list, show and import prompt packs'),
    ('export', 'export', "write a run's searches, or a dataset's seeds, for trainers"),
    ('conformance', 'conformance', 'check the scoring rules against recorded cases'),
    ('train', 'train', 'train a grounder on procedural scenes, and score it'),
    ('serve', 'serve', 'serve episodes as environments over HTTP, for trainers'),
    ('bench', 'bench', 'measure rendering, turns and the live graph'),
    ('doctor', 'doctor', 'show what works on this machine'),
)
EXTRAS = {
    'rclpy': 'ros', 'std_msgs': 'ros', 'sensor_msgs': 'ros', 'geometry_msgs': 'ros',
    'torch': 'transformers', 'transformers': 'transformers', 'vllm': 'vllm', 'mujoco': 'sim',
    'pyarrow': 'train', 'onnx': 'train',
    'starlette': 'serve', 'uvicorn': 'serve', 'gymnasium': 'gym',
    'ray': 'cluster',
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 fine, 2 bad input, 130 interrupted."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        args = _parse(arguments)
        return int(args.run(args) or 0)
    except HvsError as error:
        return _fail(str(error))
    except ModuleNotFoundError as error:
        if (error.name or '').startswith('hvs_ros'):
            raise
        return _fail(_missing(error))
    except BrokenPipeError:
        # The reader went away; a second flush at exit must not complain about it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        return _fail(f'{error.filename}: {error.strerror}' if error.filename else str(error))
    except KeyboardInterrupt:
        return 130


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Return the parsed command; NAME:=VALUE words may also stand behind options."""
    parser = _parser(arguments)
    args, rest = parser.parse_known_args(arguments)
    words: list[str] | None = getattr(args, 'arguments', None)
    stray = [word for word in rest if word.startswith('-') or ':=' not in word or words is None]
    if stray:
        parser.error(f'unrecognized arguments: {" ".join(stray)}')
    if words is not None:
        words += rest
    return args


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='hvs', description='Humanoid visual search on ROS 2.', allow_abbrev=False)
    parser.add_argument('--version', action='version', version=f'hvs {__version__}')
    subparsers = parser.add_subparsers(
        dest='command', metavar='COMMAND', required=True, title='commands')
    chosen = next((word for word in arguments if not word.startswith('-')), None)
    wanted = {module for name, module, _ in COMMANDS if name == chosen}
    for name, module, summary in COMMANDS:
        if module not in wanted:
            subparsers.add_parser(name, help=summary)
    for module in wanted:
        _load(module).add_parser(subparsers)
    return parser


def _load(module: str) -> ModuleType:
    return import_module(f'hvs_ros.cli.{module}')


def _missing(error: ModuleNotFoundError) -> str:
    package = (error.name or '').partition('.')[0]
    extra = EXTRAS.get(package)
    how = f"pip install 'hvs_ros[{extra}]'" if extra else f'pip install {package}'
    return f'this needs the package {package}, which is not installed here: {how}'


def _fail(sentence: str) -> int:
    print(f'hvs: error: {sentence}', file=sys.stderr)
    return 2


if __name__ == '__main__':
    sys.exit(main())
