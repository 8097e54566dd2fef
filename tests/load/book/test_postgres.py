"""The book of a load to a real PostgreSQL: numbered rows, read again, and what a killed server leaves open."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import psycopg
import pytest

from demo.errors import BookError
from demo.load.book.marks import Anomalies
from demo.load.book.postgres import PREFIX, PostgresBook
from demo.load.book.run_name import RunName
from demo.load.book.sender import BookSender
from demo.load.load import Load
from demo.load.postgres_connections import MAX_CONNECTIONS, PostgresConnections
from demo.processes.ports import free_ports
from tests.load.loaded import until
from tests.support.postgres import Postgres, postgres

pytestmark = [pytest.mark.anyio, pytest.mark.system]


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    with postgres() as found:
        yield found


def run_sql(database: Postgres, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(database.url, client_encoding="utf8", autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def tables(database: Postgres) -> set[str]:
    found = run_sql(database, f"SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE '{PREFIX}%'")
    return {str(name) for (name,) in found}


@asynccontextmanager
async def booked(
    url: str, timeout: float = 20.0, load: str = "writes"
) -> AsyncIterator[tuple[PostgresBook, BookSender]]:
    store = PostgresBook(RunName.of("a show", "writes"), url, timeout)
    sender = BookSender(store)
    try:
        yield store, sender
    finally:
        await sender.close()


async def test_rows_that_are_deleted_or_written_twice_are_found_and_others_are_not_touched(database: Postgres) -> None:
    run_sql(database, "CREATE TABLE theirs (number bigint)")
    async with booked(database.url) as (store, sender):
        load = Load(sender, 20.0)
        load.set_rate(50)
        await until(lambda: sender.state().counts.confirmed >= 20 and sender.state().is_known)
        assert sender.state().counts.wrong == Anomalies()
        run_sql(database, f"DELETE FROM {store.table} WHERE number IN (3, 5)")
        run_sql(database, f"INSERT INTO {store.table} (number) VALUES (7), (-1)")
        await until(lambda: sender.state().counts.wrong.lost == 2)
        assert sender.state().counts.wrong.duplicate == 1
        assert tables(database) == {store.table}
        await load.close()
    assert tables(database) == set()
    assert run_sql(database, "SELECT count(*) FROM theirs") == [(0,)]


async def test_what_a_killed_run_of_the_same_show_has_left_is_dropped_and_a_living_one_is_not(
    database: Postgres,
) -> None:
    here, other = RunName.of("a show", "writes"), RunName.of("another show", "writes")
    ended = here.run.replace("_", "_1", 1)
    left = f"{PREFIX}_{here.place}_{ended}"
    theirs = {f"{PREFIX}_{other.place}_{ended}", f"{PREFIX}_{here.place}_notes"}
    for table in (left, *theirs):
        run_sql(database, f"CREATE TABLE {table} (number bigint)")
    async with booked(database.url) as (store, sender):
        assert (await sender.send(1)).trouble == ""
        assert tables(database) == {store.table, *theirs}
    for table in theirs:
        run_sql(database, f"DROP TABLE {table}")


async def test_a_frozen_server_leaves_it_open_what_was_written_and_nothing_is_known(database: Postgres) -> None:
    async with booked(database.url, 0.3) as (_, sender):
        while sender.state().counts.confirmed < 3:
            await sender.send(1)
        before = sender.state().counts.refused
        database.signal_all(signal.SIGSTOP)
        try:
            answer = await sender.send(2)
            assert (answer.trouble, answer.is_ambiguous) == ("no answer in time", True)
            sender.ask()
            await until(lambda: not sender.state().is_known)
        finally:
            database.signal_all(signal.SIGCONT)
        await until(lambda: sender.state().is_known)
        counts = sender.state().counts
        assert (counts.ambiguous >= 1, counts.wrong.lost, counts.refused) == (True, 0, before)


async def test_what_is_given_up_at_a_frozen_server_leaves_its_connections_for_others(database: Postgres) -> None:
    connections = PostgresConnections(database.url, 0.3)

    async def ask() -> bool:
        async with connections.connection() as connection:
            await connection.execute(b"SELECT 1")
            return True

    while not await connections.send(ask()):
        pass
    database.signal_all(signal.SIGSTOP)
    try:
        assert await asyncio.gather(*(connections.send(ask()) for _ in range(MAX_CONNECTIONS + 2))) == [None] * 12
        await until(lambda: connections.in_use == 0)
    finally:
        database.signal_all(signal.SIGCONT)
        await connections.close()


async def test_a_server_that_is_not_there_or_refuses_has_taken_nothing(database: Postgres) -> None:
    (port,) = free_ports(1)
    async with booked(f"postgresql://tests@127.0.0.1:{port}/postgres") as (store, sender):
        answer = await sender.send(1)
        assert (answer.is_answer, answer.is_ambiguous) == (False, False)
        with pytest.raises(BookError, match="connection refused"):
            await store.read(1, 1000)
    async with booked(f"{database.url}?options=-c%20default_transaction_read_only%3Don") as (_, sender):
        answer = await sender.send(1)
        assert (answer.trouble, answer.is_ambiguous) == ("it refuses writes", False)


async def test_a_connection_that_ends_during_a_write_leaves_it_open(database: Postgres) -> None:
    """The server process that serves the write is killed: a trigger lets it wait for that."""
    async with booked(database.url) as (store, sender):
        assert (await sender.send(1)).trouble == ""
        run_sql(
            database,
            f"CREATE FUNCTION ends() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END$$; "
            f"CREATE TRIGGER ends BEFORE INSERT ON {store.table} EXECUTE FUNCTION ends()",
        )
        assert (await sender.send(2)).is_ambiguous
        run_sql(database, "DROP FUNCTION ends CASCADE")
        await until(lambda: sender.state().is_known)
        counts = sender.state().counts
        assert (counts.confirmed, counts.ambiguous, counts.wrong) == (1, 1, Anomalies())


async def test_a_table_that_is_gone_has_lost_all_and_is_made_anew(database: Postgres) -> None:
    async with booked(database.url) as (store, sender):
        for number in range(5):
            await sender.send(number)
        run_sql(database, f"DROP TABLE {store.table}")
        assert (await sender.send(6)).trouble == "its table is gone"
        assert (await sender.send(7)).trouble == ""
        sender.ask()
        await until(lambda: sender.state().is_known)
        assert sender.state().counts.wrong == Anomalies(lost=5)
