"""Injects and heals faults: the undo is on disk first, and only a check of the target counts as healed."""

import asyncio
import logging
import math
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from typing import Any

from demo.conductor.context import ConductorContext
from demo.conductor.recovery_watch import RecoveryWatch
from demo.conductor.undo_ledger import DriverFor, UndoLedger
from demo.errors import DemoError, FaultError, log_unexpected
from demo.journal import Undo
from demo.show import ShowState
from demo.show import commands as c
from demo.show import events as e
from demo.subjects.user_code import describe_error
from demo.timeouts import run_with_timeout
from demo.types import ChoosesTarget, FaultDriver, Plan
from demo.watchdog.protocol import Watchdog

logger = logging.getLogger(__name__)

PLAN_TIMEOUT_SEC = 10.0
INJECT_TIMEOUT_SEC = 30.0

CALLING_OFF_SEC = 1.0
"""At shutdown, how long a running injection may take to end by itself, and then again to be cancelled."""

MAX_LATE_EFFECT_WAIT_SEC = 2.0
"""At shutdown, an interrupted injection that cannot take effect any more within this time is waited for."""

FINAL_CHECK_TIMEOUT_SEC = 4.0
"""Timeout of the last check of unhealed targets, once the system itself has stopped."""

RETRY_FIRST_SEC, MAX_RETRY_SEC = 5.0, 60.0
"""Pauses between automatic retries of a failed heal: each is twice as long as the one before."""

CALLED_OFF = "cancelled before anything was changed"


class FaultRunner:
    """A show's drivers, its undo ledger, and the injections and heals under way."""

    def __init__(
        self,
        context: ConductorContext,
        drivers: Sequence[FaultDriver],
        watchdog: Watchdog | None = None,
        driver_for: DriverFor = lambda name, plan: None,
    ) -> None:
        self._context = context
        self._watchdog = watchdog
        self._drivers = {driver.config.name: driver for driver in drivers}
        self._edited: dict[str, FaultDriver] = {}
        """The drivers of edited faults whose undo was pending at the edit: they are used from the next injection on."""
        self._ledger = UndoLedger(context, self._drivers, watchdog, driver_for)
        self._recovery_watch = RecoveryWatch(context, self._drivers)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        """The newest injection or heal of each fault."""
        self._injections: set[asyncio.Task[None]] = set()
        self._retry_pauses: dict[str, float] = {}
        self._retries: dict[str, asyncio.Task[None]] = {}

    async def load(self) -> None:
        """Load the undos that an earlier process left pending. Raises `JournalError`."""
        await self._ledger.load()

    def resume_clock(self) -> None:
        """Tell the ledger that the clock now continues the earlier process's time."""
        self._ledger.resume_clock()

    @property
    def pending_faults(self) -> Sequence[str]:
        """The faults with a pending undo, oldest first."""
        return self._ledger.names

    def replace_drivers(self, drivers: Sequence[FaultDriver]) -> Sequence[FaultDriver]:
        """Use these drivers from now on, and return all in use: a fault in place keeps its own until it is healed."""
        self._edited = {}
        fresh = {driver.config.name: driver for driver in drivers}
        for name in tuple(self._drivers):
            if name not in fresh and not self._is_in_place(name):
                del self._drivers[name]
        for name, driver in fresh.items():
            if name in self._drivers and self._is_in_place(name):
                self._edited[name] = driver
            else:
                self._drivers[name] = driver
        return tuple(self._drivers.values())

    def _is_in_place(self, name: str) -> bool:
        fault = self._context.state.fault(name)
        return name in self._ledger.names or (fault is not None and fault.is_running)

    def react(self, event: e.Event, state: ShowState) -> None:
        """Start the task that an event asks for: an injection, a heal, or the timer of a fault."""
        match event:
            case e.FaultRequested(name=name):
                injection = self._start_task(name, self._inject(event), f"injecting {name}")
                self._injections.add(injection)
                injection.add_done_callback(self._injections.discard)
            case e.HealRequested(name=name, run=run):
                fault = state.fault(name)
                if fault is not None and fault.state == "healing":
                    self._start_task(name, self._heal(name, run), f"healing {name}")
            case e.FaultInjected(name=name, run=run, heals_at=heals_at) if heals_at is not None:
                self._context.spawn(self._report_when_due(name, run, heals_at), f"the timer of {name}")
            case _:
                pass

    def with_targets(self, command: c.CommandEnvelope) -> c.CommandEnvelope:
        """Return the command, an injection that asks for a target with the ids that its driver takes now.

        Raises `DemoError` for a driver that fails.
        """
        inject = command.command
        if not isinstance(inject, c.Inject) or inject.target is None:
            return command
        driver = self._drivers.get(inject.name)
        if driver is None or not isinstance(driver, ChoosesTarget):
            return command
        try:
            targets = tuple(driver.targets())
        except Exception as error:
            log_unexpected(logger, f"the targets of {inject.name}", error)
            raise DemoError(f"fault {inject.name!r} cannot tell its targets: {describe_error(error)}") from error
        return replace(command, command=replace(inject, targets=targets))

    async def heal_leftovers(self) -> None:
        """Heal what an earlier process left, after a restart.

        That includes undos of faults that the state does not show as running, and of faults that this show does not
        have.
        """
        # First the heals that the restart itself requested: the ledger must not undo the same fault beside them.
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

    async def heal_faults_not_in_deck(self) -> None:
        """Undo faults in the ledger that this show does not have. Raises `FaultError` that names those not healed."""
        names = [name for name in self._ledger.names if self._context.state.fault(name) is None]
        errors = [f"{name}: {error}" for name in names if (error := await self._ledger.undo(name))]
        if errors:
            raise FaultError("; ".join(errors))

    def _start_task(self, name: str, work: Coroutine[Any, Any, None], title: str) -> asyncio.Task[None]:
        task = self._tasks[name] = self._context.spawn(work, title)
        return task

    async def _report_when_due(self, name: str, run: int, heals_at: float) -> None:
        await self._context.clock.sleep_until(heals_at)
        self._context.enqueue("timer", c.FaultDue(name, run))

    async def _inject(self, requested: e.FaultRequested) -> None:
        name, run = requested.name, requested.run
        undo: Undo | None = None
        try:
            undo = await self._plan_and_inject(requested)
        except DemoError as error:
            self._report_failure(name, run, str(error))
        except Exception as error:  # noqa: BLE001 - a driver's bug: the fault is failed and healed
            log_unexpected(logger, f"injecting {name}", error)
            self._report_failure(name, run, describe_error(error))
        else:
            if undo is None:
                self._context.enqueue("show", c.InjectionFailed(name, run, CALLED_OFF, may_have_changed_target=False))
            else:
                self._context.enqueue("show", c.FaultApplied(name, run))
                self._ledger.mark_applied(undo)
                self._recovery_watch.watch(name, run, undo.plan)

    def _report_failure(self, name: str, run: int, why: str) -> None:
        may_have_changed_target = name in self._ledger.names
        self._context.enqueue("show", c.InjectionFailed(name, run, why, may_have_changed_target))

    async def _plan_and_inject(self, requested: e.FaultRequested) -> Undo | None:
        """Inject a fault and return its undo; None when it was called off before the target was touched.

        Raises `FaultError`, `JournalError`, or whatever the driver raises.
        """
        name, run = requested.name, requested.run
        if name in self._edited and name not in self._ledger.names:
            self._drivers[name] = self._edited.pop(name)
        driver = self._drivers[name]
        asked_sec = requested.duration_sec
        lasts_sec = driver.config.duration_sec if asked_sec is None else asked_sec
        planning = _plan(driver, requested.target)
        plan = await run_with_timeout(PLAN_TIMEOUT_SEC, planning, "checking the target")
        plan = replace(plan, duration_sec=None if lasts_sec == math.inf else lasts_sec)
        # Before the target is changed: whatever ends this process now, somebody can heal the fault.
        undo = await self._ledger.record(name, run, plan, lasts_sec)
        try:
            # Through the queue, so that a halt or a heal that came during planning is seen before the target is
            # touched.
            state = await self._context.enqueue_and_wait(
                c.CommandEnvelope("show", c.FaultPlanned(name, run, plan.target))
            )
            fault = state.fault(name)
            if state.halted or fault is None or fault.heal_wanted:
                self._ledger.forget(undo)
                return None
            await run_with_timeout(INJECT_TIMEOUT_SEC, driver.inject(plan), "the injection")
        # A cancellation too: a command that was sent already may still take effect.
        except BaseException:
            self._ledger.mark_interrupted(undo)
            raise
        return undo

    async def _heal(self, name: str, run: int) -> None:
        back_at = await self._recovery_watch.before_heal(name, run)
        error = await self._ledger.undo(name)
        self._context.enqueue("show", c.HealEnd(name, run, error, back_at))
        if error is None:
            self._retry_pauses.pop(name, None)
        else:
            if (retry := self._retries.get(name)) is not None:
                retry.cancel()  # another heal failed meanwhile: keep a single retry
            self._retries[name] = self._context.spawn(self._retry_heal(name, run), f"trying again to heal {name}")

    async def _retry_heal(self, name: str, run: int) -> None:
        pause = self._retry_pauses.get(name, RETRY_FIRST_SEC)
        # Longer each time: a target that stays broken must not be hammered until the talk ends.
        self._retry_pauses[name] = min(MAX_RETRY_SEC, pause * 2)
        await self._context.clock.sleep(pause)
        fault = self._context.state.fault(name)
        if fault is not None and fault.run == run and fault.may_have_changed_target and fault.state == "failed":
            self._context.enqueue("timer", c.Heal(name))

    # Shutdown.

    async def finish_marking(self, within_sec: float) -> None:
        """Wait until the new states of undos are on disk; `within_sec` at most."""
        await self._ledger.finish_marking(within_sec)

    async def heal_everything(self, limit: float) -> None:
        """Undo all that is left, all faults at the same time, so that one that hangs does not delay the others.

        Raises `FaultError` naming what could not be healed within `limit` seconds; a watchdog goes on trying.
        """
        healing = {
            asyncio.create_task(self._heal_at_shutdown(name)): name for name in {*self._tasks, *self._ledger.names}
        }
        if not healing:
            return
        # Not one after the other: a driver that hangs would use up the time of all the others.
        done, late = await asyncio.wait(healing, timeout=limit)
        failed = [f"{healing[task]}: not healed within {limit:g} s" for task in late]
        failed += [f"{healing[task]}: {reason}" for task in done if (reason := task.exception() or task.result())]
        for task in late:
            task.cancel()
        if failed:
            goes_on = ". The watchdog goes on trying" if self._watchdog is not None and self._watchdog.is_alive else ""
            raise FaultError("not healed: " + "; ".join(sorted(failed)) + goes_on)

    async def is_all_healed(self) -> bool:
        """Check the targets that were not healed in time; return False also when a check fails or times out."""
        try:
            return await run_with_timeout(
                FINAL_CHECK_TIMEOUT_SEC, self._ledger.verify(), "checking the targets that were not healed"
            )
        except Exception:  # noqa: BLE001 - the failed heal has reported its reason
            return False

    async def _heal_at_shutdown(self, name: str) -> str | None:
        task = self._tasks.get(name)
        if task is not None and not task.done():
            # An injection is waited for briefly and then cancelled; a heal that is under way is the very thing we want.
            if task in self._injections:
                await asyncio.wait({task}, timeout=CALLING_OFF_SEC)
                task.cancel()
                await asyncio.wait({task}, timeout=CALLING_OFF_SEC)
            else:
                await asyncio.wait({task})
        error = await self._ledger.undo(name, hurry=True)
        # The target looks healed now, but an interrupted injection may still change it: heal again after that.
        late = self._ledger.late_sec(name)
        if error is None and 0 < late <= MAX_LATE_EFFECT_WAIT_SEC:
            await asyncio.sleep(late)
            error, late = await self._ledger.undo(name), self._ledger.late_sec(name)
        if error is None and late > 0:
            return f"its injection was interrupted and may still take effect within {late:.0f} s"
        return error


async def _plan(driver: FaultDriver, target: str | None) -> Plan:
    """Return the driver's plan, for this target where one is given. Raises `FaultError`, or what the driver raises."""
    if target is None:
        return await driver.plan()
    if not isinstance(driver, ChoosesTarget):
        raise FaultError(f"fault {driver.config.name!r} cannot choose its target")
    return await driver.plan_for(target)
