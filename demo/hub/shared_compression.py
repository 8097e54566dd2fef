"""One compression for a whole hall: every listener's stream ends in the same last messages, so all share the next.

A gzip stream has no end of its own here. Each message is a piece of deflate of its own, made with the last ones as
its dictionary, and ends on a byte: what thousands get is made once, and costs a listener no memory on the server.
"""

import zlib
from collections import deque

HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""How a listener's stream begins."""

MAX_TAIL = 16 * 1024
"""Bytes of the last messages that the next one builds on; deflate looks back 32 KiB."""


class SharedDeflate:
    """The messages of one view, as they are sent."""

    def __init__(self) -> None:
        self._history: deque[bytes] = deque()
        self._size = 0
        self._start: tuple[bytes, bytes] | None = None

    def pack(self, message: bytes) -> bytes:
        """For everyone who has all that was sent until now."""
        return _deflated(message, b"".join(self._history))

    def append_history(self, message: bytes) -> None:
        """It is part of everyone's stream from now on."""
        self._history.append(message)
        self._size += len(message)
        self._start = None
        while self._size > MAX_TAIL:
            self._size -= len(self._history.popleft())

    def join_prefix(self, whole: bytes) -> bytes:
        """For one who has nothing, or has missed something: a whole view, and behind it what all the others have last.

        Those messages are older than the view: an event `past` says how many they are, and its reader passes over them.
        """
        if self._start is None or self._start[0] is not whole:
            past = b"event: past\ndata: %d\n\n" % len(self._history)
            self._start = (
                whole,
                compress_standalone(b"".join((whole, past, *self._history)) if self._history else whole),
            )
        return self._start[1]

    def forget(self) -> None:
        """Nobody has anything."""
        self._history.clear()
        self._size, self._start = 0, None


def compress_standalone(message: bytes) -> bytes:
    """A piece that builds on nothing."""
    return _deflated(message, b"")


def _deflated(message: bytes, before: bytes) -> bytes:
    """A piece of a raw deflate stream, which may look back into what comes directly before it."""
    squeezer = (
        zlib.compressobj(wbits=-zlib.MAX_WBITS, zdict=before) if before else zlib.compressobj(wbits=-zlib.MAX_WBITS)
    )
    return squeezer.compress(message) + squeezer.flush(zlib.Z_SYNC_FLUSH)
