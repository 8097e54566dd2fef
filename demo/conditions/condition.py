"""A parsed condition: its text, its tree, and what is asked of it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

from demo.conditions.evaluation import Judgement, judge
from demo.conditions.facts import ALL, Facts
from demo.conditions.lexer import cut
from demo.conditions.parser import Parser, Suffix
from demo.conditions.syntax import (
    And,
    Atom,
    Comparison,
    Count,
    Field,
    InState,
    Matches,
    Membership,
    Not,
    Or,
    Tree,
    write_text,
)
from demo.conditions.values import Quantity, Truth, exact_quantity

Role = Literal["value", "nodes", "field", "fault"]


@dataclass(frozen=True, slots=True)
class NameUse:
    """A name in a condition.

    `parts`: of a path, each part; of a name of nodes or of a fault, the whole name as one part. `offset`: where it
    stands, from 0. `role`:
    - `value`: left of an operator, so a field of the probe at hand, or `probe.field`, a load, a book;
    - `nodes`: a node, probe or group, in `NAME is up` and `count(NAME …)`;
    - `field`: a field of each node of `of`, in `count(of.field == …)` and behind `where`;
    - `fault`: behind `during`.
    """

    parts: tuple[str, ...]
    offset: int
    role: Role
    of: str = ""

    @property
    def text(self) -> str:
        return ".".join(self.parts)


@dataclass(frozen=True, slots=True)
class ConditionLimit:
    """What a condition demands of one number: the `path` as in `NameUse`, `operator` is <, <=, > or >=."""

    path: tuple[str, ...]
    operator: str
    limit: Quantity


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition is equal to another of the same text; `parse(condition.text)` gives it back."""

    text: str
    tree: Tree = field(compare=False, repr=False)
    suffix: Suffix = field(compare=False, repr=False)

    def __str__(self) -> str:
        return self.text

    @property
    def for_sec(self) -> float | None:
        return self.suffix.seconds if self.suffix.word == "for" else None

    @property
    def within_sec(self) -> float | None:
        return self.suffix.seconds if self.suffix.word == "within" else None

    @property
    def during(self) -> str | None:
        """The fault during which it is looked at; None: always."""
        return self.suffix.fault if self.suffix.word == "during" else None

    @property
    def canonical(self) -> str:
        """The text with one spelling for everything; it parses to an equal tree."""
        match self.suffix.word:
            case "":
                return str(self.tree)
            case "during":
                return f"{self.tree} during {write_text(self.suffix.fault)}"
        return f"{self.tree} {self.suffix.word} {exact_quantity(Quantity(self.suffix.seconds, 's'))}"

    def truth(self, facts: Facts) -> Truth:
        """Return whether it is true now, None if that is unknown. `for`, `within` and `during` are `Watch`'s."""
        return judge(self.tree, facts).truth

    def judge(self, facts: Facts) -> Judgement:
        """Return the truth with the numbers that decided it."""
        return judge(self.tree, facts)

    def limits(self) -> tuple["ConditionLimit", ...]:
        """Return the limits that it sets to numbers, each of which has to hold: not those of an `or` or a `not`."""
        return tuple(_limits(self.tree))

    def names(self) -> tuple[NameUse, ...]:
        """Return every name that must mean something, in the order of the text."""
        found = list(_names(self.tree))
        if self.suffix.word == "during":
            found.append(NameUse((self.suffix.fault,), self.suffix.fault_at, "fault"))
        return tuple(sorted(found, key=lambda use: use.offset))


@lru_cache(maxsize=1024)
def parse(text: str) -> Condition:
    """Return the condition that `text` writes. Raises `ConditionError`."""
    tree, suffix = Parser(cut(text)).parse()
    return Condition(text, tree, suffix)


def _limits(tree: Tree) -> Iterator[ConditionLimit]:
    match tree:
        case And():
            for operand in tree.operands:
                yield from _limits(operand)
        case Comparison(left=Field() as left, operator="<" | "<=" | ">" | ">=", right=Quantity() as limit):
            yield ConditionLimit(left.path, tree.operator, limit)


def _names(tree: Tree, of: str = "") -> Iterator[NameUse]:
    match tree:
        case Not():
            yield from _names(tree.operand, of)
        case And() | Or():
            for operand in tree.operands:
                yield from _names(operand, of)
        case InState():
            if tree.name != ALL:
                yield NameUse((tree.name,), tree.at, "nodes")
        case Comparison() | Membership() | Matches():
            yield from _names_left(tree, of)


def _names_left(tree: Atom, of: str) -> Iterator[NameUse]:
    left = None if isinstance(tree, InState) else tree.left
    if isinstance(left, Field):
        yield NameUse(left.path, left.at, "field" if of else "value", of)
    elif isinstance(left, Count):
        if left.name != ALL:
            yield NameUse((left.name,), left.at, "nodes")
        if left.where is not None:
            yield from _names(left.where, left.name)
