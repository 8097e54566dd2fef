"""What the watchdog runs when the server is gone: undo one fault that it left, with the subject's own driver.

Told on stdin, as one JSON object: `subject`, `options`, `journal` (a path or null), `hold` (the undo's id), `fault`,
`plan`, `gone`: whether the server has ended, and `final`: whether nothing of the injection can land any more. Says one
line on stdout: `{"why": null}`, or why it could not be healed; with `final` when that was the last look, noted in the
journal; with `already` when somebody had noted it before, so that nothing was touched.
"""

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from demo.conductor.undoing import by_hand, has_landed, undo
from demo.errors import DemoError, FaultError
from demo.journal import note_healed, state_of_undo
from demo.subjects import load
from demo.types import FaultDriver, Plan, Subject
from demo.user_code import told
from demo.voice import clean_stderr

STOP_SEC = 3.0


def main() -> None:
    """Never a traceback: whatever goes wrong is a reason. What drivers print is no answer, so it goes to stderr."""
    clean_stderr()
    answers = os.dup(sys.stdout.fileno())
    os.set_inheritable(answers, False)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    order = json.load(sys.stdin)
    try:
        answer = _answer(order)
    except Exception as error:  # noqa: BLE001 - the user's own subject may raise anything
        answer = {"why": by_hand(told(error), Plan(**order["plan"]))}
    os.write(answers, json.dumps(answer).encode() + b"\n")
    # A thread of a driver's that never ends must not keep this process.
    os._exit(0)


def _answer(order: Mapping[str, Any]) -> dict[str, Any]:
    journal = Path(order["journal"]) if order["journal"] else None
    if journal is not None and state_of_undo(journal, order["hold"]) in ("healed", "moved"):
        return {"why": None, "already": True}
    plan = Plan(**order["plan"])
    try:
        subject = load(order["subject"], **order["options"])
        driver = _driver(subject, order["fault"])
    except DemoError as error:
        return {"why": by_hand(str(error), plan)}
    why, landed = asyncio.run(_mend(subject, driver, plan))
    final = why is None and (order["final"] or (order["gone"] and landed))
    if final and journal is not None:
        try:
            note_healed(journal, order["hold"])
        except DemoError as error:
            print(f"healed, but not noted: {error}", file=sys.stderr)
    return {"why": why, "final": final}


def _driver(subject: Subject, name: str) -> FaultDriver:
    for driver in subject.faults:
        if driver.config.name == name:
            return driver
    raise FaultError(f"{name} has no driver in this subject")


async def _mend(subject: Subject, driver: FaultDriver, plan: Plan) -> tuple[str | None, bool]:
    """Why it is not healed, and whether the injection was seen to have landed."""
    landed = await has_landed(driver, plan)
    why = await undo(driver, plan)
    with contextlib.suppress(Exception):  # it was never started: what it cannot let go of ends with this process
        await asyncio.wait_for(subject.stop(), STOP_SEC)
    return why, landed


if __name__ == "__main__":
    main()
