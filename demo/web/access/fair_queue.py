"""Who is served next: what steers the show at once, all else in turns, so that no crowd holds up a halt."""

import asyncio
import contextlib
import time
from collections import OrderedDict, deque
from collections.abc import Iterator

ROUND_SEC = 0.001
"""What one round of the event loop may take: a command needs some ten rounds, and others take part in each."""

MAX_BATCH = 8

GIVE_WAY_SEC = 0.01
"""While a command is under way only one request begins in this time: the audience waits, but not for ever."""


class FairQueue:
    """Requests wait here until they may begin: addresses take turns, and so do the connections of each.

    A connection has one request here at a time, so first come, first served is fair among connections. Only the
    beginning is queued: whoever reads a slow answer holds up nobody. Must be used from the loop's thread.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._commands = 0
        self._next: asyncio.Handle | None = None
        self._batch = 1
        self._began = 0.0

    async def wait(self, address: str) -> None:
        """Return when a request from this address may begin."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.setdefault(address, deque()).append(turn)
        if self._next is None:
            self._batch, self._began = 1, time.monotonic()
            self._next = loop.call_soon(self._admit)
        await turn

    @contextlib.contextmanager
    def command(self) -> Iterator[None]:
        """While this is held something steers the show, and the others give way."""
        self._commands += 1
        try:
            yield
        finally:
            self._commands -= 1
            if not self._commands and isinstance(self._next, asyncio.TimerHandle):
                self._next.cancel()
                self._next = asyncio.get_running_loop().call_soon(self._admit)

    def _admit(self) -> None:
        """Let the next ones begin: as many as kept the last round short, one when it was long."""
        now = time.monotonic()
        took, self._began = now - self._began, now
        self._batch = min(MAX_BATCH, self._batch + 1) if took < ROUND_SEC else max(1, self._batch // 2)
        for _ in range(1 if self._commands else self._batch):
            if not self._waiting:
                break
            address, turns = self._waiting.popitem(last=False)
            turn = turns.popleft()
            if turns:
                self._waiting[address] = turns
            if not turn.done():  # It may have been given up meanwhile.
                turn.set_result(None)
        loop = asyncio.get_running_loop()
        if not self._waiting:
            self._next = None
        elif self._commands:
            self._next = loop.call_later(GIVE_WAY_SEC, self._admit)
        else:
            self._next = loop.call_soon(self._admit)
