"""The systems a show can be about. Only the chosen one is imported: its parts cost start-up time."""

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
"""The subjects that can stand by themselves, and the module of the process that minds each."""


def names() -> tuple[str, ...]:
    return tuple(_SUBJECTS)


def supervisor_of(name: str) -> str:
    """The module to run. Raises `UsageError` for a subject that cannot stand by itself."""
    module = _SUPERVISORS.get(name)
    if module is None:
        raise UsageError(f"{name!r} cannot be brought up by itself; {', '.join(_SUPERVISORS)} can")
    return module


def load(name: str, **options: object) -> Subject:
    """The subject called `name`, not started; `module:Class` names one of the user's own.

    Raises `UsageError` for an unknown name, a place that holds no subject, or an option it does not take, and
    `SubjectError` where the user's own code fails.
    """
    make, fitting = _maker(name), options
    subject = call(name, lambda: make(**fitted(name, make, fitting)))
    check_parts(name, subject)
    return cast(Subject, subject)


def check(name: str, subject: Subject) -> None:
    """Ask a subject whether this machine has what it cannot do without. Raises `SubjectError`."""
    call(f"{name}.check", subject.check)


def deck_of(name: str, subject: Subject, start_at: int | None = None) -> Callable[[Stage], Sequence[Chapter]]:
    """Return what makes a subject's deck.

    It raises `SubjectError` for what is no deck, with file and line, and `UsageError` for one without a chapter
    `start_at` (1-based).
    """

    def chapters(stage: Stage) -> Sequence[Chapter]:
        deck = checked_deck(name, subject.chapters, call(f"{name}.chapters", lambda: subject.chapters(stage)))
        if start_at is not None and not 1 <= start_at <= len(deck):
            raise UsageError(f"there is no chapter {start_at} to start at: {name} has 1 to {len(deck)}")
        return deck

    return chapters


def options(name: str, given: Given) -> dict[str, Any]:
    """What was typed, as `load` takes it and as plain JSON. Raises `UsageError`."""
    return read(name, _maker(name), given)


def _maker(name: str) -> Callable[..., object]:
    place = _SUBJECTS.get(name, name)
    module, separator, attribute = place.partition(":")
    if not separator:
        unknown_subject(name, _SUBJECTS)
    if name == place:
        return find_class(module, attribute)
    return cast("Callable[..., object]", getattr(importlib.import_module(module), attribute))
