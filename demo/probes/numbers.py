"""Numbers and objects from an untrusted answer: a value of another kind becomes None or empty, never an exception."""

import re
from collections.abc import Mapping
from typing import Any

MOST = 1e300
"""Just below the largest float. No measurement is larger, and a larger integer is not a number for a JSON reader."""


def number(value: object) -> float | None:
    """Return a finite number; None for anything else, truth values included."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -MOST < value < MOST:
        return None
    return value


def rounded(value: object) -> float | None:
    """Return it rounded to three significant digits, as cards and curves show it; None for what is not a number."""
    finite = number(value)
    return None if finite is None else float(f"{finite:.3g}")


def mapping(value: object) -> Mapping[str, Any]:
    """Return it if it is a mapping, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def field_name(label: str) -> str:
    """Return a card's label as conditions name it: `p99_ms` for "p99 ms", `req_s` for "req/s"."""
    return re.sub(r"[\W_]+", "_", label).strip("_").lower()
