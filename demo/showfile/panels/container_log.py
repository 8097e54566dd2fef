"""The log of a container as a panel's output: followed by the engine's API, over restarts of the container."""

import asyncio
import contextlib

import aiohttp

from demo.container_engine import Container, Engine
from demo.container_engine.log_stream import LogStream
from demo.errors import EngineError
from demo.panels.drawing import OutputPiece
from demo.panels.picture import PanelState
from demo.showfile.panels.source import SourceReading

AGAIN_SEC = 1.0
"""How long after the end of a log, or a refusal, the engine is asked again."""

MAX_WAITING_BYTES = 262_144
MAX_BURST_PIECES = 2000
PAUSE_SEC = 0.1
"""After so many pieces, the log is left alone for so long: a container that prints for ever slows nobody down."""

MAX_BURSTS = 5
"""After so many bursts in a row what is read is old: the log is opened anew at its end."""


class ContainerLog:
    """Reads the log of the container of `service` in `project` (any, where that is empty), from its last `tail` lines.

    Of several containers, the first one by name is followed that runs. `began`: only what came after this time, as the
    engine writes it, instead of the last lines.
    """

    def __init__(self, engine: Engine, project: str, service: str, tail: int, *, began: str = "") -> None:
        self._engine, self._project, self._service, self._tail = engine, project, service, tail
        self._waiting = bytearray()
        self._has_gap = False
        self._skipped = 0
        self._began = self._since = began
        self._followed = ""
        self._state: PanelState = "starting"
        self._note = ""
        self._following: asyncio.Task[None] | None = None

    async def read(self, max_bytes: int) -> SourceReading:
        if self._following is None:
            self._following = asyncio.create_task(self._follow(), name=f"log of {self._service}")
        if self._following.done():
            self._following.result()
        self._drop_all_but(max_bytes)
        data, self._waiting = bytes(self._waiting), bytearray()
        pieces = [OutputPiece(data, self._has_gap, self._skipped)] if data or self._has_gap else []
        self._has_gap, self._skipped = False, 0
        return SourceReading(pieces, self._state, self._note)

    async def close(self) -> None:
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait({self._following})

    def _drop_all_but(self, max_bytes: int) -> None:
        if (surplus := len(self._waiting) - max_bytes) > 0:
            self._skipped += self._waiting.count(b"\n", 0, surplus)
            self._has_gap = True
            del self._waiting[:surplus]

    async def _follow(self) -> None:
        while True:
            try:
                await self._follow_once()
            except EngineError as error:
                self._state, self._note = "down", str(error)
            await asyncio.sleep(AGAIN_SEC)

    async def _follow_once(self) -> None:
        container = await self._find()
        if container is None:
            self._state, self._note = "starting", f"there is no container of service {self._service}"
            return
        if container.id != self._followed:
            self._followed, self._since = container.id, self._began
        stream = await self._engine.follow_log(container.id, self._tail, self._since)
        try:
            while await self._read_stream(stream):
                stream.close()
                stream = await self._engine.follow_log(container.id, self._tail)
                self._has_gap = True
        finally:
            self._since = stream.after_newest or self._since
            stream.close()
        self._describe(await self._find())

    async def _find(self) -> Container | None:
        found = await self._engine.containers(self._project)
        ours = sorted((one for one in found if self._service in (one.service, one.name)), key=lambda one: one.name)
        container = next((one for one in ours if one.is_running), ours[0] if ours else None)
        self._describe(container)
        return container

    def _describe(self, container: Container | None) -> None:
        if container is None:
            return
        if container.state in ("running", "paused"):
            self._state, self._note = ("up", "") if container.is_running else ("starting", "paused")
        elif container.exit_code is None:
            self._state, self._note = "starting", container.state
        else:
            self._state = "offline" if container.exit_code == 0 else "down"
            self._note = f"ended with exit code {container.exit_code}"

    async def _read_stream(self, stream: LogStream) -> bool:
        """Read to the end of the stream and return False; True when it comes faster than it can be read."""
        pieces = bursts = 0
        burst_at = asyncio.get_running_loop().time()
        with contextlib.suppress(aiohttp.ClientError, OSError):  # ended with its container, or with the engine
            while (piece := await stream.next()) is not None:
                self._waiting += piece
                self._drop_all_but(MAX_WAITING_BYTES)
                pieces += 1
                if pieces < MAX_BURST_PIECES:
                    continue
                now, pieces = asyncio.get_running_loop().time(), 0
                bursts = bursts + 1 if now - burst_at < 2 * PAUSE_SEC else 0
                if bursts >= MAX_BURSTS:
                    return True
                await asyncio.sleep(PAUSE_SEC)
                burst_at = now
        return False
