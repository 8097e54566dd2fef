"""Waiting for foreign code with a limit that holds, even for code that ignores its cancellation."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from demo.errors import FaultError

T = TypeVar("T")


async def run_with_timeout(limit: float, work: Awaitable[T], what: str) -> T:
    """The result of `work`, run as a task of its own.

    Raises `FaultError` when it takes longer than `limit` seconds (it is cancelled and left behind) or
    ends as cancelled by itself; otherwise whatever it raises.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task}, timeout=limit)
    except asyncio.CancelledError:
        task.cancel()
        raise
    if not task.done():
        task.cancel()
        task.add_done_callback(_look_at)
        raise FaultError(f"{what} took longer than {limit:.3g} s")
    if task.cancelled():
        raise FaultError(f"{what} was cancelled")
    return task.result()


def _look_at(task: "asyncio.Future[T]") -> None:
    """Nobody waits for it any more: its late exception has been answered for already."""
    if not task.cancelled():
        task.exception()
