"""Writes a tolerance as the condition of a show file, where one says exactly the same."""

import re
from collections.abc import Mapping
from typing import Any, Literal

from demo.chaos_toolkit.experiment import ABSENT, is_number
from demo.conditions import parse
from demo.errors import DemoError

MAX_PATTERN = 200

_PATH = re.compile(r"\$((?:\.[A-Za-z_]\w*|\[\d+\])+)")

Kind = Literal["http", "process"]
_CODE: Mapping[Kind, str] = {"http": "status", "process": "exit"}
_TEXT: Mapping[Kind, str] = {"http": "text", "process": "output"}
_MAIN: Mapping[Kind, str] = {"http": "body", "process": "stdout"}


def condition_of(kind: Kind, tolerance: Any) -> str | None:
    """Return the condition for `up` of a probe by `http` or `run`; "" for its default, None if there is none."""
    if tolerance is ABSENT:
        return ""
    written = _write(kind, tolerance)
    if written is None:
        return None
    try:
        parse(written)
    except DemoError:
        return None
    return written


def _write(kind: Kind, tolerance: Any) -> str | None:
    code = _CODE[kind]
    if isinstance(tolerance, int) and not isinstance(tolerance, bool):
        return f"{code} == {tolerance}"
    if isinstance(tolerance, list):
        if tolerance and all(isinstance(one, int) and not isinstance(one, bool) for one in tolerance):
            return f"{code} in ({', '.join(map(str, tolerance))})"
        return None
    if not isinstance(tolerance, Mapping):
        return None
    written = _WRITERS.get(str(tolerance.get("type")), _write_nothing)(kind, tolerance)
    # A program that fails has no value: its tolerance would have to ask for the exit code itself.
    return f"exit == 0 and {written}" if written and kind == "process" and not written.startswith("exit") else written


def _write_nothing(kind: Kind, tolerance: Mapping[str, Any]) -> str | None:
    return None


def _write_regex(kind: Kind, tolerance: Mapping[str, Any]) -> str | None:
    pattern = tolerance.get("pattern")
    if tolerance.get("target") not in (None, "", _MAIN[kind]) or not isinstance(pattern, str):
        return None
    if not pattern or len(pattern) > MAX_PATTERN or "\n" in pattern or "${" in pattern:
        return None
    escaped = re.sub(r"\\(.)|/", lambda found: found[0] if found[1] else "\\/", pattern)
    return f"{_TEXT[kind]} matches /{escaped}/"


def _write_range(kind: Kind, tolerance: Mapping[str, Any]) -> str | None:
    limits, target = tolerance.get("range"), tolerance.get("target")
    if not isinstance(limits, list) or len(limits) != 2 or not all(map(is_number, limits)):
        return None
    field = {"status": _CODE[kind], _MAIN[kind]: "body"}.get(str(target))
    if field is None or any("e" in repr(limit) for limit in limits):
        return None
    return f"{field} >= {limits[0]} and {field} <= {limits[1]}"


def _write_path(kind: Kind, tolerance: Mapping[str, Any]) -> str | None:
    found = _PATH.fullmatch(str(tolerance.get("path", "")).strip())
    if not found or tolerance.get("count") is not None:
        return None
    field = _field_at(kind, found[1], tolerance.get("target"))
    if field is None or "expect" not in tolerance:
        return field and f"has({field}) == true"
    expected = _literal(tolerance["expect"])
    return expected and f"{field} == {expected}"


def _field_at(kind: Kind, steps: str, target: Any) -> str | None:
    """Return the field of a show file's probe that a path names; without a target it begins at the whole answer."""
    if target:
        return f"body{steps}" if target == _MAIN[kind] else None
    first, _, rest = steps.removeprefix(".").partition(".")
    if (first, rest) == ("status", ""):
        return _CODE[kind]
    return f"body.{rest}" if first == _MAIN[kind] == "body" and rest else None


def _literal(expected: Any) -> str | None:
    """Return a value as conditions have it, None for one that they would not compare exactly."""
    if isinstance(expected, bool):
        return "true" if expected else "false"
    if is_number(expected):
        return None if "e" in repr(expected) else str(expected)
    if not isinstance(expected, str) or "${" in expected or not expected.isprintable() or _looks_typed(expected):
        return None
    quoted = expected.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'


def _looks_typed(text: str) -> bool:
    """Return whether a condition might read a text as something else, so that only a program compares it exactly."""
    return text in ("true", "false", "null") or not text[:1].isalpha()


_WRITERS = {"regex": _write_regex, "range": _write_range, "jsonpath": _write_path}
