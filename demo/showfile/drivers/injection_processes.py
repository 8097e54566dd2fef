"""The processes of an injection, found by the mark in their environment: a killed server may have left them running."""

import asyncio
import time

from demo.errors import FaultError
from demo.processes.process_ref import ProcessRef
from demo.processes.procfs import PROC, list_by_environment
from demo.showfile.drivers.commands import MARK

INJECTION_COMMAND_TIMEOUT_SEC = 25.0
"""How long an injection's command may take: below the time that the show gives an injection."""

KILL_TIMEOUT_SEC = 2.0
CHECK_INTERVAL_SEC = 0.05
FORK_TO_EXEC_SEC = 0.2
"""Between a fork and the start of the program a process does not have its mark yet; that takes milliseconds."""


def find_processes(mark: str) -> list[ProcessRef]:
    """Return the living processes of an injection; none on a system without /proc."""
    return [ProcessRef(pid, born) for pid, born in list_by_environment(MARK, mark).items()] if PROC.is_dir() else []


async def end_processes(mark: str, wait_sec: float) -> None:
    """Wait so many seconds for the injection's processes to end by themselves, then kill them.

    If the undo ran first, the injection could still finish, and break the target again. Raises `FaultError` if they
    do not die.
    """
    until = time.monotonic() + max(0.0, wait_sec)
    while running := find_processes(mark):
        if time.monotonic() > until + KILL_TIMEOUT_SEC:
            raise FaultError(f"process {running[0].pid} of this fault does not end after SIGKILL")
        for process in running if time.monotonic() > until else ():
            process.kill()
        await asyncio.sleep(CHECK_INTERVAL_SEC)


async def has_ended_by_itself(mark: str, age_sec: float) -> bool:
    """Return whether the injection has ended by itself: `end_processes` kills it only after its time."""
    if age_sec >= INJECTION_COMMAND_TIMEOUT_SEC or find_processes(mark):
        return False
    await asyncio.sleep(FORK_TO_EXEC_SEC)
    return not find_processes(mark)
