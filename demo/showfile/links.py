"""The links of a show file, `client -> api -> db: client.rate`: what each node leads to, and how much goes there."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from demo.probes.numbers import field_name, number, rounded

ARROW = "->"
ANSWERED = "answered"

Ids = Callable[[str], Sequence[str] | None]
"""Returns the nodes of a probe, group or node; None for another name, which stands for itself."""


@dataclass(frozen=True)
class Links:
    """`leads_to`: in the order of the file. `flows`: by link (from, to), the number that says how much goes over it."""

    leads_to: Mapping[str, Sequence[str]] = field(default_factory=dict)
    flows: Mapping[tuple[str, str], str] = field(default_factory=dict)

    def ends(self, ids: Ids) -> dict[str, list[str]]:
        """Return by node the nodes that it leads to; a name of several nodes stands for each of them."""
        expanded: dict[str, dict[str, None]] = {}
        for source, targets in self.leads_to.items():
            ends = [end for target in targets for end in ids(target) or (target,)]
            for start in ids(source) or (source,):
                expanded.setdefault(start, {}).update(dict.fromkeys(ends))
        return {start: list(ends) for start, ends in expanded.items()}

    def add_flows(self, sample: Mapping[str, Any], ids: Ids) -> None:
        """Put into the nodes of a sample how much goes over each link that names a number.

        What leads to several nodes is shared evenly by those that are up: nobody measures it for each of them.
        """
        nodes = {node["id"]: node for node in sample["nodes"]}
        for (source, target), name in self.flows.items():
            value = _value(sample, name)
            starts = [nodes[start] for start in ids(source) or (source,) if start in nodes]
            ends = [end for end in ids(target) or (target,) if end in nodes]
            alive = [end for end in ends if nodes[end].get("health") not in {"down", "offline"}]
            if value is None or not starts:
                continue
            share = rounded(value / (len(starts) * max(1, len(alive))))
            for start in starts:
                start.setdefault("flows", {}).update({end: share if end in alive else 0.0 for end in ends})


def read_links(links: Iterable[str]) -> Links:
    """Return the links of a file."""
    found: dict[str, dict[str, None]] = {}
    flows: dict[tuple[str, str], str] = {}
    for link in links:
        chain, _, flow = link.partition(":")
        for here, there in pairwise(node.strip() for node in chain.split(ARROW)):
            found.setdefault(here, {})[there] = None
            if flow.strip():
                flows[here, there] = flow.strip()
    return Links({node: tuple(leads_to) for node, leads_to in found.items()}, flows)


def _value(sample: Mapping[str, Any], name: str) -> float | None:
    """Return the newest value of `owner.field`: of a curve, else of a card. The rate of a load is what was answered."""
    owner, _, what = name.partition(".")
    curves = {str(metric["name"]): metric.get("value") for metric in sample["metrics"]}
    for curve in (f"{owner}.{ANSWERED}", name) if what == "rate" else (name,):
        if curve in curves:
            return number(curves[curve])
    cards = (node["metrics"] for node in sample["nodes"] if node["id"] == owner)
    return next((number(value) for card in cards for label, value in card.items() if field_name(label) == what), None)
