"""The conductor: decides on each command, writes its events, applies them, and starts what they ask for."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from typing import Any

from demo.clock import as_clock
from demo.conductor.action_runner import ActionRunner
from demo.conductor.chapter_gate import ChapterGate
from demo.conductor.command_counts import CommandCounts
from demo.conductor.command_queue import CommandQueue, is_urgent, may_be_lost
from demo.conductor.config import AsyncStep, ShowConfig, check_start
from demo.conductor.deck_edits import DeckEdits
from demo.conductor.fault_runner import FaultRunner
from demo.conductor.health_monitor import HealthMonitor
from demo.conductor.loading import load_show
from demo.conductor.loop_watch import LoopWatch
from demo.conductor.persistence import JournalWriter
from demo.conductor.stage_api import ConductorStage
from demo.conductor.startup_healing import Leftovers
from demo.conductor.state_listeners import Listener, StateListeners
from demo.conductor.system_lifecycle import SystemLifecycle
from demo.errors import DemoError, Refused, describe, log_unexpected
from demo.journal import Journal
from demo.show import FaultState, Refusal, ShowState, apply, create_initial_state, decide
from demo.show import commands as c
from demo.show import events as e
from demo.subjects.user_code import describe_error
from demo.types import DemoState, Stage

logger = logging.getLogger(__name__)

CLOSING_TIMEOUT_SEC = 15.0
CLOSING_WATCHED_SEC = 4.0
"""How long the shutdown waits for faults to heal: less with a watchdog, which goes on with what takes longer."""

ENDING_SEC = 2.0
"""Grace period of cancelled tasks; one that ignores its cancellation is abandoned."""


class Conductor:
    """Plays one show. Everything that changes the show goes through `submit`.

    Raises `ValueError` for an empty deck, `JournalError` for a journal that is in use.
    """

    def __init__(self, config: ShowConfig, clock: Callable[[], float] | None = None) -> None:
        self.stage: Stage = ConductorStage(self)
        deck = tuple(config.chapters(self.stage)) if callable(config.chapters) else tuple(config.chapters)
        self._start_at = check_start(config.start_at, deck)
        name, journal = config.subject_name, config.journal
        self._state = create_initial_state(
            config.title or name, name, config.description, deck, map(FaultState.of, config.faults)
        )
        self.demo_state = DemoState(deck)
        self.journal = journal(self._state) if callable(journal) else journal or Journal()
        self.journal.healer = config.healer
        if self.journal.is_temporary:
            # It ends with this process, so nothing in it is durable.
            self._state = replace(self._state, journal="temporary" if callable(journal) else "none", durable=False)
        self._show_opened = False
        self.loaded = asyncio.Event()
        """Set once the journal is read and the show is open; before that its current chapter is unknown."""
        self.clock = as_clock(clock)
        self.commands = CommandCounts()
        self._queue, self._edits = CommandQueue(), DeckEdits()
        self._gate = ChapterGate(config.unmet)
        self.panels, self.images = config.panels, config.images
        self._writer = JournalWriter(self, self._queue.hurry)
        self._listeners = StateListeners(self._report_once)
        self._reported: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.stopping = False
        """The show is shutting down: nothing new is started, and active faults are being healed."""
        self._quit_by_person = False
        self._watchdog = config.watchdog
        if self._watchdog is not None:
            self._watchdog.begin(self.journal.path, lambda text: self.enqueue("show", c.Notice(text)))
        self._faults = FaultRunner(self, config.faults, self._watchdog, config.driver_for)
        self._leftovers = Leftovers(self, self._faults, config.heal_others)
        self.health = HealthMonitor(self, config.health_poller, config.faults)
        self.system = SystemLifecycle(self, self._faults, config, self.health.restart)
        self._actions = ActionRunner(self, None if self._start_at is None else self.system.until_up)

    @property
    def state(self) -> ShowState:
        """The newest state that is safe in the journal."""
        return self._state

    @property
    def epoch(self) -> str:
        """Identifies the journal: only a fresh show gets a new one, a continued show keeps its journal's."""
        return self.journal.epoch

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with each new state; return a function that unsubscribes it."""
        return self._listeners.subscribe(listener)

    async def submit(self, command: c.CommandEnvelope) -> ShowState:
        """Run a command of a presenter or a program, and return the state after it.

        After a restart it waits until the faults that an earlier process left are healed; halt and heal do not wait.
        Raises `Refused`, `ShowOver` when the show has ended, `DemoError` for a driver that fails.
        """
        if not is_urgent(command) and not self._queue.closed:
            await self._leftovers.done.wait()
        return await self.enqueue_and_wait(self._faults.with_targets(command))

    async def enqueue_and_wait(self, command: c.CommandEnvelope) -> ShowState:
        """Enqueue a command and return the state after it, without `submit`'s wait after a restart.

        Raises as `submit` does.
        """
        done: asyncio.Future[ShowState] = asyncio.get_running_loop().create_future()
        self._queue.put(self._edits.mark(command), done)
        self.commands.watch(command, done)
        return await done

    def enqueue(self, issuer: str, command: c.Command) -> None:
        """Enqueue a command of the show itself, without waiting for its outcome."""
        self._queue.put(self._edits.mark(c.CommandEnvelope(issuer, command)), None)

    async def until(self, condition: Callable[[ShowState], bool], timeout: float | None) -> bool:
        """Wait for a state that meets `condition`; return False when `timeout` seconds pass first."""
        met: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def check(state: ShowState) -> None:
            try:
                if not met.done() and condition(state):
                    met.set_result(None)
            except Exception as error:  # noqa: BLE001 - code of the deck: its error is raised to its caller
                log_unexpected(logger, "a condition of the deck", error)
                met.set_exception(RuntimeError(f"the condition raised an error: {describe_error(error)}"))

        unsubscribe = self.subscribe(check)
        try:
            check(self._state)
            async with asyncio.timeout(timeout):
                await met
        except TimeoutError:
            return False
        finally:
            unsubscribe()
        return True

    def spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        """Run a coroutine beside the command queue, as a task; report its exception to the presenter."""
        task = asyncio.get_running_loop().create_task(work, name=name)
        # The event loop itself holds only weak references: a task that nobody else refers to may be collected.
        self._tasks.add(task)
        task.add_done_callback(self._forget_task)
        return task

    def _forget_task(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log_unexpected(logger, task.get_name(), error)
            self.enqueue("show", c.Notice(f"internal error in {task.get_name()}: {describe(error)}"))

    # Start and main loop.

    def stop(self, *, by_person: bool = False) -> None:
        """Make `run()` end soon. Of several calls the first one counts.

        `by_person`: a presenter quit. A show that a presenter quits on its last chapter is over: the next start does
        not continue it.
        """
        if not self.stopping:
            self._quit_by_person = by_person
        self.stopping = True
        self._queue.wake()

    async def run(self) -> None:
        """Play until `stop()`. On every way out, cancel actions, heal faults and write the journal."""
        try:
            await self._load()
            # Before any queued command, so that one sent during the start finds an open show.
            first = self._start_at or 1
            await self._run_command(c.CommandEnvelope("show", c.Open(self.clock.boot, self.clock.anchor, first)), None)
            if self._start_at is not None:
                await self._run_command(c.CommandEnvelope("show", c.Goto(self._start_at)), None)
            # Only now: until `Open` is applied, the state may still have the deck as it was before an edit.
            self.loaded.set()
            self._show_opened = True
            self.health.start()
            self._leftovers.start()
            self.spawn(self._writer.flush_often(), "the timer of the journal")
            self.spawn(self._writer.save_often(), "the journal's snapshots")
            self.spawn(self._writer.thin_often(), "the thinning of the journal")
            self.spawn(LoopWatch(self._report_once).run(), "the watch over the event loop")
            self.system.start()
            # Only this loop changes the state: one command after the other, whoever sent it.
            await self._process_commands()
        finally:
            await self._close()

    async def _load(self) -> None:
        await self._faults.load()
        state = await load_show(self.journal, self._state, self._faults.pending_faults, self._start_at is not None)
        if self.journal.newest_at is not None:
            self.clock.resume(state.boot, state.anchor, self.journal.newest_at)
            self._faults.resume_clock()
        # Replaced in one step: listeners never see the intermediate states of the replay.
        self._state = state

    async def _process_commands(self) -> None:
        while not self.stopping:
            queued = self._queue.take()
            if queued is None:
                await self._queue.wait_until_filled()
            else:
                await self._run_command(*queued)

    async def _run_command(self, command: c.CommandEnvelope, done: asyncio.Future[ShowState] | None) -> None:
        try:
            writing = await self._commit(command)
            await self._record_lost_durability()
        except Refused as refused:
            if done is not None and not done.done():
                done.set_exception(refused)
        except Exception as error:  # noqa: BLE001 - a bug must not end the show; it is reported
            log_unexpected(logger, f"the command {type(command.command).__name__}", error)
            text = f"internal error in the command {type(command.command).__name__}: {describe(error)}"
            if done is not None and not done.done():
                done.set_exception(DemoError(text))
            self._report_once(text)
        else:
            if done is not None and writing is not None:
                self.spawn(self._answer_later(writing, done, self._state), "an answer that a halt overtook")
            elif done is not None and not done.done():
                done.set_result(self._state)

    async def _answer_later(
        self, writing: "asyncio.Future[None]", done: asyncio.Future[ShowState], state: ShowState
    ) -> None:
        """Answer a command whose write was overtaken by a halt.

        The halt is processed without waiting for the disk, but this answer waits for it: it must not call a state
        durable that is not on disk.
        """
        try:
            await self._writer.catch_up(writing)
        finally:
            if not done.done():
                done.set_result(replace(state, durable=state.durable and not self._writer.is_lost))

    async def _record_lost_durability(self) -> None:
        """Record that the disk failed, so that the answer to this command is not reported as durable."""
        if self._writer.is_lost and self._state.durable:
            await self._commit(c.CommandEnvelope("show", c.SetDurability(on=False, why=self._writer.why)))

    async def _commit(self, command: c.CommandEnvelope) -> "asyncio.Future[None] | None":
        """Decide on a command, write its events, apply them and notify the listeners.

        Returns the write that an answer still has to wait for, None when there is none. Raises `Refused`.
        """
        at, command = self.clock(), self._edits.renumber(command)
        decision = decide(self._state, self._gate.checked(command, self._state), at)
        if isinstance(decision, Refusal):
            raise Refused(decision.code, decision.message)
        if not decision:
            # Nothing to change. But the event that made it so may still be in an overtaken write: wait for that one.
            return None if is_urgent(command) else self._writer.under_way
        state, entries = self._fold(self._edits.prepare(self._state, command.command), command.issuer, decision, at)
        self.journal.buffer(entries)
        if isinstance(command.command, c.Open | c.ReplaceDeck):
            self.journal.decks.keep(entries[0].seq, state, self.images)
        writing = None
        if is_urgent(command):
            # Halt and heal take effect before they are written, and wait for the disk for 50 ms at most.
            self._state = state
            self._start_effects(entries, state)
            await self._writer.persist(urgent=True)
        else:
            # Health samples come several times a second and may be lost in a crash, as tallies of open votes may: they
            # are written with the next batch.
            if not may_be_lost(command.command):
                writing = await self._writer.persist(urgent=False)
            self._state = state
            self._start_effects(entries, state)
        if isinstance(command.command, c.ReplaceDeck):
            self._take_deck(command.command)
        self.demo_state.current = state.current
        self._listeners.notify(self._state)
        return writing

    def _take_deck(self, command: c.ReplaceDeck) -> None:
        self._edits.note(command)
        self.demo_state.chapters = command.deck
        self.health.drivers = self._faults.replace_drivers(command.drivers)

    def _fold(
        self, state: ShowState, who: str, events: Sequence[e.Event], at: float
    ) -> tuple[ShowState, list[e.JournalEntry]]:
        entries = []
        for event in events:
            entry = e.JournalEntry(state.seq + 1, at, who, event)
            state = apply(state, entry)
            entries.append(entry)
        return state, entries

    def _report_once(self, text: str) -> None:
        """Send the presenter a notice, once for each text: a bug that recurs with every state would flood the log."""
        if text not in self._reported:
            self._reported.add(text)
            self.enqueue("show", c.Notice(text))

    def _start_effects(self, entries: Sequence[e.JournalEntry], state: ShowState) -> None:
        for entry in entries:
            match entry.event:
                case e.PartsHealRequested():
                    self.spawn(self.system.heal(), "healing the system")
                case event:
                    self._actions.react(event, state)
                    self._faults.react(event, state)

    # Shutdown.

    async def _close(self) -> None:
        """Shut the show down, step by step; a step that fails or hangs does not keep the others from running."""
        self._queue.close()  # commands are no longer processed: those that still wait get `ShowOver`
        self._leftovers.done.set()
        self._actions.cancel_all()
        # Before the system is stopped: drivers heal targets that run.
        unhealed = await _catch_error(self._heal_everything)
        failed = [await _catch_error(self._end_work), await _catch_error(self._end_system)]
        if unhealed is not None and await self._faults.is_all_healed():
            unhealed = None  # healed late, or gone together with the system
        failed += [await _catch_error(self._end_show), await _catch_error(self.journal.close)]
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
        """Stop the system while the watchdog still gets our heartbeat.

        If the watchdog took us for dead now, it would try to heal faults in a system that is being taken down.
        """

        async def say(text: str) -> None:
            await self._run_command(c.CommandEnvelope("show", c.Notice(text, "note")), None)

        await self.system.stop(say)

    async def _end_show(self) -> None:
        await self._end_tasks()
        if self._watchdog is not None:
            await self._watchdog.close()
        # A show that could not be loaded has nothing to close, and must not write to that journal.
        if self._show_opened:
            await self._run_command(c.CommandEnvelope("show", c.Close(self._quit_by_person)), None)
            self.journal.remember(self._state)

    async def _end_tasks(self) -> None:
        """Let the marks in the undo ledger finish; cancel all other tasks, and abandon those that ignore that."""
        await self._faults.finish_marking(ENDING_SEC)
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=ENDING_SEC)


async def _catch_error(step: AsyncStep) -> Exception | None:
    """Run a step of the shutdown and return its exception, which is raised at the end."""
    try:
        await step()
    except Exception as error:  # noqa: BLE001 - raised after the other steps
        log_unexpected(logger, "the end of the show", error)
        return error
    return None
