"""What a condition sees of an answer: one value at a path, with its unit. No I/O."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from demo.conditions import Quantity, Value, look_up

UNITS: Mapping[str, str] = {"latency": "s", "rate": "/s"}
"""The units of fields that our own probes measure; every other number has none."""


def value_at(data: Mapping[str, Any], path: Sequence[str]) -> Value:
    """Return the value at this path: a number with its unit, text, a truth value, or None where there is none.

    A key may have dots in it, as Kubernetes' labels do.
    """
    joined = ".".join(path)
    found = look_up(data, (joined,)) if joined in data else look_up(data, path)
    unit = UNITS.get(joined)
    if unit == "s" and isinstance(found, Quantity):
        return Quantity(found.number, "s")
    return Quantity(found.number, "/s") if unit == "/s" and isinstance(found, Quantity) else found


class Fields(Mapping[str, Value]):
    """The fields of one node as values, by dotted paths: `status`, `body.role`. None: there is no such field."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data

    def __getitem__(self, path: str) -> Value:
        return value_at(self._data, path.split("."))

    def __contains__(self, path: object) -> bool:
        return isinstance(path, str) and self[path] is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._data)

    def __len__(self) -> int:
        return len(self._data)
