"""The probe of any Redis, against a real one that is killed, frozen and locked."""

import asyncio

import pytest
from redis.asyncio import Redis

from demo.errors import InvalidValue
from demo.probes.redis_ping import REFUSED, RedisPingProbe
from tests.support.relays import redis_server

pytestmark = pytest.mark.anyio


async def test_a_redis_that_answers_tells_its_role_and_its_death_is_seen_and_survived() -> None:
    with redis_server() as redis:
        probe = RedisPingProbe(redis.url, 20.0)
        reading = await probe.read()
        assert (reading.ok, reading.data["role"]) == (True, "master")
        assert 0 < reading.data["latency"] < 20
        redis.kill()
        assert (await probe.read()).trouble == "connection refused"
        redis.start()
        assert (await probe.read()).ok
        await probe.close()


async def test_its_version_is_asked_over_the_one_connection_while_it_is_looked_at() -> None:
    with redis_server() as redis:
        probe = RedisPingProbe(redis.url, 20.0)
        assert (await probe.read()).ok
        async with Redis.from_url(redis.url) as client:
            before = {one["id"] for one in await client.client_list()}
            asked = asyncio.gather(*(probe.read() for _ in range(20)))
            version, readings = await asyncio.gather(probe.version(), asked)
            assert all(reading.ok for reading in readings)
            assert version == ("Redis", (await client.info("server"))["redis_version"])
            assert {one["id"] for one in await client.client_list()} == before
        redis.kill()
        assert await probe.version() is None
        await probe.close()


async def test_a_frozen_redis_is_given_up_and_its_late_answer_is_not_taken_for_another() -> None:
    with redis_server() as redis:
        probe = RedisPingProbe(redis.url, 1.0)
        async with asyncio.timeout(20):
            while not (await probe.read()).ok:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        redis.hang()
        try:
            assert (await probe.read()).trouble == "no answer in 1000 ms"
        finally:
            redis.resume()
        async with asyncio.timeout(20):
            while not (reading := await probe.read()).ok:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert reading.data["role"] == "master"
        await probe.close()


async def test_a_replica_says_what_it_is() -> None:
    with redis_server() as master, redis_server("--replicaof", "127.0.0.1", str(master.port)) as replica:
        probe = RedisPingProbe(replica.url, 20.0)
        assert (await probe.read()).data["role"] == "slave"
        await probe.close()


async def test_a_wrong_password_says_nothing_about_the_redis() -> None:
    with redis_server(password="right") as redis:
        for url in (redis.url.replace("right", "wrong"), redis.url.replace(":right@", "")):
            probe = RedisPingProbe(url, 20.0)
            reading = await probe.read()
            await probe.close()
            assert (reading.trouble, reading.inconclusive) == (REFUSED, True)


def test_what_is_no_url_of_a_redis_is_refused_without_its_password() -> None:
    with pytest.raises(InvalidValue, match="its URL is none of a Redis") as caught:
        RedisPingProbe("http://:secret@127.0.0.1")
    assert "secret" not in str(caught.value)
