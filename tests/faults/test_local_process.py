"""Faults on processes that are not the show's: found by port or pid file, and never hit under a reused pid."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from demo.errors import FaultError, InvalidValue
from demo.faults.local_process import LocalProcess, LocalProcessFault, ProcessUndo
from demo.processes.ports import free_ports
from demo.processes.procfs import is_stopped
from demo.types import ChaosConfig, ChaosType, Plan
from tests.support.owned_processes import LISTEN, python

pytestmark = [pytest.mark.anyio, pytest.mark.system]

KILL = ChaosConfig("kill", ChaosType.CONTAINER_KILL, "kill it")
PAUSE = ChaosConfig("pause", ChaosType.CONTAINER_PAUSE, "pause it")


@dataclass
class Listening:
    process: subprocess.Popen[bytes]
    port: int
    pidfile: Path


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Listening]:
    """A server that somebody has started by hand."""
    (port,) = free_ports(1)
    process = subprocess.Popen(python(LISTEN, str(port)), stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"listening\n"
    pidfile = tmp_path / "pid"
    pidfile.write_text(f"{process.pid}\n/var/lib/data\n")
    yield Listening(process, port, pidfile)
    process.kill()
    process.wait()
    process.stdout.close()


def as_stored(plan: Plan) -> Plan:
    return replace(plan, undo=json.loads(json.dumps(dict(plan.undo))))


@pytest.mark.parametrize("by", ["port", "pidfile"])
async def test_a_paused_process_goes_on(listening: Listening, by: str) -> None:
    where = LocalProcess(port=listening.port) if by == "port" else LocalProcess(pidfile=listening.pidfile)
    fault = LocalProcessFault(PAUSE, where)
    plan = as_stored(await fault.plan())
    assert plan.manual == f"kill -CONT {listening.process.pid}"
    await fault.inject(plan)
    assert is_stopped(listening.process.pid)
    assert not await fault.is_healed(plan)
    with pytest.raises(FaultError, match="is already suspended: heal it first"):
        await fault.plan()
    await fault.heal(plan)
    assert not is_stopped(listening.process.pid)
    assert await fault.is_healed(plan)


async def test_a_killed_process_comes_back_by_its_undo_alone(listening: Listening) -> None:
    done: list[str] = []

    async def run(data: Mapping[str, Any]) -> None:
        done.append(data["command"])

    async def is_healed(data: Mapping[str, Any]) -> bool:
        return done == [data["command"]]

    fault = LocalProcessFault(
        KILL, LocalProcess(port=listening.port), ProcessUndo({"command": "start"}, run, is_healed)
    )
    plan = as_stored(await fault.plan())
    await fault.heal(plan)
    assert not done, "while it lives there is nothing to undo"
    assert await fault.is_healed(plan)
    await fault.inject(plan)
    assert listening.process.wait() == -9
    assert not await fault.is_healed(plan)
    await fault.heal(plan)
    assert done == ["start"]
    assert await fault.is_healed(plan)


async def test_another_process_of_the_same_pid_is_left_alone(listening: Listening) -> None:
    fault = LocalProcessFault(PAUSE, LocalProcess(port=listening.port))
    plan = await fault.plan()
    for other in ({"born": plan.undo["born"] - 1}, {"boot": "another boot"}):
        stale = replace(plan, undo={**plan.undo, **other})
        with pytest.raises(FaultError, match="has terminated meanwhile: nothing was changed"):
            await fault.inject(stale)
        assert not is_stopped(listening.process.pid)
        assert await fault.is_healed(stale)


async def test_what_is_not_there_or_runs_the_show_is_refused(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    pidfile = tmp_path / "pid"
    for where, why in (
        (LocalProcess(port=port), f"no process that we may see listens on port {port}"),
        (LocalProcess(pidfile=pidfile), "cannot be read: No such file"),
    ):
        with pytest.raises(FaultError, match=why):
            await LocalProcessFault(PAUSE, where).plan()
    for text, why in (
        ("", "does not begin with a pid"),
        ("4194305", "is not running"),
        (f"{os.getpid()}", "runs this show itself"),
        (f"{os.getppid()}", "runs this show itself"),
        ("1", "runs this show itself"),
    ):
        pidfile.write_text(text)
        with pytest.raises(FaultError, match=why):
            await LocalProcessFault(PAUSE, LocalProcess(pidfile=pidfile)).plan()


def test_it_is_killed_only_with_an_undo_and_found_in_one_way() -> None:
    with pytest.raises(InvalidValue, match="is killed only with an undo"):
        LocalProcessFault(KILL, LocalProcess(port=80))
    for port, pidfile in ((None, None), (80, Path("pid"))):
        with pytest.raises(InvalidValue, match="exactly one of port and pidfile"):
            LocalProcess(port, pidfile)
