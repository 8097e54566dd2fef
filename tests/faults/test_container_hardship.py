"""When things go wrong around a fault on a container: it vanishes, is replaced, meddled with; the engine is away."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from demo.container_engine import Engine
from demo.errors import FaultError
from demo.faults.container_restore import ContainerState, restore_container
from demo.types import ChaosType
from tests.support.container_faults import (
    CONTAINER_FAULTS,
    DISCONNECT,
    KILL,
    PAUSE,
    engine_at,
    fault,
    from_disk,
    probe,
    until_healed,
)
from tests.support.containers import PORT, ContainerGroup, docker
from tests.support.crashes import free_port
from tests.support.engine_proxy import EngineProxy, engine_proxy
from tests.support.ratelimiter_system import until_async

pytestmark = pytest.mark.anyio

each_deed = pytest.mark.parametrize("deed", CONTAINER_FAULTS, ids=lambda deed: deed.value)


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with engine_at() as made:
        yield made


# The container goes its own ways.


async def test_a_victim_that_vanishes_after_it_was_shown_is_not_replaced_by_another(
    containers: ContainerGroup, engine: Engine
) -> None:
    containers.run("one")
    driver = fault(containers, KILL, "one", engine)
    await driver.choose()
    docker("rm", "--force", containers.name("one"))
    containers.run("one")
    with pytest.raises(FaultError, match="one was removed since it was chosen: nothing was changed"):
        await driver.plan()
    assert containers.state("one") == "running"
    assert (await driver.plan()).target == "one", "the next plan chooses anew"


@each_deed
async def test_a_victim_that_vanishes_after_the_plan_is_not_hit(
    containers: ContainerGroup, engine: Engine, deed: ChaosType
) -> None:
    containers.run("one")
    driver = fault(containers, deed, "one", engine)
    plan = await driver.plan()
    docker("rm", "--force", containers.name("one"))
    containers.run("one")
    with pytest.raises(FaultError, match="one was removed: nothing was changed"):
        await driver.inject(plan)
    assert containers.state("one") == "running"
    assert set(containers.aliases("one")) == {"bridge"}
    await driver.heal(plan)
    assert await driver.is_healed(plan)


@each_deed
async def test_a_victim_that_went_down_after_the_plan_is_not_hit(
    containers: ContainerGroup, engine: Engine, deed: ChaosType
) -> None:
    containers.run("one")
    driver = fault(containers, deed, "one", engine)
    plan = await driver.plan()
    docker("stop", containers.name("one"))
    with pytest.raises(FaultError, match="one is exited, no longer running: nothing was changed"):
        await driver.inject(plan)


@each_deed
async def test_one_that_is_removed_while_it_is_broken_leaves_nothing_to_heal(
    containers: ContainerGroup, engine: Engine, deed: ChaosType
) -> None:
    containers.run("one")
    driver = fault(containers, deed, "one", engine)
    plan = await driver.plan()
    await driver.inject(plan)
    docker("rm", "--force", containers.name("one"))
    await driver.heal(plan)
    assert await driver.is_healed(plan)


async def test_a_new_one_of_the_same_name_is_not_taken_for_the_old_one(
    containers: ContainerGroup, engine: Engine
) -> None:
    containers.run("one")
    driver = fault(containers, KILL, "one", engine)
    plan = await driver.plan()
    await driver.inject(plan)
    docker("rm", "--force", containers.name("one"))
    containers.run("one")
    docker("pause", containers.name("one"))
    await driver.heal(plan)
    assert await driver.is_healed(plan)
    assert containers.state("one") == "paused", "somebody else's doing"


MEDDLING: dict[str, Callable[[ContainerGroup], object]] = {
    "killed": lambda containers: docker("kill", containers.name("one")),
    "paused": lambda containers: docker("pause", containers.name("one")),
    "started": lambda containers: docker("start", containers.name("one")),
    "restarted": lambda containers: docker("restart", "--time", "1", containers.name("one")),
    "unpaused": lambda containers: docker("unpause", containers.name("one")),
    "disconnected": lambda containers: docker("network", "disconnect", containers.name("net"), containers.name("one")),
    "connected": lambda containers: docker("network", "connect", containers.name("net"), containers.name("one")),
    "disconnected-killed": lambda containers: (MEDDLING["disconnected"](containers), MEDDLING["killed"](containers)),
    "started-paused": lambda containers: (MEDDLING["started"](containers), MEDDLING["paused"](containers)),
    "connected-paused": lambda containers: (MEDDLING["connected"](containers), MEDDLING["paused"](containers)),
    "started-disconnected": lambda containers: (MEDDLING["started"](containers), MEDDLING["disconnected"](containers)),
}
SENSIBLE = {
    ChaosType.CONTAINER_KILL: ("started", "disconnected", "started-paused", "started-disconnected", "restarted"),
    ChaosType.CONTAINER_STOP: ("started", "started-paused"),
    ChaosType.CONTAINER_PAUSE: ("unpaused", "killed", "disconnected", "disconnected-killed"),
    ChaosType.NETWORK_DISCONNECT: ("killed", "paused", "connected", "connected-paused", "restarted"),
}


@pytest.mark.parametrize(
    ("deed", "meddling"),
    [(deed, meddling) for deed, known in SENSIBLE.items() for meddling in known],
    ids=lambda part: part if isinstance(part, str) else part.value,
)
async def test_whatever_somebody_did_to_it_meanwhile_it_is_brought_back_to_what_it_was(
    containers: ContainerGroup, engine: Engine, deed: ChaosType, meddling: str
) -> None:
    port, network = free_port(), containers.network()
    containers.run("one", "--network", network, "--network-alias", "uno", publish=port)
    driver = fault(containers, deed, "one", engine, probe(port))
    plan = await driver.plan()
    await driver.inject(plan)
    MEDDLING[meddling](containers)
    await until_healed(driver, plan)
    assert containers.state("one") == "running"
    assert containers.aliases("one") == {network: {"uno"}}


@each_deed
async def test_a_heal_that_comes_behind_another_one_or_a_removal_is_no_failure(
    containers: ContainerGroup, engine: Engine, deed: ChaosType
) -> None:
    containers.run("one", "--network", containers.network())
    driver = fault(containers, deed, "one", engine)
    plan = await driver.plan()
    await driver.inject(plan)
    before = ContainerState.planned(plan)
    broken = await engine.inspect(before.id)
    assert broken is not None
    await driver.heal(plan)
    await restore_container(engine, before, broken)
    assert await driver.is_healed(plan)
    docker("rm", "--force", containers.name("one"))
    await restore_container(engine, before, broken)


async def test_half_of_its_names_lost_is_not_healed_and_what_it_gained_is_kept(
    containers: ContainerGroup, engine: Engine
) -> None:
    network = containers.network()
    containers.run("one", "--network", network, "--network-alias", "uno", "--network-alias", "eins")
    containers.run("other", "--network", network)
    driver = fault(containers, DISCONNECT, "one", engine)
    plan = await driver.plan()
    await driver.inject(plan)
    docker("network", "connect", "--alias", "uno", "--alias", "ichi", network, containers.name("one"))
    assert not await driver.is_healed(plan)
    await driver.heal(plan)
    assert await driver.is_healed(plan)
    assert containers.aliases("one") == {network: {"uno", "eins", "ichi"}}
    for name in ("uno", "eins", "ichi"):
        said = docker(
            "exec", containers.name("other"), "busybox", "wget", "-q", "-O", "-", f"http://{name}:{PORT}/name"
        )
        assert said == "one"


async def test_a_network_that_is_gone_is_said_and_healed_when_it_is_there_again(
    containers: ContainerGroup, engine: Engine
) -> None:
    network = containers.network()
    containers.run("one", "--network", network)
    driver = fault(containers, DISCONNECT, "one", engine)
    plan = await driver.plan()
    await driver.inject(plan)
    docker("network", "rm", network)
    with pytest.raises(FaultError, match=f"the network {network} no longer exists: create it again"):
        await driver.heal(plan)
    assert not await driver.is_healed(plan)
    docker("network", "create", network)
    await driver.heal(plan)
    assert await driver.is_healed(plan)


async def test_several_networks_are_all_left_and_all_joined_again(containers: ContainerGroup, engine: Engine) -> None:
    """Under the same names, and at the address that was asked for."""
    subnet = f"10.{random.randint(200, 250)}.{random.randint(0, 255)}"
    first, second = containers.network("a"), containers.network("b", "--subnet", f"{subnet}.0/24")
    containers.run("one", "--network", first, "--network-alias", "uno")
    docker("network", "connect", "--alias", "due", "--ip", f"{subnet}.77", second, containers.name("one"))
    driver = fault(containers, DISCONNECT, "one", engine)
    plan = await driver.plan()
    await driver.inject(plan)
    assert containers.aliases("one") == {}
    await driver.heal(plan)
    assert containers.aliases("one") == {first: {"uno"}, second: {"due"}}
    assert containers.inspect("one")["NetworkSettings"]["Networks"][second]["IPAddress"] == f"{subnet}.77"


# The engine goes its own ways.


@pytest.fixture
def proxy(containers: ContainerGroup) -> Iterator[EngineProxy]:
    with engine_proxy() as made:
        yield made


@each_deed
async def test_an_engine_that_is_away_is_never_healed(
    containers: ContainerGroup, proxy: EngineProxy, deed: ChaosType
) -> None:
    containers.run("one", "--network", containers.network())
    async with engine_at(proxy.url) as engine:
        driver = fault(containers, deed, "one", engine)
        plan = await driver.plan()
        await driver.inject(plan)
        proxy.cut()
        with pytest.raises(FaultError, match="no container engine answers at"):
            await driver.heal(plan)
        assert not await driver.is_healed(plan)
        with pytest.raises(FaultError, match="no container engine answers at"):
            await driver.plan()
        proxy.restore()
        assert not await driver.is_healed(plan)
        await driver.heal(plan)
        assert await driver.is_healed(plan)


async def test_an_engine_that_is_away_does_not_make_a_removed_container_healed(
    containers: ContainerGroup, proxy: EngineProxy
) -> None:
    containers.run("one")
    async with engine_at(proxy.url) as engine:
        driver = fault(containers, KILL, "one", engine)
        plan = await driver.plan()
        await driver.inject(plan)
        docker("rm", "--force", containers.name("one"))
        proxy.cut()
        assert not await driver.is_healed(plan)


async def test_an_engine_that_hangs_is_given_up_at_its_deadline_and_is_not_healed(
    containers: ContainerGroup, proxy: EngineProxy
) -> None:
    containers.run("one")
    async with engine_at(proxy.url, answer_sec=0.5) as engine:
        driver = fault(containers, PAUSE, "one", engine)
        plan = await driver.plan()
        await driver.inject(plan)
        proxy.hang()
        began = time.monotonic()
        assert not await driver.is_healed(plan)
        with pytest.raises(FaultError, match=r"did not answer within 0\.5 s"):
            await driver.heal(plan)
        assert time.monotonic() - began < 3
        proxy.resume()
        await until_healed(driver, plan)


REQUESTS = {
    ChaosType.CONTAINER_KILL: ("/kill", "/start"),
    ChaosType.CONTAINER_STOP: ("/stop", "/start"),
    ChaosType.CONTAINER_PAUSE: ("/pause", "/unpause"),
    ChaosType.NETWORK_DISCONNECT: ("/disconnect", "/connect"),
}


@each_deed
@pytest.mark.parametrize("arrives", [True, False], ids=["arrives", "does-not-arrive"])
async def test_a_line_that_breaks_right_at_the_deed_is_an_error_that_a_heal_mends(
    containers: ContainerGroup, proxy: EngineProxy, deed: ChaosType, arrives: bool
) -> None:
    containers.run("one", "--network", containers.network())
    async with engine_at(proxy.url) as engine:
        driver = fault(containers, deed, "one", engine)
        plan = await driver.plan()
        proxy.break_at(REQUESTS[deed][0], arrives=arrives)
        with pytest.raises(FaultError, match="no container engine answers at"):
            await driver.inject(plan)
        if arrives:
            await until_async(lambda: _not(driver.is_healed(plan)))
        proxy.break_at(REQUESTS[deed][1], arrives=arrives)
        if arrives:
            with pytest.raises(FaultError, match="no container engine answers at"):
                await driver.heal(plan)
        await until_healed(driver, from_disk(plan))


async def _not(told: Awaitable[bool]) -> bool:
    return not await told


@each_deed
@pytest.mark.parametrize("own", ["ID", "DockerRootDir"])
async def test_another_engine_that_answers_is_never_healed(
    containers: ContainerGroup, proxy: EngineProxy, engine: Engine, deed: ChaosType, own: str
) -> None:
    containers.run("one", "--network", containers.network())
    real = (await engine.info())[own]
    driver = fault(containers, deed, "one", engine)
    plan = await driver.plan()
    await driver.inject(plan)
    proxy.rename_engine(real, real[::-1])
    async with engine_at(proxy.url) as elsewhere:
        other = fault(containers, deed, "one", elsewhere)
        with pytest.raises(FaultError, match=r"one belongs to another container engine than .*: set DOCKER_HOST"):
            await other.heal(plan)
        assert not await other.is_healed(plan), "what it knows of is broken"
        docker("rm", "--force", containers.name("one"))
        with pytest.raises(FaultError, match="one belongs to another container engine"):
            await other.is_healed(plan)
    assert await driver.is_healed(plan)


async def test_the_loop_is_never_held_up(containers: ContainerGroup, engine: Engine) -> None:
    containers.run("one")
    driver = fault(containers, KILL, "one", engine)
    longest = 0.0

    async def beat() -> None:
        nonlocal longest
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.001)
            longest = max(longest, time.monotonic() - before)

    await driver.plan()
    beating = asyncio.create_task(beat())
    plan = await driver.plan()
    await driver.inject(plan)
    await until_healed(driver, plan)
    beating.cancel()
    assert longest < 0.25
