"""`Replay`: plays a recorded show for the same pages, terminal and relays as a running one, at the presenter's pace.

Every state that it shows is a recorded one. There is no driver, poller or watchdog: nothing can be broken.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from demo.clock import ShowClock
from demo.conductor.command_counts import CommandCounts
from demo.conductor.state_listeners import Listener, StateListeners
from demo.errors import DemoError, JournalError, Refused, ShowOver, describe, log_unexpected
from demo.evidence.recorded_panels import RecordedPanels
from demo.evidence.replay_clock import ReplayClock
from demo.evidence.replay_moves import find_first_entry, find_move, find_next_position, find_start, refuse_command
from demo.evidence.replay_notices import describe_recording
from demo.evidence.replay_plan import ChapterStart, ReplayPlan
from demo.evidence.replay_reel import ReplayReel
from demo.journal import Journal
from demo.journal.library.recording import Recording
from demo.narration.image import DeckImage
from demo.panels.picture import Panels
from demo.show import FrozenView, ReplayPhase, ReplayState, ShowState, apply
from demo.show import commands as c
from demo.show import events as e
from demo.show.refusal import refuse_stale, refuse_unknown
from demo.types import Chapter

logger = logging.getLogger(__name__)

WHO = "replay"
MAX_GROUPS = 50
"""Groups of entries that are played in one go; then others have their turn."""

FOLDED_AT_ONCE = 100
FLUSH_EVERY_SEC = 0.25
MAX_NOTICES = 3


@dataclass(slots=True)
class NoReadings:
    """The health readings of a show that polls nothing."""

    samples: int = 0
    read_sec: float = 0.0


class RecordedSystem:
    """The system of a show that has none to stop."""

    is_slow = False
    is_stopping = False

    def __init__(self) -> None:
        self.on_slow: Callable[[], None] = lambda: None


class Replay:
    """A `ShowHost` over a recording. `speed`: recorded seconds that pass in a second while it plays.

    Raises `JournalError` for a recording that cannot be read, `Refused` for a chapter to start at that it has not.
    """

    def __init__(
        self, recording: Recording, plan: ReplayPlan, *, speed: float = 1.0, start_at: int = 1, dark: bool = False
    ) -> None:
        self._plan, self._speed = plan, speed
        start, files = find_first_entry(plan, start_at) if start_at != 1 else find_start(plan), recording.files()
        self._panels = RecordedPanels(recording)
        self.panels: Panels = self._panels
        self._open_reel = partial(ReplayReel, recording, plan)
        self._reel = self._open_reel(start.after, start.state)
        # Only now: a recording that cannot be played leaves no file behind.
        self.journal = Journal()
        """A temporary one: programs read from it what was played."""
        self.commands = CommandCounts()
        self.images: Callable[[], Sequence[DeckImage]] = lambda: files
        self.loaded = asyncio.Event()
        self.stopping = False
        self.health, self.system = NoReadings(), RecordedSystem()
        self._dark = dark
        self._held: FrozenView | None = None
        self._held_chapter: Chapter | None = None
        self._notices = describe_recording(plan, self._panels)
        self._listeners = StateListeners(lambda text: self.enqueue(WHO, c.Notice(text)))
        self._tasks: set[asyncio.Task[None]] = set()
        self._lock, self._wake = asyncio.Lock(), asyncio.Event()
        self._phase: ReplayPhase = "waiting"
        self._since, self._seq, self._place, self._published = plan.recorded_at, 0, -1, 0
        self._steered = ReplayClock(plan.recorded_at)
        self.clock: ShowClock = self._steered
        self._recorded = self._state = start.state
        self._jump(start)

    @property
    def state(self) -> ShowState:
        return self._state

    @property
    def recorded_seq(self) -> int:
        """The number of the entry of the recording that was played last."""
        return self._recorded.seq

    @property
    def is_standing(self) -> bool:
        """Its clock stands: it waits for the presenter, was halted, or is over."""
        return not self._steered.rate

    @property
    def epoch(self) -> str:
        return self.journal.epoch

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with each new state; return a function that unsubscribes it."""
        return self._listeners.subscribe(listener)

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run a coroutine beside the replay, as a task; report its exception to the presenter."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._forget_task)
        return task

    def _forget_task(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log_unexpected(logger, task.get_name(), error)
            self.enqueue(WHO, c.Notice(f"internal error in {task.get_name()}: {describe(error)}"))

    # Commands.

    async def submit(self, command: c.CommandEnvelope) -> ShowState:
        """Run a command of a presenter or a program, and return the state after it. Raises `Refused`, `ShowOver`."""
        done: asyncio.Future[ShowState] = asyncio.get_running_loop().create_future()
        self.commands.watch(command, done)
        try:
            async with self._lock:
                await self._run_command(command)
        except DemoError as error:
            done.set_exception(error)
        else:
            done.set_result(self._state)
        self._wake.set()
        return await done

    async def enqueue_and_wait(self, command: c.CommandEnvelope) -> ShowState:
        """Refuse a command of the show itself: nothing is added to a recording. Raises `ShowOver`."""
        raise ShowOver("a replay takes no command of the show itself")

    def enqueue(self, issuer: str, command: c.Command) -> None:
        """Show the presenter an error; everything else that a running show would be told of is dropped."""
        if isinstance(command, c.Notice) and command.level == "error" and command.text not in self._notices:
            self._notices = (*self._notices[-(MAX_NOTICES - 1) :], command.text)
            self._record(issuer, e.TroubleSeen(command.text))
            self._publish()

    async def _run_command(self, command: c.CommandEnvelope) -> None:
        if self.stopping:
            raise ShowOver("the replay has ended")
        refused = refuse_unknown(self._state, command.command) or refuse_stale(self._state, command)
        if refused is not None:
            raise Refused(refused.code, refused.message)
        who = command.issuer
        match command.command:
            case c.Blackout() | c.Freeze() | c.Halt() | c.Resume() as control:
                self._control(who, control)
            case c.Back():
                self._jump(find_first_entry(self._plan, self._previous_chapter()), who)
            case c.Goto(chapter=number):
                if number != self._state.number:
                    self._jump(find_first_entry(self._plan, number), who)
            case c.Advance() | c.Inject() | c.Heal() | c.Rerun() as move:
                await self._go_on(find_move(self._plan, self._place, self._state, move))
            case other:
                raise refuse_command(other)

    def _control(self, who: str, command: c.Blackout | c.Freeze | c.Halt | c.Resume) -> None:
        """Carry out what a presenter asks of the stage and of the playing, not of the recording."""
        match command:
            case c.Blackout(on=on):
                self._darken(who, not self._dark if on is None else on)
            case c.Freeze(on=on):
                self._freeze(who, self._held is None if on is None else on)
            case c.Halt():
                self._set_phase("stopped", who)
            case c.Resume() if self._phase == "stopped":
                self._set_phase("playing", who)

    def _previous_chapter(self) -> int:
        """Return the chapter that a step back goes to: this one again behind its first step. Raises `Refused`."""
        if self._state.step > 1 and self._state.number in self._plan.chapter_starts:
            return self._state.number
        before = [number for number in self._plan.chapter_starts if number < self._state.number]
        if not before:
            raise Refused("at_start", "this is the first chapter of the recording")
        return max(before)

    def _darken(self, who: str, on: bool) -> None:
        if on != self._dark:
            self._dark = on
            self._record(who, e.BlackoutSet(on))
            self._publish()

    def _freeze(self, who: str, on: bool) -> None:
        if on == (self._held is not None):
            return
        at = self._record(who, e.FreezeSet(on))
        self._held = apply(self._state, e.JournalEntry(self._seq, at, who, e.FreezeSet(on))).frozen_view
        # The chapter itself, too: it stays on the stage wherever the replay goes.
        self._held_chapter = self._state.chapter if on else None
        self._publish()

    # Moving.

    def _jump(self, start: ChapterStart, who: str = WHO) -> None:
        """Go to the state at a chapter's first entry."""
        reel = self._open_reel(start.after, start.state)
        self._reel.close()
        self._recorded, self._place, self._reel = start.state, -1, reel
        self._play_from(start.at)

    async def _go_on(self, first: int) -> None:
        """Play everything before entry `first` at once, then that one."""
        folded = 0
        while self._reel.coming is not None and self._reel.coming.entry.seq < first:
            self._take()
            folded += 1
            if folded % FOLDED_AT_ONCE == 0:
                await asyncio.sleep(0)
        if self._reel.coming is not None:
            self._play_from(max(self.clock.now(), self._reel.coming.entry.at))

    def _play_from(self, moment: float) -> None:
        """Play the entries that come next, as at `moment`, and go on unless a halt stopped the replay."""
        self._steered.jump(moment)
        self._since = moment
        if self._phase != "stopped":
            self._phase = "playing"
            self._steered.run(self._speed)
        self._play_group()
        self._publish()

    def _play_group(self) -> None:
        """Play the entries that one command brought."""
        if (coming := self._reel.coming) is None:
            return
        group = coming.group
        while self._reel.coming is not None and self._reel.coming.group == group:
            self._take()

    def _take(self) -> None:
        taken = self._reel.take()
        self._recorded = taken.state
        segments = self._plan.segments
        while self._place + 1 < len(segments) and segments[self._place + 1].first <= taken.entry.seq:
            self._place += 1
        self._record(taken.entry.who, taken.entry.event, taken.entry.at)

    def _record(self, who: str, event: e.Event, at: float | None = None) -> float:
        """Write what happens in the replay into its own journal, numbered by itself; return its moment."""
        self._seq += 1
        moment = self.clock.now() if at is None else at
        with contextlib.suppress(JournalError):
            self.journal.buffer([e.JournalEntry(self._seq, moment, who, event)])
        return moment

    # Playing.

    def stop(self, *, by_person: bool = False) -> None:
        """Make `run()` end soon."""
        self.stopping = True
        self._wake.set()

    async def run(self) -> None:
        """Play until `stop()`."""
        try:
            self.loaded.set()
            self.spawn(self._flush_often(), "the journal of the replay")
            while not self.stopping:
                self._wake.clear()
                async with self._lock:
                    delay_sec = self._play_due()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), delay_sec)
        finally:
            await self.close()

    def _play_due(self) -> float | None:
        """Play what is due now; return how long to wait for what comes next, None to wait for a command."""
        self._panels.show_at(self.clock.now())
        for _ in range(MAX_GROUPS):
            coming = self._reel.coming
            if self._phase == "stopped":
                return None
            if coming is None:
                if self._reel.error:
                    self.enqueue(WHO, c.Notice(f"the recording ends too early: {self._reel.error}"))
                self._set_phase("over")
                return None
            if isinstance(coming.entry.event, e.ShowPickedUp):
                # Between two servers there was no show.
                self._steered.jump(max(self.clock.now(), coming.entry.at))
            self._steered.limit = max(coming.entry.at, self.clock.now())
            left_sec = coming.entry.at - self.clock.now()
            if left_sec > 0:
                self._set_phase("playing")
                return min(left_sec, self._panels.sec_until_change(self.clock.now())) / self._speed
            if self._is_move(coming.entry.seq):
                self._set_phase("waiting")
                return None
            self._set_phase("playing")
            self._play_group()
            self._publish()
        return 0.0

    def _is_move(self, seq: int) -> bool:
        segments = self._plan.segments
        return self._place + 1 < len(segments) and segments[self._place + 1].first == seq

    def _set_phase(self, phase: ReplayPhase, who: str = WHO) -> None:
        if phase == self._phase:
            return
        self._phase = phase
        self._steered.run(self._speed if phase == "playing" else 0.0)
        self._since = self.clock.now()
        self._record(who, e.TroubleSeen(f"the replay is {phase}", "note"))
        self._publish()

    def _publish(self) -> None:
        self._published += 1
        self._state = self._make_state()
        self._panels.show_at(self.clock.now())
        self._listeners.notify(self._state)

    def _make_state(self) -> ShowState:
        """Return the recorded state with a number of its own, and with the curtain and the freeze of now."""
        # A deck that was edited later may be shorter here.
        held = self._held if self._held is not None and self._held.current < self._recorded.total else None
        segments = self._plan.segments
        following = self._place + 1
        standing = ReplayState(
            recorded_at=self._plan.recorded_at,
            phase=self._phase,
            rate=self._steered.rate,
            since=self._since,
            coming=segments[following].move if following < len(segments) else None,
            goes_to=find_next_position(self._plan, self._place),
            notices=self._notices,
            shown=self._published,
        )
        return replace(
            self._recorded,
            seq=self._seq,
            blackout=self._dark,
            frozen_view=held,
            frozen_chapter=self._held_chapter if held is not None else None,
            journal="none",
            durable=False,
            not_durable_because="",
            replay=standing,
        )

    async def _flush_often(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_EVERY_SEC)
            with contextlib.suppress(JournalError):
                await self.journal.append(())

    async def close(self) -> None:
        """End all that plays, and remove its journal."""
        self.stopping = True
        self._reel.close()
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.journal.close()
