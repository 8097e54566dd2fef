"""The system behind the show: brought up beside it, healed with everything, ended with it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from demo.conductor.config import ShowConfig, Work
from demo.conductor.context import ConductorContext
from demo.conductor.fault_runner import FaultRunner
from demo.errors import DemoError, log_unexpected
from demo.show import ShowState
from demo.show import commands as c
from demo.subjects.user_code import told
from demo.timeouts import run_with_timeout

logger = logging.getLogger(__name__)

QUIET_SEC = 1.0
"""A system that takes longer to end is spoken of."""

ENDING = "removing what this show started"


class SystemLifecycle:
    """Does the work of one show's system, and says what went wrong with it. `revive`: starts a poller that ended."""

    def __init__(
        self, context: ConductorContext, faults: FaultRunner, config: ShowConfig, revive: Callable[[], None]
    ) -> None:
        self._context = context
        self._faults = faults
        self._config = config
        self._revive = revive
        self.is_ending = False
        self.is_slow = False
        """It is ending, and takes its time."""
        self.on_slow: Callable[[], None] = lambda: None

    def begin(self) -> None:
        if self._config.start_system is not None:
            self._context.spawn(self._bring_up(self._config.start_system), "the start of the system")

    async def _bring_up(self, start: Work) -> None:
        try:
            await start()
        except DemoError as error:
            self._not_started(str(error))
        except Exception as error:  # noqa: BLE001 - a subject's bug is shown, the show goes on
            log_unexpected(logger, "the start of the system", error)
            self._not_started(f"the system could not be started: {told(error)}")
        else:
            # Somebody healed meanwhile, and that failed while this had not ended.
            if self._context.state.parts_error is not None and not self._context.state.parts_healing:
                self._end(None)

    def _not_started(self, error: str) -> None:
        """A heal that is still at work says itself when it ends: until then nothing new may be broken."""
        if self._context.state.parts_healing:
            self._context.enqueue("show", c.Notice(error))
        else:
            self._end(error)

    def _end(self, error: str | None) -> None:
        self._context.enqueue("show", c.PartsHealEnd(error))

    async def heal(self) -> None:
        """Each step for itself: one that fails is said, and the next may heal all the same."""
        errors: list[str] = []
        for step in (self._heal_parts, self._heal_again, self._faults.heal_strays):
            try:
                await step()
            except DemoError as known:
                errors.append(str(known))
            except Exception as unknown:  # noqa: BLE001 - shown to the presenter
                log_unexpected(logger, "healing the system", unknown)
                errors.append(told(unknown))
        self._end("; ".join(errors) or None)

    async def _heal_parts(self) -> None:
        self._revive()
        # A fault's own heal comes first, so that two hands never start the same part.
        await self._context.until(_is_quiet, 20)
        if self._config.heal_system is not None:
            await run_with_timeout(self._config.heal_sec, self._config.heal_system(), "healing the system")

    async def _heal_again(self) -> None:
        """What could not be healed in a part that was dead or hung can be now."""
        for fault in self._context.state.faults:
            if fault.may_have_changed_target and fault.state == "failed":
                self._context.enqueue("show", c.Heal(fault.name))

    async def end(self, say: Callable[[str], Awaitable[None]]) -> None:
        """`say` is told when it takes long. Raises what the subject raises, `FaultError` when it does not end."""
        if self._config.stop_system is None:
            return
        self.is_ending = True
        # As long as it goes on, the watchdog holds back. One without an end would hold it back for good.
        ending = asyncio.ensure_future(
            run_with_timeout(self._config.stop_sec, self._config.stop_system(), "ending the system")
        )
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
