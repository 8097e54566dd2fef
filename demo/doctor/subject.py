"""The checks of one subject: its own `examine` or, where it has none, the `check` that every subject has."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence

from demo.errors import UsageError
from demo.findings import Examined, Finding, broken, no, ok
from demo.subjects.deck_check import deck_problems
from demo.subjects.options import Given
from demo.subjects.registry import check, load, options
from demo.types import Subject

STOP_SEC = 2.0


def examine_subject(name: str, given: Given) -> Sequence[Finding]:
    """Check a subject and its deck. Raises `UsageError` for a wrong name or option; all else is a finding."""
    try:
        subject = load(name, **options(name, given))
        return (*_check_needs(name, subject), *(no("deck", problem) for problem in deck_problems(name, subject)))
    except UsageError:
        raise
    except Exception as error:  # noqa: BLE001 - the user's own subject may raise anything
        return (broken("needs", error),)


def _check_needs(name: str, subject: Subject) -> Sequence[Finding]:
    if isinstance(subject, Examined):
        return _validate(asyncio.run(_examine(subject, subject.stop)))
    check(name, subject)
    return (ok("needs", "nothing is missing"),)


async def _examine(subject: Examined, stop: Callable[[], Awaitable[None]]) -> object:
    try:
        return await subject.examine()
    finally:
        with contextlib.suppress(Exception):  # nothing was started, and what it opened ends with this process
            await asyncio.wait_for(stop(), STOP_SEC)


def _validate(found: object) -> Sequence[Finding]:
    if isinstance(found, Sequence) and all(isinstance(one, Finding) for one in found):
        return found
    return (no("needs", "its examine() did not return findings", "return a list of demo.findings.Finding"),)
