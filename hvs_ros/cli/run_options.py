# SPDX-License-Identifier: Apache-2.0
"""The options that describe a run, and the configuration that they make."""

from __future__ import annotations

import argparse
import os
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hvs_ros.evaluation.config import EvalConfig

PROFILES = ('published-2025', 'published-2026', 'strict')


SWITCHES = {
    'stream': 'have replies sent as they are made, which times their first words',
    'early_stop': 'hang up at the end of the answer (profile strict)',
    'structured_output': "have the server keep to the answer's form (profile strict)",
    'reask': 'ask once more after a reply that is no action (profile strict)'}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add every option that describes a run."""
    add = parser.add_argument
    add('--planner', metavar='SPEC', default='builtin',
        help='builtin, oracle, sweep, random, openai:MODEL@URL, recorded:FILE or a YAML file '
        '(default: %(default)s)')
    add('--driver', choices=('direct', 'graph'), default='direct',
        help='in one loop, or through the live ROS graph (default: %(default)s)')
    add('--isolate', action='store_true',
        help='driver graph: one process a node, instead of all in this one')
    add('--gaze', choices=('virtual', 'physical', 'hybrid'), default='virtual',
        help='driver graph: what turns to a goal (default: %(default)s)')
    add('-p', '--parameter', metavar='NODE.NAME:=VALUE', action='append', default=[],
        help='driver graph: set a parameter of a node; may be given several times')
    add('--profile', metavar='P', default='published-2026',
        help=f'{", ".join(PROFILES)} (default: %(default)s)')
    add('--limit', type=int, metavar='N', help='only the first N episodes')
    add('--ids', '--only-ids', dest='only_ids', metavar='FILE',
        help='only the episodes whose ids the file lists (hvs episodes lite writes one)')
    add('--training-set', metavar='DIR', action='append', default=[],
        help='what the model was trained on: panoramas it shares with EPISODES are told; may be '
        'given several times')
    add('--workers', type=int, metavar='N', default=1,
        help='searches at once; driver graph: graphs, each on a domain of its own (default: '
        '%(default)s)')
    add('--shard', metavar='I/N',
        help='only the I-th of N parts, for N machines; hvs merge puts their runs together')
    add('--cluster', metavar='ADDRESS',
        help='spread the workers over a Ray cluster: its address, auto, or local')
    add('--repeats', type=int, metavar='K', default=1,
        help='searches an episode (default: %(default)s)')
    add('--seed', type=int, metavar='S', default=0, help='seed of the run (default: %(default)s)')
    add('--max-turns', type=int, metavar='N', default=10,
        help='turns a search may take (default: %(default)s)')
    add('--history-turns', type=int, metavar='N', default=5,
        help='views a model is shown, the present one included (default: %(default)s)')
    add('--context', metavar='POLICY', default='',
        help='views a model is shown: published (the latest), append (all), two-round; default: '
        "the planner file's, or published")
    add('--image-size', metavar='WxH', default='',
        help="size of the picture a model is shown (default: the planner file's, or the view's)")
    add('--image-format', metavar='F', default='', help='jpeg or png')
    add('--image-quality', type=int, metavar='Q', default=0, help='quality of that JPEG')
    for name, does in SWITCHES.items():
        add(f'--{name.replace("_", "-")}', action=argparse.BooleanOptionalAction, default=None,
            help=does)
    add('--allow-remote-images', action='store_true',
        help='let views leave for servers beyond this machine and private networks')
    add('--connect-timeout', type=float, metavar='S', help='(default: 5)')
    add('--first-token-timeout', type=float, metavar='S',
        help='seconds a streamed reply may take to begin before it is tried again or elsewhere')
    add('--reply-timeout', type=float, metavar='S', help='seconds one request may take in all')
    add('--prompts', metavar='PACK', default='default', help='prompt pack (default: %(default)s)')
    add('--view', metavar='WxH', default='1920x1080', help='size of a view (default: %(default)s)')
    add('--fov', type=float, metavar='DEG', default=100.0,
        help='horizontal field of view (default: %(default)s)')
    add('--jpeg-quality', type=int, metavar='Q', default=85, help='(default: %(default)s)')
    add('--no-reticle', action='store_true', help='draw no cross into the views')
    add('--give-up-after', type=float, metavar='S', default=10.0,
        help='seconds a model may take for one answer (default: %(default)s)')
    add('--max-consecutive-errors', type=int, metavar='N', default=5,
        help='stop after so many errors in a row (default: %(default)s)')
    add('--price-input', type=float, metavar='P', help='price of a million input tokens')
    add('--price-output', type=float, metavar='P', help='price of a million output tokens')
    add('--max-cost', type=float, metavar='C',
        help='stop once so much is spent, by the usage that the server reports; both prices are '
        'needed')


def asking_of(args: argparse.Namespace) -> dict[str, Any]:
    """Return what the options say of how a model is asked."""
    from hvs_ros.core.errors import InputError
    asking: dict[str, Any] = {
        name: getattr(args, name) for name in ('context', 'image_format', 'image_quality')
        if getattr(args, name)}
    if args.image_size:
        size = re.fullmatch(r'(\d{1,4})x(\d{1,4})', args.image_size)
        if size is None:
            raise InputError(f'--image-size must be WIDTHxHEIGHT, not {args.image_size!r}')
        asking |= {'image_width': int(size[1]), 'image_height': int(size[2])}
    return asking | {
        name: getattr(args, name) for name in SWITCHES if getattr(args, name) is not None}


def waits_of(args: argparse.Namespace) -> dict[str, float]:
    """Return the limits that the options set for one request, in seconds."""
    from hvs_ros.core.errors import InputError
    waits = {}
    for name in ('connect', 'first_token', 'reply'):
        value = getattr(args, f'{name}_timeout')
        if value is not None and not 0 < value <= 3600:
            raise InputError(
                f'--{name.replace("_", "-")}-timeout must be 0 to 3600 s, not {value}')
        if value is not None:
            waits[name] = value
    return waits


def prices_of(args: argparse.Namespace) -> dict[str, float] | None:
    """Return what a million tokens cost, None where neither price is given."""
    from hvs_ros.core.errors import InputError
    given = {'prompt': args.price_input, 'completion': args.price_output}
    if None not in given.values():
        return given
    if any(price is not None for price in given.values()):
        raise InputError('--price-input and --price-output belong together')
    return None


def config_of(args: argparse.Namespace) -> EvalConfig:
    """Return the configuration that the options describe."""
    from hvs_ros.core.errors import InputError
    from hvs_ros.core.profile import get_profile
    from hvs_ros.evaluation.config import EvalConfig, ViewConfig, read_ids
    from hvs_ros.evaluation.lite import weights_for
    size = re.fullmatch(r'(\d{1,5})x(\d{1,5})', args.view)
    if size is None:
        raise InputError(f'--view must be WIDTHxHEIGHT, not {args.view!r}')
    ids = read_ids(args.only_ids) if args.only_ids else None
    return EvalConfig(
        episodes=os.path.abspath(args.episodes), planner=args.planner, driver=args.driver,
        profile=get_profile(args.profile).name, max_turns=args.max_turns,
        view=ViewConfig(
            int(size[1]), int(size[2]), args.fov, not args.no_reticle, args.jpeg_quality),
        history_turns=args.history_turns, prompts=args.prompts, seed=args.seed,
        repeats=args.repeats, limit=args.limit,
        only_ids=ids, weights=weights_for(args.only_ids, ids),
        training_sets=tuple(map(os.path.abspath, args.training_set)), workers=args.workers,
        max_consecutive_errors=args.max_consecutive_errors, give_up_after=args.give_up_after,
        asking=asking_of(args), waits=waits_of(args),
        allow_remote_images=args.allow_remote_images, shard=args.shard, cluster=args.cluster,
        prices=prices_of(args), max_cost=args.max_cost)
