"""The types and units of a parsed comparison: a latency is a time, a count has no unit, < and > need numbers."""

from demo.conditions.errors import ConditionError
from demo.conditions.facts import LENGTH, PRESENCE
from demo.conditions.syntax import Count, Field, Literal
from demo.conditions.values import Quantity, kind_of, show_quantity, show_value

TIMES = ("latency", "avg", "med")
"""Names of measured times, and percentiles besides; not in an answer's own body, where a name may mean anything."""


def check_comparison(left: Field | Count, operator: str, right: Literal, at: int) -> None:
    """Raise `ConditionError` if the comparison could never be decided. `at`: the right side's offset in the text."""
    if isinstance(left, Count) or left.function == LENGTH:
        if not isinstance(right, Quantity) or right.unit:
            raise ConditionError(f"a count is compared with a bare number, not with {show_value(right)}", at)
    elif left.function == PRESENCE or left.parts == ("connected",):
        if not isinstance(right, bool):
            raise ConditionError(f"{left} is true or false: write {left} == true", at)
    elif is_time(left):
        _check_time(left, right, at)
    elif left.parts[-1:] == ("rate",) and left.parts[0] != "body":
        _check_rate(left, right, at)
    if operator not in ("==", "!=") and not isinstance(right, Quantity):
        raise ConditionError(
            f"{operator} needs a number, and {show_value(right)} is {kind_of(right)}: use == or !=", at
        )


def is_time(left: Field) -> bool:
    """Return whether what is on the left is a time, whatever is measured."""
    if left.parts[:1] == ("body",):
        return False
    return left.function.startswith("p(") or (not left.function and left.parts[-1] in TIMES)


def _check_time(left: Field, right: Literal, at: int) -> None:
    if isinstance(right, Quantity) and right.unit == "s":
        return
    if isinstance(right, Quantity) and not right.unit:
        written = show_quantity(right)
        raise ConditionError(f"{left} is a time and {written} has no unit: write {written}ms or {written}s", at)
    raise ConditionError(f"{left} is a time, and {show_value(right)} is {kind_of(right)}: write it like 300ms", at)


def _check_rate(left: Field, right: Literal, at: int) -> None:
    if isinstance(right, Quantity) and (right.unit in ("%", "/s") or (not right.unit and 0 <= right.number < 1)):
        return
    if isinstance(right, Quantity) and not right.unit:
        written = show_quantity(right)
        raise ConditionError(
            f"{left} needs a unit: write {written}% for a share or {written}/s for so many a second", at
        )
    raise ConditionError(
        f"{left} is a share or a rate, and {show_value(right)} is {kind_of(right)}: write it like 1% or 50/s", at
    )
