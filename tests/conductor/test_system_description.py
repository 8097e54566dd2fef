"""What a show runs on is in its journal: once while it stays the same, whatever the subject does when it is asked."""

import asyncio
import logging
import os
import platform
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import demo
from demo.conductor import Conductor
from demo.conductor.system_description import MAX_FACTS, MAX_NAME, MAX_VALUE, bounded, describe_system
from demo.journal import Journal
from demo.journal.library.recording import Recording
from demo.show import ShowState
from demo.show import commands as c
from demo.show.system_described import SystemDescribed
from tests.conductor.test_conductor import SOON, THREE, System, ask, playing

pytestmark = pytest.mark.anyio

Pairs = Sequence[tuple[str, str]]


class Lamps:
    """A subject that says of its system what the test has it say."""

    def __init__(self, *told: Pairs) -> None:
        self.told, self.asked = list(told), 0

    async def describe_system(self) -> Pairs:
        self.asked += 1
        return self.told[min(self.asked, len(self.told)) - 1]


class Failing:
    async def describe_system(self) -> Pairs:
        raise ValueError("no such lamp")


class Blocking:
    def describe_system(self) -> Pairs:
        return [("lamps", "3")]


class Hanging:
    async def describe_system(self) -> Pairs:
        await asyncio.Event().wait()
        return []


def described(journal: Path) -> list[dict[str, str]]:
    entries = Recording(journal).entries(samples=False)
    return [dict(entry.event.facts) for entry in entries if isinstance(entry.event, SystemDescribed)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON):
        while not condition():  # noqa: ASYNC110 - what another thread has written
            await asyncio.sleep(0.01)


@asynccontextmanager
async def describing(
    journal: Path, subject: object, options: Mapping[str, object] | None = None, ask_sec: float = 10.0, **more: Any
) -> AsyncIterator[Conductor]:
    async with playing(THREE, journal=Journal(journal), **more) as conductor:
        describe_system(conductor, subject, options or {}, ask_sec)
        yield conductor


async def test_every_show_tells_its_program_its_machine_and_its_options(tmp_path: Path) -> None:
    journal = tmp_path / "a.journal"
    options = {"base_port": 9000, "pd": ("one", "two"), "allow_run": True, "attach": None}
    async with describing(journal, object(), options):
        await until(lambda: bool(described(journal)))
    (facts,) = described(journal)
    assert facts["chaos-stage"] == demo.__version__
    assert facts["Python"].startswith(platform.python_version())
    assert (facts["kernel"], facts["CPUs"]) == (f"Linux {platform.release()}", str(os.cpu_count()))
    told = {name: value for name, value in facts.items() if name.startswith("option")}
    assert told == {"option base-port": "9000", "option pd": "one, two"}


async def test_the_subject_is_asked_once_its_system_is_up_and_again_if_that_comes_late(tmp_path: Path) -> None:
    journal, system = tmp_path / "a.journal", System()
    started = asyncio.Event()
    lamps = Lamps([("lamps", "3")])
    async with describing(journal, lamps, system=system, start_system=started.wait) as conductor:
        await conductor.until(lambda state: state.sample is not None, SOON)
        assert lamps.asked == 0
        started.set()
        await until(lambda: bool(described(journal)))
    assert (described(journal)[0]["lamps"], lamps.asked) == ("3", 1)

    late, lamps = tmp_path / "late.journal", Lamps([], [("lamps", "3")])
    system = System()
    system.up = False

    async def fail() -> None:
        raise OSError("no current")

    async def heal() -> None:
        system.up = True

    async with describing(late, lamps, system=system, start_system=fail, heal_system=heal) as conductor:
        await until(lambda: len(described(late)) == 1)
        assert lamps.asked == 1
        await ask(conductor, c.Heal())
        await until(lambda: len(described(late)) == 2)
    assert [facts.get("lamps") for facts in described(late)] == [None, "3"]


async def test_a_continued_show_says_again_only_what_has_changed(tmp_path: Path) -> None:
    journal = tmp_path / "a.journal"
    for told, times in (("3", 1), ("3", 1), ("4", 2), ("4", 2)):
        lamps = Lamps([("lamps", told)])
        async with describing(journal, lamps, system=System()) as conductor:
            await until(lambda lamps=lamps: lamps.asked == 1)  # type: ignore[misc]
            await ask(conductor, c.Say("behind it in the queue"))
            assert len(described(journal)) == times
    assert [facts["lamps"] for facts in described(journal)] == ["3", "4"]


@pytest.mark.parametrize("subject", [Failing(), Blocking(), Hanging()], ids=["raises", "is not async", "hangs"])
async def test_a_subject_that_cannot_say_it_troubles_nobody_and_the_log_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, subject: object
) -> None:
    journal = tmp_path / "a.journal"
    with caplog.at_level(logging.WARNING, "demo"):
        async with describing(journal, subject, ask_sec=0.3) as conductor:
            await asyncio.wait_for(ask(conductor, c.Advance()), 5)
            await until(lambda: bool(described(journal)))
            told: ShowState = conductor.state
    assert "chaos-stage" in described(journal)[0]
    assert [line.text for line in told.log if line.level in ("error", "note")] == []
    assert any("description of the system" in record.message for record in caplog.records)
    assert all(record.exc_info is None for record in caplog.records)


def test_facts_are_few_and_short_and_without_control_characters_and_secrets() -> None:
    found = bounded([(f"name {place}", "x") for place in range(MAX_FACTS + 5)])
    assert len(found) == MAX_FACTS
    ((name, value),) = bounded([("n" * 99, "v" * 999)])
    assert (len(name), len(value)) == (MAX_NAME, MAX_VALUE)
    assert bounded([("a\x1b[31m\n", " one\ttwo\x07 "), ("a", "again"), ("", "x"), ("b", "")]) == (("a", "one two"),)
    for called in (
        "redis-password",
        "api_key",
        "tokens",
        "db_pass",
        "pw",
        "private-key",
        "password1",
        "PIN",
        "key",
        "auth",
    ):
        assert bounded([(f"option {called}", "hunter2"), (called, "hunter2")]) == (), called
    for called in ("monkey", "pay-exact", "passes", "keyspace", "author", "spin"):
        assert bounded([(called, "7")]) == ((called, "7"),)
    assert bounded([("url", "redis://ada:hunter2@redis/0, password=hunter3")]) == (
        ("url", "redis://(masked)@redis/0, password=•••"),
    )
    for address in ("redis://:hun/ter2@h", "redis://:hun@ter2@h", "ada:hunter2@10.0.0.1:2379"):
        assert "ter2" not in bounded([("url", address)])[0][1], address
    assert bounded([("long", "-a" * 100_000)])[0][1] == ("-a" * MAX_VALUE)[:MAX_VALUE], "within a moment"
    cut = bounded([("url", "x" * (MAX_VALUE - 20) + " redis://ada:" + "hunter2" * 9 + "@redis")])
    assert "hunter2" not in cut[0][1]
