"""The file of a journal while its show runs: its lock, its connection, and seeing to it that it is still there."""

import os
import sqlite3
from pathlib import Path

from demo.errors import JournalError
from demo.journal.repair import write_anew, write_through
from demo.journal.sqlite_file import lock, mark_of, open_file
from demo.journal.watch import Damage, FileWatch, Pause


class GuardedFile:
    """One thread opens, uses and closes it. Raises `JournalError` when another server has the journal."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.epoch = ""
        self.repaired: list[str] = []
        """What was wrong with the file and was put right, to be said once; taken out by whoever says it."""
        self._lock_fd = lock(path)
        self._db: sqlite3.Connection | None = None
        self._watch: FileWatch | None = None
        self._pause = Pause()
        self._why = ""
        self._spoilt: Damage | None = None

    @property
    def db(self) -> sqlite3.Connection:
        if self._db is None:
            raise JournalError(f"the journal {self.path} is not open{f': {self._why}' if self._why else ''}")
        return self._db

    def open(self) -> int:
        """The last sequence number on disk (0: none). Raises `sqlite3.Error`, `OSError` and `JournalError`."""
        db, epoch, newest = open_file(self.path)
        if self.epoch and epoch != self.epoch:
            db.close()
            raise JournalError(f"the journal {self.path} was replaced by that of another show")
        self._db, self.epoch = db, epoch
        self._watch = FileWatch(self.path, self._lock_fd, mark_of(epoch))
        self._watch.settle()
        return newest

    def settle(self) -> None:
        """To be called after each write."""
        if self._watch is not None:
            self._watch.settle()

    def make_sure(self, newest: int) -> None:
        """Raise `JournalError` unless what is written now, behind entry `newest`, will be found after a crash.

        A file that was removed, moved away or cut short is written anew where that can be done.
        """
        if self._watch is None or self._db is None:
            self.open()
            return
        damage = self._spoilt or self._watch.damage()
        if damage is None:
            return
        if damage.spoilt:
            self._spoilt = damage
        if damage.spoilt or damage.taken or not self._pause.is_over:
            raise JournalError(self._said(damage))
        try:
            self._put_right(damage, newest)
        except (JournalError, sqlite3.Error, OSError) as error:
            self._why = f"it cannot be put right: {error}"
            self._pause.begin()
            raise JournalError(self._said(damage)) from error
        self._pause, self._why = Pause(), ""
        self.repaired.append(f"the journal {self.path} {damage.what}; it was put right, and nothing of it is lost")

    def _put_right(self, damage: Damage, newest: int) -> None:
        watch, db = self._watch, self.db
        if watch is None:
            return
        if not watch.has_lock:
            self._lock_again()
            if (still := watch.damage()) is None:
                return
            if still.taken:
                raise JournalError("another server was there meanwhile")
            damage = still
        if damage.main:
            write_anew(db, self.path, newest)
        else:
            write_through(db)
        self._let_go_of_db()
        self.open()

    def _lock_again(self) -> None:
        """Under the name that it lost: whoever started here meanwhile has it now, and keeps it."""
        taken = lock(self.path, 0.0)
        os.close(self._lock_fd)
        self._lock_fd = taken
        if self._watch is not None:
            self._watch.lock_fd = taken

    def _said(self, damage: Damage) -> str:
        """What is wrong and what to do."""
        what = f"the journal {self.path} {damage.what}"
        if damage.spoilt:
            return f"{what}: end this show, and start again with --fresh"
        if damage.taken:
            return f"{what}: move that away, and the show is written there again"
        return f"{what}; {self._why}. It is tried again; if that does not help, end this show and start with --fresh"

    def close(self) -> None:
        """Let go of the file and its lock. Raises `sqlite3.Error`; the lock is let go of all the same."""
        try:
            self._let_go_of_db()
        finally:
            os.close(self._lock_fd)

    def _let_go_of_db(self) -> None:
        """The watch last: its end costs this process its locks on the file."""
        db, watch, self._db, self._watch = self._db, self._watch, None, None
        try:
            if db is not None:
                db.close()
        finally:
            if watch is not None:
                watch.close()
