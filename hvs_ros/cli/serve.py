# SPDX-License-Identifier: Apache-2.0
"""
`hvs serve`: benchmark episodes as environments over HTTP, for trainers.

    hvs serve hos_train hps_train --profile published-2026
    HVS_TOKEN=… hvs serve mixed=/data/mixed_rl --host 0.0.0.0 --token-env HVS_TOKEN
"""

from __future__ import annotations

import argparse
import os
from typing import Any

from hvs_ros.core.errors import InputError


def add_parser(subparsers: Any) -> None:
    """Add `hvs serve`."""
    parser = subparsers.add_parser(
        'serve', help='serve episodes as environments over HTTP, for trainers',
        description='Serve the episodes of folders or zips in the format of the benchmark as '
        'environments over HTTP, with the protocol of the published trainers. A configuration '
        'names its episodes by data_path: the path of a ROOT, or its NAME.')
    add = parser.add_argument
    add('roots', metavar='[NAME=]ROOT', nargs='+', help='split root, parent of them, or zip')
    add('--profile', metavar='P', default='published-2026',
        help='published-2025, published-2026 or strict (default: %(default)s)')
    add('--host', default='127.0.0.1', help='address to listen at (default: %(default)s)')
    add('--port', type=int, metavar='N', default=5000, help='0 takes a free one (default: 5000)')
    add('--token-env', metavar='VARIABLE',
        help='ask for the bearer token that this environment variable holds; needed for any '
        'address that others can reach')
    add('--prompts', metavar='PACK', action='append', default=[],
        help='prompt pack instead of the own one of its answer format; may be given several '
        'times')
    add('--max-turns', type=int, metavar='N',
        help='turns that the texts tell of; nothing is cut off there (default: any number)')
    add('--workers', type=int, metavar='N', help='threads that render (default: one a core)')
    add('--cache-mib', type=int, metavar='N', default=1024,
        help='memory for decoded panoramas (default: %(default)s)')
    add('--max-environments', type=int, metavar='N', default=16384,
        help='(default: %(default)s)')
    add('--idle-timeout', type=float, metavar='S', default=43200.0,
        help='seconds after which an unused environment is closed (default: %(default)s)')
    add('--max-body-mib', type=int, metavar='N', default=64, help='(default: %(default)s)')
    add('--max-resolution', type=int, metavar='R', default=2160,
        help='height of a view at most (default: %(default)s)')
    add('--max-batch-mpx', type=int, metavar='N', default=4096,
        help='million pixels of the views of one request (default: %(default)s)')
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Serve until a signal ends it."""
    from hvs_ros.environments.app import make_app
    from hvs_ros.environments.server import bind, is_loopback, run, url_of
    for name in ('max_turns', 'workers', 'cache_mib', 'max_environments', 'idle_timeout',
                 'max_body_mib', 'max_resolution', 'max_batch_mpx'):
        value = getattr(args, name)
        if value is not None and not 0 < value < 1e9:
            raise InputError(f'--{name.replace("_", "-")} must be above 0, not {value}')
    token = _token(args.token_env)
    if token is None and not is_loopback(args.host):
        raise InputError(
            f'--host {args.host} can be reached by others: it needs --token-env VARIABLE')
    bound = bind(args.host, args.port)
    with bound:
        service, index, profile = _service(args)

        def ready() -> None:
            print(f'{sum(map(len, index.roots))} episodes of {index.describe()}\n'
                  f'profile {profile.name}, serving on {url_of(bound)}', flush=True)
        try:
            run(make_app(service, token), bound, service.limits.connections, ready)
        finally:
            service.stop()
    return 0


def _service(args: argparse.Namespace) -> tuple[Any, Any, Any]:
    """Return the service, its episodes and its profile."""
    from hvs_ros.core.panorama import PanoramaCache
    from hvs_ros.core.profile import get_profile
    from hvs_ros.environments.index import EpisodeIndex
    from hvs_ros.environments.packs import load_packs
    from hvs_ros.environments.service import EnvironmentService, Limits
    from hvs_ros.environments.views import Views
    profile, index = get_profile(args.profile), EpisodeIndex(args.roots)
    limits = Limits(
        environments=args.max_environments, idle_s=args.idle_timeout,
        body_bytes=args.max_body_mib << 20, batch_pixels=args.max_batch_mpx * 1_000_000,
        resolution=args.max_resolution)
    service = EnvironmentService(
        index, profile, load_packs(args.prompts), limits=limits,
        views=Views(PanoramaCache(args.cache_mib << 20)), workers=args.workers,
        max_turns=args.max_turns)
    return service, index, profile


def _token(variable: str | None) -> str | None:
    if variable is None:
        return None
    token = os.environ.get(variable, '').strip()
    if not token:
        raise InputError(f'--token-env {variable}: that environment variable is not set')
    return token
