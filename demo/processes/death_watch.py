"""Tells at once when a process has ended, by the kernel's word, whoever its parent is."""

import asyncio
import os
from collections.abc import Callable, Iterable

from demo.errors import FaultError
from demo.processes.child import start_time_of
from demo.processes.handle import Handle

Identity = tuple[int, int | None]


class DeathWatch:
    """Calls `died` when one of the followed processes has ended. Where the kernel has no pidfd it does nothing."""

    def __init__(self, died: Callable[[], None]) -> None:
        self._died = died
        self._descriptors: dict[Identity, int] = {}

    def follow(self, handles: Iterable[Handle | None]) -> None:
        """Follow these processes from now on, and no others. For the event loop's thread."""
        wanted = {(one.pid, one.born) for one in handles if one is not None and one.pid is not None}
        for identity in self._descriptors.keys() - wanted:
            self._forget(identity)
        for identity in wanted - self._descriptors.keys():
            self._open(identity)

    def close(self) -> None:
        """Follow none of them any more."""
        self.follow(())

    def _open(self, identity: Identity) -> None:
        pid, born = identity
        if not hasattr(os, "pidfd_open"):
            return
        try:
            descriptor = os.pidfd_open(pid)
        except OSError:
            return  # it has ended, or this sandbox has no pidfd: its probe finds out
        if not _is_same(pid, born):
            os.close(descriptor)
            return
        self._descriptors[identity] = descriptor
        asyncio.get_running_loop().add_reader(descriptor, self._ended, identity)

    def _ended(self, identity: Identity) -> None:
        # Its descriptor stays readable: without this the loop would spin.
        asyncio.get_running_loop().remove_reader(self._descriptors[identity])
        self._died()

    def _forget(self, identity: Identity) -> None:
        descriptor = self._descriptors.pop(identity)
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)


def _is_same(pid: int, born: int | None) -> bool:
    """Return whether the process that has this pid now is the one that was born then: pids are used again."""
    try:
        return start_time_of(pid) == born
    except FaultError:
        return False
