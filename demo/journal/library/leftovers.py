"""What the journals of the user's directory still have pending, whatever show they are of."""

import fcntl
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from demo.errors import JournalError
from demo.journal.healer_table import Healer, read_healer
from demo.journal.library.directory import JournalDirectory
from demo.journal.library.inspect import open_read_only
from demo.journal.sqlite_file import is_in_use, refuse_foreign, resolve_path
from demo.journal.undo import Undo, to_undos
from demo.journal.undo_table import pending_rows, unreadable_rows

WATCHDOG_LOCK = ".watchdog"
"""Suffix of the file that a watchdog holds locked while it has undos of a journal."""


@dataclass(frozen=True)
class Leftover:
    """A journal with undos that nobody has verified, and whose server is gone.

    `unreadable`: what to tell of undos that cannot be read. `trouble`: why the journal cannot be read; then nothing is
    known of its undos. `healer`: what undoes them; None in a journal of an earlier version.
    """

    path: Path
    undos: tuple[Undo, ...] = ()
    unreadable: tuple[str, ...] = ()
    healer: Healer | None = None
    trouble: str = ""

    @property
    def name(self) -> str:
        return self.path.stem


def find_leftovers(own: Path, directory: JournalDirectory | None = None) -> list[Leftover]:
    """Return what other journals than `own` have pending, without those of servers that still live."""
    found = (read_leftover(path) for path in (directory or JournalDirectory()).paths() if path != own)
    return [leftover for leftover in found if leftover is not None]


def read_leftover(path: Path) -> Leftover | None:
    """Return what a journal has pending; None for nothing, and while a server has it. Never raises for its content."""
    if is_in_use(path):
        return None
    try:
        refuse_foreign(path)
        if not path.stat().st_size:
            return None
        with open_read_only(path) as db:
            if not db.execute("SELECT COUNT(*) FROM sqlite_master WHERE name = 'undos'").fetchone()[0]:
                return None  # its server was killed while it created the tables
            undos, unreadable = to_undos(pending_rows(db)), [row.text for row in unreadable_rows(db) if row.is_new]
            return Leftover(path, tuple(undos), tuple(unreadable), read_healer(db)) if undos or unreadable else None
    except FileNotFoundError:
        return None
    except (JournalError, sqlite3.Error, OSError, ValueError, TypeError) as error:
        return Leftover(path, trouble=str(error))


def is_watched(path: Path) -> bool:
    """Return whether a watchdog still has undos of this journal to heal."""
    try:
        descriptor = os.open(f"{resolve_path(path)}{WATCHDOG_LOCK}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False  # a file system without locks
    finally:
        os.close(descriptor)
    return False
