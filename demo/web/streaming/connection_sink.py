"""A stream that has left the application: the hub writes to its connection, and nothing runs for it in between.

No task waits for a listener, nothing queues up for it, no response is kept: what the kernel does not take at once
is one message at most, and until that is gone the hub passes the listener over.
"""

from typing import Any

from demo.hub import Hub, Listener, Write
from demo.web.asgi_extensions import Connection
from demo.web.streaming.stream_slots import StreamSlot


class ConnectionSink:
    """One listener on its own connection: an `Outlet`, and the hub's sink."""

    __slots__ = ("_channel", "_held", "_hub", "_line", "_listener", "write")

    _channel: Connection
    write: Write

    def __init__(self, hub: Hub[Any], line: StreamSlot) -> None:
        self._hub = hub
        self._line = line
        self._held = False
        self._listener: Listener | None = None

    def begin(self, head: bytes, view: str, seen: str, *, packed: bool) -> None:
        """Once it has its connection: from now on the hub's, unless it is gone already."""
        try:
            sent = self.write(head)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._channel.close()
            return
        if sent != len(head):
            self.write_rest(head[sent:])
        self._listener = self._hub.join(view, self, seen, packed=packed)
        if self._held:
            self._hub.pause(self._listener)
        self._line.on_end(self.close)

    # The connection's side.

    def connection_made(self, channel: Connection, write: Write | None) -> None:
        self._channel = channel
        self.write = write or self._write_through

    def pause_writing(self) -> None:
        self._held = True
        if self._listener is not None:
            self._hub.pause(self._listener)

    def resume_writing(self) -> None:
        self._held = False
        if self._listener is not None:
            self._hub.resume(self._listener)

    def connection_lost(self) -> None:
        """Nothing may keep the other alive: of thousands that come and go, the collector would have to find each."""
        if self._listener is not None:
            self._hub.leave(self._listener)
            self._listener = None
        self._line.leave()
        self.write = _nothing

    # The hub's side.

    def _write_through(self, message: bytes) -> int:
        self._channel.write(message)
        return len(message)

    def write_rest(self, rest: bytes) -> None:
        """One message at most: while it waits, `pause_writing` keeps the others away."""
        self._channel.write(rest)

    def close(self) -> None:
        if self._listener is not None:
            self._hub.pause(self._listener)
        self._channel.close()


def _nothing(message: bytes) -> int:
    return len(message)
