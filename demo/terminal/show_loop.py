"""Runs a show on an event loop, and ends it on a signal."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from typing import Any

from demo.conductor import ENDING
from demo.conductor.show_host import SystemStop
from demo.console_output import SAID_SEC, ConsoleWriter
from demo.terminal.clean_end import exit_at_once, run_and_clean_up
from demo.terminal.signals import ending_signals
from demo.threads.loop_factory import choose_loop_factory
from demo.types import Subject

SLOW_SEC = 1.0
"""When stopping the system takes longer than this, a line says so."""

HEALING = "healing what is broken, please wait"
REMOVING = f"{ENDING}, please wait"


def run_show_loop(show: Coroutine[Any, Any, None], *, fails_if_hanging: bool = False) -> None:
    """Run a show on a loop of its own. Raises its error.

    Where its code does not stop, it exits the process instead, with `fails_if_hanging` as failed in any case.
    """
    with asyncio.Runner(loop_factory=choose_loop_factory()) as runner:
        error, is_hanging = runner.run(run_and_clean_up(show))
        if is_hanging:
            exit_at_once(error, is_failed=fails_if_hanging)
    if error is not None:
        raise error


async def stop_system(subject: Subject) -> None:
    """Stop the system of a show that failed before its conductor could do so.

    Signals do not interrupt this: nodes that still run would be orphaned.
    """
    say = ConsoleWriter(quiet=False)
    slow = asyncio.get_running_loop().call_later(SLOW_SEC, say, REMOVING)

    def on_signal(_: signal.Signals) -> None:
        slow.cancel()
        say(REMOVING)

    try:
        with ending_signals(on_signal):
            await subject.stop()
    finally:
        slow.cancel()
        say.finish(SAID_SEC)


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
