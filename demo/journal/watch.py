"""Is the file that SQLite writes to still the journal? It can be removed, moved or cut short under a running show."""

import contextlib
import os
import time
from pathlib import Path
from typing import NamedTuple

from demo.journal.sqlite_file import APPLICATION_ID, ID_AT, MAGIC, MARK_AT


class Damage(NamedTuple):
    """`what` is wrong. `main`: the file itself is gone or cut short, not only what lies beside it.

    `taken`: something else lies in its place, which is not ours to touch. `spoilt`: what it held is gone.
    """

    what: str
    main: bool = False
    taken: bool = False
    spoilt: bool = False


class FileWatch:
    """Looks by `stat`, which costs the disk nothing. To be made before SQLite opens the file, and closed after it:
    a process that closes any descriptor of a file gives up its locks on that file, SQLite's too.
    """

    def __init__(self, path: Path, lock_fd: int, mark: int) -> None:
        self._path = path
        self._marks = (0, mark)
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.lock_fd = lock_fd
        self._sizes = dict.fromkeys(("", "-wal"), 0)
        self._sides: dict[str, os.stat_result] = {}

    def settle(self) -> None:
        """After a write of our own: what has grown is right."""
        self._sizes[""] = max(self._sizes[""], os.fstat(self._fd).st_size)
        for side in ("-wal", "-shm"):
            now = _stat(f"{self._path}{side}")
            if now is None:
                continue
            known = self._sides.setdefault(side, now)
            if side == "-wal" and os.path.samestat(known, now):
                self._sizes[side] = max(self._sizes[side], now.st_size)

    def damage(self) -> Damage | None:
        """What is wrong with the file now. Raises `OSError` when that cannot be known."""
        return self._damage_of_file() or self._damage_beside()

    def _damage_of_file(self) -> Damage | None:
        found = _stat(self._path)
        if found is None:
            return Damage("was removed or moved away", main=True)
        if not os.path.samestat(found, os.fstat(self._fd)):
            return Damage("has another file in its place", main=True, taken=True)
        header = os.pread(self._fd, 100, 0)
        if len(header) == 100 and not self._is_ours(header):
            return Damage("was written over by something else", main=True, spoilt=True)
        return Damage("was cut short", main=True) if found.st_size < self._sizes[""] else None

    def _is_ours(self, header: bytes) -> bool:
        """The mark may still be in the log alone."""
        ours = header.startswith(MAGIC) and header[ID_AT] == APPLICATION_ID.to_bytes(4, "big")
        return ours and int.from_bytes(header[MARK_AT]) in self._marks

    def _damage_beside(self) -> Damage | None:
        for side, known in self._sides.items():
            now = _stat(f"{self._path}{side}")
            if now is None or not os.path.samestat(known, now):
                return Damage(f"has lost its {'log' if side == '-wal' else 'index'} ({self._path.name}{side})")
            if now.st_size < self._sizes.get(side, 0):
                return Damage(f"has a log that was cut short ({self._path.name}{side})")
        return None if self.has_lock else Damage(f"has lost its lock ({self._path.name}.lock)")

    @property
    def has_lock(self) -> bool:
        """Whoever locks the journal by its name meets our lock."""
        lock = _stat(f"{self._path}.lock")
        return lock is not None and os.path.samestat(lock, os.fstat(self.lock_fd))

    def close(self) -> None:
        os.close(self._fd)


class Pause:
    """Between attempts at something costly that fails: longer each time."""

    FIRST_SEC, MOST_SEC = 1.0, 30.0

    def __init__(self) -> None:
        self._next_at = 0.0
        self._pause = self.FIRST_SEC

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._next_at

    def begin(self) -> None:
        self._next_at = time.monotonic() + self._pause
        self._pause = min(self.MOST_SEC, self._pause * 2)


def _stat(path: Path | str) -> os.stat_result | None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return os.stat(path)  # noqa: PTH116 - compared by `os.path.samestat`
    return None
