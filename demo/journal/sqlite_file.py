"""A journal's file: whose it is, the lock on it, its tables. Another program's file is never opened."""

import contextlib
import errno
import fcntl
import hashlib
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

SIDES = ("-wal", "-shm", ".sessions", ".new", ".log", ".log.1", ".lock")
"""What may lie beside a journal and belongs to it, the lock last."""

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EIO)

LOCK_TIMEOUT_SEC = 0.3
"""Somebody who only looks holds a journal's lock for less than this."""
NOTE_TIMEOUT_SEC = 1.0
"""How long somebody outside waits for the lock of a server that may be stopped."""

MAGIC = b"SQLite format 3\x00"
_HEADER_BYTES = 100
REMEDY = "--fresh starts anew and keeps the old file"
ID_AT = slice(68, 72)
MARK_AT = slice(60, 64)

_TABLES = {"show", "entries", "undos"}
_SCHEMA = """
BEGIN;
CREATE TABLE IF NOT EXISTS show (epoch TEXT NOT NULL, version INTEGER NOT NULL, created REAL NOT NULL);
CREATE TABLE IF NOT EXISTS entries (seq INTEGER PRIMARY KEY, at REAL NOT NULL, who TEXT NOT NULL, data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS undos (id TEXT PRIMARY KEY, fault TEXT NOT NULL, run INTEGER NOT NULL, kind TEXT NOT NULL,
  target TEXT NOT NULL, undo TEXT NOT NULL, manual TEXT NOT NULL, late REAL NOT NULL,
  state TEXT NOT NULL, at REAL NOT NULL);
COMMIT;
"""

STORY = """substr(data, 1, 24) <> '{"type": "HealthSampled"'"""
"""In SQL: an entry that is no health sample. Samples are most of a journal, and nothing rests on an old one."""

_AIDS = f"""
BEGIN;
CREATE INDEX IF NOT EXISTS story ON entries (seq) WHERE {STORY};
CREATE TABLE IF NOT EXISTS snapshots (seq INTEGER PRIMARY KEY, version INTEGER NOT NULL, digest TEXT NOT NULL,
  data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS thinned (seq INTEGER NOT NULL, kept_at REAL NOT NULL);
COMMIT;
"""
"""What makes a start quick and a journal small. Those of before lack it, and are read all the same."""


def real(path: Path) -> Path:
    """Where the file itself lies: its lock and its log are there, whatever links lead to it."""
    return Path(os.path.realpath(path))


def unusable(path: Path, error: OSError) -> JournalError:
    """Why a journal cannot be there, and what to do."""
    why = f"cannot use {path} as a journal: {error.strerror or error}"
    if error.errno in _NO_LOCKS:
        return JournalError(f"{why} (flock): its file system has no locks; with --journal name a file on a local disk")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return JournalError(f"{why}: make {path.parent} writable for you, or with --journal name a file elsewhere")
    return JournalError(why)


def refuse_foreign(path: Path) -> None:
    """Raise `JournalError` unless `path` is a journal, empty, or not there yet.

    Reads the header's bytes: SQLite itself would roll back, or write a log beside, the file it opens. Not those of
    one in use, perhaps by ourselves: a process that closes any descriptor of a file gives up its locks on it, and
    whoever notes a heal from outside would then throw the log away, with all that is not in the file yet.
    """
    if is_in_use(path):
        return
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise JournalError(f"cannot use {path} as a journal: it is not a file")
        with path.open("rb") as file:
            header = file.read(_HEADER_BYTES)
    except FileNotFoundError:
        return
    except OSError as error:
        raise unusable(path, error) from None
    emptied = not header and _has_log(path)
    if emptied or (header and len(header) < _HEADER_BYTES and header.startswith(MAGIC)):
        raise JournalError(f"the journal {path} is damaged: most of it is gone; {REMEDY}")
    ours = header.startswith(MAGIC) and header[ID_AT] == APPLICATION_ID.to_bytes(4, "big")
    if header and not ours:
        raise JournalError(
            f"cannot use {path} as a journal: another program wrote it, so it is left as it is; name another file"
        )


def _has_log(path: Path) -> bool:
    """SQLite would throw away the log of a file that is empty."""
    try:
        return Path(f"{path}-wal").stat().st_size > 0
    except OSError:
        return False


def lock(path: Path, patience_sec: float = LOCK_TIMEOUT_SEC) -> int:
    """One server to a journal: the lock ends with the process, however it ends. Raises `JournalError`."""
    ends, path = time.monotonic() + patience_sec, real(path)
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = _open_lock(f"{path}.lock")
            taken = _take(descriptor)
        except OSError as error:
            raise unusable(path, error) from None
        if taken:
            if _is_still(descriptor, f"{path}.lock"):
                return descriptor
            os.close(descriptor)  # removed meanwhile, with its journal
            continue
        os.close(descriptor)
        if time.monotonic() > ends:
            raise JournalError(f"the journal {path} is in use by another demo: end that one, or name another file")
        time.sleep(0.02)


def is_in_use(path: Path) -> bool:
    """Does another server hold this journal? Looks only: nothing is made, and nobody is kept out for long."""
    try:
        descriptor = os.open(f"{real(path)}.lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        taken = _take(descriptor, fcntl.LOCK_SH)
    except OSError:
        return False  # where there are no locks, nobody has one
    os.close(descriptor)
    return not taken


def is_in_memory(path: Path) -> bool:
    """Does it lie on a file system that a reboot empties? False where the system does not say."""
    try:
        mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        found = real(path).parent.stat().st_dev
    except OSError:
        return False
    device = f"{os.major(found)}:{os.minor(found)}"
    kinds = {fields[fields.index("-") + 1] for fields in mounts if fields[2] == device}
    return bool(kinds & {"tmpfs", "ramfs"})


def take_away(path: Path) -> None:
    """Remove a journal and what lies beside it, the lock last, which the caller holds. Raises `OSError`."""
    for name in [str(path), *(f"{path}{side}" for side in SIDES)]:
        Path(name).unlink(missing_ok=True)


def _open_lock(name: str) -> int:
    try:
        return os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as refused:
        # A disk that takes no new file may hold the old one.
        with contextlib.suppress(OSError):
            return os.open(name, os.O_RDONLY | os.O_CLOEXEC)
        raise refused from None


def _take(descriptor: int, how: int = fcntl.LOCK_EX) -> bool:
    """False: somebody else has it. Raises `OSError`, and closes the file, where there are no locks."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        os.close(descriptor)
        raise
    return True


def _is_still(descriptor: int, name: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(name))  # noqa: PTH116 - beside its fstat
    except OSError:
        return False


def open_file(path: Path) -> tuple[sqlite3.Connection, str, int]:
    """The connection, the show's epoch, and the last sequence number on disk (0: none).

    Raises `sqlite3.Error`, `OSError`, and `JournalError` for a journal of another version.
    """
    if not path.exists():
        # Its file was moved away, with a log of its own; this one is nobody's.
        Path(f"{path}-wal").unlink(missing_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    db = sqlite3.connect(path, check_same_thread=False, timeout=1.0)
    try:
        db.execute("PRAGMA secure_delete=OFF")  # what is thinned out is no secret
        # Before the switch to WAL, so that the mark is in the file itself and not in its log.
        if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")
        _refuse_partial(db, path)
        db.executescript(_SCHEMA)
        epoch = _epoch(db)
        add_aids(db)
        _mark(db, epoch)
        newest = db.execute("SELECT MAX(seq) FROM entries").fetchone()[0]
    except BaseException:
        db.close()
        raise
    return db, epoch, newest or 0


def add_aids(db: sqlite3.Connection) -> None:
    """Add the index and the tables that a journal of before lacks; a full disk does without."""
    try:
        db.executescript(_AIDS)
    except sqlite3.OperationalError:
        db.rollback()


def mark_of(epoch: str) -> int:
    """What stands in the file's header for the show, so that another show's journal is told apart."""
    return int.from_bytes(hashlib.sha256(epoch.encode()).digest()[:3]) + 1


def _mark(db: sqlite3.Connection, epoch: str) -> None:
    if db.execute("PRAGMA user_version").fetchone()[0] != mark_of(epoch):
        with contextlib.suppress(sqlite3.OperationalError):
            db.execute(f"PRAGMA user_version = {mark_of(epoch)}")


def note_healed(path: Path, ident: str) -> None:
    """Note from outside that an undo is verified as healed, whether a server has the journal open or not.

    Raises `JournalError` when the disk or a lock does not let it; a journal that is gone needs no note.
    """
    if not path.exists():
        return
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=NOTE_TIMEOUT_SEC)) as db:
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
        with contextlib.closing(sqlite3.connect(path, timeout=NOTE_TIMEOUT_SEC)) as db:
            row = db.execute("SELECT state FROM undos WHERE id=?", (ident,)).fetchone()
    except (sqlite3.Error, OSError):
        return None
    return str(row[0]) if row else None


def _refuse_partial(db: sqlite3.Connection, path: Path) -> None:
    """All tables are made in one step: a journal that lacks one has lost it."""
    there = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if there and not there >= _TABLES:
        raise JournalError(f"the journal {path} is damaged: {', '.join(sorted(_TABLES - there))} missing; {REMEDY}")


def _epoch(db: sqlite3.Connection) -> str:
    row = db.execute("SELECT epoch, version FROM show").fetchone()
    if row is None:
        epoch = secrets.token_hex(4)
        with db:
            db.execute("INSERT INTO show VALUES (?,?,?)", (epoch, VERSION, time.time()))
        return epoch
    if row[1] != VERSION:
        raise JournalError(f"the journal was written by another version of this program (format {row[1]}); {REMEDY}")
    return str(row[0])
