# SPDX-License-Identifier: Apache-2.0
"""Run the environment service on a socket until a signal ends it."""

from __future__ import annotations

from collections.abc import Callable
import ipaddress
import logging
import socket

from starlette.types import ASGIApp
import uvicorn

from hvs_ros.core.errors import InputError

KEEP_ALIVE_S = 75
_SHUTDOWN_S = 10


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach an address or name."""
    if host == 'localhost':
        return True
    try:
        return ipaddress.ip_address(host.strip('[]')).is_loopback
    except ValueError:
        return False


def bind(host: str, port: int) -> socket.socket:
    """Return a socket bound there; port 0 takes a free one. Raise ``InputError``."""
    if not 0 <= port <= 65535:
        raise InputError(f'cannot serve on port {port}: ports are 0 to 65535')
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip('[]'), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        bound = socket.socket(family, kind, protocol)
        try:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(address)
        except OSError:
            bound.close()
            raise
    except (OSError, OverflowError, UnicodeError) as error:
        raise InputError(f'cannot serve on {host} port {port}: {error}') from error
    return bound


def url_of(bound: socket.socket) -> str:
    """Return the address that clients use."""
    host, port = bound.getsockname()[:2]
    return f'http://[{host}]:{port}' if ':' in host else f'http://{host}:{port}'


def run(app: ASGIApp, bound: socket.socket, connections: int, ready: Callable[[], None]) -> None:
    """Serve until SIGINT or SIGTERM; requests under way are finished first."""
    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            ready()

    logging.basicConfig(format='%(levelname)s %(name)s: %(message)s')
    Server(uvicorn.Config(
        app, log_config=None, access_log=False, lifespan='off', ws='none', server_header=False,
        backlog=2048, limit_concurrency=connections, timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=_SHUTDOWN_S)).run(sockets=[bound])
