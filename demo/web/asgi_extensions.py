"""What our HTTP server offers to applications beyond ASGI, by keys in the scope's `extensions`."""

from typing import Protocol

from demo.hub import Write

EXTENSION = "chaos_stage.hand_over"
"""In the scope's `extensions`, where the connection below can be handed over: a `HandOver`."""

GONE = "chaos_stage.is_gone"
"""Likewise: a function that says whether the connection is closing or closed."""

UNTIL_CLOSED = "chaos_stage.until_closed"
"""In the scope's `extensions`: called before an answer begins, it ends that with its connection, and sends no chunks.

False where that is not possible any more. Some programs take a connection that was cut among chunks for an error that
nothing can follow, and the last chunk for an event.
"""


class Connection(Protocol):
    """A connection as it is handed over; asyncio's transport is one."""

    def write(self, data: bytes) -> None: ...

    def close(self) -> None: ...


class ConnectionOwner(Protocol):
    """Who gets a connection, and is told of it from then on."""

    def connection_made(self, channel: Connection, write: Write | None) -> None:
        """Write to it from now on; by `write`, where that is given, whenever nothing waits in the channel."""

    def pause_writing(self) -> None:
        """It takes no more: what was written waits."""

    def resume_writing(self) -> None:
        """All that was written is on its way."""

    def connection_lost(self) -> None:
        """It is gone."""


class HandOver(Protocol):
    """Gives the connection of the request under way to an outlet; False when that is not possible any more."""

    def __call__(self, outlet: ConnectionOwner) -> bool: ...
