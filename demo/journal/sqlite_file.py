"""A journal's SQLite file: its identification, its lock and its tables. Another program's file is never opened."""

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
from demo.journal.deck_table import DECK_SCHEMA
from demo.journal.healer_table import HEALER_SCHEMA
from demo.journal.panel_table import PANEL_SCHEMA

VERSION = 2
APPLICATION_ID = 0x43485354
"""SQLite's application id ("CHST") in the file's header: tells a journal from any other SQLite file."""

SIDES = (
    "-wal",
    "-shm",
    ".sessions",
    ".new",
    ".votes",
    ".votes-wal",
    ".votes-shm",
    ".questions",
    ".questions.new",
    ".webhooks",
    ".webhooks.new",
    ".log",
    ".log.1",
    ".watchdog",
    ".lock",
)
"""Suffixes of the files that belong to a journal, the lock last."""

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL, errno.EIO)

LOCK_TIMEOUT_SEC = 0.3
"""Timeout for the lock: a process that only inspects a journal holds it for less than this."""
NOTE_TIMEOUT_SEC = 1.0
"""How long another process waits for SQLite's lock: a server that is suspended (SIGSTOP) may hold it."""

MAGIC = b"SQLite format 3\x00"
_HEADER_BYTES = 100
REMEDY = "--fresh starts a new show and keeps the old file"
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
"""SQL condition for all entries but health samples, which are most of a journal; no state depends on old ones."""

_OPTIONAL_SCHEMA = f"""
BEGIN;
CREATE INDEX IF NOT EXISTS story ON entries (seq) WHERE {STORY};
CREATE TABLE IF NOT EXISTS snapshots (seq INTEGER PRIMARY KEY, version INTEGER NOT NULL, digest TEXT NOT NULL,
  data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS thinned (seq INTEGER NOT NULL, kept_at REAL NOT NULL);
{HEALER_SCHEMA}
{DECK_SCHEMA}
{PANEL_SCHEMA}
COMMIT;
"""
"""Index and tables for a fast start and a small journal. Earlier journals lack them and can be read without."""


def resolve_path(path: Path) -> Path:
    """Return the file's path with all links resolved: lock and log lie beside the file itself."""
    return Path(os.path.realpath(path))


def unusable_path_error(path: Path, error: OSError) -> JournalError:
    """Return the error for a path where no journal can be: why, and what to do."""
    why = f"cannot use {path} as a journal: {error.strerror or error}"
    if error.errno in _NO_LOCKS:
        return JournalError(f"{why} (flock): its file system has no locks; name a file on a local disk with --journal")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return JournalError(
            f"{why}: make {path.parent} writable for your user, or name a file elsewhere with --journal"
        )
    return JournalError(why)


def refuse_foreign(path: Path) -> None:
    """Raise `JournalError` unless `path` is a journal, empty, or not there yet.

    Reads the header's bytes itself, because SQLite would roll back, or create a log beside, any file that it opens. A
    journal in use, perhaps by this process, is not read: POSIX drops all of a process's locks on a file when it closes
    any descriptor of that file. Whoever marks a heal from another process would then discard the log, with all that is
    not in the file yet.
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
        raise unusable_path_error(path, error) from None
    was_emptied = not header and _has_log(path)
    if was_emptied or (header and len(header) < _HEADER_BYTES and header.startswith(MAGIC)):
        raise JournalError(f"the journal {path} is damaged: most of its content is missing; {REMEDY}")
    is_journal = header.startswith(MAGIC) and header[ID_AT] == APPLICATION_ID.to_bytes(4, "big")
    if header and not is_journal:
        raise JournalError(
            f"cannot use {path} as a journal: another program wrote it, so it is left as it is; name another file"
        )


def _has_log(path: Path) -> bool:
    """Return whether there is a log with content. SQLite would delete the log of an empty file."""
    try:
        return Path(f"{path}-wal").stat().st_size > 0
    except OSError:
        return False


def lock(path: Path, timeout_sec: float = LOCK_TIMEOUT_SEC) -> int:
    """Lock a journal for this process and return the descriptor; the kernel releases the lock when the process ends.

    Raises `JournalError` when another process holds it for longer than `timeout_sec`, or the file system has no locks.
    """
    deadline, path = time.monotonic() + timeout_sec, resolve_path(path)
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # A file of its own: a lock on the journal itself would interfere with SQLite's own locks.
            descriptor = _open_lock(f"{path}.lock")
            is_locked = _try_flock(descriptor)
        except OSError as error:
            raise unusable_path_error(path, error) from None
        if is_locked:
            if _is_same_file(descriptor, f"{path}.lock"):
                return descriptor
            os.close(descriptor)  # the lock file was deleted meanwhile, with its journal
            continue
        os.close(descriptor)
        if time.monotonic() > deadline:
            raise JournalError(
                f"the journal {path} is in use by another demo: end that one, or name another file with --journal"
            )
        time.sleep(0.02)


def is_in_use(path: Path) -> bool:
    """Return whether another server has this journal locked.

    Creates nothing, and holds a shared lock only for a moment.
    """
    try:
        # Not created when it is missing: to look at a directory must leave no files in it.
        descriptor = os.open(f"{resolve_path(path)}.lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # Shared, so that two programs that look at the same time do not take each other for a server.
        is_free = _try_flock(descriptor, fcntl.LOCK_SH)
    except OSError:
        return False  # a file system without locks: nobody can hold one
    os.close(descriptor)
    return not is_free


def is_in_memory(path: Path) -> bool:
    """Return whether it is on a file system that a reboot empties; False where the system does not tell."""
    try:
        mounts = [line.split() for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        number = resolve_path(path).parent.stat().st_dev
    except OSError:
        return False
    device = f"{os.major(number)}:{os.minor(number)}"
    file_systems = {fields[fields.index("-") + 1] for fields in mounts if fields[2] == device}
    return bool(file_systems & {"tmpfs", "ramfs"})


def delete_files(path: Path) -> None:
    """Delete a journal and its side files, the lock last, which the caller holds. Raises `OSError`."""
    # The lock last: until then no other server can begin a journal under this name.
    for name in [str(path), *(f"{path}{side}" for side in SIDES)]:
        Path(name).unlink(missing_ok=True)


def _open_lock(name: str) -> int:
    try:
        return os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        # A full or read-only disk refuses to create a file, but the lock file may exist.
        with contextlib.suppress(OSError):
            return os.open(name, os.O_RDONLY | os.O_CLOEXEC)
        raise error from None


def _try_flock(descriptor: int, how: int = fcntl.LOCK_EX) -> bool:
    """Return whether the lock was taken. Raises `OSError`, and closes the file, where there are no locks."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        os.close(descriptor)
        raise
    return True


def _is_same_file(descriptor: int, name: str) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(name))  # noqa: PTH116 - beside its fstat
    except OSError:
        return False


def open_file(path: Path) -> tuple[sqlite3.Connection, str, int]:
    """Open a journal, creating its tables; return the connection, the epoch, and the last sequence number (0: none).

    Raises `sqlite3.Error`, `OSError`, and `JournalError` for a journal of another version.
    """
    if not path.exists():
        # A log without its file is a leftover: a journal is moved away together with a log of its own.
        Path(f"{path}-wal").unlink(missing_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    db = sqlite3.connect(path, check_same_thread=False, timeout=1.0)
    try:
        db.execute("PRAGMA secure_delete=OFF")  # deleted samples need not be overwritten
        # Before the switch to WAL, so that the id is in the file itself and not only in its log.
        if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute("PRAGMA journal_mode=WAL")
        # In WAL mode this survives any crash of the process; undos are written with FULL, to survive a power failure.
        db.execute("PRAGMA synchronous=NORMAL")
        _refuse_partial(db, path)
        db.executescript(_SCHEMA)
        epoch = _read_or_create_epoch(db)
        add_missing_tables(db)
        _write_mark(db, epoch)
        newest = db.execute("SELECT MAX(seq) FROM entries").fetchone()[0]
    except BaseException:
        db.close()
        raise
    return db, epoch, newest or 0


def add_missing_tables(db: sqlite3.Connection) -> None:
    """Add the index and tables that a journal of an earlier version lacks; on a full disk it works without."""
    try:
        db.executescript(_OPTIONAL_SCHEMA)
    except sqlite3.OperationalError:
        db.rollback()


def mark_of(epoch: str) -> int:
    """Return the number in the file's header that tells this show's journal from another show's."""
    return int.from_bytes(hashlib.sha256(epoch.encode()).digest()[:3]) + 1


def _write_mark(db: sqlite3.Connection, epoch: str) -> None:
    if db.execute("PRAGMA user_version").fetchone()[0] != mark_of(epoch):
        with contextlib.suppress(sqlite3.OperationalError):
            db.execute(f"PRAGMA user_version = {mark_of(epoch)}")


def note_healed(path: Path, ident: str) -> None:
    """Mark an undo as healed from another process, whether or not a server has the journal open.

    Raises `JournalError` when the disk or a lock prevents it; does nothing when the journal no longer exists.
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
    """Return the state of an undo, read from another process; None when it is unknown or cannot be read."""
    if not path.exists():
        return None
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=NOTE_TIMEOUT_SEC)) as db:
            row = db.execute("SELECT state FROM undos WHERE id=?", (ident,)).fetchone()
    # Not known counts as not healed: healing twice is harmless, healing never is not.
    except (sqlite3.Error, OSError):
        return None
    return str(row[0]) if row else None


def _refuse_partial(db: sqlite3.Connection, path: Path) -> None:
    """Check that a journal with tables has all of them, for they are created in one step. Raises `JournalError`."""
    tables = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables and not tables >= _TABLES:
        raise JournalError(f"the journal {path} is damaged: {', '.join(sorted(_TABLES - tables))} missing; {REMEDY}")


def _read_or_create_epoch(db: sqlite3.Connection) -> str:
    row = db.execute("SELECT epoch, version FROM show").fetchone()
    if row is None:
        epoch = secrets.token_hex(4)
        with db:
            db.execute("INSERT INTO show VALUES (?,?,?)", (epoch, VERSION, time.time()))
        return epoch
    if row[1] != VERSION:
        raise JournalError(f"the journal was written by another version of this program (format {row[1]}); {REMEDY}")
    return str(row[0])
