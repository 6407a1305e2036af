# SPDX-License-Identifier: Apache-2.0
"""The environment service over HTTP: its routes, field by field, and what it refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
import hmac
import logging
import os
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from hvs_ros.core.errors import HvsError, InputError
from hvs_ros.environments.environment import OrderError
from hvs_ros.environments.service import (
    ENV_NAME,
    EnvironmentService,
    FullError,
    TooMuchError,
    UnknownIdError,
)
from hvs_ros.environments.wire import dump, id_list, ids_to, listed, load, member, named

Handler = Callable[[Request], Awaitable[Response]]
LOG = logging.getLogger('hvs_ros.environments')
JSON = 'application/json'
# The most particular first: the first that fits an error is its status.
STATUSES: tuple[tuple[type[HvsError], int], ...] = (
    (UnknownIdError, 404), (OrderError, 409), (TooMuchError, 413), (FullError, 429),
    (InputError, 400), (HvsError, 500))
_LARGE = 1 << 16
_DISCARDED = 1 << 28


def make_app(service: EnvironmentService, token: str | None = None) -> Starlette:
    """Return the application; with a token, every route but /health asks for it."""
    routes = _Routes(service)

    def route(path: str, handler: Handler, method: str, *, open_to_all: bool = False) -> Route:
        return Route(path, _guarded(handler, None if open_to_all else token), methods=[method])

    return Starlette(
        routes=[
            route('/health', routes.health, 'GET', open_to_all=True),
            route('/environments', routes.create, 'POST'),
            route('/batch/reset', routes.batch_reset, 'POST'),
            route('/batch/step', routes.batch_step, 'POST'),
            route('/batch/reward', routes.batch_reward, 'POST'),
            route('/batch/system_prompt', routes.batch_system_prompt, 'POST'),
            route('/batch/close', routes.batch_close, 'POST'),
            route('/reset/{env_id:path}', routes.reset, 'POST'),
            route('/step/{env_id:path}', routes.step, 'POST'),
            route('/reward/{env_id:path}', routes.reward, 'GET'),
            route('/system_prompt/{env_id:path}', routes.system_prompt, 'GET'),
            route('/close/{env_id:path}', routes.close, 'DELETE')],
        exception_handlers={HTTPException: _refused, Exception: _failed})


class _Routes:
    """Read what a request says, have the service do it, write what it returns."""

    def __init__(self, service: EnvironmentService) -> None:
        self._service = service

    async def health(self, request: Request) -> Response:
        return _json({
            'status': 'ok', 'message': 'the environment service is running',
            'registered_envs': [ENV_NAME], 'active_services': [ENV_NAME],
            'active_environments': len(self._service)})

    async def create(self, request: Request) -> Response:
        self._service.create(await self._body(request))
        return _json({'success': True})

    async def batch_reset(self, request: Request) -> Response:
        seeds = ids_to(await self._body(request), 'ids2seeds')
        return _pieces(listed(await self._service.reset(seeds)))

    async def batch_step(self, request: Request) -> Response:
        actions = ids_to(await self._body(request), 'ids2actions')
        return _pieces(listed(await self._service.step(actions)))

    async def batch_reward(self, request: Request) -> Response:
        return _json({'rewards': self._service.rewards(id_list(await self._body(request)))})

    async def batch_system_prompt(self, request: Request) -> Response:
        prompts = self._service.system_prompts(id_list(await self._body(request)))
        return _json({'system_prompts': prompts})

    async def batch_close(self, request: Request) -> Response:
        self._service.close(id_list(await self._body(request)))
        return _json({'status': 'success'})

    async def reset(self, request: Request) -> Response:
        name = request.path_params['env_id']
        payload = await self._body(request)
        # As published: without a body, without a seed and with null it is the first episode.
        seed = member({'seed': None, **payload} if isinstance(payload, dict)
                      else payload or {'seed': None}, 'seed')
        shown = await self._service.reset({name: seed})
        return _pieces(named(shown[name], ('info',)))

    async def step(self, request: Request) -> Response:
        name = request.path_params['env_id']
        action = member(await self._body(request), 'action')
        shown = await self._service.step({name: action})
        return _pieces(named(shown[name], ('reward', 'done', 'info')))

    async def reward(self, request: Request) -> Response:
        name = request.path_params['env_id']
        return _json({'reward': self._service.rewards([name])[name]})

    async def system_prompt(self, request: Request) -> Response:
        name = request.path_params['env_id']
        return _json({'system_prompt': self._service.system_prompts([name])[name]})

    async def close(self, request: Request) -> Response:
        self._service.close([request.path_params['env_id']])
        return _json({'status': 'success'})

    async def _body(self, request: Request) -> Any:
        """Return what the body says, within the limits of size and time."""
        limits = self._service.limits
        try:
            body = await asyncio.wait_for(_read(request, limits.body_bytes), limits.body_s)
        except asyncio.TimeoutError as error:
            raise HTTPException(408, f'the body took longer than {limits.body_s:g} s') from error
        kind = request.headers.get('content-type', '').partition(';')[0].strip().lower()
        if body and kind != JSON:
            raise HTTPException(415, f'the content type must be {JSON}, not {kind[:60]!r}')
        if len(body) < _LARGE:
            return load(body)
        return await asyncio.get_running_loop().run_in_executor(None, load, body)


async def _read(request: Request, most: int) -> bytes:
    """
    Read a body; keep none of one that is too large.

    Some more of it is read all the same: a client still sending would not hear the answer.
    """
    pieces: list[bytes] = []
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > most + _DISCARDED:
            break
        if size > most:
            pieces.clear()
        else:
            pieces.append(piece)
    if size > most:
        raise HTTPException(413, f'the body is larger than {most} bytes')
    return b''.join(pieces)


def _guarded(handler: Handler, token: str | None) -> Handler:
    """Return the handler behind the token, with errors told as JSON."""
    async def guarded(request: Request) -> Response:
        if token is not None and not _knows(request, token):
            return _json({'error': 'this service asks for its bearer token'}, 401,
                         {'WWW-Authenticate': 'Bearer'})
        try:
            return await handler(request)
        except HvsError as error:
            status = next(code for kind, code in STATUSES if isinstance(error, kind))
            if status == 500:
                cause = error.__cause__
                LOG.error('%s %s: %s', request.method, request.url.path, error,
                          exc_info=None if isinstance(cause, HvsError) else cause)
            return _json({'error': str(error)}, status)
        except ClientDisconnect:
            return _json({'error': 'the client left before the end of its request'}, 400)
    return guarded


def _knows(request: Request, token: str) -> bool:
    scheme, _, given = request.headers.get('authorization', '').partition(' ')
    # header bytes arrive as Latin-1, the token's as the file system's encoding
    return scheme.lower() == 'bearer' and hmac.compare_digest(
        given.strip().encode('latin-1', 'replace'), os.fsencode(token))


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    headers = dict(error.headers or {})
    if error.status_code == 413 or error.status_code == 408:
        headers['Connection'] = 'close'  # the rest of the body is not waited for
    return _json({'error': error.detail}, error.status_code, headers)


async def _failed(request: Request, error: Exception) -> Response:
    return _json({'error': f'{type(error).__name__}: {error}'}, 500)


def _json(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(dump(value), status, headers, JSON)


def _pieces(pieces: Iterable[bytes]) -> Response:
    """Return an answer of many pieces, which are never copied into one."""
    held = tuple(pieces)
    if sum(map(len, held)) < _LARGE:
        return Response(b''.join(held), media_type=JSON)

    async def sent() -> AsyncIterator[bytes]:
        for piece in held:
            yield piece
    return StreamingResponse(
        sent(), media_type=JSON, headers={'Content-Length': str(sum(map(len, held)))})
