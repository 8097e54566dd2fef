"""From an old journal to the one begun after it: undos that wait, and the old one out of the way."""

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
from demo.journal.library.inspect import JournalSummary, left_to_undo, reading
from demo.journal.sqlite_file import SIDES, lock, open_file, refuse_foreign
from demo.journal.undo_table import UndoRow, mark_moved, put_aside, unreadable_rows
from demo.show import events as e


def hand_over(old: JournalSummary, journal: Journal, *, set_aside: bool) -> int:
    """Take the undos that wait in `old` into `journal`'s ledger; returns how many.

    They are on disk here before they are marked there: a crash between leaves them in both, and healing
    twice is healing. `set_aside`: note in `old`, too, that another show was begun in its place.
    Nothing is noted in `old` for a `journal` that is temporary: what is gone at its end stays owed here.
    Raises `JournalError` when `journal` cannot take them, or `old` is in use. What `old` does not take is let be.
    """
    marks = set_aside and not old.over
    if not old.undos and not marks:
        return 0
    held = lock(old.path)
    try:
        if not old.path.exists():
            return 0  # removed since it was looked at
        rows = left_to_undo(old.path)
        if rows:
            journal.adopt(rows)
        if not old.trouble and not journal.is_temporary:
            with contextlib.suppress(sqlite3.Error, OSError, JournalError):
                _note(old.path, marks, rows)
    finally:
        os.close(held)
    return len(rows)


def set_unreadable_aside(old: JournalSummary) -> list[str]:
    """Put the undos aside, in `old` itself, that wait there and cannot be read; returns what to say of them.

    No other journal takes them over. Where `old` cannot be written, they are said again at the next start.
    """
    if not old.unreadable:
        return []
    try:
        with reading(old.path) as db:
            new = [row for row in unreadable_rows(db) if row.is_new]
    except (sqlite3.Error, OSError):
        return []
    if new and not old.trouble:
        with contextlib.suppress(sqlite3.Error, OSError, JournalError):
            held = lock(old.path)
            try:
                with closing(open_file(old.path)[0]) as db:
                    put_aside(db, new)
            finally:
                os.close(held)
    return [f"{old.name}: {row.text}" for row in new]


def _note(path: Path, set_aside: bool, rows: list[UndoRow]) -> None:
    db, _, newest = open_file(path)
    with closing(db):
        if rows:
            mark_moved(db, rows)
        if set_aside and newest:
            event = json.dumps(e.to_json(e.ShowSetAside()))
            with db:
                db.execute("INSERT INTO entries VALUES (?,?,?,?)", (newest + 1, time.time(), "show", event))


def move_aside(path: Path) -> Path | None:
    """Rename a journal to `….1`, or the first number that is free; returns where it lies now, None if there was none.

    Raises `JournalError` for one that is in use or no journal, and when it cannot be renamed.
    """
    if not path.exists():
        return None
    _refuse_other_programs(path)
    held = lock(path)
    try:
        with contextlib.suppress(sqlite3.Error, OSError, JournalError):
            _into_one_file(path)
        aside = _free_name(path)
        # A log that is left belongs to a file that could not be folded. It lies at both places while the file moves:
        # whenever this is killed, the file has its log beside it.
        with contextlib.suppress(FileNotFoundError):
            _double(Path(f"{path}-wal"), Path(f"{aside}-wal"))
        path.rename(aside)
        Path(f"{path}-wal").unlink(missing_ok=True)
        for side in ("-shm", ".sessions"):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{path}{side}").rename(f"{aside}{side}")
    except OSError as error:
        raise JournalError(f"the journal {path} cannot be moved aside: {error.strerror or error}") from None
    finally:
        os.close(held)
    return aside


def asides(path: Path) -> list[Path]:
    """What was moved aside from here: `….1`, `….2` and so on."""
    try:
        found = [one for one in path.parent.iterdir() if one.name.startswith(f"{path.name}.")]
    except OSError:
        return []
    numbers = (one.name.removeprefix(f"{path.name}.") for one in found)
    return [one for one, number in zip(found, numbers, strict=True) if number.isascii() and number.isdecimal()]


def _refuse_other_programs(path: Path) -> None:
    try:
        refuse_foreign(path)
    except JournalError as error:
        if "damaged" not in str(error):
            raise


def _into_one_file(path: Path) -> None:
    """Fold the log into the file, so that one rename moves all of it."""
    with closing(sqlite3.connect(path, timeout=1.0)) as db:
        db.execute("PRAGMA journal_mode=DELETE")


def _double(old: Path, new: Path) -> None:
    """The same file under a second name; where a disk knows no such thing, a copy. Raises `OSError`."""
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
