"""Faults by a command in a container, on a real engine: before, deed and undo run in the plan's container."""

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
from demo.showfile.drivers.protocols import Fill
from demo.showfile.schema.front_matter import FrontMatter
from demo.showfile.schema.probes import ProbeSettings
from demo.types import FaultDriver
from demo.watchdog.undo import has_landed, undo
from tests.showfile.drivers.plain_probes import Nodes
from tests.support.containers import ContainerGroup, container_group, docker

pytestmark = pytest.mark.anyio

READ = ["sh", "-c", "read state < /tmp/state; echo $state"]
WRITE = ["sh", "-c", 'echo "$1" > /tmp/state', "sh"]


@pytest.fixture
def containers() -> Iterator[ContainerGroup]:
    with container_group() as made:
        made.run("db")
        docker("exec", made.name("db"), *WRITE, "good")
        yield made


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    engine = Engine()
    yield engine
    await engine.close()


def state(containers: ContainerGroup) -> str:
    return docker("exec", containers.name("db"), *READ)


def driver(containers: ContainerGroup, engine: Engine, **changed: Any) -> FaultDriver:
    fault = {
        "exec": {"command": [*WRITE, "bad"], "service": "db"},
        "before": {"state": READ},
        "undo": [*WRITE, "${state}"],
        "healed": "db is up",
    } | changed
    settings = FrontMatter.model_validate({"probes": {"db": {"run": ["true"]}}, "faults": {"spoil": fault}})

    async def ask(probes: Mapping[str, ProbeSettings], groups: Any, fill: Fill) -> Nodes:
        healed = await asyncio.to_thread(state, containers) == "good"
        return Nodes({"db": [NodeFact("db", "up" if healed else "down")]})

    return build_drivers(settings, DriverContext(ask, engine=engine, project=containers.project))[0]


async def test_a_value_in_a_container_is_put_back_by_the_plans_id(containers: ContainerGroup, engine: Engine) -> None:
    spoil = driver(containers, engine)
    plan = await spoil.plan()
    assert state(containers) == "good", "a plan changes nothing"
    assert plan.manual.startswith("docker exec ")
    json.dumps(asdict(plan))
    await spoil.inject(plan)
    assert state(containers) == "bad"
    assert not await spoil.is_healed(plan)
    # A healer of a file that has changed: the plan alone counts.
    assert await undo(driver(containers, engine, undo=["false"], before={}), plan) is None
    assert state(containers) == "good"


async def test_a_command_that_still_runs_in_the_container_is_waited_for(
    containers: ContainerGroup, engine: Engine
) -> None:
    slow = driver(containers, engine, exec={"command": ["sh", "-c", "sleep 2; echo bad > /tmp/state"], "service": "db"})
    plan = await slow.plan()
    injecting = asyncio.create_task(slow.inject(plan))
    async with asyncio.timeout(10):
        while not await engine.is_execution_running(plan.undo["execution"]):  # noqa: ASYNC110 - asks the engine
            await asyncio.sleep(0.02)
    injecting.cancel()
    await asyncio.wait([injecting])
    healer = driver(containers, engine)
    assert not await healer.is_healed(plan)
    assert not await has_landed(healer, plan)
    assert await undo(healer, plan) is None
    assert state(containers) == "good"


async def test_a_removed_container_and_an_engine_that_is_away_are_told_apart(
    containers: ContainerGroup, engine: Engine
) -> None:
    spoil = driver(containers, engine)
    plan = await spoil.plan()
    await spoil.inject(plan)
    away = Engine("unix:///does/not/exist.sock")
    why = await undo(driver(containers, away), plan)
    await away.close()
    assert why is not None
    assert "no container engine answers" in why
    docker("rm", "--force", containers.name("db"))
    containers.run("db")
    docker("exec", containers.name("db"), *WRITE, "good")
    # A new container of the same name was never touched: the undo is left out, and the probe says that all is well.
    assert await undo(spoil, plan) is None


async def test_what_must_not_be_touched_or_fails_is_said(containers: ContainerGroup, engine: Engine) -> None:
    containers.run("other", target=False)
    for command, why in (
        ({"command": ["true"], "service": "other"}, "does not have the label"),
        ({"command": ["true"], "container": "nobody"}, "the container nobody does not exist"),
        ({"command": ["true"]}, "needs a service or a container"),
    ):
        with pytest.raises(FaultError, match=why):
            await driver(containers, engine, exec=command).plan()
    with pytest.raises(FaultError, match="nothing was changed, because state is not known"):
        await driver(containers, engine, before={"state": ["sh", "-c", "exit 4"]}).plan()
    failing = driver(containers, engine, exec={"command": ["sh", "-c", "echo why; exit 3"], "service": "db"})
    plan = await failing.plan()
    with pytest.raises(FaultError, match="ended with exit code 3: why"):
        await failing.inject(plan)
