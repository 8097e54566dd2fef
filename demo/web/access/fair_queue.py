"""The order in which requests begin: other requests take turns, so that no flood of them delays a command.

docs/decisions/0025 has the reasons and the measurements.
"""

import asyncio
import contextlib
import time
from collections import OrderedDict, deque
from collections.abc import Iterator

ROUND_SEC = 0.001
"""How long one round of the event loop may take: a command needs some ten rounds, and others run in each."""

MAX_BATCH = 8
"""How many requests begin in one round at most."""

GIVE_WAY_SEC = 0.01
"""While a command is being processed, one other request begins in this time: the audience waits, but not for ever."""


class FairQueue:
    """Requests wait here until they may begin. Addresses take turns; within one address it is first come, first served.

    A connection has one request here at a time, so that is fair among the connections of an address, too. Only the
    beginning is queued: a client that reads its response slowly delays nobody. For the event loop's thread.
    """

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._commands = 0
        self._next_round: asyncio.Handle | None = None
        self._batch = 1
        self._round_began = 0.0

    async def wait(self, address: str) -> None:
        """Wait until a request from this address may begin."""
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[None] = loop.create_future()
        self._waiting.setdefault(address, deque()).append(turn)
        if self._next_round is None:
            self._batch, self._round_began = 1, time.monotonic()
            self._next_round = loop.call_soon(self._admit_batch)
        await turn

    @contextlib.contextmanager
    def command(self) -> Iterator[None]:
        """Make other requests begin more slowly while a command is being processed in this context."""
        self._commands += 1
        try:
            yield
        finally:
            self._commands -= 1
            # The pause after a command's start need not be waited for any more.
            if not self._commands and isinstance(self._next_round, asyncio.TimerHandle):
                self._next_round.cancel()
                self._next_round = asyncio.get_running_loop().call_soon(self._admit_batch)

    def _admit_batch(self) -> None:
        """Let the next requests begin: one more than in the last round where that was short, half as many otherwise."""
        now = time.monotonic()
        took, self._round_began = now - self._round_began, now
        self._batch = min(MAX_BATCH, self._batch + 1) if took < ROUND_SEC else max(1, self._batch // 2)
        for _ in range(1 if self._commands else self._batch):
            if not self._waiting:
                break
            address, turns = self._waiting.popitem(last=False)
            turn = turns.popleft()
            if turns:
                self._waiting[address] = turns  # At the end: the other addresses are next.
            if not turn.done():  # The request may have been cancelled meanwhile.
                turn.set_result(None)
        loop = asyncio.get_running_loop()
        if not self._waiting:
            self._next_round = None
        elif self._commands:
            self._next_round = loop.call_later(GIVE_WAY_SEC, self._admit_batch)
        else:
            self._next_round = loop.call_soon(self._admit_batch)
