# SPDX-License-Identifier: Apache-2.0
"""An event loop that works for one thread at a time and can be aborted from any other."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
import threading
from typing import Any, TypeVar

from hvs_ros.planners.base import PlannerClosed

T = TypeVar('T')
_CLOSED = 'the search was closed'


class AbortableLoop:
    """
    Run one coroutine at a time; ``close`` aborts it and refuses later ones.

    ``dispose`` is awaited once, at the end, when nothing is under way any more.
    """

    def __init__(self, dispose: Callable[[], Awaitable[None]]) -> None:
        self.loop = asyncio.new_event_loop()
        self._dispose_of = dispose
        self._guard = threading.Lock()
        self._busy = self._closed = False
        self._task: asyncio.Task[Any] | None = None

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what the coroutine comes to; raise ``PlannerClosed`` when it was aborted."""
        with self._guard:
            if self._closed or self._busy:
                work.close()
            if self._closed:
                raise PlannerClosed(_CLOSED)
            if self._busy:
                raise RuntimeError('a chat model completes one dialogue at a time')
            self._busy = True
        try:
            self._task = self.loop.create_task(work)
            if self._closed:
                self._task.cancel()
            return self.loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            raise PlannerClosed(_CLOSED) from None
        finally:
            self._settle()

    def close(self) -> None:
        """Abort what is under way, and end; safe from any thread, and twice."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
            if self._busy:
                self.loop.call_soon_threadsafe(self._abort)
                return
        self._dispose()

    def _abort(self) -> None:
        if self._task is not None:
            self._task.cancel()

    def _settle(self) -> None:
        """Leave no task behind, even after an interrupt, and finish a close that waited."""
        left = asyncio.all_tasks(self.loop)
        for task in left:
            task.cancel()
        if left:
            self.loop.run_until_complete(asyncio.wait(left, timeout=1.0))
        self._task = None
        with self._guard:
            self._busy = False
            closed = self._closed
        if closed:
            self._dispose()

    def _dispose(self) -> None:
        async def dispose() -> None:
            await self._dispose_of()

        self.loop.run_until_complete(dispose())
        self.loop.close()
