# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between a model's server and us, sorted by what can be done about it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from email.utils import parsedate_to_datetime
import re
import time
from typing import Any, TypeVar

from hvs_ros.core.errors import InputError

try:
    import openai
except ImportError as error:
    raise InputError(
        "the openai planner needs the package 'openai'; install hvs_ros with its dependencies"
    ) from error

PASSING_STATUS = (408, 409, 425, 429)
FILTER_CODES = ('content_filter', 'content_policy_violation')
_OVERFLOW = re.compile(
    r'context.?length|context.?window|maximum context|max_model_len|longer than the maximum'
    r'|prompt is too long|exceeds? the (?:available )?context', re.IGNORECASE)
_SDK_WORDS = re.compile(r'^Error code: \d+(?: - |$)')
T = TypeVar('T')


class PassingError(Exception):
    """Say why a server did not answer this time; ``retry_after`` in seconds is its own wish."""

    def __init__(self, why: str, retry_after: float = 0.0) -> None:
        super().__init__(why)
        self.retry_after = retry_after


class LateError(PassingError):
    """Say that something did not come in time."""


class RefusedError(Exception):
    """Say why a server will not answer this request however often it is asked."""

    def __init__(self, why: str, status: int = 0) -> None:
        super().__init__(why)
        self.status = status


class TooLongError(Exception):
    """Say that the request is longer than the model's context."""


class FilteredError(Exception):
    """Say that a content filter refused the request: that is the model's answer."""


class OversizedError(Exception):
    """Say that more came back than any reply has."""


async def within(work: Coroutine[Any, Any, T], seconds: float, why: str) -> T:
    """Return what the coroutine comes to; raise ``LateError`` when it takes longer."""
    if seconds <= 0:
        work.close()
        raise LateError(why)
    try:
        return await asyncio.wait_for(work, seconds)
    except asyncio.TimeoutError:
        raise LateError(why) from None


async def translated(awaitable: Awaitable[T]) -> T:
    """Return what the SDK's call comes to, its errors sorted by what can be done about them."""
    try:
        return await awaitable
    except openai.APIStatusError as error:
        raise _of_status(error) from error
    except OversizedError as error:
        raise PassingError(str(error)) from error
    except openai.APITimeoutError as error:
        raise PassingError('the server did not take the connection in time') from error
    except openai.OpenAIError as error:
        oversized = _find(error, OversizedError)
        raise PassingError(str(oversized) if oversized else cause(error)) from error
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise PassingError('the server sent something that is not JSON') from error
    except OSError as error:
        raise PassingError(cause(error)) from error


def _of_status(error: openai.APIStatusError) -> Exception:
    status = error.status_code
    if status in (401, 403):
        return RefusedError(f'the server refused the API key (HTTP {status})', status)
    said = one_line(_SDK_WORDS.sub('', error.message))
    if 300 <= status < 400 and not said:
        said = 'it sends requests to another address, which is not followed'
    code = f'HTTP {status}: {said}' if said else f'HTTP {status}'
    if status in (400, 413, 422) and _OVERFLOW.search(f'{error.code or ""} {error.message}'):
        return TooLongError(f'the request is too long (HTTP {status}: {said})')
    if status == 400 and error.code in FILTER_CODES:
        return FilteredError(said)
    if status in PASSING_STATUS or status >= 500:
        wait = retry_after(error.response.headers)
        return PassingError(
            code + (f', to be asked again after {wait:g} s' if wait else ''),
            wait)
    return RefusedError(code, status)


def retry_after(headers: Any) -> float:
    """Return for how many seconds a server wants to be left alone, 0 when it does not say."""
    try:
        return _bounded(float(headers['retry-after-ms']) / 1e3)
    except (KeyError, ValueError):
        pass
    text = headers.get('retry-after', '')
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (TypeError, ValueError):
            return 0.0
    return _bounded(seconds)


def _bounded(seconds: float) -> float:
    return min(1e6, seconds) if seconds > 0 else 0.0  # and 0 for what is no number


def _find(error: BaseException, kind: type[BaseException]) -> BaseException | None:
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, kind):
        seen = seen.__cause__ or seen.__context__
    return seen


def cause(error: BaseException) -> str:
    """Return what the innermost cause says; the SDK itself speaks of a connection error alone."""
    seen = error
    while seen.__cause__ is not None:
        seen = seen.__cause__
    return one_line(str(seen)) or f'the connection broke ({type(seen).__name__})'


def one_line(text: str) -> str:
    """Return the beginning of a text on one line."""
    line = ' '.join(text.split())
    return line if len(line) <= 200 else f'{line[:200]}…'
