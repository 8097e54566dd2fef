"""Injecting and healing: the undo on disk first, then the deed; healed is what observation says."""

import asyncio
import logging
from collections.abc import Coroutine, Sequence
from typing import Any

from demo.conductor.context import ConductorContext
from demo.conductor.returns import RecoveryWatch
from demo.conductor.undo_ledger import UndoLedger
from demo.errors import DemoError, FaultError, log_unexpected
from demo.journal import Undo
from demo.show import ShowState
from demo.show import commands as c
from demo.show import events as e
from demo.subjects.user_code import told
from demo.timeouts import run_with_timeout
from demo.types import FaultDriver, Watchdog

logger = logging.getLogger(__name__)

PLAN_TIMEOUT_SEC = 10.0
INJECT_TIMEOUT_SEC = 30.0

CALLING_OFF_SEC = 1.0
"""On the way out, what an injection under way gets to end by itself, and again to be called off."""

WAIT_IT_OUT_SEC = 2.0
"""And what an injection that was cut off may take until it cannot land any more."""

CLOSING_LOOK_SEC = 4.0
"""And a last look, once the system itself has ended, at what was not healed in time."""

RETRY_FIRST_SEC, MAX_RETRY_SEC = 5.0, 60.0
"""What could not be healed is tried again by itself, ever more seldom."""

CALLED_OFF = "called off before anything was touched"


class FaultRunner:
    """The drivers of a show, what they have left to undo, and what is under way."""

    def __init__(
        self, context: ConductorContext, drivers: Sequence[FaultDriver], watchdog: Watchdog | None = None
    ) -> None:
        self._context = context
        self._watchdog = watchdog
        self._drivers = {driver.config.name: driver for driver in drivers}
        self._ledger = UndoLedger(context, self._drivers, watchdog)
        self._returns = RecoveryWatch(context, self._drivers)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._pauses: dict[str, float] = {}
        self._retries: dict[str, asyncio.Task[None]] = {}

    async def load(self) -> None:
        """Take over what an earlier process left to undo."""
        await self._ledger.load()

    def go_on(self) -> None:
        """The clock tells the time of the show that is continued from now on."""
        self._ledger.go_on()

    @property
    def left(self) -> Sequence[str]:
        """The faults that have left something to undo."""
        return self._ledger.names

    def react(self, event: e.Event, state: ShowState) -> None:
        """Start what an event of the journal asks for."""
        match event:
            case e.FaultRequested(name=name, run=run):
                self._begin(name, self._inject(name, run), f"injecting {name}")
            case e.HealRequested(name=name, run=run):
                fault = state.fault(name)
                if fault is not None and fault.state == "healing":
                    self._begin(name, self._heal(name, run), f"healing {name}")
            case e.FaultInjected(name=name, run=run, heals_at=heals_at) if heals_at is not None:
                self._context.spawn(self._wait_due(name, run, heals_at), f"the timer of {name}")
            case _:
                pass

    async def settle(self) -> None:
        """After a restart: heal what the earlier process left, those included that the events don't speak of."""
        under_way = [task for task in self._tasks.values() if not task.done()]
        if under_way:
            await asyncio.wait(under_way)
        for name in self._ledger.names:
            fault = self._context.state.fault(name)
            if fault is None or not fault.is_running:
                error = await self._ledger.undo(name)
                text = f"{name}, left by an earlier server,"
                if error is None:
                    self._context.enqueue("show", c.Notice(f"{text} was healed", "note"))
                elif fault is None:
                    self._context.enqueue("show", c.Notice(f"{text} could not be healed: {error}"))
                else:
                    self._context.enqueue("show", c.FaultLeft(name, error))

    async def heal_strays(self) -> None:
        """What this show has no fault for. Raises `FaultError` that names what is not healed."""
        names = [name for name in self._ledger.names if self._context.state.fault(name) is None]
        errors = [f"{name}: {error}" for name in names if (error := await self._ledger.undo(name))]
        if errors:
            raise FaultError("; ".join(errors))

    def _begin(self, name: str, work: Coroutine[Any, Any, None], title: str) -> None:
        self._tasks[name] = self._context.spawn(work, title)

    async def _wait_due(self, name: str, run: int, heals_at: float) -> None:
        await self._context.clock.sleep_until(heals_at)
        self._context.enqueue("timer", c.FaultDue(name, run))

    async def _inject(self, name: str, run: int) -> None:
        undo: Undo | None = None
        try:
            undo = await self._attempt(name, run)
        except DemoError as error:
            self._broke(name, run, str(error))
        except Exception as error:  # noqa: BLE001 - a driver's bug: the fault is failed and healed
            log_unexpected(logger, f"injecting {name}", error)
            self._broke(name, run, told(error))
        else:
            if undo is None:
                self._context.enqueue("show", c.FaultBroke(name, run, CALLED_OFF, touched=False))
            else:
                self._context.enqueue("show", c.FaultApplied(name, run))
                self._ledger.applied(undo)
                self._returns.watch(name, run, undo.plan)

    def _broke(self, name: str, run: int, why: str) -> None:
        touched = name in self._ledger.names
        self._context.enqueue("show", c.FaultBroke(name, run, why, touched))

    async def _attempt(self, name: str, run: int) -> Undo | None:
        """The undo of what is in place now, None when it was called off before the target was touched."""
        driver = self._drivers[name]
        plan = await run_with_timeout(PLAN_TIMEOUT_SEC, driver.plan(), "looking at the target")
        undo = await self._ledger.write_down(name, run, plan, driver.config.duration_sec)
        try:
            state = await self._context.enqueue_and_wait(
                c.CommandEnvelope("show", c.FaultPlanned(name, run, plan.target))
            )
            fault = state.fault(name)
            if state.halted or fault is None or fault.heal_wanted:
                self._ledger.forget(undo)
                return None
            await run_with_timeout(INJECT_TIMEOUT_SEC, driver.inject(plan), "the injection")
        except BaseException:
            self._ledger.mark_interrupted(undo)
            raise
        return undo

    async def _heal(self, name: str, run: int) -> None:
        back_at = await self._returns.before_heal(name, run)
        error = await self._ledger.undo(name)
        self._context.enqueue("show", c.HealEnd(name, run, error, back_at))
        if error is None:
            self._pauses.pop(name, None)
        else:
            if (waiting := self._retries.get(name)) is not None:
                waiting.cancel()  # somebody was quicker: one at a time tries again
            self._retries[name] = self._context.spawn(self._try_again(name, run), f"trying again to heal {name}")

    async def _try_again(self, name: str, run: int) -> None:
        pause = self._pauses.get(name, RETRY_FIRST_SEC)
        self._pauses[name] = min(MAX_RETRY_SEC, pause * 2)
        await self._context.clock.sleep(pause)
        fault = self._context.state.fault(name)
        if fault is not None and fault.run == run and fault.may_have_changed_target and fault.state == "failed":
            self._context.enqueue("timer", c.Heal(name))

    # The way out.

    async def heal_everything(self, limit: float) -> None:
        """Undo all that is left, each fault for itself, side by side.

        Raises `FaultError` naming what could not be healed within `limit` seconds. The watchdog goes on with it.
        """
        leaving = {asyncio.create_task(self._leave(name)): name for name in {*self._tasks, *self._ledger.names}}
        if not leaving:
            return
        done, late = await asyncio.wait(leaving, timeout=limit)
        failed = [f"{leaving[task]}: not within {limit:g} s" for task in late]
        failed += [f"{leaving[task]}: {why}" for task in done if (why := task.exception() or task.result())]
        for task in late:
            task.cancel()
        if failed:
            goes_on = ". The watchdog goes on trying" if self._watchdog is not None and self._watchdog.is_alive else ""
            raise FaultError("not healed: " + "; ".join(sorted(failed)) + goes_on)

    async def is_all_healed(self) -> bool:
        """By a look at the targets, of what was late or could not be healed. Not to know in time is a no."""
        try:
            return await run_with_timeout(CLOSING_LOOK_SEC, self._ledger.verify(), "looking at what was left")
        except Exception:  # noqa: BLE001 - why it is not healed is known, and said
            return False

    async def _leave(self, name: str) -> str | None:
        task = self._tasks.get(name)
        if task is not None and not task.done():
            if task.get_name().startswith("injecting"):
                await asyncio.wait({task}, timeout=CALLING_OFF_SEC)
                task.cancel()
                await asyncio.wait({task}, timeout=CALLING_OFF_SEC)
            else:
                await asyncio.wait({task})
        error = await self._ledger.undo(name, hurry=True)
        late = self._ledger.late_sec(name)
        if error is None and 0 < late <= WAIT_IT_OUT_SEC:
            await asyncio.sleep(late)
            error, late = await self._ledger.undo(name), self._ledger.late_sec(name)
        if error is None and late > 0:
            return f"its injection was cut off and may still land within {late:.0f} s"
        return error
