"""A box on the way, like some virus scanners: it keeps a packed stream back until its end, which never comes."""

import contextlib
import re
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.relays import Wire

_HELD = re.compile(rb"content-type: text/event-stream.*content-encoding: gzip", re.DOTALL)
_STREAM = re.compile(rb"^GET (/stream/\S+) ", re.MULTILINE)


class Box(Wire):
    """`with_head`: not even the head of the answer is let through. `held` counts the streams kept back.

    `lets_through`: it has stopped to do so. `asked`: the streams that pages asked for, in order. `stood_sec`: how long
    after its request the newest of them still brought something.
    """

    def __init__(self, port: int, *, with_head: bool) -> None:
        self.held = 0
        self.lets_through = False
        self.asked: list[str] = []
        self.stood_sec = 0.0
        self._newest: tuple[socket.socket | None, float] = (None, 0.0)
        self._life = threading.Event()
        self._with_head = with_head
        super().__init__(port)

    def cut(self) -> None:
        """End what goes through it now."""
        self._life.set()
        self._life = threading.Event()

    def _pump(self, near: socket.socket) -> None:
        here, there = (f"127.0.0.1:{port}".encode() for port in (self.port, self._to))
        with near, socket.create_connection(("127.0.0.1", self._to)) as far, contextlib.suppress(OSError):
            holds, life = False, self._life
            while not self._closed.is_set() and not life.is_set():
                for ready in select.select([near, far], [], [], 0.05)[0]:
                    chunk = ready.recv(65536)
                    if not chunk:
                        return
                    if ready is near:
                        if found := _STREAM.findall(chunk):
                            self.asked += [path.decode() for path in found]
                            self.stood_sec, self._newest = 0.0, (near, time.monotonic())
                        far.sendall(chunk.replace(here, there))
                    elif holds:
                        continue
                    elif not self.lets_through and _HELD.search(chunk):
                        holds = True
                        self.held += 1
                        near.sendall(b"" if self._with_head else chunk[: chunk.index(b"\r\n\r\n") + 4])
                    else:
                        near.sendall(chunk)
                        stream, began = self._newest
                        if near is stream:
                            self.stood_sec = time.monotonic() - began


@contextmanager
def box(port: int, *, with_head: bool = False) -> Iterator[Box]:
    found = Box(port, with_head=with_head)
    try:
        yield found
    finally:
        found.close()
