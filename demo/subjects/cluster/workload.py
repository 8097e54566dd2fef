"""Reads and writes at a steady rate, and the books: whatever was confirmed must be found when it is read again."""

import asyncio
import random
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any

from demo.subjects.cluster.kv_store import KvStore, NotDone
from demo.subjects.request_stats import RollingStats

PREFIX = "chaos-stage/load"
SLOTS = 200
TIMEOUT_SEC = 1.0
MAX_IN_FLIGHT = 400
IDLE_SEC = 0.1
MAX_CLOSED = 2000
VERIFY_SEC = 2.0
VERIFY_ALL_SEC = 20.0
VERIFY_AT_ONCE = 32
READ_SHARE = 0.5


@dataclass(slots=True)
class Slot:
    """One key and the newest number confirmed under it. Only one operation runs on it at a time.

    After a write whose outcome is unknown the key is closed, and the next `generation` is used: that write may still be
    applied, later, and hide a loss.
    """

    place: int
    life: str
    generation: int = 0
    confirmed: int = 0
    is_busy: bool = False

    @property
    def key(self) -> str:
        return f"{PREFIX}/{self.life}/{self.place}/{self.generation}"


@dataclass
class Books:
    """What was confirmed. `missing`: reads that did not find what had been confirmed before them (lost, or stale).

    `closed`: keys with the number confirmed under each. `dropped`: closed keys beyond MAX_CLOSED, which are forgotten.
    """

    slots: list[Slot]
    closed: deque[tuple[str, int]] = field(default_factory=lambda: deque(maxlen=MAX_CLOSED))
    dropped: int = 0
    confirmed: int = 0
    missing: int = 0

    def close(self, slot: Slot) -> None:
        if slot.confirmed:
            self.dropped += len(self.closed) == self.closed.maxlen
            self.closed.append((slot.key, slot.confirmed))
        slot.generation += 1
        slot.confirmed = 0

    def expected(self) -> list[tuple[str, int]]:
        """Return every key with the smallest number that a read of it must find now."""
        return [*self.closed, *((slot.key, slot.confirmed) for slot in self.slots if slot.confirmed)]


class Workload:
    """An open-loop load: a slow answer does not delay the next request. `life` keeps the keys of two runs apart."""

    def __init__(self, store: KvStore, life: str, rate: float = 0.0) -> None:
        self._store = store
        self.rate = rate
        self.recent = RollingStats()
        self.books = Books([Slot(place, life) for place in range(SLOTS)])
        self.unsent = 0
        self._tasks: set[asyncio.Task[Any]] = set()
        self._rate_changed = asyncio.Event()

    def set_rate(self, per_sec: float) -> None:
        """Set the rate in operations per second; 0 stops the load."""
        self.rate = per_sec
        self._rate_changed.set()

    @property
    def in_flight(self) -> int:
        return len(self._tasks)

    async def run(self) -> None:
        """Run until cancelled."""
        due = time.monotonic()
        try:
            while True:
                if self.rate <= 0:
                    due = time.monotonic()
                    await self._pause(IDLE_SEC)
                    continue
                self._send()
                # A delay of the loop is made up for, but only half a second of it, lest a burst follow.
                due = max(due, time.monotonic() - 0.5) + random.uniform(0.5, 1.5) / self.rate  # noqa: S311
                await self._pause(due - time.monotonic())
        finally:
            for task in self._tasks:
                task.cancel()

    async def _pause(self, seconds: float) -> None:
        self._rate_changed.clear()
        try:
            async with asyncio.timeout(max(0.0, seconds)):
                await self._rate_changed.wait()
        except TimeoutError:
            return

    def _send(self) -> None:
        slot = random.choice(self.books.slots)  # noqa: S311 - spread, not secrecy
        if slot.is_busy or self.in_flight >= MAX_IN_FLIGHT:
            self.unsent += 1
            return
        slot.is_busy = True
        reads = slot.confirmed and random.random() < READ_SHARE  # noqa: S311
        task = asyncio.create_task(self._operate(slot, self._read if reads else self._write))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _operate(self, slot: Slot, operation: Any) -> None:
        began = time.perf_counter()
        try:
            await operation(slot)
        except NotDone:
            self.recent.add("failed", time.perf_counter() - began)
        else:
            self.recent.add("ok", time.perf_counter() - began)
        finally:
            slot.is_busy = False

    async def _write(self, slot: Slot) -> None:
        number = slot.confirmed + 1
        try:
            applied_once = await self._store.put(slot.key, b"%d" % number, TIMEOUT_SEC)
        # A cancelled write may be applied as well, so not only errors close the key.
        except BaseException:
            self.books.close(slot)
            raise
        slot.confirmed = number
        self.books.confirmed += 1
        if not applied_once:
            self.books.close(slot)

    async def _read(self, slot: Slot) -> None:
        found = await self._store.get(slot.key, TIMEOUT_SEC)
        if not holds(found, slot.confirmed):
            self.books.missing += 1

    async def verify(self) -> dict[str, int]:
        """Read everything again that was confirmed until now, and return how many keys there are.

        `missing`: keys that lack what was confirmed; `unread`: keys that could not be read, or not in time.
        """
        expected, dropped = self.books.expected(), self.books.dropped
        until = time.monotonic() + VERIFY_ALL_SEC
        semaphore = asyncio.Semaphore(VERIFY_AT_ONCE)

        async def look(key: str, number: int) -> bool | None:
            async with semaphore:
                if time.monotonic() > until:
                    return None
                try:
                    return holds(await self._store.get(key, VERIFY_SEC), number)
                except NotDone:
                    return None

        results = await asyncio.gather(*(look(key, number) for key, number in expected))
        keys, unread = len(results) + dropped, results.count(None) + dropped
        return {"keys": keys, "missing": results.count(False), "unread": unread}


def holds(found: bytes | None, number: int) -> bool:
    """Return whether the value read is `number`, or was written after it."""
    try:
        return found is not None and int(found) >= number
    except ValueError:
        return False
