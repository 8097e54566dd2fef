"""A process that is not our child: identified by pid and start time, so that a reused pid is never touched."""

import asyncio
import contextlib
import os
import signal
from dataclasses import dataclass

from demo.processes.child import start_time_of

CHECK_INTERVAL_SEC = 0.02


@dataclass(frozen=True)
class ProcessRef:
    """`born`: its start time in clock ticks since boot. `killed`: its parent saw it end by SIGKILL."""

    pid: int
    born: int | None
    killed: bool = False

    @property
    def is_alive(self) -> bool:
        return self.born is not None and start_time_of(self.pid) == self.born

    @property
    def has_terminated(self) -> bool:
        """Return whether it has ended for certain. Raises `FaultError`.

        A system that tells no start times never proves that. Another process may have its pid by now.
        """
        return start_time_of(self.pid) != self.born

    @property
    def was_killed(self) -> bool:
        return self.killed

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    def suspend(self) -> None:
        """Send SIGSTOP: it stays alive, but answers nothing."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def terminate(self) -> None:
        self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        """Send a signal through a pidfd whose start time was checked, so that no other process can be hit."""
        with contextlib.suppress(ProcessLookupError):
            if not hasattr(os, "pidfd_open"):  # not Linux: the pid may be reused between check and signal
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
        """Wait until it has terminated; return None, as only its parent can learn the exit code."""
        while self.is_alive:  # noqa: ASYNC110 - the kernel notifies only its parent
            await asyncio.sleep(CHECK_INTERVAL_SEC)
        return None
