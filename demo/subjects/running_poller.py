"""Runs any subject's poller to its end, whether its `run` is async, blocks, or only hands out a coroutine."""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from demo.errors import SubjectError, describe
from demo.threads.worker_thread import run_in_thread
from demo.types import Poller


async def run_poller(poller: Poller) -> None:
    """Await the poller's `run`; where that is a plain function, run it in a thread.

    The thread is a daemon: after a cancellation it is abandoned, for Python cannot stop it.
    """
    run: Callable[[], Any] = poller.run
    # Unwrapped, because a decorator may hide that the function is async.
    if inspect.iscoroutinefunction(inspect.unwrap(run)):
        await run()
        return

    def run_to_end() -> Any:
        try:
            return run()
        except SystemExit as error:  # in a thread it ends the thread; from a future it would end the server
            raise SubjectError(describe(error)).with_traceback(error.__traceback__) from error

    result = await asyncio.wrap_future(run_in_thread(run_to_end, "poller"))
    if inspect.isawaitable(result):  # a plain function that only hands out a coroutine
        await result
