"""A pause of a real Redis that nobody of this project started."""

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace

import pytest

from demo.errors import FaultError
from demo.showfile.drivers import DriverContext, Secrets, build_drivers
from demo.showfile.schema.front_matter import FrontMatter
from demo.types import FaultDriver
from demo.watchdog.undo import undo
from tests.showfile.drivers.plain_probes import ask
from tests.support.relays import RedisServer

pytestmark = [pytest.mark.anyio, pytest.mark.system]


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    server = RedisServer(password="hunter2")
    try:
        yield server
    finally:
        server.close()


def driver(redis: RedisServer, environ: Mapping[str, str] | None = None) -> FaultDriver:
    settings = FrontMatter.model_validate(
        {
            "faults": {"freeze": {"redis": {"url": f"redis://:${{pw}}@127.0.0.1:{redis.port}", "do": "pause"}}},
            "secrets": {"pw": {"env": "PASSWORD"}},
        }
    )
    secrets = Secrets({"pw": "PASSWORD"}, {"PASSWORD": "hunter2"} if environ is None else environ)
    return build_drivers(settings, DriverContext(ask, secrets=secrets))[0]


def accepts_writes(redis: RedisServer) -> bool:
    redis.client.connection_pool.connection_kwargs["socket_timeout"] = 0.3
    try:
        return bool(redis.client.set("any", 1))
    except Exception:  # noqa: BLE001 - a write that waits
        redis.client.connection_pool.disconnect()
        return False


async def test_writes_wait_while_it_is_paused_and_a_healer_without_the_show_lets_them_go_on(redis: RedisServer) -> None:
    freeze = driver(redis)
    assert freeze.target == f"redis 127.0.0.1:{redis.port}"
    plan = await freeze.plan()
    assert "hunter2" not in json.dumps(asdict(plan))
    await freeze.inject(replace(plan, duration_sec=60.0))
    assert not await asyncio.to_thread(accepts_writes, redis)
    assert redis.client.ping()
    assert not await freeze.is_healed(plan)
    with pytest.raises(FaultError, match="does not accept writes now"):
        await freeze.plan()
    assert "not healed: set PASSWORD" in str(await undo(driver(redis, {}), plan))
    assert await undo(freeze, plan) is None
    assert await asyncio.to_thread(accepts_writes, redis)


async def test_a_redis_that_was_restarted_has_no_pause_any_more_and_one_that_is_away_is_not_healed(
    redis: RedisServer,
) -> None:
    freeze = driver(redis)
    plan = await freeze.plan()
    await freeze.inject(replace(plan, duration_sec=60.0))
    redis.kill()
    other = driver(redis)
    with pytest.raises(FaultError, match="did not accept INFO server") as raised:
        await other.is_healed(plan)
    assert "hunter2" not in str(raised.value)
    redis.start()
    assert await other.is_healed(plan)
    with pytest.raises(FaultError, match="was restarted meanwhile: nothing was paused"):
        await other.inject(plan)
    assert await undo(freeze, plan) is None
