"""A relay's end: the newest picture from Redis, how old its word is, and the conductor's clock."""

import asyncio
import contextlib
import time
import uuid
from collections import deque
from collections.abc import Callable, Sequence

from demo.clock import uptime
from demo.errors import FeedError
from demo.relay.feed.message import FeedMessage, picture_of
from demo.relay.feed.redis_store import RedisEntry, RelayStore, StreamPosition, pause

LOST_SEC = 3.0
"""A show of which neither a picture nor a beat came for so long is lost, whoever lost it."""

CLOCKS_KEPT = 30
COUNT_EVERY_SEC = 1.0


class Subscriber:
    """Reads a show until cancelled. `on_picture` gets each newer one; `say` hears of trouble, once for each kind."""

    def __init__(
        self,
        store: RelayStore,
        on_picture: Callable[[FeedMessage], None],
        say: Callable[[str], None],
        clock: Callable[[], float] = uptime,
    ) -> None:
        self._store = store
        self._on_picture = on_picture
        self._say = say
        self._clock = clock
        self.picture: FeedMessage | None = None
        self.asked = asyncio.Event()
        """Set once it is known whether there is a picture already, or that Redis does not tell."""
        self._heard_at: float | None = None
        self._clocks: deque[float] = deque(maxlen=CLOCKS_KEPT)
        self._tried = 0
        self._lost = ""
        self._refused = ""

    def now(self) -> float:
        """The conductor's clock, as well as it is known; until then this machine's. Epoch seconds.

        Latency only ever makes the conductor look behind, so the largest difference of late is the best guess.
        """
        return self._clock() + max(self._clocks) if self._clocks else time.time()

    @property
    def lost_since(self) -> float | None:
        """Since when (conductor's clock) nothing came; None while the show is live, and before it was ever seen."""
        if self._heard_at is None or self._clock() - self._heard_at <= LOST_SEC:
            return None
        return round(self._heard_at + max(self._clocks, default=0.0), 3)

    async def run(self) -> None:
        """Follow through every outage, until cancelled."""
        while True:
            try:
                place, entries = await self._store.newest()
                self._read(entries)
                self.asked.set()
                self._find()
                await self._follow(place)
            except FeedError as error:
                self._lose(str(error))
                self.asked.set()
            self._tried += 1
            await asyncio.sleep(pause(self._tried))

    async def _follow(self, place: StreamPosition) -> None:
        while True:
            self._read(await self._store.follow(place))

    def _read(self, entries: Sequence[RedisEntry]) -> None:
        """Of many pictures only the last is unpacked."""
        pictures = [entry for entry in entries if entry.is_picture]
        is_newer = bool(pictures) and self._take(pictures[-1])
        for entry in entries:
            self._hear(entry)
        if is_newer and self.picture is not None:
            self._on_picture(self.picture)

    def _hear(self, entry: RedisEntry) -> None:
        """Live is what the conductor says of this very picture: of one that could not be read, nothing counts."""
        shown = self.picture
        if shown is None or (entry.word("run"), entry.word("at")) != (shown.run, shown.ident):
            return
        with contextlib.suppress(ValueError):
            heard_at = self._clock() - entry.age_sec
            self._clocks.append(float(entry.word("now")) - heard_at)
            self._heard_at = max(heard_at, self._heard_at or heard_at)

    def _take(self, entry: RedisEntry) -> bool:
        """False for a picture that cannot be read, or is not newer."""
        try:
            picture = picture_of(entry.fields)
        except FeedError as error:
            if str(error) != self._refused:
                self._refused = str(error)
                self._say(self._refused)
            return False
        if not picture.follows(self.picture):
            return False
        if self.picture is not None and self.picture.run != picture.run:
            self._clocks.clear()
        self.picture = picture
        return True

    def _find(self) -> None:
        self._tried = 0
        if self._lost:
            self._lost = ""
            self._say(f"{self._store.address} is back")

    def _lose(self, why: str) -> None:
        if why != self._lost:
            self._lost = why
            self._say(f"{why}; it is tried again")


async def tell_viewers(store: RelayStore, viewers: Callable[[], int]) -> None:
    """Say how many watch through this relay, until cancelled; while Redis is lost nobody hears it."""
    relay = uuid.uuid4().hex[:16]
    try:
        while True:
            with contextlib.suppress(FeedError):
                await store.count(relay, viewers())
            await asyncio.sleep(COUNT_EVERY_SEC)
    finally:
        with contextlib.suppress(FeedError):
            await store.uncount(relay)
