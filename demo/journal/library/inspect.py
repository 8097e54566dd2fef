"""A journal seen from outside: what it is about and how far it came, without touching or locking it."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.errors import JournalError
from demo.journal.sqlite_file import STORY, VERSION, is_in_use, real, refuse_foreign
from demo.journal.undo_table import UndoRow, pending_rows, unreadable_rows
from demo.show.deck import renumbered

SUFFIX = ".journal"

EDITED = """substr(data, 1, 22) = '{"type": "DeckChanged"'"""
"""In SQL: the deck was edited here."""


@dataclass(frozen=True, slots=True)
class JournalSummary:
    """`chapter`: the one on screen last, 1-based (0: none yet). `over`: not continued unless asked for.

    `events`: how many it has had, as its newest number says.
    `trouble`: why it cannot be read; then everything is unknown but the name, the size and when it was written.
    """

    path: Path
    size: int
    last_at: float
    begun_at: float = 0.0
    subject: str = ""
    titles: tuple[str, ...] = ()
    chapter: int = 0
    events: int = 0
    over: bool = False
    undos: int = 0
    unreadable: int = 0
    """Undos that wait and cannot be read, so that nothing heals them."""
    in_use: bool = False
    trouble: str = ""

    @property
    def standing_on(self) -> str:
        """The title of the chapter on screen last; empty before the first."""
        return self.titles[self.chapter - 1] if 0 < self.chapter <= len(self.titles) else "a chapter unknown"

    def goes_on_in(self, titles: Sequence[str]) -> bool:
        """Return whether a deck of these titles has the chapter on screen last."""
        return self.chapter in renumbered(self.titles, titles)

    @property
    def name(self) -> str:
        return self.path.name.removesuffix(SUFFIX)


def look(path: Path) -> JournalSummary:
    """What can be seen of a journal; never raises for what is in the file."""
    size, written_at = _measure(path)
    found = JournalSummary(path, size, written_at, written_at, in_use=is_in_use(path))
    try:
        refuse_foreign(path)
        if not size:
            return found
        with reading(path) as db:
            return _read(db, found)
    except JournalError as error:
        return _unreadable(found, str(error))
    except (sqlite3.Error, OSError, ValueError, TypeError, KeyError) as error:
        return _unreadable(found, f"it is damaged ({error})")


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that only reads, and leaves nothing beside a file that has no log.

    What a killed server left in the log is read too.
    """
    path = real(path)
    how = "mode=ro" if Path(f"{path}-wal").exists() else "mode=ro&immutable=1"
    with closing(sqlite3.connect(f"{path.as_uri()}?{how}", uri=True, timeout=1.0)) as db:
        yield db


def left_to_undo(path: Path) -> list[UndoRow]:
    """The undos that wait in a journal; none when they cannot be read."""
    try:
        refuse_foreign(path)
        with reading(path) as db:
            return pending_rows(db)
    except (JournalError, sqlite3.Error, OSError):
        return []


def _measure(path: Path) -> tuple[int, float]:
    """Bytes with the log, and when the newest of both was written."""
    stats = []
    for name in (path, Path(f"{real(path)}-wal")):
        try:
            stats.append(name.stat())
        except OSError:
            continue
    return sum(one.st_size for one in stats), max((one.st_mtime for one in stats), default=0.0)


def _unreadable(found: JournalSummary, trouble: str) -> JournalSummary:
    undos = len(left_to_undo(found.path))
    return JournalSummary(
        found.path, found.size, found.last_at, found.begun_at, undos=undos, in_use=found.in_use, trouble=trouble
    )


def _read(db: sqlite3.Connection, found: JournalSummary) -> JournalSummary:
    if not db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
        return found  # its server ended while it was being made
    row = db.execute("SELECT version, created FROM show").fetchone()
    if row is None:
        return found
    if row[0] != VERSION:
        raise JournalError(f"another version of this program wrote it (format {row[0]})")
    newest = db.execute("SELECT at, seq FROM entries ORDER BY seq DESC LIMIT 1").fetchone()
    first = db.execute("SELECT data FROM entries ORDER BY seq LIMIT 1").fetchone()
    opened = _event(first[0]) if first and first[0].startswith('{"type": "ShowOpened"') else {}
    entered, turn = _newest(db)
    newest_deck = f"SELECT data FROM entries WHERE {STORY} AND {EDITED} ORDER BY seq DESC LIMIT 1"  # noqa: S608 - ours
    edited = db.execute(newest_deck).fetchone()
    deck = _event(edited[0]) if edited else opened
    return JournalSummary(
        found.path,
        found.size,
        last_at=float(newest[0] if newest else row[1]),
        begun_at=float(row[1]),
        subject=str(opened.get("subject", "")),
        titles=tuple(str(title) for title in deck.get("chapters", ())),
        chapter=int(entered.get("number", 0)),
        events=int(newest[1]) if newest else 0,
        over=bool(turn.get("over")) or turn.get("type") == "ShowSetAside",
        undos=len(pending_rows(db)),
        unreadable=len(unreadable_rows(db)),
        in_use=found.in_use,
    )


def _newest(db: sqlite3.Connection) -> tuple[dict[str, Any], dict[str, Any]]:
    """The newest event that says where it stands, and the newest of the show as a whole; empty for none."""
    entered: dict[str, Any] = {}
    turn: dict[str, Any] = {}
    for (data,) in db.execute(f"SELECT data FROM entries WHERE {STORY} ORDER BY seq DESC"):  # noqa: S608 - ours
        if not turn and data.startswith('{"type": "Show'):
            turn = _event(data)
        if not entered and data.startswith(('{"type": "ChapterEntered"', '{"type": "DeckChanged"')):
            entered = _event(data)
        if entered and turn:
            break
    return entered, turn


def _event(data: str) -> dict[str, Any]:
    event = json.loads(data)
    if not isinstance(event, dict):
        raise JournalError("one of its entries is no event")
    return event
