"""Connections of a load to a PostgreSQL, used again for the next request. It needs psycopg, an optional extra."""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from demo.errors import InvalidValue
from demo.load.sender import RequestResult

if TYPE_CHECKING:
    import psycopg

MAX_CONNECTIONS = 10
CONNECT_TIMEOUT_SEC = 5.0
CLOSE_TIMEOUT_SEC = 1.0

CANCEL_RETRY_SEC = 0.05
MAX_CANCEL_RETRIES = 20

NOT_CONNECTED = RequestResult("connection refused or broken", is_answer=False)
NOT_INSTALLED = "PostgreSQL cannot be sent anything: install the extra, `pip install 'chaos-stage[postgres]'`"


logging.getLogger("psycopg").setLevel(logging.ERROR)
"""It warns, in the presenter's terminal, of each request that is given up: the load's card says that already."""

_T = TypeVar("_T")


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
        self._left: set[asyncio.Task[None]] = set()
        self._opening: set[asyncio.Task[psycopg.AsyncConnection[Any]]] = set()
        self._in_use = 0

    @property
    def in_use(self) -> int:
        """How many connections are lent."""
        return self._in_use

    async def send(self, request: Coroutine[Any, Any, _T]) -> _T | None:
        """Return the answer to a request, None if there is none in time."""
        sending = asyncio.create_task(request)
        try:
            await asyncio.wait({sending}, timeout=self._timeout_sec)
        finally:
            if not sending.done():
                leaving = asyncio.create_task(_let_go(sending))
                self._left.add(leaving)
                leaving.add_done_callback(self._left.discard)
        return sending.result() if sending.done() else None

    @asynccontextmanager
    async def connection(self) -> "AsyncIterator[psycopg.AsyncConnection[Any]]":
        """Lend a connection. One with which something went wrong is closed. Raises `psycopg.Error`."""
        async with self._slots:
            self._in_use += 1
            connection = None
            is_well = False
            try:
                connection = await self._take()
                yield connection
                is_well = True
            finally:
                self._in_use -= 1
                if connection is not None and is_well:
                    self._idle.append(connection)
                elif connection is not None:
                    await connection.close()

    async def _take(self) -> "psycopg.AsyncConnection[Any]":
        """Return an idle connection, or open one. Raises `psycopg.Error`.

        An attempt goes on when the request that began it is given up: many that are broken off would keep a server busy
        that has been frozen for a while, and so the next ones would be too late again.
        """
        while not self._idle:
            if len(self._opening) < MAX_CONNECTIONS:
                opening = asyncio.create_task(self._connect())
                self._opening.add(opening)
                opening.add_done_callback(self._end_opening)
                await asyncio.wait({opening})
                if not opening.cancelled() and (error := opening.exception()) is not None:
                    raise error
            else:
                await asyncio.wait(self._opening, return_when=asyncio.FIRST_COMPLETED)
        return self._idle.pop()

    def _end_opening(self, opening: "asyncio.Task[psycopg.AsyncConnection[Any]]") -> None:
        self._opening.discard(opening)
        if not opening.cancelled() and opening.exception() is None:
            self._idle.append(opening.result())

    async def _connect(self) -> "psycopg.AsyncConnection[Any]":
        import psycopg  # noqa: PLC0415 - an optional extra

        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_SEC):
                return await psycopg.AsyncConnection.connect(
                    self._url, autocommit=True, application_name="demo load", client_encoding="utf8"
                )
        except TimeoutError:
            raise psycopg.OperationalError("no connection in time") from None

    async def close(self) -> None:
        """Close all, once what was given up is done."""
        if self._left:
            await asyncio.wait(tuple(self._left), timeout=CLOSE_TIMEOUT_SEC)
        for opening in tuple(self._opening):
            opening.cancel()
        if self._opening:
            await asyncio.wait(tuple(self._opening), timeout=CLOSE_TIMEOUT_SEC)
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close()


async def _let_go(request: "asyncio.Task[Any]") -> None:
    """Cancel a request. psycopg asks the server to cancel it, and waits for a frozen one: it is cancelled once more."""
    for _ in range(MAX_CANCEL_RETRIES):
        request.cancel()
        await asyncio.wait({request}, timeout=CANCEL_RETRY_SEC)
        if request.done():
            break
    if request.done() and not request.cancelled():
        request.exception()
