"""Facts for conditions: what the answers say, by the names that a show file uses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

Truth = bool | None


@dataclass(frozen=True, slots=True)
class Quantity:
    number: float
    unit: str = ""


Value = Quantity | str | bool | None


@dataclass(frozen=True)
class NodeFact:
    id: str
    state: str
    fields: Mapping[str, Value] = field(default_factory=dict)


class Facts(Protocol):
    def value(self, path: tuple[str, ...]) -> Value: ...

    def nodes(self, name: str) -> Sequence[NodeFact] | None: ...


class Condition(Protocol):
    def truth(self, facts: Facts) -> Truth: ...


def parse(text: str) -> Condition:
    raise NotImplementedError(text)
