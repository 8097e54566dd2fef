"""The rows of the undo ledger, as they go from one journal into another."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

UndoRow = tuple[str, str, int, str, str, str, str, float, str, float]
"""id, fault, run, kind, target, undo (JSON), manual, late (seconds), state, at (a moment)."""

_COLUMNS = "id, fault, run, kind, target, undo, manual, late, state, at"
_PENDING = f"SELECT {_COLUMNS} FROM undos WHERE state NOT IN ('healed', 'moved')"  # noqa: S608 - names of our own

_ADD = """
INSERT INTO undos VALUES (?,?,?,?,?,?,?,?,?,?)
ON CONFLICT (id) DO UPDATE SET state = excluded.state WHERE undos.state = 'moved'
"""


def pending_rows(db: sqlite3.Connection) -> list[UndoRow]:
    """Undos that nobody has verified yet and no other ledger has taken over, oldest first."""
    return db.execute(f"{_PENDING} ORDER BY at").fetchall()


def newest_rows(db: sqlite3.Connection) -> list[UndoRow]:
    """Of each fault the undo that was written down last, whatever became of it."""
    rows = db.execute(f"SELECT {_COLUMNS} FROM undos ORDER BY at").fetchall()  # noqa: S608 - names of our own
    return list({row[1]: row for row in rows}.values())


def add_undos(db: sqlite3.Connection, rows: Sequence[UndoRow]) -> None:
    """Synced to the disk; an id that is here already stays as it is, unless it had been given away: it is back."""
    with synced(db):
        db.executemany(_ADD, rows)


def mark_moved(db: sqlite3.Connection, rows: Sequence[UndoRow]) -> None:
    """They stand in another ledger now, which sees to them."""
    with synced(db):
        db.executemany("UPDATE undos SET state = 'moved' WHERE id = ?", [(row[0],) for row in rows])


@contextmanager
def synced(db: sqlite3.Connection) -> Iterator[None]:
    """A transaction that is on the disk, not only in the system's memory, when it ends."""
    db.execute("PRAGMA synchronous=FULL")
    try:
        with db:
            yield
    finally:
        db.execute("PRAGMA synchronous=NORMAL")
