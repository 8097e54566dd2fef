"""Repairs a journal's file while its show runs, from the connection that still has all of its content open."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from demo.errors import JournalError
from demo.paths import sync_to_disk


def rewrite_file(db: sqlite3.Connection, path: Path, newest: int) -> None:
    """Write all that `db` holds, up to entry `newest`, to `path`, whose file is gone or was cut short.

    The new file is complete and synced before it gets that name, and never replaces a file that somebody else put
    there. Raises `OSError`, `sqlite3.Error` and `JournalError`; `path` is unchanged then.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    new = Path(f"{path}.new")
    new.unlink(missing_ok=True)
    # Created here, because SQLite would create it readable for others. It accepts an empty file.
    os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
    try:
        db.execute("VACUUM INTO ?", (str(new),))
        _refuse_incomplete(new, newest)
        sync_to_disk(new)
        for side in ("-wal", "-shm"):  # they belong to the old file, but SQLite would apply them to the new one
            Path(f"{path}{side}").unlink(missing_ok=True)
        _move_into_place(new, path)
    finally:
        new.unlink(missing_ok=True)
    # Only then is the new name on the disk too.
    sync_to_disk(path.parent)


def checkpoint_log(db: sqlite3.Connection) -> None:
    """Write all of the log into the file itself, synced. Raises `sqlite3.Error` and `JournalError`."""
    if db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
        raise JournalError("another program is reading it now")


def _refuse_incomplete(new: Path, newest: int) -> None:
    with closing(sqlite3.connect(new)) as db:
        check_result = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        last = db.execute("SELECT MAX(seq) FROM entries").fetchone()[0] or 0
    if check_result != "ok" or last != newest:
        raise JournalError("its content is no longer complete")


def _move_into_place(new: Path, path: Path) -> None:
    if path.exists():
        new.replace(path)  # our own, cut short
        return
    try:
        # A link, because unlike a rename it fails when somebody else has put a file there meanwhile.
        path.hardlink_to(new)
    except FileExistsError:
        raise JournalError("another file was put in its place meanwhile") from None
    except OSError:
        new.rename(path)  # a file system without hard links
