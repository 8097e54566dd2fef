"""A health sample: the poller's dict, checked and frozen. What cannot be read is said, not guessed."""

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from demo.errors import InvalidValue

STATES = ("up", "degraded", "down", "starting", "offline", "unknown")
"""What a node's `health` may say, as `HealthPollerProtocol` documents it."""

MAX_NODES = 2000
_MAX_NUMBER = 1e300
"""JSON's numbers end here: a longer whole number is no measurement."""

DEFAULT_INTERVAL_SEC = 1.0


@dataclass(frozen=True, slots=True)
class Node:
    id: str
    name: str
    type: str = ""
    health: str = "unknown"
    address: str = ""
    detail: str = ""
    metrics: Mapping[str, float | str] = field(default_factory=dict)
    links: tuple[str, ...] = ()
    group: str = ""

    @property
    def main(self) -> tuple[str, float | None]:
        """The main number, unit and value: the first metric that is one."""
        return next(((unit, v) for unit, v in self.metrics.items() if isinstance(v, int | float)), ("", None))


@dataclass(frozen=True, slots=True)
class Metric:
    """One number of the whole system, drawn as a curve. `role` hints at its meaning (load, errors, latency)."""

    name: str
    label: str
    value: float | None
    unit: str = ""
    role: str = ""


@dataclass(frozen=True, slots=True)
class Counter:
    """One limited key. `ghosts` and `drift` are None where they could not be measured."""

    key: str
    algorithm: str = ""
    limit: float = 0
    window_sec: float = 0
    admitted: float | None = None
    counted: float | None = None
    drift: float | None = None
    ghosts: float | None = None
    spread_sec: float | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """`updated_at` is a moment of the show's clock; `raw` is the poller's dict as JSON values."""

    nodes: tuple[Node, ...]
    updated_at: float
    interval_sec: float = DEFAULT_INTERVAL_SEC
    metrics: tuple[Metric, ...] = ()
    counters: tuple[Counter, ...] = ()
    raw: Mapping[str, Any] = field(default_factory=dict)

    @property
    def has_issues(self) -> bool:
        """An expected node is not up. Counters never set it."""
        return any(node.health != "up" for node in self.nodes)

    @property
    def told_at(self) -> datetime:
        """The moment it is from, aware, where the poller said it is; comparable with the show's other moments."""
        said = _date(self.raw.get("last_updated"))
        return datetime.fromtimestamp(self.updated_at, UTC if said is None else said.tzinfo)

    @property
    def as_documented(self) -> dict[str, Any]:
        """The poller's dict for a deck's or a driver's code, as `HealthPollerProtocol` describes it."""
        return {**self.raw, "last_updated": self.told_at}

    def with_missing(self, expected: Iterable[Node]) -> "Sample":
        """This sample with every expected node it lacks added as down: a node is never just gone.

        Up to MAX_NODES in all. Who went missing last comes first in `expected` (a sample's own nodes stand
        before those it lacked), so it is the longest missing that are given up.
        """
        present = {node.id for node in self.nodes}
        room = max(0, MAX_NODES - len(self.nodes))
        lost = tuple(
            replace(node, health="down", detail="missing from the poll", metrics={})
            for node in expected
            if node.id not in present
        )[:room]
        return replace(self, nodes=self.nodes + lost) if lost else self


def read_sample(health: object, now: float, moment_of: Callable[[float], float] = float) -> Sample:
    """A poller's dict as a `Sample`; `now` stands in for a missing `last_updated`.

    `moment_of` turns a date of the wall clock (seconds of the epoch) into a moment of the show's clock.

    Raises `InvalidValue` with what is wrong; one odd node becomes `unknown` and does not spoil the rest.
    """
    if not isinstance(health, Mapping):
        raise InvalidValue(f"the poller returned {type(health).__name__}, not a dict")
    nodes = health.get("nodes", [])
    if not isinstance(nodes, list | tuple):
        raise InvalidValue(f"the poller's 'nodes' is {type(nodes).__name__}, not a list")
    interval = _number(health.get("interval_sec"))
    raw = plain(health)
    return Sample(
        nodes=_unique(_node(item, index) for index, item in enumerate(nodes[:MAX_NODES])),
        updated_at=_moment(health.get("last_updated"), now, moment_of),
        interval_sec=interval if interval and interval > 0 else DEFAULT_INTERVAL_SEC,
        metrics=tuple(_metric(item) for item in _dicts(health.get("metrics"))),
        counters=tuple(_counter(item) for item in _dicts(health.get("counters"))),
        raw=raw if isinstance(raw, dict) else {},
    )


def unreadable_node(health: Mapping[str, Any]) -> str:
    """Return what is wrong with the first node whose health is no word of ours, for the presenter; empty if none is."""
    nodes = health.get("nodes", ())
    for index, item in enumerate(nodes[:MAX_NODES] if isinstance(nodes, list | tuple) else ()):
        known = isinstance(item, Mapping) and isinstance(item.get("health"), str) and item["health"] in STATES
        if not known:
            return _misread(item, index)
    return ""


def _misread(item: object, index: int) -> str:
    allowed = f"allowed: {', '.join(STATES)}"
    if not isinstance(item, Mapping):
        return f"the poller's node {index} is a {type(item).__name__}, not a dict"
    name = _text(item.get("id")) or _text(item.get("name")) or f"node-{index}"
    if "health" in item:
        return f"the poller gives node {name!r} the health {_text(item['health'])[:40]!r}; {allowed}"
    close = difflib.get_close_matches("health", [key for key in item if isinstance(key, str)], n=1)
    meant = f" (it has {close[0]!r}: misspelt?)" if close else ""
    return f"the poller gives node {name!r} no 'health'{meant}; {allowed}"


def plain(value: object, depth: int = 0) -> Any:
    """The value as JSON: datetimes as ISO text, numbers that JSON lacks as None, the rest as text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, int | float):
        number = _number(value)
        # A number of somebody's own type (an array library's) becomes one that every encoder knows.
        return number if number is None else int(number) if isinstance(number, int) else float(number)
    if isinstance(value, Mapping) and depth < 12:
        return {encodable(str(key)): plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and depth < 12:
        return [plain(item, depth + 1) for item in value]
    return encodable((value.isoformat() if isinstance(value, datetime) else str(value))[:200])


def encodable(text: str) -> str:
    """The text as UTF-8 can hold it: a lone surrogate becomes a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _unique(nodes: Iterable[Node]) -> tuple[Node, ...]:
    by_id: dict[str, Node] = {}
    for node in nodes:
        by_id.setdefault(node.id, node)
    return tuple(by_id.values())


def _node(item: object, index: int) -> Node:
    if not isinstance(item, Mapping):
        return Node(id=f"node-{index}", name=f"node-{index}", detail="the poller said nothing readable")
    ident = _text(item.get("id")) or _text(item.get("name")) or f"node-{index}"
    health = item.get("health")
    known = isinstance(health, str) and health in STATES
    # Stands on the stage: nothing of an unknown word is repeated, it may be an error's text.
    odd = "" if known else "no health we know"
    metrics = item.get("metrics")
    links = item.get("links")
    return Node(
        id=ident,
        name=_text(item.get("name")) or ident,
        type=_text(item.get("type")),
        health=str(health) if known else "unknown",
        address=_text(item.get("address")),
        detail=_text(item.get("detail")) or odd,
        metrics=_metrics(metrics) if isinstance(metrics, Mapping) else {},
        links=tuple(_text(link) for link in links) if isinstance(links, list | tuple) else (),
        group=_text(item.get("group")),
    )


def _metrics(metrics: Mapping[Any, Any]) -> dict[str, float | str]:
    found: dict[str, float | str] = {}
    for name, value in metrics.items():
        number = _number(value)
        if number is not None:
            found[_text(name)] = number
        elif isinstance(value, str):
            found[_text(name)] = _text(value)[:200]
    return found


def _metric(item: Mapping[str, Any]) -> Metric:
    name = _text(item.get("name"))
    return Metric(
        name=name,
        label=_text(item.get("label")) or name,
        value=_number(item.get("value")),
        unit=_text(item.get("unit")),
        role=_text(item.get("role")),
    )


def _counter(item: Mapping[str, Any]) -> Counter:
    return Counter(
        key=_text(item.get("key")),
        algorithm=_text(item.get("algorithm")),
        limit=_number(item.get("limit")) or 0,
        window_sec=_number(item.get("window_sec")) or 0,
        admitted=_number(item.get("admitted")),
        counted=_number(item.get("counted")),
        drift=_number(item.get("drift")),
        ghosts=_number(item.get("ghosts")),
        spread_sec=_number(item.get("spread_sec")),
    )


def _dicts(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list | tuple) else []


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not -_MAX_NUMBER < value < _MAX_NUMBER:
        return None
    return value


def _text(value: object) -> str:
    return "" if value is None else encodable(str(value)[:400])


def _moment(value: object, now: float, moment_of: Callable[[float], float]) -> float:
    """That of an aware datetime (or its ISO text), never later than `now`."""
    date = _date(value)
    return now if date is None else min(moment_of(date.timestamp()), now)


def _date(value: object) -> datetime | None:
    """An aware datetime, or its ISO text as such; None for anything else."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    return value if isinstance(value, datetime) and value.tzinfo is not None else None
