"""The systems that a show can be about. Only the chosen one is imported, because imports cost start-up time."""

import importlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, cast

from demo.errors import UsageError
from demo.show.following import CanBeMadeAgain, PresentedOnce
from demo.subjects.options import Given, fitted, parameters_of, read
from demo.subjects.own import call, check_parts, checked_deck, find_class, unknown_subject
from demo.subjects.user_code import nearest
from demo.types import Chapter, Stage, Subject

DEFAULT = "ratelimiter"

_SUBJECTS = {
    "ratelimiter": "demo.subjects.ratelimiter.subject:RateLimiter",
    "etcd": "demo.subjects.etcd.subject:Etcd",
    "tikv": "demo.subjects.tikv.subject:Tikv",
    "none": "demo.subjects.none:NoSystem",
}

SHOW_FILE = "demo.showfile.subject:ShowFile"
SHOW_FILE_ENDINGS = (".md", ".markdown")

_DECKS = {
    "ratelimiter": "ratelimiter/show.md",
    "etcd": "etcd/show.md",
    "tikv": "tikv/show.md",
    "none": "none.md",
}

_SUPERVISORS = {"ratelimiter": "demo.subjects.ratelimiter.supervisor"}
"""The subjects whose system can run without a show, and the module of the supervisor process of each."""


def is_show_file(name: str) -> bool:
    """Return whether a subject's name is that of a show file."""
    return name.lower().endswith(SHOW_FILE_ENDINGS)


def journal_name(name: str, subject: Subject) -> str:
    """Return the name under which a subject's shows are kept. A show file is known by its identity, not by its path."""
    return subject.name if is_show_file(name) else name


def options_for_healer(subject: Subject, chosen: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the options with which another process makes the subject again."""
    return subject.options_to_make_it_again() if isinstance(subject, CanBeMadeAgain) else chosen


def names() -> tuple[str, ...]:
    return tuple(_SUBJECTS)


def deck_file(name: str) -> Path:
    """Return the show file of a built-in subject. Raises `UsageError` for any other name."""
    if name not in _DECKS:
        raise UsageError(f"there is no packaged deck {name!r}; there are {', '.join(_DECKS)}{nearest(name, _DECKS)}")
    return Path(__file__).parent / _DECKS[name]


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


def claim(name: str, subject: Subject) -> None:
    """Keep other processes from presenting it, if one alone may. Raises `SubjectError` while another one does."""
    if isinstance(subject, PresentedOnce):
        call(f"{name}.claim", subject.claim)


def deck_of(name: str, subject: Subject, start_at: int | None = None) -> Callable[[Stage], Sequence[Chapter]]:
    """Return the function that makes a subject's deck.

    It raises `SubjectError` with file and line for what is not a deck, and `UsageError` if the deck has no chapter
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


def takes(name: str) -> Mapping[str, inspect.Parameter]:
    """Return the options that a subject takes, by name. Raises `UsageError` for an unknown subject."""
    return parameters_of(_find_constructor(name))


def _find_constructor(name: str) -> Callable[..., object]:
    if is_show_file(name):
        return partial(_import(SHOW_FILE), name)
    if name in _SUBJECTS:
        return _import(_SUBJECTS[name])
    module, separator, attribute = name.partition(":")
    if separator:
        return find_class(module, attribute)
    return _find_installed(name)


def _find_installed(name: str) -> Callable[..., object]:
    from demo.subjects.installed import find_installed, installed_names  # noqa: PLC0415

    found = find_installed(name)
    return found.load() if found is not None else unknown_subject(name, (*_SUBJECTS, *installed_names()))


def _import(place: str) -> Callable[..., object]:
    module, _, attribute = place.partition(":")
    return cast("Callable[..., object]", getattr(importlib.import_module(module), attribute))
