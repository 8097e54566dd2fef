"""The names of what a book writes: of this show, load and run, so that what a killed run has left can be told apart."""

import hashlib
import itertools
import os
import re
import socket
from dataclasses import dataclass

from demo.clock import boot_id
from demo.processes.child import start_time_of

MAX_SLUG = 12
_SERIAL = itertools.count(1)


@dataclass(frozen=True, slots=True)
class RunName:
    """`place`: show and load, with a digest of both and of this machine. `run`: the boot, the process and its start.

    Each name is another one: an edited load begins a new book while the old one is removed.
    """

    place: str
    run: str

    @classmethod
    def of(cls, show: str, load: str) -> "RunName":
        """Return the name for this process."""
        digest = hashlib.sha256("\0".join((socket.gethostname(), show, load)).encode()).hexdigest()[:10]
        slug = re.sub(r"[^a-z0-9]+", "_", f"{show}_{load}".lower()).strip("_")[:MAX_SLUG].strip("_")
        return cls(f"{slug}_{digest}", f"{_boot()}_{os.getpid()}_{start_time_of(os.getpid()) or 0}_{next(_SERIAL)}")


def has_ended(run: str) -> bool:
    """Return whether the process of a `run` of this machine has ended; False for what is not a run."""
    found = re.fullmatch(r"([0-9a-f]{6})_([0-9]+)_([0-9]+)_[0-9]+", run)
    if found is None:
        return False
    return found[1] != _boot() or (start_time_of(int(found[2])) or 0) != int(found[3])


def _boot() -> str:
    return hashlib.sha256(boot_id().encode()).hexdigest()[:6]
