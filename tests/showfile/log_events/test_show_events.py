"""Events of real programs, processes and containers: each line told once, whatever its source does."""

import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from demo.container_engine import Engine
from demo.processes.owned.client import OwnedProcesses
from demo.processes.owned.spec import ProcessSpec
from demo.show import commands as c
from demo.showfile.log_events.show_events import ShowEvents, event_program_specs
from demo.showfile.schema.system import EventSettings
from tests.support.containers import ContainerGroup, docker
from tests.support.owned_processes import QUICK, python, ref, spec
from tests.support.ratelimiter_system import until

pytestmark = pytest.mark.anyio

PASSWORD = "hunter22"
TELLER = python(
    "import sys\nprint('node 0 leads', flush=True)\n"
    "for line in sys.stdin: print(line, end='', flush=True)\nimport signal; signal.pause()"
)


class Containers:
    def __init__(self, project: str = "") -> None:
        self.engine, self.project = Engine(), project


class Heard(list[tuple[str, str]]):
    """What was told: the name of the event and its text; "" for a note."""

    def take(self, who: str, command: c.Command) -> None:
        if isinstance(command, c.AddCurveMark):
            self.append((command.name, command.text))
        elif isinstance(command, c.Notice):
            self.append(("", command.text))

    def texts(self, name: str) -> list[str]:
        return [text for one, text in self if one == name]


def settings(events: Mapping[str, Mapping[str, Any]]) -> dict[str, EventSettings]:
    return {name: EventSettings.model_validate(event) for name, event in events.items()}


@asynccontextmanager
async def followed(
    events: Mapping[str, Mapping[str, Any]], *specs: ProcessSpec, containers: Containers | None = None, show: str = ""
) -> AsyncIterator[tuple[ShowEvents, Heard, OwnedProcesses]]:
    known, heard = settings(events), Heard()
    where = containers or Containers()
    sides = event_program_specs(known, Path("/"))
    processes = OwnedProcesses(show or f"test {secrets.token_hex(4)}", specs, limits=QUICK, side_specs=sides)
    found = ShowEvents(known, processes, where, lambda text: text.replace(PASSWORD, "•••"), heard.take)
    try:
        if specs or sides:
            await processes.admit()
        found.start()
        if specs or sides:
            await processes.start()
        yield found, heard, processes
    finally:
        await found.stop()
        await processes.stop()
        await where.engine.close()


async def test_lines_of_a_process_are_told_with_what_they_name_over_its_restart_and_each_once() -> None:
    events = {"leads": {"process": "teller", "match": r"/node (?<n>\d+) leads/", "text": "node-${n} is leader"}}
    async with followed(events, spec("teller", TELLER)) as (_, heard, processes):
        await until(lambda: heard.texts("leads") == ["node-0 is leader"], 30)
        ref(processes, "teller").kill()
        await until(lambda: any("event leads: ended" in text for text in heard.texts("")), 30)
        await processes.restart("teller")
        await until(lambda: len(heard.texts("leads")) == 2, 30)


async def test_a_program_of_an_event_is_run_and_one_that_ends_or_is_not_there_is_told() -> None:
    events = {
        "count": {"run": ["sh", "-c", f"echo seen {PASSWORD}; echo other; exec sleep 600"], "match": "/seen/"},
        "missing": {"run": ["no-such-program"], "match": "/x/"},
    }
    async with followed(events) as (_, heard, _processes):
        await until(lambda: heard.texts("count") == ["seen •••"] and heard.texts("") != [], 30)
        assert heard.texts("") == ["event missing: could not be started: the command no-such-program was not found"]


async def test_of_a_flood_a_few_lines_are_told_and_how_many_were_not() -> None:
    async with followed({"flood": {"run": ["yes"], "match": "/y/"}}) as (_, heard, _processes):
        await until(lambda: any("not shown, because they come too fast" in text for text in heard.texts("")), 30)
        assert len(heard.texts("flood")) <= 10


async def test_an_edit_takes_another_pattern_at_once_and_tells_no_line_again() -> None:
    talk = python("import time\nfor n in range(10**6): print('tick', n, flush=True); time.sleep(0.2)")
    event = {"process": "ticker", "match": "/tick 0/"}
    async with followed({"tick": event}, spec("ticker", talk)) as (events, heard, _):
        await until(lambda: heard.texts("tick") == ["tick 0"], 30)
        events.adopt(settings({"tick": {**event, "match": "/^tick (?<n>.*)$/", "text": "t${n}"}}))
        await until(lambda: len(heard.texts("tick")) > 1, 30)
        assert heard.texts("tick")[1] not in ("t0", "tick 0")
        events.adopt(settings({"late": {**event, "match": "/^tick/"}}))
        before = heard.texts("tick")
        await until(lambda: heard.texts("late") != [], 30)
        assert heard.texts("tick") == before
        assert "tick 0" not in heard.texts("late")


async def test_a_server_that_goes_on_with_a_running_process_tells_none_of_its_old_lines() -> None:
    show, events = f"test {secrets.token_hex(4)}", {"leads": {"process": "teller", "match": "/leads/"}}
    async with followed(events, spec("teller", TELLER), show=show) as (first, heard, processes):
        await until(lambda: heard.texts("leads") != [], 30)
        await first.stop()
        again = Heard()
        second = ShowEvents(settings(events), processes, Containers(), str, again.take)
        second.start()
        ref(processes, "teller").kill()
        await until(lambda: processes.state("teller").phase == "ended", 30)
        await processes.restart("teller")
        await until(lambda: again.texts("leads") != [], 30)
        await second.stop()
        assert len(again.texts("leads")) == 1


async def test_the_log_of_a_container_is_followed_over_its_restart_from_the_start_of_the_show_on(
    containers: ContainerGroup,
) -> None:
    containers.run(
        "web", command=("sh", "-c", 'echo "leader $(cut -d. -f1,2 /proc/uptime | cut -d" " -f1)"; exec sleep 600')
    )
    where = Containers(containers.project)
    async with followed({"leads": {"log": "web", "match": "/leader/"}}, containers=where) as (
        _,
        heard,
        _processes,
    ):
        docker("kill", containers.name("web"))
        docker("start", containers.name("web"))
        await until(lambda: heard.texts("leads") != [], 40)
        docker("restart", "-t", "0", containers.name("web"))
        await until(lambda: len(heard.texts("leads")) == 2, 40)
        assert len(set(heard.texts("leads"))) == 2
