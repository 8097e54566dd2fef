"""Compresses each message once for all listeners: all their streams end in the same messages, so they can share the
next.

Each message is a piece of a raw deflate stream, with the last messages as its dictionary, flushed to a whole byte. So
a message for thousands of listeners is compressed once, and a listener costs no memory for a compressor of its own.
The gzip stream of a listener never ends here.
"""

import zlib
from collections import deque

HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""The gzip header with which a listener's stream begins."""

MAX_TAIL = 16 * 1024
"""Bytes of the last messages that are the dictionary of the next one; deflate looks back 32 KiB at most."""


class SharedDeflate:
    """Compresses the messages of one view."""

    def __init__(self) -> None:
        self._history: deque[bytes] = deque()
        self._size = 0
        self._prefix: tuple[bytes, bytes] | None = None

    def pack(self, message: bytes) -> bytes:
        """Compress a message for listeners that have got all messages until now."""
        return _deflate(message, b"".join(self._history))

    def append_history(self, message: bytes) -> None:
        """Add a message that was sent to the dictionary of the next ones."""
        self._history.append(message)
        self._size += len(message)
        self._prefix = None
        while self._size > MAX_TAIL:
            self._size -= len(self._history.popleft())

    def join_prefix(self, whole: bytes) -> bytes:
        """Compress a full message for a listener that has nothing or has missed something, followed by the history.

        The history puts the listener in the same state as all others. Its messages are older than the full one: an
        event `past` tells their number, and the reader skips them.
        """
        # Cached: after a restart of a relay a whole audience joins between two messages.
        if self._prefix is None or self._prefix[0] is not whole:
            past = b"event: past\ndata: %d\n\n" % len(self._history)
            self._prefix = (
                whole,
                compress_standalone(b"".join((whole, past, *self._history)) if self._history else whole),
            )
        return self._prefix[1]

    def forget(self) -> None:
        """Empty the history: no listener has got any message."""
        self._history.clear()
        self._size, self._prefix = 0, None


def compress_standalone(message: bytes) -> bytes:
    """Compress a message without a dictionary."""
    return _deflate(message, b"")


def _deflate(message: bytes, dictionary: bytes) -> bytes:
    """Compress a message as a piece of a raw deflate stream that directly follows `dictionary`."""
    compressor = (
        zlib.compressobj(wbits=-zlib.MAX_WBITS, zdict=dictionary)
        if dictionary
        else zlib.compressobj(wbits=-zlib.MAX_WBITS)
    )
    # A sync flush ends on a whole byte, so that pieces can be joined.
    return compressor.compress(message) + compressor.flush(zlib.Z_SYNC_FLUSH)
