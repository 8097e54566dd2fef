"""Undoes one fault and verifies it: the same code for a heal, a restart and the watchdog."""

import asyncio
import logging
import time
from typing import Protocol, runtime_checkable

from demo.errors import DemoError, FaultError, log_unexpected
from demo.subjects.user_code import describe_error
from demo.timeouts import run_with_timeout
from demo.types import FaultDriver, Plan, TellsLanding

logger = logging.getLogger(__name__)

HEAL_TIMEOUT_SEC = 12.0
"""Timeout of one heal with its verification, unless its driver tells another; only the last check may go beyond it."""

MAX_HEAL_TIMEOUT_SEC = 40.0
"""The most that a driver may ask for: the watchdog ends an attempt after 45 s."""

CHECK_INTERVAL_SEC = 0.05
CHECK_TIMEOUT_SEC = 5.0
"""Timeout of a check. Even the last one gets all of it: cut short, it would report a timeout and not the real state."""

LANDING_TIMEOUT_SEC = 5.0


@runtime_checkable
class TellsHealTimeout(Protocol):
    """Optional for a driver: with it, its faults have another time to heal than the usual one."""

    def heal_timeout(self, plan: Plan) -> float:
        """Return for how many seconds a heal and its checks may go on before the fault counts as not healed."""


async def undo(driver: FaultDriver, plan: Plan) -> str | None:
    """Undo a fault and verify it; return None, or the reason with the command for a person to type."""
    try:
        await _undo_and_verify(driver, plan)
    except DemoError as error:
        return with_manual_command(str(error), plan)
    except Exception as error:  # noqa: BLE001 - a driver's bug: reported, and the undo stays pending
        log_unexpected(logger, f"healing {plan.target}", error)
        return with_manual_command(describe_error(error), plan)
    return None


async def has_landed(driver: FaultDriver, plan: Plan) -> bool:
    """Return whether the injection has taken full effect, so that nothing of it can come later. Ask before the undo.

    False for a driver that cannot tell, and when the check fails: that must not keep anybody from healing.
    """
    if not isinstance(driver, TellsLanding):
        return False
    try:
        return bool(await run_with_timeout(LANDING_TIMEOUT_SEC, driver.has_landed(plan), f"checking {plan.target}"))
    except Exception:  # noqa: BLE001 - unknown counts as no: the target is checked until it is settled
        return False


def with_manual_command(why: str, plan: Plan) -> str:
    """Return the reason, followed by the command for a person to type where the plan has one."""
    return f"{why}. By hand: {plan.manual}" if plan.manual else why


async def _undo_and_verify(driver: FaultDriver, plan: Plan) -> None:
    timeout_sec = HEAL_TIMEOUT_SEC
    if isinstance(driver, TellsHealTimeout):
        timeout_sec = min(driver.heal_timeout(plan), MAX_HEAL_TIMEOUT_SEC)
    deadline = time.monotonic() + timeout_sec
    await run_with_timeout(timeout_sec, driver.heal(plan), f"healing {plan.target}")
    # A target may need a moment to look healed after its undo: a container that starts, a node that rejoins.
    while True:
        left_sec = max(CHECK_TIMEOUT_SEC, deadline - time.monotonic())
        if await run_with_timeout(left_sec, driver.is_healed(plan), f"checking {plan.target}"):
            return
        # Only after a check: the target gets a last chance, even if the heal itself took all the time.
        if time.monotonic() > deadline:
            raise FaultError(f"{plan.target} was not healed within {timeout_sec:g} s")
        await asyncio.sleep(CHECK_INTERVAL_SEC)
