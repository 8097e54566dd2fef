"""Notices that one of a show's files was changed, by asking for its attributes several times a second.

Asked, not told by the kernel: network file systems and mounts of containers tell nobody.
"""

import asyncio
import os
import time
from collections.abc import Iterable
from pathlib import Path

CHECK_INTERVAL_SEC = 0.2
SETTLE_SEC = 0.05
"""An editor writes a file in several steps: it is read once it was the same for so long."""

GONE_SEC = 2.0
"""Some editors move a file away before they write it anew: for so long it may be missing or empty."""

Stamp = tuple[int, int, int, int] | None
"""Inode, size, and when content and attributes were changed; None: there is no such file."""


class WatchedFiles:
    """`main` is the show file; `others` are what it includes, whether or not they exist."""

    def __init__(self, main: Path, others: Iterable[Path] = (), *, gone_sec: float = GONE_SEC) -> None:
        self.main = main
        self._gone_sec = gone_sec
        self.others = tuple(others)
        self._seen: dict[Path, Stamp] | None = None

    async def wait_for_change(self, timeout_sec: float = CHECK_INTERVAL_SEC) -> bool:
        """Wait for `timeout_sec`; return whether a file has changed since the last call, and is whole again."""
        await asyncio.sleep(timeout_sec)
        now = await self._look()
        if now == self._seen:
            return False
        self._seen = await self._wait_until_settled(now)
        return True

    async def _wait_until_settled(self, now: dict[Path, Stamp]) -> dict[Path, Stamp]:
        until = time.monotonic() + self._gone_sec
        while True:
            await asyncio.sleep(SETTLE_SEC)
            before, now = now, await self._look()
            is_there = all(now.get(path) is not None and now[path][1] for path in self._present())  # type: ignore[index]
            if now == before and (is_there or time.monotonic() > until):
                return now

    def _present(self) -> list[Path]:
        """Return the files that should be there: the show file, and those that were there before."""
        seen = self._seen or {}
        return [self.main, *(path for path in self.others if (stamp := seen.get(path)) is not None and stamp[1])]

    async def _look(self) -> dict[Path, Stamp]:
        # In a thread: a network file system may not answer for long.
        return await asyncio.to_thread(_stamps, (self.main, *self.others))


def _stamps(paths: Iterable[Path]) -> dict[Path, Stamp]:
    return {path: _stamp(path) for path in paths}


def _stamp(path: Path) -> Stamp:
    try:
        found = os.stat(path)  # noqa: PTH116 - one call
    except (OSError, ValueError):
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
