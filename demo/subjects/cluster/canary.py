"""Continuous small writes: whether they are confirmed shows whether the store is available."""

import asyncio
from collections import deque
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from demo.clock import uptime
from demo.subjects.cluster.kv_store import KvStore, NotDone

EVERY_SEC = 0.1
TIMEOUT_SEC = 0.5
MISSED_SEC = 0.5
"""After so long without a confirmed write the store counts as taking none."""

KEPT_SEC = 1800.0
MAX_KEYS = 16
KEYS_FOR_SEC = 10.0


class Canary:
    """Begins a write to each key every EVERY_SEC, whatever became of the one before.

    All times are the machine's uptime in seconds, because they are read by another process.
    """

    def __init__(self, store: KvStore) -> None:
        self._store = store
        self._confirmed_at: dict[str, deque[float]] = {}
        self._keys_fetched_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._write_ms: float | None = None
        self._reasons: deque[tuple[float, str]] = deque(maxlen=50)

    async def run(self) -> None:
        """Run until cancelled."""
        try:
            while True:
                if uptime() - self._keys_fetched_at > KEYS_FOR_SEC:
                    self._spawn(self._update_keys())
                for key in tuple(self._confirmed_at):
                    self._spawn(self._write(key))
                await asyncio.sleep(EVERY_SEC)
        finally:
            for task in self._tasks:
                task.cancel()

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _update_keys(self) -> None:
        self._keys_fetched_at = uptime()
        try:
            keys = tuple(await self._store.canary_keys())[:MAX_KEYS]
        except NotDone as error:
            self._reasons.append((uptime(), error.reason))
            # Try again in the next round instead of after KEYS_FOR_SEC.
            self._keys_fetched_at = uptime() - KEYS_FOR_SEC + EVERY_SEC
            return
        self._confirmed_at = {key: self._confirmed_at.get(key, deque()) for key in keys}

    async def _write(self, key: str) -> None:
        began = uptime()
        try:
            await self._store.put(key, f"{began:.3f}".encode(), TIMEOUT_SEC)
        except NotDone as error:
            self._reasons.append((uptime(), error.reason))
            return
        now = uptime()
        self._write_ms = (now - began) * 1000
        confirmed_at = self._confirmed_at.get(key)
        # None: the keys were replaced during this write.
        if confirmed_at is not None:
            confirmed_at.append(now)
            while confirmed_at[0] < now - KEPT_SEC:
                confirmed_at.popleft()

    def as_dict(self) -> dict[str, Any]:
        """Return the canary's state for the health report of the client process.

        `down_since`: if no writes are confirmed now, the last confirmed write of the key that has waited longest.
        """
        now = uptime()
        last = [confirmed_at[-1] if confirmed_at else None for confirmed_at in self._confirmed_at.values()]
        known = [at for at in last if at is not None]
        oldest = min(known, default=None)
        missed = oldest is not None and now - oldest > MISSED_SEC
        reasons = [reason for at, reason in self._reasons if at > now - 1]
        return {
            "keys": len(last),
            "takes_writes": bool(last) and len(known) == len(last) and not missed,
            "last_at": oldest,
            "down_since": oldest if missed else None,
            "write_ms": self._write_ms,
            "reason": max(set(reasons), key=reasons.count) if reasons else "",
        }

    def longest(self, since: float) -> dict[str, float] | None:
        """Return the longest time without a confirmed write on one key that ended after `since`; None if unknown.

        `sec` and `began_at`; a gap that still lasts counts until now. A key without a confirmed write before `since` is
        left out: nobody knows when its gap began.
        """
        known = [
            confirmed_at for confirmed_at in self._confirmed_at.values() if confirmed_at and confirmed_at[0] <= since
        ]
        return longest_gap([(*confirmed_at, uptime()) for confirmed_at in known], since)


def longest_gap(keys: Sequence[Sequence[float]], since: float) -> dict[str, float] | None:
    """Return the longest gap that ended after `since`, given each key's moments of confirmed writes, in order."""
    gaps = [(later - earlier, earlier) for moments in keys for earlier, later in pairwise(moments) if later > since]
    if not gaps:
        return None
    sec, began_at = max(gaps)
    return {"sec": sec, "began_at": began_at}


def write_outage(told: Mapping[str, Any]) -> tuple[bool, float | None]:
    """Return whether the store takes writes, and if not, since when, from a report of `Canary.as_dict`."""
    return bool(told.get("takes_writes")), told.get("down_since")
