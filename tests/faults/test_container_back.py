"""Real containers that an operator brings back while their fault runs: said so, and no heal claims it."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from demo.conductor import Conductor, ShowConfig
from demo.container_engine import Engine
from demo.show import commands as c
from demo.types import ChaosType
from tests.conductor.test_conductor import THREE
from tests.support.container_faults import DISCONNECT, KILL, PAUSE, STATE_WHEN_BROKEN, engine_at, fault, probe
from tests.support.containers import ContainerGroup, docker
from tests.support.crashes import free_port
from tests.support.ratelimiter_system import until, until_async

pytestmark = pytest.mark.anyio

TIMEOUT_SEC = 20.0
LOOKED_SEC = 1.5
"""Longer than the pause between two looks of the show at a target that is broken."""

BY_HAND = {KILL: ("start",), PAUSE: ("unpause",), DISCONNECT: ("network", "connect", "bridge")}


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with engine_at() as made:
        yield made


@pytest.mark.parametrize("deed", BY_HAND, ids=lambda deed: deed.value)
async def test_a_container_that_an_operator_brings_back_came_back_by_itself(
    containers: ContainerGroup, engine: Engine, deed: ChaosType
) -> None:
    port = free_port()
    containers.run("one", publish=port)
    is_up = probe(port)
    await until_async(lambda: is_up("one"))
    driver = fault(containers, deed, "one", engine, is_up, duration_sec=600.0)
    conductor = Conductor(ShowConfig("test", THREE, None, faults=[driver]))
    show = asyncio.create_task(conductor.run())
    try:
        await conductor.until(lambda state: state.opened, TIMEOUT_SEC)
        await conductor.submit(c.CommandEnvelope("test", c.Inject(driver.config.name)))
        assert await conductor.until(lambda state: state.faults[0].state == "active", TIMEOUT_SEC), conductor.state.log
        await until(lambda: containers.state("one") == STATE_WHEN_BROKEN[deed])
        await asyncio.sleep(LOOKED_SEC)
        docker(*BY_HAND[deed], containers.name("one"))
        assert await conductor.until(lambda state: state.faults[0].state == "idle", TIMEOUT_SEC), conductor.state.log
        back = conductor.state.faults[0].came_back_after_sec
        assert back is not None, conductor.state.log
        assert back > LOOKED_SEC
        said = [line.text for line in conductor.state.log]
        assert f"{driver.config.name} came back by itself after {back:.1f} s" in said
        assert not [text for text in said if "healed" in text]
    finally:
        conductor.stop()
        await asyncio.wait_for(show, TIMEOUT_SEC)
    assert await is_up("one")
