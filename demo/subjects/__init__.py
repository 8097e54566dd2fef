"""The systems a show can be about. Only the chosen one is imported: its parts cost start-up time."""

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from demo.errors import UsageError
from demo.subjects.options import Given, fitted, read
from demo.types import Subject

DEFAULT = "ratelimiter"

_SUBJECTS = {
    "ratelimiter": "demo.subjects.ratelimiter.subject:RateLimiter",
    "etcd": "demo.subjects.etcd.subject:Etcd",
    "tikv": "demo.subjects.tikv.subject:Tikv",
    "none": "demo.subjects.none:NoSystem",
}

_SUPERVISORS = {"ratelimiter": "demo.subjects.ratelimiter.supervisor"}
"""The subjects that can stand by themselves, and the module of the process that minds each."""

_PARTS = ("name", "title", "description", "poller", "faults", "chapters", "check", "start", "heal", "stop")


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

    Raises `UsageError` for an unknown name, a place that holds no subject, or an option it does not take.
    """
    make = _maker(name)
    subject = make(**fitted(name, make, options))
    lacking = [part for part in _PARTS if not hasattr(subject, part)]
    if lacking:
        raise UsageError(f"{name} is not a subject: it lacks {', '.join(lacking)}")
    return cast(Subject, subject)


def options(name: str, given: Given) -> dict[str, Any]:
    """What was typed, as `load` takes it and as plain JSON. Raises `UsageError`."""
    return read(name, _maker(name), given)


def _maker(name: str) -> Callable[..., object]:
    place = _SUBJECTS.get(name, name)
    module, separator, attribute = place.partition(":")
    if not separator:
        raise UsageError(f"there is no subject {name!r}; known: {', '.join(_SUBJECTS)}, or your own as module:Class")
    if name == place:
        return _find(module, attribute)
    return cast("Callable[..., object]", getattr(importlib.import_module(module), attribute))


def _find(module: str, attribute: str) -> Callable[..., object]:
    """A class of the user's, from the working directory or wherever Python finds it."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, ValueError) as error:
        raise UsageError(f"cannot import {module!r}: {error}") from error
    except AttributeError:
        raise UsageError(f"the module {module!r} has no {attribute!r}") from None
    if not callable(found):
        raise UsageError(f"{module}:{attribute} is not a class or a function that makes a subject")
    return cast("Callable[..., object]", found)
