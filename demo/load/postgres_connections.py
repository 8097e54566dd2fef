"""Connections of a load to a PostgreSQL, used again for the next request. It needs psycopg, an optional extra."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from demo.errors import InvalidValue
from demo.load.sender import Answer

if TYPE_CHECKING:
    import psycopg

MAX_CONNECTIONS = 10
CLOSE_TIMEOUT_SEC = 1.0

NOT_CONNECTED = Answer("connection refused or broken", is_answer=False)
NOT_INSTALLED = "PostgreSQL cannot be sent anything: install the extra, `pip install 'chaos-stage[postgres]'`"


class PostgresConnections:
    """Up to `MAX_CONNECTIONS` at the same time; waiting for a free one counts.

    Raises `InvalidValue` where psycopg is not installed.
    """

    def __init__(self, url: str, timeout_sec: float) -> None:
        try:
            import psycopg  # noqa: PLC0415 - an optional extra
        except ImportError:
            raise InvalidValue(NOT_INSTALLED) from None
        self._url, self._timeout_sec = url, timeout_sec
        self._slots = asyncio.Semaphore(MAX_CONNECTIONS)
        self._idle: list[psycopg.AsyncConnection[Any]] = []
        self._left: set[asyncio.Task[Answer]] = set()

    async def send(self, request: Coroutine[Any, Any, Answer]) -> Answer | None:
        """Return the answer to a request, None if there is none in time."""
        # Not cancelled at the timeout alone: psycopg then asks the server to cancel, and waits for a frozen one.
        sending = asyncio.create_task(request)
        try:
            await asyncio.wait({sending}, timeout=self._timeout_sec)
        finally:
            if not sending.done():
                sending.cancel()
                self._left.add(sending)
                sending.add_done_callback(self._forget)
        return sending.result() if sending.done() else None

    def _forget(self, task: "asyncio.Task[Answer]") -> None:
        self._left.discard(task)
        if not task.cancelled():
            task.exception()

    @asynccontextmanager
    async def connection(self) -> "AsyncIterator[psycopg.AsyncConnection[Any]]":
        """Lend a connection. One with which something went wrong is closed. Raises `psycopg.Error`."""
        async with self._slots:
            connection = self._idle.pop() if self._idle else await self._connect()
            is_well = False
            try:
                yield connection
                is_well = True
            finally:
                if is_well:
                    self._idle.append(connection)
                else:
                    await connection.close()

    async def _connect(self) -> "psycopg.AsyncConnection[Any]":
        import psycopg  # noqa: PLC0415 - an optional extra

        return await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, application_name="demo load", client_encoding="utf8"
        )

    async def close(self) -> None:
        """Cancel what is under way and close all."""
        for task in tuple(self._left):
            task.cancel()
        if self._left:
            await asyncio.wait(tuple(self._left), timeout=CLOSE_TIMEOUT_SEC)
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close()
