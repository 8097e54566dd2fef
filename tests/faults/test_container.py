"""Each deed on a real container: done, seen, undone, and undone twice; who is hit, and who may not be."""

import asyncio
import os
import random
import signal
import subprocess
from collections.abc import AsyncIterator

import pytest

from demo.container_engine import Engine, Selector
from demo.errors import EngineError, FaultError, InvalidValue
from demo.faults.container import ContainerFault, Elected, Fixed, OneOf
from demo.types import ChaosConfig, ChaosType
from tests.support.container_faults import (
    CONTAINER_FAULTS,
    DISCONNECT,
    KILL,
    PAUSE,
    STATE_WHEN_BROKEN,
    STOP,
    always,
    engine_at,
    fault,
    from_disk,
    probe,
    until_healed,
)
from tests.support.containers import ContainerGroup, docker
from tests.support.crashes import free_port
from tests.support.ratelimiter_system import until, until_async

pytestmark = pytest.mark.anyio

each_deed = pytest.mark.parametrize("deed", CONTAINER_FAULTS, ids=lambda deed: deed.value)


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with engine_at() as made:
        yield made


@each_deed
async def test_a_container_is_broken_and_brought_back_and_that_twice(
    containers: ContainerGroup, engine: Engine, deed: ChaosType
) -> None:
    port = free_port()
    network = containers.network()
    containers.run("one", "--network", network, "--network-alias", "uno", "--network-alias", "eins", publish=port)
    containers.run("other", "--network", network)
    is_up = probe(port)
    driver = fault(containers, deed, "one", engine, is_up)
    for _ in range(2):
        await until_async(lambda: is_up("one"))
        before = containers.inspect("one")
        plan = await driver.plan()
        assert await driver.is_healed(plan)
        await driver.inject(plan)
        assert containers.state("one") == STATE_WHEN_BROKEN[deed]
        assert (containers.aliases("one") == {}) == (deed is DISCONNECT)
        assert not await is_up("one")
        assert not await driver.is_healed(plan)
        healer = fault(containers, deed, "one", engine, is_up)
        for _ in range(2):
            await until_healed(healer, from_disk(plan))
        assert containers.state("one") == "running"
        assert containers.aliases("one") == {network: {"uno", "eins"}}
        assert await is_up("one")
        assert containers.inspect("one")["Id"] == before["Id"]
    assert containers.state("other") == "running"


@each_deed
async def test_a_deed_that_was_done_is_seen_by_who_undoes_it(
    containers: ContainerGroup, engine: Engine, deed: ChaosType
) -> None:
    containers.run("one", "--network", containers.network("a"))
    docker("network", "connect", containers.network("b"), containers.name("one"))
    driver = fault(containers, deed, "one", engine)
    plan = await driver.plan()
    assert not await driver.has_landed(plan)
    if deed is DISCONNECT:
        docker("network", "disconnect", next(iter(plan.undo["networks"])), containers.name("one"))
        assert not await driver.has_landed(plan), "the other network's request may be under way"
        await driver.heal(plan)
    await driver.inject(plan)
    healer = fault(containers, deed, "one", engine)
    assert await healer.has_landed(from_disk(plan))
    await until_healed(healer, from_disk(plan))
    assert await healer.has_landed(plan) == (deed in (KILL, STOP)), "an end leaves a trace, a pause does not"
    now = await driver.plan()
    docker("pause", containers.name("one"))
    assert await healer.has_landed(now) == (deed is PAUSE), "somebody's pause is no end"
    docker("rm", "--force", containers.name("one"))
    assert await healer.has_landed(plan), "nothing lands on what is not there"


@each_deed
async def test_the_command_for_a_person_undoes_it(containers: ContainerGroup, engine: Engine, deed: ChaosType) -> None:
    subnet = f"10.{random.randint(200, 250)}.{random.randint(0, 255)}"
    networks = [containers.network("a"), containers.network("b", "--subnet", f"{subnet}.0/24")]
    containers.run("one", "--network", networks[0], "--network-alias", "a one")
    docker("network", "connect", "--ip", f"{subnet}.9", "--alias", "uno", networks[1], containers.name("one"))
    before = containers.aliases("one")
    driver = fault(containers, deed, "one", engine)
    plan = await driver.plan()
    await driver.inject(plan)
    assert not await driver.is_healed(plan)
    await asyncio.to_thread(subprocess.run, plan.manual, shell=True, check=True, capture_output=True)
    assert await driver.is_healed(plan)
    assert containers.aliases("one") == before
    assert containers.inspect("one")["NetworkSettings"]["Networks"][networks[1]]["IPAddress"] == f"{subnet}.9"


@each_deed
async def test_two_who_heal_at_once_do_not_disturb_each_other(
    containers: ContainerGroup, engine: Engine, deed: ChaosType
) -> None:
    network = containers.network()
    containers.run("one", "--network", network, "--network-alias", "uno")
    driver = fault(containers, deed, "one", engine)
    plan = await driver.plan()
    await driver.inject(plan)
    async with engine_at() as second:
        await asyncio.gather(driver.heal(plan), fault(containers, deed, "one", second).heal(plan))
    assert await driver.is_healed(plan)
    assert containers.aliases("one") == {network: {"uno"}}


async def test_healed_is_what_the_probe_says_too(containers: ContainerGroup, engine: Engine) -> None:
    containers.run("one")
    asked = []

    async def is_up(name: str) -> bool:
        asked.append(name)
        return False

    driver = fault(containers, KILL, "one", engine, is_up)
    plan = await driver.plan()
    await driver.heal(plan)
    assert not await driver.is_healed(plan)
    assert asked == ["one"]


async def test_a_stop_lets_it_end_by_itself_and_a_kill_does_not(containers: ContainerGroup, engine: Engine) -> None:
    for deed, code in ((STOP, 0), (KILL, 137)):
        containers.run(deed.value)
        driver = fault(containers, deed, deed.value, engine)
        await driver.inject(await driver.plan())
        assert containers.inspect(deed.value)["State"]["ExitCode"] == code


async def test_what_is_killed_stays_down_even_if_its_policy_is_to_restart(
    containers: ContainerGroup, engine: Engine
) -> None:
    containers.run("one", "--restart", "always")
    driver = fault(containers, KILL, "one", engine)
    plan = await driver.plan()
    await driver.inject(plan)
    assert containers.state("one") == "exited"
    await until_healed(driver, plan)


async def test_what_came_back_by_itself_is_healed(containers: ContainerGroup, engine: Engine) -> None:
    """Its process ends, and the engine starts it again: no command of ours is between them."""
    containers.run("one", "--restart", "always")
    driver = fault(containers, KILL, "one", engine)
    plan = await driver.plan()
    started = containers.inspect("one")["State"]["StartedAt"]
    os.kill(containers.inspect("one")["State"]["Pid"], signal.SIGKILL)
    await until(
        lambda: containers.inspect("one")["State"]["StartedAt"] != started and containers.state("one") == "running"
    )
    await driver.heal(plan)
    assert await driver.is_healed(plan)


async def test_a_container_on_the_engines_own_network_comes_back_to_it(
    containers: ContainerGroup, engine: Engine
) -> None:
    port = free_port()
    containers.run("one", publish=port)
    driver = fault(containers, DISCONNECT, "one", engine, probe(port))
    plan = await driver.plan()
    await driver.inject(plan)
    assert containers.aliases("one") == {}
    await until_healed(driver, plan)
    assert set(containers.aliases("one")) == {"bridge"}


@pytest.mark.parametrize("network", ["host", "none"])
async def test_a_container_without_a_network_of_its_own_is_not_disconnected(
    containers: ContainerGroup, engine: Engine, network: str
) -> None:
    containers.run("one", "--network", network)
    with pytest.raises(FaultError, match="one has no network of its own"):
        await fault(containers, DISCONNECT, "one", engine).plan()


@pytest.mark.parametrize("deed", [KILL, STOP], ids=["kill", "stop"])
async def test_what_nobody_could_bring_back_is_not_ended(
    containers: ContainerGroup, engine: Engine, deed: ChaosType
) -> None:
    containers.run("one", "--rm")
    with pytest.raises(FaultError, match=r"one was started with --rm"):
        await fault(containers, deed, "one", engine).plan()


async def test_what_removes_itself_can_be_paused(containers: ContainerGroup, engine: Engine) -> None:
    containers.run("one", "--rm")
    driver = fault(containers, PAUSE, "one", engine)
    plan = await driver.plan()
    await driver.inject(plan)
    await until_healed(driver, plan)


@each_deed
@pytest.mark.parametrize(("done", "state"), [("pause", "paused"), ("kill", "exited")])
async def test_one_that_does_not_run_is_not_broken_again(
    containers: ContainerGroup, engine: Engine, deed: ChaosType, done: str, state: str
) -> None:
    containers.run("one")
    docker(done, containers.name("one"))
    with pytest.raises(FaultError, match=f"one is {state}, so it cannot be .*: heal it first"):
        await fault(containers, deed, "one", engine).plan()


async def test_only_what_carries_the_label_is_touched(containers: ContainerGroup, engine: Engine) -> None:
    containers.run("one", target=False)
    driver = fault(containers, KILL, "one", engine)
    for asked in (driver.plan, driver.choose):
        with pytest.raises(FaultError, match=r"does not have the label demo\.target=true, so no fault may change it"):
            await asked()
    allowed = fault(containers, KILL, "one", engine, allow_unlabelled=True)
    await allowed.inject(await allowed.plan())
    assert containers.state("one") == "exited"


async def test_one_of_several_is_not_guessed(containers: ContainerGroup, engine: Engine) -> None:
    for name in ("web-1", "web-2"):
        containers.run(name, service="web")
    with pytest.raises(FaultError, match=r"there are 2 containers of service web of project .*web-1, .*web-2"):
        await fault(containers, KILL, "web", engine).plan()


async def test_a_name_that_begins_like_another_hits_only_its_own(containers: ContainerGroup, engine: Engine) -> None:
    for name in ("tikv-pd0", "a-tikv"):
        containers.run(name)
    driver = fault(containers, KILL, "tikv", engine)
    with pytest.raises(FaultError, match="there is no container of service tikv of project"):
        await driver.plan()
    containers.run("tikv")
    await driver.inject(await driver.plan())
    assert [containers.state(name) for name in ("tikv", "tikv-pd0", "a-tikv")] == ["exited", "running", "running"]


async def test_a_service_of_another_project_is_left_alone(containers: ContainerGroup, engine: Engine) -> None:
    containers.run("one", labels={"com.docker.compose.project": f"{containers.project}-b"})
    try:
        with pytest.raises(FaultError, match="there is no container"):
            await fault(containers, KILL, "one", engine).plan()
    finally:
        docker("rm", "--force", containers.name("one"))


async def test_the_victim_shown_before_a_countdown_is_the_one_that_is_hit(
    containers: ContainerGroup, engine: Engine
) -> None:
    names = [f"n{number}" for number in range(4)]
    for name in names:
        containers.run(name)
    driver = fault(containers, PAUSE, OneOf([Selector(service=name) for name in names]), engine)
    assert driver.target == "one of n0, n1, n2, n3"
    assert driver.observable == "one of n0, n1, n2, n3 is down"
    for _ in range(6):
        shown = await driver.choose()
        plan = await driver.plan()
        assert plan.target == shown
        assert driver.observable == f"{shown} is down"


async def test_a_choice_is_good_for_one_plan(containers: ContainerGroup, engine: Engine) -> None:
    leaders = iter(["a", "b"])
    for name in ("a", "b"):
        containers.run(name)

    async def leader() -> Selector:
        return Selector(service=next(leaders))

    driver = fault(containers, PAUSE, Elected("the leader", leader), engine)
    assert driver.target == "the leader"
    assert await driver.choose() == "a"
    assert [(await driver.plan()).target, (await driver.plan()).target] == ["a", "b"]


async def test_a_choice_of_long_ago_counts_no_more(containers: ContainerGroup, engine: Engine) -> None:
    leaders = iter(["a", "b"])
    for name in ("a", "b"):
        containers.run(name)

    async def leader() -> Selector:
        return Selector(service=next(leaders))

    driver = fault(containers, PAUSE, Elected("the leader", leader), engine, pin_sec=0.0)
    assert await driver.choose() == "a"
    assert (await driver.plan()).target == "b"


async def test_no_leader_is_a_sentence_of_its_own(engine: Engine, containers: ContainerGroup) -> None:
    async def nobody() -> None:
        return None

    async def unknown() -> None:
        raise EngineError("no PD answers")

    with pytest.raises(FaultError, match="there is no leader now: try again when there is one"):
        await fault(containers, KILL, Elected("the leader", nobody), engine).plan()
    with pytest.raises(FaultError, match="it is not known which container is the leader: no PD answers"):
        await fault(containers, KILL, Elected("the leader", unknown), engine).plan()


def test_what_is_nothing_for_a_container_is_no_fault_of_one() -> None:
    config = ChaosConfig("burst", ChaosType.BURST_TRAFFIC, "")
    with pytest.raises(InvalidValue, match="chaos_type burst_traffic cannot be applied to a container"):
        ContainerFault(config, Fixed(Selector(name="x")), Engine(), always)


def test_nobody_is_not_a_choice() -> None:
    with pytest.raises(InvalidValue):
        OneOf([])


async def test_it_is_seen_when_the_very_node_is_neither_up_nor_degraded(
    containers: ContainerGroup, engine: Engine
) -> None:
    containers.run("one")
    driver = fault(containers, KILL, "one", engine)

    def seen(health: str, ident: str = "one") -> bool:
        return driver.is_seen({"nodes": [{"id": ident, "health": health}]}, 0.0)

    assert not seen("down"), "nothing is planned yet"
    await driver.plan()
    assert [seen(word) for word in ("up", "degraded", "down", "starting", "unknown")] == [
        False,
        False,
        True,
        True,
        True,
    ]
    assert seen("up", ident="other"), "a node that is not listed any more is down"
