"""The conductor: decide, write to the journal, apply, tell everyone; and what each event sets going."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from demo.clock import as_clock
from demo.conductor.action_runner import ActionRunner
from demo.conductor.command_counts import CommandCounts
from demo.conductor.command_queue import CommandQueue, is_urgent
from demo.conductor.config import ShowConfig, Work
from demo.conductor.fault_runner import FaultRunner
from demo.conductor.health_monitor import HealthMonitor
from demo.conductor.loading import load_show
from demo.conductor.loop_watch import LoopWatch
from demo.conductor.persistence import JournalWriter
from demo.conductor.stage_api import ConductorStage
from demo.conductor.system_lifecycle import SystemLifecycle
from demo.errors import DemoError, InvalidValue, Refused, describe, log_unexpected
from demo.journal import Journal
from demo.show import FaultState, Refusal, ShowState, apply, decide, opening
from demo.show import commands as c
from demo.show import events as e
from demo.subjects.user_code import told
from demo.types import Chapter, DemoState, Stage

logger = logging.getLogger(__name__)

CLOSING_TIMEOUT_SEC = 15.0
CLOSING_WATCHED_SEC = 4.0
"""How long the way out may take to heal what is broken: with a watchdog, that goes on with what takes longer."""

ENDING_SEC = 2.0
"""What tasks get to end once they are cancelled; one that ignores it is left behind."""

Listener = Callable[[ShowState], None]


class Conductor:
    """Plays one show. Everything that changes it goes through `submit`.

    Raises `ValueError` for an empty deck, `JournalError` for a journal that is in use.
    """

    def __init__(self, config: ShowConfig, clock: Callable[[], float] | None = None) -> None:
        self.stage: Stage = ConductorStage(self)
        deck = tuple(config.chapters(self.stage)) if callable(config.chapters) else tuple(config.chapters)
        self._start_at = _checked(config.start_at, deck)
        known = (FaultState(driver.config, driver.target, driver.observable) for driver in config.faults)
        name, journal = config.subject_name, config.journal
        self._state = opening(config.title or name, name, config.description, deck, known)
        self.demo_state = DemoState(deck)
        self.journal = journal(self._state) if callable(journal) else journal or Journal()
        if self.journal.is_temporary:
            self._state = replace(self._state, journal="temporary" if callable(journal) else "none", durable=False)
        self._opened = False
        self.loaded = asyncio.Event()
        """Set once the show is open, never when it cannot be: before that, nobody knows where it stands."""
        self.clock = as_clock(clock)
        self.commands = CommandCounts()
        self._lanes = CommandQueue()
        self._disk = JournalWriter(self, self._lanes.hurry)
        self._listeners: list[Listener] = []
        self._complaints: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.stopping = False
        """Nothing more is begun; what is broken is being healed."""
        self._quit = False
        self._settled = asyncio.Event()
        self._actions = ActionRunner(self)
        self._watchdog = config.watchdog
        if self._watchdog is not None:
            self._watchdog.begin(self.journal.path, lambda text: self.enqueue("show", c.Notice(text)))
        self._faults = FaultRunner(self, config.faults, self._watchdog)
        self.health = HealthMonitor(self, config.health_poller, config.faults)
        self.system = SystemLifecycle(self, self._faults, config, self.health.revive)

    @property
    def state(self) -> ShowState:
        """The newest state that is safe in the journal."""
        return self._state

    @property
    def epoch(self) -> str:
        """Belongs to the journal: only a fresh show has a new one."""
        return self.journal.epoch

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with each new state; returns what ends that."""
        self._listeners.append(listener)

        def end() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return end

    async def submit(self, command: c.CommandEnvelope) -> ShowState:
        """Carry out what somebody asks for, and return the state after it.

        After a restart it waits until what was left broken is healed; halt and heal don't.
        Raises `Refused`, and `ShowOver` when the show has ended.
        """
        if not is_urgent(command) and not self._lanes.closed:
            await self._settled.wait()
        return await self.enqueue_and_wait(command)

    async def enqueue_and_wait(self, command: c.CommandEnvelope) -> ShowState:
        """`submit` for the show's own work: waits only for its turn."""
        done: asyncio.Future[ShowState] = asyncio.get_running_loop().create_future()
        self._lanes.put(command, done)
        self.commands.watch(command, done)
        return await done

    def enqueue(self, who: str, what: c.Command) -> None:
        """Queue a command of the show's own; it is not waited for."""
        self._lanes.put(c.CommandEnvelope(who, what), None)

    async def until(self, condition: Callable[[ShowState], bool], timeout: float | None) -> bool:
        """Wait for a state that meets `condition`; False when `timeout` seconds pass first."""
        met: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def look(state: ShowState) -> None:
            try:
                if not met.done() and condition(state):
                    met.set_result(None)
            except Exception as error:  # noqa: BLE001 - the deck's own code: its error belongs to its caller
                log_unexpected(logger, "a condition of the deck", error)
                met.set_exception(RuntimeError(f"the condition broke: {told(error)}"))

        end = self.subscribe(look)
        try:
            look(self._state)
            async with asyncio.timeout(timeout):
                await met
        except TimeoutError:
            return False
        finally:
            end()
        return True

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run something beside the queue, kept until it ends; its exception is shown, not lost."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log_unexpected(logger, task.get_name(), error)
            self.enqueue("show", c.Notice(f"{task.get_name()} broke: {describe(error)}"))

    # The life of a show.

    def stop(self, *, by_person: bool = False) -> None:
        """End `run()` soon; one that a person quits on its last chapter is over. Of two calls the first counts."""
        if not self.stopping:
            self._quit = by_person
        self.stopping = True
        self._lanes.wake()

    async def run(self) -> None:
        """Play until `stop()`. On every way out: actions cancelled, faults healed, the journal written."""
        try:
            await self._load()
            # Before the lanes: what was pressed during the start meets a show that is open.
            first = self._start_at or 1
            await self._run_command(c.CommandEnvelope("show", c.Open(self.clock.boot, self.clock.anchor, first)), None)
            if self._start_at is not None:
                await self._run_command(c.CommandEnvelope("show", c.Goto(self._start_at)), None)
            # Not before: the journal may tell of the deck as it was before an edit.
            self.loaded.set()
            self._opened = True
            self.health.start()
            self.spawn(self._settle(), "healing what an earlier server left")
            self.spawn(self._disk.flush_often(), "the journal's timer")
            self.spawn(self._disk.save_often(), "the journal's snapshots")
            self.spawn(self._disk.thin_often(), "the thinning of the journal")
            self.spawn(LoopWatch(self._complain).run(), "the watch over the event loop")
            self.system.begin()
            await self._serve()
        finally:
            await self._close()

    async def _load(self) -> None:
        await self._faults.load()
        state = await load_show(self.journal, self._state, self._faults.left, self._start_at is not None)
        if self.journal.newest_at is not None:
            self.clock.go_on(state.boot, state.anchor, self.journal.newest_at)
            self._faults.go_on()
        # At once: nobody is shown a show on its way through its past.
        self._state = state

    async def _settle(self) -> None:
        try:
            await self._faults.settle()
        finally:
            self._settled.set()

    async def _serve(self) -> None:
        while not self.stopping:
            waiting = self._lanes.take()
            if waiting is None:
                await self._lanes.filled()
            else:
                await self._run_command(*waiting)

    async def _run_command(self, command: c.CommandEnvelope, done: asyncio.Future[ShowState] | None) -> None:
        try:
            writing = await self._commit(command)
            await self._record_lost_durability()
        except Refused as refused:
            if done is not None and not done.done():
                done.set_exception(refused)
        except Exception as error:  # noqa: BLE001 - a bug of ours must not end the show; it is shown instead
            log_unexpected(logger, f"the command {type(command.command).__name__}", error)
            text = f"{type(command.command).__name__} broke: {describe(error)}"
            if done is not None and not done.done():
                done.set_exception(DemoError(text))
            self._complain(text)
        else:
            if done is not None and writing is not None:
                self.spawn(self._answer_later(writing, done, self._state), "an answer that a halt overtook")
            elif done is not None and not done.done():
                done.set_result(self._state)

    async def _answer_later(
        self, writing: "asyncio.Future[None]", done: asyncio.Future[ShowState], state: ShowState
    ) -> None:
        """A halt goes first; what was answered is on disk all the same, or does not call itself durable."""
        try:
            await self._disk.catch_up(writing)
        finally:
            if not done.done():
                done.set_result(replace(state, durable=state.durable and not self._disk.is_lost))

    async def _record_lost_durability(self) -> None:
        """An answer must not call durable what the disk did not take."""
        if self._disk.is_lost and self._state.durable:
            await self._commit(c.CommandEnvelope("show", c.Durable(on=False, why=self._disk.why)))

    async def _commit(self, command: c.CommandEnvelope) -> "asyncio.Future[None] | None":
        """Decide, write, apply, tell. Returns the write that an answer still has to wait for, if there is one."""
        at = self.clock()
        decision = decide(self._state, command, at)
        if isinstance(decision, Refusal):
            raise Refused(decision.code, decision.message)
        if not decision:
            # Nothing to change: but what makes it so is on disk before anybody is told.
            return None if is_urgent(command) else self._disk.under_way
        state, entries = self._fold(command.issuer, decision, at)
        self.journal.keep(entries)
        writing = None
        if is_urgent(command):
            # Halt and heal come first; the disk is told, and hardly waited for.
            self._state = state
            self._start_effects(entries, state)
            await self._disk.persist(urgent=True)
        else:
            if not isinstance(command.command, c.Observe):
                writing = await self._disk.persist(urgent=False)
            self._state = state
            self._start_effects(entries, state)
        self.demo_state.current = state.current
        self._tell()
        return writing

    def _fold(self, who: str, events: Sequence[e.Event], at: float) -> tuple[ShowState, list[e.JournalEntry]]:
        state, entries = self._state, []
        for event in events:
            entry = e.JournalEntry(state.seq + 1, at, who, event)
            state = apply(state, entry)
            entries.append(entry)
        return state, entries

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            try:
                listener(self._state)
            except Exception as error:  # noqa: BLE001 - one screen's bug must not cost the others the show
                log_unexpected(logger, "telling a screen of a new state", error)
                self._complain(f"a screen broke: {describe(error)}")

    def _complain(self, text: str) -> None:
        """Said once: a bug that meets every state would fill the log."""
        if text not in self._complaints:
            self._complaints.add(text)
            self.enqueue("show", c.Notice(text))

    def _start_effects(self, entries: Sequence[e.JournalEntry], state: ShowState) -> None:
        for entry in entries:
            match entry.event:
                case e.PartsHealRequested():
                    self.spawn(self.system.heal(), "healing the system")
                case event:
                    self._actions.react(event, state)
                    self._faults.react(event, state)

    # The way out.

    async def _close(self) -> None:
        """Each step for itself: none that fails or hangs costs the others."""
        self._lanes.close()  # nobody takes from them any more: who waits there is told so
        self._settled.set()
        self._actions.cancel_all()
        unhealed = await _attempt(self._heal_everything)
        failed = [await _attempt(self._end_work), await _attempt(self._end_system)]
        if unhealed is not None and await self._faults.is_all_healed():
            unhealed = None  # what was late has come, or has ended with the system
        failed += [await _attempt(self._end_show), await _attempt(self.journal.close)]
        errors = [error for error in (unhealed, *failed) if error is not None]
        if len(errors) > 1:
            raise DemoError("; ".join(describe(error) for error in errors))
        if errors:
            raise errors[0]

    async def _heal_everything(self) -> None:
        await self._faults.heal_everything(CLOSING_WATCHED_SEC if self._watchdog else CLOSING_TIMEOUT_SEC)

    async def _end_work(self) -> None:
        self.health.stop()
        await self._end_tasks()

    async def _end_system(self) -> None:
        """While the watchdog still knows us alive: what it took up now would meet a system that is being taken down."""

        async def say(text: str) -> None:
            await self._run_command(c.CommandEnvelope("show", c.Notice(text, "note")), None)

        await self.system.end(say)

    async def _end_show(self) -> None:
        await self._end_tasks()
        if self._watchdog is not None:
            await self._watchdog.close()
        if self._opened:
            await self._run_command(c.CommandEnvelope("show", c.Close(self._quit)), None)
            self.journal.remember(self._state)

    async def _end_tasks(self) -> None:
        """Marks of the ledger are let finish; everything else is cancelled, and left behind if it ignores that."""
        marks = {task for task in self._tasks if task.get_name().startswith("marking")}
        if marks:
            await asyncio.wait(marks, timeout=ENDING_SEC)
        rest = set(self._tasks)
        for task in rest:
            task.cancel()
        if rest:
            await asyncio.wait(rest, timeout=ENDING_SEC)


def _checked(start_at: int | None, deck: Sequence[Chapter]) -> int | None:
    if start_at is not None and not 1 <= start_at <= len(deck):
        raise InvalidValue(f"there is no chapter {start_at} to start at: this deck has 1 to {len(deck)}")
    return start_at


async def _attempt(step: Work) -> Exception | None:
    """Return what went wrong with it, to be said at the end."""
    try:
        await step()
    except Exception as error:  # noqa: BLE001 - the other steps come first
        log_unexpected(logger, "the end of the show", error)
        return error
    return None
