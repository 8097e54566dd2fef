"""Small writes all the time: whether the store takes them is the truth of its availability."""

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
"""Without a confirmed write for so long, the store takes none."""

KEPT_SEC = 1800.0
MAX_KEYS = 16
KEYS_FOR_SEC = 10.0


class Canary:
    """Every EVERY_SEC one write to each key begins, whatever became of the one before.

    Tells times by the machine's uptime: whoever asks is another process.
    """

    def __init__(self, store: KvStore) -> None:
        self._store = store
        self._done: dict[str, deque[float]] = {}
        self._keys_at = 0.0
        self._tasks: set[asyncio.Task[None]] = set()
        self._took_ms: float | None = None
        self._reasons: deque[tuple[float, str]] = deque(maxlen=50)

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                if uptime() - self._keys_at > KEYS_FOR_SEC:
                    self._spawn(self._take_keys())
                for key in tuple(self._done):
                    self._spawn(self._write(key))
                await asyncio.sleep(EVERY_SEC)
        finally:
            for task in self._tasks:
                task.cancel()

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take_keys(self) -> None:
        self._keys_at = uptime()
        try:
            keys = tuple(await self._store.canary_keys())[:MAX_KEYS]
        except NotDone as error:
            self._reasons.append((uptime(), error.reason))
            self._keys_at = uptime() - KEYS_FOR_SEC + EVERY_SEC
            return
        self._done = {key: self._done.get(key, deque()) for key in keys}

    async def _write(self, key: str) -> None:
        began = uptime()
        try:
            await self._store.put(key, f"{began:.3f}".encode(), TIMEOUT_SEC)
        except NotDone as error:
            self._reasons.append((uptime(), error.reason))
            return
        now = uptime()
        self._took_ms = (now - began) * 1000
        done = self._done.get(key)
        if done is not None:
            done.append(now)
            while done[0] < now - KEPT_SEC:
                done.popleft()

    def told(self) -> dict[str, Any]:
        """`down_since`: the last confirmed write before there were none, of the key that has waited longest."""
        now = uptime()
        last = [done[-1] if done else None for done in self._done.values()]
        known = [at for at in last if at is not None]
        oldest = min(known, default=None)
        missed = oldest is not None and now - oldest > MISSED_SEC
        reasons = [reason for at, reason in self._reasons if at > now - 1]
        return {
            "keys": len(last),
            "takes_writes": bool(last) and len(known) == len(last) and not missed,
            "last_at": oldest,
            "down_since": oldest if missed else None,
            "write_ms": self._took_ms,
            "reason": max(set(reasons), key=reasons.count) if reasons else "",
        }

    def longest(self, since: float) -> dict[str, float] | None:
        """The longest time without a confirmed write on any one key that ended after `since`; None: not known.

        Of a key without one before `since`, nobody knows how long it had gone without.

        `sec` and `began_at`; a gap that is still open ends now.
        """
        known = [done for done in self._done.values() if done and done[0] <= since]
        return longest_gap([(*done, uptime()) for done in known], since)


def longest_gap(keys: Sequence[Sequence[float]], since: float) -> dict[str, float] | None:
    """Of several keys' moments of confirmed writes, each in order."""
    gaps = [(later - earlier, earlier) for moments in keys for earlier, later in pairwise(moments) if later > since]
    if not gaps:
        return None
    sec, began_at = max(gaps)
    return {"sec": sec, "began_at": began_at}


def as_told(told: Mapping[str, Any]) -> tuple[bool, float | None]:
    """Does it take writes, and since when not."""
    return bool(told.get("takes_writes")), told.get("down_since")
