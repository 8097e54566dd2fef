"""All checks of `demo doctor`: the machine's, then the subjects'; those of each run at once, each with a timeout."""

import contextlib
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from functools import partial
from typing import TypeVar

from demo.doctor.machine import checks, phones
from demo.doctor.report import Report
from demo.doctor.subject import examine_subject
from demo.errors import UsageError
from demo.findings import CHECK_SEC, Finding, broken, late
from demo.subjects.options import Given
from demo.subjects.registry import names
from demo.threads.worker_thread import run_in_thread

T = TypeVar("T")

SUBJECT_SEC = 20.0
"""Timeout for all checks of a subject; each of them has a shorter one of its own."""


def examine(subject: str | None, given: Given, port: int) -> Report:
    """Run the checks for one subject, or (None) every built-in one. Raises `UsageError` for a wrong name or option."""
    if subject is None and given:
        raise UsageError("options need a subject: name it, as in `demo doctor ratelimiter --load 2`")
    report = Report()
    for what, check in all_at_once(checks(port), CHECK_SEC).items():
        report.add("", [_take_finding(what, check)])
        report.hangs |= check is None
    phone_check = all_at_once({"phones": partial(phones, port)}, CHECK_SEC)["phones"]
    report.add("", _take_findings(phone_check, "phones"))
    report.hangs |= phone_check is None
    for name in names() if subject is None else (subject,):
        with contextlib.redirect_stdout(sys.stderr):  # what a subject prints must not get into the report
            subject_check = all_at_once({name: partial(examine_subject, name, given)}, SUBJECT_SEC)[name]
        report.add(name, _take_findings(subject_check))
        report.hangs |= subject_check is None
    return report


def _take_finding(what: str, check: Future[Finding] | None) -> Finding:
    if check is None:
        return late(what, CHECK_SEC)
    error = check.exception()
    return check.result() if error is None else broken(what, error)


def _take_findings(check: Future[Sequence[Finding]] | None, what: str = "needs") -> Sequence[Finding]:
    if check is None:
        return (late(what, SUBJECT_SEC if what == "needs" else CHECK_SEC),)
    error = check.exception()
    if error is None or isinstance(error, UsageError):
        return check.result()
    return (broken(what, error),)


def all_at_once(work: Mapping[str, Callable[[], T]], within_sec: float) -> dict[str, Future[T] | None]:
    """Run all pieces of work at once; None stands for one that took too long, and is left running.

    Each has a thread of its own: one that hangs for ever holds up neither the others nor the end of the program.
    """
    started = {name: run_in_thread(piece, name) for name, piece in work.items()}
    done = wait(started.values(), within_sec).done
    return {name: piece if piece in done else None for name, piece in started.items()}
