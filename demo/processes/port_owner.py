"""Which process listens on a TCP port of this machine, according to /proc: its name, and whether it is ours."""

import contextlib
from dataclasses import dataclass

from demo.errors import FaultError
from demo.processes import procfs
from demo.processes.process_ref import ProcessRef


def holder_of(port: int) -> str:
    """Return who listens on a port, as in "python3, process 123"; "" if unknown, as for another user's process."""
    pid = procfs.listener(port)
    if pid is None:
        return ""
    name = procfs.name_of(pid)
    return f"{name}, process {pid}" if name else f"process {pid}"


def taken_by(port: int) -> str:
    """Return the sentence that says which program has taken a port."""
    holder = holder_of(port)
    return f"port {port} is used by {holder}" if holder else f"port {port} is used by another program"


@dataclass
class PortOwner:
    """Checks that a child of the process `owner` listens on `port`; to be asked once a connection to it exists."""

    port: int
    owner: int
    _listener: ProcessRef | None = None

    def is_ours(self) -> bool:
        """Return whether a child of `owner` listens there; True as well on a system without /proc."""
        if self._listener is not None and _is_alive(self._listener):
            return True  # saves reading /proc again: a server keeps its port while it lives
        if not procfs.tells_listeners():
            return True
        self._listener = self._find_in(procfs.likely_children(self.owner)) or self._find_in(procfs.children(self.owner))
        return self._listener is not None

    def _find_in(self, children: procfs.Processes) -> ProcessRef | None:
        pid = procfs.listeners(children).get(self.port)
        return None if pid is None else ProcessRef(pid, children[pid])


def _is_alive(process: ProcessRef) -> bool:
    with contextlib.suppress(FaultError):
        return process.is_alive
    return False
