"""Runs foreign code with a timeout that holds even for code that ignores its cancellation."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from demo.errors import FaultError

T = TypeVar("T")


async def run_with_timeout(limit: float, work: Awaitable[T], what: str) -> T:
    """Run `work` as a task and return its result. `what` names it in the error.

    Raises `FaultError` when it takes longer than `limit` seconds (then it is cancelled and abandoned) or is cancelled
    by itself; otherwise whatever `work` raises.
    """
    # Not `asyncio.timeout`: that cancels and then waits for code that may swallow its cancellation.
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=limit)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not task.done():
        task.cancel()
        task.add_done_callback(_retrieve_exception)
        raise FaultError(f"{what} took longer than {limit:.3g} s")
    if task.cancelled():
        raise FaultError(f"{what} was cancelled")
    return task.result()


def _retrieve_exception(task: "asyncio.Future[T]") -> None:
    """Fetch the exception of an abandoned task, which asyncio would log otherwise: its timeout was reported."""
    if not task.cancelled():
        task.exception()
