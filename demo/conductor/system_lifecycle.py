"""The system behind the show: brought up beside it, healed with everything, ended with it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from demo.conductor.fault_runner import Faults
from demo.errors import DemoError
from demo.show import ShowState
from demo.show import commands as c
from demo.subjects.user_code import told
from demo.timeouts import within
from demo.types import HEAL_SEC, STOP_SEC

if TYPE_CHECKING:
    from demo.conductor.conductor import Conductor

QUIET_SEC = 1.0
"""A system that takes longer to end is spoken of."""

ENDING = "removing what this show started"

Work = Callable[[], Awaitable[None]]


@dataclass(frozen=True)
class SystemWork:
    """What a subject does with its system; None for nothing. `heal_sec`, `stop_sec`: what they may take, in seconds."""

    start: Work | None = None
    heal: Work | None = None
    stop: Work | None = None
    heal_sec: float = HEAL_SEC
    stop_sec: float = STOP_SEC


class SystemBehind:
    """Does the work of one show's system, and says what went wrong with it."""

    def __init__(self, conductor: "Conductor", faults: Faults, work: SystemWork) -> None:
        self._conductor = conductor
        self._faults = faults
        self._work = work
        self.is_ending = False
        self.is_slow = False
        """It is ending, and takes its time."""
        self.on_slow: Callable[[], None] = lambda: None

    def begin(self) -> None:
        if self._work.start is not None:
            self._conductor.spawn(self._bring_up(self._work.start), "the start of the system")

    async def _bring_up(self, start: Work) -> None:
        try:
            await start()
        except DemoError as error:
            self._not_started(str(error))
        except Exception as error:  # noqa: BLE001 - a subject's bug is shown, the show goes on
            self._not_started(f"the system could not be started: {told(error)}")
        else:
            # Somebody healed meanwhile, and that failed while this had not ended.
            if self._conductor.state.parts_error is not None and not self._conductor.state.parts_healing:
                self._end(None)

    def _not_started(self, error: str) -> None:
        """A heal that is still at work says itself when it ends: until then nothing new may be broken."""
        if self._conductor.state.parts_healing:
            self._conductor.report("show", c.Trouble(error))
        else:
            self._end(error)

    def _end(self, error: str | None) -> None:
        self._conductor.report("show", c.PartsHealEnd(error))

    async def heal(self) -> None:
        """Each step for itself: one that fails is said, and the next may heal all the same."""
        errors: list[str] = []
        for step in (self._heal_parts, self._heal_again, self._faults.heal_strays):
            try:
                await step()
            except DemoError as known:
                errors.append(str(known))
            except Exception as unknown:  # noqa: BLE001 - shown to the presenter
                errors.append(told(unknown))
        self._end("; ".join(errors) or None)

    async def _heal_parts(self) -> None:
        self._conductor.health.revive()
        # A fault's own heal comes first, so that two hands never start the same part.
        await self._conductor.until(_is_quiet, 20)
        if self._work.heal is not None:
            await within(self._work.heal_sec, self._work.heal(), "healing the system")

    async def _heal_again(self) -> None:
        """What could not be healed in a part that was dead or hung can be now."""
        for fault in self._conductor.state.faults:
            if fault.touched and fault.state == "failed":
                self._conductor.report("show", c.Heal(fault.name))

    async def end(self, say: Callable[[str], Awaitable[None]]) -> None:
        """`say` is told when it takes long. Raises what the subject raises, `FaultError` when it does not end."""
        if self._work.stop is None:
            return
        self.is_ending = True
        # As long as it goes on, the watchdog holds back. One without an end would hold it back for good.
        ending = asyncio.ensure_future(within(self._work.stop_sec, self._work.stop(), "ending the system"))
        try:
            if not (await asyncio.wait({ending}, timeout=QUIET_SEC))[0]:
                self.is_slow = True
                self.on_slow()
                await say(ENDING)
        finally:
            await ending


def _is_quiet(state: ShowState) -> bool:
    """No fault is being injected or healed."""
    return not any(fault.state in ("injecting", "healing") for fault in state.faults)
