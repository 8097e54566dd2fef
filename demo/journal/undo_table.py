"""The rows of the undo ledger: which are pending, which cannot be read, and their transfer to another journal."""

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
    """An undo that cannot be read, and what can be read of it.

    Its row stays in the journal, in the state `unreadable`.
    """

    rowid: int
    fault: str
    target: str
    manual: str
    at: float
    is_new: bool
    """Its row does not have the state `unreadable` yet."""

    @property
    def text(self) -> str:
        """What to tell the presenter."""
        by_hand = f" By hand: {self.manual}" if self.manual else ""
        what = f"the undo of {self.fault or 'a fault'}{f' on {self.target}' if self.target else ''}"
        return f"{what} cannot be read and was set aside: it is not healed automatically.{by_hand}"


def pending_rows(db: sqlite3.Connection) -> list[UndoRow]:
    """Return readable undos that nobody has verified and no other ledger has taken over, oldest first."""
    return [row[:-1] for row in _select_rows(db, f"{_SELECT} WHERE {_IS_PENDING} ORDER BY at") if _is_readable(row)]


def newest_rows(db: sqlite3.Connection) -> list[UndoRow]:
    """Return for each fault the undo that was written last, in whatever state; unreadable ones are left out."""
    rows = [row[:-1] for row in _select_rows(db, f"{_SELECT} ORDER BY at") if _is_readable(row)]
    return list({row[1]: row for row in rows}.values())


def unreadable_rows(db: sqlite3.Connection) -> list[UnreadableUndo]:
    """Return pending undos that cannot be read, those already marked as `unreadable` included, oldest first."""
    rows = _select_rows(db, f"{_SELECT} WHERE {_IS_PENDING} OR state = 'unreadable' ORDER BY at")
    return [_to_unreadable(row) for row in rows if row[8] == "unreadable" or not _is_readable(row)]


def put_aside(db: sqlite3.Connection, rows: Sequence[UnreadableUndo]) -> None:
    """Mark rows as `unreadable`, so that they are not pending any more. Their content stays."""
    with synced(db):
        db.executemany("UPDATE undos SET state = 'unreadable' WHERE rowid = ?", [(row.rowid,) for row in rows])


def _select_rows(db: sqlite3.Connection, query: str) -> list[Any]:
    """Return the rows of a query, whatever bytes a damaged text holds.

    One damaged text must not keep the other rows from being read.
    """
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
        # Damaged bytes were decoded as surrogates, which cannot be encoded.
        return isinstance(value, str) and value.encode() is not None
    except UnicodeEncodeError:
        return False


def _to_unreadable(row: Sequence[Any]) -> UnreadableUndo:
    fault, target, manual = (row[column] if _is_text(row[column]) else "" for column in (1, 4, 6))
    at = float(row[9]) if isinstance(row[9], int | float) else math.inf
    return UnreadableUndo(row[10], fault[:100], target[:100], manual[:300], at, row[8] != "unreadable")


def add_undos(db: sqlite3.Connection, rows: Sequence[UndoRow]) -> None:
    """Add undos, synced to the disk. A known id stays as it is, except that a moved undo becomes pending again."""
    with synced(db):
        db.executemany(_ADD, rows)


def mark_moved(db: sqlite3.Connection, rows: Sequence[UndoRow]) -> None:
    """Mark undos as moved: another ledger has them now and is responsible for them."""
    # Only after the other ledger has them on disk: a crash in between leaves them in both.
    with synced(db):
        db.executemany("UPDATE undos SET state = 'moved' WHERE id = ?", [(row[0],) for row in rows])


@contextmanager
def synced(db: sqlite3.Connection) -> Iterator[None]:
    """Run a transaction that is on the disk when it ends, not only in the cache of the operating system."""
    db.execute("PRAGMA synchronous=FULL")
    try:
        with db:
            yield
    finally:
        db.execute("PRAGMA synchronous=NORMAL")
