"""Steering a conductor from a terminal: its own, or one that others play; and what importing it costs."""

import asyncio
import contextlib
import io
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest
from rich.console import Console

from demo.conductor import Conductor, ShowConfig
from demo.runner import DemoRunner
from demo.show import commands as c
from demo.terminal.key_controller import HEALING, KeyController
from tests.support.show_player import PLAIN

pytestmark = pytest.mark.anyio


@contextlib.asynccontextmanager
async def playing() -> AsyncIterator[Conductor]:
    conductor = Conductor(ShowConfig("s", PLAIN))
    task = asyncio.create_task(conductor.run())
    try:
        await conductor.until(lambda state: state.visit == 1, 10)
        yield conductor
    finally:
        conductor.stop()
        await task


async def test_two_presses_from_one_picture_move_one_chapter() -> None:
    async with playing() as conductor:
        helm = KeyController(conductor, asyncio.Event(), lambda: None)
        helm.press("space", shown=1)
        helm.press("space", shown=1)
        await helm.wait_for_answers()
        assert conductor.state.number == 2
        assert helm.notices() == ("This was sent from chapter 1, but the show is now on chapter 2",)


async def test_a_key_before_the_first_chapter_does_nothing() -> None:
    helm = KeyController(Conductor(ShowConfig("s", PLAIN)), asyncio.Event(), lambda: None)
    helm.press("space", shown=1)
    assert helm.notices() == ("the show has not begun yet",)


async def test_heal_and_halt_count_from_any_picture() -> None:
    async with playing() as conductor:
        helm = KeyController(conductor, asyncio.Event(), lambda: None)
        helm.press("x", shown=3)
        helm.press("x", shown=3)
        await helm.wait_for_answers()
        assert conductor.state.halted


async def test_as_long_as_the_question_is_there_a_second_press_halts() -> None:
    async with playing() as conductor:
        helm = KeyController(conductor, asyncio.Event(), lambda: None)
        helm.press("x", shown=1)
        assert helm.notices() == ("X again to halt",)
        async with asyncio.timeout(10):
            while helm.notices():  # noqa: ASYNC110 - gone by the clock
                await asyncio.sleep(0.01)
        assert helm.press("x", shown=1).order == c.Halt()


@pytest.mark.parametrize("between", ["t", "y", "esc", "c", "w"])
async def test_a_key_between_takes_the_question_away(between: str) -> None:
    async with playing() as conductor:
        helm = KeyController(conductor, asyncio.Event(), lambda: None)
        helm.press("x", shown=1)
        helm.press(between, shown=1)
        assert "X again to halt" not in helm.notices()
        helm.press("x", shown=1)
        assert helm.notices() == ("X again to halt",)


async def test_after_quitting_keys_only_ask_for_patience() -> None:
    async with playing() as conductor:
        quitting = asyncio.Event()
        helm = KeyController(conductor, quitting, lambda: None)
        helm.press("ctrl-c", shown=1)
        assert quitting.is_set()
        helm.press("space", shown=1)
        await helm.wait_for_answers()
        assert conductor.state.number == 1
        assert helm.notices() == (HEALING,)


async def test_a_terminal_beside_a_server_shows_the_show_and_leaves_it_running() -> None:
    """pytest's stdin cannot be read: it ends at once, and with it the terminal."""
    async with playing() as conductor:
        paper = io.StringIO()
        await DemoRunner("s", (), conductor=conductor, console=Console(file=paper)).run()
        assert "[1/3] one" in paper.getvalue()
        assert "ended" not in paper.getvalue()
        helm = KeyController(conductor, asyncio.Event(), lambda: None)
        helm.press("n", shown=1)
        await helm.wait_for_answers()
        assert conductor.state.number == 2


async def test_the_narration_of_a_show_already_under_way_is_handed_on() -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    async with playing() as conductor:
        runner = DemoRunner("s", (), None, heard.put, conductor=conductor, console=Console(file=io.StringIO()))
        running = asyncio.create_task(runner.run())
        async with asyncio.timeout(10):
            assert await heard.get() == "about one"
        runner.stop()
        await running


async def test_an_empty_deck_is_refused_when_the_runner_is_made() -> None:
    with pytest.raises(ValueError, match="at least one chapter"):
        DemoRunner("s", ())


async def test_importing_the_runner_brings_no_web_server() -> None:
    script = (
        "import sys; from demo.runner import DemoRunner; print([m for m in ('fastapi', 'uvicorn') if m in sys.modules])"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
