"""The undo ledger: the recorded undo of each fault, kept until the heal is verified.

An undo is on disk and with the watchdog before its target is touched.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from demo.conductor.context import ConductorContext
from demo.errors import DemoError, FaultError, JournalError, log_unexpected
from demo.journal import Undo
from demo.show import commands as c
from demo.timeouts import run_with_timeout
from demo.types import FaultDriver, Plan
from demo.watchdog.protocol import Watchdog
from demo.watchdog.undo import has_landed, with_manual_command
from demo.watchdog.undo import undo as undo_fault

logger = logging.getLogger(__name__)

DriverFor = Callable[[str, Plan], FaultDriver | None]
"""Returns a driver that heals the plan of a fault, given by name; None if the show's own fault of that name does."""

LEDGER_TIMEOUT_SEC = 5.0
CHECK_TIMEOUT_SEC = 10.0
HURRY_SEC = 1.0
FIRST_CHECK_INTERVAL_SEC, MAX_CHECK_INTERVAL_SEC = 0.5, 5.0
"""Pause between two checks of the target of an interrupted injection."""


class UndoLedger:
    """The undos whose heal nobody has verified yet.

    An interrupted injection may still take effect after its heal. Until that is impossible its undo is *unsettled*: it
    stays in the ledger and with the watchdog after a heal, and its target is checked again.
    """

    def __init__(
        self,
        context: ConductorContext,
        drivers: Mapping[str, FaultDriver],
        watchdog: Watchdog | None,
        driver_for: DriverFor,
    ) -> None:
        self._context = context
        self._drivers = drivers
        self._driver_for = driver_for
        # By undo id, the drivers of what an earlier process left: the deck may have another fault of that name now.
        self._planned_drivers: dict[str, FaultDriver] = {}
        self._watchdog = watchdog
        self._undos: list[Undo] = []
        # Undos that another show took over: not ours to heal, but healed is only what the target says.
        self._moved: dict[str, Undo] = {}
        # Every fault with an undo in the journal, healed ones included: tells a healed fault from a lost undo.
        self._recorded_faults: set[str] = set()
        self._unreadable: dict[str, str] = {}
        # By undo id, a time of the loop's clock; `math.inf` while the injection runs.
        self._unsettled_until: dict[str, float] = {}
        self._locks: dict[str, asyncio.Lock] = {}
        self._marking: set[asyncio.Task[None]] = set()
        """Tasks that write the new state of an undo to disk."""

    @property
    def names(self) -> Sequence[str]:
        """The faults that have left something, oldest first."""
        return tuple(dict.fromkeys(undo.fault for undo in self._undos))

    async def load(self) -> None:
        """Read the undos that an earlier process left pending, and give them to the watchdog. Raises `JournalError`."""
        self._undos = await self._context.journal.pending()
        newest_by_fault = await self._context.journal.newest()
        self._recorded_faults = set(newest_by_fault)
        self._moved = {fault: undo for fault, undo in newest_by_fault.items() if undo.state == "moved"}
        self._make_planned_drivers((*self._undos, *self._moved.values()))
        await self._set_unreadable_aside(newest_by_fault)
        for undo in self._undos:
            # Written but not marked as applied: the injection may have been under way when the process ended.
            if undo.state == "intended":
                self._mark_unsettled(undo, undo.plan.late_sec)
            # A duration of 0: should this process die or hang before it has healed them, the watchdog heals at once.
            with contextlib.suppress(FaultError):
                await self._give_to_watchdog(undo, 0.0)

    def _make_planned_drivers(self, undos: Iterable[Undo]) -> None:
        for undo in undos:
            try:
                driver = self._driver_for(undo.fault, undo.plan)
            except Exception as error:  # noqa: BLE001 - one damaged plan keeps neither the others nor the show back
                log_unexpected(logger, f"making a driver for what {undo.fault} left", error)
                continue
            if driver is not None:
                self._planned_drivers[undo.id] = driver

    def _find_driver(self, undo: Undo) -> FaultDriver | None:
        return self._planned_drivers.get(undo.id) or self._drivers.get(undo.fault)

    def resume_clock(self) -> None:
        """Shorten the time for which undos stay unsettled by what has passed since they were written.

        Called once the clock continues the time of the earlier process: before that, their age is not known.
        """
        for undo in self._undos:
            if undo.state == "intended":
                late = undo.plan.late_sec - (self._context.clock() - undo.at)
                self._mark_unsettled(undo, max(0.0, min(undo.plan.late_sec, late)))

    async def _set_unreadable_aside(self, newest_by_fault: Mapping[str, Undo]) -> None:
        """Mark undos that cannot be read, so that they are not pending any more, and notify the presenter.

        One damaged row must keep neither the other undos from being healed nor the show from starting.
        """
        unreadable = await self._context.journal.unreadable()
        for row in unreadable:
            newer = newest_by_fault.get(row.fault)
            if newer is None or newer.at < row.at:
                self._unreadable[row.fault] = row.text
        new = [row for row in unreadable if row.is_new]
        for row in new:
            self._context.enqueue("show", c.Notice(row.text))
        if new:
            try:
                await self._context.journal.set_aside(new)
            except JournalError as error:
                self._context.enqueue("show", c.Notice(str(error)))

    # Before the injection.

    async def record(self, fault: str, run: int, plan: Plan, lasts_sec: float) -> Undo:
        """Write an undo to disk and give it to the watchdog, before its target is touched; return it.

        `lasts_sec`: the duration of the fault, `math.inf` until healed. Raises `FaultError`: then the fault must not be
        injected.
        """
        await self._supersede(fault, plan)
        try:
            at = self._context.clock()
            writing = self._context.journal.record_undo(fault, run, plan, at)
            ident = await run_with_timeout(LEDGER_TIMEOUT_SEC, writing, "saving the undo")
        except (JournalError, FaultError) as error:
            raise FaultError(f"not injected: its undo cannot be saved ({error})") from error
        undo = Undo(ident, fault, run, plan, "intended", at)
        self._undos.append(undo)
        self._moved.pop(fault, None)
        self._recorded_faults.add(fault)
        self._unreadable.pop(fault, None)
        try:
            await self._give_to_watchdog(undo, lasts_sec)
        except BaseException as error:
            self.forget(undo)
            if isinstance(error, FaultError):
                raise FaultError(f"not injected: {error}") from error
            raise
        self._unsettled_until[undo.id] = math.inf
        return undo

    async def _give_to_watchdog(self, undo: Undo, lasts_sec: float) -> None:
        if self._watchdog is not None:
            holding = self._watchdog.hold(undo.id, undo.fault, undo.plan, lasts_sec)
            await run_with_timeout(LEDGER_TIMEOUT_SEC, holding, "starting the watchdog")

    async def _supersede(self, fault: str, plan: Plan) -> None:
        """Settle older undos of the same fault and target.

        Whatever an older, interrupted injection may still do there is undone by the new undo.
        """
        for undo in tuple(self._undos):
            if undo.fault == fault and undo.plan.target == plan.target:
                # Awaited instead of marked in a task: the old undo is settled before the new one is written.
                self.forget(undo, mark=False)
                await self._write_mark(undo, "healed")

    # After the injection.

    def mark_applied(self, undo: Undo) -> None:
        """Note that the injection has succeeded: nothing of it is under way any more."""
        self._unsettled_until.pop(undo.id, None)
        if self._watchdog is not None:
            self._watchdog.applied(undo.id)
        self._mark(undo, "applied")

    def mark_interrupted(self, undo: Undo) -> None:
        """Note that the injection did not end normally: it may still take effect for `late_sec` of its plan."""
        self._mark_unsettled(undo, undo.plan.late_sec)

    def _mark_unsettled(self, undo: Undo, late_sec: float) -> None:
        self._unsettled_until[undo.id] = asyncio.get_running_loop().time() + late_sec

    def late_sec(self, fault: str) -> float:
        """Return for how many seconds an injection of this fault may still take effect; 0 when none can."""
        ends = [
            self._unsettled_until[undo.id]
            for undo in self._undos
            if undo.fault == fault and undo.id in self._unsettled_until
        ]
        return max(0.0, max(ends) - asyncio.get_running_loop().time()) if ends else 0.0

    async def undo(self, fault: str, *, hurry: bool = False) -> str | None:
        """Undo everything that this fault has left, oldest first; return the reason when one undo failed.

        Undos of one fault run one at a time. With `hurry` (at shutdown) an undo that hangs is waited for only
        `HURRY_SEC`; then it may run twice, which is harmless.
        """
        lock = self._locks.setdefault(fault, asyncio.Lock())
        acquiring = asyncio.ensure_future(lock.acquire())
        await asyncio.wait({acquiring}, timeout=HURRY_SEC if hurry else None)
        try:
            errors = [await self._undo_one(undo) for undo in tuple(self._undos) if undo.fault == fault]
            errors.append(await self._heal_moved(fault))
        finally:
            if acquiring.done():
                lock.release()
            else:
                acquiring.cancel()
        return next((error for error in errors if error is not None), None)

    async def _undo_one(self, undo: Undo) -> str | None:
        driver = self._find_driver(undo)
        if driver is None:
            return with_manual_command(
                f"this show has no fault of that name; its recorded undo is {dict(undo.plan.undo)}", undo.plan
            )
        # Asked before the undo, for afterwards the target no longer shows whether the injection was completed.
        landed = self._may_take_effect_late(undo) and await has_landed(driver, undo.plan)
        error = await undo_fault(driver, undo.plan)
        if error is None:
            if not landed and self._unsettled_until.get(undo.id, 0.0) > asyncio.get_running_loop().time():
                self._context.spawn(self._recheck_until_settled(undo, driver), f"checking {undo.fault} again")
            else:
                self.forget(undo)
        return error

    def _may_take_effect_late(self, undo: Undo) -> bool:
        """Return whether the injection was interrupted and may still take effect; False while it is under way."""
        return asyncio.get_running_loop().time() < self._unsettled_until.get(undo.id, 0.0) < math.inf

    async def _heal_moved(self, fault: str) -> str | None:
        """Heal a fault whose undo was moved to another show; return the reason when that failed.

        An empty ledger proves nothing here: only a check of the target tells whether the other show has healed it.
        """
        undo = self._moved.get(fault)
        if undo is None:
            return self._explain_missing_undo(fault)
        driver = self._find_driver(undo)
        if driver is None:
            return with_manual_command(
                "this show has no fault of that name; its undo was moved to another show", undo.plan
            )
        if not await self._is_healed(undo, driver) and (error := await undo_fault(driver, undo.plan)) is not None:
            return f"its undo was moved to another show, and healing it here failed: {error}"
        if self._moved.pop(fault, None) is not None:
            self._mark(undo, "healed")
        return None

    def _explain_missing_undo(self, fault: str) -> str | None:
        """Return why a fault cannot be healed whose undo is not in the ledger; None when nothing is missing.

        Something is missing when the show says that the target may be changed and the journal has no undo of it.
        """
        state = self._context.state.fault(fault)
        if state is None or not state.may_have_changed_target:
            return None
        if fault in self._unreadable:
            return self._unreadable[fault]
        if fault in self._recorded_faults:
            return None
        return "its undo is not in the journal: check and repair the target by hand"

    async def _recheck_until_settled(self, undo: Undo, driver: FaultDriver) -> None:
        """Check the target of an interrupted injection, and undo what took effect late, until nothing can any more."""
        pause_sec = FIRST_CHECK_INTERVAL_SEC
        while undo in self._undos and asyncio.get_running_loop().time() < self._unsettled_until.get(undo.id, 0.0):
            await asyncio.sleep(pause_sec)
            pause_sec = min(MAX_CHECK_INTERVAL_SEC, pause_sec * 2)
            async with self._locks.setdefault(undo.fault, asyncio.Lock()):
                if undo in self._undos and not await self._is_healed(undo, driver):
                    error = await undo_fault(driver, undo.plan)
                    text = (
                        f"{undo.fault} took effect late; "
                        f"{f'it could not be healed: {error}' if error else 'it was undone'}"
                    )
                    self._context.enqueue("show", c.Notice(text))
        self.forget(undo)

    async def _is_healed(self, undo: Undo, driver: FaultDriver) -> bool:
        try:
            return await run_with_timeout(
                CHECK_TIMEOUT_SEC, driver.is_healed(undo.plan), f"checking {undo.plan.target}"
            )
        except DemoError:
            return False

    async def verify(self) -> bool:
        """Return whether all targets are healed by now, whoever healed them. Only checks, heals nothing."""
        for undo in (*self._undos, *self._moved.values()):
            driver = self._find_driver(undo)
            if driver is None or not await self._is_healed(undo, driver):
                return False
            if self.late_sec(undo.fault) > 0 and not await has_landed(driver, undo.plan):
                return False
            self.forget(undo)
        return not any(map(self._explain_missing_undo, self._drivers))

    def forget(self, undo: Undo, *, mark: bool = True) -> None:
        """Remove an undo: its heal is verified, or its target was never touched. Safe to call twice."""
        if undo not in self._undos:
            return
        self._undos.remove(undo)
        self._unsettled_until.pop(undo.id, None)
        if self._watchdog is not None:
            self._watchdog.release(undo.id)
        if mark:
            self._mark(undo, "healed")

    def _mark(self, undo: Undo, state: str) -> None:
        """Write the new state of an undo to disk, in a task: no heal waits for the disk.

        An undo that stays unmarked is verified again at the next start.
        """
        task = self._context.spawn(self._write_mark(undo, state), f"marking {undo.fault} as {state}")
        self._marking.add(task)
        task.add_done_callback(self._marking.discard)

    async def finish_marking(self, within_sec: float) -> None:
        """Wait, at shutdown, until the new states of undos are on disk; `within_sec` at most."""
        if self._marking:
            await asyncio.wait(set(self._marking), timeout=within_sec)

    async def _write_mark(self, undo: Undo, state: str) -> None:
        try:
            await run_with_timeout(LEDGER_TIMEOUT_SEC, self._context.journal.mark(undo.id, state), "marking an undo")
        except (JournalError, FaultError) as error:
            self._context.enqueue("show", c.Notice(str(error)))
