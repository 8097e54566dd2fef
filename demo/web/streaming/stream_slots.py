"""Open streams: how many there may be, which are kept free for the presenter, and whose they are."""

import contextlib
import random
import resource
import time
from collections.abc import Callable
from dataclasses import dataclass, field

MAX_FILES = 65_536
"""The limit of open files is raised up to here, where the system lets us."""

MIN_HEADROOM = 96
"""Files that no guest may take: journal, watchdog, the system and its probes need them."""

FILES_TRIED = (MAX_FILES, 10_240, 4096)
"""Some systems say that there is no limit, and refuse a high one all the same."""

ARRIVING = 32
"""Connections beyond the streams, for pages, presses and people who are just arriving."""

HALL = 5000
"""Streams that a server should have room for, without anybody asking for more."""

RESERVED = 16
"""Places that only the presenter's own streams may take."""


MAX_AGE_SEC = 3600.0
"""A stream ends after a time between half of this and all of it; its page comes back at once, perhaps elsewhere."""

LOOK_EVERY_SEC = 5.0


@dataclass(eq=False, slots=True)
class StreamSlot:
    """One open stream, of a session or of nobody in particular. `page`: the page that reads it, where that says so."""

    session: str | None
    page: str
    _open: set["StreamSlot"]
    _pages: dict[str, "StreamSlot"]
    until: float
    ended: bool = False
    _close: Callable[[], None] | None = None

    def on_end(self, close: Callable[[], None]) -> None:
        """What ends the stream from outside."""
        self._close = close
        if self.ended:
            close()

    def end(self) -> None:
        """End the stream now."""
        self.ended = True
        if self._close is not None:
            self._close()

    def leave(self) -> None:
        """The stream is over: its place is free. Safe to call twice."""
        self._open.discard(self)
        if self._pages.get(self.page) is self:
            del self._pages[self.page]
        self._close = None


@dataclass
class StreamSlots:
    """All open streams of a server, up to `most`."""

    most: int = 1000
    reserved: int = RESERVED
    clock: Callable[[], float] = time.monotonic
    _open: set[StreamSlot] = field(default_factory=set)
    _pages: dict[str, StreamSlot] = field(default_factory=dict)
    _looked_at: float = 0.0

    def take(self, private: bool, session: str | None, page: str = "") -> StreamSlot | None:
        """A place for one more stream, or None when there is none. Give it back with its `leave`.

        A page reads one stream: an older one of its own, which something on the way may still hold, ends.
        """
        self.end_page(page)
        if len(self._open) >= (self.most if private else self.most - self.reserved):
            return None
        age = MAX_AGE_SEC * random.uniform(0.5, 1)  # noqa: S311 - so that a hall does not come back as one
        line = StreamSlot(session, page, self._open, self._pages, self.clock() + age)
        self._open.add(line)
        if page:
            self._pages[page] = line
        return line

    def end_old(self) -> None:
        """End the streams whose time is over; called often, it looks now and then."""
        now = self.clock()
        if now - self._looked_at >= LOOK_EVERY_SEC:
            self._looked_at = now
            for line in [line for line in self._open if line.until <= now]:
                line.end()

    def end_page(self, page: str) -> None:
        """End the stream of a page that does not read it any more."""
        if (line := self._pages.get(page)) is not None:
            line.end()

    def end(self, session: str) -> None:
        """End every stream of a session that is worth nothing any more."""
        for line in [line for line in self._open if line.session == session]:
            line.end()


def open_files() -> int:
    """Raise the limit of open files as far as it goes; returns how many there may be."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for tried in FILES_TRIED:
        ceiling = tried if hard == resource.RLIM_INFINITY else min(hard, tried)
        if soft == resource.RLIM_INFINITY or soft >= ceiling:
            break
        # Where even the lowest is refused the limit stays as it is: there are fewer places then.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (ceiling, hard))
            soft = ceiling
    return MAX_FILES if soft == resource.RLIM_INFINITY else min(soft, MAX_FILES)


def connections_most(files: int) -> int:
    """Connections that leave room for what the show itself has open."""
    return max(RESERVED + 8, files - max(MIN_HEADROOM, files // 16))


def streams_most(files: int) -> int:
    """Streams that leave room for journal, system, pages and people who are just arriving."""
    return max(RESERVED + 1, files - max(MIN_HEADROOM + ARRIVING, files // 8))


def short_of_room(files: int) -> str:
    """What to say when a full hall will not fit; "" when it will."""
    room = streams_most(files)
    if room >= HALL:
        return ""
    return (
        f"{room} live screens fit, for this system allows {files} open files (`ulimit -n 65536` before the start "
        f"makes room for more); whoever comes later gets a page that asks for a new picture every 5 to 60 s"
    )
