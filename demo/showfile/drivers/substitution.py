"""Fills `${name}` into the texts of a show file. A value never makes two arguments of one."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from demo.errors import FaultError

_PLACE = re.compile(r"\$(\$)?\{([^{}]*)\}")
"""`${name}`; with another dollar sign before it, the text itself."""

Lookup = Callable[[str], str]
"""Returns the value of a name. Raises `FaultError`."""


def fill(text: str, lookup: Lookup) -> str:
    """Return the text with each `${name}` replaced; `$${name}` becomes the text `${name}`. Raises `FaultError`."""
    return _PLACE.sub(lambda found: found[0][1:] if found[1] else lookup(found[2].strip()), text)


def fill_each(argv: Iterable[str], lookup: Lookup) -> list[str]:
    """Return the arguments of a command, filled: as many as were given."""
    return [fill(argument, lookup) for argument in argv]


def fill_data(data: Any, lookup: Lookup) -> Any:
    """Return JSON data with all its texts filled, keys included."""
    if isinstance(data, str):
        return fill(data, lookup)
    if isinstance(data, Mapping):
        return {fill(str(key), lookup): fill_data(value, lookup) for key, value in data.items()}
    if isinstance(data, Sequence):
        return [fill_data(value, lookup) for value in data]
    return data


def names_in(data: Any) -> frozenset[str]:
    """Return the names that this text, or the texts of this JSON data, would have filled."""
    if isinstance(data, str):
        return frozenset(found[2].strip() for found in _PLACE.finditer(data) if not found[1])
    if isinstance(data, Mapping):
        return frozenset().union(*map(names_in, data.keys()), *map(names_in, data.values()))
    if isinstance(data, Sequence):
        return frozenset().union(*map(names_in, data))
    return frozenset()


def from_values(values: Mapping[str, str]) -> Lookup:
    """Return a lookup in these values alone, for the arguments of a command."""

    def look_up(name: str) -> str:
        try:
            return values[name]
        except KeyError:
            known = f"known here: {', '.join(sorted(values))}" if values else "nothing is known here by a name"
            raise FaultError(
                f"${{{name}}} has no value ({known}): name it under before, or write $${{{name}}} for the text itself"
            ) from None

    return look_up
