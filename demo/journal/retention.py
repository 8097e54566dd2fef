"""What a journal keeps of its health samples: the last minutes and the minutes of faults whole, of the rest a few.

Events are never taken away.
"""

import json
import math
import sqlite3
from collections.abc import Collection
from itertools import takewhile

from demo.journal.sqlite_file import STORY, add_aids

WHOLE_SEC = 600.0
"""Samples younger than this are all kept."""

EVERY_SEC = 10.0
"""Of older ones, one in so many seconds."""

AROUND_SEC = 30.0
"""From so long before a fault's first event till so long after its last one, recovery included, all are kept."""

STEP = 100
"""Entries looked at in one step: a move that comes meanwhile waits for no more."""

_FAULTS = f"SELECT seq, at, data FROM entries WHERE seq > ? AND {STORY} ORDER BY seq LIMIT {STEP}"  # noqa: S608 - ours
_NEXT = f"SELECT seq, at, NOT {STORY} FROM entries WHERE seq > ? ORDER BY seq LIMIT {STEP}"  # noqa: S608 - ours


class FaultRuns:
    """When each run of a fault was, from its first event till its last: every event that names one and its run."""

    def __init__(self) -> None:
        self._read_to = 0
        self._runs: dict[tuple[str, int], tuple[float, float]] = {}

    def read_on(self, db: sqlite3.Connection) -> bool:
        """Read the next events; True once there are no more."""
        rows = db.execute(_FAULTS, (self._read_to,)).fetchall()
        for seq, at, data in rows:
            self._note(at, json.loads(data))
            self._read_to = seq
        return len(rows) < STEP

    def _note(self, at: float, event: object) -> None:
        match event:
            case {"name": str(name), "run": int(run)}:
                first, last = self._runs.get((name, run), (at, at))
                self._runs[name, run] = (min(first, at), max(last, at))

    def minutes(self, running: Collection[str]) -> list[tuple[float, float]]:
        """What is kept whole, from and to. `running`: faults whose newest run is not over."""
        newest = dict(sorted(self._runs))
        return [
            (first - AROUND_SEC, math.inf if name in running and newest[name] == run else last + AROUND_SEC)
            for (name, run), (first, last) in self._runs.items()
        ]

    def forget(self, before: float, running: Collection[str]) -> None:
        """Nobody asks for earlier moments any more."""
        over = [key for key, (_, last) in self._runs.items() if last + AROUND_SEC < before and key[0] not in running]
        for key in over:
            del self._runs[key]


class Retention:
    """Thins one journal out, in small steps. How far it came is in the journal: a kill costs nothing."""

    def __init__(self) -> None:
        self._runs = FaultRuns()
        self._place: tuple[int, float] | None = None

    def step(self, db: sqlite3.Connection, now: float, running: Collection[str]) -> bool:
        """Do a little; True while there is more to do. `now` is a moment, like those of the entries."""
        if self._place is None:
            self._place = _place(db)
        if not self._runs.read_on(db):
            return True
        seq, kept_at = self._place
        rows = db.execute(_NEXT, (seq,)).fetchall()
        old = list(takewhile(lambda row: row[1] <= now - WHOLE_SEC, rows))
        if not old:
            return False
        gone, minutes = [], self._runs.minutes(running)
        for seq, at, is_sample in old:
            if not is_sample:
                continue
            if not 0 <= at - kept_at < EVERY_SEC or any(first <= at <= last for first, last in minutes):
                kept_at = at
            else:
                gone.append((seq,))
        with db:
            db.executemany("DELETE FROM entries WHERE seq = ?", gone)
            db.execute("DELETE FROM thinned")
            db.execute("INSERT INTO thinned VALUES (?,?)", (old[-1][0], kept_at))
        self._place = (old[-1][0], kept_at)
        self._runs.forget(old[-1][1], running)
        return len(old) == STEP


def _place(db: sqlite3.Connection) -> tuple[int, float]:
    """Up to which entry it is thinned out, and when the last one was made that stayed."""
    add_aids(db)
    row = db.execute("SELECT seq, kept_at FROM thinned").fetchone()
    return (int(row[0]), float(row[1])) if row else (0, -math.inf)
