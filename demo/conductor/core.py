"""The command queue: decide, write to the journal, apply, tell everyone; and what each event sets going."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from demo import commands as c
from demo import events as e
from demo.conductor.actions import Actions
from demo.conductor.faults import Faults
from demo.conductor.health import HealthWatch
from demo.conductor.stage import ConductorStage
from demo.errors import DemoError, JournalError, Refused
from demo.journal import Journal
from demo.show import FaultState, Refusal, ShowState, apply, decide, opening
from demo.types import Chapter, DemoState, FaultDriver, HealthPollerProtocol, Stage

DISK_PATIENCE_SEC = 1.0
"""A move waits this long for the disk, then goes on and says that it is not durable."""

FLUSH_EVERY_SEC = 1.0
CLOSING_LIMIT_SEC = 15.0
"""How long the way out may take to heal what is broken."""

Deck = Sequence[Chapter] | Callable[[Stage], Sequence[Chapter]]
Listener = Callable[[ShowState], None]
Work = Callable[[], Awaitable[None]]


class Conductor:
    """Plays one show. Everything that changes it goes through `submit`.

    `chapters` may be a function of the `Stage` that their `on_enter`s use. `start_system` is run
    beside the show when it begins, `heal_system` when someone heals everything.
    Raises `ValueError` for an empty deck, `JournalError` for a journal that is in use.
    """

    def __init__(
        self,
        subject_name: str,
        chapters: Deck,
        health_poller: HealthPollerProtocol | None = None,
        *,
        title: str | None = None,
        description: str = "",
        faults: Sequence[FaultDriver] = (),
        journal: Journal | None = None,
        start_system: Work | None = None,
        heal_system: Work | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.stage: Stage = ConductorStage(self)
        deck = tuple(chapters(self.stage)) if callable(chapters) else tuple(chapters)
        known = (FaultState(driver.config, driver.target, driver.observable) for driver in faults)
        self._state = opening(title or subject_name, subject_name, description, deck, known)
        self.demo_state = DemoState(deck)
        self.journal = journal or Journal()
        self.clock = clock
        self._queue: asyncio.Queue[tuple[c.Command, asyncio.Future[ShowState] | None]] = asyncio.Queue()
        self._listeners: list[Listener] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()
        self._start_system, self._heal_system = start_system, heal_system
        self._actions = Actions(self)
        self._faults = Faults(self, faults)
        self._health = HealthWatch(self, health_poller, faults)

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

    async def submit(self, command: c.Command) -> ShowState:
        """Carry a command out, and return the state after it. Raises `Refused`."""
        done: asyncio.Future[ShowState] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((command, done))
        return await done

    def report(self, who: str, what: c.Order) -> None:
        """Queue a command of the show's own; it is not waited for."""
        self._queue.put_nowait((c.Command(who, what), None))

    async def until(self, condition: Callable[[ShowState], bool], timeout: float | None) -> bool:
        """Wait for a state that meets `condition`; False when `timeout` seconds pass first."""
        met: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def look(state: ShowState) -> None:
            try:
                if not met.done() and condition(state):
                    met.set_result(None)
            except Exception as error:  # noqa: BLE001 - the deck's own code: its error belongs to its caller
                met.set_exception(error)

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
            self.report("show", c.Trouble(f"{task.get_name()} broke: {describe(error)}"))

    # The life of a show.

    def stop(self) -> None:
        """End `run()` soon. Safe to call twice."""
        self._stopping.set()

    async def run(self) -> None:
        """Play until `stop()`. On every way out: actions cancelled, faults healed, the journal written."""
        try:
            await self._load()
            # Before the queue: what was pressed during the start meets a show that is open.
            await self._handle(c.Command("show", c.Open()), None)
            self._health.start()
            self.spawn(self._flush_often(), "the journal's timer")
            if self._start_system is not None:
                self.spawn(self._bring_up(self._start_system), "the start of the system")
            await self._serve()
        finally:
            await self._close()

    async def _load(self) -> None:
        after = 0
        while entries := await self.journal.read(after):
            for entry in entries:
                self._check_deck(entry.event)
                self._state = apply(self._state, entry)
            after = entries[-1].seq
        if self._state.opened:
            self.demo_state.current = self._state.current
        await self._faults.load()

    def _check_deck(self, event: e.Event) -> None:
        titles = tuple(chapter.title for chapter in self._state.chapters)
        if isinstance(event, e.ShowOpened) and event.chapters != titles:
            raise JournalError(
                f"the journal {self.journal.path} belongs to another deck ({event.subject}, {len(event.chapters)}"
                f" chapters): name another file"
            )

    async def _serve(self) -> None:
        stopped = asyncio.ensure_future(self._stopping.wait())
        try:
            while not self._stopping.is_set():
                got = asyncio.ensure_future(self._queue.get())
                await asyncio.wait({got, stopped}, return_when=asyncio.FIRST_COMPLETED)
                if not got.done():
                    got.cancel()
                    break
                await self._handle(*got.result())
        finally:
            stopped.cancel()

    async def _handle(self, command: c.Command, done: asyncio.Future[ShowState] | None) -> None:
        try:
            state = await self._carry_out(command)
        except Refused as refused:
            if done is not None and not done.done():
                done.set_exception(refused)
        except Exception as error:  # noqa: BLE001 - a bug of ours must not end the show; it is shown instead
            if done is not None and not done.done():
                done.set_exception(DemoError(f"{type(command.what).__name__} broke: {describe(error)}"))
            if not isinstance(command.what, c.Trouble):
                self.report("show", c.Trouble(f"{type(command.what).__name__} broke: {describe(error)}"))
        else:
            if done is not None and not done.done():
                done.set_result(state)

    async def _carry_out(self, command: c.Command) -> ShowState:
        at = self.clock()
        decision = decide(self._state, command, at)
        if isinstance(decision, Refusal):
            raise Refused(decision.code, decision.message)
        if not decision:
            return self._state
        state, entries = self._fold(command.who, decision, at)
        # Halt and heal never wait for the disk.
        urgent = isinstance(command.what, c.Halt | c.Heal)
        if urgent:
            self._set_going(entries, state)
        await self._persist(entries, lazily=isinstance(command.what, c.Observe))
        self._state = state
        self.demo_state.current = state.current
        if not urgent:
            self._set_going(entries, state)
        self._tell()
        return self._state

    def _fold(self, who: str, events: Sequence[e.Event], at: float) -> tuple[ShowState, list[e.Entry]]:
        state, entries = self._state, []
        for event in events:
            entry = e.Entry(state.seq + 1, at, who, event)
            state = apply(state, entry)
            entries.append(entry)
        return state, entries

    async def _persist(self, entries: Sequence[e.Entry], lazily: bool) -> None:
        if lazily:
            self.journal.keep(entries)
            return
        writing = asyncio.ensure_future(self.journal.append(entries))
        writing.add_done_callback(self._written)
        await asyncio.wait({writing}, timeout=DISK_PATIENCE_SEC)
        if not writing.done():
            self._note_durable(on=False)

    def _written(self, writing: asyncio.Future[None]) -> None:
        self._note_durable(on=not writing.cancelled() and writing.exception() is None)

    def _note_durable(self, on: bool) -> None:
        if on != self._state.durable:
            self.report("show", c.Durable(on))

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener(self._state)

    def _set_going(self, entries: Sequence[e.Entry], state: ShowState) -> None:
        for entry in entries:
            match entry.event:
                case e.PartsHealRequested():
                    self.spawn(self._heal_parts(), "healing the system")
                case event:
                    self._actions.react(event, state)
                    self._faults.react(event, state)

    # The system behind the show.

    async def _bring_up(self, start: Work) -> None:
        try:
            await start()
        except DemoError as error:
            self.report("show", c.PartsHealEnd(str(error)))
        except Exception as error:  # noqa: BLE001 - a subject's bug is shown, the show goes on
            self.report("show", c.PartsHealEnd(f"the system could not be started: {describe(error)}"))

    async def _heal_parts(self) -> None:
        error: str | None = None
        try:
            self._health.revive()
            # A fault's own heal comes first, so that two hands never start the same part.
            await self.until(lambda state: not any(f.state in ("injecting", "healing") for f in state.faults), 20)
            if self._heal_system is not None:
                await self._heal_system()
        except DemoError as known:
            error = str(known)
        except Exception as unknown:  # noqa: BLE001 - shown to the presenter
            error = describe(unknown)
        self.report("show", c.PartsHealEnd(error))

    async def _flush_often(self) -> None:
        while True:
            await asyncio.sleep(FLUSH_EVERY_SEC)
            try:
                await self.journal.append(())
            except JournalError:
                self._note_durable(on=False)
            else:
                self._note_durable(on=True)

    async def _close(self) -> None:
        self._actions.cancel_all()
        try:
            await self._faults.heal_everything(CLOSING_LIMIT_SEC)
        finally:
            self._health.stop()
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._refuse_waiting()
            with contextlib.suppress(JournalError):
                await self.journal.close()

    def _refuse_waiting(self) -> None:
        while not self._queue.empty():
            _, done = self._queue.get_nowait()
            if done is not None and not done.done():
                done.set_exception(DemoError("the show is over"))


def describe(error: BaseException) -> str:
    """An exception in one line, for people."""
    text = str(error).strip().split("\n")[0][:300]
    return text if isinstance(error, DemoError) and text else f"{type(error).__name__}{': ' + text if text else ''}"
