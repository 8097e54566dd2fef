"""What is left to undo: on disk and with the watchdog before anything is touched, and until it is verified."""

import asyncio
import contextlib
import math
from collections.abc import Mapping, Sequence

from demo.conductor.context import ConductorContext
from demo.errors import DemoError, FaultError, JournalError
from demo.journal import Undo
from demo.show import commands as c
from demo.timeouts import run_with_timeout
from demo.types import FaultDriver, Plan, Watchdog
from demo.watchdog.undo import by_hand, has_landed
from demo.watchdog.undo import undo as undo_fault

LEDGER_TIMEOUT_SEC = 5.0
LOOK_TIMEOUT_SEC = 10.0
HURRY_SEC = 1.0
LOOK_FIRST_SEC, MAX_LOOK_SEC = 0.5, 5.0
"""Between two looks at what an injection that was cut off may yet do."""


class UndoLedger:
    """The undos that nobody has verified yet.

    An injection that was cut off may land late: its undo is *loose* until it cannot any more, so a heal is not the
    end of it. It stays in the ledger, stays with the watchdog, and is looked at again.
    """

    def __init__(
        self, context: ConductorContext, drivers: Mapping[str, FaultDriver], watchdog: Watchdog | None
    ) -> None:
        self._context = context
        self._drivers = drivers
        self._watchdog = watchdog
        self._undos: list[Undo] = []
        self._elsewhere: dict[str, Undo] = {}
        self._known: set[str] = set()
        self._unreadable: dict[str, str] = {}
        self._unsettled_until: dict[str, float] = {}
        self._one_at_a_time: dict[str, asyncio.Lock] = {}

    @property
    def names(self) -> Sequence[str]:
        """The faults that have left something, oldest first."""
        return tuple(dict.fromkeys(undo.fault for undo in self._undos))

    async def load(self) -> None:
        """Take over what an earlier process left to undo. Raises `JournalError`."""
        self._undos = await self._context.journal.pending()
        newest = await self._context.journal.newest()
        self._known = set(newest)
        self._elsewhere = {fault: undo for fault, undo in newest.items() if undo.state == "moved"}
        await self._set_unreadable_aside(newest)
        for undo in self._undos:
            if undo.state == "intended":
                self._mark_unsettled(undo, undo.plan.late_sec)
            # Overdue: should this process end or hang before it has healed them, the watchdog does.
            with contextlib.suppress(FaultError):
                await self._hand_over(undo, 0.0)

    def go_on(self) -> None:
        """The clock tells the time of the show that is continued: how long something may land late is known now."""
        for undo in self._undos:
            if undo.state == "intended":
                late = undo.plan.late_sec - (self._context.clock() - undo.at)
                self._mark_unsettled(undo, max(0.0, min(undo.plan.late_sec, late)))

    async def _set_unreadable_aside(self, newest: Mapping[str, Undo]) -> None:
        """One row that cannot be read must not keep the others from being healed, nor the show from starting."""
        unreadable = await self._context.journal.unreadable()
        for row in unreadable:
            later = newest.get(row.fault)
            if later is None or later.at < row.at:
                self._unreadable[row.fault] = row.text
        new = [row for row in unreadable if row.is_new]
        for row in new:
            self._context.enqueue("show", c.Notice(row.text))
        if new:
            try:
                await self._context.journal.put_aside(new)
            except JournalError as error:
                self._context.enqueue("show", c.Notice(str(error)))

    # Before the deed.

    async def write_down(self, fault: str, run: int, plan: Plan, lasts_sec: float) -> Undo:
        """On disk, and with the watchdog. Raises `FaultError`: then nothing may be touched."""
        await self._supersede(fault, plan)
        try:
            at = self._context.clock()
            writing = self._context.journal.intend(fault, run, plan, at)
            ident = await run_with_timeout(LEDGER_TIMEOUT_SEC, writing, "writing the undo down")
        except (JournalError, FaultError) as error:
            raise FaultError(f"not injected: its undo cannot be written down ({error})") from error
        undo = Undo(ident, fault, run, plan, "intended", at)
        self._undos.append(undo)
        self._elsewhere.pop(fault, None)
        self._known.add(fault)
        self._unreadable.pop(fault, None)
        try:
            await self._hand_over(undo, lasts_sec)
        except BaseException as error:
            self.forget(undo)
            if isinstance(error, FaultError):
                raise FaultError(f"not injected: {error}") from error
            raise
        self._unsettled_until[undo.id] = math.inf
        return undo

    async def _hand_over(self, undo: Undo, lasts_sec: float) -> None:
        if self._watchdog is not None:
            holding = self._watchdog.hold(undo.id, undo.fault, undo.plan, lasts_sec)
            await run_with_timeout(LEDGER_TIMEOUT_SEC, holding, "starting the watchdog")

    async def _supersede(self, fault: str, plan: Plan) -> None:
        """A new injection: what an older one may still do to the same target is the new undo's to undo."""
        for undo in tuple(self._undos):
            if undo.fault == fault and undo.plan.target == plan.target:
                self.forget(undo, mark=False)
                await self._write_mark(undo, "healed")

    # After it.

    def applied(self, undo: Undo) -> None:
        """The injection has ended well: nothing of it is under way any more."""
        self._unsettled_until.pop(undo.id, None)
        if self._watchdog is not None:
            self._watchdog.applied(undo.id)
        self._mark(undo, "applied")

    def mark_interrupted(self, undo: Undo) -> None:
        """The injection has ended in some other way: it may yet land."""
        self._mark_unsettled(undo, undo.plan.late_sec)

    def _mark_unsettled(self, undo: Undo, late_sec: float) -> None:
        self._unsettled_until[undo.id] = asyncio.get_running_loop().time() + late_sec

    def late_sec(self, fault: str) -> float:
        """How long something of this fault may still land; 0 for not at all."""
        ends = [
            self._unsettled_until[undo.id]
            for undo in self._undos
            if undo.fault == fault and undo.id in self._unsettled_until
        ]
        return max(0.0, max(ends) - asyncio.get_running_loop().time()) if ends else 0.0

    async def undo(self, fault: str, *, hurry: bool = False) -> str | None:
        """Undo everything this fault has left, oldest first; the reason when one of it did not work.

        One hand at a time; in a hurry, a hand that hangs is not waited for: an undo may be done twice.
        """
        lock = self._one_at_a_time.setdefault(fault, asyncio.Lock())
        mine = asyncio.ensure_future(lock.acquire())
        await asyncio.wait({mine}, timeout=HURRY_SEC if hurry else None)
        try:
            errors = [await self._undo_one(undo) for undo in tuple(self._undos) if undo.fault == fault]
            errors.append(await self._ask_again(fault))
        finally:
            if mine.done():
                lock.release()
            else:
                mine.cancel()
        return next((error for error in errors if error is not None), None)

    async def _undo_one(self, undo: Undo) -> str | None:
        driver = self._drivers.get(undo.fault)
        if driver is None:
            return by_hand(f"no driver of this show knows it; its undo is {dict(undo.plan.undo)}", undo.plan)
        landed = self._is_cut_off(undo) and await has_landed(driver, undo.plan)
        error = await undo_fault(driver, undo.plan)
        if error is None:
            if not landed and self._unsettled_until.get(undo.id, 0.0) > asyncio.get_running_loop().time():
                self._context.spawn(self._look_again(undo, driver), f"looking again at {undo.fault}")
            else:
                self.forget(undo)
        return error

    def _is_cut_off(self, undo: Undo) -> bool:
        """Its injection was; one that is still under way is not over with the deed."""
        return asyncio.get_running_loop().time() < self._unsettled_until.get(undo.id, 0.0) < math.inf

    async def _ask_again(self, fault: str) -> str | None:
        """What another show took over is not healed because nothing of it stands here: only the target knows."""
        undo = self._elsewhere.get(fault)
        if undo is None:
            return self._missing_undo_error(fault)
        driver = self._drivers.get(fault)
        if driver is None:
            return by_hand("no driver of this show knows it; its undo was handed to another show", undo.plan)
        if not await self._is_healed(undo, driver) and (error := await undo_fault(driver, undo.plan)) is not None:
            return f"its undo was handed to another show, and here: {error}"
        if self._elsewhere.pop(fault, None) is not None:
            self._mark(undo, "healed")
        return None

    def _missing_undo_error(self, fault: str) -> str | None:
        """The show says that it is broken and the ledger never heard of it: the ledger has lost something."""
        told = self._context.state.fault(fault)
        if told is None or not told.may_have_changed_target:
            return None
        if fault in self._unreadable:
            return self._unreadable[fault]
        if fault in self._known:
            return None
        return "its undo is not in the journal: see to it by hand"

    async def _look_again(self, undo: Undo, driver: FaultDriver) -> None:
        """Until nothing of a cut-off injection can land any more; what did is undone."""
        pause = LOOK_FIRST_SEC
        while undo in self._undos and asyncio.get_running_loop().time() < self._unsettled_until.get(undo.id, 0.0):
            await asyncio.sleep(pause)
            pause = min(MAX_LOOK_SEC, pause * 2)
            async with self._one_at_a_time.setdefault(undo.fault, asyncio.Lock()):
                if undo in self._undos and not await self._is_healed(undo, driver):
                    error = await undo_fault(driver, undo.plan)
                    text = (
                        f"{undo.fault} landed late; {f'it could not be healed: {error}' if error else 'it was undone'}"
                    )
                    self._context.enqueue("show", c.Notice(text))
        self.forget(undo)

    async def _is_healed(self, undo: Undo, driver: FaultDriver) -> bool:
        try:
            return await run_with_timeout(
                LOOK_TIMEOUT_SEC, driver.is_healed(undo.plan), f"looking at {undo.plan.target}"
            )
        except DemoError:
            return False

    async def verify(self) -> bool:
        """Is all that is left healed by now, whoever did it? Looks only."""
        for undo in (*self._undos, *self._elsewhere.values()):
            driver = self._drivers.get(undo.fault)
            if driver is None or not await self._is_healed(undo, driver):
                return False
            if self.late_sec(undo.fault) > 0 and not await has_landed(driver, undo.plan):
                return False
            self.forget(undo)
        return not any(map(self._missing_undo_error, self._drivers))

    def forget(self, undo: Undo, *, mark: bool = True) -> None:
        """It is verified, or nothing was touched. Safe to call twice."""
        if undo not in self._undos:
            return
        self._undos.remove(undo)
        self._unsettled_until.pop(undo.id, None)
        if self._watchdog is not None:
            self._watchdog.release(undo.id)
        if mark:
            self._mark(undo, "healed")

    def _mark(self, undo: Undo, state: str) -> None:
        """Beside the show: no heal waits for the disk. What stays unmarked is verified again at the next start."""
        self._context.spawn(self._write_mark(undo, state), f"marking {undo.fault} as {state}")

    async def _write_mark(self, undo: Undo, state: str) -> None:
        try:
            await run_with_timeout(LEDGER_TIMEOUT_SEC, self._context.journal.mark(undo.id, state), "marking an undo")
        except (JournalError, FaultError) as error:
            self._context.enqueue("show", c.Notice(str(error)))
