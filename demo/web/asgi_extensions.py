"""What our HTTP server offers applications beyond ASGI: functions under these keys of the scope's `extensions`."""

from typing import Protocol

from demo.hub import Write

DETACH_CONNECTION = "chaos_stage.detach_connection"
"""Key of a `DetachConnection`, which detaches the request's connection from the HTTP server."""

IS_CLOSING = "chaos_stage.is_closing"
"""Key of a function without arguments that returns whether the connection is closing or closed."""

END_BY_CLOSING = "chaos_stage.end_by_closing"
"""Key of a function to call before the response begins: the response is then sent without chunks and ended by closing.

It returns False where that is not possible any more. Some clients of event streams treat a connection that is closed in
the middle of a chunked response as a fatal error and never reconnect, and others take the last chunk for an event.
"""


class DetachedConnection(Protocol):
    """A detached connection; asyncio's transport is one."""

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class ConnectionOwner(Protocol):
    """Who owns a detached connection, and receives its events from then on."""

    def connection_made(self, connection: DetachedConnection, write: Write | None) -> None:
        """Take over `connection`. While nothing waits in it, `write` may be used instead: it writes to the socket."""

    def pause_writing(self) -> None:
        """Write no more: what was written is waiting in the connection."""

    def resume_writing(self) -> None:
        """Continue to write: nothing waits in the connection any more."""

    def connection_lost(self) -> None:
        """Release what belongs to the connection: it is closed."""


class DetachConnection(Protocol):
    """Gives the current request's connection to `owner`; returns False when that is not possible any more."""

    def __call__(self, owner: ConnectionOwner) -> bool: ...
