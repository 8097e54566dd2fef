"""Injecting and healing: the undo on disk first, then the deed; healed is what observation says."""

import asyncio
from collections.abc import Awaitable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from demo import commands as c
from demo import events as e
from demo.errors import DemoError, FaultError, JournalError
from demo.journal import Undo
from demo.show import ShowState
from demo.types import FaultDriver, Plan

if TYPE_CHECKING:
    from demo.conductor.core import Conductor

T = TypeVar("T")

PLAN_LIMIT_SEC = 10.0
INJECT_LIMIT_SEC = 30.0
HEAL_LIMIT_SEC = 12.0
"""Of one heal with its verification."""

LOOK_EVERY_SEC = 0.05
CALLED_OFF = "called off before anything was touched"


class Faults:
    """The drivers of a show and what they have under way."""

    def __init__(self, conductor: "Conductor", drivers: Sequence[FaultDriver]) -> None:
        self._conductor = conductor
        self._drivers = {driver.config.name: driver for driver in drivers}
        self._undos: dict[str, Undo] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def load(self) -> None:
        """Take over what an earlier process left to undo."""
        for undo in await self._conductor.journal.pending():
            self._undos[undo.fault] = undo

    def react(self, event: e.Event, state: ShowState) -> None:
        """Start what an event of the journal asks for."""
        match event:
            case e.FaultRequested(name=name, run=run):
                self._begin(name, self._inject(name, run), f"injecting {name}")
            case e.HealRequested(name=name, run=run):
                fault = state.fault(name)
                if fault is not None and fault.state == "healing":
                    self._begin(name, self._heal(name, run), f"healing {name}")
            case e.ShowPickedUp():
                for name in self._undos:
                    fault = state.fault(name)
                    if fault is None or fault.state != "healing":
                        self._begin(name, self._heal_left(name), f"healing {name}, left by an earlier server")
            case e.FaultInjected(name=name, run=run, heals_at=heals_at) if heals_at is not None:
                self._conductor.spawn(self._wait_due(name, run, heals_at), f"the timer of {name}")
            case _:
                pass

    def _begin(self, name: str, work: Coroutine[Any, Any, None], title: str) -> None:
        self._tasks[name] = self._conductor.spawn(work, title)

    async def _wait_due(self, name: str, run: int, heals_at: float) -> None:
        await asyncio.sleep(max(0.0, heals_at - self._conductor.clock()))
        self._conductor.report("timer", c.FaultDue(name, run))

    async def _inject(self, name: str, run: int) -> None:
        driver, touched = self._drivers[name], False
        try:
            plan = await _within(PLAN_LIMIT_SEC, driver.plan(), "looking at the target")
            await self._write_down(name, run, plan)
            touched = True
            state = await self._conductor.submit(c.Command("show", c.FaultPlanned(name, run, plan.target)))
            fault = state.fault(name)
            if state.halted or fault is None or fault.heal_wanted:
                await self._forget(name)
                self._conductor.report("show", c.FaultBroke(name, run, CALLED_OFF, touched=False))
                return
            await _within(INJECT_LIMIT_SEC, driver.inject(plan), "the injection")
        except DemoError as error:
            self._conductor.report("show", c.FaultBroke(name, run, str(error), touched))
        except Exception as error:  # noqa: BLE001 - a driver's bug: the fault is failed and healed
            self._conductor.report("show", c.FaultBroke(name, run, f"{type(error).__name__}: {error}"[:300], touched))
        else:
            self._conductor.report("show", c.FaultApplied(name, run))
            await self._mark(name, "applied")

    async def _write_down(self, name: str, run: int, plan: Plan) -> None:
        try:
            ident = await self._conductor.journal.intend(name, run, plan)
        except JournalError as error:
            raise FaultError(f"not injected: its undo cannot be written down ({error})") from error
        self._undos[name] = Undo(ident, name, run, plan, "intended")

    async def _heal(self, name: str, run: int) -> None:
        error = await self._undo(name)
        self._conductor.report("show", c.HealEnd(name, run, error))

    async def _heal_left(self, name: str) -> None:
        """An undo that the events do not speak of: the crash came between the two."""
        error = await self._undo(name)
        text = f"{name}, left by an earlier server, " + (f"could not be healed: {error}" if error else "was healed")
        self._conductor.report("show", c.Trouble(text))

    async def _undo(self, name: str) -> str | None:
        """Heal and verify within the limit; the reason when that did not work."""
        undo, driver = self._undos.get(name), self._drivers.get(name)
        if undo is None:
            return None
        if driver is None:
            return f"this show has no driver for it; its undo is {undo.plan.kind} {dict(undo.plan.undo)}"
        try:
            async with asyncio.timeout(HEAL_LIMIT_SEC):
                await driver.heal(undo.plan)
                while not await driver.is_healed(undo.plan):  # noqa: ASYNC110 - a target has no event to wait for
                    await asyncio.sleep(LOOK_EVERY_SEC)
        except TimeoutError:
            return f"{undo.plan.target} did not look healed within {HEAL_LIMIT_SEC:g} s"
        except DemoError as error:
            return str(error)
        except Exception as error:  # noqa: BLE001 - a driver's bug: said, and the undo stays in the ledger
            return f"{type(error).__name__}: {error}"[:300]
        await self._forget(name)
        return None

    async def _forget(self, name: str) -> None:
        await self._mark(name, "healed")
        self._undos.pop(name, None)

    async def _mark(self, name: str, state: str) -> None:
        """A lost disk never holds a heal up: what stays unmarked is verified again at the next start."""
        undo = self._undos.get(name)
        if undo is None:
            return
        try:
            await self._conductor.journal.mark(undo.id, state)
        except JournalError as error:
            self._conductor.report("show", c.Trouble(str(error)))

    async def heal_everything(self, limit: float) -> None:
        """On the way out: wait for what is under way, then undo all that is left, side by side.

        Raises `FaultError` naming what could not be healed.
        """
        try:
            async with asyncio.timeout(limit):
                under_way = [task for task in self._tasks.values() if not task.done()]
                for task in under_way:
                    if "injecting" in task.get_name():
                        task.cancel()
                await asyncio.gather(*under_way, return_exceptions=True)
                names = tuple(self._undos)
                errors = await asyncio.gather(*(self._undo(name) for name in names))
        except TimeoutError:
            raise FaultError(f"not healed in {limit:g} s: {', '.join(self._undos)}") from None
        failed = [f"{name}: {error}" for name, error in zip(names, errors, strict=True) if error]
        if failed:
            raise FaultError("not healed: " + "; ".join(failed))


async def _within(limit: float, work: Awaitable[T], what: str) -> T:
    try:
        async with asyncio.timeout(limit):
            return await work
    except TimeoutError:
        raise FaultError(f"{what} took longer than {limit:g} s") from None
