"""What the card of a node shows of its fields, as `main` and `show` of its probe name them. No I/O."""

from collections.abc import Mapping
from dataclasses import dataclass

from demo.conditions import Quantity, Value, read_quantity
from demo.errors import InvalidValue
from demo.probes.numbers import rounded
from demo.showfile.probing.node_state_rules import UNFIT
from demo.showfile.schema.probes import ProbeSettings

MAX_TEXT = 40
MASKED = "…"
"""Stands for an address or a path, which the audience is not shown."""

_ROLES: Mapping[str, str] = {"latency": "latency", "rate": "load"}


@dataclass(frozen=True, slots=True)
class ShownField:
    """One field, written `body.lag s` or only `latency`: its path, and the unit beside its value."""

    path: str
    unit: str

    @classmethod
    def of(cls, written: str) -> "ShownField":
        path, _, unit = written.strip().partition(" ")
        default = {"latency": "ms", "rate": "/s"}.get(path, "")
        return cls(path, unit.strip() or default)

    @property
    def label(self) -> str:
        return self.unit or self.path.rpartition(".")[2]

    @property
    def role(self) -> str:
        return _ROLES.get(self.path, "")

    def value(self, fields: Mapping[str, Value]) -> float | str | None:
        """Return what is shown: a number to three digits, or text without addresses and paths."""
        found = fields.get(self.path)
        if isinstance(found, str):
            found = _as_quantity(found)
        if isinstance(found, bool):
            return "yes" if found else "no"
        if isinstance(found, Quantity):
            return rounded(found.number * 1000 if found.unit == "s" and self.unit == "ms" else found.number)
        if found is None:
            return None
        return MASKED if UNFIT.search(found) else " ".join(found.split())[:MAX_TEXT]


def shown_by(settings: ProbeSettings) -> tuple[ShownField, ...]:
    """Return the fields on the cards of a probe's nodes, the main one first."""
    written = (*(() if settings.main is None else (settings.main,)), *settings.show)
    return tuple(map(ShownField.of, dict.fromkeys(written)))


def _as_quantity(text: str) -> Value:
    """Return the number that a text writes, as a column of CSV does; the text where it is none."""
    try:
        return read_quantity(text.strip()) or text
    except InvalidValue:
        return text
