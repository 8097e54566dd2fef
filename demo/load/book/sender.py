"""Sends the writes of a load that has a book, and reads them again: all the time the newest, all when it matters."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass

from demo.clock import uptime
from demo.errors import BookError, log_unexpected
from demo.load.book.book import Book, Counts
from demo.load.book.marks import AMBIGUOUS, CONFIRMED, REFUSED
from demo.load.book.store import READ_TIMEOUT_SEC, BookStore
from demo.load.sender import RequestResult

logger = logging.getLogger(__name__)

READ_EVERY_SEC = 1.0
FRESH_SEC = 3.0
"""After so long without an answer, nothing is known of what was written."""

MAX_NEWEST_BLOCKS = 8
"""What is read every second: the newest writes of which not all is known to be well. All others are read again after
trouble, and when it is asked for."""

READING_SHARE = 0.1
"""It is read at most for this share of the time, unless it is asked for."""


@dataclass(frozen=True, slots=True)
class BookState:
    """What is known. `is_known`: whether the writes could be read again lately; if not, `trouble` may say why."""

    counts: Counts
    is_known: bool
    trouble: str


class BookSender:
    """Numbers the writes that it is told to send. `changed` is called after each reading, or attempt at one.

    Made within a running loop; `close` ends it.
    """

    def __init__(self, store: BookStore, changed: Callable[[], None] = lambda: None) -> None:
        self._store, self._changed = store, changed
        self.book = Book()
        self._wakes = asyncio.Event()
        self._asked, self._read_for = 0, 0
        """How often all was asked for, and how many of these times it was read since."""
        self._had_trouble = False
        self._pause_sec = READ_EVERY_SEC
        self._answered_at: float | None = None
        self._trouble = ""
        self._failed_before = False
        self._reading = asyncio.create_task(self._run(), name="reading a book")

    async def send(self, number: int) -> RequestResult:
        """Write the next number of the book, whatever `number` the load gives: that counts what was not sent, too."""
        own = self.book.begin()
        outcome = AMBIGUOUS
        try:
            answer = await self._store.write(own)
            outcome = CONFIRMED if not answer.trouble else AMBIGUOUS if answer.is_ambiguous else REFUSED
        finally:
            self.book.settle(own, outcome)
            self._had_trouble |= outcome != CONFIRMED
        return answer

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.wait({self._reading})
        await self._store.close()

    # What is known.

    def ask(self) -> None:
        """Read all again now. Until that has succeeded, nothing is known."""
        self._asked += 1
        self._wakes.set()

    def state(self) -> BookState:
        age = None if self._answered_at is None else uptime() - self._answered_at
        is_fresh = age is not None and age <= self._pause_sec + FRESH_SEC
        is_known = is_fresh and self._read_for == self._asked and not self._trouble
        return BookState(self.book.counts(), is_known, self._trouble)

    # Reading.

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._pause_sec):
                    await self._wakes.wait()
            self._wakes.clear()
            if not self.book.written:
                continue
            began = uptime()
            try:
                await self._read()
                self._trouble = ""
            except BookError as error:
                self._fail(str(error))
            except Exception as error:  # noqa: BLE001 - it is logged, and nothing is known then
                if not self._failed_before:
                    self._failed_before = True
                    log_unexpected(logger, "the writes of a load could not be read again", error)
                self._fail("an unexpected error")
            self._pause_sec = max(READ_EVERY_SEC, (uptime() - began) / READING_SHARE if not self._trouble else 0.0)
            self._changed()

    def _fail(self, trouble: str) -> None:
        """Know nothing until all has been read: what was found before may have been lost with what does not answer."""
        self._trouble = trouble
        self._asked += 1

    async def _read(self) -> None:
        """Read the newest writes, or all of them. Raises `BookError`."""
        first, last = self.book.newest_blocks(MAX_NEWEST_BLOCKS)
        is_over = self._had_trouble and not self.book.is_troubled
        if first > 1 and self._read_for == self._asked and not is_over:
            await self._read_span(first, last)
            return
        asked, self._had_trouble = self._asked, self.book.is_troubled
        await self._read_span(1, last)
        self._read_for = asked

    async def _read_span(self, first: int, last: int) -> None:
        step = self._store.max_span or last
        for begin in range(first, last + 1, step):
            asked = self.book.ask(begin, min(last, begin + step - 1))
            try:
                async with asyncio.timeout(READ_TIMEOUT_SEC):
                    numbers = await self._store.read(asked.first, asked.last)
            except TimeoutError:
                raise BookError("no answer in time") from None
            self.book.take(asked, numbers)
            self._answered_at = uptime()
