"""`Journal`: appends entries, reads them back, and stores the undo ledger.

One thread owns the SQLite connection. Entries that could not be written yet are kept in memory, in order, and retried.
"""

import asyncio
import contextlib
import secrets
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from demo.clock import CLOCK
from demo.errors import JournalError
from demo.journal.deck_table import DeckWriter
from demo.journal.guarded_file import GuardedFile
from demo.journal.healer_table import REPLACE_HEALER, Healer
from demo.journal.panel_table import PanelWriter
from demo.journal.rows import Row, dumps, entry_of, row_of
from demo.journal.sample_retention import Retention
from demo.journal.snapshots import newest_moment, newest_snapshot, rows_behind, save_snapshot
from demo.journal.sqlite_file import REMEDY, delete_files, refuse_foreign, resolve_path
from demo.journal.undo import Undo, to_undos
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
from demo.show import ShowState, apply
from demo.show.events import JournalEntry
from demo.threads.worker_thread import WorkerThread
from demo.types import Plan

T = TypeVar("T")

MAX_UNWRITTEN = 20_000
"""Entries kept in memory while the disk cannot be written; beyond that the health samples among them are dropped."""

MAX_CHECKED = 32_000_000
"""A journal of up to this many bytes is checked completely before it is continued, a larger one in part."""

CLOSE_TIMEOUT_SEC = 2.0
"""Timeout of the last write when the journal is closed."""


class Journal:
    """An append-only SQLite file, or (path None) a temporary one that `close` removes.

    Raises `JournalError` when the file cannot be used, is not a journal, or is in use by another server.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._temporary_dir = _make_temporary_dir() if path is None else None
        self.path = (
            Path(self._temporary_dir) / "show.journal" if self._temporary_dir else resolve_path(Path(path or ""))
        )
        refuse_foreign(self.path)
        self._file = GuardedFile(self.path)
        self._closed = False
        self._lock = threading.Lock()
        # Shared by the event loop and the thread that writes: only touched under `_lock`.
        self._unwritten: list[Row] = []
        self._thread = WorkerThread("journal")
        try:
            self._durable_seq = self._thread.submit(self._file.open).result()
        except (sqlite3.Error, OSError, JournalError) as error:
            self._thread.end()
            self._close_file()
            if isinstance(error, JournalError):
                raise
            hint = f"; {REMEDY}" if type(error) is sqlite3.DatabaseError else ""
            raise JournalError(f"cannot use {self.path} as a journal: {error}{hint}") from None
        self.epoch = self._file.epoch
        self.newest_at: float | None = None
        """Moment of the newest entry of the earlier process, set by `restore`; None without any."""
        self._last_state: ShowState | None = None
        self.healer: Callable[[], Healer | None] = lambda: None
        """What another process needs to undo what is recorded now; None if only this show can."""
        self._written_healer = ""
        self._retention = Retention()
        self.decks, self.panels = DeckWriter(), PanelWriter()
        self.on_buffered: list[Callable[[Sequence[JournalEntry]], None]] = []
        """Called with new entries, in order, before they are on disk. Must neither raise nor take long."""

    @property
    def is_temporary(self) -> bool:
        """Return whether it ends with its server, so that nothing in it is durable."""
        return self._temporary_dir is not None

    @property
    def durable_seq(self) -> int:
        """The last sequence number that is on disk; 0 for none."""
        return self._durable_seq

    # Events.

    def buffer(self, entries: Iterable[JournalEntry]) -> None:
        """Keep entries in memory until the next write: for those that may be lost in a crash.

        Raises `JournalError`, and keeps none of them, when one cannot be written as JSON.
        """
        buffered = tuple(entries)
        rows = [row_of(entry) for entry in buffered]
        with self._lock:
            self._unwritten.extend(rows)
            # The disk hangs. Samples may be lost in a crash anyway; events are never dropped.
            if len(self._unwritten) > MAX_UNWRITTEN:
                self._unwritten = [row for row in self._unwritten if not row.sample]
        for listener in self.on_buffered:
            listener(buffered)

    async def append(self, entries: Iterable[JournalEntry]) -> None:
        """Write these entries and all that were kept before them. Raises `JournalError`; they stay in memory then."""
        self.buffer(entries)
        await self._run_in_thread(self._flush)

    async def read(self, after: int = 0, limit: int = 500) -> list[JournalEntry]:
        """Return entries after sequence number `after`, in order, those not yet on disk included."""
        unwritten = self._read_from_memory(after, limit)
        return await self._run_in_thread(lambda: self._read(after, limit)) if unwritten is None else unwritten

    # Snapshots.

    async def restore(self, show: ShowState) -> ShowState:
        """Return the show of the newest snapshot; `show` is its state before the first event. Raises `JournalError`."""
        state = await self._run_in_thread(lambda: newest_snapshot(self._file.db, show))
        self.newest_at = await self._run_in_thread(lambda: newest_moment(self._file.db))
        return state

    async def entries_after(self, after: int) -> AsyncIterator[list[JournalEntry]]:
        """Yield in batches what a fold needs after `after`; only some of the old health samples.

        Raises `JournalError`.
        """
        batches = await self._run_in_thread(lambda: rows_behind(self._file.db, after))
        while entries := await self._run_in_thread(lambda: [entry_of(*row) for row in next(batches, ())]):
            yield entries

    async def save_snapshot(self, state: ShowState) -> None:
        """Save a state for the next start; all its entries are in `buffer` already. Raises `JournalError`."""
        await self._run_in_thread(lambda: self._save_snapshot(state))

    def remember(self, state: ShowState) -> None:
        """Make `close` save this state as a snapshot."""
        self._last_state = state

    def _save_snapshot(self, state: ShowState) -> None:
        # First, because a snapshot must not be ahead of the entries on disk.
        self._flush()
        save_snapshot(self._file.db, state)
        self._file.note_sizes()

    async def thin(self, now: float, running: Collection[str]) -> bool:
        """Delete some old health samples; return whether there are more to delete. Raises `JournalError`.

        `now`: this moment. `running`: the faults that have not ended, recovery included.
        """
        return await self._run_in_thread(lambda: self._thin(now, running))

    def _thin(self, now: float, running: Collection[str]) -> bool:
        self._file.ensure_intact(self._durable_seq)
        more = self._retention.step(self._file.db, now, running)
        self._file.note_sizes()
        return more

    # The undo ledger.

    async def record_undo(self, fault: str, run: int, plan: Plan, at: float | None = None) -> str:
        """Write an undo, synced to the disk, before its fault is injected; return its id.

        `at`: its moment (None: now).
        """
        ident = secrets.token_hex(8)
        undo = dumps(f"the undo of {fault}", dict(plan.undo))
        moment = CLOCK.now() if at is None else at
        row = (ident, fault, run, plan.kind, plan.target, undo, plan.manual, plan.late_sec, "intended", moment)
        await self._note_healer()
        await self._run_in_thread(lambda: self._execute_synced("INSERT INTO undos VALUES (?,?,?,?,?,?,?,?,?,?)", row))
        return ident

    async def _note_healer(self) -> None:
        """Write what another process needs to undo what follows, if that has changed.

        Where it cannot be written, this show and its watchdog can heal all the same; the undo itself tells of the disk.
        """
        healer = self.healer()
        if healer is None or (data := dumps("the options of the subject", healer.to_json())) == self._written_healer:
            return
        with contextlib.suppress(JournalError):
            await self._run_in_thread(lambda: self._execute_synced(REPLACE_HEALER, (data,)))
            self._written_healer = data

    async def mark(self, ident: str, state: str) -> None:
        """Set the state of an undo, `applied` or `healed`, synced to the disk. Raises `JournalError`."""
        await self._run_in_thread(lambda: self._execute_synced("UPDATE undos SET state=? WHERE id=?", (state, ident)))

    async def pending(self) -> list[Undo]:
        """Return the undos whose heal nobody has verified yet, oldest first."""
        return await self._run_in_thread(lambda: to_undos(pending_rows(self._file.db)))

    async def unreadable(self) -> list[UnreadableUndo]:
        """Return the pending undos that cannot be read, oldest first."""
        return await self._run_in_thread(lambda: unreadable_rows(self._file.db))

    async def set_aside(self, undos: Sequence[UnreadableUndo]) -> None:
        """Mark unreadable undos, so that they are not pending any more; their rows stay. Raises `JournalError`."""
        await self._run_in_thread(lambda: put_aside(self._file.db, undos))

    async def newest(self) -> dict[str, Undo]:
        """Return by fault the undo that was written last, in whatever state it is."""
        return {undo.fault: undo for undo in await self._run_in_thread(lambda: to_undos(newest_rows(self._file.db)))}

    def take_over_undos(self, rows: Sequence[UndoRow]) -> None:
        """Write undos of another journal into this ledger, synced to the disk; those that it has already stay.

        Blocks until the disk answers: only for the start, before there is a show. Raises `JournalError`.
        """
        try:
            self._thread.submit(lambda: self._adopt(rows)).result()
        except (sqlite3.Error, OSError) as error:
            raise JournalError(f"the journal {self.path} cannot take over an undo: {error}") from error

    def _adopt(self, rows: Sequence[UndoRow]) -> None:
        self._file.ensure_intact(self._durable_seq)
        add_undos(self._file.db, rows)
        self._file.note_sizes()

    # The file.

    def take_repairs(self) -> list[str]:
        """Return notices of damage to the file that was repaired since the last call."""
        repairs, self._file.repaired = self._file.repaired, []
        return repairs

    def verify(self, state: ShowState) -> None:
        """Check the file, and fold what a start reads into a show that has not begun. Blocks until the disk answers.

        Raises `JournalError` for a damaged file.
        """
        try:
            self._thread.submit(lambda: self._verify(state)).result()
        except Exception as error:  # noqa: BLE001 - damage may raise anything in SQLite, JSON and the fold
            raise JournalError(f"it is damaged ({type(error).__name__}: {error})"[:300]) from None

    def release(self, *, discard: bool = False) -> None:
        """Close a journal that no show uses, with `discard` delete its file too. Blocks until the disk answers."""
        self._closed = True
        if discard:
            with contextlib.suppress(OSError):
                delete_files(self.path)
        ending = self._thread.submit(self._close_file)
        self._thread.end()
        with contextlib.suppress(sqlite3.Error, OSError):
            ending.result()

    def _verify(self, show: ShowState) -> None:
        db = self._file.db
        pages, size = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        check_all = pages * size <= MAX_CHECKED
        # A number checks the whole file and is the limit of reported errors; a name checks that table only.
        for table in ("1",) if check_all else ("show", "undos"):
            if (check_result := db.execute(f"PRAGMA quick_check({table})").fetchone()[0]) != "ok":
                raise JournalError(str(check_result))
        # Most entries are old health samples, on which no state depends: SQLite checks their JSON faster than a fold.
        first_invalid = "SELECT seq FROM entries WHERE NOT json_valid(data) LIMIT 1"
        if check_all and (invalid := db.execute(first_invalid).fetchone()):
            raise JournalError(f"entry {invalid[0]} cannot be read")
        state = newest_snapshot(db, show)
        for rows in rows_behind(db, state.seq):
            for row in rows:
                state = apply(state, entry_of(*row))

    async def close(self, timeout_sec: float = CLOSE_TIMEOUT_SEC) -> None:
        """Write what is left and close the file. Safe to call twice.

        Raises `JournalError` naming what was not written, after `timeout_sec` when the disk hangs. The file stays
        locked then until the disk answers or the process ends: nobody else may write to it before.
        """
        if self._closed:
            return
        self._closed = True
        ending = asyncio.wrap_future(self._thread.submit(self._finish))
        self._thread.end()
        await asyncio.wait({ending}, timeout=timeout_sec)
        if not ending.done():
            # Retrieve the late exception, or asyncio would log it as never retrieved.
            ending.add_done_callback(lambda late: late.cancelled() or late.exception())
            raise JournalError(f"the journal {self.path} lacks {self._describe_unwritten()}: the disk does not answer")
        if (error := ending.exception()) is not None:
            raise JournalError(f"the journal {self.path} lacks {self._describe_unwritten()}: {error}") from error

    def _finish(self) -> None:
        try:
            self._flush()
            if self._last_state is not None:
                with contextlib.suppress(sqlite3.Error, TypeError):
                    save_snapshot(self._file.db, self._last_state)
        finally:
            self._close_file()

    def _close_file(self) -> None:
        try:
            self._file.close()
        finally:
            if self._temporary_dir:
                shutil.rmtree(self._temporary_dir, ignore_errors=True)

    def _describe_unwritten(self) -> str:
        with self._lock:
            left, first = len(self._unwritten), self._unwritten[0].seq if self._unwritten else 0
        return f"its last {left} entries, from {first} on" if left else "only the mark of a clean shutdown, no entry"

    async def _run_in_thread(self, work: Callable[[], T]) -> T:
        if self._closed:
            raise JournalError(f"the journal {self.path} is closed")
        try:
            return await asyncio.wrap_future(self._thread.submit(work))
        except JournalError as error:
            names_path = str(self.path) in str(error)
            raise error if names_path else JournalError(f"the journal {self.path}: {error}") from None
        except sqlite3.DatabaseError as error:
            hint = f"; if it is damaged, {REMEDY}" if type(error) is sqlite3.DatabaseError else ""
            raise JournalError(f"the journal {self.path} cannot be used: {error}{hint}") from error
        except (sqlite3.Error, OSError, ValueError, TypeError, OverflowError) as error:
            raise JournalError(f"the journal {self.path} cannot be used: {error}") from error

    def _flush(self) -> None:
        with self._lock:
            batch = list(self._unwritten)
        self._file.ensure_intact(self._durable_seq)
        if batch:
            with self._file.db:
                self._insert([row[:4] for row in batch])
            self.decks.write(self._file.db)
        if self.panels.write(self._file.db) or batch:
            self._file.note_sizes()
        if not batch:
            return
        written = batch[-1].seq
        with self._lock:
            # New entries may have been kept meanwhile: remove only those of this batch.
            self._unwritten = [row for row in self._unwritten if row.seq > written]
            self._durable_seq = max(self._durable_seq, written)

    def _insert(self, rows: Sequence[tuple[int, float, str, str]]) -> None:
        """Insert a batch. Entries may be there already when a commit succeeded although it was reported as failed."""
        before = self._file.db.total_changes
        self._file.db.executemany("INSERT OR IGNORE INTO entries VALUES (?,?,?,?)", rows)
        if self._file.db.total_changes - before == len(rows):
            return
        for row in rows:
            if self._file.db.execute("SELECT seq, at, who, data FROM entries WHERE seq = ?", row[:1]).fetchone() != row:
                raise JournalError(
                    f"the journal {self.path} has a different entry {row[0]}: another server writes to it; "
                    f"stop that server, then start this one again"
                )

    def _read_from_memory(self, after: int, limit: int) -> list[JournalEntry] | None:
        """Return entries from memory, so that no disk delays them; None where some are only on disk."""
        with self._lock:
            if after < self._durable_seq:
                return None
            rows = [row for row in self._unwritten if row.seq > after][:limit]
        return [entry_of(*row[:4]) for row in rows]

    def _read(self, after: int, limit: int) -> list[JournalEntry]:
        query = "SELECT seq, at, who, data FROM entries WHERE seq > ? ORDER BY seq LIMIT ?"
        entries = [entry_of(*row) for row in self._file.db.execute(query, (after, limit))]
        if len(entries) == limit:
            return entries
        last = entries[-1].seq if entries else after
        with self._lock:
            unwritten = [row for row in self._unwritten if row.seq > last]
        return (entries + [entry_of(*row[:4]) for row in unwritten])[:limit]

    def _execute_synced(self, statement: str, values: tuple[Any, ...]) -> None:
        self._file.ensure_intact(self._durable_seq)
        with synced(self._file.db):
            self._file.db.execute(statement, values)
        self._file.note_sizes()


def _make_temporary_dir() -> str:
    try:
        return tempfile.mkdtemp(prefix="chaos-stage-")
    except OSError as error:
        raise JournalError(
            f"there is no place for the journal, not even a temporary one ({error.strerror or error}): "
            f"free some space, or set TMPDIR to a writable directory"
        ) from None
