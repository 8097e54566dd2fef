"""A proxy between tests and the container engine that can be cut, paused, or give another engine name."""

import asyncio
import contextlib
import tempfile
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from demo.container_engine.discovery import find
from tests.support.tcp_gate import close_listener, until_one_ends, wait_for_accepted_connections

PIECE = 65536


class EngineProxy:
    """In a thread with a loop of its own, so that tests of any kind and other processes can use it."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._folder = tempfile.mkdtemp(prefix="chaos-stage-tests-")
        self.path = Path(self._folder) / "engine.sock"
        self.url = f"unix://{self.path}"
        self.replaced: tuple[bytes, bytes] | None = None
        self._trap: tuple[bytes, bool] | None = None
        self._before: tuple[bytes, Callable[[], object]] | None = None
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._ends: set[asyncio.StreamWriter] = set()
        self._may_pass = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._loop.call_soon_threadsafe(self._may_pass.set)
        self.restore()

    def restore(self) -> None:
        """Accept connections, again."""
        self._now(self._listen())

    def cut(self) -> None:
        """Close the socket, and break every connection."""
        self._now(self._stop())

    def cut_connections(self) -> None:
        """Break the open connections; new ones are served."""
        self._now(self._drop())

    def hang(self) -> None:
        """Accept connections and pass nothing on, until `resume`."""
        self._loop.call_soon_threadsafe(self._may_pass.clear)

    def resume(self) -> None:
        self._loop.call_soon_threadsafe(self._may_pass.set)

    def rename_engine(self, real: str, other: str) -> None:
        """Replace the name that the engine gives itself by another of the same length."""
        assert len(real) == len(other)
        self.replaced = (real.encode(), other.encode())

    def break_at(self, request: str, *, arrives: bool) -> None:
        """Break the connection of the next request that holds this text, before or after it arrives."""
        self._trap = (request.encode(), arrives)

    def before(self, request: str, do: Callable[[], object]) -> None:
        """Call `do` before the next request that holds this text arrives."""
        self._before = (request.encode(), do)

    def close(self) -> None:
        self.resume()
        self.cut()
        self._now(wait_for_accepted_connections())  # a connection that was just made has a task only now
        self.cut_connections()
        self._now(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self.path.unlink(missing_ok=True)
        Path(self._folder).rmdir()

    def _now(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_unix_server(self._enter, str(self.path))
        self.path.chmod(0o600)

    async def _stop(self) -> None:
        if self._server is not None:
            server, self._server = self._server, None
            await close_listener(server)
        self.path.unlink(missing_ok=True)
        await self._drop()

    async def _drop(self) -> None:
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _end(self) -> None:
        """Leave no connection open, whatever came in while the socket was closed."""
        await wait_for_accepted_connections()
        await self._drop()
        for end in self._ends:
            end.transport.abort()
        await wait_for_accepted_connections()

    def _enter(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Know a connection from its first moment: one whose task has not begun has to be closed, too."""
        self._ends.add(writer)
        task = asyncio.ensure_future(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far: asyncio.StreamWriter | None = None
        try:
            await self._may_pass.wait()
            answers, far = await asyncio.open_unix_connection(self._engine)
            await until_one_ends(self._copy(reader, far), self._copy(answers, writer, answering=True))
        except (asyncio.CancelledError, OSError):
            pass
        finally:
            for end in (writer, far):
                if end is not None:
                    end.close()

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answering: bool = False) -> None:
        with contextlib.suppress(OSError):
            while piece := await source.read(PIECE):
                await self._may_pass.wait()
                if not answering and self._before and self._before[0] in piece:
                    (_, do), self._before = self._before, None
                    await asyncio.to_thread(do)
                if not answering and self._trap and self._trap[0] in piece:
                    (_, arrives), self._trap = self._trap, None
                    sink.write(piece if arrives else b"")
                    await sink.drain()
                    return
                sink.write(piece.replace(*self.replaced) if answering and self.replaced else piece)
                await sink.drain()


@contextmanager
def engine_proxy() -> Iterator[EngineProxy]:
    """In front of the engine that the docker command uses too."""
    made = EngineProxy(find().url.removeprefix("unix://"))
    try:
        yield made
    finally:
        made.close()
