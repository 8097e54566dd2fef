"""The question box beside a real conductor: bounded, kept through a crash, and told to nobody but the presenter."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from demo.conductor import Conductor, ShowConfig
from demo.errors import TooManyQuestions
from demo.journal import Journal
from demo.questions.question_box import EVERY_SEC, MAX_OPEN, MAX_OPEN_OF_DEVICE, QuestionBox
from demo.questions.question_file import SUFFIX, QuestionFile
from demo.types import Chapter
from tests.support.servers import wait_for

pytestmark = pytest.mark.anyio


class Room:
    """A show and its question box, whose clock is set by hand."""

    def __init__(self, conductor: Conductor, path: Path) -> None:
        self.conductor = conductor
        self.path = path.with_name(path.name + SUFFIX)
        self.now = 0.0
        self.box = QuestionBox(conductor, QuestionFile(self.path, conductor.epoch), clock=lambda: self.now)

    async def ask(self, device: str, text: str) -> bool:
        return (await self.box.ask(device, text)).durable

    @property
    def texts(self) -> list[str]:
        return [question.text for question in self.box.questions]

    async def until_stored(self, *texts: str) -> None:
        def stored() -> list[str]:
            return [one["text"] for one in json.loads(self.path.read_text())["questions"]]

        await asyncio.to_thread(wait_for, lambda: True if stored() == list(texts) else None, 20)


@asynccontextmanager
async def room(path: Path) -> AsyncIterator[Room]:
    conductor = Conductor(ShowConfig("questions", (Chapter("one", "x"),), journal=Journal(path)))
    playing = asyncio.ensure_future(conductor.run())
    await conductor.loaded.wait()
    found = Room(conductor, path)
    taking = asyncio.ensure_future(found.box.run())
    try:
        yield found
    finally:
        taking.cancel()
        await asyncio.gather(taking, return_exceptions=True)
        conductor.stop()
        await playing


async def test_questions_are_kept_in_their_order_through_a_restart_and_have_new_numbers_after_it(
    tmp_path: Path,
) -> None:
    path = tmp_path / "show.journal"
    async with room(path) as first:
        assert await first.ask("a", "First?")
        assert await first.ask("b", "Second?")
        first.box.remove(2)
        await first.until_stored("First?")
    async with room(path) as second:
        assert await second.ask("b", "Third?")
        assert [(question.id, question.text) for question in second.box.questions] == [(1, "First?"), (3, "Third?")]


async def test_what_is_stored_tells_no_device_and_nothing_that_is_done(tmp_path: Path) -> None:
    async with room(tmp_path / "show.journal") as found:
        await found.ask("0123456789abcdef" * 2, "Answered?")
        assert found.path.stat().st_mode & 0o077 == 0
        found.box.remove(1)
        await found.until_stored()
        await found.ask("0123456789abcdef" * 2 + "x", "Open?")
        content = found.path.read_text()
        assert "Answered" not in content
        assert "0123456789abcdef" not in content


async def test_the_same_question_sent_again_is_one(tmp_path: Path) -> None:
    async with room(tmp_path / "show.journal") as found:
        for _ in range(5):
            assert await found.ask("a", "Why?")
        await found.ask("b", "Why?")
        assert found.texts == ["Why?", "Why?"], "of two devices"


async def test_a_device_asks_once_in_a_while_and_has_few_open(tmp_path: Path) -> None:
    async with room(tmp_path / "show.journal") as found:
        await found.ask("a", "1?")
        with pytest.raises(TooManyQuestions, match=r"try again in 10 s") as refused:
            await found.ask("a", "2?")
        assert refused.value.wait_sec == EVERY_SEC
        for number in range(2, MAX_OPEN_OF_DEVICE + 1):
            found.now += EVERY_SEC
            await found.ask("a", f"{number}?")
        found.now += EVERY_SEC
        with pytest.raises(TooManyQuestions, match=r"3 questions of yours"):
            await found.ask("a", "4?")
        await found.ask("b", "Another device?")
        found.box.remove(1)
        assert await found.ask("a", "4?"), "as soon as the presenter is done with one"


async def test_a_full_box_refuses_new_questions_and_keeps_the_old_ones(tmp_path: Path) -> None:
    async with room(tmp_path / "show.journal") as found:
        await asyncio.gather(*(found.ask(f"device {number}", f"{number}?") for number in range(MAX_OPEN)))
        with pytest.raises(TooManyQuestions, match=r"200 questions are waiting"):
            await found.ask("one more", "Me too?")
        assert found.texts[0] == "0?"
        assert len(found.texts) == MAX_OPEN
        found.box.remove(1)
        assert await found.ask("one more", "Me too?")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"epoch": "EPOCH"}', '{"epoch": "other", "questions": [{}]}'])
async def test_a_damaged_file_or_that_of_another_show_keeps_no_show_from_starting(tmp_path: Path, content: str) -> None:
    path = tmp_path / "show.journal"
    async with room(path) as first:
        await first.ask("a", "Lost?")
        epoch = first.conductor.epoch
    first.path.write_text(content.replace("EPOCH", epoch))
    async with room(path) as second:
        assert await second.ask("a", "New?")
        assert second.texts == ["New?"]


async def test_a_disk_that_refuses_is_told_and_the_question_is_taken(tmp_path: Path) -> None:
    async with room(tmp_path / "show.journal") as found:
        found.path.with_name(f"{found.path.name}.new").mkdir()
        assert not await found.ask("a", "Kept?"), "but not on disk"
        assert found.texts == ["Kept?"]
        assert await found.conductor.until(lambda state: any("a crash would lose" in one.text for one in state.log), 20)
