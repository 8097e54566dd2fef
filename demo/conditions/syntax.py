"""The syntax tree of a condition, and how it is written out again: parsing what is printed gives an equal tree.

Offsets (characters from the beginning of the text) are for messages; two trees are equal without regard to them.
"""

import re
from dataclasses import dataclass, field, replace

from demo.conditions.values import Quantity, exact_quantity

Literal = Quantity | str | bool

OPERATORS = ("==", "!=", "<=", ">=", "<", ">")
RESERVED = frozenset(("and", "or", "not", "in", "is", "matches", "where", "for", "within", "during"))
"""Words of the language: a name or text that is one of them stands in quotes."""

NO_TEXTS = frozenset(("true", "false", "null", "nil", "none"))
"""Words that are no texts without quotes, whatever their case."""

NAME = re.compile(r"[^\W\d][\w-]*")
"""One part of a path that needs no quotes."""


def _at() -> int:
    return field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Field:
    """The value at a path; `function` is "", `len()`, `has()` or `p(95)`."""

    parts: tuple[str, ...]
    function: str = ""
    at: int = _at()
    gatus: bool = field(default=False, compare=False, repr=False)
    """Written in Gatus' way, `[STATUS]`."""

    @property
    def path(self) -> tuple[str, ...]:
        """The path for `Facts.value`."""
        return (*self.parts, self.function) if self.function else self.parts

    def __str__(self) -> str:
        if self.function.startswith("p("):
            return ".".join((write_path(self.parts), self.function)) if self.parts else self.function
        return f"{self.function[:-1]}{write_path(self.parts)})" if self.function else write_path(self.parts)


@dataclass(frozen=True, slots=True)
class Count:
    """How many nodes of `name` are in `state` (any, if "") and meet `where`. `short`: written `name.field == value`."""

    name: str
    where: "Tree | None" = None
    state: str = ""
    short: bool = False
    at: int = _at()

    def __str__(self) -> str:
        if (
            self.short
            and isinstance(self.where, Comparison | Membership | Matches)
            and isinstance(self.where.left, Field)
        ):
            left = self.where.left
            inner = str(replace(self.where, left=Field((self.name, *left.parts), left.function)))
        else:
            inner = write_text(self.name) + (f" where {self.where}" if self.where else "")
        return f"count({inner}{f' {self.state}' if self.state else ''})"


@dataclass(frozen=True, slots=True)
class Glob:
    """A text with `*` (any characters) and `?` (any one), written `pat(…)`."""

    pattern: str

    def __str__(self) -> str:
        return f"pat({quote(self.pattern)})"


@dataclass(frozen=True, slots=True)
class Comparison:
    left: Field | Count
    operator: str
    right: Literal
    at: int = _at()

    def __str__(self) -> str:
        return f"{self.left} {self.operator} {write_literal(self.right)}"


@dataclass(frozen=True, slots=True)
class Membership:
    """Written `in (…)`, `== any(…)` or `== pat(…)`; `negated`: none of them."""

    left: Field | Count
    choices: tuple[Literal | Glob, ...]
    negated: bool = False
    at: int = _at()

    def __str__(self) -> str:
        written = ", ".join(str(c) if isinstance(c, Glob) else write_literal(c) for c in self.choices)
        return f"{self.left} {'not in' if self.negated else 'in'} ({written})"


@dataclass(frozen=True, slots=True)
class Matches:
    """Whether a regular expression is found anywhere in the text."""

    left: Field
    pattern: str
    ignore_case: bool = False
    at: int = _at()

    def __str__(self) -> str:
        return f"{self.left} matches {self.regex}"

    @property
    def regex(self) -> str:
        return f"/{self.pattern.replace('/', chr(92) + '/')}/{'i' if self.ignore_case else ''}"


@dataclass(frozen=True, slots=True)
class InState:
    """Whether every node of `name` is in `state`; `name` "all": every expected node."""

    name: str
    state: str
    negated: bool = False
    at: int = _at()

    def __str__(self) -> str:
        if self.name == "all" and not self.negated:
            return f"all {self.state}"
        return f"{write_text(self.name)} is {'not ' if self.negated else ''}{self.state}"


@dataclass(frozen=True, slots=True)
class Not:
    operand: "Tree"

    def __str__(self) -> str:
        return f"not {_grouped(self.operand, And, Or)}"


@dataclass(frozen=True, slots=True)
class And:
    operands: tuple["Tree", ...]

    def __str__(self) -> str:
        return " and ".join(_grouped(operand, And, Or) for operand in self.operands)


@dataclass(frozen=True, slots=True)
class Or:
    operands: tuple["Tree", ...]

    def __str__(self) -> str:
        return " or ".join(_grouped(operand, Or) for operand in self.operands)


Atom = Comparison | Membership | Matches | InState
Tree = Atom | Not | And | Or


def _grouped(tree: Tree, *looser: type) -> str:
    return f"({tree})" if isinstance(tree, looser) else str(tree)


def write_path(parts: tuple[str, ...]) -> str:
    """Return `body.members[0]["some key"]`."""
    first, *rest = parts
    written = first if NAME.fullmatch(first) and first not in RESERVED else quote(first)
    for part in rest:
        if part.isdecimal() and part.isascii():
            written += f"[{part}]"
        else:
            written += f".{part}" if NAME.fullmatch(part) else f"[{quote(part)}]"
    return written


def write_text(text: str) -> str:
    """Return it as it is if it reads as a name of nodes, else in quotes."""
    return text if NAME.fullmatch(text) and text not in RESERVED else quote(text)


def write_literal(value: Literal) -> str:
    """Return it with its unit; a text in quotes unless it is a plain word."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Quantity):
        return exact_quantity(value)
    return quote(value) if value.lower() in NO_TEXTS else write_text(value)


def quote(text: str) -> str:
    """Return it in double quotes, with a backslash before each quote and backslash within."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
