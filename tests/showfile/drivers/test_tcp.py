"""Faults of a connection by their driver: injected, seen healed, and healed from the plan by whoever is left."""

import asyncio
import json
import math
import os
import signal
from dataclasses import asdict
from typing import Any

import pytest

from demo.errors import FaultError
from demo.processes.ports import free_ports
from demo.processes.process_ref import ProcessRef
from demo.proxy.client import ProxyClient, ProxyIdentity
from demo.proxy.launch import ShowProxies
from demo.proxy.route import ProxyRoute
from demo.proxy.toxic import Toxic
from demo.showfile.drivers.tcp import TERM_SEC, TcpFault
from demo.types import ChaosConfig, ChaosType, Plan
from tests.support.proxied import until
from tests.support.proxy_servers import ask, echoing, run_python, show_server, started

HEALER = """
import asyncio, json, sys
from demo.showfile.drivers.tcp import TcpFault
from demo.proxy.toxic import Toxic
from demo.types import ChaosConfig, ChaosType, Plan

async def is_proved(plan):
    return plan.undo["proof"] == {"healed": "db is up"}

async def heal():
    plan = Plan(**json.loads(sys.argv[1]))
    driver = TcpFault(ChaosConfig("f", ChaosType.NETWORK_DISCONNECT, "f"), Toxic(plan.target, down=True), None,
        observable="", is_seen=lambda health, since: False, is_proved=is_proved, proof={})
    before = await driver.is_healed(plan)
    await driver.heal(plan)
    await driver.heal(plan)
    print(json.dumps([before, await driver.is_healed(plan)]))

asyncio.run(heal())
"""


async def _proved(plan: Plan) -> bool:
    return True


def _driver(toxic: Toxic, proxies: ShowProxies | None, name: str = "f", duration_sec: float = 5.0) -> TcpFault:
    return TcpFault(
        ChaosConfig(name, ChaosType.NETWORK_DISCONNECT, name, duration_sec),
        toxic,
        proxies,
        observable="not db is up",
        is_seen=lambda health, since: bool(health),
        is_proved=_proved,
        proof={"healed": "db is up"},
    )


def _known(identity: ProxyIdentity, show: str, routes: list[ProxyRoute]) -> ShowProxies:
    """The proxies as the server that was killed knew them."""
    proxies = ShowProxies(show, routes)
    proxies.identity = identity
    return proxies


def _as_json(plan: Plan) -> str:
    return json.dumps(asdict(plan))


def test_overlapping_faults_each_heal_by_themselves_in_any_order_and_expire_if_nobody_does() -> None:
    port, behind = free_ports(2)
    routes = [ProxyRoute.read("db", f"127.0.0.1:{port}", f"127.0.0.1:{behind}")]

    async def run() -> None:
        async with echoing(behind), started("a show", routes) as proxies:
            assert proxies.identity is not None
            client = ProxyClient(proxies.identity)
            cut = _driver(Toxic("db", down=True), proxies, "cut: it's 100%?")
            slow = _driver(Toxic("db", latency=0.001), proxies, duration_sec=math.inf)
            cut_plan, slow_plan = await cut.plan(), await slow.plan()
            assert (cut_plan.kind, cut_plan.target) == ("tcp", "db")
            await cut.inject(cut_plan)
            await slow.inject(slow_plan)
            times = {name: told["expires_in_sec"] for name, told in (await client.describe())["toxics"].items()}
            assert 5 < times[cut_plan.undo["toxic"]] <= 5 + TERM_SEC
            assert 0 < times[slow_plan.undo["toxic"]] <= TERM_SEC
            assert not await cut.is_healed(cut_plan)
            with pytest.raises(ConnectionRefusedError):
                await ask(port)
            await cut.heal(cut_plan)
            assert await cut.is_healed(cut_plan)
            assert not await slow.is_healed(slow_plan)
            assert await ask(port) == b"x"
            with pytest.raises(FaultError, match="was removed already"):
                await cut.inject(cut_plan)  # a request of it that comes late
            await slow.heal(slow_plan)
            assert await slow.is_healed(slow_plan)
            assert (await client.describe())["toxics"] == {}

    asyncio.run(run())


def test_the_plan_heals_in_another_process_after_the_server_was_killed() -> None:
    port, behind = free_ports(2)
    routes = [ProxyRoute.read("db", f"127.0.0.1:{port}", f"127.0.0.1:{behind}")]
    with show_server("a show", routes) as (server, identity):

        async def break_it() -> Plan:
            driver = _driver(Toxic("db", down=True), _known(identity, "a show", routes))
            plan = await driver.plan()
            await driver.inject(plan)
            return plan

        plan = asyncio.run(break_it())
        server.kill()
        server.wait()
        assert json.loads(run_python(HEALER, _as_json(plan))) == [False, True]

        async def check() -> None:
            async with echoing(behind):
                assert await ask(port) == b"x"

        asyncio.run(check())


def test_a_killed_proxy_process_is_started_again_from_the_plan_but_not_one_that_has_ended() -> None:
    port, behind = free_ports(2)
    routes = [ProxyRoute.read("db", f"127.0.0.1:{port}", f"127.0.0.1:{behind}")]

    async def run() -> None:
        async with echoing(behind), started("a show", routes) as proxies:
            driver = _driver(Toxic("db", down=True), proxies)
            plan = await driver.plan()
            await driver.inject(plan)
            identity = ProxyIdentity.from_json(plan.undo["identity"])
            ProcessRef(identity.pid, identity.born).kill()
            await until(lambda: identity.has_ended)
            with pytest.raises(FaultError, match="the show's proxy process does not answer"):
                await driver.plan()
            healer = _driver(Toxic("db", down=True), None)
            await healer.heal(plan)
            assert await ask(port) == b"x"
            assert await healer.is_healed(plan)
            await driver.heal(plan)
            assert proxies.identity not in (identity, None)
        await healer.heal(plan)
        assert await healer.is_healed(plan)
        with pytest.raises(ConnectionRefusedError):
            await ask(port)

    asyncio.run(run())


def test_a_proxy_process_that_hangs_is_never_called_healed() -> None:
    port, behind = free_ports(2)

    async def run() -> None:
        async with started("a show", [ProxyRoute.read("db", f"127.0.0.1:{port}", f"127.0.0.1:{behind}")]) as proxies:
            driver = _driver(Toxic("db", latency=1.0), proxies)
            plan = await driver.plan()
            assert plan.manual.startswith("curl --unix-socket /")
            assert proxies.identity is not None
            os.kill(proxies.identity.pid, signal.SIGSTOP)
            try:
                async with asyncio.TaskGroup() as group:
                    asked = [group.create_task(_error(work)) for work in (driver.heal(plan), driver.is_healed(plan))]
            finally:
                os.kill(proxies.identity.pid, signal.SIGCONT)
            assert [task.result() for task in asked] == ["the show's proxy process does not answer"] * 2

    asyncio.run(run())


async def _error(work: Any) -> str:
    with pytest.raises(FaultError) as error:
        await work
    return str(error.value)


def test_without_its_proxy_there_is_no_plan() -> None:
    port, behind = free_ports(2)

    async def run() -> None:
        with pytest.raises(FaultError, match="proxy 'db' is not running"):
            await _driver(Toxic("db", latency=1.0), None).plan()
        async with started("a show", [ProxyRoute.read("db", f"127.0.0.1:{port}", f"127.0.0.1:{behind}")]) as proxies:
            with pytest.raises(FaultError, match="this show has no proxy 'cache'"):
                await _driver(Toxic("cache", latency=1.0), proxies).plan()

    asyncio.run(run())
