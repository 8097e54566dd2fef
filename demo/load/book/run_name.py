"""The names of what a book writes: of this show, load and run, so that what a killed run has left can be told apart."""

import hashlib
import os
import re
import socket
from dataclasses import dataclass

from demo.clock import boot_id
from demo.processes.child import start_time_of

MAX_SLUG = 16


@dataclass(frozen=True, slots=True)
class RunName:
    """`show` and `load` with a digest of both and of this machine, and `run`: the boot, the process and its start."""

    place: str
    run: str

    @classmethod
    def of(cls, show: str, load: str) -> "RunName":
        """Return the name for this process."""
        digest = hashlib.sha256("\0".join((socket.gethostname(), show, load)).encode()).hexdigest()[:10]
        slug = re.sub(r"[^a-z0-9]+", "_", f"{show}_{load}".lower()).strip("_")[:MAX_SLUG].strip("_")
        return cls(f"{slug}_{digest}", f"{_boot()}_{os.getpid()}_{start_time_of(os.getpid()) or 0}")


def has_ended(run: str) -> bool:
    """Return whether the process of a `run` of this machine has ended; False for what is no run."""
    boot, _, rest = run.partition("_")
    pid, _, born = rest.partition("_")
    if not re.fullmatch(r"[0-9a-f]{6}", boot) or not pid.isdecimal() or not born.isdecimal():
        return False
    return boot != _boot() or (start_time_of(int(pid)) or 0) != int(born)


def _boot() -> str:
    return hashlib.sha256(boot_id().encode()).hexdigest()[:6]
