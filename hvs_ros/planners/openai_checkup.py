# SPDX-License-Identifier: Apache-2.0
"""A look at each server of a model, before it is asked in earnest: what it is and what it can."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
import json
from typing import Any

from hvs_ros.planners.answer_form import FIELDS
from hvs_ros.planners.openai_errors import (
    FilteredError,
    PassingError,
    RefusedError,
    TooLongError,
    within,
)
from hvs_ros.planners.openai_probe import find_structured_field, get, vllm_version
from hvs_ros.planners.openai_wire import ask_whole
from hvs_ros.planners.servers import ServerState

Finding = tuple[str, str, str]
LISTED = 6
"""Models that are named when the one that was asked for is not there."""


async def check_server(
        client: Any, http: Any, model: str, state: ServerState, limit_s: float
) -> list[Finding]:
    """Return (level, name, text) of what was found; nothing that a server does raises."""
    where = state.server.url
    try:
        text = await within(
            _say_hello(client, model), limit_s, f'no answer to a few words within {limit_s:g} s')
    except (RefusedError, PassingError, TooLongError, FilteredError) as error:
        status = getattr(error, 'status', 0)
        findings: list[Finding] = [
            ('ok' if status else 'bad', 'server', f'{where} ' + (
                'is reachable' if status else f'cannot be used: {error}'))]
        if status:
            findings += [('bad', 'model', f'{model}: {error}'), *await _models(http, model, state)]
        return findings
    version = await vllm_version(http, state)
    found: list[Finding] = [
        ('ok', 'server', f'{where} is reachable' + (f', vLLM {version}' if version else '')),
        ('ok', 'model', f'{model} answers ({text[:30]!r})')]
    return [*found, await _structured(client, http, model, state, limit_s)]


async def _say_hello(client: Any, model: str) -> str:
    answer = await ask_whole(client, {
        'messages': [{'role': 'user', 'content': 'Say hello.'}], 'model': model,
        'max_tokens': 8, 'temperature': 0}, {})
    return answer.text


async def _structured(
        client: Any, http: Any, model: str, state: ServerState, limit_s: float) -> Finding:
    try:
        state.structured = field = await within(
            find_structured_field(client, http, model, state), limit_s, 'no answer in time')
    except PassingError as error:
        return 'note', 'structured output', f'not known: {error}'
    if field:
        return 'ok', 'structured output', f'kept to (field {field})'
    return ('note', 'structured output',
            f'not kept to ({", ".join(FIELDS)} tried); answers are checked here all the same')


async def _models(http: Any, model: str, state: ServerState) -> Sequence[Finding]:
    """Return what models the server lists; some list none, which says nothing."""
    status, content = await get(http, f'{state.server.url}/models')
    try:
        names = [str(entry['id']) for entry in json.loads(content)['data']]
    except (ValueError, KeyError, TypeError):
        return ()
    if status != 200 or not names or model in names:
        return ()
    more = f' and {len(names) - LISTED} more' if len(names) > LISTED else ''
    return [('note', 'models there', ', '.join(names[:LISTED]) + more)]


def look_at(servers: Sequence[ServerState], chat: Any, limit_s: float) -> list[Finding]:
    """Return the findings about every server, asked through the connections of ``chat``."""
    async def look() -> list[Finding]:
        found = await asyncio.gather(*(chat.check(state, limit_s) for state in servers))
        return [finding for part in found for finding in part]

    return list(chat.work.run(look()))
