"""uvicorn around the application: its socket is bound beforehand, it handles no signals, and it ends the streams."""

import asyncio
import contextlib
import socket
from collections.abc import Generator
from typing import Any, Protocol, cast

import uvicorn
from starlette.types import ASGIApp

from demo.errors import UsageError
from demo.web.server.http_protocol import KEEP_ALIVE_SEC, make_protocol_class
from demo.web.server.tls import Tls
from demo.web.server.tls_listener import TlsListener

HANDSHAKE_SEC = 5.0

STREAM_GRACE_SEC = 2
"""Connections that are still open this long after the streams were ended are closed by force."""


MAX_CONNECTIONS = 10_000
"""The limit where no other is given; `stream_slots.connections_most` derives one from the limit of open files."""

BACKLOG = 2048
"""How many connections may wait to be accepted: uvicorn's default."""


class _Server(uvicorn.Server):
    """uvicorn's server without signal handlers: the composition root handles signals, for it stops more than this."""

    def __init__(self, config: uvicorn.Config, ready: asyncio.Event) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        if self.config.ssl is None:
            await super().startup(sockets)
        else:
            # With a shorter handshake timeout than asyncio's minute: until the handshake is done, a connection takes a
            # file descriptor and is not counted by `LimitedHttpProtocol`.
            await super().startup([])
            tls = [TlsListener(one, self._make_protocol, self.config.ssl, HANDSHAKE_SEC) for one in sockets or []]
            self.servers += cast("list[asyncio.Server]", tls)  # uvicorn only closes them.
        self._ready.set()

    def _make_protocol(self) -> asyncio.Protocol:
        make: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = make(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )
        return protocol

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def bind(host: str, port: int) -> socket.socket:
    """Open a listening socket. Raises `UsageError` for a taken port or an unknown address."""
    try:
        addresses = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except socket.gaierror:
        raise UsageError(f"{host!r} is not an address of this machine") from None
    family, kind, proto, _, address = addresses[0]
    listener = socket.socket(family, kind, proto)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # So that "::" accepts IPv4 too, whatever the system's default (net.ipv6.bindv6only) is.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno in (98, 48):  # EADDRINUSE on Linux and on macOS.
            raise UsageError(
                f"port {port} is in use: stop the program that uses it, or choose another with --port"
            ) from None
        raise UsageError(f"cannot listen on {host}:{port}: {error.strerror}") from None
    listener.setblocking(False)
    return listener


class Servable(Protocol):
    """What can be served: an ASGI application with a background task for its streams."""

    @property
    def asgi(self) -> ASGIApp: ...

    async def keep_alive(self) -> None:
        """Send heartbeats to the streams until cancelled."""

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
    """Serve until `stop` is set; `started` is set once requests are answered."""
    config = uvicorn.Config(
        web.asgi,
        http=make_protocol_class(connections),
        ws="none",
        log_level="error",
        access_log=False,
        lifespan="off",
        # X-Forwarded-* is never trusted, only taken as a sign of a proxy (access/proxies.py).
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=STREAM_GRACE_SEC,
        timeout_keep_alive=KEEP_ALIVE_SEC,
        ssl_certfile=tls.cert if tls else None,
        ssl_keyfile=tls.key if tls else None,
    )
    server = _Server(config, started)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    keeping_alive = asyncio.create_task(web.keep_alive())
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({serving, stopping, keeping_alive}, return_when=asyncio.FIRST_COMPLETED)
        if keeping_alive.done() and not stop.is_set():
            keeping_alive.result()  # Raises what ended it.
    finally:
        for task in (keeping_alive, stopping):
            task.cancel()
        # The streams first: uvicorn waits for open responses, up to its timeout for shutdown.
        web.close()
        server.should_exit = True
        await serving
