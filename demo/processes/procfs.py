"""Processes as /proc tells of them: who descends from whom, who listens where, how each was started. Linux only."""

import contextlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from demo.processes.child import ENDED

PROC = Path("/proc")
LISTENS = "0A"
STOPPED = "T"
SOCKET = "socket:["

Processes = dict[int, int]
"""pid → when it began, in clock ticks since boot: only both together name one process for ever."""


@dataclass(frozen=True)
class Launch:
    """How a process was started. `output`: the file that its standard output is, "" where it is none."""

    argv: tuple[str, ...]
    cwd: str
    environ: dict[str, str]
    output: str

    @classmethod
    def of(cls, pid: int) -> "Launch":
        """Raises `OSError` when it has ended, or is somebody else's."""
        place = PROC / str(pid)
        argv = [os.fsdecode(word) for word in (place / "cmdline").read_bytes().split(b"\0")[:-1]]
        pairs = [word.partition(b"=") for word in (place / "environ").read_bytes().split(b"\0")]
        environ = {os.fsdecode(name): os.fsdecode(value) for name, equals, value in pairs if equals}
        # A program that was found on PATH, or beside its caller, is called by a name that means nothing here.
        program = argv[0] if argv and Path(argv[0]).is_absolute() else str((place / "exe").readlink())
        output = str((place / "fd" / "1").readlink())
        is_file = output.startswith("/") and Path(output).is_file()
        return cls((program, *argv[1:]), str((place / "cwd").readlink()), environ, output if is_file else "")


def descendants(root: int) -> Processes:
    """All that live and stem from this process."""
    known = {pid: (parent, born) for pid, parent, state, born in _all() if state not in ENDED}
    found: Processes = {}
    for pid, (_, born) in known.items():
        above = pid
        while above in known and above != root:
            above = known[above][0]
        if above == root and pid != root:
            found[pid] = born
    return found


def children(parent: int) -> Processes:
    """Those that live; orphans among them, where it is their subreaper."""
    return {pid: born for pid, above, state, born in _all() if above == parent and state not in ENDED}


def likely_children(parent: int) -> Processes:
    """Cheaper than `children`, and may miss one while others end."""
    listed: list[str] = []
    with contextlib.suppress(OSError):
        for thread in (PROC / str(parent) / "task").iterdir():
            listed += (thread / "children").read_text(encoding="ascii").split()
    read = [found for pid in listed for found in _read(PROC / pid)]
    return {pid: born for pid, above, state, born in read if above == parent and state not in ENDED}


def orphans(parent: int) -> list[int]:
    """Its children that have ended, and wait to be reaped."""
    return [pid for pid, above, state, _ in _all() if above == parent and state == "Z"]


def marked(name: str, value: str) -> Processes:
    """All that live, and were started with this in their environment, by whomever it came down to them."""
    mark = os.fsencode(f"{name}={value}")
    found: Processes = {}
    for pid, _, state, born in _all():
        with contextlib.suppress(OSError):
            if state not in ENDED and mark in (PROC / str(pid) / "environ").read_bytes().split(b"\0"):
                found[pid] = born
    return found


def pids() -> list[int]:
    """All that there are; those that this user may look into and others."""
    with contextlib.suppress(OSError):
        return sorted(int(entry.name) for entry in PROC.iterdir() if entry.name.isdecimal())
    return []


def name_of(pid: int) -> str:
    """The program's, as `ps` tells it; empty for one that is gone."""
    with contextlib.suppress(OSError):
        return (PROC / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()
    return ""


def tells_listeners() -> bool:
    """Can anything be said here of who listens?"""
    return (PROC / "net" / "tcp").is_file()


def is_stopped(pid: int) -> bool:
    return any(state == STOPPED for _, _, state, _ in _read(PROC / str(pid)))


def listeners(pids: Iterable[int]) -> dict[int, int]:
    """TCP port → which of these processes listens there."""
    ports = _listening()
    found = {}
    for pid in pids:
        with contextlib.suppress(OSError):
            for entry in (PROC / str(pid) / "fd").iterdir():
                with contextlib.suppress(OSError):
                    target = str(entry.readlink())
                    port = ports.get(target[len(SOCKET) : -1]) if target.startswith(SOCKET) else None
                    if port is not None:
                        found[port] = pid
    return found


def listener(port: int) -> int | None:
    """The process that listens on this TCP port; None where there is none, or it is not for us to see."""
    sockets = {f"{SOCKET}{inode}]" for inode, known in _listening().items() if known == port}
    for pid in pids() if sockets else ():
        with contextlib.suppress(OSError):
            for entry in (PROC / str(pid) / "fd").iterdir():
                with contextlib.suppress(OSError):
                    if str(entry.readlink()) in sockets:
                        return pid
    return None


def _listening() -> dict[str, int]:
    """Inode of the socket → its port."""
    found = {}
    for table in ("tcp", "tcp6"):
        with contextlib.suppress(OSError):
            for line in (PROC / "net" / table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == LISTENS:
                    found[fields[9]] = int(fields[1].rpartition(":")[2], 16)
    return found


def _all() -> Iterator[tuple[int, int, str, int]]:
    for entry in PROC.iterdir():
        if entry.name.isdecimal():
            yield from _read(entry)


def _read(entry: Path) -> Iterator[tuple[int, int, str, int]]:
    """pid, parent, state, birth; nothing for one that is gone."""
    with contextlib.suppress(OSError):
        stat = (entry / "stat").read_text(encoding="ascii", errors="replace")
        fields = stat.rpartition(")")[2].split()
        yield int(entry.name), int(fields[1]), fields[0], int(fields[19])
