"""A relay's end of the feed: the newest message from Redis, whether it is live, and the conductor's clock."""

import asyncio
import contextlib
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence

from demo.clock import uptime
from demo.errors import FeedError
from demo.relay.feed.message import FeedMessage, parse_message
from demo.relay.feed.redis_store import RedisEntry, RelayStore, StreamPosition, retry_delay_sec

LOST_SEC = 3.0
"""A show counts as lost when neither a message nor a heartbeat came for this long, whatever the reason."""

CLOCKS_KEPT = 30
COUNT_EVERY_SEC = 1.0


class Subscriber:
    """Reads a show's feed until cancelled. `on_message` gets each newer message; `say` gets errors, each once."""

    def __init__(
        self,
        store: RelayStore,
        on_message: Callable[[FeedMessage], None],
        say: Callable[[str], None],
        clock: Callable[[], float] = uptime,
    ) -> None:
        self._store = store
        self._on_message = on_message
        self._say = say
        self._clock = clock
        self.newest: FeedMessage | None = None
        self.asked = asyncio.Event()
        """Set once Redis was asked for the newest message, whether it has answered or not."""
        self._heard_at: float | None = None
        self._clock_offsets: deque[float] = deque(maxlen=CLOCKS_KEPT)
        self._attempts = 0
        self._outage = ""
        self._decoding_error = ""

    def now(self) -> float:
        """Return the conductor's time in epoch seconds, as well as it is known; until then this machine's.

        Latency only ever makes the conductor's clock look slow, so the largest recent difference is the best estimate.
        """
        return self._clock() + max(self._clock_offsets) if self._clock_offsets else time.time()

    @property
    def lost_since(self) -> float | None:
        """When the feed was last heard of (conductor's clock); None while it is live, and before anything came."""
        if self._heard_at is None or self._clock() - self._heard_at <= LOST_SEC:
            return None
        return round(self._heard_at + max(self._clock_offsets, default=0.0), 3)

    async def run(self) -> None:
        """Follow the feed through every outage, until cancelled."""
        while True:
            try:
                position, entries = await self._store.newest()
                self._process(entries)
                self.asked.set()
                self._report_recovery()
                await self._follow(position)
            except FeedError as error:
                self._report_outage(str(error))
                self.asked.set()
            self._attempts += 1
            await asyncio.sleep(retry_delay_sec(self._attempts))

    async def _follow(self, position: StreamPosition) -> None:
        while True:
            self._process(await self._store.follow(position))

    def _process(self, entries: Sequence[RedisEntry]) -> None:
        """Take the newest message and note all heartbeats. Of several messages only the last is decoded."""
        messages = [entry for entry in entries if entry.is_message]
        is_newer = bool(messages) and self._accept(messages[-1])
        for entry in entries:
            self._note_sign_of_life(entry)
        if is_newer and self.newest is not None:
            self._on_message(self.newest)

    def _note_sign_of_life(self, entry: RedisEntry) -> None:
        """Note when the conductor last confirmed the message that is shown.

        Entries about another message do not count: where that could not be decoded, what is shown is out of date.
        """
        shown = self.newest
        if shown is None or (entry.word("run"), entry.word("at")) != (shown.run, shown.ident):
            return
        with contextlib.suppress(ValueError):
            # What was in Redis before this relay came may be old.
            heard_at = self._clock() - entry.age_sec
            self._clock_offsets.append(float(entry.word("now")) - heard_at)
            self._heard_at = max(heard_at, self._heard_at or heard_at)

    def _accept(self, entry: RedisEntry) -> bool:
        """Decode a message and keep it; return False for one that cannot be decoded, or is not newer."""
        try:
            message = parse_message(entry.fields)
        except FeedError as error:
            if str(error) != self._decoding_error:
                self._decoding_error = str(error)
                self._say(self._decoding_error)
            return False
        if not message.follows(self.newest):
            return False
        # Another process, perhaps on another machine; or the clock of a recording instead of the show's.
        if self.newest is not None and (self.newest.run, self.newest.pace) != (message.run, message.pace):
            self._clock_offsets.clear()
        self.newest = message
        return True

    def _report_recovery(self) -> None:
        self._attempts = 0
        if self._outage:
            self._outage = ""
            self._say(f"{self._store.address} answers again")

    def _report_outage(self, why: str) -> None:
        if why != self._outage:
            self._outage = why
            self._say(f"{why}; connecting is tried again")


async def report_viewers(store: RelayStore, viewers: Callable[[], int]) -> None:
    """Store this relay's count of viewers every `COUNT_EVERY_SEC`, until cancelled; ignore outages of Redis."""
    relay = uuid.uuid4().hex[:16]
    try:
        while True:
            with contextlib.suppress(FeedError):
                await store.count(relay, viewers())
            await asyncio.sleep(COUNT_EVERY_SEC)
    finally:
        with contextlib.suppress(FeedError):
            await store.uncount(relay)
