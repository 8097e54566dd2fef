"""What the watchdog runs when the server is gone: undo what it left, with the subject's own drivers.

Told on stdin, as one JSON object: `subject`, `options`, `journal` (a path or null), and `undos`, each with `hold`
(its id), `fault` and `plan`. Says on stdout, a line each: `{"id": …, "why": null}` or why it could not be healed.
Heals first, and records in the journal after, if it can: a stopped server may hold the file's lock.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from demo.conductor.undoing import by_hand, undo
from demo.errors import DemoError
from demo.journal import note_healed
from demo.subjects import load
from demo.types import FaultDriver, Plan, Subject


def main() -> None:
    """Never a traceback: whatever goes wrong is a reason."""
    order = json.load(sys.stdin)
    try:
        subject = load(order["subject"], **order["options"])
    except Exception as error:  # noqa: BLE001 - the user's own subject may raise anything
        _say_all(order, f"the subject {order['subject']} cannot be made: {error}")
        return
    asyncio.run(_mend(subject, order))


def _say_all(order: Mapping[str, Any], why: str) -> None:
    for each in order["undos"]:
        _say(each["hold"], by_hand(why, Plan(**each["plan"])))


def _say(ident: str, why: str | None) -> None:
    print(json.dumps({"id": ident, "why": why}), flush=True)


async def _mend(subject: Subject, order: Mapping[str, Any]) -> None:
    drivers = {driver.config.name: driver for driver in subject.faults}
    try:
        healed = await asyncio.gather(*(_mend_one(drivers, each) for each in order["undos"]))
    finally:
        await subject.stop()
    done = [ident for ident in healed if ident is not None]
    if order["journal"] and done:
        try:
            note_healed(Path(order["journal"]), done)
        except DemoError as error:
            print(f"demo watchdog: healed, but not noted: {error}", file=sys.stderr)


async def _mend_one(drivers: Mapping[str, FaultDriver], each: Mapping[str, Any]) -> str | None:
    plan, driver = Plan(**each["plan"]), drivers.get(each["fault"])
    if driver is None:
        why: str | None = by_hand(f"{each['fault']} has no driver in this subject", plan)
    else:
        why = await undo(driver, plan)
    _say(each["hold"], why)
    return each["hold"] if why is None else None


if __name__ == "__main__":
    main()
