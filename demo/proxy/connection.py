"""One connection through a proxy: the client's socket, the server's socket, and a flow in each direction."""

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Callable, Mapping

from demo.proxy.applied_toxic import AppliedToxic
from demo.proxy.flow import Flow, FlowResources
from demo.proxy.toxic import Toxic

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of 0 s: closing sends RST instead of FIN."""

MAX_DRAINED_BYTES = 1 << 20


class ProxiedConnection:
    """A client that was accepted. `on_end` is called once, when both sockets are closed."""

    def __init__(
        self, client: socket.socket, shared: FlowResources, on_end: Callable[["ProxiedConnection"], None]
    ) -> None:
        self._client = client
        self._server: socket.socket | None = None
        self._shared = shared
        self._on_end = on_end
        self._upstream: Flow | None = None
        self._downstream: Flow | None = None
        self._toxics: dict[str, tuple[AppliedToxic, AppliedToxic]] = {}
        """By name: as it acts upstream, and downstream."""
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        return self._is_closed

    @property
    def bytes_upstream(self) -> int:
        return self._upstream.passed if self._upstream else 0

    @property
    def bytes_downstream(self) -> int:
        return self._downstream.passed if self._downstream else 0

    def open(self, server: socket.socket, toxics: Mapping[str, Toxic]) -> None:
        """Begin to pass data, now that the server has accepted, under the toxics that there are."""
        self._server = server
        self._upstream = Flow(self._client, server, self, self._shared)
        self._downstream = Flow(server, self._client, self, self._shared)
        self._upstream.start()
        self._downstream.start()
        for name, toxic in toxics.items():
            self.apply(name, toxic)

    def apply(self, name: str, toxic: Toxic) -> None:
        """Let a toxic act from now on, if its toxicity hits this connection."""
        is_spared = toxic.toxicity < 1 and random.random() >= toxic.toxicity  # noqa: S311 - no secret
        if self._is_closed or self._server is None or is_spared:
            return
        self._toxics[name] = (AppliedToxic(name, toxic), AppliedToxic(name, toxic))
        if toxic.reset_peer is not None:
            self._timers[name] = self._shared.loop.call_later(toxic.reset_peer, self.abort)
        elif toxic.timeout:
            self._timers[name] = self._shared.loop.call_later(toxic.timeout, self.close)
        self._change_toxics()

    def lift(self, name: str) -> None:
        """End a toxic. A connection in which it dropped data is closed, as what follows would make no sense."""
        applied = self._toxics.pop(name, None)
        if timer := self._timers.pop(name, None):
            timer.cancel()
        if applied is None or self._is_closed:
            return
        if any(one.dropped for one in applied):
            self.close()
        else:
            self._change_toxics()

    def _change_toxics(self) -> None:
        applied = list(self._toxics.values())
        if self._upstream is not None:
            self._upstream.change_toxics([up for up, _ in applied if up.toxic.stream != "downstream"])
        if self._downstream is not None and not self._is_closed:
            self._downstream.change_toxics([down for _, down in applied if down.toxic.stream != "upstream"])

    def end_flow(self) -> None:
        if all(flow is not None and flow.has_ended for flow in (self._upstream, self._downstream)):
            self.close()

    def close(self) -> None:
        self._end(_close)

    def abort(self) -> None:
        self._end(reset)

    def _end(self, end: Callable[[socket.socket], None]) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        for timer in self._timers.values():
            timer.cancel()
        for flow in (self._upstream, self._downstream):
            if flow is not None:
                flow.stop()
        for one in (self._client, self._server):
            if one is not None:
                end(one)
        self._on_end(self)


def _close(one: socket.socket) -> None:
    """Close with FIN. A socket with unread data would be closed with RST, so it is read first."""
    left = MAX_DRAINED_BYTES
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_WR)
        while left > 0 and (data := one.recv(65536)):
            left -= len(data)
    one.close()


def reset(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    one.close()
