"""`Recording`: a journal read from its first entry to its last, without changing or locking the file."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from demo.errors import JournalError
from demo.journal.library.inspect import open_read_only
from demo.journal.rows import entry_of
from demo.journal.sqlite_file import STORY, refuse_foreign
from demo.show.events import JournalEntry

BATCH = 500


class Recording:
    """A journal as it is on disk, also while its show goes on or after its server was killed.

    Raises `JournalError` when the file is no journal. Reading takes as much memory for an hour as for a day.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        refuse_foreign(path)

    def entries(self, *, samples: bool = True) -> Iterator[JournalEntry]:
        """Yield all entries in order; `samples`: health samples too, which are most of a journal.

        Raises `JournalError` at an entry that cannot be read, after those before it.
        """
        where = "seq > ?" if samples else f"seq > ? AND {STORY}"
        query = f"SELECT seq, at, who, data FROM entries WHERE {where} ORDER BY seq LIMIT {BATCH}"  # noqa: S608 - ours
        after = 0
        try:
            with open_read_only(self.path) as db:
                while rows := db.execute(query, (after,)).fetchall():
                    yield from (entry_of(*row) for row in rows)
                    after = rows[-1][0]
        except (sqlite3.Error, OSError) as error:
            raise JournalError(f"{self.path} cannot be read: {error}") from None
