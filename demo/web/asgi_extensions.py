"""What our HTTP server offers applications beyond ASGI: functions under these keys of the scope's `extensions`."""

from typing import Protocol

from demo.hub import Write

EXTENSION = "chaos_stage.hand_over"
"""Key of a `HandOver`, which detaches the request's connection from the HTTP server."""

GONE = "chaos_stage.is_gone"
"""Key of a function without arguments that returns whether the connection is closing or closed."""

UNTIL_CLOSED = "chaos_stage.until_closed"
"""Key of a function to call before the response begins: the response is then sent without chunks and ended by closing.

It returns False where that is not possible any more. Some clients of event streams treat a connection that is closed in
the middle of a chunked response as a fatal error and never reconnect, and others take the last chunk for an event.
"""


class Connection(Protocol):
    """A detached connection; asyncio's transport is one."""

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class ConnectionOwner(Protocol):
    """Who owns a detached connection, and receives its events from then on."""

    def connection_made(self, channel: Connection, write: Write | None) -> None:
        """Take over `channel`. While nothing waits in it, `write` may be used instead, which writes to the socket."""

    def pause_writing(self) -> None:
        """Write no more: what was written is waiting in the channel."""

    def resume_writing(self) -> None:
        """Continue to write: nothing waits in the channel any more."""

    def connection_lost(self) -> None:
        """Release what belongs to the connection: it is closed."""


class HandOver(Protocol):
    """Gives the current request's connection to `outlet`; returns False when that is not possible any more."""

    def __call__(self, outlet: ConnectionOwner) -> bool: ...
