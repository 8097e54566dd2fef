"""One proxy: its listener, its connections, and the toxics that act on them."""

import asyncio
import contextlib
import socket
from typing import Any

from demo.errors import SubjectError
from demo.proxy.address import Address
from demo.proxy.connection import ProxiedConnection, reset
from demo.proxy.flow import FlowResources
from demo.proxy.listener import ProxyListener
from demo.proxy.route import ProxyRoute
from demo.proxy.toxic import Toxic

CONNECT_TIMEOUT_SEC = 5.0
"""For each address of the server's name."""


class Proxy:
    """Passes connections from `route.listen` to `route.to`. Lives in one event loop."""

    def __init__(self, route: ProxyRoute, shared: FlowResources) -> None:
        self.route = route
        self.trouble = ""
        """Why the last connection could not be made; "" after one that could."""
        self._shared = shared
        self._listener = ProxyListener(route.listen, self._accept)
        self._connections: set[ProxiedConnection] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self._toxics: dict[str, Toxic] = {}
        self._accepted = self._failed = self._upstream = self._downstream = 0

    async def open(self) -> None:
        """Listen. Raises `SubjectError`, which names the proxy."""
        try:
            await self._listener.bind()
        except SubjectError as error:
            raise SubjectError(f"proxy {self.route.name!r}: {error}") from error

    def close(self) -> None:
        self._listener.close()
        self._cut()

    def add(self, name: str, toxic: Toxic) -> None:
        """Let a toxic act on all connections, those to come too."""
        self._toxics[name] = toxic
        if toxic.down:
            self._listener.shut()
            self._cut()
        for connection in list(self._connections):
            connection.apply(name, toxic)

    def remove(self, name: str) -> None:
        """End a toxic. Raises `SubjectError` when the port cannot be opened again."""
        toxic = self._toxics.get(name)
        if toxic is None:
            return
        if toxic.down and not any(other.down for key, other in self._toxics.items() if key != name):
            self._listener.open()
        del self._toxics[name]
        for connection in list(self._connections):
            connection.lift(name)

    def describe(self) -> dict[str, Any]:
        """Return its route, its state and its counters, as JSON."""
        return {
            **self.route.to_json(),
            "is_open": self._listener.is_open,
            "connections": len(self._connections),
            "accepted": self._accepted,
            "failed": self._failed,
            "bytes_upstream": self._upstream + sum(one.bytes_upstream for one in self._connections),
            "bytes_downstream": self._downstream + sum(one.bytes_downstream for one in self._connections),
            "trouble": self.trouble,
        }

    def _cut(self) -> None:
        for connection in list(self._connections):
            connection.close()

    def _accept(self, client: socket.socket) -> None:
        self._accepted += 1
        connection = ProxiedConnection(client, self._shared, self._forget)
        self._connections.add(connection)
        task = self._shared.loop.create_task(self._connect(connection, client))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    def _forget(self, connection: ProxiedConnection) -> None:
        self._connections.discard(connection)
        self._upstream += connection.bytes_upstream
        self._downstream += connection.bytes_downstream

    async def _connect(self, connection: ProxiedConnection, client: socket.socket) -> None:
        try:
            server = await connect(self.route.to)
        except SubjectError as error:
            self._failed += 1
            self.trouble = str(error)
            connection.abort()  # as a port that refuses: RST
            return
        if connection.is_closed:
            reset(server)
            return
        self.trouble = ""
        for one in (client, server):
            with contextlib.suppress(OSError):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        connection.open(server, self._toxics)


async def connect(address: Address) -> socket.socket:
    """Connect to the first address of the name that accepts; the name is looked up anew. Raises `SubjectError`."""
    loop = asyncio.get_running_loop()
    trouble = "the name has no address"
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_SEC):
            places = await _look_up(loop, address)
    except TimeoutError as error:
        raise SubjectError(f"{address}: the name {address.host!r} is not answered by name servers") from error
    except OSError as error:
        raise SubjectError(f"{address}: the name {address.host!r} is unknown") from error
    for family, place in places:
        made = socket.socket(family, socket.SOCK_STREAM)
        try:
            made.setblocking(False)
            async with asyncio.timeout(CONNECT_TIMEOUT_SEC):
                await loop.sock_connect(made, place)
        except (OSError, TimeoutError) as error:
            made.close()
            trouble = _describe(error)
        except BaseException:
            made.close()
            raise
        else:
            return made
    raise SubjectError(f"{address} cannot be reached: {trouble}")


async def _look_up(loop: asyncio.AbstractEventLoop, address: Address) -> list[tuple[socket.AddressFamily, Any]]:
    literal = address.literal
    if literal is not None and "%" not in address.host:
        family = socket.AF_INET if literal.version == 4 else socket.AF_INET6
        return [(family, (address.host, address.port))]
    found = await loop.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((family, place) for family, _, _, _, place in found))


def _describe(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return f"no answer within {CONNECT_TIMEOUT_SEC:g} s"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there"
    return (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
