"""Who owns a compose project: a label names the process that brought it up, so that a crash's orphans are found."""

import fcntl
import hashlib
import os
import platform
from collections.abc import Iterable, Sequence
from typing import IO, Literal

from demo.container_engine.container import Container
from demo.errors import FaultError
from demo.paths import make_private, state_directory
from demo.processes.child import start_time_of
from demo.processes.process_ref import ProcessRef

LABEL = "demo.owner"
KEPT = "kept"
UNKNOWN = "0"
"""Stands for a process's start time where it cannot be told."""

Ownership = Literal["nobody's", "ours", "another's", "kept", "left"]


def mine(*, keep: bool) -> str:
    """Return the label's value for containers that this process brings up; with `keep`, no show removes them."""
    return KEPT if keep else f"{platform.node()}/{os.getpid()}/{_start_time_text(os.getpid())}"


def claim_on(containers: Iterable[Container]) -> Ownership:
    """Return who owns the containers, as seen from this process.

    `left`: orphaned by a process of this machine that has terminated. `another's`: that process is alive, or that
    cannot be told. `kept`: labelled so, or not labelled at all, and removed by no show.
    """
    owners = {container.labels.get(LABEL, "") for container in containers}
    if not owners:
        return "nobody's"
    if KEPT in owners or "" in owners:
        return "kept"
    others = owners - {mine(keep=False)}
    if not all(_has_terminated(owner) for owner in others):
        return "another's"
    return "left" if others == owners else "ours"


def _has_terminated(owner: str) -> bool:
    host, _, rest = owner.rpartition("/")[0].rpartition("/")
    pid, born = rest, owner.rpartition("/")[2]
    if host != platform.node() or not pid.isdecimal() or not born.isdecimal() or born == UNKNOWN:
        return False
    try:
        return ProcessRef(int(pid), int(born)).has_terminated
    except FaultError:
        return False  # not knowing does not prove that it has terminated


def _start_time_text(pid: int) -> str:
    try:
        return str(start_time_of(pid) or UNKNOWN)
    except FaultError:
        return UNKNOWN


class ProjectLock:
    """A lock file: only one show on this machine at a time starts, takes over or removes a project."""

    def __init__(self, project: str) -> None:
        self._name = f"{hashlib.sha256(project.encode()).hexdigest()[:16]}.lock"
        self._file: IO[bytes] | None = None

    def acquire(self, engine: str) -> bool:
        """Take the lock without waiting; False: another show holds it. Safe to call again.

        Where no lock file can be used, nobody is kept out. `engine` tells projects of the same name apart.
        """
        if self._file is not None:
            return True
        try:
            folder = state_directory() / "projects"
            make_private(folder)
            engine_hash = hashlib.sha256(engine.encode()).hexdigest()[:16]
            file = (folder / f"{engine_hash}-{self._name}").open("ab")
        except OSError:
            return True
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        except OSError:
            file.close()
            return True  # a file system without locks
        self._file = file
        return True

    def release(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


class ProjectClaim:
    """What this process may do with a project. With `keep`, it removes nothing of what it brings up."""

    def __init__(self, project: str, *, keep: bool = False) -> None:
        self._keeps = keep
        self._lock = ProjectLock(project)
        self.is_ours_to_remove = False

    def take(self, found: Sequence[Container], engine: str) -> Ownership:
        """Return who owns the containers, now that no other show on this machine starts or takes over the project.

        Orphaned containers become ours to remove.
        """
        owner = claim_on(found)
        if owner in ("nobody's", "left", "ours") and not self._lock.acquire(engine):
            return "another's"
        self.is_ours_to_remove |= not self._keeps and owner == "left"
        return owner

    def note_start(self, owner: Ownership) -> None:
        """Note that this process is about to create containers: those of a project that was nobody's are ours."""
        self.is_ours_to_remove |= not self._keeps and owner == "nobody's"

    def release(self) -> None:
        """Let other shows use the project."""
        self._lock.release()
