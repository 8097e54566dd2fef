"""A stream that has left the application: the hub writes to its connection directly, without a task in between.

A listener has no task, no queue and no response object. At most one message waits for it, the part that the kernel did
not take at once; until that has been sent, the hub skips the listener.
"""

from typing import Any

from demo.hub import Hub, Listener, Write
from demo.web.asgi_extensions import DetachedConnection
from demo.web.streaming.stream_slots import StreamSlot


class ConnectionSink:
    """One listener and its connection: a `ConnectionOwner` for the HTTP server, and a sink for the hub."""

    __slots__ = ("_connection", "_hub", "_listener", "_paused", "_slot", "write")

    _connection: DetachedConnection
    write: Write

    def __init__(self, hub: Hub[Any], slot: StreamSlot) -> None:
        self._hub = hub
        self._slot = slot
        self._paused = False
        self._listener: Listener | None = None

    def begin(self, head: bytes, view: str, seen: str, *, wants_gzip: bool) -> None:
        """Send `head` and join the hub as a listener of `view`; close the connection if it is broken already.

        To be called once, after `connection_made`. `seen` and `wants_gzip` are those of `Hub.join`.
        """
        try:
            sent = self.write(head)
        except BlockingIOError:
            sent = 0
        except OSError:
            # `connection_lost` follows, and gives the slot back.
            self._connection.close()
            return
        if sent != len(head):
            self.write_rest(head[sent:])
        self._listener = self._hub.join(view, self, seen, wants_gzip=wants_gzip)
        if self._paused:  # By the head, before there was a listener to pause.
            self._hub.pause(self._listener)
        self._slot.on_end(self.close)

    # The connection's side.

    def connection_made(self, connection: DetachedConnection, write: Write | None) -> None:
        self._connection = connection
        self.write = write or self._write_through

    def pause_writing(self) -> None:
        self._paused = True
        if self._listener is not None:
            self._hub.pause(self._listener)

    def resume_writing(self) -> None:
        self._paused = False
        if self._listener is not None:
            self._hub.resume(self._listener)

    def connection_lost(self) -> None:
        """Leave the hub and give the slot back.

        References to and from this object are dropped here: with thousands of listeners that come and go, reference
        cycles would make the garbage collector's pauses long.
        """
        if self._listener is not None:
            self._hub.leave(self._listener)
            self._listener = None
        self._slot.leave()
        self.write = _discard

    # The hub's side.

    def _write_through(self, message: bytes) -> int:
        self._connection.write(message)
        return len(message)

    def write_rest(self, rest: bytes) -> None:
        """Let the transport buffer what the kernel did not take.

        That is one message at most: the transport calls `pause_writing` at once, and the hub skips the listener.
        """
        self._connection.write(rest)

    def close(self) -> None:
        if self._listener is not None:
            self._hub.pause(self._listener)
        self._connection.close()


def _discard(message: bytes) -> int:
    return len(message)
