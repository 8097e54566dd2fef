"""The ballot box beside a real conductor: votes are kept, counted once, and never stand in a command's way."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from demo.ballots.ballot_box import TALLY_EVERY_SEC, BallotBox, read_answer
from demo.ballots.vote import Vote
from demo.ballots.vote_file import SUFFIX, VoteFile
from demo.conductor import Conductor, ShowConfig
from demo.errors import InvalidValue, Refused
from demo.journal import Journal
from demo.show import ShowState
from demo.show import commands as c
from demo.show.ballot import BallotState
from demo.types import Chapter

pytestmark = pytest.mark.anyio

DECK = (
    Chapter("one", "x"),
    Chapter("two", "y", hypothesis="No request fails", vote=Vote("Fails?", ("Yes", "No"))),
    Chapter("three", "z", vote=Vote("How long?", (), unit="s")),
)


class Room:
    """A show whose vote is open, and its box."""

    def __init__(self, conductor: Conductor, box: BallotBox) -> None:
        self.conductor = conductor
        self.box = box

    @property
    def ballot(self) -> BallotState:
        return self.conductor.state.ballots[-1]

    async def cast(self, voter: str, answer: float) -> bool:
        return await self.box.cast(voter, self.ballot, answer)

    async def do(self, command: c.Command) -> ShowState:
        return await self.conductor.submit(c.CommandEnvelope("test", command))

    async def until_counted(self, *counts: int) -> None:
        assert await self.conductor.until(lambda state: state.ballots[-1].counts == counts, 20), self.ballot


@asynccontextmanager
async def room(path: Path, *, goes_to: int | None = 2) -> AsyncIterator[Room]:
    journal = Journal(path)
    conductor = Conductor(ShowConfig("votes", DECK, journal=journal))
    playing = asyncio.ensure_future(conductor.run())
    await conductor.loaded.wait()
    box = BallotBox(conductor, VoteFile(path.with_name(path.name + SUFFIX), conductor.epoch))
    counting = asyncio.ensure_future(box.run())
    found = Room(conductor, box)
    if goes_to is not None:
        await found.do(c.Goto(goes_to))
    try:
        yield found
    finally:
        counting.cancel()
        await asyncio.gather(counting, return_exceptions=True)
        conductor.stop()
        await playing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "show.journal"


def delete_files(path: Path) -> None:
    """Delete the journal, and leave the file of its votes."""
    for file in (path, *path.parent.glob("show.journal-*")):
        file.unlink()


def rows(path: Path) -> list[tuple[bytes, float]]:
    with sqlite3.connect(path.with_name(path.name + SUFFIX)) as db:
        return db.execute("SELECT voter, answer FROM votes").fetchall()


async def test_one_vote_a_voter_and_the_newest_counts(path: Path) -> None:
    async with room(path) as hall:
        assert await hall.cast("anna", 0.0)
        assert await hall.cast("anna", 0.0)
        assert await hall.cast("bert", 0.0)
        assert await hall.cast("anna", 1.0)
        await hall.until_counted(1, 1)
        assert len(rows(path)) == 2


async def test_what_was_answered_outlives_a_process_and_is_told_again(path: Path) -> None:
    async with room(path) as hall:
        await asyncio.gather(*(hall.cast(f"voter {number}", float(number % 2)) for number in range(50)))
        stored = rows(path)
    async with room(path, goes_to=None) as hall:
        await hall.until_counted(25, 25)
        await hall.cast("voter 1", 0.0)
        await hall.until_counted(26, 24)
    assert len(stored) == 50


async def test_no_voter_is_in_the_file_and_nothing_of_a_counted_vote(path: Path) -> None:
    file = path.with_name(path.name + SUFFIX)
    async with room(path) as hall:
        await hall.cast("the very voter", 0.0)
        stored = rows(path)[0][0]
        content = b"".join(side.read_bytes() for side in path.parent.glob("*.votes*"))
        assert stored in content
        assert b"the very voter" not in content
        await hall.do(c.CloseVote())
        async with asyncio.timeout(20):
            while rows(path):  # noqa: ASYNC110 - a file tells nobody
                await asyncio.sleep(0.02)
        assert hall.ballot.is_final
        assert hall.ballot.counts == (1, 0)
    assert all(stored not in side.read_bytes() for side in path.parent.glob(f"{file.name}*"))


async def test_a_closed_vote_takes_nothing_and_its_last_tally_lacks_nothing(path: Path) -> None:
    async with room(path) as hall:
        ballot = hall.ballot
        await hall.cast("first", 0.0)
        casts = [asyncio.ensure_future(hall.cast(f"voter {number}", 0.0)) for number in range(20)]
        await asyncio.sleep(0)
        await hall.do(c.CloseVote())
        assert all(await asyncio.gather(*casts))
        with pytest.raises(Refused, match="closed"):
            await hall.box.cast("late", ballot, 0.0)
        assert await hall.conductor.until(lambda state: state.ballots[-1].is_final, 20)
        assert hall.ballot.counts == (21, 0)


async def test_a_vote_that_was_closed_by_a_dying_process_is_counted_by_the_next(path: Path) -> None:
    async with room(path) as hall:
        await hall.cast("anna", 1.0)
        hall.box.late_sec = 3600.0  # it dies before it has counted
        await hall.do(c.CloseVote())
        assert not hall.ballot.is_final
    async with room(path, goes_to=None) as hall:
        assert await hall.conductor.until(lambda state: state.ballots[-1].is_final, 20)
        assert hall.ballot.counts == (0, 1)


async def test_votes_of_another_vote_or_another_show_are_not_taken(path: Path) -> None:
    async with room(path) as hall:
        first = hall.ballot
        await hall.cast("anna", 0.0)
        await hall.do(c.Goto(3))
        with pytest.raises(Refused, match="closed"):
            await hall.box.cast("anna", first, 0.0)
        await hall.cast("anna", 2.5)
        assert await hall.conductor.until(lambda state: state.ballots[-1].values == (2.5,), 20)
    delete_files(path)
    async with room(path, goes_to=3) as hall:  # a new show at the same place
        await hall.cast("bert", 1.0)
        assert await hall.conductor.until(lambda state: state.ballots[-1].values == (1.0,), 20)


async def test_a_damaged_file_is_begun_anew(path: Path) -> None:
    path.with_name(path.name + SUFFIX).write_bytes(b"SQLite format 3\x00" + b"x" * 5000)
    async with room(path) as hall:
        assert await hall.cast("anna", 0.0)
        await hall.until_counted(1, 0)


async def test_a_file_that_cannot_be_written_loses_no_vote_and_is_told_once(path: Path) -> None:
    path.with_name(path.name + SUFFIX).mkdir()
    async with room(path) as hall:
        assert not await hall.cast("anna", 0.0)
        assert not await hall.cast("bert", 0.0)
        await hall.until_counted(2, 0)
        notices = [line.text for line in hall.conductor.state.log if "votes" in line.text and line.level == "error"]
        assert len(notices) == 1
        assert "a crash would lose them" in notices[0]


async def test_tallies_come_four_times_a_second_at_most(path: Path) -> None:
    async with room(path) as hall:
        told: list[float] = []
        loop = asyncio.get_running_loop()
        before = hall.ballot.counts

        def note(state: ShowState) -> None:
            nonlocal before
            if state.ballots[-1].counts != before:
                before = state.ballots[-1].counts
                told.append(loop.time())

        hall.conductor.subscribe(note)
        for number in range(60):
            await hall.cast(f"voter {number}", 0.0)
        await hall.until_counted(60, 0)
        assert all(later - sooner > TALLY_EVERY_SEC * 0.9 for sooner, later in pairwise(told))


def test_answers_are_checked() -> None:
    choice, guess = BallotState(1, 1, "?", ("a", "b")), BallotState(2, 1, "?", (), unit="s")
    assert read_answer(choice, 2, None) == 1.0
    assert read_answer(guess, None, 2.34567) == 2.35
    for wrong in (None, 0, 3):
        with pytest.raises(InvalidValue, match="1 to 2"):
            read_answer(choice, wrong, 1.0)
    for number in (None, -1.0, float("nan"), float("inf"), 1e300):
        with pytest.raises(InvalidValue, match="from 0 to 1000000000"):
            read_answer(guess, None, number)
