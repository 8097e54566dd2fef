"""The stage for a function that is not async: its calls wait in that function's thread, so that none is forgotten."""

import asyncio
import contextvars
import inspect
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from demo.errors import FaultError
from demo.types import Stage


class BlockingStage:
    """Has the methods of a `Stage`, all of which block. Make it in the task of the action that it acts for.

    A call raises what the stage raises, and `FaultError` once it is closed.
    """

    def __init__(self, stage: Stage, loop: asyncio.AbstractEventLoop) -> None:
        self._stage = stage
        self._loop = loop
        # The conductor knows by it which chapter's action is calling.
        self._context = contextvars.copy_context()
        self._pending: set[Future[Any]] = set()
        self._is_closed = False

    def close(self) -> None:
        """Refuse calls from now on, and cancel the one that is under way."""
        self._is_closed = True
        for call in tuple(self._pending):
            call.cancel()

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._stage, name)
        return self._make_blocking(name, method) if inspect.iscoroutinefunction(method) else method

    def _make_blocking(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            if self._is_closed:
                raise FaultError(f"stage.{name} was called after the end of its step")
            # In a copy, because a context can be entered once at a time.
            running = self._context.copy().run(asyncio.run_coroutine_threadsafe, method(*args, **options), self._loop)
            self._pending.add(running)
            try:
                return running.result()
            finally:
                self._pending.discard(running)

        return call
