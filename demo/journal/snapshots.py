"""Snapshots of a show in its journal, so that a start need not fold all that ever happened.

One that is damaged, of another version or of another deck is passed over: then the events are folded.
"""

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterator, Sequence

from demo.journal.sqlite_file import STORY, add_aids
from demo.show import ShowState
from demo.show.stored import VERSION, decode_state, encode_state

CURVES_SEC = 61.0
"""Samples older than this, seen from the newest entry, are on no curve any more."""

MAX_RECENT = 1500
SPARSE = 60
"""Of the samples before that, so many are read where no snapshot knows which nodes there ever were."""

BATCH = 500

Row = tuple[int, float, str, str]
"""seq, at, who, data (JSON)."""


def save_snapshot(db: sqlite3.Connection, state: ShowState) -> None:
    """Replace the snapshot, in one transaction. What it is a fold of must be on disk already."""
    data = encode_state(state)
    row = (state.seq, VERSION, _digest(data), data)
    try:
        _replace(db, row)
    except sqlite3.OperationalError:
        add_aids(db)  # an old journal, opened while the disk was full
        _replace(db, row)


def _replace(db: sqlite3.Connection, row: tuple[int, int, str, str]) -> None:
    with db:
        db.execute("DELETE FROM snapshots")
        db.execute("INSERT INTO snapshots VALUES (?,?,?,?)", row)


def newest_snapshot(db: sqlite3.Connection, show: ShowState) -> ShowState:
    """The show as of its snapshot, or as it is given where there is none that can be used."""
    try:
        row = db.execute("SELECT seq, version, digest, data FROM snapshots ORDER BY seq DESC LIMIT 1").fetchone()
        newest = db.execute("SELECT MAX(seq) FROM entries").fetchone()[0] or 0
        if row is None or row[1] != VERSION or row[0] > newest or row[2] != _digest(row[3]):
            return show
        state = decode_state(row[3], show)
    except Exception:  # noqa: BLE001 - whatever it is that cannot be read: the events can
        return show
    return state if state.seq == row[0] else show


def newest_moment(db: sqlite3.Connection) -> float | None:
    """When the newest entry was made; None without any."""
    row = db.execute("SELECT at FROM entries ORDER BY seq DESC LIMIT 1").fetchone()
    return float(row[0]) if row else None


def rows_behind(db: sqlite3.Connection, after: int) -> Iterator[Sequence[Row]]:
    """What a fold needs behind `after`, in order and in batches: the story, and samples that still matter."""
    recent = _recent(db)
    sparse = _sparse(db, recent) if not after else set[int]()
    while after < recent - 1:
        story = _select(db, f"seq > ? AND seq < ? AND {STORY} ORDER BY seq LIMIT {BATCH}", after, recent)
        upto = story[-1][0] if len(story) == BATCH else recent - 1
        among = ", ".join(str(seq) for seq in sparse if after < seq <= upto)
        samples = _select(db, f"seq IN ({among})")
        if story or samples:
            yield sorted([*story, *samples])
        after = upto
    while rows := _select(db, f"seq > ? ORDER BY seq LIMIT {BATCH}", after):
        yield rows
        after = rows[-1][0]


def _recent(db: sqlite3.Connection) -> int:
    """From which number on everything is read: what the curves still show, and a bounded number of entries."""
    first, newest_at = 0, None
    newest = "SELECT seq, at FROM entries ORDER BY seq DESC LIMIT ?"
    with contextlib.closing(db.execute(newest, (MAX_RECENT,))) as found:
        for seq, at in found:
            newest_at = at if newest_at is None else newest_at
            if at < newest_at - CURVES_SEC:
                break
            first = seq
    return first


def _sparse(db: sqlite3.Connection, recent: int) -> set[int]:
    """Samples, about evenly apart: whichever node was there for long stands in one of them."""
    first = db.execute("SELECT MIN(seq) FROM entries").fetchone()[0] or recent
    next_sample = f"SELECT seq FROM entries WHERE seq >= ? AND seq < ? AND NOT {STORY} ORDER BY seq LIMIT 1"  # noqa: S608
    places = range(first, recent, max(1, (recent - first) // SPARSE))
    found = (db.execute(next_sample, (place, recent)).fetchone() for place in places)
    return {row[0] for row in found if row}


def _select(db: sqlite3.Connection, where: str, *values: int) -> list[Row]:
    return db.execute(f"SELECT seq, at, who, data FROM entries WHERE {where}", values).fetchall()  # noqa: S608 - ours


def _digest(data: str) -> str:
    return hashlib.sha256(data.encode()).hexdigest()
