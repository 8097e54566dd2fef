"""Says whether a value is within a tolerance, as the Chaos Toolkit does; its mistakes are not repeated.

Not repeated: a fraction is never refused, a pattern without target is looked for in what was answered or printed, and
JSONPath needs no further package.
"""

import json
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import regex

from demo.chaos_toolkit.jsonpath import values_at

PATTERN_TIMEOUT_SEC = 1.0
MAIN_PARTS = ("body", "stdout")
"""What a pattern, a path or a range is about where no target is named."""


class ToleranceError(Exception):
    """A tolerance that cannot be decided; the text says why."""


Probe = Callable[[Mapping[str, Any], Any], Any]
"""Runs the probe of a tolerance with a value and returns its result."""


_NEEDED: Mapping[str, tuple[str, type]] = {
    "regex": ("pattern", str),
    "jsonpath": ("path", str),
    "range": ("range", list),
    "probe": ("provider", Mapping),
}
"""The types of tolerance, each with the key that it needs."""


def is_within(tolerance: Any, value: Any, run_probe: Probe | None = None) -> bool:
    """Return whether `value` is within the tolerance. Raises `ToleranceError`."""
    status = value.get("status") if isinstance(value, Mapping) else None
    if isinstance(tolerance, bool | str) or tolerance is None:
        return type(value) is type(tolerance) and bool(value == tolerance)
    if isinstance(tolerance, int | float):
        compared = value if status is None else status
        return not isinstance(compared, bool) and bool(compared == tolerance)
    if isinstance(tolerance, list):
        return _is_listed(tolerance, value, status)
    return _is_met(tolerance, value, run_probe) if isinstance(tolerance, Mapping) else False


def fault_of(tolerance: Any) -> str:
    """Return what is wrong with a tolerance as it is written, "" if nothing is."""
    if not isinstance(tolerance, Mapping):
        return ""
    kind = str(tolerance.get("type"))
    if kind not in _NEEDED:
        return f"a tolerance has the type {', '.join(_NEEDED)}, not {kind!r}"
    needed, wanted = _NEEDED[kind]
    given: Any = tolerance.get(needed)
    is_right = isinstance(given, wanted)
    if not is_right:
        return f"a tolerance of the type {kind} needs {needed}"
    try:
        if kind == "regex" and "${" not in given:
            regex.compile(given)
        if kind == "jsonpath" and "${" not in given:
            values_at(given, None)
    except (regex.error, ValueError) as error:
        return f"its {needed} is wrong: {error}"
    if kind == "range" and (len(given) != 2 or not all(isinstance(one, int | float) for one in given)):
        return "range must be two numbers"
    return ""


def _is_met(tolerance: Mapping[str, Any], value: Any, run_probe: Probe | None) -> bool:
    kind = str(tolerance.get("type"))
    if kind == "probe" and run_probe is not None:
        return bool(run_probe(tolerance, value))
    if kind not in _JUDGES:
        raise ToleranceError(f"there is no tolerance of the type {kind!r}")
    return _JUDGES[kind](tolerance, value)


def _is_listed(tolerance: list[Any], value: Any, status: Any) -> bool:
    if status is not None:
        return status in tolerance  # two numbers, too, are no range here: so the Chaos Toolkit does
    if len(tolerance) == 2:
        try:
            return bool(tolerance[0] <= value <= tolerance[1])
        except TypeError:
            return False
    return value in tolerance


def _target(tolerance: Mapping[str, Any], value: Any, *, is_main_implied: bool = True) -> Any:
    if not isinstance(value, Mapping):
        return value
    target = tolerance.get("target")
    if target:
        return value.get(target, value)
    found = next((part for part in MAIN_PARTS if part in value), None)
    return value[found] if found is not None and is_main_implied else value


def _matches(tolerance: Mapping[str, Any], value: Any) -> bool:
    text = _target(tolerance, value)
    if not isinstance(text, str):
        text = json.dumps(text)
    try:
        return regex.search(str(tolerance.get("pattern", "")), text, timeout=PATTERN_TIMEOUT_SEC) is not None
    except regex.error as error:
        raise ToleranceError(f"its pattern is not a valid regular expression: {error}") from None
    except TimeoutError:
        raise ToleranceError("to look for its pattern takes too long") from None


def _is_in_range(tolerance: Mapping[str, Any], value: Any) -> bool:
    limits = tolerance.get("range")
    if not isinstance(limits, list) or len(limits) != 2:
        raise ToleranceError("range must be two numbers")
    given = _target(tolerance, value)
    try:
        low, number, high = (Decimal(str(part).strip()) for part in (limits[0], given, limits[1]))
    except InvalidOperation:
        return False
    return not number.is_nan() and low <= number <= high


def _has_path(tolerance: Mapping[str, Any], value: Any) -> bool:
    searched = _target(tolerance, value, is_main_implied=False)
    if isinstance(searched, str):
        try:
            searched = json.loads(searched)
        except ValueError:
            return False
    try:
        values = values_at(str(tolerance.get("path", "")), searched)
    except ValueError as error:
        raise ToleranceError(str(error)) from None
    if "expect" in tolerance:
        expected = tolerance["expect"]
        return values == (expected if isinstance(expected, list) else [expected])
    return len(values) == tolerance["count"] if tolerance.get("count") is not None else bool(values)


_JUDGES: Mapping[str, Callable[[Mapping[str, Any], Any], bool]] = {
    "regex": _matches,
    "range": _is_in_range,
    "jsonpath": _has_path,
}
