"""The conductor's `Stage`: each call of a deck becomes a command, issued by the chapter whose action is running."""

from collections.abc import Callable, Mapping
from typing import Any

from demo.conductor.action_runner import acting
from demo.conductor.context import ConductorContext
from demo.errors import FaultError, InvalidValue
from demo.show import ShowState
from demo.show import commands as c
from demo.show.state import ActionState
from demo.types import Measured

INJECTION_TIMEOUT_SEC = 60.0
REST_TIMEOUT_SEC = 60.0
MAX_COUNTDOWN_SEC = 3600.0


class ConductorStage:
    """What a deck may do to the show; `demo.types.Stage` documents each call.

    A call raises `FaultError` when the action that makes it was halted or timed out.
    """

    def __init__(self, context: ConductorContext) -> None:
        self._context = context

    async def inject(self, name: str) -> None:
        # A presenter is refused while all is healed and can try again; a deck runs unattended, so it waits.
        await self._context.until(lambda s: not s.system_healing, INJECTION_TIMEOUT_SEC)
        state = await self._submit(c.Inject(name))
        # The run tells this injection from a later one of the same fault.
        run = _get_run(state, name)
        await self._context.until(
            lambda s: _get_run(s, name) != run or _has_left_status(s, name, "injecting"), INJECTION_TIMEOUT_SEC
        )
        self._raise_if_failed(name)
        fault = self._context.state.fault(name)
        if fault is not None and fault.run == run and fault.injection_failed:
            raise FaultError(f"{name}: it could not be injected")

    async def heal(self, name: str) -> None:
        await self._submit(c.Heal(name))
        await self._context.until(lambda s: _is_at_rest(s, name), REST_TIMEOUT_SEC)
        self._raise_if_failed(name)

    async def say(self, text: str) -> None:
        if not isinstance(text, str):
            raise InvalidValue(f"say takes text, not {type(text).__name__}")
        if len(text) > c.MAX_SAY:
            raise InvalidValue(f"say takes up to {c.MAX_SAY} characters, not {len(text)}")
        await self._submit(c.Say(text))

    async def countdown(self, seconds: float) -> None:
        number, _ = self._find_caller()
        if not 0 <= seconds <= MAX_COUNTDOWN_SEC:
            raise InvalidValue(f"countdown takes 0 to {MAX_COUNTDOWN_SEC:g} seconds, not {seconds!r}")
        # Before the command, so that a slow disk does not make the countdown longer than it is shown.
        ends_at = self._context.clock() + seconds
        await self._submit(c.StartCountdown(number, seconds))
        await self._context.clock.sleep_until(ends_at)

    async def wait_until(self, condition: Callable[[Mapping[str, Any]], bool], timeout: float) -> bool:
        def met(state: ShowState) -> bool:
            # A stale sample shows how the system was: waiting on it could end before anything has happened.
            return state.sample is not None and state.freshness == "live" and condition(state.sample.as_documented)

        return await self._context.until(met, timeout)

    async def wait_recovered(self, name: str, timeout: float) -> bool:
        def met(state: ShowState) -> bool:
            fault = state.fault(name)
            return fault is not None and fault.has_ended and not fault.is_running

        ended = await self._context.until(met, timeout)
        return ended and self.measured(name).recovered_after_sec is not None

    async def conclude(self, held: bool | None, text: str) -> None:
        number, _ = self._find_caller()
        if held not in (True, False, None) or not isinstance(text, str):
            raise InvalidValue("conclude takes True, False or None, and text")
        await self._submit(c.Conclude(number, held, text))

    def measured(self, name: str) -> Measured:
        fault = self._context.state.fault(name)
        if fault is None:
            raise InvalidValue(f"there is no fault {name!r} in this show")
        return Measured(
            fault.detected_after_sec, fault.recovered_after_sec, fault.injected_at, fault.came_back_after_sec
        )

    def health(self) -> Mapping[str, Any] | None:
        sample = self._context.state.sample
        return sample.as_documented if sample else None

    async def _submit(self, command: c.Command) -> ShowState:
        number, run = self._find_caller()
        issuer = f"chapter {number}" if run else "deck"
        return await self._context.enqueue_and_wait(c.CommandEnvelope(issuer, command))

    def _find_caller(self) -> tuple[int, int]:
        """Return chapter and run of the action that calls; run 0 outside of an action.

        Raises `FaultError` for an action that has ended: cancelled code must not change the show any more.
        """
        caller, state = acting.get(), self._context.state
        if caller is None:
            return state.number, 0
        action = state.actions[caller.number - 1] if caller.number <= state.total else ActionState()
        if action.run != caller.run or action.status != "running":
            raise FaultError(f"the action of chapter {caller.number} is over")
        return caller.number, caller.run

    def _raise_if_failed(self, name: str) -> None:
        fault = self._context.state.fault(name)
        if fault is not None and fault.error:
            raise FaultError(f"{name}: {fault.error}")


def _get_run(state: ShowState, name: str) -> int:
    fault = state.fault(name)
    return fault.run if fault else 0


def _has_left_status(state: ShowState, name: str, status: str) -> bool:
    fault = state.fault(name)
    return fault is None or fault.state != status


def _is_at_rest(state: ShowState, name: str) -> bool:
    fault = state.fault(name)
    return fault is None or fault.state in ("idle", "failed")
