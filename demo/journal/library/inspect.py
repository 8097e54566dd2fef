"""Reads what a journal is about and how far its show came, without changing or locking the file."""

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from demo.errors import JournalError
from demo.journal.sqlite_file import STORY, VERSION, is_in_use, refuse_foreign, resolve_path
from demo.journal.undo_table import UndoRow, pending_rows, unreadable_rows
from demo.show.deck import map_chapter_numbers

SUFFIX = ".journal"

EDITED = """substr(data, 1, 22) = '{"type": "DeckChanged"'"""
"""SQL condition for the events of an edited deck."""


@dataclass(frozen=True, slots=True)
class JournalSummary:
    """What is known of a journal without opening its show.

    `chapter`: the last current one, 1-based (0: none yet). `over`: not continued unless asked for.
    `events`: how many it has had, by its newest sequence number.
    `trouble`: why it cannot be read; then only its name, its size and its time of writing are known.
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
    """Pending undos that cannot be read, so that nothing heals them."""
    in_use: bool = False
    trouble: str = ""

    @property
    def chapter_title(self) -> str:
        """The title of the last current chapter, "an unknown chapter" without one."""
        return self.titles[self.chapter - 1] if 0 < self.chapter <= len(self.titles) else "an unknown chapter"

    def can_continue_with(self, titles: Sequence[str]) -> bool:
        """Return whether a deck of these titles has the last current chapter."""
        return self.chapter in map_chapter_numbers(self.titles, titles)

    @property
    def name(self) -> str:
        return self.path.name.removesuffix(SUFFIX)


def summarize(path: Path) -> JournalSummary:
    """Return a summary of a journal. Never raises for what is in the file."""
    size, written_at = _measure(path)
    summary = JournalSummary(path, size, written_at, written_at, in_use=is_in_use(path))
    try:
        refuse_foreign(path)
        if not size:
            return summary
        with open_read_only(path) as db:
            return _read_summary(db, summary)
    except JournalError as error:
        return _summarize_unreadable(summary, str(error))
    except (sqlite3.Error, OSError, ValueError, TypeError, KeyError) as error:
        return _summarize_unreadable(summary, f"it is damaged ({error})")


@contextmanager
def open_read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a read-only connection that creates no files beside the journal.

    What a killed server left in the log is read too.
    """
    path = resolve_path(path)
    # A read-only connection would create -wal and -shm files; `immutable` prevents that, but ignores an existing log.
    mode = "mode=ro" if Path(f"{path}-wal").exists() else "mode=ro&immutable=1"
    with closing(sqlite3.connect(f"{path.as_uri()}?{mode}", uri=True, timeout=1.0)) as db:
        yield db


def pending_undos(path: Path) -> list[UndoRow]:
    """Return the pending undos of a journal; none when they cannot be read."""
    try:
        refuse_foreign(path)
        with open_read_only(path) as db:
            return pending_rows(db)
    except (JournalError, sqlite3.Error, OSError):
        return []


def _measure(path: Path) -> tuple[int, float]:
    """Return the size in bytes, the log included, and the time at which the newer of the two files was written."""
    stats = []
    for name in (path, Path(f"{resolve_path(path)}-wal")):
        try:
            stats.append(name.stat())
        except OSError:
            continue
    return sum(one.st_size for one in stats), max((one.st_mtime for one in stats), default=0.0)


def _summarize_unreadable(summary: JournalSummary, reason: str) -> JournalSummary:
    undos = len(pending_undos(summary.path))
    return JournalSummary(
        summary.path,
        summary.size,
        summary.last_at,
        summary.begun_at,
        undos=undos,
        in_use=summary.in_use,
        trouble=reason,
    )


def _read_summary(db: sqlite3.Connection, summary: JournalSummary) -> JournalSummary:
    if not db.execute("SELECT COUNT(*) FROM sqlite_master").fetchone()[0]:
        return summary  # its server was killed while it created the tables
    row = db.execute("SELECT version, created FROM show").fetchone()
    if row is None:
        return summary
    if row[0] != VERSION:
        raise JournalError(f"another version of this program wrote it (format {row[0]})")
    newest = db.execute("SELECT at, seq FROM entries ORDER BY seq DESC LIMIT 1").fetchone()
    first = db.execute("SELECT data FROM entries ORDER BY seq LIMIT 1").fetchone()
    opened = _parse_event(first[0]) if first and first[0].startswith('{"type": "ShowOpened"') else {}
    entered, show_event = _find_newest_events(db)
    newest_deck = f"SELECT data FROM entries WHERE {STORY} AND {EDITED} ORDER BY seq DESC LIMIT 1"  # noqa: S608 - ours
    edited = db.execute(newest_deck).fetchone()
    deck = _parse_event(edited[0]) if edited else opened
    return JournalSummary(
        summary.path,
        summary.size,
        last_at=float(newest[0] if newest else row[1]),
        begun_at=float(row[1]),
        subject=str(opened.get("subject", "")),
        titles=tuple(str(title) for title in deck.get("chapters", ())),
        chapter=int(entered.get("number", 0)),
        events=int(newest[1]) if newest else 0,
        over=bool(show_event.get("over")) or show_event.get("type") == "ShowSetAside",
        undos=len(pending_rows(db)),
        unreadable=len(unreadable_rows(db)),
        in_use=summary.in_use,
    )


def _find_newest_events(db: sqlite3.Connection) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the newest event that sets the chapter, and the newest of the show as a whole; empty for none."""
    entered: dict[str, Any] = {}
    show_event: dict[str, Any] = {}
    # Backwards and by prefix, so that few rows are read and only two are parsed.
    for (data,) in db.execute(f"SELECT data FROM entries WHERE {STORY} ORDER BY seq DESC"):  # noqa: S608 - ours
        if not show_event and data.startswith('{"type": "Show'):
            show_event = _parse_event(data)
        if not entered and data.startswith(('{"type": "ChapterEntered"', '{"type": "DeckChanged"')):
            entered = _parse_event(data)
        if entered and show_event:
            break
    return entered, show_event


def _parse_event(data: str) -> dict[str, Any]:
    event = json.loads(data)
    if not isinstance(event, dict):
        raise JournalError("one of its entries is not a valid event")
    return event
