"""The register of systems that run without a show (`demo up`): how each is reached, and which process supervises it.

A name becomes a file name, so only plain names are allowed. The directory is private: its contents give access.
"""

import contextlib
import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from demo.errors import SubjectError, UsageError
from demo.paths import make_private, state_directory
from demo.processes.process_ref import ProcessRef

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_MAX_SOCKET = 100
"""Bytes of a Unix socket's path; the kernel allows 107."""


@dataclass(frozen=True)
class StandaloneSystem:
    """One running system: `subject`, its supervisor's process, and `wiring`, what the subject needs to attach.

    `born`: the supervisor's start time in clock ticks since boot.
    """

    name: str
    subject: str
    pid: int
    born: int | None
    began: float
    wiring: Mapping[str, Any]

    @property
    def supervisor(self) -> ProcessRef:
        return ProcessRef(self.pid, self.born)

    @property
    def is_up(self) -> bool:
        """Return whether its supervisor is alive. Raises `FaultError` when that cannot be told."""
        return self.supervisor.is_alive


def register_directory() -> Path:
    """Return the register's directory. Raises `SubjectError` when it cannot be made, or others have access to it.

    It is not in the runtime directory, which is emptied when the user logs out: these systems keep running.
    """
    try:
        path = state_directory() / "standing"
        make_private(path)
        status = path.lstat()
    except OSError as error:
        where = error.filename or "the state directory"
        raise SubjectError(f"cannot use {where}: {error.strerror or error}") from None
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise SubjectError(f"{path} must be a directory that only you can use: chmod 700 it, or set XDG_STATE_HOME")
    return path


def file_of(name: str, kind: str) -> Path:
    """Return a system's file of one `kind`: json, sock, lock or log.

    Raises `UsageError` for a name that is not allowed, `SubjectError` when there is no place for it.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name[:40]!r} is not a valid name for a system: use up to 32 of a-z, 0-9 and '-'")
    path = register_directory() / f"{name}.{kind}"
    if kind == "sock" and len(os.fsencode(path)) > _MAX_SOCKET:
        raise SubjectError(f"{path} is too long for a Unix socket: set XDG_STATE_HOME to a shorter directory")
    return path


def find(name: str) -> StandaloneSystem | None:
    """Return the system called `name`, whether its supervisor is alive or not; None when it is not registered.

    Raises `SubjectError` when its entry cannot be read.
    """
    path = file_of(name, "json")
    try:
        return StandaloneSystem(**json.loads(path.read_text()))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise SubjectError(f"{path} cannot be read: {error}") from None


def running_systems() -> list[StandaloneSystem]:
    """Return all systems that are up, by name."""
    names = sorted(path.stem for path in register_directory().glob("*.json") if _NAME.fullmatch(path.stem))
    return [found for name in names if (found := find(name)) is not None and found.is_up]


def register(system: StandaloneSystem) -> None:
    """Register how a system is reached: atomically, and readable for nobody else."""
    path = file_of(system.name, "json")
    draft = path.with_suffix(".new")
    with contextlib.suppress(FileNotFoundError):
        draft.unlink()
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(system), file)
    draft.replace(path)


def unregister(name: str) -> None:
    """Remove a system's entry and socket."""
    for kind in ("json", "sock"):
        file_of(name, kind).unlink(missing_ok=True)
