"""Moves pending undos from old journals to a new one, and old journals out of the way."""

import contextlib
import json
import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from demo.errors import JournalError
from demo.journal.journal import Journal
from demo.journal.library.inspect import JournalSummary, open_read_only, pending_undos
from demo.journal.sqlite_file import SIDES, lock, open_file, refuse_foreign
from demo.journal.undo_table import UndoRow, mark_moved, put_aside, unreadable_rows
from demo.show import events as e


def transfer_undos(old: JournalSummary, journal: Journal, *, set_aside: bool) -> int:
    """Copy the pending undos of `old` to `journal`'s ledger and return their number.

    They are written there before they are marked as moved in `old`: a crash in between leaves them in both, and to heal
    twice is harmless. `set_aside`: record in `old`, too, that another show was begun in its place.
    Nothing is marked in `old` when `journal` is temporary: its copies are lost with it, so `old` must keep its own.
    Raises `JournalError` when `journal` cannot take them, or `old` is in use. Errors in writing to `old` are ignored.
    """
    marks_set_aside = set_aside and not old.over
    if not old.undos and not marks_set_aside:
        return 0
    # Under the lock of the old journal: its server may have been started again since the summary was read.
    lock_fd = lock(old.path)
    try:
        if not old.path.exists():
            return 0  # deleted since its summary was read
        rows = pending_undos(old.path)
        if rows:
            journal.take_over_undos(rows)
        if not old.trouble and not journal.is_temporary:
            # An old journal that cannot be written keeps its undos, and they are healed again at the next start.
            with contextlib.suppress(sqlite3.Error, OSError, JournalError):
                _mark_old_journal(old.path, marks_set_aside, rows)
    finally:
        os.close(lock_fd)
    return len(rows)


def set_unreadable_aside(old: JournalSummary) -> list[str]:
    """Mark the undos of `old` that cannot be read, in `old` itself; return a notice for each of them.

    No other journal takes them over. Where `old` cannot be written, they are reported again at the next start.
    """
    if not old.unreadable:
        return []
    try:
        with open_read_only(old.path) as db:
            new = [row for row in unreadable_rows(db) if row.is_new]
    except (sqlite3.Error, OSError):
        return []
    if new and not old.trouble:
        with contextlib.suppress(sqlite3.Error, OSError, JournalError):
            lock_fd = lock(old.path)
            try:
                with closing(open_file(old.path)[0]) as db:
                    put_aside(db, new)
            finally:
                os.close(lock_fd)
    return [f"{old.name}: {row.text}" for row in new]


def _mark_old_journal(path: Path, set_aside: bool, rows: list[UndoRow]) -> None:
    db, _, newest = open_file(path)
    with closing(db):
        if rows:
            mark_moved(db, rows)
        if set_aside and newest:
            event = json.dumps(e.to_json(e.ShowSetAside()))
            with db:
                db.execute("INSERT INTO entries VALUES (?,?,?,?)", (newest + 1, time.time(), "show", event))


def move_aside(path: Path) -> Path | None:
    """Rename a journal to `….1`, or the first number that is free; return its new path, None if there was no journal.

    Raises `JournalError` for one that is in use or no journal, and when it cannot be renamed.
    """
    if not path.exists():
        return None
    _refuse_no_journal(path)
    lock_fd = lock(path)
    try:
        with contextlib.suppress(sqlite3.Error, OSError, JournalError):
            _fold_log(path)
        aside = _free_name(path)
        # A log that is still there could not be folded into the file. It is linked to the new name first and removed
        # from the old one last: whenever this process is killed, the file has its log beside it.
        with contextlib.suppress(FileNotFoundError):
            _link_or_copy(Path(f"{path}-wal"), Path(f"{aside}-wal"))
        path.rename(aside)
        Path(f"{path}-wal").unlink(missing_ok=True)
        for side in ("-shm", ".sessions"):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{path}{side}").rename(f"{aside}{side}")
    except OSError as error:
        raise JournalError(f"the journal {path} cannot be moved aside: {error.strerror or error}") from None
    finally:
        os.close(lock_fd)
    return aside


def list_set_aside(path: Path) -> list[Path]:
    """Return the journals that were moved aside from here: `….1`, `….2` and so on."""
    try:
        candidates = [candidate for candidate in path.parent.iterdir() if candidate.name.startswith(f"{path.name}.")]
    except OSError:
        return []
    numbers = (candidate.name.removeprefix(f"{path.name}.") for candidate in candidates)
    return [
        candidate
        for candidate, number in zip(candidates, numbers, strict=True)
        if number.isascii() and number.isdecimal()
    ]


def _refuse_no_journal(path: Path) -> None:
    try:
        refuse_foreign(path)
    except JournalError as error:
        # A damaged journal may be moved aside, that is what --fresh is for; a file of another program may not.
        if "damaged" not in str(error):
            raise


def _fold_log(path: Path) -> None:
    """Write the log into the file, so that one rename moves all of it."""
    with closing(sqlite3.connect(path, timeout=1.0)) as db:
        db.execute("PRAGMA journal_mode=DELETE")


def _link_or_copy(old: Path, new: Path) -> None:
    """Give a file a second name; copy it on a file system without hard links. Raises `OSError`."""
    try:
        new.hardlink_to(old)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copy2(old, new)


def _free_name(path: Path) -> Path:
    number = 1
    while any(Path(f"{path}.{number}{side}").exists() for side in ("", *SIDES)):
        number += 1
    return Path(f"{path}.{number}")
