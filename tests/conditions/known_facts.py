"""Facts from plain dicts: values by their path as text, nodes by name."""

from collections.abc import Mapping, Sequence

from demo.conditions import NodeFact, Quantity, Value


class KnownFacts:
    """`values`: numbers are bare; write a `Quantity` for one with a unit. `groups`: by name, (id, state, fields)."""

    def __init__(
        self,
        values: Mapping[str, Value | int | float] | None = None,
        groups: Mapping[str, Sequence[NodeFact]] | None = None,
    ) -> None:
        self._values = dict(values or {})
        self._groups = dict(groups or {})

    def value(self, path: tuple[str, ...]) -> Value:
        value = self._values.get(".".join(path))
        if isinstance(value, int | float) and not isinstance(value, bool):
            return Quantity(float(value))
        return value

    def nodes(self, name: str) -> Sequence[NodeFact] | None:
        return self._groups.get(name)


def seconds(number: float) -> Quantity:
    return Quantity(number, "s")


def share(number: float) -> Quantity:
    return Quantity(number, "%")


def node(name: str, state: str = "up", /, **fields: Value) -> NodeFact:
    return NodeFact(name, state, fields)
