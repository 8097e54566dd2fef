"""The book of a load to a PostgreSQL: one row for each write, in a table of this run's own.

A write is one INSERT by the simple protocol, which is confirmed after its COMMIT. It is read from the primary alone.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from demo.errors import BookError
from demo.load.book.run_name import RunName, has_ended
from demo.load.book.store import READ_TIMEOUT_SEC
from demo.load.postgres_connections import CLOSE_TIMEOUT_SEC, NOT_CONNECTED, PostgresConnections
from demo.load.sender import BROKEN, NO_ANSWER, NO_CONNECTION, OK, RequestResult

if TYPE_CHECKING:
    import psycopg

PREFIX = "demo_book"
FIND = "SELECT relname FROM pg_class WHERE relkind = 'r' AND pg_table_is_visible(oid) AND starts_with(relname, %s)"
IS_REPLICA = "SELECT pg_is_in_recovery()"
REPLICA = "it is a replica, which may lag behind"


class PostgresBook:
    """Its table is dropped by `close`, and those of runs that have ended before the first write.

    Raises `InvalidValue` where psycopg is not installed.
    """

    max_span = 5000

    def __init__(self, name: RunName, url: str, timeout_sec: float) -> None:
        self._others = f"{PREFIX}_{name.place}_"
        self.table = f"{self._others}{name.run}"
        self._connections = PostgresConnections(url, timeout_sec)
        self._readers = PostgresConnections(url, READ_TIMEOUT_SEC)
        self._has_table = False
        self._creating = asyncio.Lock()

    async def write(self, number: int) -> RequestResult:
        sent: list[int] = []
        answer = await self._connections.send(self._insert(number, sent))
        return answer or (NO_ANSWER if sent else NO_CONNECTION)

    async def _insert(self, number: int, sent: list[int]) -> RequestResult:
        """Insert a row; `sent` has the number while it may have been applied without our knowing."""
        import psycopg  # noqa: PLC0415 - an optional extra

        try:
            async with self._connections.connection() as connection:
                await self._create_table(connection)
                sent.append(number)
                try:
                    await connection.execute(f"INSERT INTO {self.table} (number) VALUES ({number:d})".encode())  # noqa: S608
                except psycopg.Error:
                    if not connection.closed:
                        sent.clear()  # the server has refused it, and goes on
                    raise
        except psycopg.Error as error:
            return BROKEN if sent else self._refused(error)
        return OK

    def _refused(self, error: "psycopg.Error") -> RequestResult:
        from psycopg import errors  # noqa: PLC0415 - an optional extra

        if isinstance(error, errors.UndefinedTable):
            self._has_table = False  # it was dropped meanwhile, and the next request creates it
        return _describe(error)

    async def _create_table(self, connection: "psycopg.AsyncConnection[Any]") -> None:
        from psycopg import errors  # noqa: PLC0415 - an optional extra

        async with self._creating:
            if self._has_table:
                return
            await self._drop_ended(connection)
            with contextlib.suppress(errors.DuplicateTable):  # another connection has lost the answer to it
                await connection.execute(
                    f"CREATE TABLE {self.table} (id bigserial PRIMARY KEY, number bigint NOT NULL)".encode()
                )
                await connection.execute(f"CREATE INDEX ON {self.table} (number)".encode())
            self._has_table = True

    async def _drop_ended(self, connection: "psycopg.AsyncConnection[Any]") -> None:
        """Drop what killed runs of this show have left."""
        found = await (await connection.execute(FIND.encode(), (self._others,))).fetchall()
        for (table,) in found:
            if has_ended(str(table).removeprefix(self._others)):
                await connection.execute(f"DROP TABLE IF EXISTS {table}".encode())

    async def read(self, first: int, last: int) -> Sequence[int]:
        import psycopg  # noqa: PLC0415 - an optional extra

        numbers = (
            f"SELECT string_agg(number::text, ',' ORDER BY id) FROM {self.table} "  # noqa: S608
            f"WHERE number BETWEEN {first:d} AND {last:d}"
        )
        try:
            row = await self._readers.send(self._ask(f"{IS_REPLICA}, ({numbers})"))
        except psycopg.errors.UndefinedTable:
            row = await self._ask_a_server_without_table()
        except psycopg.Error as error:
            raise BookError(_describe(error).trouble) from error
        if row is None:
            raise BookError(NO_ANSWER.trouble)
        if row[0]:
            raise BookError(REPLICA)
        return list(map(int, row[1].split(","))) if row[1] else ()

    async def _ask(self, query: str) -> tuple[Any, ...] | None:
        async with self._readers.connection() as connection:
            return await (await connection.execute(query.encode())).fetchone()

    async def _ask_a_server_without_table(self) -> tuple[Any, ...] | None:
        """Return whether it is a replica, which may lack the table for now, and no numbers. Raises `BookError`."""
        import psycopg  # noqa: PLC0415 - an optional extra

        try:
            return await self._readers.send(self._ask(f"{IS_REPLICA}, NULL"))
        except psycopg.Error as error:
            raise BookError(_describe(error).trouble) from error

    async def close(self) -> None:
        """Drop the table, if the server still answers, and close the connections."""
        if self._has_table:
            with contextlib.suppress(Exception):
                async with asyncio.timeout(CLOSE_TIMEOUT_SEC), self._readers.connection() as connection:
                    await connection.execute(f"DROP TABLE IF EXISTS {self.table}".encode())
        await self._connections.close()
        await self._readers.close()


def _describe(error: "psycopg.Error") -> RequestResult:
    """Return what an error of psycopg means, without the address that its text may hold."""
    from psycopg import OperationalError, errors  # noqa: PLC0415 - an optional extra

    if isinstance(error, errors.UndefinedTable):
        return RequestResult("its table is gone")
    if isinstance(error, errors.ReadOnlySqlTransaction | errors.InsufficientPrivilege):
        return RequestResult("it refuses writes")
    return NOT_CONNECTED if isinstance(error, OperationalError) else RequestResult("it refuses the statement")
