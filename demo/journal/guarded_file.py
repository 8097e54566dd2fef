"""A journal's file while its show runs: its lock, its connection, and checks that the file is still there."""

import os
import sqlite3
from pathlib import Path

from demo.errors import JournalError
from demo.journal.repair import checkpoint_log, rewrite_file
from demo.journal.sqlite_file import lock, mark_of, open_file
from demo.journal.watch import Damage, FileWatch, Pause


class GuardedFile:
    """The open file of a journal, used by one thread. Raises `JournalError` when another server has the journal."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.epoch = ""
        self.repaired: list[str] = []
        """Notices of repaired damage, for the presenter; whoever shows them empties the list."""
        self._lock_fd = lock(path)
        self._db: sqlite3.Connection | None = None
        self._watch: FileWatch | None = None
        self._pause = Pause()
        self._repair_error = ""
        self._fatal_damage: Damage | None = None

    @property
    def db(self) -> sqlite3.Connection:
        if self._db is None:
            reason = f": {self._repair_error}" if self._repair_error else ""
            raise JournalError(f"the journal {self.path} is not open{reason}")
        return self._db

    def open(self) -> int:
        """Open the file and return its last sequence number (0: none).

        Raises `sqlite3.Error`, `OSError` and `JournalError`.
        """
        db, epoch, newest = open_file(self.path)
        if self.epoch and epoch != self.epoch:
            db.close()
            raise JournalError(f"the journal {self.path} was replaced by that of another show")
        self._db, self.epoch = db, epoch
        self._watch = FileWatch(self.path, self._lock_fd, mark_of(epoch))
        self._watch.note_sizes()
        return newest

    def note_sizes(self) -> None:
        """Note the new sizes of the files. To be called after each write."""
        if self._watch is not None:
            self._watch.note_sizes()

    def ensure_intact(self, newest: int) -> None:
        """Check that what is written now, after entry `newest`, will be found after a crash.

        A file that was deleted, moved away or cut short is written again, where that is possible. Raises `JournalError`
        when it is not.
        """
        if self._watch is None or self._db is None:
            self.open()
            return
        damage = self._fatal_damage or self._watch.find_damage()
        if damage is None:
            return
        if damage.spoilt:
            self._fatal_damage = damage
        # Content that was overwritten is lost, and a file of somebody else is not ours to replace: no repair helps.
        if damage.spoilt or damage.taken or not self._pause.is_over:
            raise JournalError(self._explain(damage))
        try:
            self._repair(damage, newest)
        except (JournalError, sqlite3.Error, OSError) as error:
            self._repair_error = f"it cannot be repaired: {error}"
            self._pause.begin()
            raise JournalError(self._explain(damage)) from error
        self._pause, self._repair_error = Pause(), ""
        self.repaired.append(f"the journal {self.path} {damage.what}; it was repaired, and nothing was lost")

    def _repair(self, damage: Damage, newest: int) -> None:
        watch, db = self._watch, self.db
        if watch is None:
            return
        if not watch.has_lock:
            self._renew_lock()
            if (still := watch.find_damage()) is None:
                return
            if still.taken:
                raise JournalError("another server has used it meanwhile")
            damage = still
        if damage.main:
            rewrite_file(db, self.path, newest)
        else:
            checkpoint_log(db)
        self._close_db()
        self.open()

    def _renew_lock(self) -> None:
        """Lock the journal again after its lock file was deleted.

        Raises `JournalError` when another server was faster.
        """
        lock_fd = lock(self.path, 0.0)
        os.close(self._lock_fd)
        self._lock_fd = lock_fd
        if self._watch is not None:
            self._watch.lock_fd = lock_fd

    def _explain(self, damage: Damage) -> str:
        """Return what is wrong with the file and what to do about it."""
        problem = f"the journal {self.path} {damage.what}"
        if damage.spoilt:
            return f"{problem}: end this show, and start again with --fresh"
        if damage.taken:
            return f"{problem}: move that file away, and the journal is written there again"
        reason = self._repair_error
        return (
            f"{problem}; {reason}. The repair is tried again; if it keeps failing, end this show and start with --fresh"
        )

    def close(self) -> None:
        """Close the file and release its lock, the lock in any case. Raises `sqlite3.Error`."""
        try:
            self._close_db()
        finally:
            os.close(self._lock_fd)

    def _close_db(self) -> None:
        """Close the connection, then the watch: its descriptor's end drops SQLite's locks on the file."""
        db, watch, self._db, self._watch = self._db, self._watch, None, None
        try:
            if db is not None:
                db.close()
        finally:
            if watch is not None:
                watch.close()
