"""Plan B: a running show goes on from a recording and back to live; nothing of the recording is part of the show."""

import asyncio
import io
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from rich.console import Console

from demo.conductor import Conductor
from demo.errors import Refused, UsageError
from demo.evidence.facts_reader import read_facts
from demo.evidence.plan_b import ShowWithPlanB, prepare_recording
from demo.evidence.plan_b_match import RecordedChapters
from demo.evidence.replay_plan import read_plan
from demo.evidence.report_json import dump_report
from demo.journal import Journal
from demo.journal.library.recording import Recording
from demo.panels.picture import NoPanels, PanelPicture
from demo.show import ShowState
from demo.show import commands as c
from demo.show import events as e
from demo.show.ballot import BallotState
from demo.show.plan_b_types import PlanB, RecordingEnded, RecordingShown
from demo.terminal.screen_layout import TerminalState, draw_screen
from demo.terminal.transcript import Transcript
from demo.types import Chapter, Stage
from demo.views.presenter import presenter_view
from demo.web.app import Web
from tests.conductor.test_conductor import SOON, Deck, Switch, System, playing, reached
from tests.evidence.test_replay import deck, record

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
async def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recorded") / "recorded.journal"
    await record(path)
    return path


class Live:
    """A running show with a recording at hand, and all states that its screens got."""

    def __init__(self, conductor: Conductor, show: ShowWithPlanB, system: System, fault: Switch) -> None:
        self.conductor, self.show, self.system, self.fault = conductor, show, system, fault
        self.states: list[ShowState] = []
        show.subscribe(self.states.append)

    async def ask(self, what: c.Command, at: int | None = None) -> ShowState:
        return await self.show.submit(c.CommandEnvelope("presenter · a phone", what, at))

    async def until(self, is_met: Callable[[ShowState], bool]) -> ShowState:
        changed = asyncio.Event()
        unsubscribe = self.show.subscribe(lambda state: changed.set())
        async with asyncio.timeout(SOON):
            while not is_met(self.show.state):
                changed.clear()
                await changed.wait()
        unsubscribe()
        return self.show.state


@asynccontextmanager
async def beside(
    recorded: Path, journal: Path, chapters: Deck = deck, fault_sec: float = 0.3, is_up: bool = True
) -> AsyncIterator[Live]:
    system = System()
    system.up = is_up
    fault = Switch(system, duration=fault_sec)
    async with playing(chapters, fault, system=system, journal=Journal(journal)) as conductor:
        await reached(conductor, lambda state: state.freshness == "live")
        yield Live(conductor, ShowWithPlanB(conductor, prepare_recording(Recording(recorded))), system, fault)


def events_of(path: Path) -> list[e.Event]:
    return [entry.event for entry in Recording(path).entries(samples=False)]


async def test_it_is_offered_when_the_system_is_gone_and_at_hand_before(recorded: Path, tmp_path: Path) -> None:
    async with beside(recorded, tmp_path / "live.journal") as live:
        at_hand = live.show.state.plan_b
        assert at_hand is not None
        assert (at_hand.need, at_hand.has_chapter, at_hand.live) == ("", True, None)
        live.system.up = False
        await live.until(lambda state: state.plan_b is not None and state.plan_b.need == "system")
        live.system.up = True
        await live.until(lambda state: state.plan_b is not None and state.plan_b.need == "")
        # A fault of ours explains why the system is down.
        await live.ask(c.Inject("off", duration_sec=60.0))
        await live.until(lambda state: state.sample is not None and state.sample.has_issues)
        assert live.show.state.plan_b is not None
        assert live.show.state.plan_b.need == ""
        live.fault.fails["heal"] = RuntimeError("no answer")
        await live.ask(c.Heal("off"))
        await live.until(lambda state: state.plan_b is not None and state.plan_b.need == "fault")
        del live.fault.fails["heal"]


async def test_a_system_that_still_starts_is_not_missed(recorded: Path, tmp_path: Path) -> None:
    async with beside(recorded, tmp_path / "live.journal", is_up=False) as live:
        assert live.show.state.sample is not None
        assert live.show.state.sample.has_issues
        assert live.show.state.plan_b is not None
        assert live.show.state.plan_b.need == ""
        live.system.up = True
        await live.until(lambda state: state.sample is not None and not state.sample.has_issues)
        live.system.up = False
        await live.until(lambda state: state.plan_b is not None and state.plan_b.need == "system")


async def test_it_goes_on_at_this_chapter_and_back_to_live_where_the_recording_stood(
    recorded: Path, tmp_path: Path
) -> None:
    path = tmp_path / "live.journal"
    async with beside(recorded, path) as live:
        await live.ask(c.Advance())
        steps = list(live.fault.steps)
        state = await live.ask(PlanB(on=True))
        assert (state.number, state.chapter.title) == (2, "Kill it")
        assert state.replay is not None
        # A press of the recorded fault shows what was measured then; the system of now is left alone.
        await live.ask(c.Inject("off"), 2)
        await live.until(lambda state: state.faults[0].recovered_after_sec is not None)
        assert live.conductor.state.faults[0].run == 0
        await live.ask(c.Advance())
        await live.until(lambda state: state.number == 3)
        await live.until(
            lambda state: live.conductor.state.recording is not None and live.conductor.state.recording.number == 3
        )
        assert live.conductor.state.number == 2
        before = live.show.state
        state = await live.ask(PlanB(on=False))
        assert (state.number, state.chapter.title, state.replay) == (3, "By itself", None)
        assert state.action.run == 0
        # The presenter is offered what did not run.
        assert presenter_view(state, {}).can_rerun
        assert (live.fault.steps, live.conductor.state.faults[0].run) == (steps, 0)
        assert state.freshness == "live"
        assert before.timer.banked_sec <= state.timer.elapsed(live.conductor.clock.now())
        # Next is the next chapter; what the recording showed of this one does not run.
        assert (await live.ask(c.Advance(), 3)).number == 4
    numbers = [state.seq for state in live.states]
    assert numbers == sorted(numbers)
    found = events_of(path)
    shown = [event.title for event in found if isinstance(event, RecordingShown)]
    assert shown == ["Kill it", "By itself"]
    assert [event for event in found if isinstance(event, RecordingEnded)] == [RecordingEnded()]
    assert not [event for event in found if isinstance(event, e.FaultRequested | e.FaultRecovered | e.Said)]


async def test_the_output_of_programs_is_of_now_so_it_is_not_shown_beside_the_recording(
    recorded: Path, tmp_path: Path
) -> None:
    panel = PanelPicture("log", "A log")

    class OnePanel(NoPanels):
        def picture(self, name: str) -> PanelPicture | None:
            return panel

    async with beside(recorded, tmp_path / "live.journal") as live:
        live.conductor.panels = OnePanel()
        show = ShowWithPlanB(live.conductor, prepare_recording(Recording(recorded)))
        assert show.panels.picture("log") is panel
        await show.submit(c.CommandEnvelope("curl", PlanB()))
        assert show.state.replay is not None
        assert show.panels.picture("log") is None
        show.stop()
        assert show.panels.picture("log") is panel


async def test_the_audience_can_neither_vote_nor_ask_until_the_show_is_back(recorded: Path, tmp_path: Path) -> None:
    async with beside(recorded, tmp_path / "live.journal") as live:
        await live.ask(c.Advance())
        web = Web(live.show, takes_questions=True)
        serving = asyncio.create_task(web.keep_alive())

        def opened() -> BallotState | None:
            return web.ballots.opened

        ballot = opened()
        assert ballot is not None
        assert web.questions is not None
        await web.ballots.cast("one", ballot, 0.0)
        await web.questions.ask("one", "Why?")
        await live.ask(PlanB())
        assert opened() is None
        with pytest.raises(Refused, match="closed"):
            await web.ballots.cast("two", ballot, 1.0)
        with pytest.raises(Refused, match="while a recording is shown"):
            await web.questions.ask("two", "How?")
        # What was voted before counts: the tally of the show, not that of the recording.
        await reached(live.conductor, lambda state: state.ballots[0].counts == (1, 0))
        await live.ask(PlanB())
        assert opened() is not None
        await web.ballots.cast("two", ballot, 1.0)
        serving.cancel()
        web.close()


async def test_the_timer_of_the_talk_begins_with_next_in_the_recording_too(recorded: Path, tmp_path: Path) -> None:
    async with beside(recorded, tmp_path / "live.journal") as live:
        await live.ask(PlanB(on=True))
        assert live.conductor.state.timer.awaits == "step"
        state = await live.ask(c.Advance(), 1)
        assert (state.number, state.timer.is_running, live.conductor.state.number) == (2, True, 1)
        # A timer that the presenter paused stays so.
        await live.ask(c.PauseTimer())
        assert (await live.ask(c.Advance(), 2)).timer.is_paused


async def test_no_state_in_between_is_live_without_a_mark(recorded: Path, tmp_path: Path) -> None:
    async with beside(recorded, tmp_path / "live.journal") as live:
        await live.ask(c.Advance())
        live.states.clear()
        await live.ask(PlanB())
        await live.ask(c.Advance())
        await live.ask(PlanB())
        marked = [state.replay is not None for state in live.states]
        assert marked.index(True) == 0
        assert True not in marked[marked.index(False) :]
        recorded_at = {state.replay.recorded_at for state in live.states if state.replay is not None}
        assert recorded_at == {read_plan(Recording(recorded)).recorded_at}


async def test_a_fault_that_is_in_place_is_healed_at_the_switch(recorded: Path, tmp_path: Path) -> None:
    async with beside(recorded, tmp_path / "live.journal", fault_sec=60.0) as live:
        await live.ask(c.Inject("off"))
        await reached(live.conductor, lambda state: state.faults[0].state == "active")
        live.fault.fails["heal"] = RuntimeError("no answer")
        state = await live.ask(PlanB(on=True))
        assert state.plan_b is not None
        assert state.plan_b.live is not None
        assert state.plan_b.live.healing == ("off",)
        await live.until(lambda state: bool(state.plan_b and state.plan_b.live and state.plan_b.live.unhealed))
        # Halt is what is left: it heals the system, and stops the playing.
        live.fault.fails.clear()
        state = await live.ask(c.Halt())
        assert state.replay is not None
        assert (state.replay.phase, live.conductor.state.halted) == ("stopped", True)
        await reached(live.conductor, lambda state: not state.faults[0].is_running)
        assert live.system.up
        state = await live.ask(c.Resume())
        assert state.replay is not None
        assert (state.replay.phase, live.conductor.state.halted) == ("playing", False)


async def test_an_action_that_runs_is_stopped_and_nothing_moves_the_show_unseen(recorded: Path, tmp_path: Path) -> None:
    begun = asyncio.Event()

    def chapters(stage: Stage) -> Sequence[Chapter]:
        async def act() -> None:
            begun.set()
            await stage.countdown(0.2)
            await stage.inject("off")

        return [Chapter("Start", "Hello", on_enter=act, auto_advance=True), Chapter("Kill it", "x")]

    async with beside(recorded, tmp_path / "live.journal", chapters) as live:
        await begun.wait()
        await live.ask(PlanB(on=True))
        assert live.conductor.state.actions[0].status == "failed"
        await asyncio.sleep(0.4)  # longer than the countdown
        assert (live.conductor.state.number, live.conductor.state.faults[0].run) == (1, 0)
        for what in (c.Inject("off"), c.Advance(), c.Rerun()):
            with pytest.raises(Refused) as refused:
                await live.conductor.submit(c.CommandEnvelope("show", what))
            assert refused.value.code == "replay"


async def test_what_differs_from_the_deck_is_said_and_a_chapter_that_is_not_there_is_refused(
    recorded: Path, tmp_path: Path
) -> None:
    edited = [Chapter("Before", "new"), *deck(_NO_STAGE)[1:3], Chapter("Steps", "One\n\nThree", steps=("One", "Three"))]
    async with beside(recorded, tmp_path / "live.journal", edited) as live:
        at_hand = live.show.state.plan_b
        assert at_hand is not None
        assert at_hand.differences == (
            "the recording does not show “Before”",
            "recorded with other texts: “Steps”",
            "only in the recording: “Start”, “End”",
        )
        assert not at_hand.has_chapter
        with pytest.raises(Refused, match="does not show the chapter “Before”"):
            await live.ask(PlanB(on=True))
        assert live.show.state.replay is None
        # By its title: the second chapter here, and the fourth there.
        await live.ask(c.Goto(4))
        state = await live.ask(PlanB(on=True))
        assert (state.number, state.chapter.text_at(2)) == (4, deck(_NO_STAGE)[3].text_at(2))
        # The last chapter of the recording is not in this deck: the show stays where it was.
        await live.until(lambda state: state.replay is not None and state.replay.phase == "waiting")
        await live.ask(c.Advance())
        await live.ask(c.Advance())
        assert live.show.state.chapter.title == "End"
        assert (await live.ask(PlanB(on=False))).chapter.title == "Steps"


async def test_a_server_that_was_killed_comes_back_live_at_the_chapter_of_the_recording(
    recorded: Path, tmp_path: Path
) -> None:
    path, copy = tmp_path / "live.journal", tmp_path / "killed.journal"
    async with beside(recorded, path) as live:
        await live.ask(PlanB(on=True))
        await live.ask(c.Advance())
        await reached(live.conductor, lambda state: state.recording is not None and state.recording.number == 2)
        await live.conductor.journal.append(())
        copy.write_bytes(path.read_bytes())
        for more in ("-wal",):
            if (wal := path.with_name(path.name + more)).exists():
                copy.with_name(copy.name + more).write_bytes(wal.read_bytes())
    async with beside(recorded, copy) as live:
        state = live.show.state
        assert (state.replay, state.recording, state.chapter.title) == (None, None, "Kill it")
        assert "the server of the recording has ended: the show is live again" in [line.text for line in state.log]
        assert state.plan_b is not None


async def test_a_recording_of_another_show_and_the_shows_own_journal_are_refused(
    recorded: Path, tmp_path: Path
) -> None:
    own = tmp_path / "live.journal"
    system = System()
    async with playing([Chapter("Else", "x")], system=system, journal=Journal(own)) as conductor:
        with pytest.raises(UsageError, match="shows no chapter of this deck"):
            ShowWithPlanB(conductor, prepare_recording(Recording(recorded)))
        with pytest.raises(UsageError, match="is the journal of this show"):
            ShowWithPlanB(conductor, prepare_recording(Recording(own)))


async def test_chapters_of_one_title_are_told_apart_by_their_order(recorded: Path) -> None:
    plan = read_plan(Recording(recorded))
    twice = RecordedChapters(plan)
    chapters = [Chapter("End", "1"), Chapter("Start", "2"), Chapter("End", "3")]
    assert [twice.find(chapters, number) for number in (1, 2, 3)] == [5, 1, None]


async def test_a_terminal_says_what_is_shown_offers_it_and_repeats_nothing(recorded: Path, tmp_path: Path) -> None:
    console, told = Console(width=100, height=30, file=io.StringIO()), Transcript()

    def drawn(state: ShowState, now: float) -> str:
        rows = draw_screen(console, state, TerminalState(now), (100, 30))
        return "\n".join("".join(segment.text for segment in row) for row in rows)

    async with beside(recorded, tmp_path / "live.journal") as live:
        told.lines(live.show.state)
        live.system.up = False
        state = await live.until(lambda state: state.plan_b is not None and state.plan_b.need == "system")
        assert "The system does not answer. M M goes on from the recording, recorded " in drawn(
            state, live.show.clock()
        )
        said = told.lines(state)
        assert [line for line in said if line.startswith("The system does not answer. m m goes on from the recording")]
        assert told.lines(state) == []
        state = await live.ask(PlanB())
        screen = drawn(state, live.show.clock())
        assert screen.split("\n")[0].startswith(" ◀◀ REPLAY · recorded ")
        assert "live: 0 of 1 part up · M goes back to live" in screen
        lines = told.lines(state)
        assert all(line.startswith("replay |") for line in lines)
        assert [line for line in lines if "[1/5] Start" in line]
        assert not [line for line in lines if "to 1: Start" in line]
        lines = told.lines(await live.ask(PlanB()))
        assert lines[0] == "back to live"
        assert "[1/5] Start (back)" in lines or "[1/5] Start" in lines


async def test_the_report_counts_nothing_of_the_recording_and_says_when_it_was_shown(
    recorded: Path, tmp_path: Path
) -> None:
    path = tmp_path / "live.journal"
    async with beside(recorded, path) as live:
        await live.ask(c.Advance())
        await live.ask(PlanB())
        await live.ask(c.Inject("off"))
        await live.until(lambda state: state.faults[0].recovered_after_sec is not None)
        await live.ask(PlanB())
    facts = read_facts(path)
    [part] = facts.recordings
    assert (part.titles, part.recorded_at) == (("Kill it",), read_plan(Recording(recorded)).recorded_at)
    assert part.until is not None
    dumped = dump_report(facts)
    assert (dumped["recordings"][0]["chapters"], dumped["faults"], dumped["summary"]["faults"]) == (["Kill it"], [], 0)
    assert facts.visited_sec(facts.chapters[1]) < facts.timeline.length_sec - (part.until - part.since) + 0.01
    assert read_plan(Recording(path)).has_recording


async def test_without_a_recording_at_hand_it_is_refused() -> None:
    async with playing([Chapter("one", "x")], system=System()) as conductor:
        with pytest.raises(Refused, match="start with --plan-b JOURNAL"):
            await conductor.submit(c.CommandEnvelope("curl", PlanB()))


class _NoStage:
    """For a deck whose actions are never run."""


_NO_STAGE: Stage = _NoStage()  # type: ignore[assignment]
