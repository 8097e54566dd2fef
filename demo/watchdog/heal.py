"""What the watchdog runs when the server is gone: undo one fault that it left, with the subject's own driver.

Told on stdin, as one JSON object: `subject`, `options`, `journal` (a path or null), `hold` (the undo's id), `fault`,
`plan`, `gone`: whether the server has ended, and `final`: whether nothing of the injection can land any more. Says one
line on stdout: `{"why": null}`, or why it could not be healed; with `final` when that was the last look, noted in the
journal (else with `unnoted`, why not); with `already` when somebody had noted it before, so that nothing was touched.

Nothing of the subject runs here but the driver's `heal`, `is_healed` and `has_landed`: the system is not ours to start
or to end. What the driver starts lives on after this process, so it inherits nothing that ends with it.
"""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

from demo.errors import DemoError, FaultError, log_unexpected
from demo.journal import note_healed, state_of_undo
from demo.journal.show_log import hold_records, log_beside
from demo.subjects import load
from demo.subjects.user_code import told
from demo.types import FaultDriver, Plan, Subject
from demo.watchdog.undo import by_hand, has_landed, undo

logger = logging.getLogger("demo.watchdog.heal")

LEFT_TO_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
"""Ignored by the interpreter itself, which does not hand that on to what it starts."""


def main() -> None:
    """Never a traceback: whatever goes wrong is a reason."""
    order = json.load(sys.stdin)
    answers = _with_own_streams()
    _with_default_signals()
    plan = Plan(**order["plan"])
    hold_records()
    if (journal := _journal(order)) is not None:
        log_beside(journal)
    try:
        if _is_noted(order):
            _end(answers, {"why": None, "already": True})
        driver = _driver(load(order["subject"], **order["options"]), order["fault"])
        # Ends inside: to close the loop would wait for what the driver still has open, and end what it started.
        asyncio.run(_heal(driver, plan, order, answers))
    except DemoError as error:
        _end(answers, {"why": by_hand(str(error), plan)})
    except BaseException as error:  # noqa: BLE001 - the user's own subject may raise anything, an exit too
        log_unexpected(logger, f"healing {order['fault']}", error)
        _end(answers, {"why": by_hand(told(error), plan)})


def _with_own_streams() -> int:
    """Read from and print to nothing, as a daemon does; returns the descriptor for the answer, which no child gets.

    The watchdog's pipes end with this process: a child that had them would break at its first line of output.
    """
    answers = os.dup(sys.stdout.fileno())
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        os.dup2(nothing, stream.fileno())
    os.close(nothing)
    return answers


def _with_default_signals() -> None:
    """The watchdog ignores what would end it, the server's starter may have too: no child is to inherit that."""
    for number in signal.valid_signals() - set(LEFT_TO_PYTHON):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _end(answers: int, answer: Mapping[str, Any]) -> NoReturn:
    """At once: a thread, a task or a connection of the driver's must not keep this process."""
    os.write(answers, json.dumps(answer).encode() + b"\n")
    os._exit(0)


def _journal(order: Mapping[str, Any]) -> Path | None:
    return Path(order["journal"]) if order["journal"] else None


def _is_noted(order: Mapping[str, Any]) -> bool:
    """Somebody else has seen to it."""
    journal = _journal(order)
    return journal is not None and state_of_undo(journal, order["hold"]) in ("healed", "moved")


async def _heal(driver: FaultDriver, plan: Plan, order: Mapping[str, Any], answers: int) -> None:
    landed = await has_landed(driver, plan)
    why = await undo(driver, plan)
    final = why is None and (order["final"] or (order["gone"] and landed))
    answer = {"why": why, "final": final}
    if final and (journal := _journal(order)) is not None:
        try:
            note_healed(journal, order["hold"])
        except DemoError as error:
            answer["unnoted"] = str(error)
    _end(answers, answer)


def _driver(subject: Subject, name: str) -> FaultDriver:
    for driver in subject.faults:
        if driver.config.name == name:
            return driver
    raise FaultError(f"{name} has no driver in this subject")


if __name__ == "__main__":
    main()
