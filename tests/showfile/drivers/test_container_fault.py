"""Faults on containers of a show file, on a real engine."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import pytest

from demo.conditions import NodeFact
from demo.container_engine import Engine
from demo.errors import FaultError
from demo.showfile.drivers import DriverContext, build_drivers
from demo.showfile.drivers.container_fault import ContainersFault
from demo.showfile.drivers.protocols import Fill
from demo.showfile.schema.front_matter import FrontMatter
from demo.showfile.schema.probes import ProbeSettings
from demo.watchdog.undo import has_landed, undo
from tests.showfile.drivers.plain_probes import Nodes, ask
from tests.support.containers import ContainerGroup, container_group, docker

pytestmark = pytest.mark.anyio


@pytest.fixture
def containers() -> Iterator[ContainerGroup]:
    with container_group() as made:
        yield made


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    engine = Engine()
    yield engine
    await engine.close()


def members(**roles: str) -> Nodes:
    """Return nodes n-1, … of the probe `members`, each with its role and state."""
    states = {name: role.partition(" ") for name, role in roles.items()}
    nodes = [
        NodeFact(name.replace("_", "-"), state or "up", {"role": role}) for name, (role, _, state) in states.items()
    ]
    return Nodes({"members": nodes, **{node.id: [node] for node in nodes}})


async def ask_members(probes: Mapping[str, ProbeSettings], groups: Any, fill: Fill) -> Nodes:
    return members(n_1="a", n_2="b")


def fault(
    containers: ContainerGroup, engine: Engine, board: Nodes | None = None, healed: str = "", **target: Any
) -> ContainersFault:
    probe = {"run": ["true"], "container": containers.name("${id}")}
    given = {"container": {"do": "kill"} | target} | ({"healed": healed} if healed else {})
    settings = FrontMatter.model_validate(
        {
            "probes": {"members": probe},
            "groups": {"some": ["n-1", "n-2"]},
            "faults": {"broken": given},
        }
    )
    made = build_drivers(settings, DriverContext(ask_members, board, engine=engine, project=containers.project))[0]
    assert isinstance(made, ContainersFault)
    return made


async def test_the_node_that_has_a_role_now_leads_to_the_container_that_is_hit(
    containers: ContainerGroup, engine: Engine
) -> None:
    for name in ("n-1", "n-2"):
        containers.run(name)
    board = members(n_1="follower", n_2="leader")
    leader = fault(containers, engine, board, where="members.role == leader", do="kill")
    assert leader.target == "the one with members.role == leader"
    assert leader.describe_target() == "n-2"
    assert leader.targets() == ["n-1", "n-2"]
    plan = await leader.plan()
    assert containers.state("n-2") == "running"
    await leader.inject(plan)
    assert (containers.state("n-1"), containers.state("n-2")) == ("running", "exited")
    assert leader.is_seen({"nodes": [{"id": "n-1", "health": "up"}, {"id": "n-2", "health": "down"}]}, 0)
    assert not leader.is_seen({"nodes": [{"id": "n-1", "health": "down"}, {"id": "n-2", "health": "up"}]}, 0)
    assert await has_landed(leader, plan)
    # A healer without the show: no board, and no fault of this name but by the plan.
    healer = fault(containers, engine, name="another")
    assert not await healer.is_healed(plan)
    assert await undo(healer, plan) is None
    assert containers.state("n-2") == "running"
    named = await leader.plan_for("n-1")
    assert named.target == "n-1"


async def test_no_match_and_no_container_are_refused_with_a_sentence(
    containers: ContainerGroup, engine: Engine
) -> None:
    containers.run("n-1")
    board = members(n_1="follower", n_3="witness")
    for target, why in (
        ({"where": "members.role == leader"}, "no node matches members.role == leader now"),
        ({"where": "members.role == witness"}, f"there is no container {containers.name('n-3')}"),
        ({"service": "nothing"}, "there is no container nothing"),
        ({"group": "some"}, f"there is no container n-2|{containers.name('n-2')}"),
    ):
        refused = fault(containers, engine, board, **target)
        with pytest.raises(FaultError, match=why):
            await refused.plan()
    assert fault(containers, engine, board, where="members.role == leader").describe_target() == "no node matches now"
    with pytest.raises(FaultError, match="there is no target 'n-9' now"):
        await fault(containers, engine, board, where="members.role == follower").plan_for("n-9")
    containers.run("n-2", target=False)
    with pytest.raises(FaultError, match="does not have the label"):
        await fault(containers, engine, service="n-2").plan()


async def test_a_container_that_the_show_brought_up_needs_no_label(containers: ContainerGroup, engine: Engine) -> None:
    containers.run("n-1", target=False)
    settings = FrontMatter.model_validate({"faults": {"stop": {"container": {"service": "n-1", "do": "stop"}}}})
    context = DriverContext(
        ask, engine=engine, project=containers.project, owns=lambda container: container.project == containers.project
    )
    (driver,) = build_drivers(settings, context)
    plan = await driver.plan()
    await driver.inject(plan)
    assert containers.state("n-1") == "exited"
    assert await undo(driver, plan) is None


async def test_a_whole_group_is_hit_at_once_and_each_of_it_is_healed_and_verified(
    containers: ContainerGroup, engine: Engine
) -> None:
    for name in ("n-1", "n-2"):
        containers.run(name)
    board = members(n_1="a", n_2="b")
    both = fault(containers, engine, board, group="some", pick="all", do="pause")
    plan = await both.plan()
    assert plan.target == "n-1 and n-2"
    assert plan.manual == f"docker unpause {containers.name('n-1')} && docker unpause {containers.name('n-2')}"
    json.dumps(asdict(plan))
    await both.inject(plan)
    assert (containers.state("n-1"), containers.state("n-2")) == ("paused", "paused")
    docker("unpause", containers.name("n-1"))
    assert not await both.is_healed(plan), "the other one is still paused"
    assert await undo(both, plan) is None
    assert (containers.state("n-1"), containers.state("n-2")) == ("running", "running")


async def test_one_that_cannot_be_healed_keeps_no_other_from_being_healed(
    containers: ContainerGroup, engine: Engine
) -> None:
    network = containers.network()
    for name in ("n-1", "n-2"):
        containers.run(name, "--network", network)
    both = fault(containers, engine, members(n_1="a", n_2="b"), group="some", pick="all", do="stop")
    plan = await both.plan()
    await both.inject(plan)
    docker("network", "disconnect", network, containers.name("n-1"))
    plan.undo["containers"][0]["undo"]["networks"] = {"no-such-network": []}
    why = await undo(both, plan)
    assert why is not None
    assert "no-such-network" in why
    assert containers.state("n-2") == "running"


async def test_faults_on_different_containers_overlap_and_end_in_any_order(
    containers: ContainerGroup, engine: Engine
) -> None:
    for name in ("n-1", "n-2"):
        containers.run(name)
    one, other = (
        fault(containers, engine, service="n-1", do="kill"),
        fault(containers, engine, service="n-2", do="pause"),
    )
    plans = [await one.plan(), await other.plan()]
    await asyncio.gather(one.inject(plans[0]), other.inject(plans[1]))
    assert await undo(one, plans[0]) is None
    assert containers.state("n-2") == "paused"
    assert await undo(other, plans[1]) is None
    assert (containers.state("n-1"), containers.state("n-2")) == ("running", "running")


async def test_a_running_container_is_not_healed_before_its_probe_says_so(
    containers: ContainerGroup, engine: Engine
) -> None:
    containers.run("n-1")
    unproved = fault(containers, engine, service="n-1", healed="members is down")
    plan = await unproved.plan()
    await unproved.inject(plan)
    await unproved.heal(plan)
    assert containers.state("n-1") == "running"
    assert not await unproved.is_healed(plan)
    docker("rm", "--force", containers.name("n-1"))
    assert await unproved.is_healed(plan), "a container that was removed needs no healing"
