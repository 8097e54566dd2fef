"""A server that is killed at any step of a fault leaves nothing broken: another process heals from the plan alone."""

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from demo.showfile.drivers import build_drivers
from demo.showfile.drivers.injection_processes import find_processes
from demo.showfile.schema.front_matter import FrontMatter
from demo.types import FaultDriver, Plan
from demo.watchdog.undo import has_landed, undo
from tests.showfile.drivers.json_service import serving
from tests.showfile.drivers.killed_injection import context_of

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[3]
STEPS = ("planned", "injecting", "injected")
SLOW = 'echo begun > begun; sleep "$1"; echo 0 > replicas'
"""A deed that takes effect only at its end, with nobody waiting for it any more."""


def write_deck(folder: Path, fault: Mapping[str, Any], probe: Mapping[str, Any]) -> None:
    (folder / "replicas").write_text("3\n")
    (folder / "deck.json").write_text(json.dumps({"probes": {"web": probe}, "faults": {"broken": fault}}))


class Servers:
    """Starts servers that are killed, one after the other."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "tests.showfile.drivers.killed_injection"]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def start(self, folder: Path, step: str) -> int:
        """Start one and return its pid."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([str(folder), step]) + "\n")
        self._process.stdin.flush()
        return self._read()

    async def wait_until_killed(self) -> None:
        assert await asyncio.to_thread(self._read) == signal.SIGKILL

    def _read(self) -> int:
        assert self._process.stdout is not None
        return int(self._process.stdout.readline())

    def end(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="module")
def servers() -> Iterator[Servers]:
    started = Servers()
    yield started
    started.end()


def healer(folder: Path, fault: Mapping[str, Any]) -> tuple[FaultDriver, Plan]:
    """Return a driver as in another process, of a file that has changed meanwhile: the plan alone counts."""
    (driver,) = build_drivers(FrontMatter.model_validate({"faults": {"broken": fault}}), context_of(folder))
    return driver, Plan(**json.loads((folder / "plan.json").read_text()))


async def wait_for(path: Path) -> None:
    until = time.monotonic() + 60
    while not path.exists():  # noqa: ASYNC240 - a local file of this test
        assert time.monotonic() < until
        await asyncio.sleep(0.005)


async def heal_like_the_watchdog(driver: FaultDriver, plan: Plan) -> None:
    """Heal again and again until the injection cannot take effect late, as the watchdog does."""
    until = time.monotonic() + plan.late_sec
    while True:
        landed = await has_landed(driver, plan)
        assert await undo(driver, plan) is None
        if landed or time.monotonic() > until:
            return


def run_fault(folder: Path, sleep: str) -> dict[str, Any]:
    return {
        "before": {"replicas": ["cat", str(folder / "replicas")]},
        "run": ["sh", "-c", SLOW, "sh", sleep],
        "undo": ["sh", "-c", 'echo "$1" > replicas', "sh", "${replicas}"],
        "healed": "web is up",
    }


UNLIKE: Mapping[str, Any] = {"run": ["true"], "undo": ["false"], "healed": "nothing is up"}


@pytest.mark.parametrize("step", STEPS)
async def test_a_command_is_undone_whenever_its_server_is_killed(servers: Servers, tmp_path: Path, step: str) -> None:
    write_deck(tmp_path, run_fault(tmp_path, "0.5"), {"run": ["grep", "-q", "3", str(tmp_path / "replicas")]})
    servers.start(tmp_path, step)
    await servers.wait_until_killed()
    driver, plan = healer(tmp_path, UNLIKE)
    if step == "injecting":
        assert find_processes(plan.undo["mark"]), "the deed outlives its server"
    await heal_like_the_watchdog(driver, plan)
    assert not find_processes(plan.undo["mark"])
    assert (tmp_path / "replicas").read_text() == "3\n"


async def test_a_server_killed_at_any_moment_leaves_nothing_broken(servers: Servers, tmp_path: Path) -> None:
    """0 of 12, at random moments from before the plan to after the deed."""
    moments = random.Random(7)
    broken = []
    for number in range(12):
        folder = tmp_path / str(number)
        folder.mkdir()
        write_deck(folder, run_fault(folder, "0.1"), {"run": ["grep", "-q", "3", str(folder / "replicas")]})
        pid = servers.start(folder, "injected")
        await wait_for(folder / "plan.json")
        await asyncio.sleep(moments.random() * 0.2)
        with contextlib.suppress(ProcessLookupError):  # it has injected, and killed itself
            os.kill(pid, signal.SIGKILL)
        await servers.wait_until_killed()
        driver, plan = healer(folder, UNLIKE)
        await heal_like_the_watchdog(driver, plan)
        if (folder / "replicas").read_text() != "3\n" or find_processes(plan.undo["mark"]):
            broken.append(number)
    assert broken == []


@pytest.mark.parametrize("step", ["planned", "injected"])
async def test_a_value_in_a_document_is_put_back_after_its_server_was_killed(
    servers: Servers, tmp_path: Path, step: str
) -> None:
    async with serving({"weight": 1, "other": 2}) as service:
        fault = {
            "json": {
                "url": f"{service.url}/doc",
                "path": "$.weight",
                "value": 9,
                "headers": {"Authorization": "Bearer hunter2"},
            }
        }
        write_deck(tmp_path, fault, {"run": ["true"]})
        servers.start(tmp_path, step)
        await servers.wait_until_killed()
        assert service.document["weight"] == (1 if step == "planned" else 9)
        service.document["other"] = 3
        fault["json"]["path"] = "$.other"
        driver, plan = healer(tmp_path, fault)
        assert await undo(driver, plan) is None
        assert service.document == {"weight": 1, "other": 3}
