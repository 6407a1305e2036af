# SPDX-License-Identifier: Apache-2.0
"""One request to one OpenAI-compatible server: what goes out, and what may come back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
import json
import re
import time
from typing import Any

from hvs_ros.core.errors import InputError
from hvs_ros.planners.answer_form import end_of_answer
from hvs_ros.planners.base import ChatMessage
from hvs_ros.planners.openai_errors import OversizedError, PassingError, openai, translated, within
from hvs_ros.planners.pictures import media_type

try:
    from openai.types.chat import ChatCompletion
    import pybase64
except ImportError as error:
    raise InputError(
        f'the openai planner needs the package {error.name!r}; install hvs_ros with its '
        'dependencies') from error

MOST_BYTES = 4 * 1024 * 1024
"""Far more than any reply of a thousand tokens, streamed or not."""
_BOM = b'\xef\xbb\xbf'
_END_OF_STREAM = re.compile(rb'(?:^|[\r\n])data: ?\[DONE\]')
_END = object()
_HALF = re.compile('[\ud800-\udfff]')


@dataclass
class Answer:
    """Hold what came back; ``first_token_s`` is None where the reply came in one piece."""

    text: str
    finish_reason: str
    model: str
    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    first_token_s: float | None = None
    stopped_early: bool = False
    structured: bool = False


class BoundedClient(openai.DefaultAsyncHttpxClient):
    """
    Read no more of a response than ``MOST_BYTES``.

    It names no class of the HTTP library: the SDK chooses that one, and has changed it once.
    """

    async def send(self, request: Any, *, stream: bool = False, **options: Any) -> Any:
        """Send as the base class does."""
        response = await super().send(request, stream=True, **options)
        setattr(response, 'aiter_bytes', _bounded(response, response.aiter_bytes))  # noqa: B010
        if not stream:
            try:
                await response.aread()
            finally:
                await response.aclose()
        return response


def _bounded(response: Any, iterate: Any) -> Any:
    """Return ``iterate`` with a bound; ``response.said_done`` tells the end of a stream."""
    async def bounded(*words: Any, **options: Any) -> AsyncIterator[bytes]:
        size, last = 0, b'\n'
        async for part in iterate(*words, **options):
            if not size:  # a mark of the byte order, which would cost the first event
                part = part.removeprefix(_BOM)
            size += len(part)
            last = last[-len('\ndata: [DONE]'):] + part
            if _END_OF_STREAM.search(last):
                response.said_done = True
            if size > MOST_BYTES:
                raise OversizedError(
                    f'the server sent more than {MOST_BYTES // 2**20} MiB for one reply')
            yield part
    return bounded


def make_http(proxies: bool, connect_s: float) -> BoundedClient:
    """
    Return an HTTP client that follows no redirect, with pictures in what it sends.

    ``proxies`` says whether those of the environment are used, which may be anywhere.
    """
    timeout = openai.Timeout(None, connect=connect_s)
    if proxies:
        return BoundedClient(timeout=timeout, follow_redirects=False)
    return BoundedClient(
        timeout=timeout, follow_redirects=False,
        mounts=dict.fromkeys(('http://', 'https://', 'all://')))


def wire_message(message: ChatMessage) -> Any:
    """Return the message as the wire has it; one without parts (an empty answer) is ''."""
    content = [_wire_part(part) for part in message.parts
               if isinstance(part, bytes) or part.strip()]
    return {'role': message.role, 'content': content or ''}


def _wire_part(part: str | bytes) -> dict[str, Any]:
    if isinstance(part, str):
        # half of a character, which a model may say, cannot be said again in UTF-8
        return {'type': 'text', 'text': _HALF.sub('\ufffd', part)}
    url = f'data:{media_type(part)};base64,{pybase64.b64encode(part).decode("ascii")}'
    return {'type': 'image_url', 'image_url': {'url': url}}


async def ask_whole(
        client: openai.AsyncOpenAI, request: dict[str, Any], extra: dict[str, Any]) -> Answer:
    """Return the answer to a request whose reply comes in one piece."""
    with_errors = translated(client.chat.completions.create(**request, extra_body=extra))
    return _whole(await with_errors, request['model'])


async def ask_streamed(
        client: openai.AsyncOpenAI, request: dict[str, Any], extra: dict[str, Any], *,
        first_token_s: float, early_stop: bool) -> Answer:
    """
    Return the answer to a request whose reply is streamed.

    ``early_stop`` hangs up where the answer ends. A stream that ends without saying why the
    model stopped has been cut off on its way.
    """
    begun = time.monotonic()
    late = f'no first words within {first_token_s:.3g} s'
    stream = await within(
        translated(client.chat.completions.create(
            **request, stream=True, extra_body=extra)), first_token_s, late)
    try:
        kind = stream.response.headers.get('content-type', '')
        if 'event-stream' not in kind:
            return _whole(await translated(_read_whole(stream, kind)), request['model'])
        reading = _Reading(request['model'], begun)
        chunks = stream.__aiter__()
        while True:
            left = begun + first_token_s - time.monotonic()
            chunk = await (
                translated(_next(chunks)) if reading.begun
                else within(translated(_next(chunks)), max(0.0, left), late))
            if chunk is _END:
                return reading.finished(getattr(stream.response, 'said_done', False))
            reading.add(chunk)
            end = end_of_answer(reading.text) if early_stop and reading.grew else 0
            if end:
                return reading.stopped_at(end)
    finally:
        await stream.close()


async def _next(chunks: Any) -> Any:
    try:
        return await chunks.__anext__()
    except StopAsyncIteration:
        return _END


async def _read_whole(stream: Any, kind: str) -> Any:
    """Return a completion from a server that does not stream."""
    if 'json' not in kind:
        raise PassingError('the server sent something that is not a chat completion')
    content = json.loads(await stream.response.aread())
    return ChatCompletion.construct(**content) if isinstance(content, dict) else content


class _Reading:
    """Gather the chunks of a streamed reply."""

    def __init__(self, model: str, begun: float) -> None:
        self.text, self._finish_reason, self._usage = '', '', None
        self._model, self._begun = model, begun
        self._first_token_s: float | None = None
        self.grew = False

    @property
    def begun(self) -> bool:
        """Return whether any words have come."""
        return self._first_token_s is not None

    def add(self, chunk: Any) -> None:
        """Take one chunk; one without a choice may tell the usage."""
        self.grew = False
        self._usage = getattr(chunk, 'usage', None) or self._usage
        self._model = getattr(chunk, 'model', None) or self._model
        choices = getattr(chunk, 'choices', None)
        for choice in choices if isinstance(choices, (list, tuple)) else ():
            if getattr(choice, 'index', 0):
                continue
            delta = getattr(choice, 'delta', None)
            words = _words(getattr(delta, 'content', None))
            thinks = any(getattr(delta, name, None) for name in ('reasoning_content', 'reasoning'))
            if (words or thinks) and self._first_token_s is None:
                self._first_token_s = time.monotonic() - self._begun
            if words:
                self.text, self.grew = self.text + words, True
            self._finish_reason = getattr(choice, 'finish_reason', None) or self._finish_reason

    def finished(self, said_done: bool) -> Answer:
        """Return the reply, read to its end; some servers say the end and no reason for it."""
        if not self._finish_reason and not (said_done and self.begun):
            raise PassingError('the reply broke off before its end')
        return self._answer(self.text, self._finish_reason or 'stop')

    def stopped_at(self, end: int) -> Answer:
        """Return the reply up to the end of its answer."""
        answer = self._answer(self.text[:end], self._finish_reason or 'early_stop')
        answer.stopped_early = not self._finish_reason
        return answer

    def _answer(self, text: str, finish_reason: str) -> Answer:
        return Answer(text, finish_reason, self._model, *_counts(self._usage),
                      first_token_s=self._first_token_s)


def _whole(completion: Any, model: str) -> Answer:
    choices = getattr(completion, 'choices', None)
    if not isinstance(choices, (list, tuple)) or not choices:
        raise PassingError('the server sent something that is not a chat completion')
    message = getattr(choices[0], 'message', None)
    if message is None:
        raise PassingError('the server sent something that is not a chat completion')
    text = _words(getattr(message, 'content', None))
    reason = getattr(choices[0], 'finish_reason', None)
    named = getattr(completion, 'model', None)
    return Answer(
        text, reason if isinstance(reason, str) else 'stop',
        named if isinstance(named, str) and named else model,
        *_counts(getattr(completion, 'usage', None)))


def _words(content: Any) -> str:
    """Return the words of a reply, which some servers send in parts; null is no words."""
    if content is None or isinstance(content, str):
        return content or ''
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        texts = (part.get('text') for part in content if part.get('type', 'text') == 'text')
        return ''.join(text for text in texts if isinstance(text, str))
    raise PassingError('the server sent something that is not a chat completion')


def _counts(usage: Any) -> tuple[int, int, int]:
    """Return (prompt, completion, cached) tokens, 0 where the server does not tell."""
    details = getattr(usage, 'prompt_tokens_details', None)
    found = (getattr(usage, 'prompt_tokens', 0), getattr(usage, 'completion_tokens', 0),
             getattr(details, 'cached_tokens', 0))
    prompt, completion, cached = (
        count if isinstance(count, int) and count > 0 else 0 for count in found)
    return prompt, completion, cached
