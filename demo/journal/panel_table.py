"""What the panels on the stage showed, in the journal beside the entries: for a replay and a report.

A row is a picture and its moment. One without data is the picture before it, printed once more. Journals of earlier
versions have no such table.
"""

import contextlib
import json
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, get_args

from demo.panels.picture import PanelPicture, PanelRow, PanelState, StyledText, Word

PANEL_SCHEMA = """
CREATE TABLE IF NOT EXISTS panels (id INTEGER PRIMARY KEY, at REAL NOT NULL, name TEXT NOT NULL, changed_at REAL,
  data TEXT);
"""

MAX_TEXT = 4096
"""Characters of a picture that are kept: its newest rows."""

CALM_SEC, CROWDED_SEC = 1.0, 10.0
MAX_BYTES = 16_000_000
"""Time between two pictures of a panel at least; the longer one once all pictures of a show have so many bytes."""

_WORDS, _STATES = frozenset(get_args(Word)), frozenset(get_args(PanelState))


@dataclass(frozen=True, slots=True)
class PanelMoment:
    """When a panel changed. `row`: that of its picture, for `read_picture`."""

    at: float
    name: str
    changed_at: float | None
    row: int


class PanelWriter:
    """The pictures that are not written yet. A disk that refuses one is asked again with the next entries."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._unwritten: list[tuple[float, str, float | None, str | None]] = []
        self._bytes: int | None = None
        self._newest: dict[str, PanelPicture] = {}

    @property
    def pause_sec(self) -> float:
        """Return how long a panel waits for its next picture."""
        return CROWDED_SEC if (self._bytes or 0) > MAX_BYTES else CALM_SEC

    def keep(self, at: float, picture: PanelPicture) -> bool:
        """Keep what a panel shows since the moment `at`, until `write` has written it; return whether that is new."""
        picture = _shortened(picture)
        known = self._newest.get(picture.name)
        if picture == known:
            return False
        self._newest[picture.name] = picture
        is_same = known is not None and replace(known, changed_at=picture.changed_at) == picture
        row = (at, picture.name, picture.changed_at, None if is_same else _encode(picture))
        with self._lock:
            self._unwritten.append(row)
        return True

    def write(self, db: sqlite3.Connection) -> bool:
        """Write what was kept; return whether there was anything. An error of the disk is no news: the show goes on."""
        with self._lock:
            batch = list(self._unwritten)
        if not batch:
            return False
        with contextlib.suppress(sqlite3.Error):
            if self._bytes is None:
                self._bytes = int(db.execute("SELECT COALESCE(SUM(LENGTH(data)), 0) FROM panels").fetchone()[0])
            with db:
                db.executemany("INSERT INTO panels (at, name, changed_at, data) VALUES (?,?,?,?)", batch)
            self._bytes += sum(len(data or "") for *_, data in batch)
            with self._lock:
                self._unwritten = self._unwritten[len(batch) :]
        return True


def _shortened(picture: PanelPicture) -> PanelPicture:
    """Return a picture with its newest rows, as many as are kept."""
    left, first = MAX_TEXT, len(picture.rows)
    while first:
        left -= sum(len(span.text) for span in picture.rows[first - 1]) + 1
        if left < 0:
            break
        first -= 1
    return replace(picture, rows=picture.rows[first:]) if first else picture


def _encode(picture: PanelPicture) -> str:
    rows = [[[span.text, *span.words] for span in row] for row in picture.rows]
    plain = {"title": picture.title, "rows": rows, "state": picture.state, "note": picture.note}
    return json.dumps(plain | {"lines": picture.lines, "width": picture.width}, ensure_ascii=False)


def read_panel_moments(db: sqlite3.Connection) -> Iterator[PanelMoment]:
    """Yield when the panels changed, in order."""
    rows: dict[str, int] = {}
    with contextlib.suppress(sqlite3.OperationalError):  # a journal of an earlier version
        query = "SELECT id, at, name, changed_at, data IS NULL FROM panels ORDER BY id"
        for row, at, name, changed_at, is_same in db.execute(query):
            if not is_same:
                rows[name] = row
            if name in rows:
                yield PanelMoment(float(at), str(name), changed_at, rows[name])


def read_picture(db: sqlite3.Connection, moment: PanelMoment) -> PanelPicture | None:
    """Return what a panel showed since that moment; None for what cannot be read."""
    try:
        (data,) = db.execute("SELECT data FROM panels WHERE id = ?", (moment.row,)).fetchone()
        return _decode(json.loads(data), moment)
    except (sqlite3.Error, ValueError, KeyError, TypeError, LookupError):
        return None


def _decode(plain: Any, moment: PanelMoment) -> PanelPicture:
    state: PanelState = plain["state"] if plain["state"] in _STATES else "offline"
    rows: tuple[PanelRow, ...] = tuple(
        tuple(StyledText(str(text), tuple(word for word in words if word in _WORDS)) for text, *words in row)
        for row in plain["rows"]
    )
    lines, width = int(plain["lines"]), int(plain["width"])
    return PanelPicture(
        moment.name, str(plain["title"]), rows, state, str(plain["note"]), lines, width, moment.changed_at
    )
