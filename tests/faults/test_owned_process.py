"""Faults on a show's own processes, real ones: broken, seen, healed, also by a process that knows the plan alone."""

import json
import os
import signal
from collections.abc import Mapping
from typing import Any

import pytest

from demo.errors import FaultError, InvalidValue
from demo.faults.owned_process import OwnedProcessFault
from demo.processes.owned.client import OwnedProcesses
from demo.processes.ports import free_ports
from demo.processes.procfs import is_stopped
from demo.types import ChaosConfig, ChaosType, FaultDriver, Plan
from tests.support.owned_processes import (
    LISTEN,
    identity_of,
    new_mark,
    processes_of,
    programs_with,
    python,
    ref,
    server_on,
    spec,
    started,
)
from tests.support.ratelimiter_system import until

pytestmark = [pytest.mark.anyio, pytest.mark.system]

KILL = ChaosConfig("kill", ChaosType.CONTAINER_KILL, "kill it")
PAUSE = ChaosConfig("pause", ChaosType.CONTAINER_PAUSE, "pause it")


def as_stored(plan: Plan) -> Plan:
    """The plan as another process reads it."""
    data: Mapping[str, Any] = json.loads(json.dumps(dict(plan.undo)))
    return Plan(plan.kind, plan.target, data, plan.manual, plan.late_sec)


def elsewhere(processes: OwnedProcesses, config: ChaosConfig, name: str) -> FaultDriver:
    """The driver as a healing process makes it: of the same show, which it does not start."""
    return OwnedProcessFault(config, OwnedProcesses(processes.show, tuple(processes.specs.values())), name)


@pytest.mark.parametrize("by", ["the server", "a healing process"])
async def test_a_killed_process_is_healed_when_it_is_up_again(by: str) -> None:
    (port,) = free_ports(1)
    async with started([server_on("web", port), spec("other")]) as processes:
        fault: FaultDriver = OwnedProcessFault(KILL, processes, "web")
        plan = as_stored(await fault.plan())
        first, other = ref(processes, "web"), ref(processes, "other")
        await fault.inject(plan)
        assert first.has_terminated
        if by == "a healing process":
            fault = elsewhere(processes, KILL, "web")
        assert not await fault.is_healed(plan)
        await fault.heal(plan)
        assert await fault.is_healed(plan)
        await until(lambda: processes.state("web").phase == "up")
        assert await processes.owns_port("web")
        second = ref(processes, "web")
        await fault.heal(plan)
        assert ref(processes, "web") == second, "a heal that is repeated does nothing"
        with pytest.raises(FaultError, match="web has terminated meanwhile: nothing was changed"):
            await fault.inject(plan)
        assert second.is_alive
        assert other.is_alive


@pytest.mark.parametrize("by", ["the server", "a healing process"])
async def test_a_paused_process_stops_with_all_that_it_started_and_goes_on(by: str) -> None:
    (port,) = free_ports(1)
    code = "import subprocess, sys; subprocess.run(sys.argv[1:])"
    async with started([spec("web", python(code, *python(LISTEN, str(port))), port=port)]) as processes:
        fault: FaultDriver = OwnedProcessFault(PAUSE, processes, "web")
        plan = as_stored(await fault.plan())
        await fault.inject(plan)
        pids = programs_with(str(port))
        assert len(pids) == 2
        assert all(map(is_stopped, pids))
        await until(lambda: processes.state("web").suspended)
        with pytest.raises(FaultError, match="web is already suspended: heal it first"):
            await fault.plan()
        if by == "a healing process":
            fault = elsewhere(processes, PAUSE, "web")
        assert not await fault.is_healed(plan)
        await fault.heal(plan)
        assert await fault.is_healed(plan)
        assert not any(map(is_stopped, pids))


@pytest.mark.parametrize("config", [KILL, PAUSE])
async def test_what_ended_with_its_supervisor_needs_no_healing(config: ChaosConfig) -> None:
    mark = new_mark()
    processes = processes_of([spec("app", python("import time; time.sleep(600)", mark))])
    await processes.start()
    try:
        fault = OwnedProcessFault(config, processes, "app")
        plan = as_stored(await fault.plan())
        await fault.inject(plan)
        supervisor = identity_of(processes)
        os.kill(supervisor.pid, signal.SIGKILL)
        await until(lambda: supervisor.has_ended)
        assert await fault.is_healed(plan)
        await fault.heal(plan)
        assert not programs_with(mark)
        # Also for the supervisor of a later start, whose processes are not those of the plan.
        await processes.start()
        app = ref(processes, "app")
        assert await fault.is_healed(plan)
        await fault.heal(plan)
        assert ref(processes, "app") == app
    finally:
        await processes.stop()


async def test_a_supervisor_that_hangs_does_not_count_as_healed() -> None:
    async with started([spec("app")]) as processes:
        fault = OwnedProcessFault(KILL, processes, "app")
        plan = as_stored(await fault.plan())
        await fault.inject(plan)
        supervisor = identity_of(processes)
        os.kill(supervisor.pid, signal.SIGSTOP)
        try:
            with pytest.raises(FaultError, match=r"app cannot be checked: the supervisor .* does not answer"):
                await fault.is_healed(plan)
        finally:
            os.kill(supervisor.pid, signal.SIGCONT)
        await fault.heal(plan)
        assert await fault.is_healed(plan)


async def test_what_is_not_there_cannot_be_broken() -> None:
    async with started([spec("app"), spec("other")]) as processes:
        fault = OwnedProcessFault(KILL, processes, "app", ["app", "other"])
        assert fault.targets() == ("app", "other")
        assert (await fault.plan_for("other")).target == "other"
        with pytest.raises(FaultError, match="there is no target 'web': nothing was touched"):
            await fault.plan_for("web")
        ref(processes, "app").kill()
        await until(lambda: not processes.state("app").alive)
        with pytest.raises(FaultError, match="app is not running, so it cannot be killed: heal it first"):
            await fault.plan()


def test_it_is_seen_on_the_nodes_that_show_the_process() -> None:
    fault = OwnedProcessFault(KILL, processes_of([spec("app")]), "app", nodes={"app": ["site"]})
    for health, seen in (("up", False), ("down", True)):
        nodes = [{"id": "site", "health": health}, {"id": "app", "health": "up"}]
        assert fault.is_seen({"nodes": nodes}, 0.0) is seen


def test_a_process_is_killed_or_paused_and_nothing_else() -> None:
    config = ChaosConfig("stop", ChaosType.CONTAINER_STOP, "stop it")
    with pytest.raises(InvalidValue, match="a process is killed or paused"):
        OwnedProcessFault(config, processes_of([spec("app")]), "app")
