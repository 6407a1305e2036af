# SPDX-License-Identifier: Apache-2.0
"""A chat model behind an OpenAI-compatible server, vLLM's in production."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
import os
import re
import threading
from typing import Any
from urllib.parse import urlsplit

from hvs_ros.core.errors import InputError
from hvs_ros.planners.base import (
    ChatMessage,
    ChatOptions,
    ContextOverflow,
    PlannerUnavailable,
    Reply,
    request_sha256,
)

try:
    import openai
    import pybase64
except ImportError as error:
    raise InputError(
        f'the openai planner needs the package {error.name!r}; install hvs_ros with its '
        'dependencies') from error

MAX_RETRIES = 32  # the total deadline ends the retries, not their number
_OVERFLOW = re.compile(
    r'context.?length|maximum context|max_model_len|longer than the maximum|prompt is too long',
    re.IGNORECASE)
_CLOSED = 'the search was closed'


@dataclass(frozen=True)
class Server:
    """Name a model and the base URL it is served at."""

    model: str
    url: str

    def __str__(self) -> str:
        return f'{self.model} at {self.url}'

    @classmethod
    def of_spec(cls, text: str) -> Server:
        """Return the server that ``MODEL@URL`` names."""
        match = re.fullmatch(r'(.+?)@(https?://.+)', text.strip())
        if match is None:
            raise InputError(f"planner 'openai' needs MODEL@URL with http or https, not {text!r}")
        model, url = match.groups()
        if '@' in url:
            raise InputError(
                f'planner openai:{model}: keep credentials out of the URL; put the key into '
                'OPENAI_API_KEY')
        try:
            parts = urlsplit(url)
            usable = bool(parts.hostname) and parts.port != 0 and not re.search(r'\s', url)
        except ValueError:
            usable = False
        if not usable:
            raise InputError(f'planner openai:{model}: {url!r} is not a usable URL')
        return cls(model, url.rstrip('/'))


class OpenAiChat:
    """
    Complete the dialogues of one search over HTTP, within one total deadline per call.

    The SDK retries connection errors, 408, 409, 429 and 5xx inside the deadline. What the model
    answered is returned whatever it is: empty, cut by the token limit, refused. ``close`` may be
    called from any thread and really closes the request in flight.
    """

    def __init__(
            self, server: Server, options: ChatOptions | None = None,
            give_up_after: float = 10.0) -> None:
        self.server = server
        self.name = server.model
        self.options = ChatOptions() if options is None else options
        self._give_up_after = give_up_after
        self._guard = threading.Lock()
        self._busy = self._closed = False
        self._call: asyncio.Future[Any] | None = None
        self._key = os.environ.get('OPENAI_API_KEY') or 'EMPTY'
        self._loop = asyncio.new_event_loop()
        self._http = _NotingClient(timeout=give_up_after)
        self._client = openai.AsyncOpenAI(
            base_url=server.url, api_key=self._key, max_retries=MAX_RETRIES,
            http_client=self._http)

    def complete(self, messages: Sequence[ChatMessage]) -> Reply:
        """Return the model's reply; raise ``PlannerUnavailable`` when it never answered."""
        with self._guard:
            if self._closed:
                raise PlannerUnavailable(_CLOSED)
            if self._busy:
                raise RuntimeError('a chat model completes one dialogue at a time')
            self._busy = True
        try:
            completion = self._loop.run_until_complete(self._within_deadline(messages))
        finally:
            self._settle()
        sha = request_sha256(self.name, messages, self.options.parameters())
        return self._reply(completion, sha)

    def close(self) -> None:
        """Abort the call in flight and close the connections; later calls are refused."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
            if self._busy:
                self._loop.call_soon_threadsafe(self._abort)
                return
        self._dispose()

    def _abort(self) -> None:
        if self._call is not None:
            self._call.cancel()

    def _settle(self) -> None:
        """Leave no call behind, even after an interrupt, and finish a close that waited."""
        if self._call is not None and not self._call.done():
            self._call.cancel()
            self._loop.run_until_complete(asyncio.wait({self._call}, timeout=1.0))
        self._call = None
        with self._guard:
            self._busy = False
            closed = self._closed
        if closed:
            self._dispose()

    def _dispose(self) -> None:
        self._loop.run_until_complete(self._client.close())
        self._loop.close()

    async def _within_deadline(self, messages: Sequence[ChatMessage]) -> Any:
        if self._closed:
            raise PlannerUnavailable(_CLOSED)
        self._http.last_failure = ''
        self._call = asyncio.ensure_future(self._client.chat.completions.create(
            model=self.name, messages=[_wire_message(message) for message in messages],
            **self.options.parameters()))
        done, _ = await asyncio.wait({self._call}, timeout=self._give_up_after)
        if not done:
            seen = self._http.last_failure
            raise self._unavailable(
                f'no answer within {self._give_up_after:g} s{f" ({seen})" if seen else ""}')
        if self._call.cancelled():
            raise PlannerUnavailable(_CLOSED)
        try:
            return self._call.result()
        except openai.APIStatusError as error:
            raise self._refused(error) from error
        except openai.OpenAIError as error:
            raise self._unavailable(_cause(error)) from error
        except ValueError as error:
            raise self._unavailable('the server sent something that is not JSON') from error

    def _reply(self, completion: Any, sha: str) -> Reply:
        choices = getattr(completion, 'choices', None)
        if not choices:
            raise self._unavailable('the server sent something that is not a chat completion')
        choice, usage = choices[0], completion.usage
        text = choice.message.content if choice.message else None
        return Reply(
            text if isinstance(text, str) else '', finish_reason=choice.finish_reason or 'stop',
            model=completion.model or self.name,
            prompt_tokens=(usage.prompt_tokens or 0) if usage else 0,
            completion_tokens=(usage.completion_tokens or 0) if usage else 0,
            request_sha256=sha)

    def _refused(self, error: openai.APIStatusError) -> PlannerUnavailable:
        status = error.status_code
        if status in (401, 403):
            return self._unavailable(f'the server refused the API key (HTTP {status})')
        said = _one_line(error.message)
        if status == 400 and _OVERFLOW.search(f'{error.code or ""} {error.message}'):
            return ContextOverflow(self._sentence(f'the request is too long (HTTP 400: {said})'))
        return self._unavailable(f'HTTP {status}: {said}')

    def _unavailable(self, why: str) -> PlannerUnavailable:
        return PlannerUnavailable(self._sentence(why))

    def _sentence(self, why: str) -> str:
        sentence = f'{self.server} did not answer: {why}'
        return sentence if self._key == 'EMPTY' else sentence.replace(self._key, '***')


class _NotingClient(openai.DefaultAsyncHttpxClient):
    """
    Note the latest failure, which the SDK's retries would hide behind our deadline.

    It names no class of the HTTP library: the SDK chooses that one, and has changed it once.
    """

    last_failure = ''

    async def send(self, request: Any, **options: Any) -> Any:
        """Send as the base class does."""
        try:
            response = await super().send(request, **options)
        except Exception as error:
            self.last_failure = _one_line(str(error)) or type(error).__name__
            raise
        if response.status_code >= 400:
            self.last_failure = f'HTTP {response.status_code}'
        return response


def _wire_message(message: ChatMessage) -> Any:
    """Return the message as the wire has it; one without parts (an empty answer) is ''."""
    content = [_wire_part(part) for part in message.parts
               if isinstance(part, bytes) or part.strip()]
    return {'role': message.role, 'content': content or ''}


def _wire_part(part: str | bytes) -> dict[str, Any]:
    if isinstance(part, str):
        return {'type': 'text', 'text': part}
    url = f'data:image/jpeg;base64,{pybase64.b64encode(part).decode("ascii")}'
    return {'type': 'image_url', 'image_url': {'url': url}}


def _cause(error: BaseException) -> str:
    """Return the innermost cause that says something: the SDK's own text is only 'error'."""
    said = ''
    seen: BaseException | None = error
    while seen is not None:
        said = _one_line(str(seen)) or said
        seen = seen.__cause__
    return said or type(error).__name__


def _one_line(text: str) -> str:
    line = ' '.join(text.split())
    return line if len(line) <= 200 else f'{line[:200]}…'
