"""What is kept of the panels while a show is played: those on the stage, at most one picture a second of each."""

import asyncio
from itertools import pairwise
from pathlib import Path

import pytest

from demo.conductor.panel_recorder import record_panels
from demo.journal import Journal
from demo.journal.library.recording import Recording
from demo.journal.panel_table import CALM_SEC
from demo.show import commands as c
from demo.types import Chapter, Stage
from tests.conductor.test_conductor import ask, playing
from tests.support.shown_panels import ShownPanels, picture

pytestmark = pytest.mark.anyio


def deck(stage: Stage) -> list[Chapter]:
    return [Chapter("One", ""), Chapter("Two", "", panels=("log",)), Chapter("Three", "", panels=("log", "top"))]


def kept(path: Path) -> list[tuple[str, str]]:
    recording = Recording(path)
    found = [(moment.name, recording.picture(moment)) for moment in recording.panel_moments()]
    return [(name, one.text) for name, one in found if one is not None]


async def test_only_what_the_stage_shows_is_kept(tmp_path: Path) -> None:
    panels = ShownPanels()
    async with playing(deck, journal=Journal(tmp_path / "a.journal"), panels=panels) as conductor:
        record_panels(conductor)
        panels.show(picture("log", "before"))
        panels.show(picture("top", "never shown"))
        await ask(conductor, c.Advance())
        panels.show(picture("top", "shown at last"))
        await ask(conductor, c.Advance())
        await ask(conductor, c.Back())
    assert kept(tmp_path / "a.journal") == [("log", "before"), ("top", "shown at last")]


async def test_a_program_that_prints_without_end_is_kept_once_a_second_with_its_newest_picture(tmp_path: Path) -> None:
    panels = ShownPanels()
    loop = asyncio.get_running_loop()
    async with playing(deck, journal=Journal(tmp_path / "a.journal"), panels=panels) as conductor:
        record_panels(conductor)
        await ask(conductor, c.Advance())
        began, number = loop.time(), 0
        while loop.time() < began + 2.5 * CALM_SEC:
            number += 1
            panels.show(picture("log", f"line {number}"))
            await asyncio.sleep(0.02)
        ended = loop.time()
        while kept(tmp_path / "a.journal")[-1:] != [("log", f"line {number}")]:
            assert loop.time() < ended + 10, "the last picture is kept, too, though nothing follows"
            await asyncio.sleep(0.1)
    found = kept(tmp_path / "a.journal")
    assert number > 20
    assert 3 <= len(found) <= 5
    moments = [moment.at for moment in Recording(tmp_path / "a.journal").panel_moments()]
    assert all(later - at > 0.9 * CALM_SEC for at, later in pairwise(moments))
