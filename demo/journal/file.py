"""A journal's file: whose it is, the lock on it, its tables. Another program's file is never opened."""

import contextlib
import fcntl
import os
import secrets
import sqlite3
import stat
import time
from pathlib import Path

from demo.errors import JournalError

VERSION = 2
APPLICATION_ID = 0x43485354
"""In the file's header ("CHST"): the mark by which a journal is told from any other SQLite file."""

NOTE_PATIENCE_SEC = 1.0
"""How long somebody outside waits for the lock of a server that may be stopped."""

_MAGIC = b"SQLite format 3\x00"
_HEADER_BYTES = 100
_ID_AT = slice(68, 72)

_SCHEMA = """
CREATE TABLE IF NOT EXISTS show (epoch TEXT NOT NULL, version INTEGER NOT NULL, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS entries (seq INTEGER PRIMARY KEY, at REAL NOT NULL, who TEXT NOT NULL, data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS undos (id TEXT PRIMARY KEY, fault TEXT NOT NULL, run INTEGER NOT NULL, kind TEXT NOT NULL,
  target TEXT NOT NULL, undo TEXT NOT NULL, manual TEXT NOT NULL, late REAL NOT NULL,
  state TEXT NOT NULL, at REAL NOT NULL);
"""


def refuse_foreign(path: Path) -> None:
    """Raise `JournalError` unless `path` is a journal, empty, or not there yet.

    Reads the header's bytes: SQLite itself would roll back, or write a log beside, the file it opens.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise JournalError(f"cannot use {path} as a journal: it is not a file")
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except FileNotFoundError:
        return
    except OSError as error:
        raise JournalError(f"cannot use {path} as a journal: {error.strerror or error}") from None
    ours = header.startswith(_MAGIC) and header[_ID_AT] == APPLICATION_ID.to_bytes(4, "big")
    if header and not ours:
        raise JournalError(
            f"cannot use {path} as a journal: another program wrote it, so it is left as it is; name another file"
        )


def lock(path: Path) -> int:
    """One server to a journal: the lock ends with the process, however it ends. Raises `JournalError`."""
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


def open_file(path: Path) -> tuple[sqlite3.Connection, str, int]:
    """The connection, the show's epoch, and the last sequence number on disk (0: none).

    Raises `sqlite3.Error`, `OSError`, and `JournalError` for a journal of another version.
    """
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    db = sqlite3.connect(path, check_same_thread=False, timeout=1.0)
    try:
        # Before the switch to WAL, so that the mark is in the file itself and not in its log.
        if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        with db:
            db.executescript(_SCHEMA)
        epoch = _epoch(db)
        newest = db.execute("SELECT MAX(seq) FROM entries").fetchone()[0]
    except BaseException:
        db.close()
        raise
    return db, epoch, newest or 0


def note_healed(path: Path, ident: str) -> None:
    """Note from outside that an undo is verified as healed, whether a server has the journal open or not.

    Raises `JournalError` when the disk or a lock does not let it; a journal that is gone needs no note.
    """
    if not path.exists():
        return
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=NOTE_PATIENCE_SEC)) as db:
            db.execute("PRAGMA synchronous=FULL")
            with db:
                db.execute("UPDATE undos SET state='healed' WHERE id=?", (ident,))
    except (sqlite3.Error, OSError) as error:
        raise JournalError(f"the journal {path} cannot be written: {error}") from None


def state_of_undo(path: Path, ident: str) -> str | None:
    """What the ledger says of one undo, read from outside; None when it cannot be read or does not know it."""
    if not path.exists():
        return None
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=NOTE_PATIENCE_SEC)) as db:
            row = db.execute("SELECT state FROM undos WHERE id=?", (ident,)).fetchone()
    except (sqlite3.Error, OSError):
        return None
    return str(row[0]) if row else None


def _epoch(db: sqlite3.Connection) -> str:
    row = db.execute("SELECT epoch, version FROM show").fetchone()
    if row is None:
        epoch = secrets.token_hex(4)
        with db:
            db.execute("INSERT INTO show VALUES (?,?,?)", (epoch, VERSION, time.time()))
        return epoch
    if row[1] != VERSION:
        raise JournalError(f"the journal was written by another version of this program (format {row[1]})")
    return str(row[0])
