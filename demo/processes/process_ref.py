"""A process of this machine that is nobody's child here: named by pid and birth, so a reused pid is never touched."""

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass

from demo.processes.child import start_time_of

LOOK_SEC = 0.02


@dataclass(frozen=True)
class ProcessRef:
    """`killed`: what its parent told of its end."""

    pid: int
    born: int | None
    killed: bool = False

    @property
    def is_alive(self) -> bool:
        return self.born is not None and start_time_of(self.pid) == self.born

    @property
    def was_killed(self) -> bool:
        return self.killed

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def suspend(self) -> None:
        """It lives, but answers nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        """By a descriptor of the process, checked once it is held: nobody else can be hit."""
        with contextlib.suppress(ProcessLookupError):
            if not hasattr(os, "pidfd_open"):  # not Linux: the check comes first then
                if self.is_alive:
                    os.kill(self.pid, number)
                return
            descriptor = os.pidfd_open(self.pid)
            try:
                if self.is_alive:
                    signal.pidfd_send_signal(descriptor, number)
            finally:
                os.close(descriptor)

    async def wait(self) -> int | None:
        """Returns when it has ended; nobody but its parent knows how."""
        while self.is_alive:  # noqa: ASYNC110 - another's child tells us nothing
            await asyncio.sleep(LOOK_SEC)
        return None
