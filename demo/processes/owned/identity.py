"""Which supervisor keeps the processes of a show: its identity as plain JSON, and its files in the state directory."""

import contextlib
import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from demo.errors import SubjectError
from demo.paths import make_private, state_directory
from demo.processes.process_ref import ProcessRef

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
MAX_SOCKET = 100
"""Bytes of a Unix socket's path; the kernel allows 107."""

MAX_SLUG = 20


def boot_id() -> str:
    """Return the id of this boot of the machine: pids and start times of another boot mean nothing. "" if unknown."""
    with contextlib.suppress(OSError):
        return BOOT_ID.read_text(encoding="ascii").strip()
    return ""


@dataclass(frozen=True)
class SupervisorIdentity:
    """One run of a show's processes, without secrets: it may stand in a fault's plan.

    `guard` is the supervisor's parent, which ends what a killed supervisor leaves.
    """

    show: str
    socket: str
    pid: int
    born: int | None
    guard: int
    guard_born: int | None
    boot: str

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "SupervisorIdentity":
        return cls(**data)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def tag(self) -> str:
        """Return what marks its processes, in their environment."""
        return f"{self.pid}-{self.born}"

    @property
    def is_alive(self) -> bool:
        """Return whether it can be asked. Raises `FaultError` when that cannot be told."""
        return self.boot == boot_id() and ProcessRef(self.pid, self.born).is_alive

    @property
    def has_ended(self) -> bool:
        """Return whether it has ended for certain, and all that it owned with it. Raises `FaultError` if unknown."""
        if self.boot != boot_id():
            return True
        return ProcessRef(self.pid, self.born).has_terminated and ProcessRef(self.guard, self.guard_born).has_terminated


@dataclass(frozen=True)
class SupervisorFiles:
    """The files of one show's supervisor; `stem` without a suffix."""

    stem: Path

    @classmethod
    def of_show(cls, show: str) -> "SupervisorFiles":
        """Return the files for the show of this name. Raises `SubjectError` when there is no place for them."""
        slug = re.sub(r"[^a-z0-9]+", "-", show.lower()).strip("-")[:MAX_SLUG]
        digest = hashlib.sha256(show.encode(errors="surrogateescape")).hexdigest()[:10]
        files = cls(_directory() / f"{slug or 'show'}-{digest}")
        if len(os.fsencode(files.socket)) > MAX_SOCKET:
            raise SubjectError(
                f"{files.socket} is too long for a Unix socket: set XDG_STATE_HOME to a shorter directory"
            )
        return files

    @classmethod
    def of_socket(cls, socket: str) -> "SupervisorFiles":
        return cls(Path(socket).with_suffix(""))

    @property
    def socket(self) -> Path:
        return self.stem.with_name(f"{self.stem.name}.sock")

    @property
    def lock(self) -> Path:
        """Locked while supervisor or guard lives: whoever has it knows that no earlier run has left anything."""
        return self.stem.with_name(f"{self.stem.name}.lock")

    @property
    def log(self) -> Path:
        return self.stem.with_name(f"{self.stem.name}.log")

    @property
    def state(self) -> Path:
        """The identity and the token, readable for this user only."""
        return self.stem.with_name(f"{self.stem.name}.json")

    def write(self, identity: SupervisorIdentity, token: str) -> None:
        """Record the supervisor in one step: a reader sees the old record or the new one. Raises `OSError`."""
        draft = self.state.with_suffix(".new")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"identity": identity.to_json(), "token": token}, file)
        draft.replace(self.state)

    def read(self) -> tuple[SupervisorIdentity, str] | None:
        """Return the recorded supervisor and its token; None when there is none, or its record is no such file."""
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            data = json.loads(self.state.read_text())
            return SupervisorIdentity.from_json(data["identity"]), str(data["token"])
        return None

    def remove(self) -> None:
        """Remove the record and the socket. The lock and the log stay: a lock that is removed locks nobody out."""
        for path in (self.state, self.socket):
            path.unlink(missing_ok=True)


def _directory() -> Path:
    path = state_directory() / "processes"
    try:
        make_private(path)
        status = path.lstat()
    except OSError as error:
        where = error.filename or "the state directory"
        raise SubjectError(f"cannot use {where}: {error.strerror or error}") from None
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise SubjectError(f"{path} must be a directory that only you can use: chmod 700 it, or set XDG_STATE_HOME")
    return path
