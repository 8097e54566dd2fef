"""Numbers and words out of an answer that anybody may have written. What is none is None, never an exception."""

import math
from collections.abc import Mapping
from typing import Any

MOST = 1e300
"""JSON's numbers end here: a longer one is no measurement."""


def number(value: object) -> float | None:
    """A finite number that is no truth value."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not -MOST < value < MOST:
        return None
    return None if math.isnan(value) else value


def rounded(value: object) -> float | None:
    """To three digits, as cards and curves show it."""
    found = number(value)
    return None if found is None else float(f"{found:.3g}")


def mapping(value: object) -> Mapping[str, Any]:
    """Empty for what is none."""
    return value if isinstance(value, Mapping) else {}
