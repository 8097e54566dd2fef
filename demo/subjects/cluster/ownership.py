"""Whose a compose project is: a label says which process brought it up, so that what a crash left is found again."""

import fcntl
import hashlib
import os
import platform
from collections.abc import Iterable
from typing import IO, Literal

from demo.container_engine.container import Container
from demo.errors import FaultError
from demo.paths import make_private, state_directory
from demo.processes.child import start_time_of

LABEL = "demo.owner"
KEPT = "kept"
UNKNOWN = "0"
"""The birth of a process where nobody can tell it."""

Ownership = Literal["nobody's", "ours", "another's", "kept", "left"]


def mine(*, keep: bool) -> str:
    """What this process writes on the containers it brings up. Kept: no show removes them."""
    return KEPT if keep else f"{platform.node()}/{os.getpid()}/{_born(os.getpid())}"


def claim_on(containers: Iterable[Container]) -> Ownership:
    """`left`: by a process of this machine that is gone. `another's`: it lives, or nobody can tell."""
    owners = {container.labels.get(LABEL, "") for container in containers}
    if not owners:
        return "nobody's"
    if KEPT in owners or "" in owners:
        return "kept"
    others = owners - {mine(keep=False)}
    if not all(_is_gone(owner) for owner in others):
        return "another's"
    return "left" if others == owners else "ours"


def _is_gone(owner: str) -> bool:
    host, _, rest = owner.rpartition("/")[0].rpartition("/")
    pid, born = rest, owner.rpartition("/")[2]
    if host != platform.node() or not pid.isdecimal() or not born.isdecimal() or born == UNKNOWN:
        return False
    try:
        return start_time_of(int(pid)) != int(born)
    except FaultError:
        return False  # not to know is no proof of an end


def _born(pid: int) -> str:
    try:
        return str(start_time_of(pid) or UNKNOWN)
    except FaultError:
        return UNKNOWN


class ProjectLock:
    """One show at a time on this machine brings a project up, takes it over, or removes it: a lock in our state."""

    def __init__(self, project: str) -> None:
        self._name = f"{hashlib.sha256(project.encode()).hexdigest()[:16]}.lock"
        self._file: IO[bytes] | None = None

    def take(self, engine: str) -> bool:
        """False: another show has it. Safe to call again. Without a place for locks nobody is kept out."""
        if self._file is not None:
            return True
        try:
            folder = state_directory() / "projects"
            make_private(folder)
            mark = hashlib.sha256(engine.encode()).hexdigest()[:16]
            file = (folder / f"{mark}-{self._name}").open("ab")
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

    def let_go(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()
