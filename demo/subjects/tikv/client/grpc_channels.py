"""One gRPC channel per node, without hidden retries, and the translation of its errors. Knows no routes or regions."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar

import grpc
from google.protobuf.message import DecodeError, Message

from demo.errors import SubjectError

Answer = TypeVar("Answer", bound=Message)

Reason = Literal["election", "unreachable", "busy", "refused", "no_route"]

Resolve = Mapping[str, str] | Callable[[str], str]
"""Maps the address that a node advertises to the one where it is reached from here."""

OPTIONS: Sequence[tuple[str, int]] = (
    ("grpc.enable_retries", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
    # So that a killed node is used again as soon as it is back: by default gRPC waits up to two minutes before it
    # reconnects, and half a minute before it resolves a name again.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 300),
    ("grpc.max_reconnect_backoff_ms", 300),
    ("grpc.dns_min_time_between_resolutions_ms", 300),
)

SILENCE_SEC = 0.3
"""A channel without an answer for so long is replaced: its connection may outlive the peer by minutes."""

GRACE_SEC = 5.0

_UNREACHABLE = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)


class NoAnswer(SubjectError):
    """A read or write that was not answered in time.

    `election`: its region has no leader; `unreachable`: the leading store does not answer; `busy`: the store asks to
    wait; `refused`: it refused; `no_route`: PD did not say where the key is.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason: Reason = reason


class Channels:
    """Channels by address: opened at the first request, and closed together."""

    def __init__(self, resolve: Resolve | None = None) -> None:
        self._resolve = resolve
        self._channels: dict[str, _Channel] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def ask(self, address: str, path: str, request: Message, answer: type[Answer], within_sec: float) -> Answer:
        """Make one call of `path` to the node that advertises `address`. Raises `NoAnswer`."""
        if within_sec <= 0:
            raise NoAnswer("unreachable", f"no time was left to ask {address}")
        channel = self._channel_to(address)
        clock = asyncio.get_running_loop().time
        began = clock()
        is_answered = False
        try:
            body: bytes = await channel.call(path)(request.SerializeToString(), timeout=within_sec)
            is_answered, channel.heard_at = True, clock()
        except grpc.aio.AioRpcError as error:
            if error.code() not in _UNREACHABLE:
                channel.heard_at = clock()
            raise _translate(address, error) from None
        except (asyncio.CancelledError, grpc.aio.UsageError):
            # grpc raises these, too, when the channel is closed during a call. Only if our own task is being cancelled,
            # it is a cancellation.
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            raise NoAnswer("unreachable", f"the connection to {address} was closed") from None
        finally:
            if not is_answered and channel.heard_at < began <= clock() - SILENCE_SEC:
                self._replace(address, channel)
        return _parse(address, body, answer)

    async def close(self) -> None:
        self._is_closed = True
        channels, self._channels = self._channels, {}
        for closing in self._closing:
            closing.cancel()
        await asyncio.gather(
            *self._closing, *(channel.close() for channel in channels.values()), return_exceptions=True
        )

    async def __aenter__(self) -> "Channels":
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.close()

    def _channel_to(self, address: str) -> "_Channel":
        if self._is_closed:
            raise NoAnswer("unreachable", "the client is closed")
        if address not in self._channels:
            self._channels[address] = _Channel(self._reachable(address))
        return self._channels[address]

    def _reachable(self, address: str) -> str:
        if self._resolve is None:
            return address
        return self._resolve(address) if callable(self._resolve) else self._resolve.get(address, address)

    def _replace(self, address: str, channel: "_Channel") -> None:
        if self._channels.get(address) is channel:
            del self._channels[address]
            task = asyncio.ensure_future(channel.close(GRACE_SEC))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


class _Channel:
    """One channel, its methods, and when it last brought an answer."""

    def __init__(self, target: str) -> None:
        self._channel = grpc.aio.insecure_channel(target, options=OPTIONS)
        self._calls: dict[str, Any] = {}
        self.heard_at = 0.0

    def call(self, path: str) -> Any:
        """Return the method at `path`, which takes and returns bytes.

        Given a parser, gRPC would log what it cannot parse, and return None.
        """
        if path not in self._calls:
            self._calls[path] = self._channel.unary_unary(path)
        return self._calls[path]

    async def close(self, grace_sec: float | None = None) -> None:
        try:
            await self._channel.close(grace_sec)
        except asyncio.CancelledError:
            await self._channel.close(None)
            raise


def _translate(address: str, error: grpc.aio.AioRpcError) -> NoAnswer:
    code = error.code()
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return NoAnswer("unreachable", f"{address} did not answer in time")
    if code in _UNREACHABLE:
        return NoAnswer("unreachable", f"{address} cannot be reached: {_shorten(error.details())}")
    return NoAnswer("refused", f"{address} refused: {_shorten(error.details()) or code.name.lower()}")


def _parse(address: str, body: bytes, answer: type[Answer]) -> Answer:
    try:
        return answer.FromString(body)
    except DecodeError:
        raise NoAnswer("refused", f"{address} did not answer with {answer.DESCRIPTOR.name}") from None


def _shorten(text: str | None) -> str:
    return (text or "")[:200]
