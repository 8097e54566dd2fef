"""The engine's event stream, from the moment that it stands until it ends."""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from aiodocker import Docker

LOOK_SEC = 0.005


class EventStream:
    """One subscription. aiodocker reads it in a task of ours; what breaks it is raised by `opened` or ends it."""

    def __init__(self, client: "Docker", kinds: Mapping[str, Sequence[str]]) -> None:
        from aiodocker.events import DockerEvents  # noqa: PLC0415 - see Engine

        filters = {"type": list(kinds), "event": sorted({action for actions in kinds.values() for action in actions})}
        untyped: Any = DockerEvents
        self._source = untyped(client)
        self._line = self._source.channel.subscribe()
        self._reading = asyncio.create_task(self._source.run(filters=filters), name="events of the container engine")

    @classmethod
    async def opened(cls, client: "Docker", kinds: Mapping[str, Sequence[str]]) -> "EventStream":
        """Once the engine has answered: nothing that happens later is missed."""
        stream = cls(client, kinds)
        try:
            while stream._source.json_stream is None and not stream._reading.done():  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(LOOK_SEC)
            if stream._reading.done():
                await stream._reading
        except BaseException:
            await stream.close()
            raise
        return stream

    async def next(self) -> Mapping[str, Any] | None:
        """None: the stream has ended."""
        event: Mapping[str, Any] | None = await self._line.get()
        return event

    async def close(self) -> None:
        self._reading.cancel()
        await asyncio.wait({self._reading})
        with contextlib.suppress(asyncio.CancelledError):
            self._reading.exception()  # a broken stream was told as its end
