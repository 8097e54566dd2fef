"""The systems a show can be about. Only the chosen one is imported: its parts cost start-up time."""

import importlib
from typing import cast

from demo.errors import UsageError
from demo.types import Subject

DEFAULT = "ratelimiter"

_SUBJECTS = {
    "ratelimiter": "demo.subjects.ratelimiter.subject:RateLimiter",
    "none": "demo.subjects.none:NoSystem",
}


def names() -> tuple[str, ...]:
    return tuple(_SUBJECTS)


def load(name: str, **options: object) -> Subject:
    """The subject called `name`, not started. Raises `UsageError` for an unknown name or option."""
    place = _SUBJECTS.get(name)
    if place is None:
        raise UsageError(f"there is no subject {name!r}; known: {', '.join(_SUBJECTS)}")
    module, _, attribute = place.partition(":")
    make = getattr(importlib.import_module(module), attribute)
    try:
        return cast(Subject, make(**options))
    except TypeError as error:
        if not options:
            raise
        raise UsageError(f"subject {name!r} does not take these options: {', '.join(options)}") from error
