"""Writes a condition as a sentence for people: "percentile 95 of patient is below 2s, for 3s"."""

from collections.abc import Mapping

from demo.conditions.condition import Condition
from demo.conditions.facts import ALL, PRESENCE
from demo.conditions.phrases import show_left
from demo.conditions.syntax import (
    And,
    Atom,
    Comparison,
    Count,
    Field,
    Glob,
    InState,
    Literal,
    Matches,
    Membership,
    Not,
    Or,
    Tree,
    write_path,
)
from demo.conditions.values import Quantity, show_quantity, show_value

_OPERATORS: Mapping[str, str] = {
    "==": "is",
    "!=": "is not",
    "<": "is below",
    "<=": "is at most",
    ">": "is above",
    ">=": "is at least",
}


def condition_in_words(condition: Condition) -> str:
    """Return a condition in words, without a capital letter and a full stop."""
    said = _say(condition.tree)
    if condition.during is not None:
        return f"{said}, while the fault {condition.during} is in place"
    if condition.within_sec is not None:
        return f"{said}, within {_seconds(condition.within_sec)}"
    return said if condition.for_sec is None else f"{said}, for {_seconds(condition.for_sec)}"


def _seconds(seconds: float) -> str:
    return show_quantity(Quantity(seconds, "s"))


def _say(tree: Tree) -> str:
    match tree:
        case Not():
            return f"it is not true that {_grouped(tree.operand)}"
        case And():
            return " and ".join(_grouped(operand) for operand in tree.operands)
        case Or():
            return " or ".join(_grouped(operand) for operand in tree.operands)
    return _say_atom(tree)


def _grouped(tree: Tree) -> str:
    return f"({_say(tree)})" if isinstance(tree, And | Or) else _say(tree)


def _say_atom(atom: Atom) -> str:
    match atom:
        case InState():
            named = "every node" if atom.name == ALL else atom.name
            return f"{named} is {'not ' if atom.negated else ''}{atom.state}"
        case Comparison():
            return _say_comparison(atom)
        case Membership():
            return f"{_say_left(atom.left)} is {'neither ' if atom.negated else ''}{_choices(atom)}"
        case Matches():
            return f"{_say_left(atom.left)} matches {atom.regex}"


def _say_comparison(atom: Comparison) -> str:
    if isinstance(atom.left, Field) and atom.left.function == PRESENCE:
        is_there = (atom.operator == "==") == (atom.right is True)
        return f"{show_left(Field(atom.left.parts))} is {'' if is_there else 'not '}there"
    return f"{_say_left(atom.left)} {_OPERATORS[atom.operator]} {show_value(atom.right)}"


def _choices(atom: Membership) -> str:
    return (" nor " if atom.negated else " or ").join(_choice(choice) for choice in atom.choices)


def _choice(choice: Literal | Glob) -> str:
    return choice.pattern if isinstance(choice, Glob) else show_value(choice)


def _say_left(left: Field | Count) -> str:
    if isinstance(left, Count):
        return _say_count(left)
    if not left.parts:
        return show_left(left)
    if left.function.startswith("p("):
        return f"percentile {left.function[2:-1]} of {write_path(left.parts)}"
    return f"the length of {write_path(left.parts)}" if left.function else show_left(left)


def _say_count(count: Count) -> str:
    named = "nodes" if count.name == ALL else f"nodes of {count.name}"
    wanted = [f"that are {count.state}"] if count.state else []
    wanted += [f"where {_grouped(count.where)}"] if count.where else []
    return " ".join(("the number of", named, " and ".join(wanted))).strip()
