"""The conductor's end of the feed: sends the newest message to Redis. The show never waits for it; it has no queue."""

import asyncio
import contextlib
import time
import uuid
from collections.abc import Callable, Mapping

from demo.clock import CLOCK
from demo.errors import FeedError
from demo.relay.feed.message import FeedMessage
from demo.relay.feed.redis_store import RelayStore, retry_delay_sec

PULSE_SEC = 1.0
"""How often a heartbeat is sent while nothing changes, and how often the relays' viewers are counted."""

SILENT_SEC = 0.9
"""A message that was sent within this time makes a heartbeat unnecessary."""


class Publisher:
    """Sends messages and coalesces: of the states that arise while one message is being sent, only the newest follows.

    `make` builds the newest message, None when there is none; `images` returns those of the deck by their names, which
    are sent before the first message that may name them. `on_viewers` gets the number of viewers of all relays.
    `say` gets notices for the presenter, and whether each is an error. `clock` is the show's clock.
    """

    def __init__(
        self,
        store: RelayStore,
        make: Callable[["Publisher"], FeedMessage | None],
        on_viewers: Callable[[int], None],
        say: Callable[[str, bool], None],
        clock: Callable[[], float] = CLOCK,
        images: Callable[[], Mapping[str, bytes]] = dict,
    ) -> None:
        self.run_id = uuid.uuid4().hex[:16]
        self._store = store
        self._make = make
        self._on_viewers = on_viewers
        self._say = say
        self._clock = clock
        self._images = images
        self._sent_images: set[str] = set()
        self._changed = asyncio.Event()
        self._outage = ""
        self._attempts = 0
        self._has_claimed = False
        self._last_ident = "-0"

    def changed(self) -> None:
        """Note that there is a newer state; return at once."""
        self._changed.set()

    async def run(self) -> None:
        """Publish until cancelled, through every outage; ends by itself when another conductor takes the show."""
        try:
            while True:
                try:
                    if not self._has_claimed:
                        await self._store.claim(self.run_id)
                        # Only once: after an outage the show stays with a conductor that took it meanwhile.
                        self._has_claimed = True
                    await self._publish()
                except FeedError as error:
                    self._report_outage(str(error))
                else:
                    self._say(
                        f"another conductor publishes the show {self._store.address.show!r} on "
                        f"{self._store.address} now, so this one has stopped: start it with another --show name",
                        True,
                    )
                    return
                self._attempts += 1
                await asyncio.sleep(retry_delay_sec(self._attempts))
        # However it ends, viewers of relays that are no longer counted must not stay in the total.
        finally:
            self._on_viewers(0)
            await self._store.close()

    async def _publish(self) -> None:
        """Publish as long as this run owns the show; return when another one does. Raises `FeedError`."""
        self._changed.set()  # After an outage the newest state is sent, changed or not.
        sent_at = pulse_at = 0.0
        while True:
            owner = self.run_id
            if self._changed.is_set():
                # Cleared before the message is built: a change while it is being sent is sent next.
                self._changed.clear()
                await self._publish_images()
                message = self._make(self)
                if message is not None:
                    owner = await self._store.put(self.run_id, message.fields())
                    self._last_ident, sent_at = message.ident, time.monotonic()
                self._report_recovery()
            if owner == self.run_id and time.monotonic() >= pulse_at:
                pulse_at = time.monotonic() + PULSE_SEC
                owner = await self._pulse(is_silent=time.monotonic() - sent_at > SILENT_SEC)
            if owner != self.run_id:
                return
            await self._wait_for_change(pulse_at)

    async def _publish_images(self) -> None:
        missing = {name: body for name, body in self._images().items() if name not in self._sent_images}
        await self._store.put_images(missing)
        self._sent_images |= missing.keys()

    async def _pulse(self, *, is_silent: bool) -> str:
        beat = {"run": self.run_id, "at": self._last_ident, "now": repr(self._clock())} if is_silent else None
        feed = await self._store.send_heartbeat(self.run_id, beat)
        self._on_viewers(feed.viewers)
        if feed.images < len(self._sent_images):
            self._sent_images.clear()
        # Redis has lost it, as in a restart without persistence.
        if not feed.has_message or not self._sent_images >= self._images().keys():
            self._changed.set()
        return feed.owner

    async def _wait_for_change(self, until: float) -> None:
        """Wait for a newer state, at most until the next heartbeat is due."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                await self._changed.wait()

    def _report_recovery(self) -> None:
        self._attempts = 0
        if self._outage:
            self._outage = ""
            self._say(f"{self._store.address} is back: the relays show the newest state", False)

    def _report_outage(self, why: str) -> None:
        if not self._outage:
            self._outage = why
            self._say(f"{why}; the relays show the last state, marked as not live; connecting is tried again", True)
        # The last count may be far from true by now, and the presenter would take it for the room.
        self._on_viewers(0)
