"""Random shows: commands, action ends, failures and health in any order, and what must hold after each."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from demo.show import Refusal, ShowState, apply, create_initial_state
from demo.show import commands as c
from demo.show import events as e
from demo.views import StageView, snapshot, stage_view
from tests.support.show_player import Player, chapter, fault

FAULTS = ("kill", "pause")
ORDER = ("not_found", "stale", "halted", "active", "healing", "no_ledger", "blocked", "running", "at_end", "at_start")
chapters = st.builds(
    chapter,
    st.sampled_from(["a", "b", "c"]),
    action=st.sampled_from([True, True, False]),
    auto=st.sampled_from([True, True, False]),
    blocks=st.booleans(),
    claim=st.sampled_from(["", "it holds"]),
)
maybe_from = st.one_of(st.none(), st.integers(0, 6))


def reasons(state: ShowState, what: c.Command, pressed_on: int | None) -> set[str]:
    """Every ground on which a command could be refused, told apart from how `decide` finds the first."""
    found = set()
    if isinstance(what, c.Goto) and not 1 <= what.chapter <= state.total:
        found.add("not_found")
    if isinstance(what, c.Inject | c.Heal) and what.name not in (None, *FAULTS):
        found.add("not_found")
    if pressed_on is not None and pressed_on != state.number:
        found.add("stale")
    if isinstance(what, c.Inject):
        known = state.fault(what.name)
        found |= {"halted"} if state.halted else set()
        found |= {"active"} if known is not None and known.is_running else set()
        found |= {"healing"} if state.system_healing else set()
    forward = isinstance(what, c.Advance) or (isinstance(what, c.Goto) and what.chapter > state.number)
    held = any(ch.blocks_advance and a.status == "running" for ch, a in zip(state.chapters, state.actions, strict=True))
    if forward and held:
        found.add("blocked")
    if isinstance(what, c.Rerun) and state.action.status == "running":
        found.add("running")
    if isinstance(what, c.Advance) and state.number == state.total:
        found.add("at_end")
    if isinstance(what, c.Back) and state.number == 1:
        found.add("at_start")
    return found


def story(view: StageView) -> tuple[object, ...]:
    """What a frozen stage holds still."""
    claims = (view.claim, view.evidence)
    return (view.number, view.heading, view.narration, view.key_hint, claims, view.said, view.line)


class Show(RuleBasedStateMachine):
    @initialize(deck=st.lists(chapters, min_size=1, max_size=4))
    def open(self, deck: list[object]) -> None:
        self.fresh = create_initial_state("T", "s", "d", deck, [fault(name) for name in FAULTS])  # type: ignore[arg-type]
        self.player = Player(self.fresh)
        self.reruns = [0] * len(deck)
        self.held: tuple[object, ...] | None = None
        self.player.play(c.Open())

    @property
    def state(self) -> ShowState:
        return self.player.state

    def ask(self, what: c.Command, pressed_on: int | None = None) -> None:
        before = self.state
        expected = reasons(before, what, pressed_on)
        decision = self.player.play(what, pressed_on)
        if isinstance(decision, Refusal):
            assert self.state is before, "a refusal changes nothing"
            assert decision.code == min(expected, key=ORDER.index)
        else:
            assert not expected
            self.check_moves(before, decision)

    def check_moves(self, before: ShowState, events: tuple[e.Event, ...]) -> None:
        entered = [event for event in events if isinstance(event, e.ChapterEntered)]
        assert len(entered) <= 1, "one command enters at most one chapter"
        for event in events:
            if isinstance(event, e.FaultRequested):
                assert not before.halted
            if isinstance(event, e.ActionStarted):
                assert before.actions[event.number - 1].status != "running"

    @rule(pressed_on=maybe_from)
    def advance(self, pressed_on: int | None) -> None:
        self.ask(c.Advance(), pressed_on)

    @rule()
    def double_tap(self) -> None:
        page = self.state.number
        self.ask(c.Advance(), page)
        there = self.state.number
        self.ask(c.Advance(), page)
        assert there <= page + 1
        if there != page:
            assert self.state.number == there

    @rule(pressed_on=maybe_from)
    def back(self, pressed_on: int | None) -> None:
        self.ask(c.Back(), pressed_on)
        assert all(self.state.actions[i].run >= 0 for i in range(self.state.total))

    @rule(chapter_number=st.integers(0, 6), pressed_on=maybe_from)
    def goto(self, chapter_number: int, pressed_on: int | None) -> None:
        self.ask(c.Goto(chapter_number), pressed_on)

    @rule()
    def rerun(self) -> None:
        before = self.state.action.run
        self.ask(c.Rerun())
        self.reruns[self.state.current] += self.state.action.run - before

    @rule(number=st.integers(1, 4), lag=st.integers(0, 1), error=st.sampled_from([None, "it broke"]))
    def an_action_ends(self, number: int, lag: int, error: str | None) -> None:
        if number <= self.state.total:
            self.end_action(number, lag, error)

    def end_action(self, number: int, lag: int, error: str | None) -> None:
        before, action = self.state, self.state.actions[number - 1]
        self.ask(c.ActionEnd(number, action.run - lag, error))
        if self.state.number != before.number:
            assert error is None
            assert lag == 0
            assert (number, action.visit) == (before.number, before.visit), "only from the visit it belongs to"
            assert before.forward
            assert not before.halted
            assert not before.blackout
            assert self.state.number == before.number + 1

    @rule(other=st.integers(1, 4), succeeds=st.booleans())
    def leave_and_return(self, other: int, succeeds: bool) -> None:
        here = self.state.number
        self.ask(c.Goto(min(other, here)))
        self.ask(c.Goto(here))
        if succeeds:
            self.end_action(self.state.number, 0, None)

    @rule()
    def succeed_here(self) -> None:
        self.end_action(self.state.number, 0, None)

    @rule(lag=st.integers(0, 2))
    def pause_ends(self, lag: int) -> None:
        before = self.state
        self.ask(c.AutoAdvance(before.visit - lag))
        if self.state.number != before.number:
            assert lag == 0
            assert before.forward
            assert not before.halted
            assert not before.blackout

    @rule(name=st.sampled_from((*FAULTS, "unknown")))
    def inject(self, name: str) -> None:
        self.ask(c.Inject(name))

    @rule(name=st.sampled_from(FAULTS), touched=st.booleans(), step=st.sampled_from(["plan", "apply", "break", "due"]))
    def injection_goes_on(self, name: str, touched: bool, step: str) -> None:
        run = self.player.fault(name).run
        steps: dict[str, c.Command] = {
            "plan": c.FaultPlanned(name, run, "n"),
            "apply": c.FaultApplied(name, run),
            "break": c.InjectionFailed(name, run, "it broke", touched),
            "due": c.FaultDue(name, run),
        }
        self.ask(steps[step])

    @rule(name=st.sampled_from(FAULTS))
    def fire(self, name: str) -> None:
        self.ask(c.Inject(name))
        self.ask(c.FaultPlanned(name, self.player.fault(name).run, "n"))

    @rule(name=st.one_of(st.none(), st.sampled_from((*FAULTS, "unknown"))))
    def heal(self, name: str | None) -> None:
        self.ask(c.Heal(name))

    @rule(name=st.sampled_from(FAULTS), lag=st.integers(0, 1), error=st.sampled_from([None, "no answer"]))
    def heal_ends(self, name: str, lag: int, error: str | None) -> None:
        self.ask(c.HealEnd(name, self.player.fault(name).run - lag, error))

    @rule(error=st.sampled_from([None, "no answer"]))
    def system_heal_finishes(self, error: str | None) -> None:
        self.ask(c.SystemHealFinished(error))

    @rule()
    def halt(self) -> None:
        self.ask(c.Halt())
        assert self.state.halted
        assert all(action.status != "running" for action in self.state.actions), "halt always wins"
        assert self.state.blocking is None
        for known in self.state.faults:
            assert not known.is_running or known.state == "healing" or known.heal_wanted

    @rule()
    def resume(self) -> None:
        self.ask(c.Resume())

    @rule(on=st.sampled_from([True, False, None]))
    def blackout(self, on: bool | None) -> None:
        self.ask(c.Blackout(on))

    @rule(on=st.sampled_from([True, False, None]))
    def freeze(self, on: bool | None) -> None:
        before = story(stage_view(self.state))
        self.ask(c.Freeze(on))
        if self.state.frozen_view is None:
            self.held = None
            assert story(stage_view(self.state)) == story(stage_view(self.state, private=True))
        else:
            self.held = before

    @rule(what=st.sampled_from([c.StartTimer(), c.PauseTimer(), c.ResetTimer()]))
    def timer(self, what: c.Command) -> None:
        self.ask(what)
        if isinstance(what, c.StartTimer):
            assert self.state.timer.is_running != self.state.blackout
        else:
            assert not self.state.timer.is_running

    @rule(text=st.sampled_from(["", "hello", "look"]))
    def say(self, text: str) -> None:
        self.ask(c.Say(text))

    @rule(number=st.integers(1, 4), held=st.sampled_from([True, False, None]), seconds=st.floats(0, 60))
    def an_action_speaks(self, number: int, held: bool | None, seconds: float) -> None:
        if number <= self.state.total:
            self.ask(c.Conclude(number, held, "so it was"))
            self.ask(c.StartCountdown(number, seconds))

    @rule(up=st.booleans(), seen=st.sets(st.sampled_from(FAULTS)), later=st.floats(0.1, 20))
    def health(self, up: bool, seen: set[str], later: float) -> None:
        self.player.record_sample(up=up, seen=sorted(seen), later=later)

    @rule(later=st.floats(0.1, 20), error=st.sampled_from([None, "the poller ended"]))
    def watch(self, later: float, error: str | None) -> None:
        self.player.play(c.CheckFreshness(error), later=later)

    @rule()
    def restart(self) -> None:
        where, timer = self.state.number, self.state.timer
        self.ask(c.Open())
        assert (self.state.number, self.state.timer) == (where, timer)
        assert all(action.status != "running" for action in self.state.actions), "nothing runs again by itself"

    @invariant()
    def never_past_the_end(self) -> None:
        if hasattr(self, "player"):
            assert 1 <= self.state.number <= self.state.total

    @invariant()
    def actions_run_once_but_for_reruns(self) -> None:
        if hasattr(self, "player"):
            for action, reruns in zip(self.state.actions, self.reruns, strict=True):
                assert action.run <= 1 + reruns

    @invariant()
    def measured_times_are_never_negative(self) -> None:
        if hasattr(self, "player"):
            for known in self.state.faults:
                assert (known.detected_after_sec or 0) >= 0
                assert (known.recovered_after_sec or 0) >= 0

    @invariant()
    def the_timer_never_runs_in_the_dark_nor_backwards(self) -> None:
        if hasattr(self, "player"):
            timer, at = self.state.timer, self.player.at
            assert 0 <= timer.elapsed(at) <= timer.elapsed(at + 1)
            assert not (timer.is_running and self.state.blackout)
            assert not (timer.awaits == "step" and timer.elapsed(at)), "a fresh one stands at 0"

    @invariant()
    def a_frozen_stage_tells_the_same_story(self) -> None:
        if hasattr(self, "player"):
            view, live = stage_view(self.state), stage_view(self.state, private=True)
            assert self.held is None or story(view) == self.held
            assert [card.state for card in view.cards] == [card.state for card in live.cards]
            # What was measured of a fault that has ended, or that it could not be injected, stands on its chapter only.
            ended = {fault.name for fault in self.state.faults if not fault.is_running}
            assert {b.id for b in live.banners if b.id not in ended} <= {b.id for b in view.banners}
            assert (view.freshness, view.halted, view.blackout) == (live.freshness, live.halted, live.blackout)
            shown = snapshot(self.state, "e", {}, private=False, now=self.player.at)
            assert shown["chapter"]["number"] == view.number

    def teardown(self) -> None:
        """The journal alone gives the same state."""
        if hasattr(self, "player"):
            folded = self.fresh
            for entry in self.player.entries:
                written = e.JournalEntry(entry.seq, entry.at, entry.who, e.from_json(e.to_json(entry.event)))
                folded = apply(folded, written)
            assert folded == self.state


TestShow = Show.TestCase
TestShow.settings = settings(max_examples=250, stateful_step_count=50, deadline=None)
