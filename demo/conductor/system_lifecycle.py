"""Starts the system beside the show, heals it when somebody heals everything, and stops it at the end."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from demo.conductor.config import AsyncStep, ShowConfig
from demo.conductor.context import ConductorContext
from demo.conductor.fault_runner import FaultRunner
from demo.errors import DemoError, log_unexpected
from demo.show import ShowState
from demo.show import commands as c
from demo.subjects.user_code import describe_error
from demo.timeouts import run_with_timeout

logger = logging.getLogger(__name__)

TRANSITION_SEC = 20.0
"""How long a heal of the system waits for injections and heals of faults that are under way."""

SEEN_UP_SEC = 10.0
"""How long after its start the system may take until it is seen up; then what waits for it goes on all the same."""

QUIET_SEC = 1.0
"""A stop that takes longer than this is announced."""

ENDING = "removing what this show started"


class SystemLifecycle:
    """Starts, heals and stops one show's system, and reports errors. `revive` restarts a poller that has ended."""

    def __init__(
        self, context: ConductorContext, faults: FaultRunner, config: ShowConfig, revive: Callable[[], None]
    ) -> None:
        self._context = context
        self._faults = faults
        self._config = config
        self._revive = revive
        self._came_up = asyncio.Event()
        self.is_stopping = False
        self.is_slow = False
        """The stop takes longer than `QUIET_SEC`."""
        self.on_slow: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Start the system as a task: the show does not wait for it."""
        self._context.spawn(self._start(), "the start of the system")

    async def until_up(self) -> None:
        """Wait until the system has started, or could not, and was seen up once."""
        await self._came_up.wait()

    async def _start(self) -> None:
        try:
            if self._config.start_system is not None:
                await self._start_system(self._config.start_system)
            if self._config.health_poller is not None:
                await self._context.until(_is_up_or_failed, SEEN_UP_SEC)
        finally:
            self._came_up.set()

    async def _start_system(self, start: AsyncStep) -> None:
        try:
            await start()
        except DemoError as error:
            self._report_failed_start(str(error))
        except Exception as error:  # noqa: BLE001 - a subject's bug is shown, the show goes on
            log_unexpected(logger, "the start of the system", error)
            self._report_failed_start(f"the system could not be started: {describe_error(error)}")
        else:
            # A heal during the start failed because the system was not up yet; now it is.
            if self._context.state.system_error is not None and not self._context.state.system_healing:
                self._report_outcome(None)

    def _report_failed_start(self, error: str) -> None:
        """Report a failed start, as a notice while a heal of the system is running.

        That heal reports its own outcome when it ends; until then the show must go on refusing new faults.
        """
        if self._context.state.system_healing:
            self._context.enqueue("show", c.Notice(error))
        else:
            self._report_outcome(error)

    def _report_outcome(self, error: str | None) -> None:
        self._context.enqueue("show", c.SystemHealFinished(error))

    async def heal(self) -> None:
        """Heal everything, in three steps; a step that fails is reported and does not keep the next from running."""
        errors: list[str] = []
        for step in (self._heal_system, self._retry_failed_faults, self._faults.heal_faults_not_in_deck):
            try:
                await step()
            except DemoError as known:
                errors.append(str(known))
            except Exception as unknown:  # noqa: BLE001 - reported to the presenter
                log_unexpected(logger, "healing the system", unknown)
                errors.append(describe_error(unknown))
        self._report_outcome("; ".join(errors) or None)

    async def _heal_system(self) -> None:
        self._revive()
        # Heals of faults go first, so that two of them never start the same node at once.
        await self._context.until(_has_no_fault_in_transition, TRANSITION_SEC)
        if self._config.heal_system is not None:
            await run_with_timeout(self._config.heal_sec, self._config.heal_system(), "healing the system")

    async def _retry_failed_faults(self) -> None:
        """Heal faults again whose heal has failed: a target that was dead or hung may answer now."""
        for fault in self._context.state.faults:
            if fault.may_have_changed_target and fault.state == "failed":
                self._context.enqueue("show", c.Heal(fault.name))

    async def stop(self, say: Callable[[str], Awaitable[None]]) -> None:
        """Stop the system. `say` is called when that takes longer than `QUIET_SEC`.

        Raises what the subject raises, and `FaultError` when the stop takes too long.
        """
        if self._config.stop_system is None:
            return
        self.is_stopping = True
        # With a timeout: the watchdog does not heal while we live, so a stop that hangs would block it for ever.
        ending = asyncio.ensure_future(
            run_with_timeout(self._config.stop_sec, self._config.stop_system(), "stopping the system")
        )
        try:
            if not (await asyncio.wait({ending}, timeout=QUIET_SEC))[0]:
                self.is_slow = True
                self.on_slow()
                await say(ENDING)
        finally:
            await ending


def _has_no_fault_in_transition(state: ShowState) -> bool:
    """Return whether no fault is being injected or healed."""
    return not any(fault.state in ("injecting", "healing") for fault in state.faults)


def _is_up_or_failed(state: ShowState) -> bool:
    is_up = state.sample is not None and state.freshness == "live" and not state.sample.has_issues
    return is_up or state.system_error is not None
