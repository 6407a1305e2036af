# SPDX-License-Identifier: Apache-2.0
"""What a server is and can do, found out once: its version, whether it keeps to a form."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from hvs_ros.planners.answer_form import fields_for, keeps_to, request_field
from hvs_ros.planners.openai_errors import (
    FilteredError,
    PassingError,
    RefusedError,
    TooLongError,
    openai,
)
from hvs_ros.planners.openai_wire import ask_whole
from hvs_ros.planners.servers import ServerState

LOOK_S = 2.0
_ODD_FORM = 'hvs-[0-9]{4}'
"""A form that no model keeps to unless it is made to."""


async def vllm_version(http: Any, state: ServerState) -> str:
    """Return the version at the server's /version, as vLLM has it, '' for any other server."""
    if state.version is None:
        status, content = await get(http, f'{state.server.root}/version')
        try:
            version = json.loads(content)['version'] if status == 200 else ''
        except (ValueError, KeyError, TypeError):
            version = ''
        state.version = version if isinstance(version, str) else ''
    return state.version


async def is_up(http: Any, state: ServerState) -> bool:
    """Return whether the server answers at /health; one without that address is up, too."""
    status, _ = await get(http, f'{state.server.root}/health')
    return 0 < status < 500


async def find_structured_field(
        client: openai.AsyncOpenAI, http: Any, model: str, state: ServerState) -> str:
    """
    Return the field that makes the server keep to a form, '' when none does.

    Each is tried with a form that no model would keep to by itself: servers accept fields they do
    not know and ignore them.
    """
    request = {
        'messages': [{'role': 'user', 'content': 'Say hello.'}], 'model': model,
        'max_tokens': 16, 'temperature': 0}
    for name in fields_for(await vllm_version(http, state)):
        try:
            answer = await ask_whole(client, request, request_field(name, _ODD_FORM))
        except (RefusedError, FilteredError, TooLongError):
            continue
        except PassingError:
            # some break on a field they do not know: then all is well without it
            await ask_whole(client, request, {})
            continue
        if keeps_to(_ODD_FORM, answer.text):
            return name
    return ''


async def get(http: Any, url: str) -> tuple[int, bytes]:
    """Return (HTTP status, content) of an address, (0, b'') without an answer in time."""
    try:
        response = await asyncio.wait_for(http.get(url), LOOK_S)
        return response.status_code, response.content
    except Exception:  # the HTTP library's own errors, which only it can name
        return 0, b''
