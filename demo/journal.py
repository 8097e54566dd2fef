"""The journal: every event of a show, in order, on disk before anyone sees it; and the undo ledger.

One thread owns the SQLite connection. What could not be written yet is kept, in order, and tried again.
"""

import asyncio
import fcntl
import json
import os
import secrets
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from demo.errors import JournalError
from demo.events import Entry, from_json, to_json
from demo.types import Plan

T = TypeVar("T")

VERSION = 1
UNWRITTEN_MOST = 20_000
"""Entries kept in memory while the disk takes none; beyond it the oldest health samples go."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS show (epoch TEXT NOT NULL, version INTEGER NOT NULL, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS entries (seq INTEGER PRIMARY KEY, at REAL NOT NULL, who TEXT NOT NULL, data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS undos (id TEXT PRIMARY KEY, fault TEXT NOT NULL, run INTEGER NOT NULL, kind TEXT NOT NULL,
  target TEXT NOT NULL, undo TEXT NOT NULL, state TEXT NOT NULL, at REAL NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Undo:
    """One entry of the ledger: what to undo for run `run` of a fault. `state`: intended, applied or healed."""

    id: str
    fault: str
    run: int
    plan: Plan
    state: str


class Journal:
    """An append-only SQLite file, or (path None) a temporary one that `close` removes.

    Raises `JournalError` when the file cannot be used, is not a journal, or is in use by another server.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._scratch = tempfile.mkdtemp(prefix="chaos-stage-") if path is None else None
        self.path = Path(self._scratch) / "show.journal" if self._scratch else Path(path or "")
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._guard = threading.Lock()
        self._unwritten: list[Entry] = []
        self._lock_fd: int | None = _lock(self.path)
        try:
            self._db = self._thread.submit(_open, self.path).result()
            self.epoch: str = self._thread.submit(_epoch, self._db).result()
        except (sqlite3.Error, OSError) as error:
            self._release()
            raise JournalError(f"cannot use {self.path} as a journal: {error}") from None
        except JournalError:
            self._release()
            raise

    # Events.

    def keep(self, entries: Iterable[Entry]) -> None:
        """Take entries to be written with the next batch: for those that may be lost in a crash."""
        with self._guard:
            self._unwritten.extend(entries)
            if len(self._unwritten) > UNWRITTEN_MOST:
                self._unwritten = _without_samples(self._unwritten)

    async def append(self, entries: Iterable[Entry]) -> None:
        """Write these and everything kept before them. Raises `JournalError`; nothing is lost then."""
        self.keep(entries)
        await self._do(self._flush)

    async def read(self, after: int = 0, limit: int = 500) -> list[Entry]:
        """Entries behind sequence number `after`, in order, those not yet on disk included."""
        return await self._do(lambda: self._read(after, limit))

    # The undo ledger.

    async def intend(self, fault: str, run: int, plan: Plan) -> str:
        """Write an undo down, synced to the disk, before the fault is applied; returns its id."""
        ident = secrets.token_hex(8)
        row = (ident, fault, run, plan.kind, plan.target, json.dumps(dict(plan.undo)), "intended", time.time())
        await self._do(lambda: self._durably("INSERT INTO undos VALUES (?,?,?,?,?,?,?,?)", row))
        return ident

    async def mark(self, ident: str, state: str) -> None:
        """Note that an undo's fault is `applied`, or verified as `healed`."""
        await self._do(lambda: self._durably("UPDATE undos SET state=? WHERE id=?", (state, ident)))

    async def pending(self) -> list[Undo]:
        """Undos that nobody has verified yet, oldest first."""
        return await self._do(lambda: _pending(self._db))

    # The file.

    async def close(self) -> None:
        """Write what is left and let go of the file. Safe to call twice."""
        if self._lock_fd is None:
            return
        try:
            await self._do(self._flush)
        finally:
            await self._do(self._db.close)
            self._release()

    async def _do(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (sqlite3.Error, OSError) as error:
            raise JournalError(f"the journal {self.path} cannot be used: {error}") from error

    def _flush(self) -> None:
        with self._guard:
            batch = list(self._unwritten)
        if not batch:
            return
        rows = [(entry.seq, entry.at, entry.who, json.dumps(to_json(entry.event))) for entry in batch]
        with self._db:
            self._db.executemany("INSERT OR IGNORE INTO entries VALUES (?,?,?,?)", rows)
        written = batch[-1].seq
        with self._guard:
            self._unwritten = [entry for entry in self._unwritten if entry.seq > written]

    def _read(self, after: int, limit: int) -> list[Entry]:
        query = "SELECT seq, at, who, data FROM entries WHERE seq > ? ORDER BY seq LIMIT ?"
        found = [_entry(row) for row in self._db.execute(query, (after, limit))]
        last = found[-1].seq if found else after
        with self._guard:
            waiting = [entry for entry in self._unwritten if entry.seq > last]
        return (found + waiting)[:limit]

    def _durably(self, statement: str, values: tuple[Any, ...]) -> None:
        self._db.execute("PRAGMA synchronous=FULL")
        try:
            with self._db:
                self._db.execute(statement, values)
        finally:
            self._db.execute("PRAGMA synchronous=NORMAL")

    def _release(self) -> None:
        self._thread.shutdown(wait=True)
        if self._lock_fd is not None:
            os.close(self._lock_fd)
            self._lock_fd = None
        if self._scratch:
            shutil.rmtree(self._scratch, ignore_errors=True)


def _lock(path: Path) -> int:
    """One server to a journal: the lock ends with the process, however it ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise JournalError(f"cannot use {path} as a journal: {error.strerror or error}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise JournalError(
            f"the journal {path} is in use by another demo: end that one, or name another file"
        ) from None
    return descriptor


def _open(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    db = sqlite3.connect(path, check_same_thread=False, timeout=1.0)
    try:
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        with db:
            db.executescript(_SCHEMA)
    except sqlite3.Error:
        db.close()
        raise
    return db


def _epoch(db: sqlite3.Connection) -> str:
    row = db.execute("SELECT epoch, version FROM show").fetchone()
    if row is None:
        epoch = secrets.token_hex(4)
        with db:
            db.execute("INSERT INTO show VALUES (?,?,?)", (epoch, VERSION, time.time()))
        return epoch
    if row[1] != VERSION:
        db.close()
        raise JournalError(f"the journal was written by another version of this program (format {row[1]})")
    return str(row[0])


def _entry(row: tuple[int, float, str, str]) -> Entry:
    seq, at, who, data = row
    try:
        return Entry(seq, at, who, from_json(json.loads(data)))
    except json.JSONDecodeError as error:
        raise JournalError(f"entry {seq} of the journal cannot be read: {error}") from None


def _pending(db: sqlite3.Connection) -> list[Undo]:
    query = "SELECT id, fault, run, kind, target, undo, state FROM undos WHERE state != 'healed' ORDER BY at"
    return [
        Undo(ident, fault, run, Plan(kind, target, json.loads(undo)), state)
        for ident, fault, run, kind, target, undo, state in db.execute(query)
    ]


def _without_samples(entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if type(entry.event).__name__ != "HealthSampled"]
