"""A stream that has left the application: the hub writes to its connection, and nothing runs for it in between.

No task waits for a listener, nothing queues up for it, no response is kept: what the kernel does not take at once
is one message at most, and until that is gone the hub passes the listener over.
"""

from typing import Any, Protocol

from demo.hub import Hub, Listener
from demo.web.lines import Line

EXTENSION = "chaos_stage.hand_over"
"""In the scope's `extensions`, where the connection below can be handed over: a `HandOver`."""


class Channel(Protocol):
    """A connection as it is handed over; asyncio's transport is one."""

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class Outlet(Protocol):
    """Who gets a connection, and is told of it from then on."""

    def opened(self, channel: Channel) -> None:
        """Write to it from now on."""

    def hold(self) -> None:
        """It takes no more: what was written waits."""

    def go_on(self) -> None:
        """All that was written is on its way."""

    def lost(self) -> None:
        """It is gone."""


class HandOver(Protocol):
    """Gives the connection of the request under way to an outlet; False when that is not possible any more."""

    def __call__(self, outlet: Outlet) -> bool: ...


class Seat:
    """One listener on its own connection: an `Outlet`, and the hub's sink."""

    __slots__ = ("_channel", "_first", "_held", "_hub", "_line", "_listener", "_write")

    def __init__(self, hub: Hub[Any], line: Line, first: bytes) -> None:
        """`first` goes before the first message: the head of the response."""
        self._hub = hub
        self._line = line
        self._first = first
        self._held = False
        self._channel: Channel | None = None
        self._listener: Listener | None = None

    def sit_down(self, view: str, seen: str) -> None:
        """Once it has its connection: from now on the hub's."""
        self._listener = self._hub.join(view, self, seen)
        if self._first:  # The whole view comes later.
            self._held = self._held or not self.push(b"")
        self._line.on_end(self.close)

    # The connection's side.

    def opened(self, channel: Channel) -> None:
        self._channel = channel
        self._write = channel.write

    def hold(self) -> None:
        self._held = True

    def go_on(self) -> None:
        self._held = False
        if self._listener is not None:
            self._hub.catch_up(self._listener)

    def lost(self) -> None:
        self._held = True
        if self._listener is not None:
            self._hub.leave(self._listener)
        self._line.leave()

    # The hub's side.

    def push(self, message: bytes) -> bool:
        if self._held:
            return False
        if self._first:
            message, self._first = self._first + message, b""
        self._write(message)
        return True

    def close(self) -> None:
        self._held = True
        if self._channel is not None:
            self._channel.close()
