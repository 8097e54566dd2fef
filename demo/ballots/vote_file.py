"""The votes of open ballots in an SQLite file beside the journal: salted hashes, deleted once a ballot is counted.

A file of its own, with a thread of its own: no command of the show ever waits for votes.
"""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from demo.errors import JournalError
from demo.threads.worker_thread import WorkerThread

T = TypeVar("T")

SUFFIX = ".votes"
"""What is appended to the name of the journal."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS show (epoch TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS ballots (id INTEGER PRIMARY KEY, salt BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS votes (ballot INTEGER NOT NULL, voter BLOB NOT NULL, answer REAL NOT NULL,
  PRIMARY KEY (ballot, voter)) WITHOUT ROWID;
"""


@dataclass(slots=True)
class StoredVotes:
    """The votes of one ballot: the answer of each voter, by the salted hash."""

    salt: bytes
    answers: dict[bytes, float] = field(default_factory=dict)


class VoteFile:
    """The file of one show, `epoch`: votes of another show at the same path are deleted.

    Every method raises `JournalError` when the file cannot be used.
    """

    def __init__(self, path: Path, epoch: str) -> None:
        self._path = path
        self._epoch = epoch
        self._thread = WorkerThread("votes")
        self._db: sqlite3.Connection | None = None

    async def load(self) -> dict[int, StoredVotes]:
        """Return the votes of every ballot that has not been counted yet, by its id."""
        return await self._run(self._load)

    async def write(self, ballot: int, salt: bytes, answers: Mapping[bytes, float]) -> None:
        """Store votes; a newer answer of the same voter replaces the older one."""
        await self._run(lambda: self._write(ballot, salt, answers))

    async def keep_only(self, ballots: Collection[int]) -> None:
        """Delete the votes of all other ballots, so that nothing of them is left in the file."""
        await self._run(lambda: self._keep_only(ballots))

    def close(self) -> None:
        """Close the file, after what is under way; does not wait for it."""
        self._thread.submit(self._close)
        self._thread.end()

    async def _run(self, work: Callable[[], T]) -> T:
        try:
            return await asyncio.wrap_future(self._thread.submit(work))
        except (sqlite3.Error, OSError) as error:
            raise JournalError(f"the votes in {self._path} cannot be used: {error}") from error

    def _load(self) -> dict[int, StoredVotes]:
        try:
            return self._read(self._open())
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            # Damaged: a vote is no reason to keep a show from starting. Those of this ballot are lost.
            self._close()
            for side in ("", "-wal", "-shm"):
                Path(f"{self._path}{side}").unlink(missing_ok=True)
            return self._read(self._open())

    def _read(self, db: sqlite3.Connection) -> dict[int, StoredVotes]:
        found = {ident: StoredVotes(salt) for ident, salt in db.execute("SELECT id, salt FROM ballots")}
        for ballot, voter, answer in db.execute("SELECT ballot, voter, answer FROM votes"):
            if ballot in found:
                found[ballot].answers[voter] = answer
        return found

    def _open(self) -> sqlite3.Connection:
        if self._db is not None:
            return self._db
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        db = sqlite3.connect(self._path, check_same_thread=False, timeout=1.0)
        try:
            db.execute("PRAGMA journal_mode=WAL")
            # As the journal: what was written survives any crash of this process.
            db.execute("PRAGMA synchronous=NORMAL")
            db.execute("PRAGMA secure_delete=ON")
            db.executescript(_SCHEMA)
            with db:
                if [row[0] for row in db.execute("SELECT epoch FROM show")] != [self._epoch]:
                    for table in ("show", "ballots", "votes"):
                        db.execute(f"DELETE FROM {table}")  # noqa: S608 - names of our own
                    db.execute("INSERT INTO show VALUES (?)", (self._epoch,))
        except BaseException:
            db.close()
            raise
        self._db = db
        return db

    def _write(self, ballot: int, salt: bytes, answers: Mapping[bytes, float]) -> None:
        db = self._open()
        with db:
            db.execute("INSERT OR IGNORE INTO ballots VALUES (?,?)", (ballot, salt))
            rows = [(ballot, voter, answer) for voter, answer in answers.items()]
            db.executemany("INSERT OR REPLACE INTO votes VALUES (?,?,?)", rows)

    def _keep_only(self, ballots: Collection[int]) -> None:
        db = self._open()
        marks = ", ".join(str(int(ballot)) for ballot in ballots)
        with db:
            db.execute(f"DELETE FROM votes WHERE ballot NOT IN ({marks})")  # noqa: S608 - numbers
            db.execute(f"DELETE FROM ballots WHERE id NOT IN ({marks})")  # noqa: S608 - numbers
        # The log would go on holding what was deleted.
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _close(self) -> None:
        if self._db is not None:
            with contextlib.suppress(sqlite3.Error):
                self._db.close()
            self._db = None
