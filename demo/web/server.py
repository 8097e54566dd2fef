"""uvicorn around the application: sockets bound first, no signal handlers of its own, streams ended at once."""

import asyncio
import contextlib
import socket
from collections.abc import Generator

import uvicorn

from demo.errors import UsageError
from demo.web.app import Web

STREAM_GRACE_SEC = 2
"""Connections that are still open this long after the streams were ended are cut."""


class _Server(uvicorn.Server):
    """Signals belong to whoever wires server, conductor and terminal together."""

    def __init__(self, config: uvicorn.Config, ready: asyncio.Event) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `UsageError` for a taken port or an unknown address."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror:
        raise UsageError(f"{host!r} is not an address of this machine") from None
    family, kind, proto, _, address = found[0]
    listener = socket.socket(family, kind, proto)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno in (98, 48):
            raise UsageError(f"port {port} is taken: end what uses it, or choose another with --port") from None
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    listener.setblocking(False)
    return listener


async def serve(web: Web, listener: socket.socket, stop: asyncio.Event, started: asyncio.Event) -> None:
    """Serve until `stop` is set; `started` is set once pages are answered."""
    config = uvicorn.Config(
        web.asgi,
        log_level="warning",
        access_log=False,
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=STREAM_GRACE_SEC,
        h11_max_incomplete_event_size=16 * 1024,
    )
    server = _Server(config, started)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    beating = asyncio.create_task(web.keep_alive())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping, beating}, return_when=asyncio.FIRST_COMPLETED)
        if beating.done() and not stop.is_set():
            beating.result()
    finally:
        for task in (beating, stopping):
            task.cancel()
        web.close()
        server.should_exit = True
        await serving
