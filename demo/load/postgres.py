"""Requests to a PostgreSQL: each inserts one row into a table of our own. It needs psycopg, an optional extra."""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from demo.load.postgres_connections import CLOSE_TIMEOUT_SEC, NOT_CONNECTED, PostgresConnections
from demo.load.sender import NO_ANSWER, OK, RequestResult

if TYPE_CHECKING:
    import psycopg

TABLE = "demo_load"
CREATE = (
    f"CREATE TABLE IF NOT EXISTS {TABLE} "
    "(load text NOT NULL, number bigint NOT NULL, at timestamptz NOT NULL DEFAULT now())"
)
INSERT = f"INSERT INTO {TABLE} (load, number) VALUES (%s, %s)"  # noqa: S608
DELETE = f"DELETE FROM {TABLE} WHERE load = %s"  # noqa: S608


class PostgresSender:
    """Its rows are deleted by `close`. Raises `InvalidValue` where psycopg is not installed."""

    def __init__(self, name: str, url: str, timeout_sec: float) -> None:
        self._name = name
        self._connections = PostgresConnections(url, timeout_sec)
        self._has_table = False
        self._creating = asyncio.Lock()

    async def send(self, number: int) -> RequestResult:
        return await self._connections.send(self._insert(number)) or NO_ANSWER

    async def close(self) -> None:
        """Delete the rows of this load, if the server still answers, and close the connections."""
        if self._has_table:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(CLOSE_TIMEOUT_SEC), self._connections.connection() as connection:
                    await connection.execute(DELETE.encode(), (self._name,))
        await self._connections.close()

    async def _insert(self, number: int) -> RequestResult:
        import psycopg  # noqa: PLC0415 - an optional extra

        try:
            async with self._connections.connection() as connection:
                await self._create_table(connection)
                await connection.execute(INSERT.encode(), (self._name, number))
        except psycopg.errors.UndefinedTable:
            self._has_table = False  # it was dropped meanwhile, and the next request creates it
            return RequestResult("its table is gone")
        except (psycopg.errors.ReadOnlySqlTransaction, psycopg.errors.InsufficientPrivilege):
            return RequestResult("it refuses writes")
        except psycopg.OperationalError:
            return NOT_CONNECTED
        except psycopg.Error:
            return RequestResult("it refuses the statement")
        return OK

    async def _create_table(self, connection: "psycopg.AsyncConnection[Any]") -> None:
        from psycopg import errors  # noqa: PLC0415 - an optional extra

        async with self._creating:
            if not self._has_table:
                # Another show may create it at the same moment.
                with contextlib.suppress(errors.UniqueViolation, errors.DuplicateTable):
                    await connection.execute(CREATE.encode())
                self._has_table = True
