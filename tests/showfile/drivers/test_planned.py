"""A driver made from a plan alone heals what a fault of each kind did, with nothing of the file that it came from."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from demo.conditions import NodeFact
from demo.errors import SubjectError
from demo.processes.child import start_time_of
from demo.processes.ports import free_ports
from demo.processes.process_ref import ProcessRef
from demo.proxy.route import ProxyRoute
from demo.showfile.drivers import DriverContext, Secrets, build_drivers, driver_of_plan
from demo.showfile.drivers.planned import _SETTINGS
from demo.showfile.drivers.protocols import Fill
from demo.showfile.running import RunningSystem
from demo.showfile.schema.faults import KINDS
from demo.showfile.schema.front_matter import FrontMatter
from demo.showfile.schema.probes import ProbeSettings
from demo.showfile.show import open_show, store_for_healer
from demo.showfile.subject import ShowFile
from demo.types import FaultDriver, Plan
from demo.watchdog.undo import has_landed, undo
from tests.showfile.drivers.json_service import JsonService, serving
from tests.showfile.drivers.plain_probes import Nodes, ask
from tests.showfile.drivers.test_traffic_fault import Loads
from tests.support.containers import ContainerGroup, container_group
from tests.support.owned_processes import processes_of, spec
from tests.support.owned_processes import started as started_processes
from tests.support.proxy_servers import ask as ask_proxy
from tests.support.proxy_servers import echoing
from tests.support.proxy_servers import started as started_proxies
from tests.support.relays import RedisServer

pytestmark = pytest.mark.anyio

TOKEN = Secrets({"token": "API_TOKEN"}, {"API_TOKEN": "hunter2"})


async def inject(fault: Mapping[str, Any], context: DriverContext, **more: Any) -> Plan:
    """Inject a fault as a server does that is killed afterwards, and return its plan as the journal has it."""
    settings = FrontMatter.model_validate({"faults": {"broken": fault}, **more})
    (driver,) = build_drivers(settings, context)
    plan = replace(await driver.plan(), duration_sec=60.0)
    await driver.inject(plan)
    return Plan(**json.loads(json.dumps(asdict(plan))))


def planned(plan: Plan, context: DriverContext) -> FaultDriver:
    driver = driver_of_plan("renamed", plan, context)
    assert driver is not None
    assert driver.config.name == "renamed"
    return driver


async def heal(plan: Plan, context: DriverContext) -> None:
    driver = planned(plan, context)
    assert not await driver.is_healed(plan)
    await has_landed(driver, plan)
    assert await undo(driver, plan) is None


def test_there_is_a_driver_for_each_kind_of_plan() -> None:
    for kind, settings in _SETTINGS.items():
        assert driver_of_plan("it", Plan(kind, "it", {"proof": {}}), DriverContext(ask)) is not None, kind
        assert any(key in KINDS for key in settings)
    assert {key for settings in _SETTINGS.values() for key in settings} & {*KINDS} == {*KINDS} - {"exec", "http"}
    assert {"exec", "http"} <= _SETTINGS.keys()


def test_a_plan_of_another_subject_is_left_to_its_own_driver() -> None:
    assert driver_of_plan("it", Plan("container_kill", "n", {"id": "1"}), DriverContext(ask)) is None
    assert driver_of_plan("it", Plan("lamp", "it", {"proof": {}}), DriverContext(ask)) is None


async def test_a_command_is_undone_with_the_value_that_was_read_before_it(tmp_path: Path) -> None:
    replicas = tmp_path / "replicas"
    replicas.write_text("3\n")
    fault = {
        "before": {"replicas": ["cat", str(replicas)]},
        "run": ["sh", "-c", 'echo 0 > "$0"', str(replicas)],
        "undo": ["sh", "-c", 'echo "$1" > "$0"', str(replicas), "${replicas}"],
        "healed": "web is up",
    }
    probes = {"web": {"run": ["grep", "-q", "3", str(replicas)]}}
    plan = await inject(fault, DriverContext(ask, folder=tmp_path), probes=probes)
    await heal(plan, DriverContext(ask))
    assert replicas.read_text() == "3\n"


@pytest.fixture
def containers() -> Iterator[ContainerGroup]:
    with container_group() as made:
        yield made


async def test_containers_and_commands_in_them_are_healed(containers: ContainerGroup) -> None:
    containers.run("n-1")
    context = DriverContext(ask)
    try:
        name = containers.name("n-1")
        paused = await inject({"container": {"name": name, "do": "pause"}}, context)
        assert containers.state("n-1") == "paused"
        await heal(paused, context)
        assert containers.state("n-1") == "running"
        killed = await inject({"container": {"name": name, "do": "kill"}}, context)
        await heal(killed, context)
        assert containers.state("n-1") == "running"
    finally:
        await context.engine.close()


def test_a_show_without_a_secret_can_still_heal_and_is_not_presented(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("API_TOKEN", raising=False)
    deck = tmp_path / "show.md"
    secrets, it = {"token": {"env": "API_TOKEN"}}, {"http": "http://127.0.0.1:1/${token}"}
    deck.write_text(f"---\n{json.dumps({'secrets': secrets, 'probes': {'it': it}})}\n---\n\n# One\n")
    subject = ShowFile(str(deck), allow_run=True)
    assert subject.driver_for("gone", Plan("run", "it", {"proof": {}})) is not None
    with pytest.raises(SubjectError, match="API_TOKEN is not set: set it and start again"):
        subject.check()
    # Nor does an edit ask with it.
    unused = deck.with_name("unused.md")
    unused.write_text(f"---\n{json.dumps({'secrets': secrets})}\n---\n\n# One\n")
    running = RunningSystem(open_show(unused))
    running.check()
    with pytest.raises(SubjectError, match="API_TOKEN is not set"):
        running.prepare(open_show(deck))


def power(service: JsonService) -> dict[str, Any]:
    request = {"url": f"{service.url}/power", "headers": {"Authorization": "Bearer ${token}"}}
    return {
        "http": request | {"method": "DELETE"},
        "undo": [{"http": request | {"method": "PUT"}}],
        "healed": "power is up",
    }


async def test_a_request_is_undone_with_a_secret_that_the_file_does_not_have_any_more() -> None:
    async with serving({}) as service:

        async def look(probes: Mapping[str, ProbeSettings], groups: Any, fill: Fill) -> Nodes:
            return Nodes({"power": [NodeFact("power", "up" if service.power else "down")]})

        more = {"probes": {"power": {"run": ["true"]}}, "secrets": {"token": {"env": "API_TOKEN"}}}
        plan = await inject(power(service), DriverContext(look, secrets=TOKEN), **more)
        assert not service.power
        without = DriverContext(look, secrets=Secrets({}, {}))
        why = await undo(planned(plan, without), plan)
        assert why is not None
        assert "not healed: set API_TOKEN" in why
        await heal(plan, DriverContext(look, secrets=Secrets({}, TOKEN.environ)))
        assert service.power


async def test_a_value_in_a_document_is_put_back() -> None:
    async with serving({"weight": 1, "other": 2}) as service:
        headers = {"Authorization": "Bearer hunter2"}
        fault = {"json": {"url": f"{service.url}/doc", "path": "$.weight", "value": 9, "headers": headers}}
        plan = await inject(fault, DriverContext(ask))
        service.document["other"] = 3
        await heal(plan, DriverContext(ask))
        assert service.document == {"weight": 1, "other": 3}


@pytest.mark.system
async def test_a_process_of_the_show_is_started_again_and_one_that_is_paused_goes_on() -> None:
    probes = {"one": {"run": ["true"], "behind": "one"}}
    more = {"processes": {"one": {"run": ["x"]}}, "probes": probes}
    async with started_processes([spec("one")]) as processes:
        context = DriverContext(ask, processes=processes)
        before = processes.state("one").pid
        killed = await inject({"process": {"name": "one", "do": "kill"}}, context, **more)
        await heal(killed, DriverContext(ask))
        assert processes.state("one").pid != before
        paused = await inject({"process": {"name": "one", "do": "pause"}}, context, **more)
        await heal(paused, DriverContext(ask))


@pytest.mark.system
async def test_a_process_that_the_file_does_not_have_any_more_is_nothing_to_heal() -> None:
    probes = {"two": {"run": ["false"], "behind": "two"}}
    fault = {"process": {"name": "two", "do": "kill"}, "healed": "two is up"}
    processes = processes_of([spec("one"), spec("two")])
    after = processes_of([spec("one")], show=processes.show)
    try:
        await processes.start()
        context = DriverContext(ask, processes=processes)
        plan = await inject(fault, context, processes={"two": {"run": ["x"]}}, probes=probes)
        assert not await planned(plan, context).is_healed(plan)
        await processes.close()
        await after.start()
        assert await undo(planned(plan, DriverContext(ask, processes=after)), plan) is None
    finally:
        await processes.close()
        await after.stop()


@asynccontextmanager
async def sleeping(pidfile: Path) -> AsyncIterator[ProcessRef]:
    process = subprocess.Popen(["sleep", "60"])
    pidfile.write_text(str(process.pid))  # noqa: ASYNC240 - a local file of this test
    try:
        yield ProcessRef(process.pid, start_time_of(process.pid))
    finally:
        process.kill()
        process.wait()


@pytest.mark.system
async def test_a_process_that_is_not_the_shows_goes_on_or_is_brought_back_by_its_undo(tmp_path: Path) -> None:
    context = DriverContext(ask, folder=tmp_path)
    target = {"process": {"pidfile": "pid", "do": "pause"}}
    async with sleeping(tmp_path / "pid"):
        await heal(await inject(target, context), DriverContext(ask))
        back = tmp_path / "back"
        target = {"process": {"pidfile": "pid", "do": "kill"}}
        proved = {"undo": ["touch", str(back)], "healed": "it is up"}
        probes = {"it": {"run": ["test", "-e", str(back)]}}
        await heal(await inject(target | proved, context, probes=probes), DriverContext(ask))
        assert back.exists()


@pytest.mark.system
async def test_a_toxic_is_removed_from_its_proxy() -> None:
    port, behind = free_ports(2)
    routes = [ProxyRoute.read("db", f"127.0.0.1:{port}", f"127.0.0.1:{behind}")]
    more = {"proxies": {"db": {"listen": f"127.0.0.1:{port}", "to": f"127.0.0.1:{behind}"}}}
    async with echoing(behind), started_proxies("a planned show", routes) as proxies:
        plan = await inject({"tcp": {"proxy": "db", "down": True}}, DriverContext(ask, proxies=proxies), **more)
        with pytest.raises(ConnectionRefusedError):
            await ask_proxy(port)
        await heal(plan, DriverContext(ask))
        assert await ask_proxy(port) == b"x"


@pytest.mark.system
async def test_a_paused_redis_takes_writes_again() -> None:
    redis = RedisServer()
    try:
        fault = {"redis": {"url": f"redis://127.0.0.1:{redis.port}", "do": "pause"}}
        plan = await inject(fault, DriverContext(ask))
        await heal(plan, DriverContext(ask))
    finally:
        redis.close()


async def test_a_multiplied_load_is_healed_once_its_sender_has_ended() -> None:
    plan = await inject({"traffic": {"load": "client", "times": "5"}}, DriverContext(ask, loads=Loads()))
    sender = subprocess.Popen(["sleep", "60"])
    plan = replace(plan, undo={**plan.undo, "pid": sender.pid, "born": start_time_of(sender.pid)})
    try:
        assert "which still runs" in str(await undo(planned(plan, DriverContext(ask)), plan))
    finally:
        sender.kill()
        sender.wait()
    assert await undo(planned(plan, DriverContext(ask)), plan) is None


async def test_the_watchdog_of_the_next_server_heals_what_the_file_does_not_have_any_more(tmp_path: Path) -> None:
    fault = {"run": ["touch", "broken"], "undo": ["rm", "-f", "broken"], "healed": "it is up"}
    probes = {"it": {"run": ["test", "!", "-e", str(tmp_path / "broken")]}}
    plan = await inject(fault, DriverContext(ask, folder=tmp_path), probes=probes)
    assert (tmp_path / "broken").exists()
    (tmp_path / "show.md").write_text("---\ntitle: Without faults\n---\n\n# One\n")
    order = {
        "subject": "show.md",
        "options": {"source": store_for_healer(open_show(tmp_path / "show.md")), "allow_run": False},
        "journal": None,
        "hold": "1",
        "fault": "broken",
        "plan": asdict(plan),
        "gone": True,
        "final": True,
    }
    command = [sys.executable, "-m", "demo.watchdog.heal"]
    ended = await asyncio.to_thread(
        subprocess.run, command, input=json.dumps(order), stdout=subprocess.PIPE, text=True, timeout=60, check=True
    )
    assert json.loads(ended.stdout) == {"why": None, "final": True}
    assert not (tmp_path / "broken").exists()
