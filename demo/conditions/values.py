"""Values that conditions compare: quantities with their unit, texts, truths. Reading, showing and comparing them."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from demo.errors import InvalidValue

Unit = Literal["", "s", "%", "/s", "B"]
Truth = bool | None
"""None: unknown, which is neither held nor broken."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in the base unit: seconds, a share from 0 to 1 ("%"), so many a second, bytes, or a bare number."""

    number: float
    unit: Unit = ""


Value = Quantity | str | bool | None
"""None: unknown. Never 0 and never an empty text."""

_SCALES: Mapping[str, tuple[str, Unit]] = {
    "": ("1", ""),
    "%": ("0.01", "%"),
    "us": ("0.000001", "s"),
    "µs": ("0.000001", "s"),
    "ms": ("0.001", "s"),
    "s": ("1", "s"),
    "m": ("60", "s"),
    "min": ("60", "s"),
    "h": ("3600", "s"),
    "d": ("86400", "s"),
    "B": ("1", "B"),
    "kB": ("1000", "B"),
    "KB": ("1000", "B"),
    "MB": ("1000000", "B"),
    "GB": ("1000000000", "B"),
    "KiB": ("1024", "B"),
    "MiB": ("1048576", "B"),
    "GiB": ("1073741824", "B"),
}
"""By unit as it is written: the factor, as a decimal so that 0.3s is 300ms to the last bit, and the base unit."""

_RATES: Mapping[str, int] = {"/s": 1, "/m": 60, "/min": 60, "/h": 3600}
UNITS = ("ms", "s", "min", "h", "%", "/s", "/min", "kB", "MB", "GB")
"""The units as messages list them."""

_NUMBER = re.compile(r"([+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d{1,3})?)(/?[A-Za-zµ]*|%)", re.ASCII)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(us|ms|min|s|m|h|d)", re.ASCII)
_NAMES: Mapping[Unit, str] = {"": "a bare number", "s": "a time", "%": "a share", "/s": "a rate", "B": "a size"}
MAX_SHOWN = 60


def read_quantity(text: str) -> Quantity | None:
    """Return the quantity that `text` writes (`200`, `300ms`, `1m30s`, `1%`, `50/s`, `10MB`), None if it is none.

    Raises `InvalidValue` for a number with a unit that does not exist, or that is too large.
    """
    found = _NUMBER.fullmatch(text)
    if found and found[2] in _SCALES:
        factor, unit = _SCALES[found[2]]
        return _finite(float(Decimal(found[1]) * Decimal(factor)), unit, text)
    if found and found[2] in _RATES:
        return _finite(float(Decimal(found[1]) / _RATES[found[2]]), "/s", text)
    parts = _DURATION.findall(text)
    if len(parts) > 1 and "".join(map("".join, parts)) == text:
        return _finite(float(sum(Decimal(n) * Decimal(_SCALES[u][0]) for n, u in parts)), "s", text)
    if found:
        raise InvalidValue(
            f"{found[2]!r} is not a unit: there are {', '.join(UNITS)}; quote a text that begins with a digit"
        )
    return None


def _finite(number: float, unit: Unit, text: str) -> Quantity:
    if not math.isfinite(number) or abs(number) > 1e18:
        raise InvalidValue("it is too large")
    return Quantity(number, unit)


def show_quantity(quantity: Quantity, digits: int = 4) -> str:
    """Return it as one would write it: `300ms`, `1.5s`, `90s`, `1%`, `50/s`, `10MB`, `3`.

    `digits`: how many are shown at most; of a whole number, all.
    """
    number = quantity.number
    if quantity.unit == "s":
        return f"{_round(number * 1000, digits)}ms" if abs(number) < 1 and number else f"{_round(number, digits)}s"
    if quantity.unit == "%":
        return f"{_round(number * 100, digits)}%"
    if quantity.unit == "B":
        for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
            if abs(number) >= size:
                return f"{_round(number / size, digits)}{unit}"
    return f"{_round(number, digits)}{quantity.unit}"


def _round(number: float, digits: int) -> str:
    return f"{number:.0f}" if float(number).is_integer() and abs(number) < 1e15 else f"{number:.{digits}g}"


def show_beside(fact: Value, wanted: Value) -> str:
    """Return `fact` for people, with so many digits that it does not look like `wanted` if it differs."""
    if isinstance(fact, Quantity) and isinstance(wanted, Quantity) and fact != wanted:
        for digits in (4, 6, 9):
            if (shown := show_quantity(fact, digits)) != show_quantity(wanted, digits):
                return shown
    return show_value(fact)


def exact_quantity(quantity: Quantity) -> str:
    """Return a text that `read_quantity` reads back as the very same quantity."""
    number, unit = quantity.number, quantity.unit
    if unit == "%":
        return f"{Decimal(repr(number)).scaleb(2)}%"
    return f"{number:.0f}{unit}" if float(number).is_integer() and abs(number) < 1e15 else f"{number!r}{unit}"


def show_value(value: Value) -> str:
    """Return it for people; a long text is cut."""
    if value is None:
        return "unknown"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Quantity):
        return show_quantity(value)
    line = " ".join(value.split())
    return (line[: MAX_SHOWN - 1] + "…" if len(line) > MAX_SHOWN else line) or '""'


def kind_of(value: Value) -> str:
    """Return what it is, in words: `a time`, `a text`."""
    if isinstance(value, Quantity):
        return _NAMES[value.unit]
    return "unknown" if value is None else "true or false" if isinstance(value, bool) else "a text"


def compare(fact: Value, operator: str, wanted: Quantity | str | bool) -> tuple[Truth, str]:
    """Return the truth of `fact operator wanted`, and, where it is unknown, why.

    A text that was measured counts as the number or truth that it writes if one is wanted: columns of a table and
    fields of a log line are texts.
    """
    if fact is None:
        return None, ""
    measured = _as_wanted(fact, wanted)
    if isinstance(measured, Quantity) and isinstance(wanted, Quantity):
        if measured.unit == wanted.unit or _shares(measured, wanted):
            return _ordered(measured.number, operator, wanted.number), ""
    elif type(measured) is type(wanted) and operator in ("==", "!="):
        return (measured == wanted) == (operator == "=="), ""
    hint = ": leave the quotes out" if isinstance(wanted, str) and isinstance(measured, Quantity) else ""
    return None, f"{kind_of(measured)} cannot be compared with {show_value(wanted)}, {kind_of(wanted)}{hint}"


def _as_wanted(fact: Quantity | str | bool, wanted: Quantity | str | bool) -> Value:
    if isinstance(fact, str) and isinstance(wanted, bool):
        return {"true": True, "false": False}.get(fact.strip().lower(), fact)
    if isinstance(fact, str) and isinstance(wanted, Quantity):
        try:
            return read_quantity(fact.strip()) or fact
        except InvalidValue:
            return fact
    return fact


def _shares(measured: Quantity, wanted: Quantity) -> bool:
    """Return whether one is a share, and the other a bare number that can be one, as k6 writes them (`rate < 0.01`).

    Written, 1 is none: who writes `rate < 1` may mean 1%.
    """
    if measured.unit == "%":
        return not wanted.unit and 0 <= wanted.number < 1
    return not measured.unit and wanted.unit == "%" and 0 <= measured.number <= 1


def _ordered(measured: float, operator: str, wanted: float) -> Truth:
    if math.isnan(measured):
        return None
    same = math.isclose(measured, wanted, rel_tol=1e-9, abs_tol=1e-12)
    return {
        "==": same,
        "!=": not same,
        "<": measured < wanted and not same,
        "<=": measured < wanted or same,
        ">": measured > wanted and not same,
        ">=": measured > wanted or same,
    }[operator]
