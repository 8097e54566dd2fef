"""The listening sockets of a proxy. Shut, they refuse connections, but nobody else can take the port."""

import asyncio
import errno
import socket
from collections.abc import Callable

from demo.errors import SubjectError
from demo.processes.port_owner import taken_by
from demo.proxy.address import Address

BACKLOG = 1024
ACCEPTS_AT_ONCE = 64
PAUSE_SEC = 0.1
"""Between two tries to accept, when this process has no more file descriptors."""


class ProxyListener:
    """Listens on every address of one name; `accept` gets each client's socket, non-blocking."""

    def __init__(self, address: Address, accept: Callable[[socket.socket], None]) -> None:
        self._address = address
        self._accept = accept
        self._sockets: list[socket.socket] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self.is_open = False

    async def bind(self) -> None:
        """Take the port, and listen. Raises `SubjectError` when that is impossible."""
        self._loop = loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(self._address.host, self._address.port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise SubjectError(
                f"cannot listen on {self._address}: the name {self._address.host!r} is unknown"
            ) from error
        places = list(dict.fromkeys((family, place) for family, _, _, _, place in found))
        try:
            for family, place in places:
                self._bind_one(family, place, is_last=place == places[-1][1])
            self.open()
        except BaseException:
            self.close()
            raise

    def _bind_one(self, family: socket.AddressFamily, place: object, is_last: bool) -> None:
        made = socket.socket(family, socket.SOCK_STREAM)
        self._sockets.append(made)
        try:
            made.setblocking(False)
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            made.bind(place)  # type: ignore[arg-type]
        except OSError as error:
            self._sockets.remove(made)
            made.close()
            # `localhost` often has an IPv6 address on machines without IPv6.
            if (is_last and not self._sockets) or error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                raise self._translate(error) from error

    def open(self) -> None:
        """Listen again, after `shut`. Raises `SubjectError` when another program has taken the port."""
        if self.is_open or self._loop is None:
            return
        for one in self._sockets:
            try:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                one.listen(BACKLOG)
            except OSError as error:
                raise self._translate(error) from error
            self._loop.add_reader(one, self._accept_all, one)
        self.is_open = True

    def shut(self) -> None:
        """Refuse connections from now on."""
        if not self.is_open or self._loop is None:
            return
        self.is_open = False
        for one in self._sockets:
            self._loop.remove_reader(one)
            # On Linux this ends `listen`, while the address stays bound.
            one.shutdown(socket.SHUT_RDWR)
            # Without it another program could listen there meanwhile.
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)

    def close(self) -> None:
        for one in self._sockets:
            if self._loop is not None:
                self._loop.remove_reader(one)
            one.close()
        self._sockets.clear()
        self.is_open = False

    def _accept_all(self, one: socket.socket) -> None:
        for _ in range(ACCEPTS_AT_ONCE):
            try:
                client, _ = one.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    raise
                self._pause(one)
                return
            client.setblocking(False)
            self._accept(client)

    def _pause(self, one: socket.socket) -> None:
        """Try again later: the socket stays readable, and would be reported without end."""
        if self._loop is not None:
            self._loop.remove_reader(one)
            self._loop.call_later(PAUSE_SEC, self._continue, one)

    def _continue(self, one: socket.socket) -> None:
        if self.is_open and self._loop is not None and one in self._sockets:
            self._loop.add_reader(one, self._accept_all, one)

    def _translate(self, error: OSError) -> SubjectError:
        if error.errno == errno.EADDRINUSE:
            return SubjectError(f"{taken_by(self._address.port)}: stop that program, or choose another port")
        if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
            return SubjectError(f"cannot listen on {self._address}: this machine has no such address")
        if error.errno == errno.EACCES:
            return SubjectError(f"cannot listen on {self._address}: ports below 1024 are for root, choose a higher one")
        return SubjectError(f"cannot listen on {self._address}: {error.strerror or error}")
