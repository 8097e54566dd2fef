"""Runs a show to its end: whatever tasks and threads it leaves do not keep the process."""

import asyncio
import os
import sys
from collections.abc import Coroutine
from typing import Any

from demo.console_output import print_error
from demo.terminal.signals import ending_signals

ENDING_SEC = 2.0
"""Grace period of tasks and threads at the end; then they are abandoned."""


async def run_and_clean_up(show: Coroutine[Any, Any, None]) -> tuple[BaseException | None, bool]:
    """Run the show and end the tasks it left; return its error, and whether some task or thread does not end."""
    error: BaseException | None = None
    # The show handles signals itself; before and after that they must not kill the process.
    with ending_signals(lambda _: None):
        try:
            await show
        except Exception as raised:  # noqa: BLE001 - returned to the caller after the cleanup
            error = raised
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        unfinished = (await asyncio.wait(tasks, timeout=ENDING_SEC))[1] if tasks else set()
        # A thread that hangs, as in a driver's call to an engine, would keep the loop from closing.
        threads = asyncio.ensure_future(asyncio.get_running_loop().shutdown_default_executor())
        hanging = (await asyncio.wait({threads}, timeout=ENDING_SEC))[1]
    return error, bool(unfinished or hanging)


def exit_at_once(error: BaseException | None, *, is_failed: bool) -> None:
    """Exit without closing the loop, which code of a deck or a driver that ignores its cancellation would block.

    `is_failed`: with 1 even without an error, for a rehearsal that has not told its findings.
    """
    print_error("some code of the deck or of a driver does not stop; exiting without waiting for it")
    if error is not None:
        print_error(error)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1 if is_failed or error is not None else 0)
