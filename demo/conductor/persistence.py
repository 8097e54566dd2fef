"""Waiting for the journal, but not for ever: a disk that is late is said, and nothing queues up behind it."""

import asyncio
import contextlib
import time
from collections.abc import Set as AbstractSet
from typing import Any

from demo.conductor.context import ConductorContext
from demo.errors import JournalError
from demo.show import commands as c

TIMEOUT_SEC = 1.0
"""A move waits this long for the disk, then goes on and says that it is not durable."""

URGENT_TIMEOUT_SEC = 0.05
FLUSH_EVERY_SEC = 1.0

SLICE_SEC = 0.1
SNAPSHOT_FIRST_SEC, SNAPSHOT_EVERY_SEC = 10.0, 30.0
"""After a crash a start folds what is behind the newest snapshot."""

THIN_EVERY_SEC, THIN_PAUSE_SEC = 10.0, 0.1

SLOW = f"the disk has not answered for {TIMEOUT_SEC:g} s"


class JournalWriter:
    """The conductor's way to its journal. `hurry` is set while halt or heal waits for its turn."""

    def __init__(self, context: ConductorContext, hurry: asyncio.Event) -> None:
        self._context = context
        self._hurry = hurry
        self._overdue: asyncio.Future[None] | None = None
        self._newest: asyncio.Future[None] | None = None
        self.is_lost = False
        """The last write failed, or is later than anybody waits for; `why`, in words."""
        self.why = ""

    async def persist(self, urgent: bool) -> "asyncio.Future[None] | None":
        """Wait until what the journal keeps is written; not for a disk that is overdue, and never in a hurry.

        Returns the write when a hurry cut the waiting short: an answer to a move still has to wait for it.
        """
        if self._overdue is not None and not self._overdue.done():
            return None
        writing = self._newest = asyncio.ensure_future(self._context.journal.append(()))
        writing.add_done_callback(self._written)
        hurry = asyncio.ensure_future(self._hurry.wait())
        patience = URGENT_TIMEOUT_SEC if urgent else TIMEOUT_SEC
        await _first({writing, hurry}, patience)
        hurry.cancel()
        if urgent or writing.done():
            return None
        if self._hurry.is_set():
            return writing
        self._give_up(writing)
        return None

    @property
    def under_way(self) -> "asyncio.Future[None] | None":
        """Return the write that is not done yet, where somebody in a hurry went on without it."""
        newest = self._newest
        return None if newest is None or newest.done() or newest is self._overdue else newest

    async def catch_up(self, writing: "asyncio.Future[None]") -> None:
        """Wait for what `persist` left to wait for."""
        await _first({writing}, TIMEOUT_SEC)
        if not writing.done():
            self._give_up(writing)

    def _give_up(self, writing: "asyncio.Future[None]") -> None:
        self._overdue = writing
        self._note(SLOW)

    async def flush_often(self) -> None:
        """Write what may wait, health samples mostly, and look whether the file is still there, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_EVERY_SEC)
            try:
                await self._context.journal.append(())
            except JournalError as error:
                self._note(str(error))
            else:
                self._note("")
            for text in self._context.journal.take_repairs():
                self._context.enqueue("show", c.Notice(text))

    async def save_often(self) -> None:
        """Keep the state for the next start, until cancelled."""
        await asyncio.sleep(SNAPSHOT_FIRST_SEC)
        while True:
            with contextlib.suppress(JournalError):  # a disk that is lost is said by whoever writes the events
                await self._context.journal.save_snapshot(self._context.state)
            await asyncio.sleep(SNAPSHOT_EVERY_SEC)

    async def thin_often(self) -> None:
        """Take away what the journal need not keep, in steps that nobody notices, until cancelled."""
        said, more = "", False
        while True:
            await asyncio.sleep(THIN_PAUSE_SEC if more else THIN_EVERY_SEC)
            try:
                more = await self._context.journal.thin(self._context.clock(), self._running)
            except JournalError as error:
                more = False
                if self._context.state.durable and str(error) != said:
                    said = str(error)
                    self._context.enqueue("show", c.Notice(f"old health samples stay: {said}"))

    @property
    def _running(self) -> frozenset[str]:
        """Faults that are not over: their target has not recovered."""
        faults = self._context.state.faults
        return frozenset(fault.name for fault in faults if fault.is_running or fault.awaits_recovery)

    def _written(self, writing: asyncio.Future[None]) -> None:
        if not writing.cancelled():
            self._note(str(writing.exception() or ""))

    def _note(self, why: str) -> None:
        """`why`: what keeps the disk from being written; empty for nothing."""
        self.is_lost, self.why = bool(why), why
        state = self._context.state
        if state.journal == "file" and self.is_lost == state.durable:
            self._context.enqueue("show", c.Durable(not why, why))


async def _first(work: AbstractSet["asyncio.Future[Any]"], patience_sec: float) -> None:
    """Wait until one of them is done, for `patience_sec` of a loop that runs.

    Time in which somebody blocked the loop does not count: the disk may have answered, and nobody could hear it.
    """
    left = patience_sec
    while left > 0:
        began = time.monotonic()
        done, _ = await asyncio.wait(work, timeout=min(left, SLICE_SEC), return_when=asyncio.FIRST_COMPLETED)
        if done:
            return
        left -= min(time.monotonic() - began, SLICE_SEC)
