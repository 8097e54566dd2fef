"""What conditions are evaluated against. Whoever measures implements `Facts`; `look_up` reads JSON for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from demo.conditions.values import Quantity, Value

STATES = ("up", "degraded", "down")
"""The states that a condition can name. A node in any other state is neither: it is unknown."""

ALL = "all"
"""The name of all expected nodes."""

LENGTH = "len()"
PRESENCE = "has()"


@dataclass(frozen=True, slots=True)
class NodeFact:
    """One node. `fields`: what is known about it, by name (`role`, `latency`); nested ones by `tags.zone`."""

    id: str
    state: str
    fields: Mapping[str, Value] = field(default_factory=dict)


class Facts(Protocol):
    """The newest of all that was measured. Nothing here raises: what is not known is None."""

    def value(self, path: tuple[str, ...]) -> Value:
        """Return the value at a path: `("status",)`, `("api", "latency")`, `("body", "members", "0", "role")`.

        A function of it is a last part of its own: `("client", "p(95)")`, `("body", "members", "len()")` for the
        length of a list or text, `("body", "leader", "has()")` for whether it is there at all.
        """

    def nodes(self, name: str) -> Sequence[NodeFact] | None:
        """Return the nodes of a probe, a group or one node; "all": every expected node. None: no such name.

        An empty sequence means that none is known yet, which is unknown, not 0.
        """


def look_up(document: Any, parts: Sequence[str]) -> Value:
    """Return the value at a path in a JSON document, with `len()` and `has()` as last part. None: not there, or null.

    A list or an object is not a valid value: only its length, or that it is there, can be asked.
    """
    function = parts[-1] if parts and parts[-1] in (LENGTH, PRESENCE) else ""
    here = document
    for part in parts[:-1] if function else parts:
        here = _step(here, part)
    if function == PRESENCE:
        return here is not _NOWHERE and here is not None
    if function == LENGTH:
        return Quantity(float(len(here))) if isinstance(here, str | list | dict) else None
    if isinstance(here, bool | str):
        return here
    return Quantity(float(here)) if isinstance(here, int | float) and abs(here) <= 1e300 else None


_NOWHERE = object()


def _step(here: Any, part: str) -> Any:
    if isinstance(here, dict):
        return here.get(part, _NOWHERE)
    if isinstance(here, list) and part.isdecimal() and part.isascii() and len(part) < 10 and int(part) < len(here):
        return here[int(part)]
    return _NOWHERE
