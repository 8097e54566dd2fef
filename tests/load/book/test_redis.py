"""The book of a load to a real Redis: lists of its own, read again, also after a failover that forgets."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from redis.exceptions import RedisError

from demo.errors import BookError, InvalidValue
from demo.load.book.marks import Anomalies
from demo.load.book.redis import PREFIX, RedisBook
from demo.load.book.run_name import RunName
from demo.load.book.sender import BookSender
from demo.load.load import Load
from tests.load.loaded import until
from tests.support.relays import RedisServer, redis_server

pytestmark = [pytest.mark.anyio, pytest.mark.system]

NAME = RunName.of("a show", "writes")


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with redis_server(password="hunter2") as found:
        yield found


@asynccontextmanager
async def booked(url: str, timeout: float = 20.0) -> AsyncIterator[tuple[RedisBook, BookSender]]:
    store = RedisBook(NAME, url, timeout)
    sender = BookSender(store)
    try:
        yield store, sender
    finally:
        await sender.close()


def keys(redis: RedisServer) -> set[str]:
    return {key.decode() for key in redis.client.scan_iter()}


async def test_numbers_that_vanish_come_twice_or_change_their_order_are_found(redis: RedisServer) -> None:
    redis.client.set("theirs", "1")
    async with booked(redis.url) as (store, sender):
        load = Load(sender, 20.0)
        load.set_rate(100)
        await until(lambda: sender.state().counts.confirmed >= 30)
        load.set_rate(0)
        await until(lambda: load.in_flight == 0)
        sender.ask()
        await until(lambda: sender.state().is_known)
        assert sender.state().counts.wrong == Anomalies()
        key = store.key(0)
        redis.client.lrem(key, 1, "4")
        redis.client.rpush(key, "9")
        redis.client.lrem(key, 1, "2")
        redis.client.rpush(key, "2")
        sender.ask()
        await until(lambda: sender.state().is_known)
        assert sender.state().counts.wrong == Anomalies(lost=1, duplicate=1, out_of_order=1)
        assert keys(redis) == {"theirs", key, f"{PREFIX}:{NAME.place}"}
        assert 0 < int(redis.client.ttl(key)) <= 24 * 3600
    assert keys(redis) == {"theirs"}


async def test_a_replica_that_is_promoted_without_the_last_writes_has_lost_them(redis: RedisServer) -> None:
    """The failover: the replica is cut off, the primary dies, and the replica takes over its address."""
    with redis_server(password="hunter2") as replica:
        replica.client.config_set("masterauth", "hunter2")
        replica.client.slaveof("127.0.0.1", redis.port)
        async with booked(redis.url) as (_, sender):
            for number in range(20):
                assert (await sender.send(number)).trouble == ""
            await redis_has_followed(replica, redis)
            replica.client.slaveof()
            for number in range(7):
                assert (await sender.send(number)).trouble == ""
            redis.client.shutdown(nosave=True)
            redis.kill()
            answer = await sender.send(0)
            assert (answer.is_answer, bool(answer.trouble)) == (False, True)
            sender.ask()
            await until(lambda: bool(sender.state().trouble))
            assert not sender.state().is_known
            # The replica has the address of the primary now: its content is handed over to a server on that port.
            redis.start()
            redis.client.slaveof("127.0.0.1", replica.port)
            redis.client.config_set("masterauth", "hunter2")
            await redis_has_followed(redis, replica)
            await until(lambda: sender.state().trouble == "it is a replica, which may lag behind")
            assert (await sender.send(0)).trouble == "it is a replica, which refuses writes"
            redis.client.slaveof()
            await until(lambda: sender.state().is_known)
            assert sender.state().counts.wrong.lost == 7
            assert sender.state().counts.confirmed == 27


async def redis_has_followed(replica: RedisServer, primary: RedisServer) -> None:
    def has_followed() -> bool:
        with contextlib.suppress(RedisError):
            info = replica.client.info("replication")
            offset = primary.client.info("replication")["master_repl_offset"]
            return info.get("master_link_status") == "up" and info["slave_repl_offset"] >= offset
        return False

    await until(has_followed)


async def test_a_frozen_redis_leaves_it_open_what_was_written(redis: RedisServer) -> None:
    async with booked(redis.url, 0.3) as (_, sender):
        while sender.state().counts.confirmed < 3:
            await sender.send(1)
        redis.hang()
        try:
            answer = await sender.send(1)
            assert (answer.trouble, answer.is_ambiguous) == ("no answer in time", True)
        finally:
            redis.resume()
        sender.ask()
        await until(lambda: sender.state().is_known)
        assert sender.state().counts.ambiguous >= 1
        assert sender.state().counts.wrong.lost == 0


async def test_what_a_killed_run_has_left_is_removed_and_others_are_not(redis: RedisServer) -> None:
    ended = NAME.run.replace("_", "_1", 1)
    runs = f"{PREFIX}:{NAME.place}"
    redis.client.hset(runs, ended, "2")
    for key in (f"{runs}:{ended}:0", f"{runs}:{ended}:1", f"{runs}:notes"):
        redis.client.rpush(key, "1")
    async with booked(redis.url) as (store, sender):
        assert (await sender.send(1)).trouble == ""
        assert keys(redis) == {runs, store.key(0), f"{runs}:notes"}


async def test_a_redis_that_is_not_there_or_has_no_memory_has_taken_nothing(redis: RedisServer) -> None:
    async with booked(redis.url) as (store, sender):
        assert (await sender.send(1)).trouble == ""
        redis.client.config_set("maxmemory", 1)
        answer = await sender.send(1)
        assert (answer.trouble, answer.is_ambiguous) == ("it has no memory left", False)
        redis.kill()
        await sender.send(1)  # the connection that was kept is found broken
        answer = await sender.send(1)
        assert (answer.is_answer, answer.is_ambiguous) == (False, False)
        with pytest.raises(BookError, match="connection refused"):
            await store.read(1, 1000)
        assert sender.state().counts.ambiguous <= 1
    with pytest.raises(InvalidValue, match="none of a Redis"):
        RedisBook(NAME, "http://:hunter2@127.0.0.1", 1.0)
