"""The rows of the undo ledger: which of them wait, which cannot be read, and how they go into another journal."""

import json
import math
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

UndoRow = tuple[str, str, int, str, str, str, str, float, str, float]
"""id, fault, run, kind, target, undo (JSON), manual, late (seconds), state, at (a moment)."""

_COLUMNS = "id, fault, run, kind, target, undo, manual, late, state, at"
_SELECT = f"SELECT {_COLUMNS}, rowid FROM undos"  # noqa: S608 - names of our own
_IS_PENDING = "state NOT IN ('healed', 'moved', 'unreadable')"

_ADD = """
INSERT INTO undos VALUES (?,?,?,?,?,?,?,?,?,?)
ON CONFLICT (id) DO UPDATE SET state = excluded.state WHERE undos.state = 'moved'
"""


class UnreadableUndo(NamedTuple):
    """A row that nobody can heal by, and what can be read of it. It stays in its journal, in a state of its own."""

    rowid: int
    fault: str
    target: str
    manual: str
    at: float
    is_new: bool
    """Not put aside yet."""

    @property
    def text(self) -> str:
        """What to tell the presenter."""
        by_hand = f" By hand: {self.manual}" if self.manual else ""
        what = f"the undo of {self.fault or 'a fault'}{f' on {self.target}' if self.target else ''}"
        return f"{what} cannot be read and was put aside: nothing heals it by itself.{by_hand}"


def pending_rows(db: sqlite3.Connection) -> list[UndoRow]:
    """Undos that nobody has verified yet and no other ledger has taken over, oldest first; those that can be read."""
    return [row[:-1] for row in _rows(db, f"{_SELECT} WHERE {_IS_PENDING} ORDER BY at") if _is_readable(row)]


def newest_rows(db: sqlite3.Connection) -> list[UndoRow]:
    """Of each fault the undo that was written down last, whatever became of it; of those that can be read."""
    rows = [row[:-1] for row in _rows(db, f"{_SELECT} ORDER BY at") if _is_readable(row)]
    return list({row[1]: row for row in rows}.values())


def unreadable_rows(db: sqlite3.Connection) -> list[UnreadableUndo]:
    """Undos that wait and cannot be read, those that were put aside included, oldest first."""
    rows = _rows(db, f"{_SELECT} WHERE {_IS_PENDING} OR state = 'unreadable' ORDER BY at")
    return [_unreadable(row) for row in rows if row[8] == "unreadable" or not _is_readable(row)]


def put_aside(db: sqlite3.Connection, rows: Sequence[UnreadableUndo]) -> None:
    """No start takes them for pending any more; nothing of them is lost."""
    with synced(db):
        db.executemany("UPDATE undos SET state = 'unreadable' WHERE rowid = ?", [(row.rowid,) for row in rows])


def _rows(db: sqlite3.Connection, query: str) -> list[Any]:
    """Whatever bytes a damaged text holds: they must not keep the other rows from being read."""
    before = db.text_factory
    db.text_factory = lambda raw: raw.decode(errors="surrogateescape")
    try:
        return db.execute(query).fetchall()
    finally:
        db.text_factory = before


def _is_readable(row: Sequence[Any]) -> bool:
    ident, fault, run, kind, target, undo, manual, late, state, at, _ = row
    if not all(_is_text(value) for value in (ident, fault, kind, target, undo, manual, state)):
        return False
    numbers = isinstance(run, int) and all(isinstance(one, int | float) and math.isfinite(one) for one in (late, at))
    try:
        return numbers and isinstance(json.loads(undo), dict)
    except (ValueError, RecursionError):
        return False


def _is_text(value: object) -> bool:
    try:
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False


def _unreadable(row: Sequence[Any]) -> UnreadableUndo:
    fault, target, manual = (row[column] if _is_text(row[column]) else "" for column in (1, 4, 6))
    at = float(row[9]) if isinstance(row[9], int | float) else math.inf
    return UnreadableUndo(row[10], fault[:100], target[:100], manual[:300], at, row[8] != "unreadable")


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
