"""Slots for open streams: how many there may be, how many are reserved for the presenter, and whose each one is.

Here, too: how many connections and streams the limit of open files allows.
"""

import contextlib
import random
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field

MAX_FILES = 65_536
"""The soft limit of open files is raised to this, where the system allows it."""

MIN_HEADROOM = 96
"""File descriptors that connections may not take: the journal, the watchdog, the system and its probes need them."""

FILES_TRIED = (MAX_FILES, 10_240, 4096)
"""Limits to try, the highest first: macOS reports no hard limit and still refuses a high one."""

RESERVED_CONNECTIONS = 32
"""Connections that are kept free of streams: for pages, commands, and clients that are just connecting."""

EXPECTED_STREAMS = 5000
"""Streams that a server should have room for; with fewer, the start says so."""

PRESENTER_SLOTS = 16
"""Slots that only the presenter's own streams may take."""


MAX_AGE_SEC = 3600.0
"""A stream is ended at a random age between half of this and all of it. Its page reconnects at once, and behind a load
balancer perhaps to another relay: so a relay that was added gets its share."""

LOOK_EVERY_SEC = 5.0


@dataclass(eq=False, slots=True)
class StreamSlot:
    """One open stream. `session` is None without one; `page` is the id of the page that reads it, "" for a program.

    `until` is when it has reached its age, by the clock of its `StreamSlots`.
    """

    session: str | None
    page: str
    _open: set["StreamSlot"]
    _pages: dict[str, "StreamSlot"]
    until: float
    ended: bool = False
    _close: Callable[[], None] | None = None

    def on_end(self, close: Callable[[], None]) -> None:
        """Set the function that ends the stream; it is called at once where `end` was called before."""
        self._close = close
        if self.ended:
            close()

    def end(self) -> None:
        """End the stream now."""
        self.ended = True
        if self._close is not None:
            self._close()

    def leave(self) -> None:
        """Free the slot: the stream is over. Safe to call twice."""
        self._open.discard(self)
        if self._pages.get(self.page) is self:  # Otherwise a newer stream of the same page has taken over.
            del self._pages[self.page]
        self._close = None


@dataclass
class StreamSlots:
    """All open streams of a server, at most `max_streams`; the last `reserved` slots are the presenter's."""

    max_streams: int = 1000
    reserved: int = PRESENTER_SLOTS
    clock: Callable[[], float] = time.monotonic
    _open: set[StreamSlot] = field(default_factory=set)
    _pages: dict[str, StreamSlot] = field(default_factory=dict)
    _looked_at: float = 0.0

    def take(self, private: bool, session: str | None, page: str = "") -> StreamSlot | None:
        """Take a slot for one more stream, or return None when none is free. Its `leave` gives it back.

        A page reads one stream: an older stream of the same page, which a proxy may still hold open, is ended.
        """
        self.end_page(page)
        # Some slots are for the presenter alone: a full hall must not keep the presenter out.
        if len(self._open) >= (self.max_streams if private else self.max_streams - self.reserved):
            return None
        age = MAX_AGE_SEC * random.uniform(0.5, 1)  # noqa: S311 - so that not all pages reconnect at once
        slot = StreamSlot(session, page, self._open, self._pages, self.clock() + age)
        self._open.add(slot)
        if page:
            self._pages[page] = slot
        return slot

    def end_old(self) -> None:
        """End the streams that have reached their age. May be called often: it checks every `LOOK_EVERY_SEC`."""
        now = self.clock()
        if now - self._looked_at >= LOOK_EVERY_SEC:
            self._looked_at = now
            for slot in [slot for slot in self._open if slot.until <= now]:
                slot.end()

    def end_page(self, page: str) -> None:
        """End the stream of a page, which does not read it any more."""
        if (slot := self._pages.get(page)) is not None:
            slot.end()

    def end(self, session: str) -> None:
        """End every stream of a session that was revoked or has expired."""
        # A copy, for a stream that ends removes itself from the set.
        for slot in [slot for slot in self._open if slot.session == session]:
            slot.end()


def open_files() -> int:
    """Raise the soft limit of open files as far as the system allows, and return how many there may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for tried in FILES_TRIED:
        ceiling = tried if hard == resource.RLIM_INFINITY else min(hard, tried)
        if soft == resource.RLIM_INFINITY or soft >= ceiling:
            break
        # Where even the lowest is refused, the limit stays as it is, and there are fewer slots.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (ceiling, hard))
            soft = ceiling
    return MAX_FILES if soft == resource.RLIM_INFINITY else min(soft, MAX_FILES)


def max_connections(files: int) -> int:
    """Return how many connections leave room for the files that the show itself has open."""
    return max(PRESENTER_SLOTS + 8, files - max(MIN_HEADROOM, files // 16))


def streams_allowed_by(files: int) -> int:
    """Return how many streams leave room for the show's own files and for `RESERVED_CONNECTIONS` other connections."""
    return max(PRESENTER_SLOTS + 1, files - max(MIN_HEADROOM + RESERVED_CONNECTIONS, files // 8))


def describe_shortage(files: int) -> str:
    """Return a warning where fewer than `EXPECTED_STREAMS` streams fit; "" where they do."""
    room = streams_allowed_by(files)
    if room >= EXPECTED_STREAMS:
        return ""
    return (
        f"at most {room} live screens, because this system allows {files} open files "
        "(`ulimit -n 65536` before the start allows more); further visitors get a page that "
        "reloads its content every 5 to 60 s"
    )
