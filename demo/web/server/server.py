"""uvicorn around the application: sockets bound first, no signal handlers of its own, streams ended at once."""

import asyncio
import contextlib
import socket
from collections.abc import Generator
from typing import Any, Protocol

import uvicorn
from starlette.types import ASGIApp

from demo.errors import UsageError
from demo.web.server.http_protocol import KEEP_ALIVE_SEC, bounded
from demo.web.server.tls import Tls

HANDSHAKE_SEC = 5.0

STREAM_GRACE_SEC = 2
"""Connections that are still open this long after the streams were ended are cut."""


MAX_CONNECTIONS = 10_000
"""Where nobody has counted how many files may be open."""


class _Server(uvicorn.Server):
    """Signals belong to whoever wires server, conductor and terminal together."""

    def __init__(self, config: uvicorn.Config, ready: asyncio.Event) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        config, loop = self.config, asyncio.get_running_loop()
        if config.ssl is None:
            await super().startup(sockets)
        else:
            # The same, with a limit of ours: the loop's own is a minute, and who never shakes hands holds a file.
            await super().startup([])
            for one in sockets or []:
                self.servers.append(
                    await loop.create_server(
                        self._connection, sock=one, ssl=config.ssl, ssl_handshake_timeout=HANDSHAKE_SEC
                    )
                )
        self._ready.set()

    def _connection(self) -> asyncio.Protocol:
        make: Any = self.config.http_protocol_class
        made: asyncio.Protocol = make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state)
        return made

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `UsageError` for a taken port or an unknown address."""
    try:
        found = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror:
        raise UsageError(f"{host!r} is not an address of this machine") from None
    family, kind, proto, _, address = found[0]
    listener = socket.socket(family, kind, proto)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # With "::" IPv4 gets in too, wherever the system's own setting stands.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno in (98, 48):
            raise UsageError(f"port {port} is taken: end what uses it, or choose another with --port") from None
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    listener.setblocking(False)
    return listener


class Servable(Protocol):
    """What is served: an application, and what keeps its streams alive."""

    @property
    def asgi(self) -> ASGIApp: ...

    async def keep_alive(self) -> None:
        """Runs while the server does."""

    def close(self) -> None:
        """End every stream."""


async def serve(
    web: Servable,
    listener: socket.socket,
    stop: asyncio.Event,
    started: asyncio.Event,
    tls: Tls | None = None,
    connections: int = MAX_CONNECTIONS,
) -> None:
    """Serve until `stop` is set; `started` is set once pages are answered."""
    config = uvicorn.Config(
        web.asgi,
        http=bounded(connections),
        ws="none",
        log_level="error",
        access_log=False,
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=STREAM_GRACE_SEC,
        timeout_keep_alive=KEEP_ALIVE_SEC,
        ssl_certfile=tls.cert if tls else None,
        ssl_keyfile=tls.key if tls else None,
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
