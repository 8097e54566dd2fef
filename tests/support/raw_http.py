"""HTTP as bytes over a socket of the test's own: what no client library would send."""

import contextlib
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Answer:
    """One answer as it came. `status` 0: the connection ended without one."""

    status: int
    head: str
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of a header."""
        for line in self.head.split("\r\n")[1:]:
            key, _, value = line.partition(":")
            if key.lower() == name.lower():
                return value.strip()
        return None


NOTHING = Answer(0, "", b"")


@contextmanager
def connection(port: int, timeout: float = 10) -> Iterator[socket.socket]:
    """A connection to loopback; it fails the test when the server keeps it waiting for `timeout` seconds."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as one:
        yield one


def request(method: str, target: str, *headers: str | bytes, body: bytes = b"") -> bytes:
    """A request of exactly these header lines; a length where there is a body."""
    lines = [f"{method} {target} HTTP/1.1".encode("latin-1", "replace")]
    lines += [line if isinstance(line, bytes) else line.encode("latin-1", "replace") for line in headers]
    lines += [f"Content-Length: {len(body)}".encode()] if body or method == "POST" else []
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def ask(port: int, sent: bytes) -> Answer:
    """Send one request on a connection of its own; the first answer."""
    with connection(port) as one:
        with contextlib.suppress(OSError):  # It may be refused before all of it was sent.
            one.sendall(sent)
        return next(answers(one), NOTHING)


def answers(one: socket.socket) -> Iterator[Answer]:
    """The answers on a connection in their order, as far as they are whole; endless ones after their head."""
    rest = b""
    while True:
        while b"\r\n\r\n" not in rest:
            chunk = _more(one)
            if not chunk:
                return
            rest += chunk
        head, _, rest = rest.partition(b"\r\n\r\n")
        found = Answer(int(head.split(b" ", 2)[1]), head.decode("latin-1"), b"")
        length = found.header("content-length")
        if length is None and found.status not in (204, 303, 100):
            yield found
            return
        while len(rest) < int(length or 0):
            chunk = _more(one)
            if not chunk:
                return
            rest += chunk
        yield Answer(found.status, found.head, rest[: int(length or 0)])
        rest = rest[int(length or 0) :]


def _more(one: socket.socket) -> bytes:
    try:
        return one.recv(65536)
    except ConnectionResetError:
        return b""
