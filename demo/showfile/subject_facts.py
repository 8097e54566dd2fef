"""What conditions may name of a built-in system, or of any subject in Python: the nodes and numbers of its samples."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from demo.clock import CLOCK
from demo.conditions import Facts, NodeFact, Quantity, Value
from demo.conditions.facts import ALL, STATES
from demo.probes.numbers import field_name

METRICS = "metrics"
"""`metrics.load` is the newest value of the curve `load`."""

LATE_SEC = 3.0
LATE_INTERVALS = 5
"""A subject that has said nothing for so long, and for so many of its intervals, is not known any more."""


@dataclass(frozen=True)
class SubjectSample:
    """The newest sample of a subject, and the moment at which it was first seen."""

    health: Mapping[str, Any] | None
    seen_at: float = 0.0

    @property
    def is_late(self) -> bool:
        """Return whether a newer one is overdue, so that nothing is known of its nodes any more."""
        interval = (self.health or {}).get("interval_sec")
        limit = max(LATE_SEC, LATE_INTERVALS * interval) if isinstance(interval, int | float) else LATE_SEC
        return self.health is not None and CLOCK.now() - self.seen_at > limit

    @property
    def nodes(self) -> list[dict[str, Any]]:
        """Its nodes, all of them unknown if the sample is late."""
        found = [node for node in (self.health or {}).get("nodes", ()) if isinstance(node, Mapping) and "id" in node]
        late = {"health": "unknown", "detail": "no news"} if self.is_late else {}
        return [{**node, **late} for node in found]

    @cached_property
    def metrics(self) -> Mapping[str, Any]:
        """The newest values of its curves, by name."""
        found = (self.health or {}).get("metrics", ())
        return {str(one["name"]): one.get("value") for one in found if isinstance(one, Mapping) and "name" in one}


@dataclass(frozen=True)
class FactsWithSubject:
    """The facts of a show file, and besides those of its subject. A name that the file declares is the file's."""

    own: Facts
    newest: Callable[[], SubjectSample]

    def nodes(self, name: str) -> Sequence[NodeFact] | None:
        """Return the nodes of a name: an id of the subject's, a type or a group of its nodes, or all of both."""
        own = self.own.nodes(name)
        if name == ALL:
            return [*(own or ()), *(map(_fact, self.newest().nodes) if self.newest().health else [_NO_NEWS])]
        if own is not None:
            return own
        found = [node for node in self.newest().nodes if name in {str(node["id"]), node.get("group"), node.get("type")}]
        exact = [node for node in found if str(node["id"]) == name]
        return list(map(_fact, exact or found)) or None

    def value(self, path: tuple[str, ...]) -> Value:
        """Return `ID.FIELD`, a number on a node's card, or `metrics.NAME`, the newest value of a curve."""
        if (own := self.own.value(path)) is not None or self.own.nodes(path[0]) is not None:
            return own
        if len(path) > 1 and path[0] == METRICS and not self.newest().is_late:
            return _value(self.newest().metrics.get(".".join(path[1:])))
        for length in range(len(path) - 1, 0, -1):
            name = ".".join(path[:length])
            for node in self.newest().nodes:
                if str(node["id"]) == name:
                    return _fact(node).fields.get(".".join(path[length:]))
        return None


_NO_NEWS = NodeFact("subject", "unknown")
"""Stands for all nodes of a subject that has said nothing yet: all are up only once they are known."""


def _fact(node: Mapping[str, Any]) -> NodeFact:
    health = str(node.get("health", "unknown"))
    fields: dict[str, Value] = {
        field_name(label): _value(value) for label, value in dict(node.get(METRICS) or {}).items()
    }
    for key in ("detail", "type", "name", "group"):
        fields[key] = _value(node.get(key))
    if health in STATES:
        fields["state"] = fields["health"] = health
    return NodeFact(str(node["id"]), health, fields)


def _value(found: Any) -> Value:
    if isinstance(found, bool | str):
        return found
    return Quantity(float(found)) if isinstance(found, int | float) else None
