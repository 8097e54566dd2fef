"""Deletes old health samples: those of the last minutes and around faults are all kept, of the others a few.

Events are never deleted.
"""

import json
import math
import sqlite3
from collections.abc import Collection
from itertools import takewhile

from demo.journal.sqlite_file import STORY, add_missing_tables

KEEP_ALL_SEC = 600.0
"""Samples younger than this are all kept."""

THINNED_INTERVAL_SEC = 10.0
"""Of older samples, one in this many seconds is kept."""

FAULT_MARGIN_SEC = 30.0
"""All samples are kept from this long before a fault's first event to this long after its last one (recovery)."""

STEP = 100
"""Entries examined in one step, so that a write that comes meanwhile does not wait long."""

_FAULTS = f"SELECT seq, at, data FROM entries WHERE seq > ? AND {STORY} ORDER BY seq LIMIT {STEP}"  # noqa: S608 - ours
_NEXT = f"SELECT seq, at, NOT {STORY} FROM entries WHERE seq > ? ORDER BY seq LIMIT {STEP}"  # noqa: S608 - ours


class FaultRuns:
    """The time of each run of a fault, from its first event to its last: all events that name the fault and the run."""

    def __init__(self) -> None:
        self._read_to = 0
        self._runs: dict[tuple[str, int], tuple[float, float]] = {}

    def read_more(self, db: sqlite3.Connection) -> bool:
        """Read the next batch of events; return True once there are no more."""
        rows = db.execute(_FAULTS, (self._read_to,)).fetchall()
        for seq, at, data in rows:
            self._extend_run(at, json.loads(data))
            self._read_to = seq
        return len(rows) < STEP

    def _extend_run(self, at: float, event: object) -> None:
        match event:
            case {"name": str(name), "run": int(run)}:
                first, last = self._runs.get((name, run), (at, at))
                self._runs[name, run] = (min(first, at), max(last, at))

    def list_unthinned_intervals(self, running: Collection[str]) -> list[tuple[float, float]]:
        """Return the intervals in which all samples are kept. `running`: faults whose newest run has not ended."""
        # Sorted by run, so that the newest one of each fault remains.
        newest = dict(sorted(self._runs))
        return [
            (first - FAULT_MARGIN_SEC, math.inf if name in running and newest[name] == run else last + FAULT_MARGIN_SEC)
            for (name, run), (first, last) in self._runs.items()
        ]

    def forget(self, before: float, running: Collection[str]) -> None:
        """Drop runs that ended before the moment `before`: the thinning has passed them."""
        over = [
            key for key, (_, last) in self._runs.items() if last + FAULT_MARGIN_SEC < before and key[0] not in running
        ]
        for key in over:
            del self._runs[key]


class Retention:
    """Thins out one journal in small steps. Its progress is stored in the journal itself, so a kill costs nothing."""

    def __init__(self) -> None:
        self._runs = FaultRuns()
        self._progress: tuple[int, float] | None = None

    def step(self, db: sqlite3.Connection, now: float, running: Collection[str]) -> bool:
        """Examine the next entries; return whether there are more to examine.

        `now` is a moment, like those of the entries.
        """
        if self._progress is None:
            self._progress = _read_progress(db)
        # No sample is judged before all faults are known: one near a fault must not be deleted.
        if not self._runs.read_more(db):
            return True
        seq, kept_at = self._progress
        rows = db.execute(_NEXT, (seq,)).fetchall()
        old = list(takewhile(lambda row: row[1] <= now - KEEP_ALL_SEC, rows))
        if not old:
            return False
        deletable, unthinned = [], self._runs.list_unthinned_intervals(running)
        for seq, at, is_sample in old:
            if not is_sample:
                continue
            # Negative where time went back, as in journals of earlier versions: such a sample is kept.
            if not 0 <= at - kept_at < THINNED_INTERVAL_SEC or any(first <= at <= last for first, last in unthinned):
                kept_at = at
            else:
                deletable.append((seq,))
        # Progress and deletion in one transaction: a kill in between changes neither.
        with db:
            db.executemany("DELETE FROM entries WHERE seq = ?", deletable)
            db.execute("DELETE FROM thinned")
            db.execute("INSERT INTO thinned VALUES (?,?)", (old[-1][0], kept_at))
        self._progress = (old[-1][0], kept_at)
        self._runs.forget(old[-1][1], running)
        return len(old) == STEP


def _read_progress(db: sqlite3.Connection) -> tuple[int, float]:
    """Return the last entry that was examined, and the moment of the last sample that was kept."""
    add_missing_tables(db)
    row = db.execute("SELECT seq, kept_at FROM thinned").fetchone()
    return (int(row[0]), float(row[1])) if row else (0, -math.inf)
