"""What an answer promises: a move that was answered is on disk, or says that it is not."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from demo.conductor import Conductor, ShowConfig
from demo.errors import JournalError
from demo.journal import Journal
from demo.show import commands as c
from demo.types import Chapter
from tests.conductor.test_conductor import THREE, ask, playing, reached
from tests.conductor.test_hardship import StuckJournal
from tests.support.ratelimiter_system import until

pytestmark = pytest.mark.anyio


async def under_way(journal: Journal) -> None:
    """Return once something waits to be written."""
    await until(lambda: bool(journal._unwritten))


async def test_a_halt_overtakes_a_move_but_the_move_is_answered_once_it_is_on_disk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("demo.conductor.persistence.TIMEOUT_SEC", 60.0)
    journal = StuckJournal(tmp_path / "j")
    async with playing(THREE, journal=journal) as conductor:
        journal.stuck = True
        move = asyncio.create_task(ask(conductor, c.Advance()))
        await under_way(journal)
        halt = await ask(conductor, c.Halt())
        behind = asyncio.create_task(ask(conductor, c.Say("behind it")))
        assert (halt.halted, halt.number) == (True, 2)
        await asyncio.sleep(0.1)
        assert not move.done(), "its entry is not on disk"
        assert not behind.done()
        journal.stuck = False
        journal.free.set()
        answers = await asyncio.gather(move, behind)
        assert journal.durable_seq >= answers[1].seq
        assert all(answer.durable for answer in answers)


async def test_what_is_so_already_is_answered_once_that_is_on_disk(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Somebody froze the stage, a heal overtook the disk, and somebody else freezes it once more: nothing to do."""
    monkeypatch.setattr("demo.conductor.persistence.TIMEOUT_SEC", 60.0)
    journal = StuckJournal(tmp_path / "j")
    async with playing(THREE, journal=journal) as conductor:
        journal.stuck = True
        first = asyncio.create_task(ask(conductor, c.Freeze(on=True)))
        await under_way(journal)
        again = asyncio.create_task(ask(conductor, c.Freeze(on=True)))
        await asyncio.sleep(0)
        await ask(conductor, c.Halt())
        await asyncio.sleep(0.1)
        assert not again.done(), "the stage would not be frozen after a crash"
        journal.stuck = False
        journal.free.set()
        answers = await asyncio.gather(first, again)
        assert all(answer.durable for answer in answers)


async def test_a_move_that_was_overtaken_on_a_hung_disk_is_answered_all_the_same(tmp_path: Path) -> None:
    journal = StuckJournal(tmp_path / "j")
    async with playing(THREE, journal=journal) as conductor:
        journal.stuck = True
        move = asyncio.create_task(ask(conductor, c.Advance()))
        await under_way(journal)
        await ask(conductor, c.Halt())
        answer = await asyncio.wait_for(move, 10)
        assert (answer.number, answer.durable) == (2, False), "nothing was promised that is not on disk"
        await reached(conductor, lambda state: not state.durable)
        journal.stuck = False
        journal.free.set()


class FullJournal(Journal):
    """A disk that takes nothing while it is full."""

    full = False

    async def append(self, entries: Any) -> None:
        if self.full:
            self.buffer(entries)
            raise JournalError("no space left on device")
        await super().append(entries)


async def test_the_very_first_answer_on_a_full_disk_does_not_call_itself_durable(tmp_path: Path) -> None:
    journal = FullJournal(tmp_path / "j")
    async with playing(THREE, journal=journal) as conductor:
        journal.full = True
        assert not (await ask(conductor, c.Advance())).durable
        journal.full = False
        await reached(conductor, lambda state: state.durable)
        assert (await ask(conductor, c.Advance())).durable


async def test_nobody_is_shown_a_show_on_its_way_through_its_past(tmp_path: Path) -> None:
    """A long journal is read in pieces; until all of it is folded, the show has not begun."""
    async with playing(THREE, journal=Journal(tmp_path / "j")) as conductor:
        for number in range(1200):
            conductor.enqueue("test", c.Say(f"line {number}"))
        await ask(conductor, c.Goto(3))
    again = Conductor(ShowConfig("test", THREE, journal=Journal(tmp_path / "j")))
    playing_again = asyncio.create_task(again.run())
    seen: set[tuple[int, int]] = set()
    while not playing_again.done() and again.state.seq < 1200:
        seen.add((again.state.seq, again.state.number))
        await asyncio.sleep(0)
    assert seen == {(0, 1)}
    again.stop()
    await playing_again


async def test_an_orderly_end_is_the_last_entry_and_says_whether_the_show_was_over(tmp_path: Path) -> None:
    deck = [Chapter("one", "a"), Chapter("two", "b")]
    stories: list[tuple[list[c.Command], bool, bool]] = [
        ([], True, False),
        ([c.Advance()], False, False),
        ([c.Back()], True, False),
        ([c.Advance()], True, True),
    ]
    for moves, by_person, over in stories:
        async with playing(deck, journal=Journal(tmp_path / "j")) as conductor:
            for move in moves:
                await ask(conductor, move)
            conductor.stop(by_person=by_person)
        journal = Journal(tmp_path / "j")
        last = (await journal.read(limit=10_000))[-1]
        assert (type(last.event).__name__, getattr(last.event, "over", None)) == ("ShowClosed", over)
        await journal.close()


@pytest.mark.parametrize("anyio_backend", [("asyncio", {"use_uvloop": True})], ids=["the loop of demo serve"])
async def test_a_blocked_loop_is_not_taken_for_a_disk_that_is_late(tmp_path: Path) -> None:
    """Somebody's code blocks at every turn of the loop: the disk has long answered, and nobody could hear it."""
    async with playing(THREE, journal=Journal(tmp_path / "show.journal")) as conductor:
        move = asyncio.create_task(ask(conductor, c.Advance()))
        while not move.done():
            time.sleep(1.2)  # noqa: ASYNC251 - that is what it is about
            await asyncio.sleep(0)
        assert move.result().durable
        assert conductor.state.durable
