"""`Recording`: a journal read from its first entry to its last, without changing or locking the file."""

import contextlib
import sqlite3
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from demo.errors import JournalError, describe
from demo.journal.deck_table import read_deck_files, read_decks
from demo.journal.library.inspect import open_read_only
from demo.journal.panel_table import PanelMoment, read_panel_moments, read_picture
from demo.journal.rows import entry_of
from demo.journal.sqlite_file import REMEDY, STORY, refuse_foreign
from demo.narration.image import DeckImage
from demo.panels.picture import PanelPicture
from demo.show import ShowState
from demo.show import events as e
from demo.show.events import JournalEntry
from demo.show.recorded import bare_show, fold

T = TypeVar("T")

BATCH = 500


class Recording:
    """A journal as it is on disk, also while its show goes on or after its server was killed.

    Raises `JournalError` when the file is not a journal. Reading takes as much memory for an hour as for a day.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        refuse_foreign(path)

    def entries(
        self, *, samples: bool = True, after: int = 0, on_unreadable: Callable[[str], None] | None = None
    ) -> Generator[JournalEntry]:
        """Yield all entries behind `after` in order; `samples`: health samples too, which are most of a journal.

        An entry that cannot be read is left out, and `on_unreadable` called with why. Without that `JournalError` is
        raised, after the entries before it.
        """
        where = "seq > ?" if samples else f"seq > ? AND {STORY}"
        query = f"SELECT seq, at, who, data FROM entries WHERE {where} ORDER BY seq LIMIT {BATCH}"  # noqa: S608 - ours
        with self._open() as db:
            while rows := db.execute(query, (after,)).fetchall():
                for row in rows:
                    try:
                        entry = entry_of(*row)
                    except (JournalError, ValueError, TypeError, LookupError, AttributeError) as error:
                        # What helps a show that would continue helps nobody who only reads.
                        why = describe(error).removesuffix(f", or {REMEDY}").removesuffix(f"; {REMEDY}")
                        if on_unreadable is None:
                            raise JournalError(why) from None
                        on_unreadable(why)
                    else:
                        yield entry
                after = rows[-1][0]

    def newest(self, kind: type[T]) -> T | None:
        """Return the newest event of this class; None if there is none. Raises `JournalError`."""
        where = f"{STORY} AND instr(data, ?) = 1 ORDER BY seq DESC LIMIT 1"
        query = f"SELECT seq, at, who, data FROM entries WHERE {where}"  # noqa: S608 - ours
        with self._open() as db:
            row = db.execute(query, (f'{{"type": "{kind.__name__}"',)).fetchone()
        event = None if row is None else entry_of(*row).event
        return event if isinstance(event, kind) else None

    def decks(self) -> list[tuple[int, ShowState]]:
        """Return the decks as shows before their first event, each with the entry that it holds from.

        None are in a journal of an earlier version. Raises `JournalError`.
        """
        with self._open() as db:
            return list(read_decks(db))

    def verified_undos(self) -> frozenset[tuple[str, int]]:
        """Return the faults, each with its run, whose heal was verified, by whomever. Raises `JournalError`."""
        with self._open() as db, contextlib.suppress(sqlite3.OperationalError):  # without the table, none
            return frozenset(db.execute("SELECT fault, run FROM undos WHERE state = 'healed'"))
        return frozenset()

    def files(self) -> list[DeckImage]:
        """Return the images, fonts and stylesheets of the decks. Raises `JournalError`."""
        with self._open() as db:
            return list(read_deck_files(db))

    def panel_moments(self) -> list[PanelMoment]:
        """Return when the panels on the stage changed; none in a journal of an earlier version. Raises `JournalError`.

        One without a moment of its own was not recorded.
        """
        with self._open() as db:
            return list(read_panel_moments(db))

    def picture(self, moment: PanelMoment) -> PanelPicture | None:
        """Return what a panel showed from that moment on; None if it cannot be read. Raises `JournalError`."""
        with self._open() as db:
            return read_picture(db, moment)

    def show(self) -> ShowState:
        """Return the show before its first event, as far as the journal knows its deck. Raises `JournalError`.

        Of a journal of an earlier version only the titles of the chapters and the names of the faults are known.
        """
        decks = self.decks()
        if decks and decks[0][0] == 1:
            return decks[0][1]
        entries = (entry.event for entry in self.entries(samples=False))
        opened = next(entries, None)
        if not isinstance(opened, e.ShowOpened):
            raise JournalError(f"{self.path} has no entries: nothing was shown")
        return bare_show(opened, [event.name for event in entries if isinstance(event, e.FaultRequested)])

    def states(self, *, samples: bool = True) -> Iterator[tuple[ShowState, JournalEntry]]:
        """Yield the show after each entry, and that entry. Raises `JournalError`."""
        return fold(self.show(), self.decks(), self.entries(samples=samples))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with open_read_only(self.path) as db:
                # One damaged text must not keep all others from being read.
                db.text_factory = lambda raw: raw.decode(errors="replace")
                yield db
        except (sqlite3.Error, OSError) as error:
            raise JournalError(f"{self.path} cannot be read: {error}") from None
