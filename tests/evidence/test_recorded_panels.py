"""The panels of a recorded show: on the pages of its replay as they were, and in its report."""

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest

from demo.conductor.panel_recorder import record_panels
from demo.evidence.plan_b import ShowWithPlanB, prepare_recording
from demo.evidence.recorded_panels import NO_PANELS
from demo.evidence.replay import Replay
from demo.evidence.reports import make_report
from demo.journal import Journal
from demo.journal.library.recording import Recording
from demo.panels.picture import PanelPicture, Panels, StyledText
from demo.show import ShowState
from demo.show import commands as c
from demo.show.plan_b_types import PlanB, RecordingEnded
from demo.types import Chapter, Stage
from demo.web.rendering.assets import Assets
from demo.web.rendering.renderer import TEMPLATES, Renderer
from tests.conductor.test_conductor import playing
from tests.evidence.test_replay import ask as ask_replay
from tests.evidence.test_replay import replaying, stands
from tests.support.servers import serving, wait_for
from tests.support.shown_panels import ShownPanels, picture

pytestmark = pytest.mark.anyio

SHOW = """\
---
title: A show with a panel
secrets:
  token: {env: TOKEN_OF_TEST}
panels:
  said: {run: [sh, -c, 'echo it says $TOKEN_OF_TEST; sleep 600']}
---
```yaml
panel: said
```
# One
"""

REGIONS = ("panel_1", "panel_2")
TOP = PanelPicture(
    "top", "top -b", ((StyledText("load", ("red",)), StyledText("  0.1  <b>")),), "offline", "ended", width=12
)


def deck(stage: Stage) -> list[Chapter]:
    return [
        Chapter("One", "Hello", panels=("log",)),
        Chapter("Two", "", panels=("log", "top")),
        Chapter("Three", "", panels=("top",)),
    ]


def draw(panels: Panels, state: ShowState) -> dict[str, str]:
    renderer = Renderer(Assets(TEMPLATES.parent / "static"), panels)
    return {region.name: region.html for region in renderer.regions("stage", state, {}) if region.name in REGIONS}


async def record(path: Path) -> dict[str, dict[str, str]]:
    """Play a show whose panels change; return the regions of the stage by what was seen last."""
    panels, seen = ShownPanels(), {}
    async with playing(deck, journal=Journal(path), panels=panels) as conductor:
        record_panels(conductor)

        def note(name: str) -> None:
            seen[name] = draw(panels, conductor.state)

        panels.show(picture("log", "begun", "    indented"))
        note("begun")
        await asyncio.sleep(1.3)
        panels.show(picture("log", "begun", "went on at /home/ada with password=hunter2"))
        note("went on")
        await asyncio.sleep(0.3)
        panels.show(TOP)
        await conductor.submit(c.CommandEnvelope("presenter", c.Advance()))
        note("two")
        await conductor.submit(c.CommandEnvelope("presenter", c.Advance()))
        note("three")
    return seen


def shown(replay: Replay) -> dict[str, str]:
    return draw(replay.panels, replay.state)


async def test_a_replay_shows_each_picture_at_its_time_also_after_a_step_back(tmp_path: Path) -> None:
    live = await record(tmp_path / "a.journal")
    changes: list[dict[str, str]] = []
    async with replaying(tmp_path / "a.journal", speed=5.0) as replay:
        replay.panels.subscribe(lambda: changes.append(shown(replay)))
        # No entry comes with it: the panel alone changes.
        await until_shown(replay, live["went on"])
        assert changes == [live["went on"]]
        await stands(replay)
        for name in ("two", "three"):
            await ask_replay(replay, c.Advance())
            await until_shown(replay, live[name])
            await stands(replay, "waiting" if name == "two" else "over")
        await ask_replay(replay, c.Goto(1))
        assert shown(replay) != live["three"]
        await until_shown(replay, live["went on"])


async def until_shown(replay: Replay, regions: dict[str, str]) -> None:
    """Wait for a change of the panels: of the state there may be none."""
    changed = asyncio.Event()
    unsubscribe = replay.panels.subscribe(changed.set)
    async with asyncio.timeout(20):
        while shown(replay) != regions:
            changed.clear()
            await changed.wait()
    unsubscribe()


async def test_a_recording_without_them_is_played_and_says_so(tmp_path: Path) -> None:
    await record(tmp_path / "a.journal")
    with sqlite3.connect(tmp_path / "a.journal") as db:
        db.execute("DROP TABLE panels")
    db.close()
    async with replaying(tmp_path / "a.journal") as replay:
        state = await stands(replay)
        assert state.replay is not None
        assert state.replay.notices == (NO_PANELS,)
        assert not any("panel" in html for html in shown(replay).values())
    page = make_report([tmp_path / "a.journal"], "html").text
    assert "The journal has no output of the panels that this show had." in page
    assert 'id="panels"' not in page


async def test_a_report_has_the_last_output_of_each_panel_on_each_chapter(tmp_path: Path) -> None:
    await record(tmp_path / "a.journal")
    path = tmp_path / "a.journal"
    page = make_report([path], "html").text
    section = page.partition('id="panels"')[2].partition("</section>")[0]
    assert section.count("<details") == 4
    assert " open" not in section
    assert "begun\nwent on at ••• with password=•••" in section
    assert "0:01 · chapter 1 · Log" in section
    assert "load  0.1  &lt;b&gt;" in section
    assert "top -b · ended" in section
    for private in ("hunter2", "/home/ada"):
        assert private not in page
    told = json.loads(make_report([path], "json").text)["panels"]
    assert [(one["chapter"], one["name"]) for one in told] == [(1, "log"), (2, "log"), (2, "top"), (3, "top")]
    assert (told[2]["text"], told[2]["note"]) == ("load  0.1  <b>", "ended")
    assert "```text\nload  0.1  <b>\n```" in make_report([path], "markdown").text


async def test_a_show_without_panels_says_nothing_of_them(tmp_path: Path) -> None:
    path = tmp_path / "a.journal"
    async with playing(lambda stage: [Chapter("One", ""), Chapter("Two", "")], journal=Journal(path)):
        pass
    page = make_report([path], "html").text
    assert "panels" not in page.partition("<body>")[2]


def kept(path: Path) -> list[str]:
    recording = Recording(path)
    found = [recording.picture(moment) for moment in recording.panel_moments()]
    return [one.text for one in found if one is not None]


def test_a_server_keeps_what_its_panels_show_with_secrets_masked(tmp_path: Path) -> None:
    show, journal = tmp_path / "show.md", tmp_path / "a.journal"
    show.write_text(SHOW)
    with serving(str(show), "-x", "--journal", str(journal), env={"TOKEN_OF_TEST": "open-sesame"}):
        wait_for(lambda: any("says" in text for text in kept(journal)), 30)
    assert "it says •••" in kept(journal)[-1]
    assert "open-sesame" not in journal.read_bytes().decode(errors="replace")


async def test_a_show_that_goes_on_from_the_recording_shows_its_panels_and_keeps_its_own_alone(tmp_path: Path) -> None:
    live = await record(tmp_path / "a.journal")
    panels = ShownPanels()
    async with playing(deck, journal=Journal(tmp_path / "b.journal"), panels=panels) as conductor:
        record_panels(conductor)
        show = ShowWithPlanB(conductor, prepare_recording(Recording(tmp_path / "a.journal")))
        changes: list[int] = []
        show.panels.subscribe(lambda: changes.append(show.panels.version))
        panels.show(picture("log", "of today"))
        assert "of today" in draw(show.panels, show.state)["panel_1"]
        await show.submit(c.CommandEnvelope("presenter", PlanB(on=True)))
        panels.show(picture("log", "behind the recording"))
        async with asyncio.timeout(20):
            while draw(show.panels, show.state) != live["went on"]:  # noqa: ASYNC110 - what is waited for says nothing
                await asyncio.sleep(0.02)
        await show.submit(c.CommandEnvelope("presenter", PlanB(on=False)))
        assert "behind the recording" in draw(show.panels, show.state)["panel_1"]
        assert changes == sorted(set(changes))
    assert kept(tmp_path / "b.journal") == ["of today", "behind the recording"]
    moments = Recording(tmp_path / "b.journal").panel_moments()
    ended = [
        entry.at for entry in Recording(tmp_path / "b.journal").entries() if isinstance(entry.event, RecordingEnded)
    ]
    assert moments[1].at >= ended[0]
