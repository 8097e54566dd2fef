"""The whole examination: the machine, then the subjects; each of their checks at once, each within its time."""

import contextlib
import sys
from collections.abc import Sequence
from functools import partial

from demo.doctor.machine import checks
from demo.doctor.report import Report
from demo.doctor.subject import look_at
from demo.doctor.threaded_check import ThreadedCheck, all_at_once
from demo.errors import UsageError
from demo.findings import CHECK_SEC, Finding, broken, late
from demo.subjects import names
from demo.subjects.options import Given

SUBJECT_SEC = 20.0
"""All that a subject looks at; its own checks have deadlines of their own."""


def examine(subject: str | None, given: Given, port: int) -> Report:
    """`subject`: None for every built-in one. Raises `UsageError` for a wrong name or option."""
    if subject is None and given:
        raise UsageError("options belong to one subject: name it, as in `demo doctor ratelimiter --load 2`")
    report = Report()
    for what, looked in all_at_once(checks(port), CHECK_SEC).items():
        report.add("", [_finding(what, looked)])
        report.hangs |= looked is None
    for name in names() if subject is None else (subject,):
        with contextlib.redirect_stdout(sys.stderr):  # what one's own subject prints is no finding
            done = all_at_once({name: partial(look_at, name, given)}, SUBJECT_SEC)[name]
        report.add(name, _of_subject(done))
        report.hangs |= done is None
    return report


def _finding(what: str, done: ThreadedCheck[Finding] | None) -> Finding:
    if done is None:
        return late(what, CHECK_SEC)
    return done.found if done.error is None else broken(what, done.error)


def _of_subject(done: ThreadedCheck[Sequence[Finding]] | None) -> Sequence[Finding]:
    if done is None:
        return (late("needs", SUBJECT_SEC),)
    if done.error is None or isinstance(done.error, UsageError):
        return done.found
    return (broken("needs", done.error),)
