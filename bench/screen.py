"""One listener as our own stage page is one: it asks for the packed stream. Counts the bytes that come."""

import contextlib
import socket
import threading
from types import TracebackType

RECEIVE = 65_536


class Screen:
    """Reads from its start to its end, on a thread of its own."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.bytes = 0
        self._socket = socket.create_connection((host, port), timeout=10)
        asked = f"GET /stream/stage?packed=1 HTTP/1.1\r\nHost: {host}:{port}\r\nAccept-Encoding: gzip\r\n\r\n"
        self._socket.sendall(asked.encode())
        head = b""
        while b"\r\n\r\n" not in head:
            head += self._socket.recv(RECEIVE)
        if b"content-encoding: gzip" not in head.lower():
            raise AssertionError("the server did not pack this stream")
        self._socket.settimeout(None)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while chunk := self._socket.recv(RECEIVE):
                self.bytes += len(chunk)

    def __enter__(self) -> "Screen":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._reader.join()
        self._socket.close()
