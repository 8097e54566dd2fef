"""A listener of an event stream as bytes over a socket: one that can be slow, stop reading, or talk."""

import socket
import ssl
import time
from dataclasses import dataclass, field


@dataclass
class ReceivedMessage:
    """One message, and when the last of it was read (`time.monotonic`)."""

    text: str
    at: float


@dataclass
class RawSseClient:
    """Opened at once; nothing is read until it is asked for. `rcvbuf`: of its socket, in bytes."""

    port: int
    view: str = "stage"
    rcvbuf: int = 0
    tls: ssl.SSLContext | None = None
    headers: str = ""
    query: str = ""
    head: str = ""
    messages: list[ReceivedMessage] = field(default_factory=list)
    ended: bool = False
    _rest: bytes = b""

    def __post_init__(self) -> None:
        one = socket.socket()
        if self.rcvbuf:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self.rcvbuf)
        one.settimeout(10)
        one.connect(("127.0.0.1", self.port))
        self.socket = self.tls.wrap_socket(one, server_hostname="localhost") if self.tls else one
        host = "localhost" if self.tls else "127.0.0.1"
        asked = f"GET /stream/{self.view}{self.query} HTTP/1.1\r\nHost: {host}:{self.port}\r\n{self.headers}\r\n"
        self.socket.sendall(asked.encode())

    def read(self) -> bool:
        """Read what has arrived, or the next that does; return False at the end. Packed messages are not unpacked."""
        chunk = self.socket.recv(65536)
        self.ended = not chunk
        self._rest += chunk
        if not self.head and b"\r\n\r\n" in self._rest:
            head, _, self._rest = self._rest.partition(b"\r\n\r\n")
            self.head = head.decode()
        is_packed = "content-encoding: gzip" in self.head
        while self.head and not is_packed and b"\n\n" in self._rest:
            message, _, self._rest = self._rest.partition(b"\n\n")
            self.messages.append(ReceivedMessage(message.decode(), time.monotonic()))
        return not self.ended

    def until(self, words: str) -> ReceivedMessage:
        """Read on to the first message, of those to come and those that came, that holds these words."""
        looked = 0
        while True:
            for heard in self.messages[looked:]:
                if words in heard.text:
                    return heard
            looked = len(self.messages)
            if not self.read():
                raise AssertionError(f"the stream ended without {words!r}: {self.messages[-2:]}")

    def close(self) -> None:
        self.socket.close()

    def __enter__(self) -> "RawSseClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
