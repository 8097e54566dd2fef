"""The systems that a show can be about. Only the chosen one is imported, because imports cost start-up time."""

import importlib
from collections.abc import Callable, Sequence
from typing import Any, cast

from demo.errors import UsageError
from demo.subjects.options import Given, fitted, read
from demo.subjects.own import call, check_parts, checked_deck, find_class, unknown_subject
from demo.types import Chapter, Stage, Subject

DEFAULT = "ratelimiter"

_SUBJECTS = {
    "ratelimiter": "demo.subjects.ratelimiter.subject:RateLimiter",
    "etcd": "demo.subjects.etcd.subject:Etcd",
    "tikv": "demo.subjects.tikv.subject:Tikv",
    "none": "demo.subjects.none:NoSystem",
}

_SUPERVISORS = {"ratelimiter": "demo.subjects.ratelimiter.supervisor"}
"""The subjects whose system can run without a show, and the module of the supervisor process of each."""


def names() -> tuple[str, ...]:
    return tuple(_SUBJECTS)


def supervisor_of(name: str) -> str:
    """Return the supervisor's module. Raises `UsageError` for a subject whose system cannot run without a show."""
    module = _SUPERVISORS.get(name)
    if module is None:
        raise UsageError(f"`demo up` cannot start {name!r}, only: {', '.join(_SUPERVISORS)}")
    return module


def load(name: str, **options: object) -> Subject:
    """Return the subject called `name`, not started; `module:Class` names one of the user's own.

    Raises `UsageError` for an unknown name, a place that holds no subject, or an option it does not take, and
    `SubjectError` where the user's own code fails.
    """
    make = _find_constructor(name)
    subject = call(name, lambda: make(**fitted(name, make, options)))
    check_parts(name, subject)
    return cast(Subject, subject)


def check(name: str, subject: Subject) -> None:
    """Ask a subject whether everything that it needs is on this machine. Raises `SubjectError`."""
    call(f"{name}.check", subject.check)


def deck_of(name: str, subject: Subject, start_at: int | None = None) -> Callable[[Stage], Sequence[Chapter]]:
    """Return the function that makes a subject's deck.

    It raises `SubjectError` with file and line for what is no deck, and `UsageError` if the deck has no chapter
    `start_at` (1-based).
    """

    def chapters(stage: Stage) -> Sequence[Chapter]:
        deck = checked_deck(name, subject.chapters, call(f"{name}.chapters", lambda: subject.chapters(stage)))
        if start_at is not None and not 1 <= start_at <= len(deck):
            raise UsageError(f"there is no chapter {start_at} to start at: {name} has 1 to {len(deck)}")
        return deck

    return chapters


def options(name: str, given: Given) -> dict[str, Any]:
    """Parse the typed options into what `load` takes, as plain JSON data. Raises `UsageError`."""
    return read(name, _find_constructor(name), given)


def _find_constructor(name: str) -> Callable[..., object]:
    place = _SUBJECTS.get(name, name)
    module, separator, attribute = place.partition(":")
    if not separator:
        unknown_subject(name, _SUBJECTS)
    if name == place:
        return find_class(module, attribute)
    return cast("Callable[..., object]", getattr(importlib.import_module(module), attribute))
