"""The snapshot of a show in its journal, so that a start need not fold every event. Only the newest one is kept.

A snapshot that is damaged, of another version or of another deck is ignored: then all events are folded.
"""

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterator, Sequence

from demo.journal.sqlite_file import STORY, add_missing_tables
from demo.show import ShowState
from demo.show.stored import VERSION, decode_state, encode_state

CURVES_SEC = 61.0
"""Samples that are older than the newest entry by more than this are on no curve any more."""

MAX_RECENT = 1500
SPARSE = 60
"""How many older samples are read where no snapshot tells which nodes the system has had."""

BATCH = 500

Row = tuple[int, float, str, str]
"""seq, at, who, data (JSON)."""


def save_snapshot(db: sqlite3.Connection, state: ShowState) -> None:
    """Replace the snapshot, in one transaction. All entries of this state must be on disk already."""
    # With a digest: a snapshot that was damaged on the disk is not used, the events are folded instead.
    data = encode_state(state)
    row = (state.seq, VERSION, _digest(data), data)
    try:
        _replace(db, row)
    except sqlite3.OperationalError:
        add_missing_tables(db)  # a journal of an earlier version, opened while the disk was full
        _replace(db, row)


def _replace(db: sqlite3.Connection, row: tuple[int, int, str, str]) -> None:
    # One transaction: a crash leaves the old snapshot or the new one, never none.
    with db:
        db.execute("DELETE FROM snapshots")
        db.execute("INSERT INTO snapshots VALUES (?,?,?,?)", row)


def newest_snapshot(db: sqlite3.Connection, show: ShowState) -> ShowState:
    """Return the show of the snapshot, or the given `show` where there is no usable one."""
    try:
        row = db.execute("SELECT seq, version, digest, data FROM snapshots ORDER BY seq DESC LIMIT 1").fetchone()
        newest = db.execute("SELECT MAX(seq) FROM entries").fetchone()[0] or 0
        # Beyond the newest entry: the journal has lost entries since the snapshot.
        if row is None or row[1] != VERSION or row[0] > newest or row[2] != _digest(row[3]):
            return show
        state = decode_state(row[3], show)
    except Exception:  # noqa: BLE001 - whatever is wrong with the snapshot, the events can be folded
        return show
    return state if state.seq == row[0] else show


def newest_moment(db: sqlite3.Connection) -> float | None:
    """Return the moment of the newest entry; None without any."""
    row = db.execute("SELECT at FROM entries ORDER BY seq DESC LIMIT 1").fetchone()
    return float(row[0]) if row else None


def rows_behind(db: sqlite3.Connection, after: int) -> Iterator[Sequence[Row]]:
    """Yield what a fold needs after `after`, in order and in batches: all events, and the samples that still matter."""
    recent = _find_recent_start(db)
    # A snapshot knows all nodes; without one they are collected from samples.
    sparse = _pick_sparse_samples(db, recent) if not after else set[int]()
    while after < recent - 1:
        story = _select(db, f"seq > ? AND seq < ? AND {STORY} ORDER BY seq LIMIT {BATCH}", after, recent)
        last = story[-1][0] if len(story) == BATCH else recent - 1
        among = ", ".join(str(seq) for seq in sparse if after < seq <= last)
        samples = _select(db, f"seq IN ({among})")
        if story or samples:
            yield sorted([*story, *samples])
        after = last
    while rows := _select(db, f"seq > ? ORDER BY seq LIMIT {BATCH}", after):
        yield rows
        after = rows[-1][0]


def _find_recent_start(db: sqlite3.Connection) -> int:
    """Return the sequence number from which all is read: the samples of the curves, up to `MAX_RECENT` entries."""
    first, newest_at = 0, None
    newest = "SELECT seq, at FROM entries ORDER BY seq DESC LIMIT ?"
    with contextlib.closing(db.execute(newest, (MAX_RECENT,))) as rows:
        for seq, at in rows:
            newest_at = at if newest_at is None else newest_at
            if at < newest_at - CURVES_SEC:
                break
            first = seq
    return first


def _pick_sparse_samples(db: sqlite3.Connection, recent: int) -> set[int]:
    """Return samples that are about evenly spaced: a node that was there for long is in one of them."""
    first = db.execute("SELECT MIN(seq) FROM entries").fetchone()[0] or recent
    next_sample = f"SELECT seq FROM entries WHERE seq >= ? AND seq < ? AND NOT {STORY} ORDER BY seq LIMIT 1"  # noqa: S608
    starts = range(first, recent, max(1, (recent - first) // SPARSE))
    rows = (db.execute(next_sample, (start, recent)).fetchone() for start in starts)
    return {row[0] for row in rows if row}


def _select(db: sqlite3.Connection, where: str, *values: int) -> list[Row]:
    return db.execute(f"SELECT seq, at, who, data FROM entries WHERE {where}", values).fetchall()  # noqa: S608 - ours


def _digest(data: str) -> str:
    return hashlib.sha256(data.encode()).hexdigest()
