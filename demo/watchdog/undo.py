"""Undoing one fault and seeing that it worked: the same for a heal, for a restart and for the watchdog."""

import asyncio
import logging
import time

from demo.errors import DemoError, FaultError, log_unexpected
from demo.subjects.user_code import told
from demo.timeouts import run_with_timeout
from demo.types import FaultDriver, Plan, TellsLanding

logger = logging.getLogger(__name__)

HEAL_TIMEOUT_SEC = 12.0
"""Of one heal with its verification, but for the end of the last look."""

LOOK_EVERY_SEC = 0.05
LOOK_SEC = 5.0
"""What even the last look gets: one that is cut short would hide what the others saw."""

LANDING_TIMEOUT_SEC = 5.0


async def undo(driver: FaultDriver, plan: Plan) -> str | None:
    """Undo it and look until it is healed; the reason when that did not work, with what can be done by hand."""
    try:
        await _undo_and_look(driver, plan)
    except DemoError as error:
        return by_hand(str(error), plan)
    except Exception as error:  # noqa: BLE001 - a driver's bug: said, and the undo stays in the ledger
        log_unexpected(logger, f"healing {plan.target}", error)
        return by_hand(told(error), plan)
    return None


async def has_landed(driver: FaultDriver, plan: Plan) -> bool:
    """Can nothing of this injection land any more, because it is seen to have been done? Asked before it is undone.

    False for a driver that does not tell. A look that fails keeps nobody from healing.
    """
    if not isinstance(driver, TellsLanding):
        return False
    try:
        return bool(await run_with_timeout(LANDING_TIMEOUT_SEC, driver.has_landed(plan), f"looking at {plan.target}"))
    except Exception:  # noqa: BLE001 - not to know is the answer: it is looked after until nothing can land
        return False


def by_hand(why: str, plan: Plan) -> str:
    """The reason, and the command for a person to type."""
    return f"{why}. By hand: {plan.manual}" if plan.manual else why


async def _undo_and_look(driver: FaultDriver, plan: Plan) -> None:
    until = time.monotonic() + HEAL_TIMEOUT_SEC
    await run_with_timeout(HEAL_TIMEOUT_SEC, driver.heal(plan), f"healing {plan.target}")
    while True:
        left = max(LOOK_SEC, until - time.monotonic())
        if await run_with_timeout(left, driver.is_healed(plan), f"looking at {plan.target}"):
            return
        if time.monotonic() > until:
            raise FaultError(f"{plan.target} did not look healed within {HEAL_TIMEOUT_SEC:g} s")
        await asyncio.sleep(LOOK_EVERY_SEC)
