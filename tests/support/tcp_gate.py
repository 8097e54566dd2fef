"""A TCP port in front of a server: open, paused as a stopped process is, or shut as a dead one is."""

import asyncio
import contextlib
import socket
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
HTTP2 = b"PRI * HTTP/2.0"


async def wait_for_accepted_connections() -> None:
    """Wait until each connection that was accepted before its listener closed can be closed."""
    for _ in range(10):
        await asyncio.sleep(0)


async def until_one_ends(*flows: Coroutine[Any, Any, None]) -> None:
    """Run these until one has ended; then cancel the others and wait for their end."""
    running = [asyncio.ensure_future(flow) for flow in flows]
    try:
        await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for flow in running:
            flow.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def close_listener(listener: asyncio.Server) -> None:
    """Stop accepting connections, then close the listener.

    In this order: asyncio makes a connection some turns of the loop after it was accepted, and leaves it open and
    unowned if its listener is closed by then.
    """
    loop = asyncio.get_running_loop()
    for held in listener.sockets:
        loop.remove_reader(held.fileno())
    await wait_for_accepted_connections()
    listener.close()


class TcpGate:
    """Relays to Unix sockets: what begins as HTTP/2 goes to `grpc`, all else to `http`. Lives in one loop.

    The port is ours from first to last: while the gate is shut nobody listens there, and nobody else can.
    """

    def __init__(self, http: Path | None, grpc: Path | None) -> None:
        self._http, self._grpc = http, grpc
        self._holder = self._socket(0)
        self.port: int = self._holder.getsockname()[1]
        self._listener: asyncio.Server | None = None
        self._may_pass = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._relays: set[asyncio.Task[None]] = set()

    def _socket(self, port: int) -> socket.socket:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind((HOST, port))
        return made

    async def open(self) -> None:
        self._may_pass.set()
        if self._listener is None:
            self._listener = await asyncio.start_server(self._enter, sock=self._socket(self.port))

    async def pause(self) -> None:
        """Pass no byte on, in old connections neither; new ones are still accepted."""
        self._may_pass.clear()

    async def freeze_existing_connections(self) -> None:
        """Pause; connections that are open now stay silent for ever, and their other ends are not told."""
        self._may_pass.clear()
        self._may_pass = asyncio.Event()

    async def shut(self) -> None:
        """Refuse new connections, and reset the open ones."""
        if self._listener is not None:
            listener, self._listener = self._listener, None
            await close_listener(listener)
        for writer in list(self._writers):
            writer.transport.abort()
        for relay in list(self._relays):
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    async def remove(self) -> None:
        await self.shut()
        self._holder.close()

    async def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._relays.add(task)
        self._writers.add(writer)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await self._relay(reader, writer)
        writer.transport.abort()
        self._writers.discard(writer)
        self._relays.discard(task)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        may_pass = self._may_pass
        first = await reader.read(65536)
        await may_pass.wait()
        place = self._grpc if first.startswith(HTTP2) or self._http is None else self._http
        if not first or place is None:
            return
        back, forth = await asyncio.open_unix_connection(place)
        self._writers.add(forth)
        try:
            forth.write(first)
            await until_one_ends(self._pump(reader, forth, may_pass), self._pump(back, writer, may_pass))
        finally:
            forth.transport.abort()
            self._writers.discard(forth)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, may_pass: asyncio.Event) -> None:
        while chunk := await reader.read(65536):
            await may_pass.wait()
            writer.write(chunk)
            await writer.drain()
        await writer.drain()
        if not writer.is_closing() and writer.can_write_eof():
            writer.write_eof()
            await asyncio.sleep(0.01)  # what was written last goes out before the other way is closed
