"""Drivers that can be told their target: each hits, and heals, the one that was named."""

import pytest

from demo.container_engine import Selector
from demo.errors import FaultError
from demo.faults.container import Elected, Fixed, OneOf, TargetSelection
from demo.faults.process_kill import ProcessKill
from demo.faults.process_signal import SignalFault, TargetProcess
from demo.faults.target_selection import AnyMember
from demo.subjects.ratelimiter.faults import KILL as KILL_NODE
from demo.subjects.ratelimiter.faults import faults as limiter_faults
from demo.subjects.registry import load
from demo.types import ChaosConfig, ChaosType, ChoosesTarget, FaultDriver
from tests.support.container_faults import (
    CONTAINER_FAULTS,
    KILL,
    STATE_WHEN_BROKEN,
    engine_at,
    fault,
    from_disk,
    until_healed,
)
from tests.support.containers import ContainerGroup
from tests.support.ratelimiter_system import running, until_async
from tests.support.servers import serving

pytestmark = pytest.mark.anyio

BOTH = (Selector(service="a"), Selector(service="b"))


async def first() -> Selector:
    return BOTH[0]


SELECTIONS: dict[str, TargetSelection] = {
    "fixed": Fixed(BOTH[0]),
    "one of": OneOf(BOTH),
    "any": AnyMember(lambda: BOTH),
    "elected": Elected("the leader", first, lambda: BOTH),
    "elected of unknown": Elected("the leader", first),
}


@pytest.mark.parametrize(
    ("kind", "targets"),
    [("fixed", "a"), ("one of", "a b"), ("any", "a b"), ("elected", "a b"), ("elected of unknown", "")],
)
async def test_a_container_can_be_named_among_those_that_the_fault_may_hit(kind: str, targets: str) -> None:
    async with engine_at("http://127.0.0.1:9") as engine:
        driver: FaultDriver = fault(ContainerGroup(), KILL, SELECTIONS[kind], engine)
        assert isinstance(driver, ChoosesTarget)
        assert list(driver.targets()) == targets.split()
        with pytest.raises(FaultError, match="there is no target 'c'"):
            await driver.plan_for("c")


@pytest.mark.parametrize("deed", CONTAINER_FAULTS, ids=lambda deed: deed.value)
async def test_the_container_that_is_named_is_broken_and_healed_and_no_other(
    containers: ContainerGroup, deed: ChaosType
) -> None:
    for name in ("a", "b"):
        containers.run(name)
    async with engine_at() as engine:
        driver = fault(containers, deed, SELECTIONS["elected"], engine)
        assert await driver.choose() == "a"
        plan = from_disk(await driver.plan_for("b"))
        assert plan.target == "b"
        networks = containers.aliases("b")
        await driver.inject(plan)
        assert (containers.state("a"), containers.state("b")) == ("running", STATE_WHEN_BROKEN[deed])
        assert (containers.aliases("b") == networks) == (STATE_WHEN_BROKEN[deed] != "running")
        await until_healed(driver, plan, 15)
        assert (containers.state("b"), containers.aliases("b")) == ("running", networks)
        assert (await driver.plan()).target == "a", "the next one is the fault's own again"


@pytest.mark.system
async def test_any_node_of_the_limiter_can_be_killed_and_comes_back() -> None:
    async with running() as system:
        driver = limiter_faults(system)[0]
        assert isinstance(driver, ProcessKill)
        assert (driver.target, list(driver.targets())) == ("node-2", ["node-1", "node-2", "node-3"])
        plan = from_disk(await driver.plan_for("node-3"))
        await driver.inject(plan)
        assert not await driver.is_healed(plan)
        assert await system.nodes[1].is_up()
        assert driver.is_seen({"nodes": [{"id": "node-3", "health": "down"}]}, 0.0)
        assert not driver.is_seen({"nodes": [{"id": "node-2", "health": "down"}, {"id": "node-3", "health": "up"}]}, 0)
        # Another process heals it from the plan alone.
        fresh = ProcessKill(KILL_NODE, system.nodes[1], system.system_run, system.nodes)
        await fresh.heal(plan)
        await until_async(lambda: fresh.is_healed(plan))
        assert await system.nodes[2].is_up()
        with pytest.raises(FaultError, match="there is no target 'redis'"):
            await driver.plan_for("redis")


def test_a_process_can_be_named_among_those_of_its_kind() -> None:
    config = ChaosConfig("freeze", ChaosType.CONTAINER_PAUSE, "Freeze the leader")
    driver: FaultDriver = SignalFault(config, "the leader", lambda: "a", Nobody(), lambda: ("a", "b"))
    assert isinstance(driver, ChoosesTarget)
    assert list(driver.targets()) == ["a", "b"]


class Nobody:
    """A `ProcessOwner` of nothing."""

    async def find(self, name: str, *, to_kill: bool) -> TargetProcess:
        raise AssertionError(name)

    async def restart(self, undo: object) -> None: ...

    async def is_up(self, undo: object) -> bool:
        return True


@pytest.mark.parametrize(("subject", "known"), [("etcd", 3), ("tikv", 0)])
def test_every_fault_of_a_cluster_takes_its_members_as_soon_as_they_are_known(subject: str, known: int) -> None:
    """A store's container is only known once the engine has told of it."""
    for driver in load(subject).faults:
        assert isinstance(driver, ChoosesTarget)
        assert len(driver.targets()) == known


@pytest.mark.system
def test_over_http_a_node_of_the_limiter_is_killed_for_as_long_as_was_asked_for() -> None:
    with serving("ratelimiter") as server:
        server.until(lambda state: bool(state["health"]) and not state["health"]["has_issues"], 30)
        answer = server.client.post("/chaos/kill-node", json={"target": "node-1", "duration_sec": 1})
        assert answer.status_code == 202
        state = server.until(lambda state: state["chaos"][0]["detected_after_sec"] is not None)
        assert {node["id"] for node in state["health"]["nodes"] if node["health"] == "down"} == {"node-1"}
        assert state["chaos"][0]["target"] == "node-1"
        state = server.until(lambda state: state["chaos"][0]["recovered_after_sec"] is not None)
        assert state["chaos"][0]["target"] == "node-2"
        assert not state["health"]["has_issues"]
        assert server.client.post("/chaos/burst?target=pay-naive").status_code == 422
