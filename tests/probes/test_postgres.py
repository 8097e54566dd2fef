"""The probe of a PostgreSQL, against a real one."""

import asyncio
import signal
import time
from collections.abc import Iterator

import pytest

from demo.probes.postgres import TABLE, PostgresProbe
from demo.processes.ports import free_ports
from tests.support.postgres import Postgres, postgres

pytestmark = pytest.mark.anyio

psycopg = pytest.importorskip("psycopg")


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    with postgres() as found:
        yield found


async def test_a_server_that_answers_tells_its_role_and_the_answer_to_a_query(database: Postgres) -> None:
    query = "SELECT n AS count, 'x' || n AS name, 1.5::numeric AS half FROM generate_series(3, 4) n"
    probe = PostgresProbe(database.url, 20.0, query)
    reading = await probe.read()
    await probe.close()
    assert reading.ok
    told = dict(reading.data)
    assert 0 < told.pop("latency") < 20
    rows = [{"count": n, "name": f"x{n}", "half": 1.5} for n in (3, 4)]
    assert told == {"role": "primary", "value": 3, **rows[0], "body": rows}


async def test_its_version_is_what_it_said_when_it_was_connected_to(database: Postgres) -> None:
    probe = PostgresProbe(database.url, 20.0, "SHOW server_version")
    assert await probe.version() is None
    reading = await probe.read()
    assert await probe.version() == ("PostgreSQL", reading.data["value"])
    await probe.close()
    assert await probe.version() is None


async def test_a_query_without_rows_has_no_value(database: Postgres) -> None:
    probe = PostgresProbe(database.url, 20.0, "SELECT 1 WHERE false")
    reading = await probe.read()
    await probe.close()
    assert (reading.ok, reading.data["value"], reading.data["body"]) == (True, None, [])


async def test_the_write_probe_writes_one_row_and_a_server_that_only_reads_says_so(database: Postgres) -> None:
    probe = PostgresProbe(database.url, 20.0, writes=True)
    for _ in range(2):
        assert (await probe.read()).data["writes"] is True
    await probe.close()
    read_only = PostgresProbe(f"{database.url}?options=-c%20default_transaction_read_only%3Don", 20.0, writes=True)
    reading = await read_only.read()
    await read_only.close()
    assert (reading.ok, reading.data["writes"]) == (True, False)
    connection = await psycopg.AsyncConnection.connect(database.url)
    async with connection:
        row = await (await connection.execute(f"SELECT count(*) FROM {TABLE}")).fetchone()
    assert row == (1,)


async def test_a_write_that_hangs_leaves_a_server_that_reads(database: Postgres) -> None:
    probe = PostgresProbe(database.url, 20.0, writes=True)
    assert (await probe.read()).data["writes"] is True
    await probe.close()
    locked = await psycopg.AsyncConnection.connect(database.url)
    async with locked:
        await locked.execute(f"LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE")
        hanging = PostgresProbe(database.url, 3.0, writes=True)
        reading = await hanging.read()
        await hanging.close()
    assert (reading.ok, reading.data.get("writes")) == (True, False)


async def test_a_frozen_server_is_given_up_at_the_timeout_and_answers_again_when_it_is_woken(
    database: Postgres,
    caplog: pytest.LogCaptureFixture,
) -> None:
    probe = PostgresProbe(database.url, 1.0)
    async with asyncio.timeout(20):
        while not (await probe.read()).ok:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    database.signal_all(signal.SIGSTOP)
    try:
        for _ in range(3):
            started = time.monotonic()
            assert (await probe.read()).trouble == "no answer in 1000 ms"
            assert time.monotonic() - started < 5
        assert caplog.messages == []  # they would stand in the presenter's terminal
    finally:
        database.signal_all(signal.SIGCONT)
    async with asyncio.timeout(20):
        while not (await probe.read()).ok:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await probe.close()


async def test_what_a_server_refuses_is_said_without_its_url(database: Postgres) -> None:
    free = free_ports(1)[0]
    readings = {
        "connection refused": (f"postgresql://tests@127.0.0.1:{free}/postgres", None, False),
        "has no such database or user": (f"postgresql://tests@127.0.0.1:{database.port}/none", None, True),
        "refuses the query": (database.url, "SELECT nonsense", True),
    }
    for trouble, (url, query, inconclusive) in readings.items():
        probe = PostgresProbe(url, 20.0, query)
        reading = await probe.read()
        await probe.close()
        assert (reading.trouble, reading.inconclusive) == (trouble, inconclusive)


async def test_the_death_of_a_connection_is_seen_and_the_next_look_opens_another(database: Postgres) -> None:
    probe = PostgresProbe(database.url, 20.0)
    assert (await probe.read()).ok
    connection = await psycopg.AsyncConnection.connect(database.url)
    async with connection:
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'demo probe'"
        )
    reading = await probe.read()
    assert (reading.ok, reading.inconclusive) == (False, False)
    assert (await probe.read()).ok
    await probe.close()
