"""Lets one process at a time present a show: two of them would break and heal the same things at once."""

import contextlib
import fcntl
import logging
import os
import time
from pathlib import Path

from demo.errors import SubjectError, log_unexpected
from demo.paths import make_private, state_directory

logger = logging.getLogger(__name__)

DIRECTORY = "presented"
CLAIM_TIMEOUT_SEC = 3.0
"""How long to wait for the end of another process: one that is shutting down heals its faults first."""

CHECK_INTERVAL_SEC = 0.05

_claimed: dict[Path, int] = {}
"""The locks that this process has, with their descriptors: a rehearsal presents the same show several times."""


class ShowLock:
    """A lock of the show's name, which ends with this process however it ends."""

    def __init__(self, show: str) -> None:
        self._show = show

    def claim(self) -> None:
        """Take the lock, if this process does not have it. Raises `SubjectError`, which names the process that has."""
        path = state_directory() / DIRECTORY / f"{self._show}.lock"
        if path in _claimed:
            return
        try:
            make_private(path.parent)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            # Where no lock can be kept, a show can be presented all the same.
            log_unexpected(logger, f"the lock of the show {self._show}", error)
            return
        try:
            self._wait_for(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        _claimed[path] = descriptor

    def _wait_for(self, descriptor: int) -> None:
        until = time.monotonic() + CLAIM_TIMEOUT_SEC
        while not _try_lock(descriptor):
            if time.monotonic() > until:
                who = _read_owner(descriptor)
                raise SubjectError(
                    f"this show ({self._show}) is already presented by {who}: end that first, or give this file an "
                    "id of its own if it is another show"
                )
            time.sleep(CHECK_INTERVAL_SEC)
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system without locks
    return True


def _read_owner(descriptor: int) -> str:
    number = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
    return f"process {number}" if number.isdigit() else "another process"
