"""Writes to the journal with a timeout: a slow disk is reported and delays commands only once."""

import asyncio
import contextlib
import time
from collections.abc import Set as AbstractSet
from typing import Any

from demo.conductor.context import ConductorContext
from demo.errors import JournalError
from demo.show import commands as c

TIMEOUT_SEC = 1.0
"""A command waits this long for the disk; then it is answered as not durable."""

URGENT_TIMEOUT_SEC = 0.05
FLUSH_EVERY_SEC = 1.0

SLICE_SEC = 0.1
SNAPSHOT_FIRST_SEC, SNAPSHOT_EVERY_SEC = 10.0, 30.0
"""After a crash a start has to fold all events after the newest snapshot."""

THIN_EVERY_SEC, THIN_PAUSE_SEC = 10.0, 0.1

SLOW = f"the disk has not answered for {TIMEOUT_SEC:g} s"


class JournalWriter:
    """Writes the conductor's events and snapshots. `hurry` is set while halt or heal waits in the queue.

    `is_lost`: the last write failed or timed out; `why` says so in words.
    """

    def __init__(self, context: ConductorContext, hurry: asyncio.Event) -> None:
        self._context = context
        self._hurry = hurry
        self._overdue_write: asyncio.Future[None] | None = None
        self._newest_write: asyncio.Future[None] | None = None
        self.is_lost = False
        self.why = ""

    async def persist(self, urgent: bool) -> "asyncio.Future[None] | None":
        """Write the kept entries and wait for that; not at all while an earlier write is overdue.

        An urgent command waits `URGENT_TIMEOUT_SEC` at most. When `hurry` ends the wait of an ordinary one, the write
        is returned: its answer still has to wait for it (`catch_up`).
        """
        # The disk hangs: its state is known and reported, and another second of waiting would only delay the show.
        if self._overdue_write is not None and not self._overdue_write.done():
            return None
        writing = self._newest_write = asyncio.ensure_future(self._context.journal.append(()))
        writing.add_done_callback(self._check_write)
        hurry = asyncio.ensure_future(self._hurry.wait())
        timeout_sec = URGENT_TIMEOUT_SEC if urgent else TIMEOUT_SEC
        # A timeout does not cancel the write: it goes on, in order, and `_check_write` reports its outcome.
        await _wait_for_first({writing, hurry}, timeout_sec)
        hurry.cancel()
        if urgent or writing.done():
            return None
        if self._hurry.is_set():
            return writing
        self._mark_overdue(writing)
        return None

    @property
    def under_way(self) -> "asyncio.Future[None] | None":
        """The newest write while it is not done, unless it is overdue; None otherwise."""
        newest = self._newest_write
        return None if newest is None or newest.done() or newest is self._overdue_write else newest

    async def catch_up(self, writing: "asyncio.Future[None]") -> None:
        """Wait for a write that `persist` returned, for `TIMEOUT_SEC` at most."""
        await _wait_for_first({writing}, TIMEOUT_SEC)
        if not writing.done():
            self._mark_overdue(writing)

    def _mark_overdue(self, writing: "asyncio.Future[None]") -> None:
        self._overdue_write = writing
        self._set_lost_because(SLOW)

    async def flush_often(self) -> None:
        """Write kept entries (mostly health samples) and check the journal file once a second, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_EVERY_SEC)
            try:
                await self._context.journal.append(())
            except JournalError as error:
                self._set_lost_because(str(error))
            else:
                self._set_lost_because("")
            for text in self._context.journal.take_repairs():
                self._context.enqueue("show", c.Notice(text))

    async def save_often(self) -> None:
        """Save a snapshot of the state for the next start every 30 seconds, until cancelled."""
        await asyncio.sleep(SNAPSHOT_FIRST_SEC)
        while True:
            with contextlib.suppress(JournalError):  # the write of the next event reports a failed disk
                await self._context.journal.save_snapshot(self._context.state)
            await asyncio.sleep(SNAPSHOT_EVERY_SEC)

    async def thin_often(self) -> None:
        """Delete old health samples in small steps, so that no write waits long for it, until cancelled."""
        reported, more = "", False
        while True:
            await asyncio.sleep(THIN_PAUSE_SEC if more else THIN_EVERY_SEC)
            try:
                more = await self._context.journal.thin(self._context.clock(), self._unfinished_faults)
            except JournalError as error:
                more = False
                if self._context.state.durable and str(error) != reported:
                    reported = str(error)
                    self._context.enqueue(
                        "show", c.Notice(f"old health samples could not be removed from the journal: {reported}")
                    )

    @property
    def _unfinished_faults(self) -> frozenset[str]:
        """Faults whose target has not recovered yet; health samples around them are kept."""
        faults = self._context.state.faults
        return frozenset(fault.name for fault in faults if fault.is_running or fault.awaits_recovery)

    def _check_write(self, writing: asyncio.Future[None]) -> None:
        if not writing.cancelled():
            self._set_lost_because(str(writing.exception() or ""))

    def _set_lost_because(self, why: str) -> None:
        """Record why the journal cannot be written (empty: it can), and report a change to the show."""
        self.is_lost, self.why = bool(why), why
        state = self._context.state
        # Any other journal is temporary and never durable: nothing changes for it.
        if state.journal == "file" and self.is_lost == state.durable:
            self._context.enqueue("show", c.SetDurability(not why, why))


async def _wait_for_first(work: AbstractSet["asyncio.Future[Any]"], timeout_sec: float) -> None:
    """Wait until one of these futures is done, for `timeout_sec` of a running loop.

    Time in which the loop was blocked does not count: the disk may have answered then, and nobody could notice.
    """
    left_sec = timeout_sec
    while left_sec > 0:
        started = time.monotonic()
        done, _ = await asyncio.wait(work, timeout=min(left_sec, SLICE_SEC), return_when=asyncio.FIRST_COMPLETED)
        if done:
            return
        left_sec -= min(time.monotonic() - started, SLICE_SEC)
