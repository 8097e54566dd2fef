"""The decks of a show in its journal, with their images: so that it can be read where its deck is absent.

A deck holds from an entry on, until the next one. Journals of earlier versions have none.
"""

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence

from demo.errors import log_unexpected
from demo.narration.image import DeckImage
from demo.show import ShowState
from demo.show.stored_deck import decode_deck, encode_deck

logger = logging.getLogger(__name__)

DECK_SCHEMA = """
CREATE TABLE IF NOT EXISTS decks (seq INTEGER PRIMARY KEY, data TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS deck_files (name TEXT PRIMARY KEY, media_type TEXT NOT NULL, body BLOB NOT NULL);
"""


class DeckWriter:
    """The decks that are not written yet. A disk that refuses one is asked again with the next entries."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._unwritten: list[tuple[int, str, Sequence[DeckImage]]] = []

    def keep(self, seq: int, show: ShowState, images: Callable[[], Sequence[DeckImage]]) -> None:
        """Keep a deck that holds from entry `seq` on, until `write` has written it.

        A subject's own code returns the images and what the deck is made of: if it fails, less is kept.
        """
        files: Sequence[DeckImage] = ()
        with contextlib.suppress(Exception):
            files = tuple(images())
        try:
            data = encode_deck(show)
        except (TypeError, ValueError) as error:
            log_unexpected(logger, "keeping the deck in the journal", error)
            return
        with self._lock:
            self._unwritten.append((seq, data, files))

    def write(self, db: sqlite3.Connection) -> None:
        """Write what was kept, after the entries. A show goes on without it: an error of the disk is no news here."""
        with self._lock:
            batch = list(self._unwritten)
        if not batch:
            return
        with contextlib.suppress(sqlite3.Error):
            with db:
                for seq, data, files in batch:
                    _insert(db, seq, data, files)
            with self._lock:
                self._unwritten = self._unwritten[len(batch) :]


def _insert(db: sqlite3.Connection, seq: int, data: str, files: Iterable[DeckImage]) -> None:
    newest = db.execute("SELECT data FROM decks ORDER BY seq DESC LIMIT 1").fetchone()
    if newest is None or newest[0] != data:
        db.execute("INSERT OR REPLACE INTO decks VALUES (?,?)", (seq, data))
    rows = ((file.name, file.media_type, file.body) for file in files)
    db.executemany("INSERT OR IGNORE INTO deck_files VALUES (?,?,?)", rows)


def read_decks(db: sqlite3.Connection) -> Iterator[tuple[int, ShowState]]:
    """Yield the decks as shows before their first event, each with the entry that it holds from.

    Raises `JournalError` for one that this version cannot present.
    """
    with contextlib.suppress(sqlite3.OperationalError):  # a journal of an earlier version
        for seq, data in db.execute("SELECT seq, data FROM decks ORDER BY seq"):
            yield seq, decode_deck(data)


def read_deck_files(db: sqlite3.Connection) -> Iterator[DeckImage]:
    """Yield the images, fonts and stylesheets of all decks."""
    with contextlib.suppress(sqlite3.OperationalError):
        for name, media_type, body in db.execute("SELECT name, media_type, body FROM deck_files ORDER BY name"):
            if isinstance(name, str) and isinstance(body, bytes):  # anything else is damage
                yield DeckImage(name, str(media_type), body)
