"""The limit that a prediction sets to a number, as it is drawn over the number's curve."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Threshold:
    """`name` of a metric, `operator` (<, <=, > or >=), and `value` in the base unit `unit`.

    Base units are those of conditions: "s", "%" (a share from 0 to 1), "/s", "B", or "" for a bare number.
    """

    name: str
    operator: str
    value: float
    unit: str = ""

    def in_unit(self, unit: str) -> float | None:
        """Return the value in the unit of a curve, None where the two do not measure the same."""
        if self.unit in ("", unit) and self.unit != "%":
            return self.value
        if self.unit == "/s" and unit.endswith("/s"):
            return self.value
        factor = {("%", "%"): 100.0, ("s", "ms"): 1000.0}.get((self.unit, unit))
        return None if factor is None else self.value * factor


def read_thresholds(fields: Iterable[Mapping[str, Any]]) -> tuple[Threshold, ...]:
    """Return the thresholds that these plain fields describe."""
    return tuple(Threshold(**item) for item in fields)
