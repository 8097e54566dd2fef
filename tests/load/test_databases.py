"""Loads of a real Redis and a real PostgreSQL: what they write is their own, and what goes wrong is said."""

import signal
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from demo.clock import uptime
from demo.errors import InvalidValue
from demo.load.load import Load
from demo.load.postgres import TABLE, PostgresSender
from demo.load.redis import RedisSender
from demo.processes.ports import free_ports
from tests.load.loaded import until
from tests.support.postgres import Postgres, postgres
from tests.support.relays import RedisServer

pytestmark = [pytest.mark.anyio, pytest.mark.system]


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    server = RedisServer(password="hunter2")
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="module")
def database() -> Iterator[Postgres]:
    with postgres() as found:
        yield found


def rows(database: Postgres) -> list[tuple[Any, ...]]:
    with psycopg.connect(database.url, client_encoding="utf8") as connection:
        return connection.execute(f"SELECT load, number FROM {TABLE} ORDER BY number".encode()).fetchall()


async def test_keys_of_redis_are_its_own_and_go_away(redis: RedisServer) -> None:
    redis.client.set("theirs", "1")
    load = Load(RedisSender("writes", redis.url, 20.0), 20.0)
    load.measure_since(uptime())
    load.set_rate(100)
    await until(lambda: load.measured().count >= 30)
    assert load.measured().errors == 0
    redis.client.config_set("maxmemory", 1)
    await until(lambda: load.last_trouble == "it has no memory left")
    redis.client.config_set("maxmemory", 0)
    await load.close()
    keys = {key.decode() for key in redis.client.scan_iter()} - {"theirs"}
    assert len(keys) >= 30  # what is sent too late is not sent, so that any number may be left out
    assert all(key.startswith("demo:load:writes:") for key in keys)
    assert all(0 < int(redis.client.ttl(key)) <= 60 for key in keys)


async def test_a_frozen_redis_gives_no_answer_and_a_dead_one_refuses() -> None:
    (port,) = free_ports(1)
    load = Load(RedisSender("writes", f"redis://127.0.0.1:{port}", 5.0), 5.0)
    load.set_rate(50)
    await until(lambda: load.last_trouble == "connection refused or broken")
    await load.close()
    with pytest.raises(InvalidValue, match="none of a Redis") as caught:
        RedisSender("writes", "http://:hunter2@127.0.0.1", 1.0)
    assert "hunter2" not in str(caught.value)


async def test_rows_of_postgres_are_in_a_table_of_its_own_and_go_away(database: Postgres) -> None:
    load = Load(PostgresSender("writes", database.url, 20.0), 20.0)
    load.measure_since(uptime())
    load.set_rate(50)
    await until(lambda: load.measured().count >= 20)
    load.set_rate(0)
    await until(lambda: load.in_flight == 0)
    found = load.measured()
    assert found.errors == 0
    assert rows(database) == [("writes", number) for number in range(1, found.count + 1)]
    await load.close()
    assert rows(database) == []


async def test_a_frozen_postgres_does_not_slow_the_arrivals(database: Postgres) -> None:
    load = Load(PostgresSender("writes", database.url, 0.3), 0.3)
    load.measure_since(uptime())
    load.set_rate(50)
    await until(lambda: load.measured().count >= 5)
    database.signal_all(signal.SIGSTOP)
    try:
        before = load.measured().count
        await until(lambda: load.measured().count >= before + 30 and load.last_trouble == "no answer in time")
    finally:
        database.signal_all(signal.SIGCONT)
    await until(lambda: load.last_trouble == "")
    await load.close()
