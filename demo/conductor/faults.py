"""Injecting and healing: the undo on disk first, then the deed; healed is what observation says."""

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from demo import commands as c
from demo import events as e
from demo.conductor.bounded import within
from demo.conductor.undoing import by_hand
from demo.conductor.undoing import undo as undo_fault
from demo.errors import DemoError, FaultError, JournalError
from demo.journal import Undo
from demo.show import ShowState
from demo.types import FaultDriver, Plan, Watchdog

if TYPE_CHECKING:
    from demo.conductor.core import Conductor

PLAN_LIMIT_SEC = 10.0
LEDGER_LIMIT_SEC = 5.0
INJECT_LIMIT_SEC = 30.0
CALLING_OFF_SEC = 2.0
"""On the way out, what an injection under way gets to stop by itself before it is healed all the same."""

CALLED_OFF = "called off before anything was touched"


class Faults:
    """The drivers of a show, the undos nobody has verified yet, and what is under way."""

    def __init__(
        self, conductor: "Conductor", drivers: Sequence[FaultDriver], watchdog: Watchdog | None = None
    ) -> None:
        self._conductor = conductor
        self._watchdog = watchdog
        self._drivers = {driver.config.name: driver for driver in drivers}
        self._undos: list[Undo] = []
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def load(self) -> None:
        """Take over what an earlier process left to undo."""
        self._undos = await self._conductor.journal.pending()
        for undo in self._undos:
            # Overdue: should this process end or hang before it has healed them, the watchdog does.
            with contextlib.suppress(FaultError):
                await self._hand_to_watchdog(undo, 0.0)

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
                self._conductor.spawn(self._wait_due(name, run, heals_at), f"the timer of {name}")
            case _:
                pass

    async def settle(self) -> None:
        """After a restart: heal what the earlier process left, those included that the events don't speak of."""
        under_way = [task for task in self._tasks.values() if not task.done()]
        if under_way:
            await asyncio.wait(under_way)
        for name in dict.fromkeys(undo.fault for undo in self._undos):
            fault = self._conductor.state.fault(name)
            if fault is None or not fault.is_running:
                error = await self._undo(name)
                outcome = f"could not be healed: {error}" if error else "was healed"
                text = f"{name}, left by an earlier server, {outcome}"
                self._conductor.report("show", c.Trouble(text, "error" if error else "note"))

    def _begin(self, name: str, work: Coroutine[Any, Any, None], title: str) -> None:
        self._tasks[name] = self._conductor.spawn(work, title)

    async def _wait_due(self, name: str, run: int, heals_at: float) -> None:
        await asyncio.sleep(max(0.0, heals_at - self._conductor.clock()))
        self._conductor.report("timer", c.FaultDue(name, run))

    # Injecting.

    async def _inject(self, name: str, run: int) -> None:
        driver, touched = self._drivers[name], False
        try:
            plan = await within(PLAN_LIMIT_SEC, driver.plan(), "looking at the target")
            undo = await self._write_down(name, run, plan)
            await self._have_watched(undo, driver.config.duration_sec)
            touched = True
            state = await self._conductor.carry_out(c.Command("show", c.FaultPlanned(name, run, plan.target)))
            fault = state.fault(name)
            if state.halted or fault is None or fault.heal_wanted:
                self._forget(undo)
                self._conductor.report("show", c.FaultBroke(name, run, CALLED_OFF, touched=False))
                return
            await within(INJECT_LIMIT_SEC, driver.inject(plan), "the injection")
        except DemoError as error:
            self._conductor.report("show", c.FaultBroke(name, run, str(error), touched))
        except Exception as error:  # noqa: BLE001 - a driver's bug: the fault is failed and healed
            self._conductor.report("show", c.FaultBroke(name, run, f"{type(error).__name__}: {error}"[:300], touched))
        else:
            self._conductor.report("show", c.FaultApplied(name, run))
            if self._watchdog is not None:
                self._watchdog.applied(undo.id)
            self._mark(undo, "applied")

    async def _write_down(self, name: str, run: int, plan: Plan) -> Undo:
        try:
            writing = self._conductor.journal.intend(name, run, plan)
            ident = await within(LEDGER_LIMIT_SEC, writing, "writing the undo down")
        except (JournalError, FaultError) as error:
            raise FaultError(f"not injected: its undo cannot be written down ({error})") from error
        undo = Undo(ident, name, run, plan, "intended")
        self._undos.append(undo)
        return undo

    async def _have_watched(self, undo: Undo, lasts_sec: float) -> None:
        try:
            await self._hand_to_watchdog(undo, lasts_sec)
        except FaultError as error:
            self._forget(undo)
            raise FaultError(f"not injected: {error}") from error

    async def _hand_to_watchdog(self, undo: Undo, lasts_sec: float) -> None:
        if self._watchdog is not None:
            holding = self._watchdog.hold(undo.id, undo.fault, undo.plan, lasts_sec)
            await within(LEDGER_LIMIT_SEC, holding, "starting the watchdog")

    # Healing.

    async def _heal(self, name: str, run: int) -> None:
        error = await self._undo(name)
        self._conductor.report("show", c.HealEnd(name, run, error))

    async def _undo(self, name: str) -> str | None:
        """Undo everything this fault has left, oldest first; the reason when one of it did not work."""
        errors = [await self._undo_one(undo) for undo in tuple(self._undos) if undo.fault == name]
        return next((error for error in errors if error is not None), None)

    async def _undo_one(self, undo: Undo) -> str | None:
        driver = self._drivers.get(undo.fault)
        if driver is None:
            return by_hand(f"no driver of this show knows it; its undo is {dict(undo.plan.undo)}", undo.plan)
        error = await undo_fault(driver, undo.plan)
        if error is None:
            self._forget(undo)
        return error

    def _forget(self, undo: Undo) -> None:
        self._undos.remove(undo)
        if self._watchdog is not None:
            self._watchdog.release(undo.id)
        self._mark(undo, "healed")

    def _mark(self, undo: Undo, state: str) -> None:
        """Beside the show: no heal waits for the disk. What stays unmarked is verified again at the next start."""
        self._conductor.spawn(self._write_mark(undo, state), f"marking {undo.fault} as {state}")

    async def _write_mark(self, undo: Undo, state: str) -> None:
        try:
            await self._conductor.journal.mark(undo.id, state)
        except JournalError as error:
            self._conductor.report("show", c.Trouble(str(error)))

    # The way out.

    async def heal_everything(self, limit: float) -> None:
        """Undo all that is left, each fault for itself, side by side.

        Raises `FaultError` naming what could not be healed within `limit` seconds. The watchdog goes on with it.
        """
        names = dict.fromkeys([*self._tasks, *(undo.fault for undo in self._undos)])
        leaving = {asyncio.create_task(self._leave(name)): name for name in names}
        if not leaving:
            return
        done, late = await asyncio.wait(leaving, timeout=limit)
        failed = [f"{leaving[task]}: not within {limit:g} s" for task in late]
        failed += [f"{leaving[task]}: {task.result()}" for task in done if task.result()]
        for task in late:
            task.cancel()
        if failed:
            goes_on = "" if self._watchdog is None else ". The watchdog goes on trying"
            raise FaultError("not healed: " + "; ".join(sorted(failed)) + goes_on)

    async def _leave(self, name: str) -> str | None:
        task = self._tasks.get(name)
        if task is not None and not task.done():
            if task.get_name().startswith("injecting"):
                task.cancel()
                await asyncio.wait({task}, timeout=CALLING_OFF_SEC)
            else:
                await asyncio.wait({task})
        return await self._undo(name)
