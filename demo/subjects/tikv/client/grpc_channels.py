"""One gRPC channel per node, without hidden retries, and what its failures mean. No routes, no regions."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from demo.errors import SubjectError

Answer = TypeVar("Answer", bound=Message)

Reason = Literal["election", "unreachable", "busy", "refused", "no_route"]

Resolve = Mapping[str, str] | Callable[[str], str]
"""An address as a node advertises it → the one where it is reached from here."""

OPTIONS: Sequence[tuple[str, int]] = (
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
    # A killed node is noticed at once when it is back: by default gRPC waits up to two minutes for a
    # connection, and half a minute before it looks a name up again.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 300),
    ("grpc.max_reconnect_backoff_ms", 300),
    ("grpc.dns_min_time_between_resolutions_ms", 300),
)

SILENCE_SEC = 0.3
"""A channel that stays silent so long is replaced: its connection may outlive the other end by minutes."""

GRACE_SEC = 5.0

_UNREACHABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)


class NoAnswer(SubjectError):
    """A read or a write that got no answer in its time.

    `election`: its region has no leader; `unreachable`: the store that leads it is silent or gone; `busy`: the
    store asks for patience; `refused`: it said no; `no_route`: PD did not say where the key lives.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason


class Channels:
    """Opened when first asked for, and closed together."""

    def __init__(self, resolve: Resolve | None = None) -> None:
        self._resolve = resolve
        self._lines: dict[str, _Channel] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def ask(self, address: str, path: str, request: Message, answer: type[Answer], within_sec: float) -> Answer:
        """One call of `path` at the node that advertises `address`. Raises `NoAnswer`."""
        if within_sec <= 0:
            raise NoAnswer("unreachable", f"no time was left to ask {address}")
        line = self._line(address)
        clock = asyncio.get_running_loop().time
        begun = clock()
        is_answered = False
        try:
            body: bytes = await line.call(path)(request.SerializeToString(), timeout=within_sec)
            is_answered, line.heard_at = True, clock()
        except grpc.aio.AioRpcError as error:
            if error.code() not in _UNREACHABLE:
                line.heard_at = clock()
            raise _translated(address, error) from None
        except (asyncio.CancelledError, grpc.aio.UsageError):
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise NoAnswer("unreachable", f"the connection to {address} was given up") from None
        finally:
            if not is_answered and line.heard_at < begun <= clock() - SILENCE_SEC:
                self._replace(address, line)
        return _parsed(address, body, answer)

    async def close(self) -> None:
        self._is_closed = True
        lines, self._lines = self._lines, {}
        for closing in self._closing:
            closing.cancel()
        await asyncio.gather(*self._closing, *(line.close() for line in lines.values()), return_exceptions=True)

    async def __aenter__(self) -> "Channels":
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    def _line(self, address: str) -> "_Channel":
        if self._is_closed:
            raise NoAnswer("unreachable", "the client is closed")
        if address not in self._lines:
            self._lines[address] = _Channel(self._reachable(address))
        return self._lines[address]

    def _reachable(self, address: str) -> str:
        if self._resolve is None:
            return address
        return self._resolve(address) if callable(self._resolve) else self._resolve.get(address, address)

    def _replace(self, address: str, line: "_Channel") -> None:
        if self._lines.get(address) is line:
            del self._lines[address]
            task = asyncio.ensure_future(line.close(GRACE_SEC))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


class _Channel:
    """A channel, its methods, and when it last brought an answer."""

    def __init__(self, target: str) -> None:
        self._channel = grpc.aio.insecure_channel(target, options=OPTIONS)
        self._calls: dict[str, Any] = {}
        self.heard_at = 0.0

    def call(self, path: str) -> Any:
        """Takes and gives bytes: gRPC would log what it cannot parse, and answer None."""
        if path not in self._calls:
            self._calls[path] = self._channel.unary_unary(path)
        return self._calls[path]

    async def close(self, grace_sec: float | None = None) -> None:
        try:
            await self._channel.close(grace_sec)
        except asyncio.CancelledError:
            await self._channel.close(None)
            raise


def _translated(address: str, error: grpc.aio.AioRpcError) -> NoAnswer:
    code = error.code()
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return NoAnswer("unreachable", f"{address} did not answer in time")
    if code in _UNREACHABLE:
        return NoAnswer("unreachable", f"{address} cannot be reached: {_short(error.details())}")
    return NoAnswer("refused", f"{address} refused: {_short(error.details()) or code.name.lower()}")


def _parsed(address: str, body: bytes, answer: type[Answer]) -> Answer:
    try:
        return answer.FromString(body)
    except DecodeError:
        raise NoAnswer("refused", f"{address} answered with something else than {answer.DESCRIPTOR.name}") from None


def _short(text: str | None) -> str:
    return (text or "")[:200]
