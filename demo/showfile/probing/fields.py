"""What a condition sees of an answer: one value at a path, with its unit. No I/O."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from demo.showfile.probing.facts import Quantity, Value

UNITS = {"latency": "s", "rate": "/s"}
"""The units of fields that our own probes measure; every other number has none."""

MAX_TEXT = 10_000


def value_at(data: Mapping[str, Any], path: Sequence[str]) -> Value:
    """Return the value at this path: a number with its unit, text, a truth value, or None where there is none."""
    found = find(data, path)
    unit = UNITS.get(path[0], "") if len(path) == 1 else ""
    return as_value(found, unit)


def find(data: Any, path: Sequence[str]) -> Any:
    """Return what stands at this path, None where there is nothing; a list's elements are named by their index."""
    for at, key in enumerate(path):
        if isinstance(data, Mapping):
            rest = ".".join(path[at:])
            if key not in data and rest in data:  # a key with dots in it, as Kubernetes' labels have
                return data[rest]
            data = data.get(key)
        elif isinstance(data, list) and key.isdecimal() and int(key) < len(data):
            data = data[int(key)]
        else:
            return None
    return data


def as_value(found: Any, unit: str = "") -> Value:
    """Return it as conditions compare it. A list or an object is no value; nor is a number that is not finite."""
    if found is None or isinstance(found, bool):
        return found
    if isinstance(found, int | float):
        return Quantity(float(found), unit) if _is_finite(found) else None
    return found[:MAX_TEXT] if isinstance(found, str) else None


def _is_finite(number: float) -> bool:
    try:
        return math.isfinite(float(number))
    except OverflowError:
        return False


class Fields(Mapping[str, Value]):
    """The fields of one node as values, by dotted paths: `status`, `body.role`."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data

    def __getitem__(self, path: str) -> Value:
        return value_at(self._data, path.split("."))

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)
