"""Requests to a PostgreSQL: each inserts one row into a table of our own. It needs psycopg, an optional extra."""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from demo.errors import InvalidValue
from demo.load.sender import NO_ANSWER, OK, Answer

if TYPE_CHECKING:
    import psycopg

MAX_CONNECTIONS = 10
CLOSE_TIMEOUT_SEC = 1.0

TABLE = "demo_load"
CREATE = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} "
    "(load text NOT NULL, number bigint NOT NULL, at timestamptz NOT NULL DEFAULT now())"
)
INSERT = f"INSERT INTO {TABLE} (load, number) VALUES (%s, %s)"  # noqa: S608
DELETE = f"DELETE FROM {TABLE} WHERE load = %s"  # noqa: S608

NOT_CONNECTED = Answer("connection refused or broken", is_answer=False)
NOT_INSTALLED = "PostgreSQL cannot be sent anything: install the extra, `pip install 'chaos-stage[postgres]'`"


class PostgresSender:
    """Up to `MAX_CONNECTIONS` at the same time; waiting for a free one counts. Its rows are deleted by `close`.

    Raises `InvalidValue` where psycopg is not installed.
    """

    def __init__(self, name: str, url: str, timeout_sec: float) -> None:
        try:
            import psycopg  # noqa: PLC0415 - an optional extra
        except ImportError:
            raise InvalidValue(NOT_INSTALLED) from None
        self._name, self._url, self._timeout_sec = name, url, timeout_sec
        self._slots = asyncio.Semaphore(MAX_CONNECTIONS)
        self._idle: list[psycopg.AsyncConnection[Any]] = []
        self._left: set[asyncio.Task[Answer]] = set()
        self._has_table = False
        self._creating = asyncio.Lock()

    async def send(self, number: int) -> Answer:
        # Not cancelled at the timeout alone: psycopg then asks the server to cancel, and waits for a frozen one.
        inserting = asyncio.create_task(self._insert(number))
        try:
            await asyncio.wait({inserting}, timeout=self._timeout_sec)
        finally:
            if not inserting.done():
                inserting.cancel()
                self._left.add(inserting)
                inserting.add_done_callback(self._forget)
        return inserting.result() if inserting.done() else NO_ANSWER

    def _forget(self, task: "asyncio.Task[Answer]") -> None:
        self._left.discard(task)
        if not task.cancelled():
            task.exception()

    async def close(self) -> None:
        """Delete the rows of this load, if the server still answers, and close the connections."""
        for task in tuple(self._left):
            task.cancel()
        if self._left:
            await asyncio.wait(tuple(self._left), timeout=CLOSE_TIMEOUT_SEC)
        if self._has_table:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(CLOSE_TIMEOUT_SEC):
                    connection = self._idle[0] if self._idle else await self._connect()
                    await connection.execute(DELETE.encode(), (self._name,))
                    await connection.close()
        idle, self._idle = self._idle, []
        for connection in idle:
            await connection.close()

    async def _connect(self) -> "psycopg.AsyncConnection[Any]":
        import psycopg  # noqa: PLC0415 - an optional extra

        return await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, application_name="demo load", client_encoding="utf8"
        )

    async def _insert(self, number: int) -> Answer:
        import psycopg  # noqa: PLC0415 - an optional extra

        connection = None
        async with self._slots:
            try:
                connection = self._idle.pop() if self._idle else await self._connect()
                await self._create_table(connection)
                await connection.execute(INSERT.encode(), (self._name, number))
            except psycopg.errors.UndefinedTable:
                self._has_table = False  # it was dropped meanwhile, and the next request creates it
                return Answer("its table is gone")
            except (psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.InsufficientPrivilege):
                return Answer("it refuses writes")
            except psycopg.OperationalError:
                return NOT_CONNECTED
            except psycopg.Error:
                return Answer("it refuses the statement")
            else:
                self._idle.append(connection)
                connection = None
                return OK
            finally:
                if connection is not None:
                    await connection.close()

    async def _create_table(self, connection: "psycopg.AsyncConnection[Any]") -> None:
        from psycopg import errors  # noqa: PLC0415 - an optional extra

        async with self._creating:
            if not self._has_table:
                # Another show may create it at the same moment.
                with contextlib.suppress(errors.UniqueViolation, errors.DuplicateTable):
                    await connection.execute(CREATE.encode())
                self._has_table = True
