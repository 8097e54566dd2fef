"""The web over a conductor in this process: what a program or a page meets when the disk, a deck or the show ends."""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import httpx
import pytest

from demo.conductor import Conductor, ShowConfig
from demo.errors import JournalError, ShowOver
from demo.journal import Journal
from demo.show import ShowState
from demo.show import commands as c
from demo.show import events as e
from demo.types import Chapter
from demo.web.app import MAX_REPORTED_ERRORS, Web
from demo.web.responses import AsciiJsonResponse
from demo.web.streaming.view_stream import EventStream
from tests.conductor.test_conductor import SOON, THREE, System, ask, playing, reached

pytestmark = pytest.mark.anyio


class Reader:
    """`/events` as a program reads it, message by message."""

    def __init__(self, programs: EventStream, last_id: str | None = None) -> None:
        self._chunks: AsyncIterator[Any] = aiter(programs.stream(last_id).body_iterator)

    async def next(self) -> tuple[dict[str, str], dict[str, Any]]:
        """The next message's fields, and its data."""
        async with asyncio.timeout(SOON):
            while True:
                lines = (await anext(self._chunks)).decode().splitlines()
                fields = dict(line.split(": ", 1) for line in lines if line)
                if "data" in fields:
                    return fields, json.loads(fields["data"])


def on_disk(path: Path) -> int:
    with sqlite3.connect(path) as db:
        newest: int = db.execute("SELECT MAX(seq) FROM entries").fetchone()[0]
    db.close()
    return newest


async def test_a_program_is_told_an_id_only_when_a_crash_cannot_take_it_back(tmp_path: Path) -> None:
    async with playing(THREE, system=System(), journal=Journal(tmp_path / "j")) as conductor:
        await reached(conductor, lambda state: state.seq > conductor.journal.durable_seq)
        programs = EventStream(conductor)
        end = conductor.subscribe(lambda state: programs.notify())
        reader = Reader(programs)
        first, data = await reader.next()
        assert first["event"] == "snapshot"
        assert first["id"] == f"{conductor.epoch}-{data['seq']}"
        assert on_disk(tmp_path / "j") >= data["seq"]
        seen = data["seq"]
        for _ in range(5):
            message, data = await reader.next()
            assert data["seq"] == seen + 1
            assert message["id"] == f"{conductor.epoch}-{data['seq']}"
            assert on_disk(tmp_path / "j") >= data["seq"]
            seen = data["seq"]
        end()
        programs.close()


class Lost(Journal):
    """A disk that takes nothing any more."""

    lost = False

    async def append(self, entries: Iterable[e.JournalEntry]) -> None:
        if not self.lost:
            await super().append(entries)
            return
        self.buffer(entries)
        raise JournalError("no space left on device")


async def test_without_a_disk_programs_are_told_from_memory_and_promised_nothing(tmp_path: Path) -> None:
    journal = Lost(tmp_path / "j")
    async with playing(THREE, journal=journal) as conductor:
        programs = EventStream(conductor)
        end = conductor.subscribe(lambda state: programs.notify())
        reader = Reader(programs)
        await reader.next()
        journal.lost = True
        await ask(conductor, c.Advance())
        message, data = await reader.next()
        assert data["event"]["type"] == "ChapterEntered"
        assert "id" not in message
        late, data = await Reader(programs).next()
        assert (late["event"], data["chapter"]["number"]) == ("snapshot", 2)
        assert "id" not in late
        journal.lost = False
        end()
        programs.close()


async def test_numbers_that_nobody_holds_are_passed_over(tmp_path: Path) -> None:
    class Holed(Journal):
        hole: range = range(0)

        async def read(self, after: int = 0, limit: int = 500) -> list[e.JournalEntry]:
            return [entry for entry in await super().read(after, limit) if entry.seq not in self.hole]

    journal = Holed(tmp_path / "j")
    async with playing(THREE, journal=journal) as conductor:
        before = conductor.state.seq
        await ask(conductor, c.Say("lost"))
        journal.hole = range(before + 1, conductor.state.seq + 1)
        programs = EventStream(conductor)
        end = conductor.subscribe(lambda state: programs.notify())
        reader = Reader(programs, f"{conductor.epoch}-{before}")
        reading = asyncio.ensure_future(reader.next())
        await ask(conductor, c.Say("kept"))
        _, data = await reading
        assert data["event"] == {"type": "Said", "text": "kept"}
        end()
        programs.close()


async def test_a_program_that_comes_back_before_the_show_is_loaded_is_not_given_a_new_start(tmp_path: Path) -> None:
    async with playing(THREE, journal=Journal(tmp_path / "j")) as conductor:
        last = f"{conductor.epoch}-{conductor.state.seq}"
    again = Conductor(ShowConfig("test", THREE, journal=Journal(tmp_path / "j")))
    assert again.state.seq == 0
    programs = EventStream(again)
    reading = asyncio.ensure_future(Reader(programs, last).next())
    playing_again = asyncio.create_task(again.run())
    end = again.subscribe(lambda state: programs.notify())
    message, data = await reading
    assert (message["event"], data["event"]["type"]) == ("entry", "ShowClosed")
    end()
    programs.close()
    again.stop()
    await asyncio.wait_for(playing_again, SOON)


def client_of(web: Web) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(web.asgi), base_url="http://127.0.0.1:8000")


async def test_what_comes_after_the_end_of_the_show_is_told_so() -> None:
    class Over(Conductor):
        async def submit(self, command: c.CommandEnvelope) -> ShowState:
            raise ShowOver("the show is over")

    conductor = Over(ShowConfig("test", THREE))
    async with client_of(Web(conductor)) as client:
        response = await client.post("/advance")
    assert (response.status_code, response.json()["code"]) == (503, "closing")
    await conductor.journal.close()


class Undrawable(str):
    """A title that no template can draw."""

    __slots__ = ()

    def __html__(self) -> str:
        raise RuntimeError("half a title")


async def test_a_page_that_cannot_be_drawn_costs_nobody_else_anything() -> None:
    """The second title stands on the phone's page as what comes next, and on the stage not yet."""
    async with playing([Chapter("one", "a"), Chapter(Undrawable("two"), "b"), Chapter("three", "c")]) as conductor:
        web = Web(conductor)
        beating = asyncio.create_task(web.keep_alive())
        boxes = {view: Box() for view in ("stage", "remote")}
        for view, box in boxes.items():
            web.hub.join(view, box)
        async with client_of(web) as client:
            assert (await client.get("/")).status_code == 200
            for _ in range(3):
                response = await client.get("/remote")
                assert (response.status_code, response.json()["code"]) == (500, "broken")
        await ask(conductor, c.Say("still here"))
        assert b"still here" in boxes["stage"].got[-1]
        assert not boxes["remote"].got
        await ask(conductor, c.Goto(3))
        assert b'hx-target="#r-head"' in boxes["remote"].got[0], "the whole view, as soon as it can be drawn"
        told = [line.text for line in conductor.state.log if line.who == "web"]
        assert told == ["the remote page cannot be rendered: RuntimeError: half a title"]
        assert not beating.done()
        beating.cancel()
        web.close()


async def test_a_complaint_that_is_new_each_time_does_not_fill_the_log() -> None:
    count = iter(range(1000))

    class Worse(Undrawable):
        __slots__ = ()

        def __html__(self) -> str:
            raise RuntimeError(f"mistake {next(count)}")

    async with playing([Chapter(Worse("one"), "a")]) as conductor:
        web = Web(conductor)
        web.hub.join("stage", Box())
        async with client_of(web) as client:
            for _ in range(MAX_REPORTED_ERRORS + 5):
                assert (await client.get("/")).status_code == 500
        await ask(conductor, c.Say("x"))
        assert sum(line.who == "web" for line in conductor.state.log) <= MAX_REPORTED_ERRORS
        web.close()


class Box:
    def __init__(self) -> None:
        self.got: list[bytes] = []

    def write(self, message: bytes) -> int:
        self.got.append(message)
        return len(message)

    def write_rest(self, rest: bytes) -> None:
        raise AssertionError("there is always room")

    def close(self) -> None:
        pass


async def test_a_bug_in_a_route_is_answered_and_said_once_and_no_traceback_gets_out() -> None:
    async with playing(THREE) as conductor:
        web = Web(conductor)

        def boom(*anything: object) -> AsciiJsonResponse:
            raise ZeroDivisionError("boom")

        web.commands.state = boom  # type: ignore[method-assign, assignment]
        transport = httpx.ASGITransport(app=web.asgi, raise_app_exceptions=True)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client:
            for _ in range(2):
                answer = await client.get("/state")
                assert (answer.status_code, answer.json()["code"]) == (500, "broken")
                assert "boom" not in answer.text
        await reached(conductor, lambda state: any("ZeroDivisionError" in line.text for line in state.log))
        assert sum("ZeroDivisionError" in line.text for line in conductor.state.log) == 1
