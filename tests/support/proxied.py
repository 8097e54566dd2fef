"""A proxy in this process, in front of a server whose behaviour is given; all on loopback, with real sockets."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from demo.processes.ports import free_ports
from demo.proxy.flow import FlowResources
from demo.proxy.route import ProxyRoute
from demo.proxy.table import ProxyTable
from demo.proxy.toxic import Toxic

LIMIT_SEC = 20.0

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def until(look: Callable[[], bool], limit_sec: float = LIMIT_SEC) -> None:
    end = time.monotonic() + limit_sec
    while not look():
        assert time.monotonic() < end, "not in time"
        await asyncio.sleep(0.005)


@dataclass
class Proxied:
    """`received`: what reached the server, of all connections; `endings`: how each of them ended there."""

    port: int
    behind: int
    table: ProxyTable
    shared: FlowResources
    received: bytearray = field(default_factory=bytearray)
    endings: list[str] = field(default_factory=list)
    at_server: list[Streams] = field(default_factory=list)
    _clients: list[asyncio.StreamWriter] = field(default_factory=list)

    def add(self, name: str, toxic: Toxic, expires_sec: float | None = None) -> None:
        self.table.add(name, toxic, expires_sec)

    def remove(self, name: str) -> None:
        assert self.table.remove(name)

    async def connect(self, host: str = "127.0.0.1") -> Streams:
        """A connection through the proxy that has reached the server."""
        before = len(self.at_server)
        reader, writer = await asyncio.open_connection(host, self.port)
        self._clients.append(writer)
        await until(lambda: len(self.at_server) > before)
        return reader, writer

    async def connect_anyhow(self) -> Streams:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        self._clients.append(writer)
        return reader, writer

    async def close(self) -> None:
        for writer in [*self._clients, *(writer for _, writer in self.at_server)]:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


@asynccontextmanager
async def proxied(serve: Serve = echo, listen: str = "127.0.0.1", to: str = "127.0.0.1") -> AsyncIterator[Proxied]:
    port, behind = free_ports(2)
    shared = FlowResources(asyncio.get_running_loop())
    table = ProxyTable(shared)
    found = Proxied(port, behind, table, shared)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.at_server.append((_Recorded(reader, found.received), writer))  # type: ignore[arg-type]
        try:
            await serve(found.at_server[-1][0], writer)
            found.endings.append("end")
        except ConnectionResetError:
            found.endings.append("reset")
        except OSError as error:
            found.endings.append(type(error).__name__)
        finally:
            writer.close()

    server = await asyncio.start_server(accept, None if to == "localhost" else to.strip("[]"), behind, backlog=2000)
    try:
        async with asyncio.timeout(60):
            await table.set_routes([ProxyRoute.read("p", f"{listen}:{port}", f"{to}:{behind}")])
            yield found
    finally:
        table.close()
        shared.close()
        await found.close()
        server.close()
        await server.wait_closed()


class _Recorded:
    """A reader that also records what was read."""

    def __init__(self, reader: asyncio.StreamReader, received: bytearray) -> None:
        self._reader = reader
        self._received = received

    async def read(self, size: int = -1) -> bytes:
        data = await self._reader.read(size)
        self._received += data
        return data
