"""A recorded show on the pages again: each state is that of the live show, and a person decides when it goes on."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from demo.ballots.vote import Vote
from demo.errors import JournalError, Refused
from demo.evidence.replay import Replay
from demo.evidence.replay_plan import read_plan
from demo.journal import Journal
from demo.journal.library.recording import Recording
from demo.show import ShowState
from demo.show import commands as c
from demo.types import Chapter, Stage
from demo.web.rendering.assets import Assets
from demo.web.rendering.renderer import TEMPLATES, Renderer
from tests.conductor.test_conductor import SOON, Switch, System, playing, reached

pytestmark = pytest.mark.anyio

OF_REPLAY = {"replay", "recording", "audience", "ballot", "vote"}
"""Regions that say that it is a replay and where it stands; and the forms of a vote, which nobody is offered."""


def deck(stage: Stage) -> list[Chapter]:
    async def act() -> None:
        await stage.countdown(0.2)
        await stage.inject("off")

    return [
        Chapter("Start", "Hello", notes="breathe"),
        Chapter("Kill it", "One **node** dies", hypothesis="n stays up", vote=Vote("Will it?"), injects=("off",)),
        Chapter("By itself", "The chapter does it", on_enter=act),
        Chapter("Steps", "One\n\nTwo", steps=("One", "Two")),
        Chapter("End", "Bye", shows_evidence=True),
    ]


async def record(path: Path) -> dict[int, ShowState]:
    """Play a show with two faults, one by a person and one by its chapter; return its states by their entry."""
    system = System()
    states: dict[int, ShowState] = {}
    async with playing(deck, Switch(system), system=system, journal=Journal(path)) as conductor:
        conductor.subscribe(lambda state: states.__setitem__(state.seq, state))

        async def press(what: c.Command) -> None:
            await conductor.submit(c.CommandEnvelope("presenter · a phone", what))

        await reached(conductor, lambda state: state.freshness == "live")
        await press(c.Advance())
        await press(c.Inject("off"))
        await reached(conductor, lambda state: state.faults[0].recovered_after_sec is not None)
        await press(c.Say("it is back"))
        await press(c.Advance())
        await reached(conductor, lambda state: state.faults[0].run == 2)
        await reached(conductor, lambda state: state.faults[0].recovered_after_sec is not None)
        for _ in range(3):
            await press(c.Advance())
    return states


@asynccontextmanager
async def replaying(path: Path, *, speed: float = 20.0, start_at: int = 1) -> AsyncIterator[Replay]:
    recording = Recording(path)
    replay = Replay(recording, read_plan(recording), speed=speed, start_at=start_at)
    task = asyncio.create_task(replay.run())
    try:
        yield replay
    finally:
        replay.stop()
        await asyncio.wait_for(task, SOON)


async def ask(replay: Replay, what: c.Command, at: int | None = None) -> ShowState:
    return await replay.submit(c.CommandEnvelope("curl", what, at))


async def until(replay: Replay, is_met: Callable[[], bool]) -> None:
    """Wait for a state of the replay."""
    changed = asyncio.Event()
    unsubscribe = replay.subscribe(lambda state: changed.set())
    async with asyncio.timeout(SOON):
        while not is_met():
            changed.clear()
            await changed.wait()
    unsubscribe()


async def stands(replay: Replay, phase: str = "waiting") -> ShowState:
    """Wait until the replay stands."""
    await until(replay, lambda: replay.state.replay is not None and replay.state.replay.phase == phase)
    return replay.state


async def refused(replay: Replay, what: c.Command, at: int | None = None) -> tuple[str, str]:
    before = replay.state
    with pytest.raises(Refused) as refusal:
        await ask(replay, what, at)
    assert replay.state is before
    return refusal.value.code, str(refusal.value)


def draw(renderer: Renderer, state: ShowState) -> Mapping[str, str]:
    """Render every region of stage and presenter's page but those that say that it is a replay."""
    regions = (*renderer.regions("stage", state, {}), *renderer.regions("presenter", state, {}))
    return {region.name: region.html for region in regions if region.name not in OF_REPLAY}


async def test_each_region_is_that_of_the_live_show_at_the_same_entry(tmp_path: Path) -> None:
    live = await record(tmp_path / "a.journal")
    shown: dict[int, ShowState] = {}
    async with replaying(tmp_path / "a.journal") as replay:
        replay.subscribe(lambda state: shown.__setitem__(replay.recorded_seq, state))
        for what in (c.Advance(), c.Inject("off"), c.Advance(), c.Advance(), c.Advance(), c.Advance()):
            await stands(replay)
            await ask(replay, what)
        await stands(replay, "over")
    compared = live.keys() & shown.keys()
    assert len(compared) > len(live) * 0.9
    renderer = Renderer(Assets(TEMPLATES.parent / "static"))
    for seq in sorted(compared):
        assert draw(renderer, shown[seq]) == draw(renderer, live[seq]), seq
    numbers = [state.seq for state in shown.values()]
    assert numbers == sorted(set(numbers))


async def test_it_waits_where_a_person_moved_on_and_goes_there_at_once(tmp_path: Path) -> None:
    await record(tmp_path / "a.journal")
    async with replaying(tmp_path / "a.journal") as replay:
        state = await stands(replay)
        assert state.replay is not None
        assert state.replay.coming is not None
        assert (state.number, state.replay.coming.kind, state.replay.rate) == (1, "chapter", 0.0)
        moment = replay.clock()
        await asyncio.sleep(0.05)
        assert replay.clock() == moment
        assert (await ask(replay, c.Advance(), 1)).number == 2
        assert (await refused(replay, c.Advance(), 1))[0] == "stale"
        assert (await ask(replay, c.Inject("off"))).faults[0].state == "injecting"
        await stands(replay)
        assert replay.state.said == "it is back"
        assert (await ask(replay, c.Advance())).number == 3
        # The chapter's own fault needs nobody.
        assert (await stands(replay)).faults[0].run == 2
        assert [(state.number, state.step) for state in [await ask(replay, c.Advance()) for _ in range(3)]] == [
            (4, 1),
            (4, 2),
            (5, 1),
        ]
        assert (await refused(replay, c.Advance()))[0] == "at_end"


async def test_it_goes_back_and_to_any_chapter_that_was_shown(tmp_path: Path) -> None:
    await record(tmp_path / "a.journal")
    async with replaying(tmp_path / "a.journal", start_at=4) as replay:
        assert replay.state.number == 4
        assert replay.state.faults[0].run == 2
        before = replay.state.seq
        state = await ask(replay, c.Back())
        assert (state.number, state.faults[0].run) == (3, 1)
        assert state.seq > before
        assert (await ask(replay, c.Goto(1))).number == 1
        assert (await refused(replay, c.Back()))[0] == "at_start"
        assert (await ask(replay, c.Goto(5))).number == 5
        assert (await stands(replay, "over")).number == 5


async def test_what_was_not_recorded_is_refused_with_a_sentence(tmp_path: Path) -> None:
    await record(tmp_path / "a.journal")
    async with replaying(tmp_path / "a.journal") as replay:
        await stands(replay)
        assert await refused(replay, c.Inject("off")) == (
            "replay",
            "the recording has no 'off' in this chapter from here on",
        )
        assert (await refused(replay, c.Inject("on")))[0] == "not_found"
        for what in (c.Say("x"), c.StartTimer(), c.ResetTimer(), c.OpenVote(), c.CloseVote()):
            code, text = await refused(replay, what)
            assert (code, text[-12:], "cannot be" in text) == ("replay", " in a replay", True), what
        for other in (c.Heal(), c.Heal("off"), c.Rerun()):
            assert (await refused(replay, other))[0] == "replay"


async def test_curtain_freeze_and_halt_are_the_presenters_own(tmp_path: Path) -> None:
    await record(tmp_path / "a.journal")
    async with replaying(tmp_path / "a.journal", speed=0.25) as replay:
        assert (await ask(replay, c.Blackout(True))).blackout
        await ask(replay, c.Freeze(True))
        moved = await ask(replay, c.Goto(3))
        assert moved.blackout
        assert moved.frozen_view is not None
        assert (moved.frozen_view.current, moved.number) == (0, 3)
        assert moved.frozen_chapter is not None
        halted = await ask(replay, c.Halt())
        assert halted.replay is not None
        assert (halted.replay.phase, halted.halted) == ("stopped", False)
        seq = replay.recorded_seq
        await asyncio.sleep(0.1)
        assert replay.recorded_seq == seq
        await ask(replay, c.Resume())
        await until(replay, lambda: replay.recorded_seq > seq)


async def test_a_recording_without_its_deck_or_its_end_is_played_and_said(tmp_path: Path) -> None:
    """As one of an earlier version, whose disk was damaged: played up to there."""
    path = tmp_path / "a.journal"
    states = await record(path)
    entered = min(seq for seq, state in states.items() if state.number == 4)
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE deck_files")
        db.execute("DROP TABLE decks")
        db.execute("UPDATE entries SET data = '{' WHERE seq > ? AND data LIKE '%StepShown%'", (entered,))
        db.commit()
    with pytest.raises(JournalError):
        read_plan(Recording(path))  # Of such a one even the faults are only known from its entries.
    await record(tmp_path / "b.journal")
    with closing(sqlite3.connect(tmp_path / "b.journal")) as db:
        db.execute("UPDATE entries SET data = '{' WHERE data LIKE '%StepShown%'")
        db.commit()
    async with replaying(tmp_path / "b.journal", start_at=4) as replay:
        state = await stands(replay, "over")
        assert state.number == 4
        assert state.replay is not None
        assert "cannot be read to its end" in state.replay.notices[0]
    await record(tmp_path / "c.journal")
    with closing(sqlite3.connect(tmp_path / "c.journal")) as db:
        db.execute("DROP TABLE decks")
        db.commit()
    async with replaying(tmp_path / "c.journal") as replay:
        assert replay.state.replay is not None
        assert "it has no texts" in replay.state.replay.notices[0]
        assert [chapter.title for chapter in replay.state.chapters][:2] == ["Start", "Kill it"]


async def test_a_recording_of_nothing_is_refused(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "a.journal")
    await journal.close()
    with pytest.raises(JournalError, match="nothing was shown"):
        read_plan(Recording(tmp_path / "a.journal"))


async def test_a_recording_that_is_changed_while_it_plays_is_never_shown_at_a_wrong_chapter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demo.journal.library.recording.BATCH", 5)
    path = tmp_path / "changed.journal"
    await record(path)
    recording = Recording(path)
    plan = read_plan(recording)
    async with replaying(path) as replay:
        await stands(replay)
        path.write_bytes(bytes(path.stat().st_size))
        with pytest.raises(JournalError, match="cannot be read"):
            await ask(replay, c.Goto(4))
        assert replay.state.number == 1
        # What was read before is played; then the presenter is told.
        await ask(replay, c.Advance())
        await ask(replay, c.Advance())
        state = await stands(replay, "over")
        assert state.number < 4
        assert state.replay is not None
        assert "the recording ends too early" in state.replay.notices[-1]
    with pytest.raises(JournalError, match="cannot be read"):
        Replay(recording, plan, start_at=3)
