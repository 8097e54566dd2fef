"""The conductor's end: the newest picture to Redis. The show never waits for it, and nothing queues up in it."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable

from demo.clock import CLOCK
from demo.errors import FeedError
from demo.relay.feed.message import FeedMessage
from demo.relay.feed.redis_store import RelayStore, pause

PULSE_SEC = 1.0
"""A silent show gets a beat so often, and the viewers of the relays are counted."""

SILENT_SEC = 0.9


class Publisher:
    """Conflates: while Redis takes one picture, newer states leave no trace but that there is a newer one.

    `make` gives the newest picture, None when there is none to show. `on_viewers` is told how many watch through
    relays; `say` what the presenter should know, and whether it is trouble. `clock` tells the show's moments.
    """

    def __init__(
        self,
        store: RelayStore,
        make: Callable[["Publisher"], FeedMessage | None],
        on_viewers: Callable[[int], None],
        say: Callable[[str, bool], None],
        clock: Callable[[], float] = CLOCK,
    ) -> None:
        self.run_id = uuid.uuid4().hex[:16]
        self._store = store
        self._make = make
        self._on_viewers = on_viewers
        self._say = say
        self._clock = clock
        self._changed = asyncio.Event()
        self._lost = ""
        self._tried = 0
        self._has_claimed = False
        self._at = "-0"

    def changed(self) -> None:
        """There is a newer state; returns at once."""
        self._changed.set()

    async def run(self) -> None:
        """Publish until cancelled, through every outage; ends by itself when another conductor takes the show."""
        try:
            while True:
                try:
                    if not self._has_claimed:
                        await self._store.claim(self.run_id)
                        self._has_claimed = True  # Once: whoever took the show meanwhile keeps it.
                    await self._publish()
                except FeedError as error:
                    self._lose(str(error))
                else:
                    self._say(
                        f"another conductor publishes the show {self._store.address.show!r} on "
                        f"{self._store.address} now, so this one has stopped: start it with a --show of its own",
                        True,
                    )
                    return
                self._tried += 1
                await asyncio.sleep(pause(self._tried))
        finally:
            self._on_viewers(0)
            await self._store.close()

    async def _publish(self) -> None:
        """While this run owns the show."""
        self._changed.set()
        sent_at = pulse_at = 0.0
        while True:
            owner = self.run_id
            if self._changed.is_set():
                self._changed.clear()
                picture = self._make(self)
                if picture is not None:
                    owner = await self._store.put(self.run_id, picture.fields())
                    self._at, sent_at = picture.ident, time.monotonic()
                self._find()
            if owner == self.run_id and time.monotonic() >= pulse_at:
                pulse_at = time.monotonic() + PULSE_SEC
                owner = await self._pulse(is_silent=time.monotonic() - sent_at > SILENT_SEC)
            if owner != self.run_id:
                return
            await self._wait(pulse_at)

    async def _pulse(self, *, is_silent: bool) -> str:
        beat = {"run": self.run_id, "at": self._at, "now": repr(self._clock())} if is_silent else None
        found = await self._store.pulse(self.run_id, beat)
        self._on_viewers(found.viewers)
        if not found.has_picture:
            self._changed.set()
        return found.owner

    async def _wait(self, until: float) -> None:
        """For a newer state, or for the next pulse."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                await self._changed.wait()

    def _find(self) -> None:
        self._tried = 0
        if self._lost:
            self._lost = ""
            self._say(f"{self._store.address} is back: the relays show the newest state", False)

    def _lose(self, why: str) -> None:
        if not self._lost:
            self._lost = why
            self._say(f"{why}; the relays show their last picture, marked not live, and it is tried again", True)
        self._on_viewers(0)
