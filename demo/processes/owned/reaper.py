"""Learns at once that a child process has ended, was stopped or goes on, and reaps orphans that were adopted."""

import asyncio
import os
import signal
from collections.abc import Callable

CHANGES = os.WEXITED | os.WSTOPPED | os.WCONTINUED | os.WNOHANG


class ChildReaper:
    """Waits for every child of this process; a child that is registered has its listeners called."""

    def __init__(self) -> None:
        self._on_exit: dict[int, Callable[[int], None]] = {}
        self._on_stop: dict[int, Callable[[bool], None]] = {}

    def attach(self) -> None:
        """Collect with the running loop, whenever the kernel sends SIGCHLD."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGCHLD, self.collect)

    def register(self, pid: int, on_exit: Callable[[int], None], on_stop: Callable[[bool], None]) -> None:
        """Call `on_exit` with the exit code (negative: the signal), `on_stop` when it is suspended or goes on.

        To be called right after the child was started, before the loop runs again.
        """
        self._on_exit[pid], self._on_stop[pid] = on_exit, on_stop

    def collect(self) -> None:
        """Handle all that has happened. Signals are merged by the kernel, so one may stand for several children."""
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, CHANGES)
            except ChildProcessError:
                return
            if found is None:
                return
            if found.si_code in (os.CLD_STOPPED, os.CLD_CONTINUED):
                if listener := self._on_stop.get(found.si_pid):
                    listener(found.si_code == os.CLD_STOPPED)
                continue
            self._on_stop.pop(found.si_pid, None)
            if on_exit := self._on_exit.pop(found.si_pid, None):
                on_exit(found.si_status if found.si_code == os.CLD_EXITED else -found.si_status)
