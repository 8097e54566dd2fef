"""The watchdog's healing process: undoes one fault of a server that is gone, with the subject's own driver.

Reads one JSON object from stdin: `subject`, `options`, `journal` (a path or null), `hold` (the undo's id), `fault`,
`plan`, `gone` (whether the server has terminated), and `final` (whether the injection can no longer take effect late).
Writes one line to stdout: `{"why": null}`, or why the fault could not be healed. `final` is added when no further
check is needed and the heal is marked in the journal (with `unnoted`, the reason, when it could not be marked);
`already` when the journal had it healed before, so that the target was not touched.

Of the subject only the driver's `heal`, `is_healed` and `has_landed` are called: the system is not ours to start or to
stop. What the driver starts outlives this process, so it must not inherit anything that ends with it.
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
from demo.journal.show_log import buffer_log_records, start_log_file
from demo.show.following import HealsPlans
from demo.subjects.registry import load
from demo.subjects.user_code import describe_error
from demo.types import FaultDriver, Plan, Subject
from demo.watchdog.undo import has_landed, undo, with_manual_command

logger = logging.getLogger("demo.watchdog.heal")

LEFT_TO_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
"""Signals that the interpreter itself ignores; `subprocess` restores those in its children."""


def main() -> None:
    """Heal one fault. Whatever goes wrong becomes the answer, never a traceback."""
    order = json.load(sys.stdin)
    answers = _detach_streams()
    _restore_default_signals()
    plan = Plan(**order["plan"])
    buffer_log_records()
    if (journal := _get_journal_path(order)) is not None:
        start_log_file(journal)
    try:
        if _is_healed_elsewhere(order):
            _answer_and_exit(answers, {"why": None, "already": True})
        driver = _find_driver(load(order["subject"], **order["options"]), order["fault"], plan)
        # Exits inside: closing the loop would wait for what the driver left open, and kill what it started.
        asyncio.run(_heal(driver, plan, order, answers))
    except DemoError as error:
        _answer_and_exit(answers, {"why": with_manual_command(str(error), plan)})
    except BaseException as error:  # noqa: BLE001 - code of the user may raise anything, even SystemExit
        log_unexpected(logger, f"healing {order['fault']}", error)
        _answer_and_exit(answers, {"why": with_manual_command(describe_error(error), plan)})


def _detach_streams() -> int:
    """Point the standard streams at /dev/null, as a daemon does, and return a descriptor for the answer.

    No child inherits that descriptor, nor the watchdog's pipes, which end with this process: a child that had them
    would fail at its first line of output.
    """
    answers = os.dup(sys.stdout.fileno())
    devnull = os.open(os.devnull, os.O_RDWR)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        os.dup2(devnull, stream.fileno())
    os.close(devnull)
    return answers


def _restore_default_signals() -> None:
    """Stop ignoring signals, so that no child inherits that.

    The watchdog ignores those that would end it, and whoever started the server may have ignored others.
    """
    for number in signal.valid_signals() - set(LEFT_TO_PYTHON):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _answer_and_exit(answers: int, answer: Mapping[str, Any]) -> NoReturn:
    """Write the answer and exit at once: no thread, task or connection of the driver may delay this."""
    os.write(answers, json.dumps(answer).encode() + b"\n")
    os._exit(0)


def _get_journal_path(order: Mapping[str, Any]) -> Path | None:
    return Path(order["journal"]) if order["journal"] else None


def _is_healed_elsewhere(order: Mapping[str, Any]) -> bool:
    """Return whether the journal has this undo as healed, or as moved to another show."""
    journal = _get_journal_path(order)
    return journal is not None and state_of_undo(journal, order["hold"]) in ("healed", "moved")


async def _heal(driver: FaultDriver, plan: Plan, order: Mapping[str, Any], answers: int) -> None:
    # Before the undo: afterwards the target no longer shows whether the injection was complete.
    landed = await has_landed(driver, plan)
    why = await undo(driver, plan)
    final = why is None and (order["final"] or (order["gone"] and landed))
    answer = {"why": why, "final": final}
    if final and (journal := _get_journal_path(order)) is not None:
        try:
            note_healed(journal, order["hold"])
        except DemoError as error:
            answer["unnoted"] = str(error)
    _answer_and_exit(answers, answer)


def _find_driver(subject: Subject, name: str, plan: Plan) -> FaultDriver:
    # By the plan first: a server may have found it in the journal, and its deck may have another fault of that name.
    if isinstance(subject, HealsPlans) and (planned := subject.driver_for(name, plan)) is not None:
        return planned
    for driver in subject.faults:
        if driver.config.name == name:
            return driver
    raise FaultError(f"this subject has no fault {name!r}")


if __name__ == "__main__":
    main()
