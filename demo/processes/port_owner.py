"""Who listens on a TCP port of this machine, as /proc tells: its name for a message, and whether it is ours."""

import contextlib
from dataclasses import dataclass

from demo.errors import FaultError
from demo.processes import procfs
from demo.processes.child import start_time_of


def holder_of(port: int) -> str:
    """As in "python3, process 123"; empty where that cannot be told, as of another user's process."""
    pid = procfs.listener(port)
    if pid is None:
        return ""
    name = procfs.name_of(pid)
    return f"{name}, process {pid}" if name else f"process {pid}"


def taken_by(port: int) -> str:
    """For a message about a port that is taken."""
    holder = holder_of(port)
    return f"port {port} is taken by {holder}" if holder else f"port {port} is taken by another program"


@dataclass
class PortOwner:
    """Is it a child of the process `owner` that listens on `port`? To be asked once a connection is there."""

    port: int
    owner: int
    _known: tuple[int, int] | None = None

    def is_ours(self) -> bool:
        """True as well where nobody can tell: without /proc."""
        if self._known is not None and _lives(*self._known):
            return True  # whoever has the port does not give it away while it lives
        if not procfs.tells_listeners():
            return True
        self._known = self._found_in(procfs.likely_children(self.owner)) or self._found_in(procfs.children(self.owner))
        return self._known is not None

    def _found_in(self, children: procfs.Processes) -> tuple[int, int] | None:
        pid = procfs.listeners(children).get(self.port)
        return None if pid is None else (pid, children[pid])


def _lives(pid: int, born: int) -> bool:
    with contextlib.suppress(FaultError):
        return start_time_of(pid) == born
    return False
