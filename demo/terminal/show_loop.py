"""The event loop of a show: its signals are caught, and tasks and threads that it leaves do not keep the process."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from demo.conductor import ENDING
from demo.conductor.show_host import SystemStop
from demo.console_output import ConsoleWriter, print_error
from demo.terminal.signals import ending_signals
from demo.threads.loop_factory import choose_loop_factory

HEALING = "healing what is broken, please wait"
REMOVING = f"{ENDING}, please wait"

ENDING_SEC = 2.0
"""Grace period of tasks and threads at the end; then they are abandoned."""


def run_show_loop(show: Coroutine[Any, Any, None]) -> None:
    """Run a show on a loop of its own. Raises its error; where its code does not stop, exits the process instead."""
    with asyncio.Runner(loop_factory=choose_loop_factory()) as runner:
        error, is_hanging = runner.run(_run_and_clean_up(show))
        if is_hanging:
            _exit_at_once(error)
    if error is not None:
        raise error


async def _run_and_clean_up(show: Coroutine[Any, Any, None]) -> tuple[BaseException | None, bool]:
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


def _exit_at_once(error: BaseException | None) -> None:
    """Exit without closing the loop, which code of a deck or a driver that ignores its cancellation would block."""
    print_error("some code of the deck or of a driver does not stop; exiting without waiting for it")
    if error is not None:
        print_error(error)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1 if error is not None else 0)


class ShowStop(asyncio.Event):
    """Set when the show is to end."""

    by_person = False
    """By Ctrl-C: a lost terminal or a system that shuts down is not a presenter's wish to end the show."""

    def on_signal(self, say: ConsoleWriter, system: SystemStop) -> Callable[[signal.Signals], None]:
        """Return a signal handler: the first signal ends the show, later ones only say what is waited for."""

        def caught(number: signal.Signals) -> None:
            if self.is_set():
                say(REMOVING if system.is_stopping else HEALING)
            else:
                self.by_person = number is signal.SIGINT
            self.set()

        return caught
