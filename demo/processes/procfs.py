"""Processes as /proc lists them: who descends from whom, who listens where, how each was started. Linux only."""

import contextlib
import os
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from demo.processes.child import ENDED

PROC = Path("/proc")
LISTENS = "0A"
STOPPED = "T"
SOCKET = "socket:["

Processes = dict[int, int]
"""pid → start time in clock ticks since boot: only both together identify one process for ever."""


@dataclass(frozen=True)
class Launch:
    """How a process was started. `output`: the file that its standard output goes to, "" where it is not a file."""

    argv: tuple[str, ...]
    cwd: str
    environ: dict[str, str]
    output: str

    @classmethod
    def of(cls, pid: int) -> "Launch":
        """Read it from /proc. Raises `OSError` when the process has terminated, or belongs to somebody else."""
        folder = PROC / str(pid)
        argv = [os.fsdecode(word) for word in (folder / "cmdline").read_bytes().split(b"\0")[:-1]]
        pairs = [word.partition(b"=") for word in (folder / "environ").read_bytes().split(b"\0")]
        environ = {os.fsdecode(name): os.fsdecode(value) for name, equals, value in pairs if equals}
        # A relative argv[0] was looked up on PATH or beside its caller: from here it would find something else.
        program = argv[0] if argv and Path(argv[0]).is_absolute() else str((folder / "exe").readlink())
        output = str((folder / "fd" / "1").readlink())
        is_file = output.startswith("/") and Path(output).is_file()
        return cls((program, *argv[1:]), str((folder / "cwd").readlink()), environ, output if is_file else "")


def descendants(root: int) -> Processes:
    """Return all living processes that descend from this one."""
    known = {pid: (parent, born) for pid, parent, state, born in _iterate_stats() if state not in ENDED}
    found: Processes = {}
    for pid, (_, born) in known.items():
        ancestor = pid
        while ancestor in known and ancestor != root:
            ancestor = known[ancestor][0]
        if ancestor == root and pid != root:
            found[pid] = born
    return found


def list_with_descendants(roots: Container[int]) -> Processes:
    """Return all living processes among these, and all that descend from one of them."""
    known = {pid: (parent, born) for pid, parent, state, born in _iterate_stats() if state not in ENDED}
    found: Processes = {}
    for pid, (_, born) in known.items():
        ancestor = pid
        while ancestor in known and ancestor not in roots:
            ancestor = known[ancestor][0]
        if ancestor in known:
            found[pid] = born
    return found


def children(parent: int) -> Processes:
    """Return the living children of a process; adopted orphans among them, where it is their subreaper."""
    return {pid: born for pid, above, state, born in _iterate_stats() if above == parent and state not in ENDED}


def likely_children(parent: int) -> Processes:
    """Return the same as `children` at less cost; may miss one while others terminate."""
    pids_listed: list[str] = []
    with contextlib.suppress(OSError):
        for thread in (PROC / str(parent) / "task").iterdir():
            pids_listed += (thread / "children").read_text(encoding="ascii").split()
    stats = [found for pid in pids_listed for found in _read_stat(PROC / pid)]
    return {pid: born for pid, above, state, born in stats if above == parent and state not in ENDED}


def orphans(parent: int) -> list[int]:
    """Return the children of a process that have terminated and wait to be reaped."""
    return [pid for pid, above, state, _ in _iterate_stats() if above == parent and state == "Z"]


def list_by_environment(name: str, value: str) -> Processes:
    """Return all living processes with this variable in the environment they were started with, inherited or not."""
    mark = os.fsencode(f"{name}={value}")
    found: Processes = {}
    for pid, _, state, born in _iterate_stats():
        with contextlib.suppress(OSError):
            if state not in ENDED and mark in (PROC / str(pid) / "environ").read_bytes().split(b"\0"):
                found[pid] = born
    return found


def pids() -> list[int]:
    """Return the pids of all processes, those of other users included."""
    with contextlib.suppress(OSError):
        return sorted(int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal())
    return []


def name_of(pid: int) -> str:
    """Return the name of its program, as `ps` shows it; "" when it has terminated."""
    with contextlib.suppress(OSError):
        return (PROC / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()
    return ""


def tells_listeners() -> bool:
    """Return whether this system can tell who listens on a port."""
    return (PROC / "net" / "tcp").is_file()


def is_stopped(pid: int) -> bool:
    return any(state == STOPPED for _, _, state, _ in _read_stat(PROC / str(pid)))


def listeners(pids: Iterable[int]) -> dict[int, int]:
    """Map each TCP port on which one of these processes listens to that process."""
    ports = _read_listening_ports()
    pid_of_port = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            for entry in (PROC / str(pid) / "fd").iterdir():
                with contextlib.suppress(OSError):
                    target = str(entry.readlink())
                    port = ports.get(target[len(SOCKET) : -1]) if target.startswith(SOCKET) else None
                    if port is not None:
                        pid_of_port[port] = pid
    return pid_of_port


def listener(port: int) -> int | None:
    """Return the process that listens on this TCP port; None where there is none, or it is not visible to us."""
    # The kernel's table may leave out a socket while others come and go: what is not there is looked for once more.
    sockets = _find_sockets(port) or _find_sockets(port)
    for pid in pids() if sockets else ():
        with contextlib.suppress(OSError):
            for entry in (PROC / str(pid) / "fd").iterdir():
                with contextlib.suppress(OSError):
                    if str(entry.readlink()) in sockets:
                        return pid
    return None


def _find_sockets(port: int) -> set[str]:
    """Return the sockets that listen on this port, as they are called in /proc/PID/fd."""
    return {f"{SOCKET}{inode}]" for inode, listening in _read_listening_ports().items() if listening == port}


def _read_listening_ports() -> dict[str, int]:
    """Return the inode of each listening socket, with its port."""
    port_of_inode = {}
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (PROC / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENS:
                    port_of_inode[fields[9]] = int(fields[1].rpartition(":")[2], 16)
    return port_of_inode


def _iterate_stats() -> Iterator[tuple[int, int, str, int]]:
    """Yield what `_read_stat` yields, for every process."""
    for entry in PROC.iterdir():
        if entry.name.isdecimal():
            yield from _read_stat(entry)


def _read_stat(entry: Path) -> Iterator[tuple[int, int, str, int]]:
    """Yield pid, parent's pid, state and start time; nothing for a process that has terminated."""
    with contextlib.suppress(OSError):
        stat = (entry / "stat").read_text(encoding="ascii", errors="replace")
        fields = stat.rpartition(")")[2].split()
        yield int(entry.name), int(fields[1]), fields[0], int(fields[19])
