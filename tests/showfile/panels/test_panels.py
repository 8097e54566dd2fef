"""Panels with real programs: what they print, how they end, what is done when they print for ever or not at all."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from demo.container_engine import Engine
from demo.panels.picture import PanelPicture
from demo.processes.owned.client import OwnedProcesses
from demo.processes.owned.spec import ProcessSpec
from demo.showfile.panels.show_panels import ShowPanels, program_specs
from demo.showfile.schema.system import PanelSettings
from tests.support.owned_processes import QUICK, new_mark, processes_of, programs_with, python, spec, until_gone
from tests.support.ratelimiter_system import until

pytestmark = pytest.mark.anyio


class NoContainers:
    """A show without containers."""

    project = ""

    def __init__(self) -> None:
        self.engine = Engine()


@asynccontextmanager
async def shown(
    panels: Mapping[str, Mapping[str, Any]], *specs: ProcessSpec, secrets: Callable[[], list[str]] = list
) -> AsyncIterator[tuple[ShowPanels, OwnedProcesses]]:
    """These panels, followed; nothing of them is left afterwards."""
    settings = {name: PanelSettings.model_validate(panel) for name, panel in panels.items()}
    side_specs = program_specs(settings, Path("/"))
    processes = OwnedProcesses(processes_of(()).show, specs, limits=QUICK, side_specs=side_specs)
    containers = NoContainers()
    found = ShowPanels(settings, processes, containers, secrets)
    try:
        await processes.start()
        found.start()
        yield found, processes
    finally:
        await found.stop()
        await processes.stop()
        await containers.engine.close()


async def picture_with(panels: ShowPanels, name: str, is_it: Callable[[PanelPicture], bool]) -> PanelPicture:
    def look() -> bool:
        picture = panels.picture(name)
        return picture is not None and is_it(picture)

    await until(look, 30.0)
    picture = panels.picture(name)
    assert picture is not None
    return picture


def run(*argv: str, **more: Any) -> dict[str, Any]:
    return {"run": list(argv), **more}


async def test_a_program_that_goes_on_is_shown_as_it_prints_in_its_colours() -> None:
    program = python("import os, time; print('\\x1b[32mready\\x1b[0m', os.isatty(1)); time.sleep(600)")
    async with shown({"one": run(*program, title="A program")}) as (panels, _):
        picture = await picture_with(panels, "one", lambda one: "ready" in one.text)
        assert (picture.title, picture.text, picture.state, picture.note) == ("A program", "ready True", "up", "")
        assert picture.rows[0][0].words == ("green",)
        assert picture.changed_at is not None


async def test_the_end_of_a_program_is_told_and_one_that_failed_is_started_again() -> None:
    fails = "n=$(cat {0} 2>/dev/null || echo 0); echo run $n; echo $((n + 1)) > {0}; test $n -ge 1 && sleep 600; exit 3"
    counter = Path("/tmp") / new_mark()
    async with shown({"well": run("echo", "all said"), "badly": run("sh", "-c", fails.format(counter))}) as (panels, _):
        try:
            ended = await picture_with(panels, "well", lambda one: one.state == "offline")
            assert (ended.text, ended.note) == ("all said", "ended with exit code 0")
            failed = await picture_with(panels, "badly", lambda one: one.state == "down")
            assert (failed.text, failed.note) == ("run 0", "ended with exit code 3, and is started again")
            again = await picture_with(panels, "badly", lambda one: one.state == "up")
            await picture_with(panels, "badly", lambda one: one.text == "run 0\nrun 1")
            assert again.note == ""
        finally:
            counter.unlink(missing_ok=True)


async def test_a_program_that_does_not_exist_or_needs_a_terminal_says_so_in_its_panel() -> None:
    async with shown({"missing": run("no-such-program"), "typed": run("sh", "-c", "cat; read x; echo end $?")}) as (
        panels,
        _,
    ):
        missing = await picture_with(panels, "missing", lambda one: one.state == "down")
        assert missing.note == "could not be started: the command no-such-program was not found"
        await picture_with(panels, "typed", lambda one: one.text == "end 1")


async def test_a_program_that_prints_for_ever_is_shown_four_times_a_second_at_most() -> None:
    async with shown({"flood": run("yes")}) as (panels, _):
        await picture_with(panels, "flood", lambda one: "skipped" in one.note)
        loop = asyncio.get_running_loop()
        before, began = panels.version, loop.time()
        await until(lambda: panels.version >= before + 3)
        assert (panels.version - before) / (loop.time() - began) <= 4.5
        picture = panels.picture("flood")
        assert picture is not None
        assert set(picture.text.split("\n")) == {"y"}
        assert len(picture.rows) <= 20


async def test_nothing_is_drawn_while_nothing_is_printed() -> None:
    async with shown({"quiet": run("sh", "-c", "echo once; exec sleep 600")}) as (panels, processes):
        await picture_with(panels, "quiet", lambda one: one.text == "once" and one.state == "up")
        before = panels.version
        for _ in range(20):
            await processes.raw_output("panel quiet", 0, 10)
            await asyncio.sleep(0.05)
        assert panels.version == before


async def test_a_program_that_is_repeated_replaces_what_it_printed() -> None:
    code = "import time; print(time.monotonic_ns()); print('end')"
    async with shown({"repeated": run(*python(code), every="0.2s")}) as (panels, _):
        first = await picture_with(panels, "repeated", lambda one: one.text.endswith("end"))
        second = await picture_with(panels, "repeated", lambda one: one.text.endswith("end") and one.text != first.text)
        assert len(second.rows) == 2
        assert (second.state, second.note) == ("up", "")


async def test_junk_is_shown_as_text_and_harms_nothing() -> None:
    async with shown({"junk": run("head", "-c", "200000", "/dev/urandom", lines=5)}) as (panels, _):
        picture = await picture_with(panels, "junk", lambda one: one.state == "offline")
        assert len(picture.rows) <= 5
        assert picture.text.isprintable() or "\n" in picture.text


async def test_a_process_of_the_show_is_shown_over_its_runs_and_by_the_lines_that_match() -> None:
    code = "import os, time; print('GET', os.getpid()); print('POST'); time.sleep(600)"
    server = spec("server", python(f"import sys; sys.stdout.reconfigure(line_buffering=True); {code}"))
    panels_of = {"all": {"process": "server"}, "gets": {"process": "server", "match": "/^GET/"}}
    async with shown(panels_of, server) as (panels, processes):
        await picture_with(panels, "all", lambda one: one.text.endswith("POST"))
        gets = await picture_with(panels, "gets", lambda one: one.text.startswith("GET"))
        assert "POST" not in gets.text
        await processes.kill("server")
        killed = await picture_with(panels, "all", lambda one: one.state == "down")
        assert killed.note == "ended: killed"
        await processes.restart("server")
        await picture_with(panels, "gets", lambda one: one.text.count("GET") == 2 and one.state == "up")


async def test_secrets_are_masked_whatever_a_program_does_with_them() -> None:
    secret = "correct-horse"
    code = "import sys, time\nfor c in 'token correct-horse': sys.stdout.write(c); sys.stdout.flush(); time.sleep(0.02)"
    again = "\nprint(); print('correct-\\x1b[31mhorse'); time.sleep(600)"
    async with shown({"told": run(*python(code + again))}, secrets=lambda: [secret]) as (panels, _):
        seen = []

        def look() -> bool:
            picture = panels.picture("told")
            seen.append(picture.text if picture else "")
            return seen[-1].count("\n") == 1

        await until(look, 30.0)
        assert not any("corr" in text or "horse" in text for text in seen), seen
        assert "token •••" in seen[-1]


async def test_after_the_end_of_the_show_nothing_of_a_panel_is_left() -> None:
    mark = new_mark()
    argv = ["sh", "-c", "trap '' TERM; (setsid sleep 600 &); sleep 600; sleep 600", mark]
    async with shown({"left": run(*argv)}):
        await until(lambda: bool(programs_with(mark)))
    await until_gone(mark)


async def test_output_that_is_the_same_again_is_as_new_as_it_is() -> None:
    panels_of = {
        "repeated": run("echo", "same", every="0.2s"),
        "steady": run("sh", "-c", "while echo same; do sleep 0.2; done", lines=2),
    }
    async with shown(panels_of) as (panels, _):
        for name in panels_of:
            first = await picture_with(panels, name, lambda one: one.text.endswith("same") and one.state == "up")
            seen = first.changed_at or 0.0
            for _ in range(3):
                newer = await picture_with(panels, name, lambda one, seen=seen: (one.changed_at or 0.0) > seen)  # type: ignore[misc]
                seen = newer.changed_at or 0.0
            assert set(newer.text.split()) == {"same"}


async def test_the_title_of_a_program_does_not_say_where_it_lies() -> None:
    async with shown({"one": run("/usr/bin/env", "true")}) as (panels, _):
        picture = panels.picture("one")
        assert picture is not None
        assert picture.title == "env true"
