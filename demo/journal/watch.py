"""Checks that the file SQLite writes to is still the journal: it may be deleted, moved or cut short at any time."""

import contextlib
import os
import time
from pathlib import Path
from typing import NamedTuple

from demo.journal.sqlite_file import APPLICATION_ID, ID_AT, MAGIC, MARK_AT


class Damage(NamedTuple):
    """`what` is wrong. `main`: the file itself is gone or cut short, not only a file beside it.

    `taken`: another file is in its place, which is not ours to touch. `spoilt`: its content was overwritten and is
    lost.
    """

    what: str
    main: bool = False
    taken: bool = False
    spoilt: bool = False


class FileWatch:
    """Compares the files by `stat`, which causes no disk access.

    Create it before SQLite opens the file and close it afterwards: POSIX drops all of a process's locks on a file,
    SQLite's too, when the process closes any descriptor of that file.
    """

    def __init__(self, path: Path, lock_fd: int, mark: int) -> None:
        self._path = path
        self._marks = (0, mark)
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.lock_fd = lock_fd
        self._sizes = dict.fromkeys(("", "-wal"), 0)
        self._side_stats: dict[str, os.stat_result] = {}

    def note_sizes(self) -> None:
        """Note the current sizes after a write of our own: from now on a smaller file is damage."""
        self._sizes[""] = max(self._sizes[""], os.fstat(self._fd).st_size)
        for side in ("-wal", "-shm"):
            now = _stat_or_none(f"{self._path}{side}")
            if now is None:
                continue
            # SQLite creates these files with its first write, so the first that is seen is ours.
            known = self._side_stats.setdefault(side, now)
            if side == "-wal" and os.path.samestat(known, now):
                self._sizes[side] = max(self._sizes[side], now.st_size)

    def find_damage(self) -> Damage | None:
        """Return what is wrong with the files now, None for nothing. Raises `OSError` when that cannot be told."""
        return self._check_file() or self._check_side_files()

    def _check_file(self) -> Damage | None:
        current = _stat_or_none(self._path)
        if current is None:
            return Damage("was removed or moved away", main=True)
        if not os.path.samestat(current, os.fstat(self._fd)):
            return Damage("has another file in its place", main=True, taken=True)
        # From the descriptor that is open anyway: opening and closing another would drop SQLite's locks.
        header = os.pread(self._fd, 100, 0)
        if len(header) == 100 and not self._is_ours(header):
            return Damage("was overwritten by another program", main=True, spoilt=True)
        return Damage("was cut short", main=True) if current.st_size < self._sizes[""] else None

    def _is_ours(self, header: bytes) -> bool:
        """Return whether this is the header of our journal.

        A new journal's mark (0 until then) may still be in the log.
        """
        ours = header.startswith(MAGIC) and header[ID_AT] == APPLICATION_ID.to_bytes(4, "big")
        return ours and int.from_bytes(header[MARK_AT]) in self._marks

    def _check_side_files(self) -> Damage | None:
        for side, known in self._side_stats.items():
            now = _stat_or_none(f"{self._path}{side}")
            if now is None or not os.path.samestat(known, now):
                return Damage(f"has lost its {'log' if side == '-wal' else 'index'} ({self._path.name}{side})")
            if now.st_size < self._sizes.get(side, 0):
                return Damage(f"has a log that was cut short ({self._path.name}{side})")
        return None if self.has_lock else Damage(f"has lost its lock ({self._path.name}.lock)")

    @property
    def has_lock(self) -> bool:
        """The lock file is still the one we locked, so nobody else can lock the journal."""
        lock = _stat_or_none(f"{self._path}.lock")
        return lock is not None and os.path.samestat(lock, os.fstat(self.lock_fd))

    def close(self) -> None:
        os.close(self._fd)


class Pause:
    """The pause between attempts at an expensive repair that fails: twice as long each time."""

    FIRST_SEC, MAX_SEC = 1.0, 30.0

    def __init__(self) -> None:
        self._next_at = 0.0
        self._pause = self.FIRST_SEC

    @property
    def is_over(self) -> bool:
        return time.monotonic() >= self._next_at

    def begin(self) -> None:
        self._next_at = time.monotonic() + self._pause
        self._pause = min(self.MAX_SEC, self._pause * 2)


def _stat_or_none(path: Path | str) -> os.stat_result | None:
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        return os.stat(path)  # noqa: PTH116 - compared by `os.path.samestat`
    return None
