"""What is left of a show that was played: its journal is reported and replayed, and both tell what happened."""

import asyncio
import json
import re
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from demo.evidence.replay import Replay
from demo.evidence.replay_plan import read_plan
from demo.evidence.reports import make_report
from demo.journal.library.recording import Recording
from demo.show import ShowState
from demo.show import commands as c
from demo.web.rendering.assets import Assets
from demo.web.rendering.renderer import TEMPLATES, Renderer

SPEED = 100.0
RESULTS = {True: "confirmed", False: "refuted", None: "not seen"}
LIMIT_SEC = 120.0
"""For a story of minutes, on a machine that is busy with other tests."""


def check_reported_and_replayed(folder: Path) -> dict[str, Any]:
    """Report and replay the only show in a folder; return its report."""
    (journal,) = folder.rglob("*.journal")
    events = _events(journal)
    told = _check_report(journal, events)
    asyncio.run(asyncio.wait_for(_check_replay(journal, events, told), LIMIT_SEC))
    return told


def _events(journal: Path) -> list[dict[str, Any]]:
    """Return the events of a journal, read with plain sqlite3."""
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as db:
        return [json.loads(data) for (data,) in db.execute("SELECT data FROM entries ORDER BY seq")]


def _check_report(journal: Path, events: list[dict[str, Any]]) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(make_report([journal], "json").text)
    assert told["unreadable_entries"]["count"] == 0
    assert told["has_deck"]
    injected = Counter(event["name"] for event in events if event["type"] == "FaultRequested")
    assert Counter(fault["name"] for fault in told["faults"]) == injected
    verdicts = {chapter["number"]: chapter["verdict"] for chapter in told["chapters"] if chapter["verdict"]}
    earlier = [verdict for chapter in told["chapters"] for verdict in chapter["earlier_verdicts"]]
    told_of = sorted((verdict["result"], verdict["text"]) for verdict in (*verdicts.values(), *earlier))
    concluded = [event for event in events if event["type"] == "Concluded"]
    assert told_of == sorted((RESULTS[event["held"]], event["text"]) for event in concluded)
    page = make_report([journal], "html").text
    markdown = make_report([journal], "markdown").text
    for chapter in told["chapters"]:
        assert chapter["title"] in page.replace("&#39;", "'"), chapter
    assert not re.search(r'(src|href)="(?!data:|#)', page), "the page needs nothing else"
    assert all(fault["description"].split()[0] in markdown for fault in told["faults"])
    return told


async def _check_replay(journal: Path, events: list[dict[str, Any]], told: Mapping[str, Any]) -> None:
    """Play a recording to its end as a presenter does; draw each of its states for the stage."""
    renderer, shown = Renderer(Assets(TEMPLATES.parent / "static")), list[ShowState]()
    recording = Recording(journal)
    replay = Replay(recording, read_plan(recording), speed=SPEED)
    changed = asyncio.Event()

    def look(state: ShowState) -> None:
        shown.append(state)
        changed.set()

    replay.subscribe(look)
    task = asyncio.create_task(replay.run())
    while (phase := _phase(replay)) != "over":
        changed.clear()
        if phase == "waiting":
            await replay.submit(c.CommandEnvelope("curl", _move(replay)))
        else:
            await changed.wait()
    assert replay.state.replay is not None
    assert not replay.state.replay.notices
    entered = [event["number"] for event in events if event["type"] == "ChapterEntered"]
    assert _without_repeats([state.number for state in shown]) == _without_repeats(entered or [1])
    for state in shown:
        regions = {region.name: region.html for region in renderer.regions("stage", state, {})}
        assert "replay-mark" in regions["replay"]
    judged = {number: (RESULTS[verdict.held], verdict.text) for number, verdict in shown[-1].verdicts.items()}
    assert judged == {
        chapter["number"]: (chapter["verdict"]["result"], chapter["verdict"]["text"])
        for chapter in told["chapters"]
        if chapter["verdict"]
    }
    replay.stop()
    await task


def _phase(replay: Replay) -> str:
    assert replay.state.replay is not None
    return replay.state.replay.phase


def _move(replay: Replay) -> c.Command:
    """Return what a presenter presses to go on as the recording does."""
    assert replay.state.replay is not None
    coming = replay.state.replay.coming
    assert coming is not None
    match coming.kind:
        case "chapter" | "step":
            return c.Advance()
        case "fault":
            return c.Inject(coming.names[0])
        case "heal":
            return c.Heal()
        case "again":
            return c.Rerun()


def _without_repeats(numbers: list[int]) -> list[int]:
    return [number for place, number in enumerate(numbers) if place == 0 or number != numbers[place - 1]]
