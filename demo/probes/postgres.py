"""A probe of a PostgreSQL by its URL: it accepts a connection, answers `SELECT 1`, and, if asked for, writes a row.

It needs psycopg, which is an optional extra.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from demo.probes.result import Reading
from demo.probes.server_version import Version

if TYPE_CHECKING:
    import psycopg

TIMEOUT_SEC = 0.3
MAX_ROWS = 1000
CANCEL_RETRY_SEC = 0.05

TABLE = "demo_probe"
"""The table of the write probe. It has one row, and belongs to us alone."""

CREATE = f"CREATE TABLE IF NOT EXISTS {TABLE} (id text PRIMARY KEY, at timestamptz NOT NULL)"
WRITE = f"INSERT INTO {TABLE} VALUES ('probe', now()) ON CONFLICT (id) DO UPDATE SET at = now()"  # noqa: S608

NOT_INSTALLED = "PostgreSQL cannot be asked: install the extra, `pip install 'chaos-stage[postgres]'`"

logging.getLogger("psycopg").setLevel(logging.ERROR)
"""It warns, in the presenter's terminal, of each look that is given up: the reading says that already."""

_REASONS = (
    ("starting up", "is starting up", False),
    ("shutting down", "is shutting down", False),
    ("recovery", "is recovering", False),
    ("too many", "has no connection left", False),
    ("refused", "connection refused", False),
    ("authentication", "refuses our user or password", True),
    ("pg_hba", "refuses our user or password", True),
    ("does not exist", "has no such database or user", True),
    ("resolve", "its host name cannot be resolved", True),
    ("missing", "its URL cannot be read", True),
    ("invalid", "its URL cannot be read", True),
)
"""What the message of a failed connection contains, what it means, and whether that says nothing about the server."""


def is_installed() -> bool:
    """Return whether psycopg can be imported."""
    try:
        import psycopg  # noqa: F401, PLC0415 - an optional extra
    except ImportError:
        return False
    return True


class PostgresProbe:
    """The reading's data: `latency` in seconds, `role` (primary, replica), `writes` with `writes=True`.

    With a `query` also `value` (the first column of its first row), `body` (its rows as objects), and the columns of
    the first row by their names. The connection is kept from look to look until `close`.
    """

    def __init__(
        self, url: str, timeout_sec: float = TIMEOUT_SEC, query: str | None = None, *, writes: bool = False
    ) -> None:
        self._url, self._timeout_sec, self._query, self._writes = url, timeout_sec, query, writes
        self._connection: psycopg.AsyncConnection[Any] | None = None
        self._has_table = False
        self._is_installed = is_installed()  # imported before the first look, whose timeout it would take up

    async def read(self) -> Reading:
        if not self._is_installed:
            return Reading(trouble=NOT_INSTALLED, inconclusive=True)
        data: dict[str, Any] = {}
        looking = asyncio.create_task(self._look(data))
        try:
            await asyncio.wait({looking}, timeout=self._timeout_sec)
            if looking.done():
                return looking.result()
        finally:
            if not looking.done():
                await self._let_go(looking)
        if "latency" in data:  # everything was answered but the write
            return Reading({**data, "writes": False}, took_ms=data["latency"] * 1000)
        return Reading(trouble=f"no answer in {self._timeout_sec * 1000:.0f} ms")

    async def version(self) -> Version | None:
        """Return what the server said when it was connected to; None without a connection. Asks nothing."""
        connection = self._connection
        if connection is None or connection.closed:
            return None
        told = connection.info.parameter_status("server_version")
        return None if told is None else ("PostgreSQL", told)

    async def close(self) -> None:
        """Close the connection; the next look opens it again."""
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _let_go(self, looking: "asyncio.Task[Reading]") -> None:
        """Cancel a look. psycopg tries to cancel the query first, for which a frozen server lets it wait."""
        for _ in range(3):
            looking.cancel()
            await asyncio.wait({looking}, timeout=CANCEL_RETRY_SEC)
            if looking.done():
                break
        with contextlib.suppress(BaseException):
            looking.exception()
        await self.close()

    async def _look(self, data: dict[str, Any]) -> Reading:
        import psycopg  # noqa: PLC0415 - an optional extra

        started = time.perf_counter()
        try:
            connection = await self._connected()
            await connection.execute("SELECT 1")
            took_sec = time.perf_counter() - started
            told = {"role": await _role(connection)}
            if self._query is not None:
                told |= await _ask(connection, self._query)
            data |= {**told, "latency": took_sec}
            if self._writes:
                data["writes"] = await self._write(connection)
        except psycopg.Error as error:
            await self.close()
            return _describe(error)
        return Reading(data, took_ms=data["latency"] * 1000)

    async def _connected(self) -> "psycopg.AsyncConnection[Any]":
        import psycopg  # noqa: PLC0415 - an optional extra

        if self._connection is None or self._connection.closed:
            self._has_table = False
            self._connection = await psycopg.AsyncConnection.connect(
                self._url,
                autocommit=True,
                prepare_threshold=None,
                application_name="demo probe",
                client_encoding="utf8",  # without it a database in SQL_ASCII returns bytes
            )
        return self._connection

    async def _write(self, connection: "psycopg.AsyncConnection[Any]") -> bool:
        """Write the row; return False from a server that only reads."""
        from psycopg import errors  # noqa: PLC0415 - an optional extra

        try:
            if not self._has_table:
                await connection.execute(CREATE)
                self._has_table = True
            await connection.execute(WRITE.encode())
        except errors.UniqueViolation:  # another show created the table at the same moment
            return True
        except errors.UndefinedTable:  # it was dropped meanwhile, and the next look creates it
            self._has_table = False
            return False
        except (errors.ReadOnlySqlTransaction, errors.InsufficientPrivilege, errors.DiskFull):
            return False
        return True


async def _role(connection: "psycopg.AsyncConnection[Any]") -> str | None:
    """Return whether it is a primary or a replica; None for a server that is not a PostgreSQL, but speaks as one."""
    from psycopg import errors  # noqa: PLC0415 - an optional extra

    try:
        row = await (await connection.execute("SELECT pg_is_in_recovery()")).fetchone()
    except (errors.UndefinedFunction, errors.FeatureNotSupported):
        return None
    return None if row is None else "replica" if row[0] else "primary"


async def _ask(connection: "psycopg.AsyncConnection[Any]", query: str) -> dict[str, Any]:
    """Return the answer to a query: its first value, its first row by columns, and all rows as objects."""
    cursor = await connection.execute(query.encode())
    names = [column.name for column in cursor.description or ()]
    found = await cursor.fetchmany(MAX_ROWS) if names else []
    rows = [dict(zip(names, map(_plain, row), strict=True)) for row in found]
    first: Mapping[str, Any] = rows[0] if rows else {}
    return {**first, "value": next(iter(first.values()), None), "body": rows}


def _plain(value: object) -> object:
    """Return a value of the database as JSON has it; what JSON lacks becomes text."""
    if value is None or isinstance(value, str | bool | int | float | list | dict):
        return value
    return float(value) if isinstance(value, Decimal) else str(value)


def _describe(error: "psycopg.Error") -> Reading:
    """Return what an error of psycopg means, in words that are fit for the audience."""
    from psycopg import OperationalError  # noqa: PLC0415 - an optional extra

    if not isinstance(error, OperationalError):
        return Reading(trouble="refuses the query", inconclusive=True)
    text = str(error).lower()
    for part, meaning, inconclusive in _REASONS:
        if part in text:
            return Reading(trouble=meaning, inconclusive=inconclusive)
    return Reading(trouble="closed the connection without an answer")
