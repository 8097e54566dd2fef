"""The engine's event stream, from the moment it is established until it ends."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiodocker import Docker

CHECK_INTERVAL_SEC = 0.005


class EngineEventStream:
    """One subscription, read by aiodocker in a task of ours. `opened` raises its error; a later one ends the stream."""

    def __init__(self, client: "Docker", kinds: Mapping[str, Sequence[str]]) -> None:
        from aiodocker.events import DockerEvents  # noqa: PLC0415 - see Engine

        filters = {"type": list(kinds), "event": sorted({action for actions in kinds.values() for action in actions})}
        untyped: Any = DockerEvents
        self._source = untyped(client)
        self._subscription = self._source.channel.subscribe()
        self._reading = asyncio.create_task(self._source.run(filters=filters), name="events of the container engine")

    @classmethod
    async def opened(cls, client: "Docker", kinds: Mapping[str, Sequence[str]]) -> "EngineEventStream":
        """Return a stream once the engine has answered, so that nothing that happens later is missed."""
        stream = cls(client, kinds)
        try:
            while stream._source.json_stream is None and not stream._reading.done():  # noqa: ASYNC110 - no event for it
                await asyncio.sleep(CHECK_INTERVAL_SEC)
            if stream._reading.done():
                await stream._reading
        except BaseException:
            await stream.close()
            raise
        return stream

    async def next(self) -> Mapping[str, Any] | None:
        """Wait for the next event; None: the stream has ended."""
        event: Mapping[str, Any] | None = await self._subscription.get()
        return event

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.wait({self._reading})
        with contextlib.suppress(asyncio.CancelledError):
            self._reading.exception()  # retrieved, so that asyncio does not log it: the stream's end was reported
