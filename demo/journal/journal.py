"""`Journal`: append, read on, and the ledger of undos.

One thread owns the SQLite connection. What could not be written yet is kept, in order, and tried again.
"""

import asyncio
import contextlib
import json
import secrets
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from demo.clock import CLOCK
from demo.errors import JournalError
from demo.journal.guarded_file import GuardedFile
from demo.journal.retention import Retention
from demo.journal.rows import Row, dumps, entry_of, row_of
from demo.journal.snapshots import newest_moment, newest_snapshot, rows_behind, save_snapshot
from demo.journal.sqlite_file import REMEDY, real, refuse_foreign, take_away
from demo.journal.undo_table import (
    UndoRow,
    UnreadableUndo,
    add_undos,
    newest_rows,
    pending_rows,
    put_aside,
    synced,
    unreadable_rows,
)
from demo.journal.writer_thread import WorkerThread
from demo.show import ShowState, apply
from demo.show.events import JournalEntry
from demo.types import Plan

T = TypeVar("T")

MAX_UNWRITTEN = 20_000
"""Entries kept in memory while the disk takes none; beyond it the health samples among them go."""

MAX_CHECKED = 32_000_000
"""Bytes of a journal that are all looked through before it is continued; of a larger one, what a start reads."""

CLOSE_TIMEOUT_SEC = 2.0
"""A disk that hangs longer than this when the journal is closed is given up."""


@dataclass(frozen=True, slots=True)
class Undo:
    """One entry of the ledger: what to undo for run `run` of a fault.

    `state`: intended, applied, healed, or moved (into the ledger of the journal begun after this one).
    `at`: when it was written down, a moment of the show's clock.
    """

    id: str
    fault: str
    run: int
    plan: Plan
    state: str
    at: float = 0.0


class Journal:
    """An append-only SQLite file, or (path None) a temporary one that `close` removes.

    Raises `JournalError` when the file cannot be used, is not a journal, or is in use by another server.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._scratch = _scratch() if path is None else None
        self.path = Path(self._scratch) / "show.journal" if self._scratch else real(Path(path or ""))
        refuse_foreign(self.path)
        self._file = GuardedFile(self.path)
        self._closed = False
        self._guard = threading.Lock()
        self._unwritten: list[Row] = []
        self._lane = WorkerThread("journal")
        try:
            self._durable_seq = self._lane.submit(self._file.open).result()
        except (sqlite3.Error, OSError, JournalError) as error:
            self._lane.end()
            self._let_go()
            if isinstance(error, JournalError):
                raise
            hint = f"; {REMEDY}" if type(error) is sqlite3.DatabaseError else ""
            raise JournalError(f"cannot use {self.path} as a journal: {error}{hint}") from None
        self.epoch = self._file.epoch
        self.newest_at: float | None = None
        """When the newest entry of before was made, once the show is restored; None without any."""
        self._last_state: ShowState | None = None
        self._retention = Retention()

    @property
    def is_temporary(self) -> bool:
        """Gone with its server: nothing may rest on it alone."""
        return self._scratch is not None

    @property
    def durable_seq(self) -> int:
        """The last sequence number known to be on disk; 0 for none."""
        return self._durable_seq

    # Events.

    def keep(self, entries: Iterable[JournalEntry]) -> None:
        """Take entries to be written with the next batch: for those that may be lost in a crash.

        Raises `JournalError`, and takes none of them, when one cannot be written as JSON.
        """
        rows = [row_of(entry) for entry in entries]
        with self._guard:
            self._unwritten.extend(rows)
            if len(self._unwritten) > MAX_UNWRITTEN:
                self._unwritten = [row for row in self._unwritten if not row.sample]

    async def append(self, entries: Iterable[JournalEntry]) -> None:
        """Write these and everything kept before them. Raises `JournalError`; nothing is lost then."""
        self.keep(entries)
        await self._do(self._flush)

    async def read(self, after: int = 0, limit: int = 500) -> list[JournalEntry]:
        """Entries behind sequence number `after`, in order, those not yet on disk included."""
        waiting = self._waiting(after, limit)
        return await self._do(lambda: self._read(after, limit)) if waiting is None else waiting

    # Snapshots.

    async def restore(self, show: ShowState) -> ShowState:
        """`show`, given as it is before its first event, as of the newest snapshot of it. Raises `JournalError`."""
        state = await self._do(lambda: newest_snapshot(self._file.db, show))
        self.newest_at = await self._do(lambda: newest_moment(self._file.db))
        return state

    async def behind(self, after: int) -> AsyncIterator[list[JournalEntry]]:
        """All that a fold needs behind `after`, in order: of old health samples only some. Raises `JournalError`."""
        batches = await self._do(lambda: rows_behind(self._file.db, after))
        while entries := await self._do(lambda: [entry_of(*row) for row in next(batches, ())]):
            yield entries

    async def save_snapshot(self, state: ShowState) -> None:
        """Keep this state, all of whose entries were given to `keep`, for the next start. Raises `JournalError`."""
        await self._do(lambda: self._save_snapshot(state))

    def remember(self, state: ShowState) -> None:
        """Keep this state as a snapshot when the journal is closed."""
        self._last_state = state

    def _save_snapshot(self, state: ShowState) -> None:
        self._flush()
        save_snapshot(self._file.db, state)
        self._file.settle()

    async def thin(self, now: float, running: Collection[str]) -> bool:
        """Take old health samples away, a few at a time; True while there are more. Raises `JournalError`.

        `now`: this moment. `running`: the faults that are not over, recovery included.
        """
        return await self._do(lambda: self._thin(now, running))

    def _thin(self, now: float, running: Collection[str]) -> bool:
        self._file.make_sure(self._durable_seq)
        more = self._retention.step(self._file.db, now, running)
        self._file.settle()
        return more

    # The undo ledger.

    async def intend(self, fault: str, run: int, plan: Plan, at: float | None = None) -> str:
        """Write an undo down, synced to the disk, before the fault is applied; returns its id.

        `at`: the moment of it (None: now).
        """
        ident = secrets.token_hex(8)
        undo = dumps(f"the undo of {fault}", dict(plan.undo))
        moment = CLOCK.now() if at is None else at
        row = (ident, fault, run, plan.kind, plan.target, undo, plan.manual, plan.late_sec, "intended", moment)
        await self._do(lambda: self._durably("INSERT INTO undos VALUES (?,?,?,?,?,?,?,?,?,?)", row))
        return ident

    async def mark(self, ident: str, state: str) -> None:
        """Note that an undo's fault is `applied`, or verified as `healed`."""
        await self._do(lambda: self._durably("UPDATE undos SET state=? WHERE id=?", (state, ident)))

    async def pending(self) -> list[Undo]:
        """Undos that nobody has verified yet, oldest first."""
        return await self._do(lambda: _undos(pending_rows(self._file.db)))

    async def unreadable(self) -> list[UnreadableUndo]:
        """Undos that wait and that nobody can read, oldest first."""
        return await self._do(lambda: unreadable_rows(self._file.db))

    async def put_aside(self, undos: Sequence[UnreadableUndo]) -> None:
        """Keep these, but take them for pending no more. Raises `JournalError`."""
        await self._do(lambda: put_aside(self._file.db, undos))

    async def newest(self) -> dict[str, Undo]:
        """By fault, the undo that was written down last, whatever became of it."""
        return {undo.fault: undo for undo in await self._do(lambda: _undos(newest_rows(self._file.db)))}

    def adopt(self, rows: Sequence[UndoRow]) -> None:
        """Write undos of another journal into this ledger, synced to the disk; those it has already stay as they are.

        Waits for the disk: for the start, before there is a show. Raises `JournalError`.
        """
        try:
            self._lane.submit(lambda: self._adopt(rows)).result()
        except (sqlite3.Error, OSError) as error:
            raise JournalError(f"the journal {self.path} cannot take over an undo: {error}") from error

    def _adopt(self, rows: Sequence[UndoRow]) -> None:
        self._file.make_sure(self._durable_seq)
        add_undos(self._file.db, rows)
        self._file.settle()

    # The file.

    def take_repairs(self) -> list[str]:
        """What was wrong with the file since this was asked last, and was put right."""
        found, self._file.repaired = self._file.repaired, []
        return found

    def verify(self, state: ShowState) -> None:
        """Read it, and fold what a start reads into a show that has not begun. Waits for the disk.

        Raises `JournalError` for one that is damaged.
        """
        try:
            self._lane.submit(lambda: self._verify(state)).result()
        except Exception as error:  # noqa: BLE001 - whatever damage makes of SQLite, of JSON and of the fold
            raise JournalError(f"it is damaged ({type(error).__name__}: {error})"[:300]) from None

    def release(self, *, discard: bool = False) -> None:
        """Let go of a journal that no show was begun with; `discard`: and take away its file. Waits for the disk."""
        self._closed = True
        if discard:
            with contextlib.suppress(OSError):
                take_away(self.path)
        ending = self._lane.submit(self._let_go)
        self._lane.end()
        with contextlib.suppress(sqlite3.Error, OSError):
            ending.result()

    def _verify(self, show: ShowState) -> None:
        db = self._file.db
        pages, size = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        whole = pages * size <= MAX_CHECKED
        for table in ("1",) if whole else ("show", "undos"):
            if (found := db.execute(f"PRAGMA quick_check({table})").fetchone()[0]) != "ok":
                raise JournalError(str(found))
        # Health samples are most of it, and nothing rests on an old one: SQLite looks at those, at its own speed.
        every = "SELECT seq FROM entries WHERE NOT json_valid(data) LIMIT 1"
        if whole and (noise := db.execute(every).fetchone()):
            raise JournalError(f"entry {noise[0]} cannot be read")
        state = newest_snapshot(db, show)
        for rows in rows_behind(db, state.seq):
            for row in rows:
                state = apply(state, entry_of(*row))

    async def close(self, patience_sec: float = CLOSE_TIMEOUT_SEC) -> None:
        """Write what is left and let go of the file. Safe to call twice.

        Raises `JournalError` with what was not written, after `patience_sec` when the disk hangs. The file
        stays locked then until the disk answers or the process ends: nobody else may write to it before.
        """
        if self._closed:
            return
        self._closed = True
        ending = asyncio.wrap_future(self._lane.submit(self._finish))
        self._lane.end()
        await asyncio.wait({ending}, timeout=patience_sec)
        if not ending.done():
            ending.add_done_callback(lambda late: late.cancelled() or late.exception())
            raise JournalError(f"the journal {self.path} lacks {self._lack()}: the disk does not answer")
        if (error := ending.exception()) is not None:
            raise JournalError(f"the journal {self.path} lacks {self._lack()}: {error}") from error

    def _finish(self) -> None:
        try:
            self._flush()
            if self._last_state is not None:
                with contextlib.suppress(sqlite3.Error, TypeError):
                    save_snapshot(self._file.db, self._last_state)
        finally:
            self._let_go()

    def _let_go(self) -> None:
        try:
            self._file.close()
        finally:
            if self._scratch:
                shutil.rmtree(self._scratch, ignore_errors=True)

    def _lack(self) -> str:
        with self._guard:
            left, first = len(self._unwritten), self._unwritten[0].seq if self._unwritten else 0
        return f"its last {left} entries, from {first} on" if left else "an orderly end, but no entry"

    async def _do(self, work: Callable[[], T]) -> T:
        if self._closed:
            raise JournalError(f"the journal {self.path} is closed")
        try:
            return await asyncio.wrap_future(self._lane.submit(work))
        except JournalError as error:
            named = str(self.path) in str(error)
            raise error if named else JournalError(f"the journal {self.path}: {error}") from None
        except sqlite3.DatabaseError as error:
            hint = f"; if it is damaged, {REMEDY}" if type(error) is sqlite3.DatabaseError else ""
            raise JournalError(f"the journal {self.path} cannot be used: {error}{hint}") from error
        except (sqlite3.Error, OSError, ValueError, TypeError, OverflowError) as error:
            raise JournalError(f"the journal {self.path} cannot be used: {error}") from error

    def _flush(self) -> None:
        with self._guard:
            batch = list(self._unwritten)
        self._file.make_sure(self._durable_seq)
        if not batch:
            return
        with self._file.db:
            self._insert([row[:4] for row in batch])
        self._file.settle()
        written = batch[-1].seq
        with self._guard:
            self._unwritten = [row for row in self._unwritten if row.seq > written]
            self._durable_seq = max(self._durable_seq, written)

    def _insert(self, rows: Sequence[tuple[int, float, str, str]]) -> None:
        """A batch whose commit came through although it was reported lost is there already; nothing else may be."""
        before = self._file.db.total_changes
        self._file.db.executemany("INSERT OR IGNORE INTO entries VALUES (?,?,?,?)", rows)
        if self._file.db.total_changes - before == len(rows):
            return
        for row in rows:
            if self._file.db.execute("SELECT seq, at, who, data FROM entries WHERE seq = ?", row[:1]).fetchone() != row:
                raise JournalError(
                    f"the journal {self.path} holds another entry {row[0]}: somebody else writes to it; "
                    f"end that server, then start this one again"
                )

    def _waiting(self, after: int, limit: int) -> list[JournalEntry] | None:
        """From memory, where it holds everything behind `after`: a disk that hangs must not keep that back."""
        with self._guard:
            if after < self._durable_seq:
                return None
            rows = [row for row in self._unwritten if row.seq > after][:limit]
        return [entry_of(*row[:4]) for row in rows]

    def _read(self, after: int, limit: int) -> list[JournalEntry]:
        query = "SELECT seq, at, who, data FROM entries WHERE seq > ? ORDER BY seq LIMIT ?"
        found = [entry_of(*row) for row in self._file.db.execute(query, (after, limit))]
        if len(found) == limit:
            return found
        last = found[-1].seq if found else after
        with self._guard:
            waiting = [row for row in self._unwritten if row.seq > last]
        return (found + [entry_of(*row[:4]) for row in waiting])[:limit]

    def _durably(self, statement: str, values: tuple[Any, ...]) -> None:
        self._file.make_sure(self._durable_seq)
        with synced(self._file.db):
            self._file.db.execute(statement, values)
        self._file.settle()


def _scratch() -> str:
    try:
        return tempfile.mkdtemp(prefix="chaos-stage-")
    except OSError as error:
        raise JournalError(
            f"there is nowhere to keep the show, not even for a while ({error.strerror or error}): "
            f"free some space, or set TMPDIR to a directory that can be written"
        ) from None


def _undos(rows: Sequence[UndoRow]) -> list[Undo]:
    return [
        Undo(ident, fault, run, Plan(kind, target, json.loads(undo), manual, late), state, at)
        for ident, fault, run, kind, target, undo, manual, late, state, at in rows
    ]
