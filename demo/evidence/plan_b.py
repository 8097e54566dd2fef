"""`ShowWithPlanB`: a running show that goes on from a recording when its presenter wants that, and back to live.

Which of the two the screens show is in the journal of the running show. Nothing of the recording ever is, and while it
is shown no command but a halt reaches the system.
"""

import asyncio
import math
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

from demo.clock import ShowClock
from demo.conductor import ShowHost
from demo.conductor.state_listeners import Listener, StateListeners
from demo.errors import Refused, UsageError
from demo.evidence.plan_b_match import RecordedChapters
from demo.evidence.recorded_panels import RecordedPanels
from demo.evidence.replay import Replay
from demo.evidence.replay_notices import describe_recording
from demo.evidence.replay_plan import ReplayPlan, read_plan
from demo.journal import Journal
from demo.journal.library.recording import Recording
from demo.narration.image import DeckImage
from demo.panels.picture import PanelPicture, Panels
from demo.show import ShowState, Timer
from demo.show import commands as c
from demo.show.deck import number_duplicates, titles_of
from demo.show.plan_b import find_need
from demo.show.plan_b_types import EndRecording, LiveStand, Need, PlanB, RecordingAtHand, ShowRecording
from demo.show.refusal import refuse_stale
from demo.types import Chapter

WHO = "replay"
TICK_SEC = 1.0
"""How often the timer of the talk is set while the clock of the recording stands."""

STARTS_SEC = 15.0
"""A system that was never up is not missed before: it starts."""


@dataclass(frozen=True, slots=True)
class PreparedRecording:
    """A recording that was read from its first entry to its last."""

    recording: Recording
    plan: ReplayPlan


def prepare_recording(recording: Recording) -> PreparedRecording:
    """Read a recording. Raises `JournalError` for one that cannot be shown."""
    return PreparedRecording(recording, read_plan(recording))


class _ShownPanels:
    """The panels of the running show, and those of the recording while that is shown."""

    def __init__(self, live: Panels) -> None:
        self._live = live
        self._recorded: Panels | None = None
        self._switched = 0
        self._listeners: list[Callable[[], None]] = []
        self._unsubscribe: Callable[[], None] = lambda: None
        live.subscribe(self._changed)

    @property
    def version(self) -> int:
        return self._live.version + self._switched

    def picture(self, name: str) -> PanelPicture | None:
        return (self._recorded or self._live).picture(name)

    def subscribe(self, listener: Callable[[], None]) -> Callable[[], None]:
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def show(self, recorded: Panels | None) -> None:
        """Show the panels of a recording; None: those of the running show again."""
        self._unsubscribe()
        self._recorded = recorded
        self._unsubscribe = (lambda: None) if recorded is None else recorded.subscribe(self._changed_in_recording)
        self._changed_in_recording()

    def _changed_in_recording(self) -> None:
        self._switched += 1
        self._changed()

    def _changed(self) -> None:
        for listener in tuple(self._listeners):
            listener()


class ShowWithPlanB:
    """A `ShowHost` over `live` and a recording of an earlier show.

    Raises `UsageError` for a recording that shows no chapter of the deck, or that `live` itself is being written into.
    """

    def __init__(self, live: ShowHost, prepared: PreparedRecording) -> None:
        self.live = live
        """The running show: what is measured is measured there."""
        self._recording, self._plan = prepared.recording, prepared.plan
        self._recorded = RecordedChapters(self._plan)
        self._check()
        self._notices = describe_recording(self._plan, RecordedPanels(self._recording))
        self._files = self._recording.files()
        self.journal: Journal = live.journal
        self.commands = live.commands
        self.loaded = live.loaded
        self._panels = _ShownPanels(live.panels)
        self.panels: Panels = self._panels
        self.images: Callable[[], Sequence[DeckImage]] = lambda: (*live.images(), *self._files)
        self._replay: Replay | None = None
        self._coming: Replay | None = None
        self._unsubscribe: Callable[[], None] = lambda: None
        self._issuer = WHO
        self._lock = asyncio.Lock()
        self._listeners = StateListeners(lambda text: self.live.enqueue("show", c.Notice(text)))
        self._compared: tuple[tuple[Chapter, ...], tuple[str, ...]] | None = None
        self._timed: tuple[object, Timer] = (None, Timer())
        self._ticks = 0
        self._opened_at: float | None = None
        self._was_up = False
        self._state = self._make_state()
        live.subscribe(self._on_live)

    def _check(self) -> None:
        path, own = self._recording.path, self.live.journal.path
        if path.exists() and own.exists() and path.samefile(own):
            raise UsageError(
                f"--plan-b {path} is the journal of this show: begin a new one with --fresh, or name another"
            )
        if not self._recorded.count(self.live.state.chapters):
            shown = ", ".join(f"“{title}”" for title, _ in self._recorded.numbers)
            raise UsageError(f"--plan-b {path} shows no chapter of this deck: it is of another show; it has {shown}")

    @property
    def state(self) -> ShowState:
        return self._state

    @property
    def clock(self) -> ShowClock:
        """The clock of what is shown."""
        return self.live.clock if self._replay is None else self._replay.clock

    @property
    def epoch(self) -> str:
        return self.live.epoch

    @property
    def stopping(self) -> bool:
        return self.live.stopping

    @property
    def health(self) -> Any:
        return self.live.health

    @property
    def system(self) -> Any:
        return self.live.system

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with each new state; return a function that unsubscribes it."""
        return self._listeners.subscribe(listener)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run a coroutine beside the show until it ends; report its exception to the presenter."""
        return self.live.spawn(work, name)

    async def run(self) -> None:
        """Play the show until `stop()`."""
        await self.live.run()

    def stop(self, *, by_person: bool = False) -> None:
        """Make `run()` end soon. What is shown then is the show itself: its faults are being healed."""
        self._end_replay()
        self.live.stop(by_person=by_person)
        self._publish()

    # Commands.

    def enqueue(self, issuer: str, command: c.Command) -> None:
        """Enqueue a command of the show itself, without waiting for its outcome."""
        self.live.enqueue(issuer, command)

    async def enqueue_and_wait(self, command: c.CommandEnvelope) -> ShowState:
        """Enqueue a command of the show itself and return the state after it. Raises as `submit` does."""
        return await self.live.enqueue_and_wait(command)

    async def submit(self, command: c.CommandEnvelope) -> ShowState:
        """Run a command of a presenter or a program where it belongs, and return the state after it.

        While the recording is shown it moves there, and the system is left alone; a halt ends what is left in it.
        Raises as the show and the replay do.
        """
        what, replay = command.command, self._replay
        if isinstance(what, PlanB):
            async with self._lock:
                await self._switch(command, what)
        elif replay is None or isinstance(what, c.Blackout | c.StartTimer | c.PauseTimer | c.ResetTimer):
            await self.live.submit(command)
        else:
            if isinstance(what, c.Halt | c.Resume):
                await self.live.submit(command)
            self._issuer = command.issuer
            await replay.submit(command)
            if isinstance(what, c.Advance) and self.live.state.timer.awaits == "step":
                # A new timer starts with the first step forward, of whichever is shown.
                await self.live.enqueue_and_wait(c.CommandEnvelope(command.issuer, c.StartTimer()))
        return self._state

    async def _switch(self, command: c.CommandEnvelope, what: PlanB) -> None:
        """Show the recording, or the show itself again."""
        replay = self._replay
        on = replay is None if what.on is None else what.on
        if on == (replay is not None):
            return
        if (refused := refuse_stale(self._state, command)) is not None:
            raise Refused(refused.code, refused.message)
        if replay is not None:
            # Not `submit`: it waits for what an earlier server left, which may be what does not answer.
            await self.live.enqueue_and_wait(c.CommandEnvelope(command.issuer, EndRecording(replay.state.step)))
            return
        live = self.live.state
        number = self._recorded.find(live.chapters, live.number)
        if number is None:
            text = f"the recording does not show the chapter “{live.chapter.title}”: go to one that it shows"
            raise Refused("replay", text)
        self._coming = Replay(self._recording, self._plan, start_at=number)
        try:
            shown = replace(self._name_place(self._coming.state), begins=True)
            await self.live.enqueue_and_wait(c.CommandEnvelope(command.issuer, shown))
        finally:
            if self._coming is not None:
                await self._coming.close()
                self._coming = None

    def _name_place(self, state: ShowState) -> ShowRecording:
        """Return what the journal of the show says of where the recording stands."""
        title, same_before = number_duplicates(titles_of(state.chapters))[state.current]
        return ShowRecording(self._plan.recorded_at, state.number, title, same_before)

    # What is shown.

    def _on_live(self, state: ShowState) -> None:
        """Show what the journal says is shown; the rest of the show goes on behind the recording."""
        if state.recording is not None and self._replay is None and self._coming is not None:
            self._begin_replay(self._coming)
        elif state.recording is None and self._replay is not None:
            self._end_replay()
        self._publish()

    def _begin_replay(self, replay: Replay) -> None:
        self._replay, self._coming = replay, None
        self._panels.show(replay.panels)
        replay.commands = self.commands
        self._unsubscribe = replay.subscribe(self._on_replay)
        self.live.spawn(replay.run(), "the recording that is shown")
        self.live.spawn(self._tick_while(replay), "the timer beside the recording")

    def _end_replay(self) -> None:
        if self._replay is not None:
            self._unsubscribe()
            self._replay.stop()
            self._replay, self._issuer = None, WHO
            self._panels.show(None)

    def _on_replay(self, state: ShowState) -> None:
        shown, place = self.live.state.recording, self._name_place(state)
        if shown is not None and (shown.number, shown.title) != (place.number, place.title):
            self.live.enqueue(self._issuer, place)
        self._publish()

    async def _tick_while(self, replay: Replay) -> None:
        """Let the timer of the talk go on while the clock of the recording, by which pages count, stands."""
        while self._replay is replay:
            await asyncio.sleep(TICK_SEC)
            if self._replay is replay and self.live.state.timer.is_running and replay.is_standing:
                self._ticks += 1
                self._publish()

    def _publish(self) -> None:
        self._state = self._make_state()
        self._listeners.notify(self._state)

    def _make_state(self) -> ShowState:
        """Return what the screens show: the show, or the recorded state with what is the show's own in any case.

        Its number is that of the show: it grows whatever is shown, and a stream of events goes on behind it.
        """
        live, replay = self.live.state, self._replay
        at_hand = RecordingAtHand(
            self._plan.recorded_at,
            has_chapter=self._recorded.find(live.chapters, live.number) is not None,
            differences=(*self._compare(live.chapters), *self._notices),
            need=self._find_need(live),
            live=None if replay is None else _describe_live(live),
        )
        if replay is None:
            return replace(live, plan_b=at_hand)
        return replace(
            replay.state,
            seq=live.seq,
            journal=live.journal,
            durable=live.durable,
            not_durable_because=live.not_durable_because,
            blackout=live.blackout,
            timer=self._set_timer(live.timer, replay),
            recording=live.recording,
            plan_b=at_hand,
        )

    def _find_need(self, live: ShowState) -> Need:
        """Return why the recording is offered; not because of a system that is still being started."""
        self._was_up = self._was_up or (live.sample is not None and any(n.health == "up" for n in live.sample.nodes))
        is_known = self._was_up or live.system_error is not None
        if self._opened_at is None and live.opened:
            self._opened_at = self.live.clock.now()
        is_missed = is_known or self.live.clock.now() - (self._opened_at or math.inf) > STARTS_SEC
        need = find_need(live)
        return need if need != "system" or is_missed else ""

    def _compare(self, chapters: tuple[Chapter, ...]) -> tuple[str, ...]:
        if self._compared is None or self._compared[0] is not chapters:
            self._compared = (chapters, self._recorded.differences(chapters))
        return self._compared[1]

    def _set_timer(self, timer: Timer, replay: Replay) -> Timer:
        """Return the timer of this talk for the clock of the recording, another one only where the old is wrong."""
        about = (timer, replay.state.replay and (replay.state.replay.rate, replay.state.replay.since), self._ticks)
        if self._timed[0] != about:
            elapsed = timer.elapsed(self.live.clock.now())
            runs_since = replay.clock.now() if timer.is_running else None
            self._timed = (about, replace(timer, banked_sec=elapsed, runs_since=runs_since))
        return self._timed[1]


def _describe_live(live: ShowState) -> LiveStand:
    nodes = live.sample.nodes if live.sample is not None else ()
    return LiveStand(
        is_live=live.freshness == "live",
        up=sum(node.health == "up" for node in nodes),
        total=len(nodes),
        healing=tuple(fault.name for fault in live.faults if fault.is_running and fault.state != "failed"),
        unhealed=tuple(fault.name for fault in live.faults if fault.is_running and fault.state == "failed"),
        is_halted=live.halted,
    )
